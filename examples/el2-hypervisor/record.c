/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording of all guests' calls, when the boot argument record=BYTES asks for it
 * (docs/recording.md). It is a stream into RAM that no guest has, for whoever looks after the
 * machine; here that RAM is a file of QEMU's (tests/real/run).
 */
#include "hyp.h"

struct om_recorder *recorder;

static struct om_record_page pages[SHADOW_PAGES];
static uint64_t room, used;
static uint32_t record_lock;
static bool is_full;

/* What does not fit any more is left out, and nothing behind it follows. */
static void write(void *host, const void *bytes, size_t len)
{
	(void)host;
	is_full |= len > room - used;
	if (is_full)
		return;
	__builtin_memcpy((uint8_t *)RECORDING + used, bytes, len);
	used += len;
}

/* Nanoseconds. Whole seconds first: the count alone times 10^9 is too large after minutes. */
static uint64_t clock(void *host)
{
	uint64_t count = read_reg(cntpct_el0), hz = read_reg(cntfrq_el0);

	(void)host;
	return count / hz * 1000000000u + count % hz * 1000000000u / hz;
}

static uint32_t cpu(void *host)
{
	(void)host;
	return ((const struct vcpu *)read_reg(tpidr_el2))->cpu;
}

/* Interrupts are masked at EL2. */
static void lock_records(void *host)
{
	(void)host;
	lock(&record_lock);
}

static void unlock_records(void *host)
{
	(void)host;
	unlock(&record_lock);
}

void record_begin(uint64_t size, const struct om_host_ops *ops)
{
	static struct om_recorder the_recorder;
	const struct om_record_config config = {
		.ops = ops, .write = write, .pages = pages, .page_count = SHADOW_PAGES,
		.clock = clock, .cpu = cpu, .lock = lock_records, .unlock = unlock_records,
	};
	enum om_result result;

	if (!size)
		return;
	room = size;
	result = om_record_init(&the_recorder, &config);
	if (result != OM_OK)
		fatal(om_result_text(result));
	recorder = &the_recorder;
}

void record_end(void)
{
	if (recorder)
		say("hypervisor: %lu bytes are recorded%s\n", used,
		    is_full ? ", the rest had no room: a larger record= has" : "");
}
