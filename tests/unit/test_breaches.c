/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the breach of an invariant would look like where no scenario goes: an OP-TEE that
 * changes what it has said, a guest that changes what was read, leftovers of what was
 * refused. Each test is named by its invariant. OP-TEE is a function of the test's own.
 */
#include "rig_shm.h"

#define THREAD		6u
#define COOKIE		0xa100000001u
#define LIST		(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* Guest pages: the message with room behind it, another, a page list, data. */
enum { MESSAGE, OTHER, LIST_PAGE, DATA };

static struct om_regs send(struct rig *rig, uint32_t fid, uint32_t page)
{
	return rig_call(rig, fid, 0, rig_ipa(rig, page), 0);
}

static struct om_regs resume(struct rig *rig, struct om_regs r)
{
	return rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, r.a[3]);
}

static void register_shm(struct rig *rig, uint64_t cookie, uint32_t pages)
{
	struct om_message *message = rig_message(rig, MESSAGE, OPTEE_MSG_CMD_REGISTER_SHM, 1);

	rig_list(rig, &message->param[0], LIST, LIST_PAGE, pages);
	message->param[0].u.tmem.shm_ref = cookie;
	assert_int_equal(send(rig, OPTEE_SMC_CALL_WITH_ARG, MESSAGE).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, TEEC_SUCCESS);
}

/* The shadow page that OP-TEE was told of in a1:a2. */
static void *shadow(struct rig *rig, const struct om_regs *regs)
{
	return test_secure_access(rig->host, RIG_GUEST, om_pair(regs->a[1], regs->a[2]),
				  TEST_PAGE, true);
}

/* What OP-TEE was told of the last time, and how far it is. */
struct optee {
	uint32_t entries;		/* SMCs of yielding calls */
	struct om_message *message;
	struct om_request_copy *arg;
	struct om_request_copy back;	/* the argument, as OP-TEE found it at the end */
	uint64_t cookie;		/* of the message's first parameter */
};

static void leave(struct om_regs *regs, uint32_t a0, uint64_t pair)
{
	*regs = (struct om_regs){ .a = { a0, pair >> 32, (uint32_t)pair, THREAD } };
}

static void write_request(struct om_request_copy *arg, uint32_t cmd, uint64_t attr)
{
	memset(arg, 0, sizeof(*arg));
	arg->hdr.cmd = cmd;
	arg->hdr.num_params = 1;
	arg->param[0].attr = attr;
	arg->param[0].u.value.a = 0x11;
	arg->param[0].u.value.b = 0x22;
}

static struct rig *breach_rig(const struct rig_setup *setup, struct optee *o,
			      void (*optee)(struct rig *rig, struct om_regs *regs))
{
	struct rig *rig = rig_new(setup);

	*o = (struct optee){ 0 };
	rig->yielding = optee;
	rig->arg = o;
	return rig;
}

#define BREACH_TEST(name, answers) \
	RIG_TEST_WITH(name, struct optee, o, breach_rig(NULL, &o, answers))

/* --- I1: single fetch -------------------------------------------------------------- */

/* An INVOKE is interrupted for ever; other commands are done at once. */
static void interrupt_invokes(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;
	struct om_message *message;

	if (regs->a[0] == OPTEE_SMC_RETURN_FROM_RPC) {
		leave(regs, OPTEE_SMC_RETURN_OK, 0);
		return;
	}
	message = shadow(rig, regs);
	o->cookie = message->param[0].u.rmem.shm_ref;
	leave(regs, message->hdr.cmd == OPTEE_MSG_CMD_INVOKE_COMMAND ?
		    OPTEE_SMC_RETURN_RPC_FOREIGN_INTR : OPTEE_SMC_RETURN_OK, 0);
}

