/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See hyper.h. Not a mediator: no limits, no checks, one guest.
 */
#include <stdlib.h>
#include <string.h>

#include "hyper.h"

#define GUEST_ID	7u
#define GUEST_PAGES	2048u

/* Shared memory, by cookie: data pages and their lists, or an RPC argument. */
struct hyper_buffer {
	struct hyper_buffer *next;
	uint64_t cookie;
	size_t pages;
	om_pa_t *pa;
	uint8_t *va;		/* contiguous in the guest */
	struct om_page *list;
	size_t lists;
	struct om_page arg;	/* va NULL: data */
};

static struct om_page shadow(struct hyper *y)
{
	struct om_page page;

	if (y->host->ops.page_alloc(y->host, &page))
		abort();
	return page;
}

struct hyper *hyper_new(const struct model_config *config)
{
	struct om_regs created = { .a = { OPTEE_SMC_VM_CREATED, GUEST_ID } };
	struct hyper *y = calloc(1, sizeof(*y));

	if (!y)
		abort();
	y->host = test_host_new();
	y->model = model_new(y->host, config);
	y->guest = test_guest_new(y->host, GUEST_ID, GUEST_PAGES);
	y->cookies = 0x4801e000;
	for (uint32_t i = 0; i < HYPER_SLOTS; i++)
		y->msg[i] = shadow(y);
	y->host->ops.smc(y->host, &created);
	return y;
}

void hyper_free(struct hyper *y)
{
	if (model_vm_exists(y->model, GUEST_ID)) {
		struct om_regs regs = { .a = { OPTEE_SMC_VM_DESTROYED, GUEST_ID } };

		y->host->ops.smc(y->host, &regs);
	}
	while (y->buffer)
		hyper_unshare(y, y->buffer->cookie);
	for (uint32_t i = 0; i < HYPER_SLOTS; i++)
		y->host->ops.page_free(y->host, &y->msg[i]);
	model_assert_clean(y->model);
	test_host_assert_balanced(y->host);
	model_free(y->model);
	test_host_free(y->host);
	free(y);
}

struct om_regs hyper_smc(struct hyper *y, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3)
{
	struct om_regs regs = { .a = { a0, a1, a2, a3, 0, 0, 0, y->guest->id } };

	y->host->ops.smc(y->host, &regs);
	for (size_t i = 0; i < 4; i++)
		regs.a[i] = (uint32_t)regs.a[i];
	return regs;
}

struct optee_msg_hdr *hyper_arg(struct hyper *y, uint32_t slot)
{
	return y->msg[slot].va;
}

struct optee_msg_hdr *hyper_msg(struct hyper *y, uint32_t slot, uint32_t cmd, uint32_t num)
{
	struct optee_msg_hdr *hdr = hyper_arg(y, slot);

	memset(hdr, 0, OPTEE_MSG_PAGE_SIZE);
	hdr->cmd = cmd;
	hdr->num_params = num;
	return hdr;
}

struct om_regs hyper_begin(struct hyper *y, uint32_t slot, uint32_t fid)
{
	uint64_t pa = y->msg[slot].pa.raw;

	return hyper_smc(y, fid, (uint32_t)(pa >> 32), (uint32_t)pa, 0);
}

/* --- Shared memory ------------------------------------------------------------------- */

static struct hyper_buffer *find(struct hyper *y, uint64_t cookie)
{
	for (struct hyper_buffer *b = y->buffer; b; b = b->next)
		if (b->cookie == cookie)
			return b;
	return NULL;
}

static struct hyper_buffer *add(struct hyper *y)
{
	struct hyper_buffer *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	b->cookie = y->cookies;
	y->cookies += 0x1000;
	b->next = y->buffer;
	y->buffer = b;
	return b;
}

static void build_list(struct hyper *y, struct hyper_buffer *b)
{
	b->lists = (b->pages + OPTEE_MSG_LIST_ENTRIES - 1) / OPTEE_MSG_LIST_ENTRIES;
	b->list = calloc(b->lists, sizeof(*b->list));
	for (size_t i = 0; i < b->lists; i++)
		b->list[i] = shadow(y);
	for (size_t i = 0; i < b->pages; i++)
		((uint64_t *)b->list[i / OPTEE_MSG_LIST_ENTRIES].va)[i % OPTEE_MSG_LIST_ENTRIES] =
			b->pa[i].raw;
	/* Junk in the link that is not needed, as Linux leaves it. */
	for (size_t i = 0; i < b->lists; i++)
		((uint64_t *)b->list[i].va)[OPTEE_MSG_LIST_NEXT] =
			i + 1 < b->lists ? b->list[i + 1].pa.raw : 0xdead0001;
}

uint64_t hyper_share(struct hyper *y, uint64_t ipa, size_t pages, uint64_t offset,
		     uint64_t *buf_ptr)
{
	struct hyper_buffer *b = add(y);

	b->pages = pages;
	b->pa = calloc(pages, sizeof(*b->pa));
	b->va = test_guest_va(y->guest, ipa);
	for (size_t i = 0; i < pages; i++) {
		om_ipa_t page = { ipa + i * TEST_PAGE };

		if (y->host->ops.pin(y->guest, &page, 1, &b->pa[i]))
			abort();
	}
	build_list(y, b);
	if (buf_ptr)
		*buf_ptr = b->list[0].pa.raw | offset;
	return b->cookie;
}

