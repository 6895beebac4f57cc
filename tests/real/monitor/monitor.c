/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest EL3 secure monitor that boots OP-TEE under QEMU.
 *
 * THIS IS A TEST FIXTURE, NOT A PRODUCT. It runs with the MMU off, knows one
 * emulated machine, applies no errata work-around, no measured boot and no
 * side-channel hardening. For anything real use Trusted Firmware-A.
 *
 * It does four things:
 *   - loads OP-TEE from the flash image and enters it once per CPU;
 *   - switches worlds on an SMC (trusted-OS and trusted-application calls) and
 *     on a secure interrupt that arrives while the normal world runs;
 *   - serves the few PSCI calls that a hypervisor or Linux needs;
 *   - enters the normal world at EL2.
 *
 * The conventions between OP-TEE and its monitor are those of OP-TEE's
 * interface to Trusted Firmware ("opteed"): OP-TEE hands over a table of
 * entry points at boot, and comes back with SMCs 0xBE000000 + n.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform.h"

enum why { WHY_RESET, WHY_SYNC, WHY_FIQ, WHY_OTHER };
enum world { SECURE, NORMAL };

struct frame { /* entry.S stores it; keep in step with FRAME_SIZE */
	uint64_t x[31];
	uint64_t elr, spsr;
	uint64_t pad;
};
_Static_assert(sizeof(struct frame) == FRAME_SIZE, "entry.S depends on it");

/*
 * EL1 has one set of registers for both worlds, so these are swapped at every
 * switch. EL2's exist in the normal world only and stay. OP-TEE saves FP
 * registers itself when it wants to use them.
 */
#define EL1_REGS(R)                                                         \
	R(sctlr_el1) R(actlr_el1) R(cpacr_el1) R(csselr_el1)                \
	R(ttbr0_el1) R(ttbr1_el1) R(tcr_el1) R(mair_el1) R(amair_el1)       \
	R(vbar_el1) R(contextidr_el1) R(cntkctl_el1)                        \
	R(tpidr_el0) R(tpidrro_el0) R(tpidr_el1)                            \
	R(sp_el0) R(sp_el1) R(elr_el1) R(spsr_el1)                          \
	R(esr_el1) R(far_el1) R(afsr0_el1) R(afsr1_el1) R(par_el1)

struct el1 {
#define R(reg) uint64_t reg;
	EL1_REGS(R)
#undef R
};

enum power { ABSENT, OFF, PENDING, ON }; /* of a CPU, as PSCI sees it */

static struct cpu {
	struct frame normal;	/* the normal world, while the secure one runs */
	struct el1 el1[2];	/* of the world that does not run */
	uint64_t secure_spsr;	/* OP-TEE's PSTATE at its last SMC */
	volatile enum power power;
	uint64_t entry, context; /* CPU_ON's arguments */
} cpus[MAX_CPUS];

static uint64_t optee_vectors; /* table of 4-byte branches, from ENTRY_DONE */

enum { /* offsets into it */
	ENTER_YIELD = 0x00,
	ENTER_FAST = 0x04,
	ENTER_CPU_ON = 0x08,
	ENTER_FIQ = 0x18,
	ENTER_SYSTEM_OFF = 0x1c,
	ENTER_SYSTEM_RESET = 0x20,
};

enum { /* how OP-TEE comes back: 0xBE000000 + n in x0 */
	ENTRY_DONE = 0xbe000000,
	ON_DONE = 0xbe000001,
	CALL_DONE = 0xbe000005,
	FIQ_DONE = 0xbe000006,
	SYSTEM_OFF_DONE = 0xbe000007,
	SYSTEM_RESET_DONE = 0xbe000008,
};

#define SPSR_EL1H 0x3c5 /* all exceptions masked */
#define SPSR_EL2H 0x3c9
#define SCR_SECURE 0xe30 /* ST, RW, SIF; interrupts are taken by S-EL1 itself */
#define SCR_NORMAL 0x735 /* NS, FIQ to EL3, HCE, SIF, RW */
#define SCR_NS 1
#define MDCR_EL3_SDD (1 << 16) /* the normal world's breakpoints do not work in the secure one */
#define SCTLR_EL1_RESET 0x30d00800
#define SCTLR_EL2_RESET 0x30c50830