/* UNREGISTER waits for a call on its way in; what it named then is what it releases. */
BREACH_TEST(i1_message_that_waits_is_not_read_again, interrupt_invokes)
{
	struct om_message *message;
	struct om_regs invoke, unregister;

	register_shm(rig, 0x33, 2);
	register_shm(rig, 0x34, 3);
	message = rig_message(rig, OTHER, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	message->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	message->param[0].u.rmem.shm_ref = 0x33;
	invoke = send(rig, OPTEE_SMC_CALL_WITH_ARG, OTHER);
	assert_int_equal(invoke.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);

	message = rig_message(rig, MESSAGE, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	message->param[0].u.rmem.shm_ref = 0x33;
	unregister = send(rig, OPTEE_SMC_CALL_WITH_ARG, MESSAGE);
	assert_int_equal(unregister.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	message->param[0].u.rmem.shm_ref = 0x34;
	assert_int_equal(resume(rig, invoke).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(resume(rig, unregister).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, TEEC_SUCCESS);
	assert_int_equal(o->cookie, 0x33);
	assert_false(known(rig, 0x33));
	assert_true(known(rig, 0x34));
	assert_int_equal(rig->ram->pinned, 3);
}

/* Asks in the message's own page, having changed what the message says of itself. */
static void shorten_the_message(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;

	if (o->entries++) {
		o->back = *o->arg;
		leave(regs, OPTEE_SMC_RETURN_OK, 0);
		return;
	}
	o->message = shadow(rig, regs);
	o->arg = (void *)((uint8_t *)o->message + OPTEE_MSG_ARG_SIZE(2));
	o->message->hdr.num_params = 1;
	write_request(o->arg, OPTEE_RPC_CMD_GET_TIME, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT);
	leave(regs, OPTEE_SMC_RETURN_RPC_CMD, 0);
}

BREACH_TEST(i1_length_of_a_message_is_as_it_was_fetched, shorten_the_message)
{
	struct om_message *message = rig_message(rig, MESSAGE, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);
	struct om_request_copy *arg = (void *)((uint8_t *)message + OPTEE_MSG_ARG_SIZE(2));
	struct om_regs r = send(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, MESSAGE);

	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(arg->hdr.cmd, OPTEE_RPC_CMD_GET_TIME);
	assert_int_equal(arg->hdr.num_params, 1);
	arg->hdr.ret = TEEC_SUCCESS;
	arg->param[0].u.value.a = 0x77;
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.hdr.ret, TEEC_SUCCESS);
	assert_int_equal(o->back.param[0].u.value.a, 0x77);
}

/* Asks with an input, and calls it an output when the guest has been asked. */
static void ask_with_an_input(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;

	if (o->entries++) {
		o->back = *o->arg;
		leave(regs, OPTEE_SMC_RETURN_OK, 0);
		return;
	}
	o->arg = (void *)((uint8_t *)shadow(rig, regs) + OPTEE_MSG_ARG_SIZE(0));
	write_request(o->arg, OPTEE_RPC_CMD_SUSPEND, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
	leave(regs, OPTEE_SMC_RETURN_RPC_CMD, 0);
}

BREACH_TEST(i1_outputs_are_those_that_were_asked_for, ask_with_an_input)
{
	struct om_message *message = rig_message(rig, MESSAGE, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	struct om_request_copy *arg = (void *)((uint8_t *)message + OPTEE_MSG_ARG_SIZE(0));
	struct om_regs r = send(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, MESSAGE);

	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	o->arg->param[0].attr = OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT;
	arg->param[0].u.value.a = 0x77;
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.param[0].u.value.a, 0x11);
	assert_int_equal(o->back.param[0].u.value.b, 0x22);
}

/* --- I2, I3: what goes in and what comes out ----------------------------------------- */

#define LEFTOVER 0x5b40000000u	/* a page of the machine's, which OP-TEE left in registers */

static void leave_an_address(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;

	leave(regs, o->entries++ ? OPTEE_SMC_RETURN_OK : OPTEE_SMC_RETURN_RPC_FOREIGN_INTR,
	      LEFTOVER);
	regs->a[4] = LEFTOVER >> 32;
	regs->a[5] = (uint32_t)LEFTOVER;
}

BREACH_TEST(i2_interrupt_is_answered_without_an_address, leave_an_address)
{
	struct om_regs r;

	rig_message(rig, MESSAGE, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	r = send(rig, OPTEE_SMC_CALL_WITH_ARG, MESSAGE);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(r.a[1] | r.a[2], 0);
	r = resume(rig, r);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(r.a[1] | r.a[2] | r.a[3], 0);
	assert_int_equal(rig->smcs, 2);
	assert_int_equal(rig->smc[1].a[3], THREAD);
	for (uint32_t i = 1; i < 7; i++)
		if (i != 3)
			assert_int_equal(rig->smc[1].a[i], 0);
}

static void ask_for_an_argument(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;

	leave(regs, o->entries++ ? OPTEE_SMC_RETURN_OK : OPTEE_SMC_RETURN_RPC_ALLOC,
	      (uint64_t)TEST_PAGE << 32 | 0x5b400000u);
}

BREACH_TEST(i3_of_an_alloc_the_size_is_shown, ask_for_an_argument)
{
	struct om_regs r;

	rig_message(rig, MESSAGE, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	r = send(rig, OPTEE_SMC_CALL_WITH_ARG, MESSAGE);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_ALLOC);
	assert_int_equal(r.a[1], TEST_PAGE);
	assert_int_equal(r.a[2], 0);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
}

/* --- I4, I5: what is held and charged -------------------------------------------------- */

RIG_TEST(i4_what_optee_keeps_still_counts)
{
	register_shm(rig, 0x33, 40);
	rig_answer(rig, OPTEE_SMC_VM_DESTROYED)->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	assert_int_equal(om_guest_destroy(rig->guest), OM_ERR_NOT_RELEASED);
	assert_int_equal(rig->ram->pinned, 40);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_NOW), 40);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_PEAK), 40);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_BUFFERS_NOW), 1);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_SESSIONS_NOW), 1);
	rig_answer(rig, OPTEE_SMC_VM_DESTROYED)->a[0] = OPTEE_SMC_RETURN_OK;
}

