/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: the UART of Arm's Server Base System Architecture, which is a PL011
 * without the registers for baud rates. What the guest writes goes to standard output;
 * it reads nothing.
 */
#include <pthread.h>
#include <stdio.h>

#include "vmm.h"

enum {				/* offsets of registers */
	DATA = 0x00,
	FLAGS = 0x18,
	INTERRUPT_MASK = 0x38,
	RAW_STATUS = 0x3c,
	MASKED_STATUS = 0x40,
};

#define FLAGS_IDLE	0x90u	/* nothing to read, everything sent */
#define TX_INTERRUPT	0x20u	/* the guest may write: always set */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t mask;

uint32_t console_read(struct vmm *vmm, uint64_t offset)
{
	uint32_t value = 0;

	(void)vmm;
	pthread_mutex_lock(&lock);
	switch (offset) {
	case FLAGS:
		value = FLAGS_IDLE;
		break;
	case INTERRUPT_MASK:
		value = mask;
		break;
	case RAW_STATUS:
		value = TX_INTERRUPT;
		break;
	case MASKED_STATUS:
		value = TX_INTERRUPT & mask;
		break;
	}
	pthread_mutex_unlock(&lock);
	return value;
}

void console_write(struct vmm *vmm, uint64_t offset, uint32_t value)
{
	pthread_mutex_lock(&lock);
	switch (offset) {
	case DATA:
		putchar((int)(value & 0xff));
		break;
	case INTERRUPT_MASK:
		mask = value;
		machine_interrupt(vmm, UART_SPI, mask & TX_INTERRUPT);
		break;
	}
	pthread_mutex_unlock(&lock);
}
