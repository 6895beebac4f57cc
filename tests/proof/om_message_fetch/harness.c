/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_message_fetch(), _load(), _emit(), _refuse(): from a guest's registers to what
 * OP-TEE reads, for every command, every message and every way of calling.
 *
 * Assumes: a call as om_call_begin() in call.c leaves it. Stubs: the registry and the
 * translation, by what om_shm_reserve/, om_translation_begin/ and om_translation_step/
 * prove of them (below, "Stubs").
 * Proves: memory safety; what is shown to OP-TEE as memory by address is NULL or the list
 * that the translation made, with the cookie that the registry knows (I2, I7); all attributes
 * are known ones; results are zeroed; the SMC names the shadow page and the guest (I10);
 * the message is read only from, and answered only to, a page that is pinned, and inside
 * the room that the guest gave; each byte is fetched once (I1); no more buffers
 * are held than there is room for, and their pages are within the limit (I5).
 *
 * Class: quick
 * Sources: message.c message_check.c refusal.c
 * Model: host.c world.c
 * Unwind: 8
 *   At most 6 parameters, of which 4 name memory; a read is of 24 words (see Loops).
 * Options: --unwindset read.0:26
 *   6 parameters of 4 words.
 */
#include "world.h"

#include "message.h"
#include "tracing.h"

static struct world_message shadow;
static struct om_call *const call = &world_call;
static struct om_regs regs;
/* What the translations made, and for which parameters. */
static uint64_t list_page, made[OM_MESSAGE_PARAMS];
static uint32_t translations;
/* The pages of buffer 0, in which a message can be. */
static uint64_t carrier_page;

/*
 * Stubs. The registry finds buffer 0 or nothing; whoever gets it is a user of it.
 */
static uint32_t find(void)
{
	return any_bool() ? 0 : OM_NONE;
}

uint32_t om_shm_get(struct om_guest *guest, om_cookie_t cookie, enum om_trace_share kind,
		    bool alone, struct om_release *release)
{
	(void)guest, (void)cookie, (void)kind, (void)alone, (void)release;
	return find();
}

uint32_t om_shm_get_entering(struct om_guest *guest, om_cookie_t cookie,
			     struct om_release *release)
{
	(void)guest, (void)cookie, (void)release;
	return find();
}

uint32_t om_shm_claim_settled(struct om_guest *guest, om_cookie_t cookie)
{
	(void)guest, (void)cookie;
	return any_bool() ? OM_BUSY : find();
}

om_pa_t om_shm_page(const struct om_guest *guest, const struct om_buffer *buffer, uint32_t n)
{
	(void)guest;
	PROVE(n < buffer->pages, "only pages that a buffer has are asked for");
	return (om_pa_t){ carrier_page };
}

void om_shm_publish(struct om_guest *guest, uint32_t index)
{
	(void)guest;
	PROVE(index == 0, "only a buffer of the registry is published");
}

void om_shm_forget(struct om_guest *guest, uint32_t index)
{
	(void)guest;
	PROVE(index == 0, "only a buffer of the registry is forgotten");
}

enum om_refusal om_translation_begin(struct om_guest *guest, const struct om_region *region,
				     struct om_lists *lists, struct om_translation *t)
{
	(void)guest, (void)lists;
	PROVE(IMPLIES(region->kind == OM_SHARE_TEMPORARY, region->cookie.raw == 0),
	      "memory that is only lent has no cookie (I7)");
	PROVE(region->buf_ptr != 0, "only what has an address is translated");
	t->buffer = find();
	t->list_start = any_u64();
	t->remaining = any_u32();
	if (t->buffer == OM_NONE)
		return OM_REFUSED_QUOTA;
	ASSUME((t->list_start & ~(uint64_t)(OPTEE_MSG_PAGE_SIZE - 1)) == list_page);
	ASSUME((t->list_start - region->buf_ptr) % OPTEE_MSG_PAGE_SIZE == 0 && t->remaining >= 1);
	return any_bool() ? OM_ACCEPTED : OM_REFUSED_PAGE;
}

/* All steps in one: between them nothing happens but a pause. */
enum om_refusal om_translation_step(struct om_guest *guest, struct om_lists *lists,
				    struct om_translation *t)
{
	(void)guest, (void)lists;
	t->remaining = 0;
	if (any_bool())
		return OM_REFUSED_PAGE;
	made[translations++] = t->list_start;
	return OM_ACCEPTED;
}

void om_refused(struct om_call *c, enum om_refusal why, uint32_t code)
{
	(void)c, (void)why, (void)code;
}

void om_trace(const struct om_guest *guest, const struct om_call *c, enum om_trace_id id,
	      const uint64_t *arg, size_t n)
{
	(void)guest, (void)c, (void)id, (void)arg;
	PROVE(n <= 8, "an event has 8 arguments");
}

void om_trace_param(const struct om_call *c, enum om_trace_id id, uint32_t index,
		    const struct optee_msg_param *param, uint32_t cmd)
{
	(void)c, (void)id, (void)index, (void)param, (void)cmd;
}

