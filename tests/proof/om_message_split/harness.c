/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_message_read_split(), om_message_write_split(): copies of a message in two pages.
 *
 * Assumes: the message is where om_message_fetch/ proves it to be, and what is copied lies
 * inside its room (proved in om_message_fetch/, om_message_finish/, om_rpc_ask/ and others).
 * Proves: memory safety; no copy leaves its page; each byte that is asked for is copied
 * once, between its place in private memory and its own in the guest's, and no other, even
 * when the host fails; all of them unless it does (I1, I3).
 *
 * Class: quick
 * Sources: message_copy.c
 * Model: host.c world.c
 * Unwind: 3
 */
#include "world.h"

#include "message_copy.h"

#define PAGE	((uint64_t)OPTEE_MSG_PAGE_SIZE)
#define SPACE	(OPTEE_MSG_ARG_SIZE(OM_MESSAGE_PARAMS) + OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS))

static uint8_t private[SPACE];
/* A byte of the guest's message, which can be any: how often it was copied. */
static struct {
	uint64_t offset;	/* from where the message begins */
	uint32_t copies;
} byte;
static size_t wanted_offset, wanted_len;
static bool failed;

/* Whether that byte is to be copied. */
static bool is_wanted(void)
{
	return byte.offset >= wanted_offset && byte.offset < wanted_offset + wanted_len;
}

/* Where the guest has it. */
static uint64_t place_of(uint64_t offset)
{
	uint64_t from = world_call.split + offset;

	return from < PAGE ? world_call.at.raw + from : world_call.next.raw + from - PAGE;
}

static int copy(om_pa_t pa, const void *mine, size_t len)
{
	uint64_t at = place_of(byte.offset);

	PROVE(len > 0 && pa.raw % PAGE + len <= PAGE, "a copy stays in its page (I2)");
	PROVE(__CPROVER_r_ok(mine, len), "... and in private memory");
	PROVE(!failed, "nothing is copied after a failure");
	if (at >= pa.raw && at - pa.raw < len) {
		byte.copies++;
		PROVE(is_wanted(), "nothing else is copied (I3)");
		PROVE((const uint8_t *)mine + (at - pa.raw) ==
		      &private[byte.offset - wanted_offset], "each byte to its own place (I1)");
	}
	failed = any_bool();
	return failed ? -1 : 0;
}

static int read(void *guest, om_pa_t pa, void *dst, size_t len)
{
	(void)guest;
	return copy(pa, dst, len);
}

static int write(void *guest, om_pa_t pa, const void *src, size_t len)
{
	(void)guest;
	return copy(pa, src, len);
}

int main(void)
{
	struct om_call *call = &world_call;
	int result;

	world_init();
	host_ops.read = read;
	host_ops.write = write;
	ASSUME(call->at.raw % PAGE == 0 && call->next.raw % PAGE == 0 && call->split < PAGE &&
	       call->split > 0 && call->room <= SPACE);
	/* Pages of the guest's that are not the same one, so that a byte has one address. */
	ASSUME(call->at.raw != call->next.raw && call->at.raw <= UINT64_MAX - PAGE &&
	       call->next.raw <= UINT64_MAX - PAGE);
	wanted_offset = any_size();
	wanted_len = any_size();
	ASSUME(wanted_len > 0 && wanted_offset <= call->room && wanted_len <= call->room - wanted_offset);
	byte.offset = any_u64();
	ASSUME(byte.offset < 2 * PAGE - call->split);

	if (any_bool())
		result = om_message_read_split(call, wanted_offset, private, wanted_len);
	else
		result = om_message_write_split(call, wanted_offset, private, wanted_len);

	PROVE(byte.copies <= 1, "a byte is copied once (I1)");
	PROVE((result != 0) == failed, "a failure of the host's is told");
	PROVE(IMPLIES(!failed && is_wanted(), byte.copies == 1),
	      "all that is asked for is copied");
	if (byte.copies && place_of(byte.offset) % PAGE == 0 && !failed)
		REACHED("the first byte of the second page");
	return 0;
}