#define read_reg(reg)                                        \
	({                                                   \
		uint64_t v_;                                 \
		__asm__ volatile("mrs %0, " #reg : "=r"(v_)); \
		v_;                                          \
	})
#define write_reg(reg, v) \
	__asm__ volatile("msr " #reg ", %0" : : "r"((uint64_t)(v)) : "memory")
#define isb() __asm__ volatile("isb" : : : "memory")
#define dsb() __asm__ volatile("dsb sy" : : : "memory")

/* GIC CPU interface registers, by encoding: older assemblers lack the names. */
#define ICC_PMR_EL1 s3_0_c4_c6_0
#define ICC_SRE_EL1 s3_0_c12_c12_5
#define ICC_IGRPEN0_EL1 s3_0_c12_c12_6
#define ICC_SRE_EL2 s3_4_c12_c9_5
#define ICC_SRE_EL3 s3_6_c12_c12_5
#define ICC_IGRPEN1_EL3 s3_6_c12_c12_7
#define write_icc(reg, v) write_icc_(reg, v)
#define write_icc_(reg, v) write_reg(reg, v)

static void w32(uintptr_t addr, uint32_t v)
{
	*(volatile uint32_t *)addr = v;
}

static uint32_t r32(uintptr_t addr)
{
	return *(volatile uint32_t *)addr;
}

static void print(const char *s)
{
	for (; *s; s++) {
		while (r32(UART0_BASE + 0x18) & 0x20) /* transmit FIFO full */
			;
		w32(UART0_BASE, (uint32_t)*s);
	}
}

static void print_hex(uint64_t v)
{
	char s[19] = "0x";

	for (int i = 0; i < 16; i++)
		s[2 + i] = "0123456789abcdef"[(v >> (60 - 4 * i)) & 15];
	s[18] = 0;
	print(s);
}

/* Nothing to recover for: say where it happened and end the emulation. */
static void __attribute__((noreturn)) machine_pin(unsigned pin)
{
	w32(GPIO_BASE + 0x400, 3);		    /* both pins are outputs */
	w32(GPIO_BASE + (4u << pin), 1u << pin); /* address bits mask the write */
	for (;;)
		__asm__ volatile("wfi");
}

static void __attribute__((noreturn)) die(const char *what, const struct frame *f)
{
	print("monitor: ");
	print(what);
	print(" esr ");
	print_hex(read_reg(esr_el3));
	print(" elr ");
	print_hex(f->elr);
	print(" far ");
	print_hex(read_reg(far_el3));
	print(" x0 ");
	print_hex(f->x[0]);
	print("\n");
	machine_pin(0);
}

static unsigned this_cpu(void)
{
	return read_reg(mpidr_el1) & 0xff;
}

/* ---- Interrupt controller ------------------------------------------------ */

/*
 * All shared interrupts belong to the normal world until OP-TEE claims one.
 * Affinity routing is switched on for both worlds before any group is enabled:
 * the two share registers whose layout depends on it.
 */
static void gic_init_distributor(void)
{
	unsigned lines = ((r32(GICD_BASE + 4) & 31) + 1) * 32;

	w32(GICD_BASE, 0);
	w32(GICD_BASE, 0x30); /* ARE_S, ARE_NS */
	w32(GICD_BASE, 0x34); /* secure group 1; the normal world enables its own */
	for (unsigned i = 32; i < lines; i += 32) {
		w32(GICD_BASE + 0x080 + i / 8, 0xffffffff); /* group 1 normal */
		w32(GICD_BASE + 0xd00 + i / 8, 0);
	}
	for (unsigned i = 32; i < lines; i += 4)
		w32(GICD_BASE + 0x400 + i, 0x80808080);
}

static void gic_init_cpu(unsigned cpu)
{
	uintptr_t rd = GICR_BASE + cpu * GICR_STRIDE, sgi = rd + 0x10000;

	w32(rd + 0x14, r32(rd + 0x14) & ~2u); /* WAKER.ProcessorSleep */
	while (r32(rd + 0x14) & 4)	      /* ChildrenAsleep */
		;
	w32(sgi + 0x080, 0xffff00ff); /* SGI 8-15 are OP-TEE's ... */
	w32(sgi + 0xd00, 0x0000ff00); /* ... as secure group 1 */
	for (unsigned i = 0; i < 32; i += 4)
		w32(sgi + 0x400 + i, 0x80808080);
	w32(sgi + 0x100, 0x0000ff00);

	/* ICC_SRE_EL1 exists per world, ICC_SRE_EL2 only where there is EL2. */
	write_icc(ICC_SRE_EL3, 0xf);
	isb();
	write_reg(scr_el3, SCR_NORMAL);
	isb();
	write_icc(ICC_SRE_EL2, 0xf);
	isb();
	write_icc(ICC_SRE_EL1, 1);
	write_reg(scr_el3, SCR_SECURE);
	isb();
	write_icc(ICC_SRE_EL1, 1);
	isb();
	write_icc(ICC_PMR_EL1, 0xff);
	write_icc(ICC_IGRPEN0_EL1, 1);
	write_icc(ICC_IGRPEN1_EL3, 2); /* secure group 1 */
	isb();
}

/* ---- Worlds -------------------------------------------------------------- */

static void switch_world(struct cpu *cpu, enum world to)
{
	struct el1 *out = &cpu->el1[to == SECURE ? NORMAL : SECURE];
	const struct el1 *in = &cpu->el1[to];

#define R(reg) out->reg = read_reg(reg);
	EL1_REGS(R)
#undef R
#define R(reg) write_reg(reg, in->reg);
	EL1_REGS(R)
#undef R
	write_reg(scr_el3, to == SECURE ? SCR_SECURE : SCR_NORMAL);
	isb();
}

/*
 * Leave the normal world for one of OP-TEE's entry points. The argument
 * registers are those in the frame: x0-x7 of the SMC go through unchanged, x7
 * being the guest id. OP-TEE keeps nothing in its general registers across an
 * SMC, so there is no secure frame to restore.
 */
static void enter_secure(struct cpu *cpu, struct frame *f, unsigned offset)
{
	cpu->normal = *f;
	switch_world(cpu, SECURE);
	f->elr = optee_vectors + offset;
	f->spsr = cpu->secure_spsr;
}

/* First entry of the normal world on this CPU, at EL2 with the MMU off. */
static void start_normal(struct cpu *cpu, struct frame *f, uint64_t entry, uint64_t x0)
{
	cpu->el1[NORMAL].sctlr_el1 = SCTLR_EL1_RESET;
	switch_world(cpu, NORMAL);
	write_reg(sctlr_el2, SCTLR_EL2_RESET);
	write_reg(hcr_el2, 1ull << 31); /* EL1 is AArch64; no traps, no stage 2 */
	write_reg(cptr_el2, 0x33ff);
	write_reg(cnthctl_el2, 3);
	write_reg(cntvoff_el2, 0);
	write_reg(vttbr_el2, 0);
	write_reg(vpidr_el2, read_reg(midr_el1));
	write_reg(vmpidr_el2, read_reg(mpidr_el1));
	isb();
	*f = (struct frame){ .x = { x0 }, .elr = entry, .spsr = SPSR_EL2H };
}

static void optee_came_back(struct cpu *cpu, struct frame *f)
{
	uint64_t x1 = f->x[1], x2 = f->x[2], x3 = f->x[3], x4 = f->x[4];

	cpu->secure_spsr = f->spsr;
	switch ((uint32_t)f->x[0]) {
	case ENTRY_DONE:
		if (!x1)
			die("OP-TEE could not initialise", f);
		optee_vectors = x1;
		cpu->power = ON;
		start_normal(cpu, f, NORMAL_BASE, DTB_BASE);
		break;
	case ON_DONE:
		cpu->power = ON;
		start_normal(cpu, f, cpu->entry, cpu->context);
		break;
	case CALL_DONE: /* results one register up, x0 was the function id */
		switch_world(cpu, NORMAL);
		*f = cpu->normal;
		f->x[0] = x1;
		f->x[1] = x2;
		f->x[2] = x3;
		f->x[3] = x4;
		break;
	case FIQ_DONE: /* the interrupted code must notice nothing */
		switch_world(cpu, NORMAL);
		*f = cpu->normal;
		break;
	case SYSTEM_OFF_DONE:
		machine_pin(0);
	case SYSTEM_RESET_DONE:
		machine_pin(1);
	default: /* e.g. OP-TEE probing for a firmware service */
		f->x[0] = (uint64_t)-1;
	}
}

/* ---- PSCI ---------------------------------------------------------------- */

enum {
	PSCI_VERSION = 0x84000000,
	PSCI_CPU_ON_32 = 0x84000003,
	PSCI_CPU_ON_64 = 0xc4000003,
	PSCI_AFFINITY_INFO_32 = 0x84000004,
	PSCI_AFFINITY_INFO_64 = 0xc4000004,
	PSCI_MIGRATE_INFO_TYPE = 0x84000006,
	PSCI_SYSTEM_OFF = 0x84000008,
	PSCI_SYSTEM_RESET = 0x84000009,
	PSCI_FEATURES = 0x8400000a,
	SMCCC_VERSION = 0x80000000,
};
enum {
	PSCI_NOT_SUPPORTED = -1,
	PSCI_INVALID_PARAMETERS = -2,
	PSCI_ALREADY_ON = -4,
	PSCI_ON_PENDING = -5,
};

static int64_t cpu_on(uint64_t target, uint64_t entry, uint64_t context)
{
	struct cpu *cpu = &cpus[target % MAX_CPUS];

	if (target >= MAX_CPUS || cpu->power == ABSENT)
		return PSCI_INVALID_PARAMETERS;
	if (cpu->power != OFF)
		return cpu->power == ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
	cpu->entry = entry;
	cpu->context = context;
	dsb(); /* the arguments before the flag that the other CPU waits for */
	cpu->power = PENDING;
	dsb();
	__asm__ volatile("sev");
	return 0;
}

static int64_t affinity_info(uint64_t target)
{
	static const int64_t answer[] = {
		[ABSENT] = PSCI_INVALID_PARAMETERS, [OFF] = 1, [PENDING] = 2, [ON] = 0
	};

	return target < MAX_CPUS ? answer[cpus[target].power] : PSCI_INVALID_PARAMETERS;
}

static bool psci_has(uint32_t fid)
{
	switch (fid) {
	case PSCI_VERSION:
	case PSCI_CPU_ON_32:
	case PSCI_CPU_ON_64:
	case PSCI_AFFINITY_INFO_32:
	case PSCI_AFFINITY_INFO_64:
	case PSCI_MIGRATE_INFO_TYPE:
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_FEATURES:
	case SMCCC_VERSION:
		return true;
	default:
		return false;
	}
}

static int64_t standard_call(const struct frame *f)
{
	switch ((uint32_t)f->x[0]) {
	case PSCI_VERSION:
		return 0x10001;
	case PSCI_CPU_ON_32:
		return cpu_on((uint32_t)f->x[1], (uint32_t)f->x[2], (uint32_t)f->x[3]);
	case PSCI_CPU_ON_64:
		return cpu_on(f->x[1], f->x[2], f->x[3]);
	case PSCI_AFFINITY_INFO_32:
	case PSCI_AFFINITY_INFO_64:
		return affinity_info(f->x[1]);
	case PSCI_MIGRATE_INFO_TYPE:
		return 2; /* OP-TEE runs on every CPU, nothing to migrate */
	case PSCI_FEATURES:
		return psci_has((uint32_t)f->x[1]) ? 0 : PSCI_NOT_SUPPORTED;
	case SMCCC_VERSION:
		return 0x10001;
	default:
		return PSCI_NOT_SUPPORTED;
	}
}

static void smc_from_normal(struct cpu *cpu, struct frame *f)
{
	uint32_t fid = (uint32_t)f->x[0];
	unsigned owner = (fid >> 24) & 0x3f;

	if (owner >= 50) /* trusted OS and trusted applications */
		enter_secure(cpu, f, fid >> 31 ? ENTER_FAST : ENTER_YIELD);
	else if (fid == PSCI_SYSTEM_OFF)
		enter_secure(cpu, f, ENTER_SYSTEM_OFF);
	else if (fid == PSCI_SYSTEM_RESET)
		enter_secure(cpu, f, ENTER_SYSTEM_RESET);
	else
		f->x[0] = (uint64_t)standard_call(f);
}

/* ---- Boot ---------------------------------------------------------------- */

/* OP-TEE's image header, version 2, with its single load address. */
struct optee_header {
	uint8_t magic[4];
	uint8_t version, arch;
	uint16_t flags;
	uint32_t images;
	uint32_t addr_hi, addr_lo, id, size;
};
extern const struct optee_header optee_header;
extern const uint64_t optee_image[], optee_image_end[];

static void load_optee(const struct frame *f)
{
	const struct optee_header *h = &optee_header;
	uint64_t *to = (uint64_t *)OPTEE_BASE;

	if (h->magic[0] != 'O' || h->magic[1] != 'P' || h->magic[2] != 'T' ||
	    h->magic[3] != 'E' || h->version != 2 || h->images != 1 || h->addr_hi ||
	    h->addr_lo != OPTEE_BASE || h->size > OPTEE_SIZE)
		die("the OP-TEE image is not one for this machine", f);
	/* The size is rounded up to 8: flash behind the image reads as ones. */
	for (size_t i = 0; i < (h->size + 7) / 8; i++)
		to[i] = optee_image[i];
}

static void boot_cpu(unsigned n, struct frame *f)
{
	struct cpu *cpu = &cpus[n];

	if (n) { /* all CPUs leave reset together: hold the others until CPU_ON */
		cpu->power = OFF;
		while (cpu->power != PENDING)
			__asm__ volatile("wfe");
	}
	dsb();
	write_reg(cntfrq_el0, COUNTER_HZ);
	write_reg(scr_el3, SCR_SECURE);
	write_reg(mdcr_el3, MDCR_EL3_SDD);
	isb();
	if (!n) {
		gic_init_distributor();
		load_optee(f);
	}
	gic_init_cpu(n);

	/* Both first entries of OP-TEE want its EL1 as out of reset. */
	write_reg(sctlr_el1, SCTLR_EL1_RESET);
	write_reg(cpacr_el1, 0);
	isb();
	*f = (struct frame){ .spsr = SPSR_EL1H };
	if (n) {
		f->elr = optee_vectors + ENTER_CPU_ON;
	} else {
		f->elr = OPTEE_BASE;
		f->x[2] = DTB_BASE;
	}
}

void monitor_main(struct frame *f, enum why why)
{
	struct cpu *cpu = &cpus[this_cpu()];

	switch (why) {
	case WHY_RESET:
		boot_cpu(this_cpu(), f);
		return;
	case WHY_FIQ:
		/*
		 * A secure interrupt while the normal world runs. It is not
		 * acknowledged here: OP-TEE's handler does that itself.
		 */
		enter_secure(cpu, f, ENTER_FIQ);
		f->x[0] = cpu->normal.elr;
		return;
	case WHY_SYNC:
		if (read_reg(esr_el3) >> 26 != 0x17) /* SMC from AArch64 */
			break;
		if (read_reg(scr_el3) & SCR_NS)
			smc_from_normal(cpu, f);
		else
			optee_came_back(cpu, f);
		return;
	default:
		break;
	}
	die("unexpected exception", f);
}
