/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of RPCs have in common: an OP-TEE that is a list of requests, and is
 * done with the call after the last one. What it finds when it is entered is looked at.
 */
#ifndef TESTS_UNIT_RIG_RPC_H
#define TESTS_UNIT_RIG_RPC_H

#include "rig_shm.h"

#define THREAD		6u
#define ARG_COOKIE	0xa100000001u
#define LIST		(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)
#define PAGE		OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT

/* Guest pages: the message with room behind it, the RPC argument, one more, a list, data. */
enum { MESSAGE, ARG, SPARE, LIST_PAGE, DATA };

struct request {
	uint32_t a0;
	uint64_t pair;		/* a1:a2 */
	struct om_request_copy arg;
};

struct optee {
	struct request todo[8];
	uint32_t count;
	uint32_t at;
	uint64_t message;	/* shadow pages it was told of */
	uint64_t arg;
	size_t inline_at;	/* where an inline argument is; 0: no parameters before it */
	struct om_regs in;	/* how it was entered the last time */
	struct om_request_copy back;	/* its RPC argument then */
};

static inline struct om_request_copy *secure_arg(struct rig *rig, struct optee *o)
{
	uint8_t *message;

	if (o->arg)
		return test_secure_access(rig->host, RIG_GUEST, o->arg, TEST_PAGE, true);
	message = test_secure_access(rig->host, RIG_GUEST, o->message, TEST_PAGE, true);
	return (void *)(message + (o->inline_at ? o->inline_at : OPTEE_MSG_ARG_SIZE(0)));
}

static inline void optee(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;
	const struct request *next = &o->todo[o->at];

	o->in = *regs;
	if (regs->a[0] != OPTEE_SMC_RETURN_FROM_RPC)
		o->message = om_pair(regs->a[1], regs->a[2]);
	else if (o->at && o->todo[o->at - 1].a0 == OPTEE_SMC_RETURN_RPC_ALLOC &&
		 !(regs->a[2] % TEST_PAGE))
		o->arg = om_pair(regs->a[1], regs->a[2]);
	o->back = *secure_arg(rig, o);
	if (o->at == o->count) {
		*regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_OK } };
		return;
	}
	o->at++;
	if (next->a0 == OPTEE_SMC_RETURN_RPC_CMD)
		*secure_arg(rig, o) = next->arg;
	*regs = (struct om_regs){ .a = { next->a0, next->pair >> 32, (uint32_t)next->pair,
					 THREAD } };
}

static inline struct rig *rpc_rig(struct optee *o, void (*prepare)(struct rig *))
{
	struct rig *rig = rig_new_prepared(prepare);

	*o = (struct optee){ 0 };
	rig->yielding = optee;
	rig->arg = o;
	return rig;
}

#define RPC_TEST(name) RIG_TEST_WITH(name, struct optee, o, rpc_rig(&o, NULL))

static inline struct request *ask(struct optee *o, uint32_t a0, uint64_t pair)
{
	assert_true(o->count < COUNT_OF(o->todo));
	o->todo[o->count] = (struct request){ .a0 = a0, .pair = pair };
	return &o->todo[o->count++];
}

static inline struct om_request_copy *ask_cmd(struct optee *o, uint64_t cookie, uint32_t cmd,
					      uint32_t n)
{
	struct request *r = ask(o, OPTEE_SMC_RETURN_RPC_CMD, cookie);

	r->arg.hdr.cmd = cmd;
	r->arg.hdr.num_params = n;
	r->arg.hdr.ret = TEEC_ERROR_GENERIC;
	return &r->arg;
}

static inline void ask_alloc(struct optee *o)
{
	ask(o, OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)TEST_PAGE << 32);
}

static inline struct om_regs begin(struct rig *rig, uint32_t fid)
{
	rig_message(rig, MESSAGE, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	return rig_call(rig, fid, 0, rig_ipa(rig, MESSAGE), 0);
}

/* The guest comes back: after an interrupt, or with the reply in memory. */
static inline struct om_regs resume(struct rig *rig, struct om_regs r)
{
	return rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, r.a[3]);
}

static inline struct om_regs resume_alloc(struct rig *rig, struct om_regs r, uint64_t ipa,
					  uint64_t cookie)
{
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_ALLOC);
	assert_int_equal(r.a[1], TEST_PAGE);
	assert_int_equal(r.a[2], 0);
	return rig_call_regs(rig, (struct om_regs){ .a = {
			     OPTEE_SMC_RETURN_FROM_RPC, ipa >> 32, (uint32_t)ipa, r.a[3],
			     cookie >> 32, (uint32_t)cookie } });
}

/* A call whose OP-TEE has an RPC argument under ARG_COOKIE and asks on. */
static inline struct om_regs begin_with_arg(struct rig *rig)
{
	struct om_regs r = begin(rig, OPTEE_SMC_CALL_WITH_ARG);

	return resume_alloc(rig, r, rig_ipa(rig, ARG), ARG_COOKIE);
}

static inline void expect_resumed(const struct optee *o, uint64_t pa, uint64_t cookie)
{
	assert_int_equal(o->in.a[0], OPTEE_SMC_RETURN_FROM_RPC);
	assert_int_equal(om_pair(o->in.a[1], o->in.a[2]), pa);
	assert_int_equal(o->in.a[3], THREAD);
	assert_int_equal(om_pair(o->in.a[4], o->in.a[5]), cookie);
	assert_int_equal(o->in.a[6], 0);
	assert_int_equal(o->in.a[7], RIG_GUEST);
}

/*
 * The guest is only asked to come back; then OP-TEE learns that it failed. answer: what
 * stands where the answer to an ALLOC would, which is never a page.
 */
static inline void expect_hidden(struct rig *rig, struct om_regs r, uint64_t answer)
{
	struct optee *o = rig->arg;
	uint64_t refused = om_guest_counter(rig->guest, OM_COUNT_REFUSED_REQUEST);

	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(r.a[1] | r.a[2], 0);
	assert_true(refused > 0);
	r = resume(rig, r);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	expect_resumed(o, answer, 0);
}

/* A command is answered in its argument. */
static inline void expect_not_shown(struct rig *rig, struct om_regs r)
{
	struct optee *o = rig->arg;

	expect_hidden(rig, r, 0);
	assert_int_equal(o->back.hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
	assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
}

/* What else there may be is answered by what cannot be taken for a page. */
static inline void expect_no_page(struct rig *rig, struct om_regs r)
{
	expect_hidden(rig, r, OM_NO_PAGE);
}

/* Where the guest sees the argument: behind its message, or in a page of its own. */
static inline struct om_request_copy *guest_arg(struct rig *rig, bool is_inline)
{
	return is_inline ? (void *)((uint8_t *)rig_va(rig, MESSAGE) + OPTEE_MSG_ARG_SIZE(0)) :
			   rig_va(rig, ARG);
}

/* A buffer that the guest shared, so that requests can name it. */
static inline void share_data(struct rig *rig, enum om_trace_share kind, uint64_t cookie)
{
	const struct om_share share = { .kind = kind, .cookie = { cookie }, .pages = 1,
					.size = 3000, .offset = 96 };
	struct om_release release = { OM_NONE };
	uint32_t index;

	assert_int_equal(om_share_page(&rig->guest->shm, &share, rig_ipa(rig, SPARE), &index),
			 OM_ACCEPTED);
	om_shm_publish(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
}

#endif
