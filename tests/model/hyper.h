/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hypervisor in the place of the mediator, for tests of the model itself.
 *
 * One honest guest that already knows PAs: messages in shadow pages, buffers
 * pinned, page lists built by hand, a7 stamped, RPCs served. It checks nothing;
 * what it does not do right, the model and the test host must notice.
 */
#ifndef TESTS_HYPER_H
#define TESTS_HYPER_H

#include "model.h"

#define HYPER_SLOTS	4u

struct hyper {
	struct test_host *host;
	struct model *model;
	struct test_guest *guest;
	struct om_page msg[HYPER_SLOTS];

	/* Private. */
	struct hyper_buffer *buffer;
	uint64_t cookies;
};

struct hyper *hyper_new(const struct model_config *config);
/* Destroys the guest if it lives, asserts balances and no violation. */
void hyper_free(struct hyper *y);

/* An SMC with this guest's a7; results truncated to 32 bits. */
struct om_regs hyper_smc(struct hyper *y, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3);
/* The message of a slot, cleared. */
struct optee_msg_hdr *hyper_msg(struct hyper *y, uint32_t slot, uint32_t cmd, uint32_t num);
struct optee_msg_hdr *hyper_arg(struct hyper *y, uint32_t slot);
/* Begins the call: fid CALL_WITH_ARG or CALL_WITH_RPC_ARG. */
struct om_regs hyper_begin(struct hyper *y, uint32_t slot, uint32_t fid);
/* Serves one RPC return (slot is for inline arguments) and resumes. */
struct om_regs hyper_serve(struct hyper *y, uint32_t slot, const struct om_regs *regs);
/* Serves until the call is done; returns a0. */
uint32_t hyper_finish(struct hyper *y, uint32_t slot, struct om_regs regs);
/* begin and finish with CALL_WITH_ARG. */
uint32_t hyper_call(struct hyper *y, uint32_t slot);

/* Opens a session on slot 0; 0 when it failed. */
uint32_t hyper_open(struct hyper *y, const uint8_t uuid[16]);
uint32_t hyper_close(struct hyper *y, uint32_t session);
/* A message INVOKE on a slot; parameters to be set by the caller. */
struct optee_msg_hdr *hyper_invoke(struct hyper *y, uint32_t slot, uint32_t session,
				   uint32_t func, uint32_t num);
static inline void hyper_value(struct optee_msg_hdr *hdr, uint32_t i, uint32_t attr, uint64_t a,
			       uint64_t b)
{
	*model_param(hdr, i) = (struct optee_msg_param){ .attr = attr };
	model_param(hdr, i)->u.value.a = a;
	model_param(hdr, i)->u.value.b = b;
}
static inline void hyper_rmem(struct optee_msg_hdr *hdr, uint32_t i, uint32_t attr,
			      uint64_t offs, uint64_t size, uint64_t cookie)
{
	*model_param(hdr, i) = (struct optee_msg_param){ .attr = attr };
	model_param(hdr, i)->u.rmem.offs = offs;
	model_param(hdr, i)->u.rmem.size = size;
	model_param(hdr, i)->u.rmem.shm_ref = cookie;
}

/* Guest pages, pinned, with their list; NONCONTIG buf_ptr. The cookie names it. */
uint64_t hyper_share(struct hyper *y, uint64_t ipa, size_t pages, uint64_t offset,
		     uint64_t *buf_ptr);
/* Unpins and forgets. */
void hyper_unshare(struct hyper *y, uint64_t cookie);
/* Shares and registers; ret of the message. */
uint32_t hyper_register(struct hyper *y, uint64_t ipa, size_t pages, uint64_t offset,
			uint64_t size, uint64_t *cookie);
uint32_t hyper_unregister(struct hyper *y, uint64_t cookie);

#endif
