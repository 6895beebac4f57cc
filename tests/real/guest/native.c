/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine without a hypervisor: what the conformance guest needs to run at EL1 all the
 * same, for tests/bench/real. Its SMCs go to the firmware, nothing traps and there is no
 * stage 2; only what it prints, and its switching on of the other CPU and of the machine off,
 * comes here as hypercalls.
 *
 * The boot argument, at BOOT_ARGS as for the hypervisor, is the digit that guest_info.bench is
 * to be, then one for the number of CPUs.
 */
#include <stdint.h>

#include "guest_info.h"

#define PSCI_SYSTEM_OFF	0x84000008u
#define PSCI_CPU_ON	0xc4000003u
#define BOOT_ARGS	0x47fff000ull
#define UART		0x09000000ull
#define UART_FR		0x18
#define FR_TX_FULL	0x20

/* native.S */
void smc_call(uint64_t x[8]);
void start_secondary(void);
void native_main(void);
void native_call(uint64_t x[8]);

/* Where vCPU 1 is to begin; read with caches off, as it is written. */
struct {
	uint64_t entry, context;
} secondary;

static void put(char c)
{
	while (*(volatile uint32_t *)(UART + UART_FR) & FR_TX_FULL)
		;
	*(volatile uint32_t *)UART = (uint8_t)c;
}

void native_main(void)
{
	const char *arguments = (const char *)BOOT_ARGS;
	struct guest_info *info = (struct guest_info *)(uintptr_t)GUEST_INFO_IPA;

	*info = (struct guest_info){
		.id = 1, .bench = (uint32_t)(arguments[0] - '0'),
		.vcpus = (uint32_t)(arguments[1] - '0'),
	};
}

void native_call(uint64_t x[8])
{
	uint64_t on[8] = { PSCI_CPU_ON, x[1], (uintptr_t)start_secondary };
	uint64_t off[8] = { PSCI_SYSTEM_OFF };

	switch ((uint32_t)x[0]) {
	case HVC_PUTC:
		put((char)x[1]);
		break;
	case PSCI_CPU_ON:
		secondary.entry = x[2];
		secondary.context = x[3];
		smc_call(on);
		x[0] = on[0];
		break;
	case HVC_EXIT:
		for (const char *s = x[1] ? "native: FAIL\n" : "native: pass\n"; *s; s++)
			put(*s);
		smc_call(off);
	}
}