#define REFUSALS	5u
#define MAPPED		40u	/* of which 4 are set aside for the call's parameters */
#define PAYLOAD		36u

/* Asks for payloads, one after the other. */
static void ask_for_payloads(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;

	if (!o->entries)
		o->arg = (void *)((uint8_t *)shadow(rig, regs) + OPTEE_MSG_ARG_SIZE(0));
	else
		o->back = *o->arg;
	if (o->entries++ > REFUSALS) {
		leave(regs, OPTEE_SMC_RETURN_OK, 0);
		return;
	}
	write_request(o->arg, OPTEE_RPC_CMD_SHM_ALLOC, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
	o->arg->hdr.ret = TEEC_ERROR_GENERIC;
	leave(regs, OPTEE_SMC_RETURN_RPC_CMD, 0);
}

/* Answers the request that waits with a list of PAYLOAD pages, the last as it says. */
static struct om_regs offer(struct rig *rig, struct om_regs r, uint64_t cookie, uint64_t last)
{
	struct om_request_copy *arg = (void *)((uint8_t *)rig_va(rig, MESSAGE) +
					       OPTEE_MSG_ARG_SIZE(0));
	uint64_t *list = rig_va(rig, LIST_PAGE);

	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(arg->hdr.cmd, OPTEE_RPC_CMD_SHM_ALLOC);
	rig_list(rig, &arg->param[0], LIST, LIST_PAGE, PAYLOAD);
	list[PAYLOAD - 1] = last;
	arg->hdr.ret = TEEC_SUCCESS;
	arg->param[0].u.tmem.shm_ref = cookie;
	return resume(rig, r);
}

static struct rig *payload_rig(struct optee *o)
{
	struct rig_setup setup = rig_default;

	setup.limits.threads = 1;
	setup.limits.pages = 4 * MAPPED;	/* so that no other limit is in the way */
	setup.limits.call_pages = MAPPED;
	setup.limits.mapped_pages = MAPPED;
	return breach_rig(&setup, o, ask_for_payloads);
}

#define PAYLOAD_TEST(name) RIG_TEST_WITH(name, struct optee, o, payload_rig(&o))

static struct om_regs send_for_payload(struct rig *rig)
{
	rig_message(rig, MESSAGE, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	return send(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, MESSAGE);
}

/* Offers what is refused: the guest is to free it, and then OP-TEE is told why. */
static struct om_regs offer_in_vain(struct rig *rig, struct om_regs r, uint64_t last,
				    uint32_t why)
{
	const struct om_request_copy *arg = (void *)((uint8_t *)rig_va(rig, MESSAGE) +
						     OPTEE_MSG_ARG_SIZE(0));
	const struct optee *o = rig->arg;

	r = offer(rig, r, COOKIE + 1, last);
	assert_int_equal(arg->hdr.cmd, OPTEE_RPC_CMD_SHM_FREE);
	r = resume(rig, r);
	assert_int_equal(o->back.hdr.ret, why);
	return r;
}

/* All that may be mapped, refused again and again, is there for the one that is good. */
PAYLOAD_TEST(fault_a1_refused_payload_is_charged_to_nobody)
{
	struct om_regs r = send_for_payload(rig);

	for (uint32_t i = 0; i < REFUSALS; i++)
		r = offer_in_vain(rig, r, rig->ram->mmio_ipa, TEEC_ERROR_BAD_PARAMETERS);
	r = offer(rig, r, COOKIE, rig_ipa(rig, DATA));
	assert_int_equal(o->back.hdr.ret, TEEC_SUCCESS);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->ram->pinned, PAYLOAD);
}

/* OP-TEE keeps what it was given: mapped, and so charged, when the call is over. */
PAYLOAD_TEST(fault_a1_payload_stays_charged_after_its_call)
{
	struct om_regs r = send_for_payload(rig);

	o->entries = REFUSALS + 1;
	r = offer(rig, r, COOKIE, rig_ipa(rig, DATA));
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->ram->pinned, PAYLOAD);
	o->entries = 0;
	r = send_for_payload(rig);
	o->entries = REFUSALS + 1;
	r = offer_in_vain(rig, r, rig_ipa(rig, DATA), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->ram->pinned, PAYLOAD);
}