void hyper_unshare(struct hyper *y, uint64_t cookie)
{
	struct hyper_buffer **at = &y->buffer, *b;

	while (*at && (*at)->cookie != cookie)
		at = &(*at)->next;
	b = *at;
	if (!b)
		return;
	for (size_t i = 0; i < b->pages; i++)
		y->host->ops.unpin(y->guest, &b->pa[i], 1);
	for (size_t i = 0; i < b->lists; i++)
		y->host->ops.page_free(y->host, &b->list[i]);
	if (b->arg.va)
		y->host->ops.page_free(y->host, &b->arg);
	*at = b->next;
	free(b->pa);
	free(b->list);
	free(b);
}

/* --- RPCs ------------------------------------------------------------------------------ */

struct om_regs hyper_serve(struct hyper *y, uint32_t slot, const struct om_regs *regs)
{
	struct om_regs back = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, regs->a[3], 0, 0, 0,
				       y->guest->id } };
	uint64_t cookie = regs->a[1] << 32 | regs->a[2];
	struct optee_msg_hdr *hdr = NULL;
	struct hyper_buffer *b;

	if (regs->a[0] == OPTEE_SMC_RETURN_RPC_CMD) {
		b = find(y, cookie);
		hdr = b ? b->arg.va : (struct optee_msg_hdr *)(void *)
			((uint8_t *)hyper_arg(y, slot) +
			 OPTEE_MSG_ARG_SIZE(hyper_arg(y, slot)->num_params));
	}
	if (regs->a[0] == OPTEE_SMC_RETURN_RPC_ALLOC) {
		b = add(y);
		b->arg = shadow(y);
		back.a[1] = b->arg.pa.raw >> 32;
		back.a[2] = (uint32_t)b->arg.pa.raw;
		back.a[4] = b->cookie >> 32;
		back.a[5] = (uint32_t)b->cookie;
	} else if (regs->a[0] == OPTEE_SMC_RETURN_RPC_FREE) {
		hyper_unshare(y, cookie);
	} else if (hdr) {
		/* At once, also a wait: it comes again if that was too early. */
		hdr->ret = TEEC_SUCCESS;
	}
	y->host->ops.smc(y->host, &back);
	for (size_t i = 0; i < 4; i++)
		back.a[i] = (uint32_t)back.a[i];
	return back;
}

uint32_t hyper_finish(struct hyper *y, uint32_t slot, struct om_regs regs)
{
	while (regs.a[0] >= OPTEE_SMC_RETURN_RPC_PREFIX)
		regs = hyper_serve(y, slot, &regs);
	return (uint32_t)regs.a[0];
}

uint32_t hyper_call(struct hyper *y, uint32_t slot)
{
	return hyper_finish(y, slot, hyper_begin(y, slot, OPTEE_SMC_CALL_WITH_ARG));
}

/* --- Commands ----------------------------------------------------------------------------- */

uint32_t hyper_open(struct hyper *y, const uint8_t uuid[16])
{
	struct optee_msg_hdr *hdr = hyper_msg(y, 0, OPTEE_MSG_CMD_OPEN_SESSION, 2);

	model_param(hdr, 0)->attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	model_param(hdr, 1)->attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	memcpy(model_param(hdr, 0)->u.octets, uuid, 16);
	hyper_call(y, 0);
	return hdr->session;
}

uint32_t hyper_close(struct hyper *y, uint32_t session)
{
	struct optee_msg_hdr *hdr = hyper_msg(y, 0, OPTEE_MSG_CMD_CLOSE_SESSION, 0);

	hdr->session = session;
	hyper_call(y, 0);
	return hdr->ret;
}

struct optee_msg_hdr *hyper_invoke(struct hyper *y, uint32_t slot, uint32_t session,
				   uint32_t func, uint32_t num)
{
	struct optee_msg_hdr *hdr = hyper_msg(y, slot, OPTEE_MSG_CMD_INVOKE_COMMAND, num);

	hdr->session = session;
	hdr->func = func;
	return hdr;
}

uint32_t hyper_register(struct hyper *y, uint64_t ipa, size_t pages, uint64_t offset,
			uint64_t size, uint64_t *cookie)
{
	struct optee_msg_hdr *hdr = hyper_msg(y, 0, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	struct optee_msg_param *p = model_param(hdr, 0);

	p->attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG;
	*cookie = hyper_share(y, ipa, pages, offset, &p->u.tmem.buf_ptr);
	p->u.tmem.size = size;
	p->u.tmem.shm_ref = *cookie;
	hyper_call(y, 0);
	if (hdr->ret)
		hyper_unshare(y, *cookie);
	return hdr->ret;
}

uint32_t hyper_unregister(struct hyper *y, uint64_t cookie)
{
	struct optee_msg_hdr *hdr = hyper_msg(y, 0, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);

	hyper_rmem(hdr, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, 0, 0, cookie);
	hyper_call(y, 0);
	if (!hdr->ret)
		hyper_unshare(y, cookie);
	return hdr->ret;
}
