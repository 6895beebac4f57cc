/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Declarations of the whole hypervisor. Each core runs one vCPU for ever, a guest has one
 * vCPU or both, and its memory never moves. Nothing is scheduled or reclaimed, so most of
 * the code is about OP-TEE.
 *
 *	start.S    entry, exceptions, the SMC instruction
 *	main.c     boot; creation and destruction of guests
 *	stage2.c   guest memory
 *	trap.c     traps from guests
 *	irq.c      physical interrupts
 *	vgic.c     virtual interrupts
 *	linux.c    loads a Linux guest and makes its device tree
 *	backend.c  the backend of optee_mediator: the file to copy from
 *	record.c   where its recorder writes to
 *	console.c  the serial port, and those of the guests
 */
#ifndef EL2_HYP_H
#define EL2_HYP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/mediator.h>
#include <optee_mediator/record.h>
#include <optee_mediator/trace.h>

#include "guest_info.h"
#include "moves.h"

#define CPUS		2
#define GUESTS		2
#define PAGE		0x1000ul
#define BLOCK		0x200000ul

/* The machine: QEMU's "virt". */
#define GICD		0x08000000ull
#define GICR		0x080a0000ull
#define GICR_STRIDE	0x20000ull
#define GICR_SGI	0x10000ull	/* the frame of SGIs and PPIs */
#define UART		0x09000000ull
#define CLOCK		0x09010000ull
#define OPTEE_SHM	0x42000000ull	/* OP-TEE's reserved shared memory */
#define BOOT_ARGS	0x47fff000ull	/* text, put there by QEMU */
/* Loaded by QEMU and copied at each creation: the conformance guest, or Linux. */
#define GUEST_IMAGE	0x4f000000ull
#define LINUX_KERNEL	0x80000000ull
#define LINUX_INITRAMFS	0x90000000ull
/* Guest RAM: 2 MiB blocks of both guests, mixed; every other one is above 4 GiB. */
#define GUEST_LOW	0x50000000ull
#define GUEST_HIGH	0x110000000ull
#define RECORDING	0x140000000ull	/* see record.c */

/* Pages that the library shares with OP-TEE. */
#define SHADOW_PAGES	144

struct frame {		/* start.S uses these offsets */
	uint64_t x[31];
	uint64_t elr, spsr;
};

enum vcpu_state { VCPU_OFF, VCPU_ON, VCPU_LEAVING };

/*
 * Interrupts, a bit each. Word 0 holds SGIs and PPIs, which each vCPU has for itself; the
 * vCPUs of a guest share the others. Bits are atomic, because any vCPU may change them.
 */
#define VGIC_WORDS	8
struct vgic {
	uint32_t enabled[VGIC_WORDS];
	uint32_t pending[VGIC_WORDS];	/* pending, and not in a list register */
	uint32_t config[2 * VGIC_WORDS];/* as written: Linux reads it back */
	uint8_t route[32 * VGIC_WORDS];	/* the vCPU that a shared interrupt goes to */
};

struct guest;

/* A vCPU. There is one for each core. */
struct vcpu {
	struct frame frame;	/* first, because TPIDR_EL2 points here: start.S */
	struct guest *guest;
	unsigned int index;	/* within its guest */
	unsigned int cpu;
	uint32_t state;		/* enum vcpu_state; atomic */
	uint32_t held;		/* kept out of the guest, see guest.holder; atomic */
	uint64_t entry, context;/* pc and x0 when it is switched on */
	struct vgic gic;	/* word 0 only */
};

struct guest {
	uint32_t id;
	unsigned int vcpus;
	struct vcpu *vcpu0;	/* the first of an array */
	struct vgic gic;	/* the distributor: all but word 0 */
	bool is_linux;		/* false: the conformance guest */
	uint64_t ram_size;	/* from GUEST_RAM_IPA */
	struct om_guest *om;	/* NULL while there is none */
	struct om_record_guest recorded;	/* the same with the recorder around it */
	struct guest_info *info;	/* the conformance guest's */
	uint32_t lock;		/* om_host_ops.lock */
	uint32_t om_lock;	/* protects the pointer `om` */
	uint32_t pinned;	/* pages, to be checked at the end; atomic */
	struct moves moves;
	/* Why it stops; NULL while it runs. The first vCPU to set it decides. */
	const char *stop;
	struct vcpu *stopped_by;
	struct vcpu *holder;	/* keeps the other vCPUs out of the guest; atomic */
	uint64_t exit_code;
	uint32_t kill_in;	/* RPCs from now; 0: not */
	const char *kill_text;	/* ... counted from when it says this; NULL: does not wait */
	unsigned int life, lives;
	bool done, failed;
	char line[256];		/* console output of the guest, up to the line end */
	unsigned int line_len;
	uint32_t line_lock;
};