/* --- I8: fail closed ---------------------------------------------------------------------- */

/* A good request where it should be, under a function that is none. */
static void ask_by_another_function(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;

	if (o->entries++) {
		leave(regs, OPTEE_SMC_RETURN_OK, 0);
		return;
	}
	o->arg = (void *)((uint8_t *)shadow(rig, regs) + OPTEE_MSG_ARG_SIZE(0));
	write_request(o->arg, OPTEE_RPC_CMD_SUSPEND, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
	leave(regs, OPTEE_SMC_RETURN_RPC_CMD + 1, 0);
}

BREACH_TEST(i8_unknown_function_is_no_command, ask_by_another_function)
{
	struct om_message *message = rig_message(rig, MESSAGE, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	struct om_request_copy *arg = (void *)((uint8_t *)message + OPTEE_MSG_ARG_SIZE(0));
	struct om_regs r = send(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, MESSAGE);

	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(arg->hdr.cmd, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_REQUEST), 1);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
}

/* --- I9: every exit is a state ------------------------------------------------------------ */

static void done(struct rig *rig, struct om_regs *regs)
{
	(void)rig;
	leave(regs, OPTEE_SMC_RETURN_OK, 0);
}

/* In another slot than the call before: what that one left is not this one's to find. */
static void unregister_elsewhere(struct rig *rig, uint64_t cookie)
{
	struct om_message *message = rig_message(rig, MESSAGE, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, MESSAGE) } };

	message->param[0].u.rmem.shm_ref = cookie;
	assert_true(test_guest_call(rig->ram, 1, &regs));
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, TEEC_SUCCESS);
}

/* A message that is nowhere in its buffer, or unreadable there, does not keep the buffer. */
BREACH_TEST(i9_refused_message_lets_go_of_its_buffer, done)
{
	static const struct {
		uint32_t offset;
		uint64_t fails;		/* which read; 0: none is made */
	} messages[] = {
		{ 4, 0 }, { 2 * TEST_PAGE - 8, 0 }, { 2 * TEST_PAGE, 0 }, { UINT32_MAX - 7, 0 },
		/* Where a message may be, and cannot be read: also not its second page. */
		{ 0, 1 }, { TEST_PAGE - 8, 1 }, { TEST_PAGE - 8, 2 },
	};

	for (size_t i = 0; i < COUNT_OF(messages); i++) {
		register_shm(rig, 0x33, 2);
		test_host_fail(rig->host, 1u << TEST_OP_READ, messages[i].fails, false);
		assert_int_equal(rig_call(rig, OPTEE_SMC_CALL_WITH_REGD_ARG, 0, 0x33,
					  messages[i].offset).a[0], OPTEE_SMC_RETURN_EBADADDR);
		test_host_fail(rig->host, 0, 0, false);
		unregister_elsewhere(rig, 0x33);
		assert_int_equal(rig->ram->pinned, 0);
		assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_NOW), 0);
	}
}

/* --- I11: isolation of failure ---------------------------------------------------------- */

/* Whoever asks for the id of a guest that is still there gets none, and takes none away. */
static void expect_id_is_taken(struct rig *rig, void *memory)
{
	struct om_guest *other = NULL;

	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &rig_default.limits,
						 rig->ram, memory, rig->memory_size, &other),
				 OM_ERR_EXISTS);
	assert_null(other);
}

TEST(i11_id_is_taken_to_the_last_page)
{
	struct rig *rig = rig_new(NULL);
	void *memory = aligned_alloc(OM_GUEST_ALIGN, rig->memory_size);

	assert_non_null(memory);
	expect_id_is_taken(rig, memory);
	rig->host->yield_every = 1;
	while (om_guest_destroy(rig->guest) == OM_AGAIN)
		expect_id_is_taken(rig, memory);
	rig->host->yield_every = 0;
	assert_int_equal(rig->host->shadow_pages, 0);
	/* Now it is free, for whoever is the first. */
	assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &rig_default.limits, rig->ram,
					 memory, rig->memory_size, &rig->guest), OM_OK);
	rig->ram->om = rig->guest;
	rig_free(rig);
	free(memory);
}
