/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest of a fuzz target does. See guest.h. Must not know what it is for. */
#include "guest.h"

#include <string.h>

static struct input *in_of(const struct world_guest *g)
{
	return g->world->in;
}

static void smc(struct world_guest *g, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct om_regs regs = { .a = { a0, a1, a2, a3, 0, 0, 0, 5 } };

	world_smc(g, in_pick(in_of(g), 4), &regs);
}

/* --- Messages --------------------------------------------------------------------------------- */

static uint64_t a_size(struct input *in)
{
	static const uint32_t pages[] = { 1, 2, 31, 32, 62, 100, 511, 512, 700, 1022 };

	switch (in_pick(in, 4)) {
	case 0:
		return in_number(in);
	case 1:
		return pages[in_pick(in, 10)] * (uint64_t)TEST_PAGE - in_pick(in, 3);
	default:
		return in_u16(in);
	}
}

static uint64_t a_list(struct world_guest *g)
{
	struct input *in = in_of(g);
	uint64_t at = world_pick_page(g, in, WORLD_LISTS, WORLD_DATA - WORLD_LISTS);
	uint8_t offset = in_u8(in);

	return at + (offset < 128 ? 0 : (uint64_t)offset * 31 % TEST_PAGE);
}

static void put(struct optee_msg_param *p, uint64_t attr, uint64_t a, uint64_t b, uint64_t c)
{
	p->attr = attr;
	p->u.value.a = a;
	p->u.value.b = b;
	p->u.value.c = c;
}

/* A cookie that is shared as this now, or any. */
static uint64_t a_cookie(struct world_guest *g, enum spec_kind kind)
{
	struct input *in = in_of(g);
	uint8_t which = in_u8(in);

	for (uint32_t n = 0; which < 224 && n < SPEC_BUFFERS; n++) {
		const struct spec_buffer *b = &g->spec->buffer[(n + which) % SPEC_BUFFERS];

		if (b->live && b->kind == kind)
			return b->cookie;
	}
	return world_cookie(in);
}

/* The size of a part of a buffer, that may wrap with the offset in front of it. */
static uint64_t a_part(struct input *in)
{
	switch (in_pick(in, 4)) {
	case 0:
		return in_number(in);
	case 1:
		return UINT64_MAX - in_u8(in);
	case 2:
		return in_u8(in);
	default:
		return in_u16(in);
	}
}

/* Memory by cookie. Without one it is most often no memory at all. */
static void a_reference(struct world_guest *g, struct optee_msg_param *p)
{
	struct input *in = in_of(g);

	put(p, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT + in_pick(in, 3),
	    in_rarely(in, 4) ? in_number(in) : in_u8(in), a_part(in),
	    a_cookie(g, SPEC_REGISTERED));
	if (!p->u.rmem.shm_ref && p->u.rmem.offs % 4)
		put(p, p->attr, 0, 0, 0);
}

static void a_param(struct world_guest *g, struct optee_msg_param *p)
{
	struct input *in = in_of(g);
	uint32_t kind = in_pick(in, 8);

	switch (kind) {
	case 0:
		put(p, OPTEE_MSG_ATTR_TYPE_NONE, in_u8(in), 0, 0);
		break;
	case 1:
	case 2:
		put(p, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT + in_pick(in, 3), in_number(in),
		    in_number(in), in_u8(in));
		break;
	case 3:
	case 4:
		a_reference(g, p);
		break;
	case 5:
	case 6:
		put(p, (OPTEE_MSG_ATTR_TYPE_TMEM_INPUT + in_pick(in, 3)) | OPTEE_MSG_ATTR_NONCONTIG,
		    in_rarely(in, 8) ? 0 : a_list(g), a_size(in), world_cookie(in));
		break;
	default:
		put(p, in_number(in), in_number(in), in_number(in), in_number(in));
		break;
	}
	if (in_rarely(in, 16))
		p->attr ^= 1ull << in_pick(in, 64);
}

static void a_uuid(struct input *in, struct optee_msg_param *p)
{
	put(p, OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, in_u8(in), in_u8(in),
	    in_u8(in));
	if (in_rarely(in, 16))
		p->attr ^= 1ull << in_pick(in, 64);
}

