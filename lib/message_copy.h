/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies between private memory and the guest's message, with the RPC argument behind it. The
 * call says where it lies: at `at`, in a pinned page; or, because a guest's pages may be larger
 * than 4 KiB, from `split` bytes behind `at` into a second page (`next`). Independent of the
 * message's content.
 */
#ifndef OM_LIB_MESSAGE_COPY_H
#define OM_LIB_MESSAGE_COPY_H

#include "call.h"

/* For the two functions below, when the message lies in two pages. */
OM_COLD int om_message_read_split(const struct om_call *call, size_t offset, void *dst,
				  size_t len);
OM_COLD int om_message_write_split(const struct om_call *call, size_t offset, const void *src,
				   size_t len);

/*
 * Copy len bytes at offset from the message's start; offset + len is at most call->room. Return
 * 0, or nonzero when the host's read() or write() failed: a part may have been copied then. No
 * byte is read twice.
 * A CPU that mispredicts `split` reads at the start of a pinned page.
 */
static inline int om_message_read(const struct om_call *call, size_t offset, void *dst,
				  size_t len)
{
	const struct om_guest *guest = call->guest;
	om_pa_t at = { call->at.raw + offset };

	if (call->split)
		return om_message_read_split(call, offset, dst, len);
	return guest->vm.ops->read(guest->vm.ctx, at, dst, len);
}

static inline int om_message_write(const struct om_call *call, size_t offset, const void *src,
				   size_t len)
{
	const struct om_guest *guest = call->guest;
	om_pa_t at = { call->at.raw + offset };

	if (call->split)
		return om_message_write_split(call, offset, src, len);
	return guest->vm.ops->write(guest->vm.ctx, at, src, len);
}

#endif