extern struct vcpu vcpus[CPUS];
extern struct guest guests[GUESTS];
extern unsigned int guest_count;
extern uint32_t trace_guest;	/* id of the guest to trace; 0: none */

/* main.c */
bool guest_stop(struct vcpu *v, const char *why);
void vcpu_leave(struct vcpu *v);
/* Keeps the guest's other vCPUs out of it; false when another vCPU does so already. */
bool vcpus_hold(struct vcpu *v);
void vcpus_release(struct vcpu *v);
void __attribute__((noreturn)) fatal(const char *what);

/* stage2.c */
void stage2_build(struct guest *g);
void stage2_use(const struct guest *g);
/* The PA of a page; false unless it is RAM that the guest may write. */
bool stage2_ram(const struct guest *g, uint64_t ipa, uint64_t *pa);
/* The PA of a page of RAM, read-only or not, for use by the hypervisor itself. */
uint64_t stage2_page(const struct guest *g, uint64_t ipa);
/* Writes the guest's memory, for a guest that does not run yet. */
void stage2_write(const struct guest *g, uint64_t ipa, const void *from, size_t size);

/* backend.c */
/* pages: limit of shared pages; 0: the default. record: as for record_begin() */
void backend_init(bool for_linux, unsigned int pages, uint64_t record);
void backend_create(struct guest *g);
void backend_destroy(struct guest *g);
bool backend_is_empty(void);	/* no guest holds anything */
bool backend_smc(struct vcpu *v, uint64_t x[8]);
void backend_interrupt(void);
void backend_limits(struct guest_info *info);

/* record.c */
extern struct om_recorder *recorder;	/* NULL: nothing is recorded */
/* size: of the RAM at RECORDING, in bytes; 0: nothing is recorded */
void record_begin(uint64_t size, const struct om_host_ops *ops);
void record_end(void);			/* tells how much there is */

/* irq.c */
void irq_init(unsigned int cpu);
void irq_reset_vcpu(struct vcpu *v);
void irq_handle(struct vcpu *v);
void irq_kick(unsigned int cpu);
bool irq_waiting(void);

/* vgic.c: on the vCPU's core, except vgic_start(), vgic_raise() and vgic_notify() */
void vgic_start(struct guest *g);
void vgic_reset(struct vcpu *v);
void vgic_leave(struct vcpu *v);
void vgic_raise(struct vcpu *v, uint32_t intid);
void vgic_notify(struct guest *g);
void vgic_flush(struct vcpu *v);
void vgic_maintain(void);
void vgic_sgi(struct vcpu *v, uint64_t value);
/* Emulate an access to a register. value: the value written. Return the value read. */
uint64_t vgic_distributor(struct vcpu *v, uint64_t at, bool write, uint64_t value);
uint64_t vgic_redistributor(struct vcpu *v, uint64_t at, bool write, uint64_t value);

/* linux.c */
/*
 * kernel_size, initramfs_size: bytes of the files at LINUX_KERNEL and LINUX_INITRAMFS. run: a
 * word for the command line, or NULL.
 */
void linux_load(struct guest *g, uint64_t kernel_size, uint64_t initramfs_size,
		const char *run);

/* console.c */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void guest_putc(struct guest *g, char c);
void guest_flush(struct guest *g);
uint64_t guest_uart(struct guest *g, uint64_t at, bool write, uint64_t value);

/* start.S */
void smc(uint64_t x[8]);
void start_secondary(void);

static inline void lock(uint32_t *l)
{
	while (__atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(l, __ATOMIC_RELAXED))
			__asm__ volatile("yield");
}

static inline void unlock(uint32_t *l)
{
	__atomic_store_n(l, 0, __ATOMIC_RELEASE);
}

#define read_reg(reg)						\
	({							\
		uint64_t v_;					\
		__asm__ volatile("mrs %0, " #reg : "=r"(v_));	\
		v_;						\
	})
#define write_reg(reg, v) \
	__asm__ volatile("msr " #reg ", %0" : : "r"((uint64_t)(v)) : "memory")
/* The same for a name that is a macro. */
#define read_sys(reg)	  read_reg(reg)
#define write_sys(reg, v) write_reg(reg, v)
#define isb() __asm__ volatile("isb" : : : "memory")

static inline uint32_t mmio_read(uint64_t addr)
{
	return *(volatile uint32_t *)addr;
}

static inline void mmio_write(uint64_t addr, uint32_t v)
{
	*(volatile uint32_t *)addr = v;
}

#endif