static uint32_t usual_params(struct input *in, uint32_t cmd)
{
	switch (cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		return OPTEE_MSG_META_PARAMS + in_pick(in, 5);
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		return in_pick(in, 5);
	case OPTEE_MSG_CMD_REGISTER_SHM:
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		return 1;
	default:
		return 0;
	}
}

static void write_param(struct world_guest *g, struct optee_msg_param *p, uint32_t cmd, uint32_t i)
{
	struct input *in = in_of(g);

	if (cmd == OPTEE_MSG_CMD_OPEN_SESSION && i < OPTEE_MSG_META_PARAMS)
		a_uuid(in, p);
	else if (cmd == OPTEE_MSG_CMD_REGISTER_SHM && !in_rarely(in, 16))
		put(p, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG, a_list(g),
		    a_size(in), world_cookie(in));
	else if (cmd == OPTEE_MSG_CMD_UNREGISTER_SHM)
		put(p, in_u8(in), 0, 0, a_cookie(g, SPEC_REGISTERED));
	else
		a_param(g, p);
}

uint32_t guest_session(struct world_guest *g)
{
	uint8_t which = in_u8(in_of(g));
	uint32_t n = 0;

	while (spec_open_session(g->spec, n))
		n++;
	return which < 224 && n ? spec_open_session(g->spec, which % n)->id : which % 16u;
}

/* The header and at most as many parameters as fit behind it in its page. */
uint32_t guest_write(struct world_guest *g, uint8_t *at, uint32_t cmd)
{
	struct input *in = in_of(g);
	struct optee_msg_hdr hdr = { .cmd = cmd };
	size_t room = TEST_PAGE - (uintptr_t)at % TEST_PAGE;

	hdr.num_params = usual_params(in, cmd);
	if (in_rarely(in, 16))
		hdr.num_params = in_rarely(in, 2) ? in_u32(in) : in_pick(in, 130);
	hdr.func = in_u8(in);
	hdr.session = guest_session(g);
	hdr.cancel_id = in_u8(in);
	hdr.pad = in_pick(in, 3);
	hdr.ret = in_pick(in, 3);
	hdr.ret_origin = in_pick(in, 3);
	if (room < sizeof(hdr))
		return 0;
	memcpy(at, &hdr, sizeof(hdr));
	for (uint32_t i = 0; i < hdr.num_params && i < 7 && OPTEE_MSG_ARG_SIZE(i + 1) <= room; i++) {
		struct optee_msg_param p;

		write_param(g, &p, cmd, i);
		memcpy(at + OPTEE_MSG_ARG_SIZE(i), &p, sizeof(p));
	}
	return hdr.num_params;
}

/* As the guest sees it, the pages of a buffer follow each other. */
static void write_carried(struct world_guest *g, const struct spec_buffer *b, uint64_t offset,
			  const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t at = b->offset + offset + i;

		if (at / TEST_PAGE < b->pages)
			*(uint8_t *)test_host_peek(g->world->host, b->pa[at / TEST_PAGE] +
						   at % TEST_PAGE) = text[i];
	}
}

/* A message inside of a registered buffer. */
static void call_carried(struct world_guest *g, uint32_t cmd)
{
	struct input *in = in_of(g);
	uint64_t cookie = a_cookie(g, SPEC_REGISTERED);
	const struct spec_buffer *b = spec_find(g->spec, cookie);
	_Alignas(TEST_PAGE) uint8_t text[TEST_PAGE];
	uint32_t offset = in_u16(in);
	uint32_t n;

	if (!in_rarely(in, 8))
		offset &= ~7u;
	if (in_rarely(in, 16))
		offset = in_u32(in);
	if (b && !b->live)
		b = NULL;
	if (b && in_rarely(in, 2))
		offset = offset * 8 % (uint32_t)(b->size ? (b->size > 1u << 22 ? 1u << 22 : b->size) : 1);
	if (b && ((uint64_t)b->offset + offset) / TEST_PAGE < b->pages) {
		n = guest_write(g, text, cmd);
		write_carried(g, b, offset, text, OPTEE_MSG_ARG_SIZE(n < 7 ? n : 7));
	}
	smc(g, OPTEE_SMC_CALL_WITH_REGD_ARG, cookie >> 32, cookie, offset);
}

