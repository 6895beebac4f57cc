/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records an SMC to OP-TEE: its registers, and the shadow pages that it is about. The registers
 * say which pages those are, by the ABI: two at most, so that no others have to be compared with
 * what they held. See record.h.
 */
#include "recording.h"

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

_Static_assert(OM_RECORD_WINDOW >= OPTEE_MSG_ARG_SIZE(OPTEE_MSG_CALL_PARAMS +
						      OPTEE_MSG_META_PARAMS) +
				   OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS),
	       "a message and an RPC argument behind it");
_Static_assert(OM_RECORD_WORDS <= 64, "the format: a bit for each word of a window");

/* The message of a call that has left OP-TEE for an RPC. */
static struct om_record_page *find_suspended(const struct om_recorder *r, uint32_t client,
					     uint32_t thread)
{
	uint32_t i;

	for (i = 0; i < r->pages_used; i++) {
		struct om_record_page *page = &r->config.pages[i];

		if (page->suspended && page->client == client && page->thread == thread)
			return page;
	}
	return NULL;
}

static struct om_record_page *find_argument(const struct om_recorder *r, uint32_t client,
					    uint64_t cookie)
{
	uint32_t i;

	for (i = 0; cookie && i < r->pages_used; i++) {
		struct om_record_page *page = &r->config.pages[i];

		if (page->cookie == cookie && page->client == client)
			return page;
	}
	return NULL;
}

/* The page becomes an RPC argument. One that had the same cookie loses it. */
static void name_argument(struct om_recorder *r, uint64_t pa, uint32_t client, uint64_t cookie)
{
	struct om_record_page *page = om_recorder_page(r, pa);
	struct om_record_page *old = find_argument(r, client, cookie);

	if (old)
		old->cookie = 0;
	if (!page)
		return;
	page->cookie = cookie;
	page->client = client;
}

static void forget_argument(struct om_recorder *r, uint32_t client, uint64_t cookie)
{
	struct om_record_page *page = find_argument(r, client, cookie);

	if (page)
		page->cookie = 0;
}

/* The call of this message has left OP-TEE, which knows it by this thread. */
static void suspend(struct om_recorder *r, struct om_record_page *message, uint32_t client,
		    uint32_t thread)
{
	struct om_record_page *old = find_suspended(r, client, thread);

	if (old)
		old->suspended = 0;
	message->client = client;
	message->thread = thread;
	message->argument = OM_RECORD_NONE;
	message->suspended = 1;
}

/* Writes the words that changed since the last record; returns where the next window goes. */
static uint64_t *put_window(struct om_record_page *page, uint64_t *to)
{
	struct om_record_window head = { .pa = page->pa };
	uint64_t *words = to + sizeof(head) / sizeof(*to);
	uint32_t i;

	for (i = 0; i < OM_RECORD_WORDS; i++) {
		uint64_t word = om_read_once64(&page->va[i]);

		if (word == page->window[i])
			continue;
		page->window[i] = word;
		head.changed |= 1ull << i;
		*words++ = word;
	}
	om_copy(to, &head, sizeof(head));
	return words;
}

/* --- The SMC to OP-TEE ------------------------------------------------------------------------ */

static bool is_list(const struct optee_msg_param *param)
{
	return (param->attr & OPTEE_MSG_ATTR_NONCONTIG) &&
	       (param->attr & OPTEE_MSG_ATTR_TYPE_MASK) >= OPTEE_MSG_ATTR_TYPE_TMEM_INPUT;
}

/* Adds the used entries of a page list to a checksum, page by page. */
static uint64_t sum_list(const struct om_recorder *r, uint64_t sum,
			 const struct optee_msg_param_tmem *tmem)
{
	uint64_t offset = tmem->buf_ptr % OPTEE_MSG_PAGE_SIZE;
	uint64_t left = (offset + tmem->size + OPTEE_MSG_PAGE_SIZE - 1) >> OPTEE_MSG_PAGE_SHIFT;
	struct om_record_page *page = om_recorder_page(r, tmem->buf_ptr - offset);

	sum = om_record_checksum(sum, &tmem->buf_ptr, sizeof(tmem->buf_ptr));
	while (page && left) {
		uint64_t n = left < OPTEE_MSG_LIST_ENTRIES ? left : OPTEE_MSG_LIST_ENTRIES;

		sum = om_record_checksum(sum, page->va, (size_t)n * sizeof(*page->va));
		left -= n;
		page = om_recorder_page(r, page->va[OPTEE_MSG_LIST_NEXT]);
	}
	return sum;
}

/* Adds the page lists that a message or an RPC argument names. */
static uint64_t sum_lists(const struct om_recorder *r, uint64_t sum, const void *at)
{
	const struct optee_msg_hdr *hdr = at;
	const struct optee_msg_param *param = (const void *)(hdr + 1);
	uint32_t n = om_least(hdr->num_params, OPTEE_MSG_CALL_PARAMS + OPTEE_MSG_META_PARAMS);
	uint32_t i;

	for (i = 0; i < n; i++)
		if (is_list(&param[i]))
			sum = sum_list(r, sum, &param[i].u.tmem);
	return sum;
}

