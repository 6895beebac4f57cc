/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that continue in a second page. See message_copy.h. */
#include "message_copy.h"

/* A copy: n bytes in the first page, the others in the second. */
struct split {
	om_pa_t first;
	om_pa_t second;
	uint32_t n;
};

/* Computed without a branch, so that there is nothing to mispredict. */
static struct split split(const struct om_call *call, size_t offset, size_t len)
{
	uint32_t from = call->split + (uint32_t)offset;
	uint32_t left = OPTEE_MSG_PAGE_SIZE - om_least(from, OPTEE_MSG_PAGE_SIZE);
	uint32_t n = om_least((uint32_t)len, left);

	return (struct split){
		.first = { call->at.raw + from },
		.second = { call->next.raw + (from + n) % OPTEE_MSG_PAGE_SIZE },
		.n = n,
	};
}

int om_message_read_split(const struct om_call *call, size_t offset, void *dst, size_t len)
{
	const struct om_guest *guest = call->guest;
	struct split s = split(call, offset, len);

	if (s.n && guest->vm.ops->read(guest->vm.ctx, s.first, dst, s.n))
		return -1;
	if (s.n == len)
		return 0;
	return guest->vm.ops->read(guest->vm.ctx, s.second, (uint8_t *)dst + s.n, len - s.n);
}

int om_message_write_split(const struct om_call *call, size_t offset, const void *src, size_t len)
{
	const struct om_guest *guest = call->guest;
	struct split s = split(call, offset, len);

	if (s.n && guest->vm.ops->write(guest->vm.ctx, s.first, src, s.n))
		return -1;
	if (s.n == len)
		return 0;
	return guest->vm.ops->write(guest->vm.ctx, s.second, (const uint8_t *)src + s.n, len - s.n);
}
