/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bench with the recorder around the library: what recording costs. The linker puts these
 * functions in the place of the library's (--wrap).
 *
 * Into a ring, or with OM_BENCH_STREAM set into a stream, whose bytes are counted and no more.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <optee_mediator/record.h>

#include "record/wrap.h"

#define PAGES	4096u

static struct om_recorder recorder;
static struct om_record_page pages[PAGES];
static struct om_record_guest recorded;
static uint8_t ring[1 << 16];
static bool inside;
static uint64_t calls, bytes;

static void count_bytes(void *host, const void *from, size_t len)
{
	(void)host, (void)from;
	bytes += len;
}

static void print_bytes(void)
{
	printf("recorded %g bytes a call of the guest\n", (double)bytes / (double)calls);
}

enum om_result __wrap_om_mediator_init(struct om_mediator *m, const struct om_host_ops *ops,
				       void *host)
{
	const struct om_record_config config = {
		.ops = ops, .host = host, .ring = ring, .ring_size = sizeof(ring),
		.write = getenv("OM_BENCH_STREAM") ? count_bytes : NULL,
		.pages = pages, .page_count = PAGES,
	};
	enum om_result result;

	if (inside)
		return __real_om_mediator_init(m, ops, host);
	if (!calls)
		atexit(print_bytes);
	inside = true;
	result = om_record_init(&recorder, &config);
	if (result == OM_OK)
		result = om_record_mediator_init(&recorder, m);
	inside = false;
	return result;
}

enum om_result __wrap_om_guest_create(struct om_mediator *m, uint32_t id,
				      const struct om_limits *limits, void *ctx, void *mem,
				      size_t size, struct om_guest **out)
{
	enum om_result result;

	if (inside)
		return __real_om_guest_create(m, id, limits, ctx, mem, size, out);
	inside = true;
	result = om_record_guest_create(&recorder, &recorded, m, id, limits, ctx, mem, size);
	inside = false;
	*out = recorded.guest;
	return result;
}

enum om_outcome __wrap_om_guest_call(struct om_guest *guest, unsigned int vcpu,
				     struct om_regs *regs)
{
	uint64_t before = recorder.head;
	enum om_outcome outcome;

	if (inside)
		return __real_om_guest_call(guest, vcpu, regs);
	inside = true;
	outcome = om_record_guest_call(&recorded, vcpu, regs);
	inside = false;
	calls++;
	bytes += recorder.head - before;
	return outcome;
}
