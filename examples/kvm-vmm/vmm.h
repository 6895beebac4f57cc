/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Declarations of a small virtual machine monitor.
 *
 * The machine is a GICv3, a timer, a UART to write to, and RAM; CPUs are started
 * and stopped by the kernel's PSCI. That is all that Linux needs to boot from an
 * initramfs. The memory map is below; a device tree describes it to the guest.
 */
#ifndef KVM_VMM_H
#define KVM_VMM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "moves.h"

#define MAX_CPUS	8u

#define GICD_BASE	0x08000000u	/* the distributor, 64 KiB */
#define GICD_SIZE	0x00010000u
#define GICR_BASE	0x080a0000u	/* a redistributor for each CPU, 128 KiB each */
#define GICR_SIZE	0x00020000u
#define UART_BASE	0x09000000u	/* the console, 4 KiB */
#define UART_SIZE	0x00001000u
#define UART_SPI	1u		/* its interrupt, a shared one */
#define RAM_BASE	0x80000000u	/* as much as --memory says */
#define DTB_SIZE	0x00010000u	/* of RAM, at its end */

struct options {
	const char *kernel;		/* an uncompressed arm64 Image */
	const char *initrd;		/* or NULL */
	const char *command_line;
	const char *tee;		/* "/dev/tee0", or NULL */
	const char *tee_socket;		/* optee-mediatord's, or NULL; neither: without OP-TEE */
	size_t memory;			/* bytes */
	unsigned int cpus;
	const char *policy;		/* the policy file, or NULL */
	const char *name;		/* the guest's name, for TAs of its own, or NULL */
	bool login;			/* clients may be the user that runs the VMM */
	bool trace;			/* prints the guest's calls to OP-TEE on stderr */
	bool counters;			/* prints all counters on stderr, at the end */
	const char *record;		/* the file that gets a recording, or NULL */
};

/* Why a guest stopped running. */
enum ending {
	STILL_RUNNING,
	POWERED_OFF,
	RESET,				/* it asked for a reset */
	NEW_KERNEL,			/* it has started another kernel: it only pauses */
	FAILED,				/* the reason is on stderr */
	TERMINATED,			/* a signal ended this program */
};

struct om_kvm;
struct om_policy_file;
struct tee;

struct vcpu {
	struct vmm *vmm;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
};

struct vmm {
	struct options options;
	int vm;				/* KVM's file descriptor of this machine */
	uint8_t *ram;			/* at RAM_BASE for the guest */
	int ram_file;			/* what it is a mapping of */
	uint64_t entry;			/* the kernel's first instruction */
	uint64_t dtb;			/* the guest's device tree */
	uint64_t initrd_start, initrd_end;
	struct vcpu vcpus[MAX_CPUS];
	_Atomic enum ending ending;
	const struct tee *tee;		/* how the guest gets its OP-TEE, or NULL */
	struct om_policy_file *policy;	/* the loaded options.policy, or NULL */
	struct om_kvm *optee;		/* the backend's, when in this process */
	FILE *recording;		/* or NULL */
	struct moves moves;		/* moves of the guest's calls, for --counters */
};

/* Prints an error, printf style, and ends the program. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* machine.c: a KVM machine with memory, vCPUs and GIC, not yet running. */
void machine_create(struct vmm *vmm);
/* Sets the registers with which the first vCPU starts. */
void machine_start(struct vmm *vmm);
/* Runs the guest from where it is until it ends, in a thread for each vCPU. */
enum ending machine_run(struct vmm *vmm);
/* Between two runs: puts the vCPUs into their initial state. */
void machine_reset(struct vmm *vmm);
/* Any thread: ends the guest. The first reason that is given counts. */
void machine_end(struct vmm *vmm, enum ending ending);
/* Any thread: sets the level of a shared interrupt. */
void machine_interrupt(struct vmm *vmm, unsigned int spi, bool high);

/* load.c: loads the files and the device tree into RAM, before every start. */
void load_guest(struct vmm *vmm);
/* tree.c: writes the device tree of this machine into DTB_SIZE bytes. */
void tree_write(const struct vmm *vmm, void *to);

/* console.c: emulates a read or a write of a UART register. */
uint32_t console_read(struct vmm *vmm, uint64_t offset);
void console_write(struct vmm *vmm, uint64_t offset, uint32_t value);

#endif