static void call_page(struct world_guest *g, uint32_t cmd, uint32_t fid)
{
	struct input *in = in_of(g);
	uint64_t ipa = world_pick_page(g, in, WORLD_MESSAGES, WORLD_ARGUMENTS - WORLD_MESSAGES);
	uint64_t junk = in_rarely(in, 16) ? 0xdead00000000u : 0;

	if (ipa - TEST_IPA_BASE < (uint64_t)WORLD_PAGES * TEST_PAGE)
		guest_write(g, world_at(g, ipa), cmd);
	smc(g, fid | junk, ipa >> 32 | junk, ipa | junk, in_pick(in, 3));
}

void guest_call(struct world_guest *g, uint32_t cmd)
{
	switch (in_pick(in_of(g), 5)) {
	case 0:
	case 1:
		call_page(g, cmd, OPTEE_SMC_CALL_WITH_ARG);
		break;
	case 2:
		call_carried(g, cmd);
		break;
	case 3:
		call_page(g, cmd, OPTEE_SMC_CALL_WITH_RPC_ARG | SMCCC_FID_SVE_HINT);
		break;
	default:
		call_page(g, cmd, OPTEE_SMC_CALL_WITH_RPC_ARG);
		break;
	}
}

void guest_call_any(struct world_guest *g)
{
	struct input *in = in_of(g);
	uint32_t cmd = in_pick(in, 16);

	if (cmd > 11)
		cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	/* Without a session there is little that can be done. */
	if (cmd == OPTEE_MSG_CMD_INVOKE_COMMAND && !spec_open_session(g->spec, 0))
		cmd = OPTEE_MSG_CMD_OPEN_SESSION;
	guest_call(g, in_rarely(in, 64) ? in_u32(in) : cmd);
}

void guest_open(struct world_guest *g, uint8_t ta)
{
	const struct optee_msg_hdr hdr = { .cmd = OPTEE_MSG_CMD_OPEN_SESSION,
					   .num_params = OPTEE_MSG_META_PARAMS };
	uint64_t ipa = world_ipa(WORLD_MESSAGES);
	uint8_t *at = world_at(g, ipa);
	struct optee_msg_param p[OPTEE_MSG_META_PARAMS];

	for (uint32_t i = 0; i < OPTEE_MSG_META_PARAMS; i++)
		put(&p[i], OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, i ? 0 : ta, 0, 0);
	memcpy(at, &hdr, sizeof(hdr));
	memcpy(at + sizeof(hdr), p, sizeof(p));
	smc(g, OPTEE_SMC_CALL_WITH_ARG, ipa >> 32, ipa, 0);
}

void guest_open_sessions(struct world_guest *g, uint8_t n)
{
	struct input none = { NULL, 0 };
	struct input *in = g->world->in;

	/* With an input that is used up, OP-TEE agrees to everything. */
	g->world->in = &none;
	for (uint8_t ta = 1; ta <= n; ta++)
		guest_open(g, ta);
	g->world->in = in;
}

void guest_register(struct world_guest *g, uint32_t list, uint64_t size, uint64_t cookie)
{
	const struct optee_msg_hdr hdr = { .cmd = OPTEE_MSG_CMD_REGISTER_SHM, .num_params = 1 };
	uint64_t ipa = world_ipa(WORLD_MESSAGES);
	uint8_t *at = world_at(g, ipa);
	struct optee_msg_param p;

	put(&p, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG,
	    world_ipa(WORLD_LISTS + list), size, cookie);
	memcpy(at, &hdr, sizeof(hdr));
	memcpy(at + sizeof(hdr), &p, sizeof(p));
	smc(g, OPTEE_SMC_CALL_WITH_ARG, ipa >> 32, ipa, 0);
}

/* --- Replies ------------------------------------------------------------------------------------ */

/* Byte i of the argument of the call's RPC, NULL when it is nowhere to be written. */
static uint8_t *argument_of(struct world_guest *g, const struct spec_call *c, uint32_t i)
{
	uint64_t pa = spec_argument_at(c, i);

	return g->watching.image(g, pa) ? (uint8_t *)test_host_peek(g->world->host, pa) : NULL;
}

