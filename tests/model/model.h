/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model: a software OP-TEE behind the SMC interface, for host tests.
 *
 * It takes calls as the real one does - guests by a7, a few threads for each,
 * sessions, registered memory, RPCs that really suspend - and touches memory only
 * through test_secure_access() of the test host, so that each address it is given
 * is judged. On top it keeps a list of what the mediator should never have done
 * (violations), and it can be told to misbehave. It knows nothing of the mediator.
 *
 * How to use:
 *
 *	struct model *m = model_new(h, NULL);	(becomes h's secure world)
 *	m->config... may be changed before the probe; hooks and scripts any time
 *	... calls ...
 *	model_assert_clean(m);			(no violation)
 *	assert_int_equal(model_threads_in_use(m, 1), 0);
 *	assert_int_equal(model_vms(m), 0);	(after om_guest_destroy())
 *	model_free(m);
 *
 * Which TAs there are and what they do: model_ta.h. What differs from the real
 * OP-TEE: the end of this comment.
 *
 * Threads: model_smc() may be called from any number of threads. One mutex
 * serialises it, hooks are called with it held and must not call the model.
 * Scripting functions take the mutex themselves.
 *
 * Differences from the real thing: a call holds no TA lock of a single-instance
 * pseudo-TA; VM_DESTROYED never has to wait for a running thread; the number of
 * loop turns decides when a mutex test is interrupted, not time; the memory of a
 * loadable TA's call is mapped as if the TA were a pseudo-TA; self tests, AES and lockdep tests of
 * the invoke_tests pseudo-TA answer at once; opening a loadable TA runs no ldelf and its
 * secure storage ends at the first successful FS reply; no TA ever panics.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/host.h>

#include "../host/host.h"
#include "model_ta.h"

#define MODEL_THREADS_MAX	16u
#define MODEL_GUESTS_MAX	8u

struct model_config {
	uint32_t threads;	/* per guest; 2 */
	/*
	 * True: OP-TEE 4.10. What differs for a guest: a file of secure storage that
	 * cannot be opened, for whatever reason, is removed at once, so memory that was
	 * just refused is asked for again. False: OP-TEE 4.5.
	 */
	bool optee_4_10;
	uint32_t sec_caps;	/* 0xfd, what Debian's virtualized build offers */
	uint32_t rpc_params;	/* in EXCHANGE_CAPABILITIES; 4 */
	uint32_t max_notif_value;/* 0x42, as the real one says with two threads */
	/* GET_SHM_CONFIG: the test host's range. */
	uint32_t reserved_pa;
	uint32_t reserved_size;
	bool async_notif;	/* true: CFG_CORE_ASYNC_NOTIF */
	bool wrong_uid;		/* CALLS_UID answers as somebody else */
	bool garbage_high;	/* results carry junk in bits 63:32; true */
	/*
	 * Translation tables for what OP-TEE maps of one guest's memory: messages,
	 * payloads, memrefs of a TA that runs. One for each 512 pages of the window
	 * (model_window.c) that were ever used, for the guest's life; one more is
	 * needed: OP-TEE panics, a violation. Debian's build has 4 to 6
	 * left, as its address space falls at boot. 4; 0: as many as are needed.
	 */
	uint32_t shm_tables;
	bool ram_at_zero;	/* page 0 is the normal world's RAM; false */
	/* A yielding call is interrupted before every k-th run; 0: never. */
	uint32_t interrupt_every;
};

struct model;

/* The defaults named above. */
struct model_config model_config_default(void);

/* config NULL: the defaults. Sets h->smc and h->tee. Never NULL. */
struct model *model_new(struct test_host *h, const struct model_config *config);
/* Forgets everything, holds on pages included. */
void model_free(struct model *m);
/* To change later; not while calls run. */
struct model_config *model_config(struct model *m);

/* The SMC: h->smc with tee = the model. Any thread. */
void model_smc(void *model, struct om_regs *regs);

/* --- What it saw ---------------------------------------------------------- */

/* Breaches of the protocol by the mediator, oldest first; NULL at the end. */
size_t model_violations(struct model *m);
const char *model_violation(struct model *m, size_t i);
void model_violations_reset(struct model *m);
/* test_fail() with the first one when there is any. */
void model_assert_clean(struct model *m);

/* SMCs that came in: all of them, and those with this function id. */
uint64_t model_smcs(struct model *m);
uint64_t model_smcs_of(struct model *m, uint32_t fid);
/* The last one as it came in. */
struct om_regs model_last_smc(struct model *m);

/* State of a guest (0 when there is none such). */
bool model_vm_exists(struct model *m, uint32_t guest);
uint32_t model_vms(struct model *m);	/* how many there are */
uint32_t model_threads_in_use(struct model *m, uint32_t guest);
uint32_t model_sessions(struct model *m, uint32_t guest);
/* Buffers known by cookie: registered ones, payloads, RPC args, temporary. */
uint32_t model_buffers(struct model *m, uint32_t guest);
/* The pages of one, as recorded; returns how many there are, 0 if unknown. */
size_t model_buffer_pa(struct model *m, uint32_t guest, uint64_t cookie,
		       uint64_t *pa, size_t max);
bool model_notif_started(struct model *m, uint32_t guest);
/* Makes a notification pending as a driver would; the interrupt is the test's to raise. */
void model_notify(struct model *m, uint32_t guest, uint32_t value);

/* --- Misbehaviour --------------------------------------------------------- */

/*
 * A call on its way, as hooks see it. arg and rpc_arg point into the shadow and
 * may be changed; rpc_arg is NULL when the thread has none. regs are the
 * registers that will be returned (in on_return), or came in (in on_enter).
 */
struct model_event {
	uint32_t guest;
	uint32_t thread;
	struct optee_msg_hdr *arg;
	struct optee_msg_hdr *rpc_arg;
	struct om_regs *regs;
};

/* Parameter n of a message; no check. */
static inline struct optee_msg_param *model_param(struct optee_msg_hdr *arg, uint32_t n)
{
	return (struct optee_msg_param *)(void *)(arg + 1) + n;
}

/*
 * on_enter: a new yielding call's message is known, nothing is done yet. What it
 * changes, OP-TEE takes: for a lying shadow use on_return. on_return: every time
 * a yielding call leaves for the normal world, be it finished or for an RPC; the
 * hook may change the shadow and the registers. Both stay until set to NULL.
 */
typedef void model_hook(void *arg, const struct model_event *event);
void model_on_enter(struct model *m, model_hook *hook, void *arg);
void model_on_return(struct model *m, model_hook *hook, void *arg);

/*
 * on_ta: a command gets to a session, that is to the TA it was opened for: an INVOKE
 * before the TA begins, a CANCEL, a CLOSE. Stays until set to NULL.
 */
struct model_ta_event {
	uint32_t guest;
	uint32_t cmd;
	uint32_t func;		/* as in the message, whatever the command */
	uint32_t session;
	uint8_t ta[16];
};
typedef void model_ta_hook(void *arg, const struct model_ta_event *event);
void model_on_ta(struct model *m, model_ta_hook *hook, void *arg);

/*
 * The next SMC with this function id (0: any yielding one) is answered with
 * a[0..3] and nothing is done: EBUSY or ETHREAD_LIMIT with nobody else in flight,
 * a cookie nobody knows from DISABLE_SHM_CACHE, an RPC out of nowhere. Up to 16
 * of them wait in a queue.
 */
void model_answer_next(struct model *m, uint32_t fid, uint64_t a0, uint64_t a1,
		       uint64_t a2, uint64_t a3);
/* As it leaves next with a0 == when (a yielding call), the registers are these. */
void model_replace_next(struct model *m, uint32_t when, uint64_t a0, uint64_t a1,
			uint64_t a2, uint64_t a3);

/*
 * The next REGISTER_SHM / UNREGISTER_SHM / VM_CREATED fails with this code (TEEC_* or
 * OPTEE_SMC_RETURN_*), and nothing is registered, released or created.
 */
void model_refuse_register(struct model *m, uint32_t code);
void model_refuse_unregister(struct model *m, uint32_t code);
void model_refuse_vm(struct model *m, uint32_t code);

/*
 * An RPC that the next INVOKE (of any TA, any guest) makes before it does its
 * work. Up to 16 wait in a queue and are made one after the other.
 */
struct model_rpc {
	uint32_t a0;		/* 0: OPTEE_SMC_RETURN_RPC_CMD */
	/* For RPC_CMD: the message. num_params may be more than are given. */
	uint32_t cmd;
	uint32_t num_params;
	struct optee_msg_param param[4];
	/*
	 * a1:a2. RPC_CMD: the thread's RPC argument, unless raw; else as it is
	 * (RPC_ALLOC: a1 is the size; RPC_FREE: the cookie).
	 */
	bool raw;
	uint32_t a1;
	uint32_t a2;
};
/* What came back: the resume's registers, and the message as the shadow holds it. */
struct model_rpc_result {
	uint32_t a1, a2, a4, a5;
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[4];
};
void model_inject_rpc(struct model *m, const struct model_rpc *rpc);
/* The i-th that came back since the last reset; false while it has not. */
bool model_injected(struct model *m, size_t i, struct model_rpc_result *result);
void model_injected_reset(struct model *m);

#endif