/* As om_call_begin() leaves a call whose slot was free. */
static void begin(void)
{
	const uint32_t fids[] = { OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG,
				  OPTEE_SMC_CALL_WITH_REGD_ARG };

	call->fid = fids[any_below(3)];
	call->page.raw = 0;
	call->params = call->shape = call->held_count = call->held_pages = 0;
	call->fetched = call->waiting = call->resumed = call->translating = false;
	call->entered = call->judged = call->holds_more = false;
	call->entering = true;
	call->carrier = call->subject = OM_NONE;
	call->release.head = OM_NONE;
	regs = any_regs();
}

/* Buffer 0: as om_translation_begin() made it; its pages are pinned. */
static void init_buffer(void)
{
	struct om_buffer *buffer = &world_buffers[0];

	ASSUME(buffer->pages >= 1 && buffer->pages <= world_guest.limits.pages);
	ASSUME(buffer->offset < OPTEE_MSG_PAGE_SIZE && buffer->size >= 1);
	ASSUME(buffer->size <= (uint64_t)buffer->pages * OPTEE_MSG_PAGE_SIZE - buffer->offset);
	carrier_page = any_u64();
	ASSUME(carrier_page % OPTEE_MSG_PAGE_SIZE == 0 && carrier_page != 0);
	ASSUME(!is_shadow_page(carrier_page));
	ghost.pins = carrier_page == ghost.page;
}

static bool is_made(uint64_t address)
{
	uint32_t i;

	for (i = 0; i < translations; i++)
		if (made[i] == address)
			return true;
	return false;
}

static void prove_shown(void)
{
	uint32_t i = any_below(OM_MESSAGE_PARAMS);
	const struct optee_msg_param *param = &shadow.message.param[i];
	uint64_t type = param->attr & OPTEE_MSG_ATTR_TYPE_MASK;

	PROVE(shadow.message.hdr.num_params <= OM_MESSAGE_PARAMS &&
	      shadow.message.hdr.num_params == call->params, "the parameters that were fetched");
	PROVE(shadow.message.hdr.ret == 0 && shadow.message.hdr.ret_origin == 0 &&
	      shadow.message.hdr.pad == 0, "results are zeroed (I3)");
	PROVE(om_pair(call->secure.a[1], call->secure.a[2]) == world_shadows[0].page.pa.raw,
	      "OP-TEE is given the shadow page (I2)");
	PROVE(call->secure.a[7] == world_guest.id, "a7 is the guest (I10)");
	PROVE(call->secure.a[0] == OPTEE_SMC_CALL_WITH_ARG ||
	      call->secure.a[0] == OPTEE_SMC_CALL_WITH_RPC_ARG,
	      "OP-TEE never hears of a registered argument");
	if (i >= call->params)
		return;
	PROVE(!(param->attr & ~(uint64_t)(OPTEE_MSG_ATTR_TYPE_MASK | OPTEE_MSG_ATTR_META |
					  OPTEE_MSG_ATTR_NONCONTIG)), "only known attributes (I8)");
	PROVE(type <= OPTEE_MSG_ATTR_TYPE_TMEM_INOUT, "only known types (I8)");
	if (type < OPTEE_MSG_ATTR_TYPE_TMEM_INPUT)
		return;
	PROVE(param->u.tmem.buf_ptr == 0 || is_made(param->u.tmem.buf_ptr),
	      "memory by address is NULL or a list of pinned pages (I2)");
	PROVE(IMPLIES(param->u.tmem.buf_ptr != 0, param->attr & OPTEE_MSG_ATTR_NONCONTIG),
	      "... and is said to be a list");
	PROVE(IMPLIES(param->u.tmem.buf_ptr != 0 &&
		      shadow.message.hdr.cmd != OPTEE_MSG_CMD_REGISTER_SHM,
		      param->u.tmem.shm_ref == 0), "memory that is lent has no cookie (I7)");
	if (param->u.tmem.buf_ptr != 0)
		REACHED("a list is shown");
}

int main(void)
{
	enum om_refusal why;

	world_init();
	world_shadows[0].page.va = &shadow;
	list_page = world_shadows[1].page.pa.raw;
	init_buffer();
	begin();

	why = om_message_fetch(call, &regs);
	PROVE(ghost.fetches <= 1, "a byte of the message is fetched once (I1)");
	while (why == OM_ACCEPTED && !om_message_is_loaded(call) && !call->waiting)
		why = om_message_load(call);
	PROVE(call->held_count <= OPTEE_MSG_CALL_PARAMS, "there is room for what is held");
	PROVE(IMPLIES(why == OM_ACCEPTED, call->held_pages <= world_guest.limits.call_pages),
	      "a call names no more pages than it may (I5)");
	if (why != OM_ACCEPTED) {
		om_message_refuse(call, why);
		REACHED("refused");
	} else if (!call->waiting) {
		PROVE((call->at.raw & (OPTEE_MSG_PAGE_SIZE - 1)) +
		      OPTEE_MSG_ARG_SIZE(call->params) <= OPTEE_MSG_PAGE_SIZE &&
		      OPTEE_MSG_ARG_SIZE(call->params) <= call->room,
		      "a message is inside its page and its buffer");
		om_message_emit(call);
		prove_shown();
		REACHED("shown");
	}
	return 0;
}