/* What is there, or what is to be there: it may lie in two pages. */
static bool read_argument(struct world_guest *g, const struct spec_call *c, uint8_t *text)
{
	for (uint32_t i = 0; i < sizeof(struct spec_rpc); i++) {
		if (!argument_of(g, c, i))
			return false;
		text[i] = *argument_of(g, c, i);
	}
	return true;
}

static void write_argument(struct world_guest *g, const struct spec_call *c, const uint8_t *text)
{
	for (uint32_t i = 0; i < sizeof(struct spec_rpc); i++)
		*argument_of(g, c, i) = text[i];
}

static void reply_shm_alloc(struct world_guest *g, const struct spec_call *c, uint8_t *at)
{
	struct input *in = in_of(g);
	struct optee_msg_hdr hdr = { .cmd = in_pick(in, 8), .num_params = 1 };
	uint64_t wanted = c->request.param[0].u.value.b;
	struct optee_msg_param p;

	if (in_rarely(in, 8))
		hdr.num_params = in_pick(in, 5);
	if (in_rarely(in, 8))
		hdr.ret = in_number(in) & UINT32_MAX;
	put(&p, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG, a_list(g),
	    in_rarely(in, 4) ? in_number(in) : wanted + in_u8(in), world_cookie(in));
	/* Far more than was asked for: OP-TEE would map all of it. */
	if (in_rarely(in, 4))
		p.u.tmem.size = (uint64_t)in_u8(in) * TEST_PAGE;
	if (in_rarely(in, 3)) {
		p.attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT;
		p.u.tmem.buf_ptr = world_pick_page(g, in, WORLD_DATA, WORLD_PAGES - WORLD_DATA);
		p.u.tmem.size = wanted;
	}
	if (in_rarely(in, 16))
		p.attr ^= 1ull << in_pick(in, 64);
	memcpy(at, &hdr, sizeof(hdr));
	memcpy(at + sizeof(hdr), &p, sizeof(p));
}

static void reply_cmd(struct world_guest *g, const struct spec_call *c, uint8_t *at)
{
	struct input *in = in_of(g);
	struct optee_msg_hdr hdr = c->request.hdr;

	hdr.ret = in_rarely(in, 4) ? in_u32(in) : TEEC_SUCCESS;
	hdr.ret_origin = in_u8(in);
	hdr.cmd = in_pick(in, 8);
	if (in_rarely(in, 8))
		hdr.num_params = in_u8(in);
	memcpy(at, &hdr, sizeof(hdr));
	for (uint32_t i = 0; i < c->request.hdr.num_params && i < OPTEE_MSG_RPC_PARAMS; i++) {
		struct optee_msg_param p;

		if (in_rarely(in, 2))
			continue;
		a_param(g, &p);
		memcpy(at + OPTEE_MSG_ARG_SIZE(i), &p, sizeof(p));
	}
}

static void reply(struct world_guest *g, const struct spec_call *c, struct om_regs *regs)
{
	struct input *in = in_of(g);
	uint8_t text[sizeof(struct spec_rpc)];
	uint64_t cookie, ipa;

	switch (c->pending) {
	case SPEC_ASKED_ALLOC:
		cookie = world_cookie(in);
		ipa = world_pick_page(g, in, WORLD_ARGUMENTS, WORLD_LISTS - WORLD_ARGUMENTS);
		regs->a[1] = ipa >> 32;
		regs->a[2] = ipa;
		regs->a[4] = cookie >> 32;
		regs->a[5] = cookie;
		break;
	case SPEC_ASKED_SHM_ALLOC:
		if (!c->judged && read_argument(g, c, text)) {
			reply_shm_alloc(g, c, text);
			write_argument(g, c, text);
		}
		break;
	case SPEC_ASKED_CMD:
		if (read_argument(g, c, text)) {
			reply_cmd(g, c, text);
			write_argument(g, c, text);
		}
		break;
	default:
		break;
	}
}