/* The RPC argument behind a message, whose number of parameters says where. */
static const void *inline_argument(const struct om_record_page *message)
{
	const struct optee_msg_hdr *hdr = (const void *)message->va;
	uint32_t n = om_least(hdr->num_params, OPTEE_MSG_CALL_PARAMS + OPTEE_MSG_META_PARAMS);

	return (const uint8_t *)message->va + OPTEE_MSG_ARG_SIZE(n);
}

/* The shadow pages that an SMC is about. */
struct about {
	uint32_t client;
	struct om_record_page *message;
	struct om_record_page *argument;
};

static void record_windows(struct om_recorder *r, uint8_t cpu, enum om_record_kind kind,
			   struct om_record_smc *smc, const struct about *about)
{
	uint64_t *end = r->scratch;

	if (about->message)
		end = put_window(about->message, end);
	if (about->argument)
		end = put_window(about->argument, end);
	smc->windows = (about->message ? 1u : 0u) + (about->argument ? 1u : 0u);
	om_recorder_append(r, cpu, kind, (struct om_piece[]){
	       { smc, sizeof(*smc) },
	       { r->scratch, (size_t)((uint8_t *)end - (uint8_t *)r->scratch) } }, 2);
}

/* A call goes on: `argument` is the page in which the library answered its request. */
static uint64_t resume(struct om_recorder *r, const uint64_t *a, struct about *about)
{
	uint64_t given = om_pair(a[1], a[2]);

	about->message = find_suspended(r, about->client, (uint32_t)a[3]);
	if (given)
		name_argument(r, given, about->client, om_pair(a[4], a[5]));
	if (!about->message)
		return 0;
	about->message->suspended = 0;
	if (about->message->argument == OM_RECORD_NONE)
		return sum_lists(r, 0, inline_argument(about->message));
	about->argument = &r->config.pages[about->message->argument];
	return sum_lists(r, 0, about->argument->va);
}

static struct about enter_secure(struct om_recorder *r, uint8_t cpu, const struct om_regs *regs)
{
	struct about about = { .client = (uint32_t)regs->a[7] };
	struct om_record_smc smc = { .time = om_recorder_now(r) };
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < 8; i++)
		smc.a[i] = (uint32_t)regs->a[i];
	switch (smc.a[0]) {
	case OPTEE_SMC_CALL_WITH_ARG:
	case OPTEE_SMC_CALL_WITH_RPC_ARG:
		about.message = om_recorder_page(r, om_pair(smc.a[1], smc.a[2]));
		if (about.message)
			sum = sum_lists(r, 0, about.message->va);
		break;
	case OPTEE_SMC_RETURN_FROM_RPC:
		sum = resume(r, regs->a, &about);
		break;
	default:
		break;
	}
	smc.lists = (uint32_t)sum;
	record_windows(r, cpu, OM_RECORD_SMC, &smc, &about);
	return about;
}

static bool is_rpc(uint32_t a0)
{
	return (a0 & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) == OPTEE_SMC_RETURN_RPC_PREFIX &&
	       a0 != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

/* `argument` is the page in which OP-TEE wrote its request, which the library will read. */
static void note_request(struct om_recorder *r, const uint32_t *a, struct about *about)
{
	uint64_t cookie = om_pair(a[1], a[2]);

	suspend(r, about->message, about->client, a[3]);
	if (a[0] == OPTEE_SMC_RETURN_RPC_FREE)
		forget_argument(r, about->client, cookie);
	if (a[0] != OPTEE_SMC_RETURN_RPC_CMD)
		return;
	about->argument = find_argument(r, about->client, cookie);
	if (about->argument)
		about->message->argument = (uint32_t)(about->argument - r->config.pages);
}

static void leave_secure(struct om_recorder *r, uint8_t cpu, const struct om_regs *regs,
			 struct about *about)
{
	struct om_record_smc smc = { .time = om_recorder_now(r) };
	uint32_t i;

	for (i = 0; i < 4; i++)
		smc.a[i] = (uint32_t)regs->a[i];
	about->argument = NULL;
	if (about->message && is_rpc(smc.a[0]))
		note_request(r, smc.a, about);
	record_windows(r, cpu, OM_RECORD_SMC_RETURN, &smc, about);
}

void om_recorder_smc(void *host, struct om_regs *regs)
{
	struct om_recorder *r = host;
	uint8_t cpu = om_recorder_cpu(r);
	struct about about;

	om_recorder_lock(r);
	about = enter_secure(r, cpu, regs);
	om_recorder_unlock(r);
	r->config.ops->smc(r->config.host, regs);
	om_recorder_lock(r);
	leave_secure(r, cpu, regs, &about);
	om_recorder_unlock(r);
}