/* Of a call that is over, whose slot another one may have by now. */
static uint32_t an_old_id(struct world_guest *g)
{
	const struct spec *s = g->spec;
	uint32_t n = s->ended < SPEC_OLD_IDS ? s->ended : SPEC_OLD_IDS;

	return n ? s->old_ids[in_pick(in_of(g), n)] : 0;
}

void guest_resume(struct world_guest *g)
{
	struct input *in = in_of(g);
	uint32_t n = spec_calls(g->spec);
	const struct spec_call *c = n ? spec_suspended(g->spec, in_pick(in, n)) : NULL;
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC } };

	regs.a[3] = c ? c->id : in_u16(in);
	if (in_rarely(in, 16)) {
		/* Somebody else's registers, a stale id, or none. */
		regs.a[1] = in_u32(in);
		regs.a[2] = in_u32(in);
		regs.a[4] = in_u32(in);
		if (in_rarely(in, 2))
			regs.a[3] = in_rarely(in, 4) ? in_u32(in) : an_old_id(g);
	} else if (c) {
		reply(g, c, &regs);
	}
	regs.a[3] |= in_rarely(in, 16) ? 0xbad00000000u : 0;
	world_smc(g, in_pick(in, 4), &regs);
}

void guest_finish(struct world_guest *g, uint32_t n)
{
	while (n-- && spec_calls(g->spec)) {
		struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0,
					       spec_suspended(g->spec, 0)->id } };

		world_smc(g, 0, &regs);
	}
}

/* --- The rest --------------------------------------------------------------------------------------- */

void guest_fast(struct world_guest *g)
{
	static const uint32_t fids[] = {
		OPTEE_SMC_CALLS_COUNT, OPTEE_SMC_CALLS_UID, OPTEE_SMC_CALLS_REVISION,
		OPTEE_SMC_GET_OS_UUID, OPTEE_SMC_GET_OS_REVISION, OPTEE_SMC_GET_SHM_CONFIG,
		OPTEE_SMC_L2CC_MUTEX, OPTEE_SMC_EXCHANGE_CAPABILITIES, OPTEE_SMC_DISABLE_SHM_CACHE,
		OPTEE_SMC_ENABLE_SHM_CACHE, OPTEE_SMC_BOOT_SECONDARY, OPTEE_SMC_VM_CREATED,
		OPTEE_SMC_VM_DESTROYED, OPTEE_SMC_GET_THREAD_COUNT, OPTEE_SMC_ENABLE_ASYNC_NOTIF,
		OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, OPTEE_SMC_GET_PROTMEM_CONFIG,
		OPTEE_SMC_LOAD_IMAGE,
	};
	struct input *in = in_of(g);
	uint32_t i = in_pick(in, 20);
	struct om_regs regs = { .a = { i < 18 ? fids[i] : in_u32(in) | 0x32000000u } };

	for (i = 1; i < 8; i++)
		regs.a[i] = in_number(in);
	if (in_rarely(in, 8))
		regs.a[0] |= 0xabc0000000000u | SMCCC_FID_SVE_HINT;
	world_smc(g, in_u8(in), &regs);
}

void guest_edit(struct world_guest *g)
{
	struct input *in = in_of(g);
	uint32_t page = in_pick(in, WORLD_PAGES);
	uint64_t *list = world_at(g, world_ipa(WORLD_LISTS + page % (WORLD_DATA - WORLD_LISTS)));
	static const enum test_page_kind kinds[] = { TEST_PAGE_HOLE, TEST_PAGE_READONLY,
						     TEST_PAGE_MMIO, TEST_PAGE_RAM };
	uint32_t entry;

	switch (in_pick(in, 4)) {
	case 0:
		world_set_shared(g, page, kinds[in_pick(in, 4)]);
		break;
	case 1:
		list[OPTEE_MSG_LIST_NEXT] = world_pick_page(g, in, WORLD_LISTS,
							    WORLD_DATA - WORLD_LISTS);
		break;
	case 2:
		entry = in_u16(in) % 512;
		list[entry] = world_pick_page(g, in, 0, WORLD_PAGES);
		break;
	default:
		/* Where even a short list has it, and in the middle of a batch. */
		entry = in_pick(in, 64);
		list[entry] = world_special_page(g, in);
		break;
	}
}
