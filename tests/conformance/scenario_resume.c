/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of suspended calls: who may go on with one, and with which id.
 *
 * The stats pseudo-TA stops a call where it is wanted: it asks for the time. What
 * races is in stress.c; here everything happens in one order.
 */
#include "client.h"

/* Resumes with an id that is nobody's; returns a0. */
static uint32_t try_resume(struct cg_guest *g, unsigned int vcpu, uint64_t id)
{
	uint64_t x[8] = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id, 0, 0, 0, 0 };

	cg_smc(g, vcpu, x);
	return (uint32_t)x[0];
}

static void s24_unknown_ids_are_eresume(struct cg_guest *g)
{
	uint64_t seed = 0x24;
	uint32_t session;
	struct cg_call c;

	/* With no call at all ... */
	for (unsigned int i = 0; i < 300; i++)
		CG_EQ(g, "no call", try_resume(g, 0, i), OPTEE_SMC_RETURN_ERESUME);
	CG_EQ(g, "all ones", try_resume(g, 0, 0xffffffff), OPTEE_SMC_RETURN_ERESUME);
	CG_EQ(g, "all 64 ones", try_resume(g, 0, ~0ull), OPTEE_SMC_RETURN_ERESUME);

	/* ... and around the id of one. */
	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	if (cg_time_init(&c, g, session)) {
		CG_OK(g, "suspended", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		CG_OK(g, "not 0", c.id != 0);
		CG_OK(g, "not all ones", c.id != 0xffffffff);
		CG_EQ(g, "0", try_resume(g, 0, 0), OPTEE_SMC_RETURN_ERESUME);
		CG_EQ(g, "all ones", try_resume(g, 0, 0xffffffff), OPTEE_SMC_RETURN_ERESUME);
		for (unsigned int i = 0; i < 32; i++)
			CG_EQ(g, "one bit off", try_resume(g, 0, c.id ^ 1ull << i),
			      OPTEE_SMC_RETURN_ERESUME);
		CG_EQ(g, "next", try_resume(g, 0, c.id + 1), OPTEE_SMC_RETURN_ERESUME);
		CG_EQ(g, "previous", try_resume(g, 0, c.id - 1), OPTEE_SMC_RETURN_ERESUME);
		for (unsigned int i = 0; i < 1000; i++) {
			uint32_t id = (uint32_t)cg_random(&seed);

			if (id != c.id)
				CG_EQ(g, "random", try_resume(g, 0, id), OPTEE_SMC_RETURN_ERESUME);
		}
		CG_FINISH(&c, "unharmed", TEEC_SUCCESS);
		cg_call_fini(&c);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

static void s24_stale_ids_are_eresume(struct cg_guest *g, uint32_t session)
{
	uint64_t old[16];
	struct cg_call c;

	for (unsigned int i = 0; i < 16 && cg_time_init(&c, g, session); i++) {
		CG_OK(g, "suspended", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		old[i] = c.id;
		for (unsigned int n = 0; n < i; n++)
			CG_EQ(g, "of an earlier call", try_resume(g, 0, old[n]),
			      OPTEE_SMC_RETURN_ERESUME);
		CG_FINISH(&c, "ends", TEEC_SUCCESS);
		CG_EQ(g, "of the call that ended", try_resume(g, 0, old[i]),
		      OPTEE_SMC_RETURN_ERESUME);
		cg_call_fini(&c);
	}
}

static void s24_another_guests_call_is_eresume(struct cg_guest *g)
{
	if (!g->platform->foreign_call) {
		cg_skip(g, "the platform has no other guest");
		return;
	}
	CG_EQ(g, "foreign", try_resume(g, 0, g->platform->foreign_call),
	      OPTEE_SMC_RETURN_ERESUME);
}

/* What OP-TEE would take for its own thread index is no id here. */
static void s24_garbage_above_the_id_is_ignored(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	if (cg_time_init(&c, g, session)) {
		CG_OK(g, "suspended", cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
		cg_serve(&c);
		c.x[0] = OPTEE_SMC_RETURN_FROM_RPC | SMCCC_FID_SVE_HINT | 1ull << 63;
		c.x[3] = (uint32_t)c.id | 0x8000000100000000ull;
		cg_resume(&c);
		CG_FINISH(&c, "ends", TEEC_SUCCESS);
		cg_call_fini(&c);
	}
}

static void s26_resume_of_a_command_needs_only_the_id(struct cg_guest *g, uint32_t session)
{
	static const uint64_t values[] = { 0, 1, 0xffffffff, ~0ull, 0x40000000 };

	for (unsigned int i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct cg_call c;

		if (!cg_time_init(&c, g, session))
			break;
		CG_OK(g, "asks for the time", cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
		cg_serve(&c);
		for (unsigned int n = 1; n < 8; n++)
			if (n != 3)
				c.x[n] = values[i];
		cg_resume(&c);
		while (c.state == CG_WAITING) {
			cg_serve(&c);
			if (c.a[0] != OPTEE_SMC_RETURN_RPC_ALLOC)
				c.x[1] = c.x[2] = c.x[4] = c.x[5] = values[i];
			cg_resume(&c);
		}
		CG_EQ(g, "ends", cg_result(&c), TEEC_SUCCESS);
		CG_EQ(g, "seconds", cg_param(&c, 0)->u.value.a, 1500000000);
		cg_call_fini(&c);
	}
}

static void s27_ten_thousand_foreign_interrupts(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	if (cg_invoke_init(&c, g, session, CG_MODEL_INTERRUPT)) {
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 10000, 0, 0);
		cg_set_value(&c, 1, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 7, 8, 9);
		CG_DO(&c, "ends", TEEC_SUCCESS);
		CG_OK(g, "all of them were seen", c.interrupts >= 10000);
		CG_EQ(g, "a", cg_param(&c, 1)->u.value.a, 8);
		CG_EQ(g, "b", cg_param(&c, 1)->u.value.b, 9);
		cg_call_fini(&c);
	}
}

/* Interrupts that come when they come: what is computed is the same. */
static const char *lacks_interrupts(struct cg_guest *g)
{
	return g->platform->flags & CG_INTERRUPTS ? NULL :
						    "the platform has no interrupts of its own";
}

static void s27_interrupted_calls_end_as_ever(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	for (uint32_t n = 0; n < 20 && cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4); n++) {
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = CG_INVOKE_MUTEX;
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 0, 200000, 0);
		cg_set_value(&c, 1, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
		cg_do(&c);
		CG_IS(g, "ends", cg_result(&c), TEEC_SUCCESS);
		cg_call_fini(&c);
	}
}

static const char *lacks_vcpus(struct cg_guest *g)
{
	return g->platform->vcpus < 2 ? "needs two vCPUs" : NULL;
}

static void s28_resume_on_another_vcpu(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	if (cg_time_init(&c, g, session)) {
		cg_start(&c);
		while (c.state == CG_WAITING) {
			cg_serve(&c);
			c.vcpu = (c.vcpu + 1) % g->platform->vcpus;
			cg_resume(&c);
		}
		CG_EQ(g, "ends", cg_result(&c), TEEC_SUCCESS);
		CG_EQ(g, "seconds", cg_param(&c, 0)->u.value.a, 1500000000);
		cg_call_fini(&c);
	}
}

/* Resumed twice for one RPC: the second one finds nothing to go on with. */
static void s25_second_resume_is_eresume(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;
	uint64_t id;

	if (cg_time_init(&c, g, session)) {
		CG_OK(g, "last RPC", cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE));
		id = c.id;
		CG_FINISH(&c, "ends", TEEC_SUCCESS);
		CG_EQ(g, "again", try_resume(g, g->platform->vcpus > 1, id),
		      OPTEE_SMC_RETURN_ERESUME);
		cg_call_fini(&c);
	}
}

/*
 * What the others do here needs no TA: a real OP-TEE built without concurrent
 * pseudo-TAs would have them wait for the one that does not come back.
 */
static void s29_a_call_never_resumed_harms_no_other(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;
	struct cg_buf b;
	uint32_t i;

	if (cg_time_init(&c, g, session)) {
		CG_OK(g, "suspended", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		for (i = 0; i < 50 && CG_OK(g, "memory", cg_buf_make(g, &b, 9000, i)); i++) {
			CG_EQ(g, "others go on", cg_register(g, &b), TEEC_SUCCESS);
			CG_EQ(g, "and on", cg_unregister(g, b.cookie), TEEC_SUCCESS);
			cg_buf_free(g, &b);
		}
		CG_FINISH(&c, "and it can still end", TEEC_SUCCESS);
		cg_call_fini(&c);
	}
}

static void s19_one_call_more_than_threads(struct cg_guest *g)
{
	uint32_t threads = cg_threads(g);
	struct cg_call calls[CG_MAX_CALLS];
	struct cg_call c;
	uint32_t session;
	uint32_t n;
	uint64_t a = 1;

	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	for (uint32_t round = 0; round < 2; round++) {
		for (n = 0; n < threads && cg_time_init(&calls[n], g, session); n++)
			CG_OK(g, "suspended", cg_until(&calls[n], OPTEE_SMC_RETURN_RPC_ALLOC));
		/* No more, whatever it is and however often it is tried. */
		if (cg_time_init(&c, g, session)) {
			for (uint32_t i = 0; i < 5; i++) {
				cg_start(&c);
				CG_EQ(g, "one too many", c.a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
				CG_EQ(g, "and nothing beside", c.a[1] | c.a[2] | c.a[3], 0);
			}
			cg_call_fini(&c);
		}
		cg_finish_all(calls, n);
		while (n--) {
			CG_IS(g, "ends", cg_result(&calls[n]), TEEC_SUCCESS);
			cg_call_fini(&calls[n]);
		}
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	CG_EQ(g, "the slots are good again", cg_add(g, session, &a, 1), TEEC_SUCCESS);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

/*
 * Linux repeats its last SMC when it is told that there is no thread. That only
 * works as long as this SMC is the first one: a call that was once suspended has
 * its thread.
 */
static void s19_thread_limit_comes_at_the_start(struct cg_guest *g, uint32_t session)
{
	uint32_t threads = cg_threads(g);
	struct cg_call calls[CG_MAX_CALLS];
	struct cg_call c;
	struct cg_buf b;
	uint32_t n;

	for (n = 0; n < threads && cg_time_init(&calls[n], g, session); n++)
		CG_OK(g, "suspended", cg_until(&calls[n], OPTEE_SMC_RETURN_RPC_ALLOC));
	if (CG_OK(g, "memory", cg_buf_make(g, &b, 100 * CG_PAGE, 0))) {
		if (cg_call_init(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1)) {
			cg_set_tmem(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT |
				    OPTEE_MSG_ATTR_NONCONTIG, &b);
			cg_start(&c);
			/* Suspended in spite of all: then it must not be lost. */
			for (uint32_t i = 0; i < 1000 && c.state == CG_WAITING; i++)
				cg_resume(&c);
			CG_OK(g, "a call with an id has a thread", c.interrupts == 0);
			CG_EQ(g, "none left", c.a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
			cg_finish_all(calls, n);
			cg_finish(&c);
			CG_DO(&c, "tried again", TEEC_SUCCESS);
			cg_call_fini(&c);
		}
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &b);
	}
	cg_finish_all(calls, n);
	while (n--)
		cg_call_fini(&calls[n]);
}

const struct cg_scenario_entry cg_scenarios_resume[] = {
	CG_SCENARIO("19", "I5, I9", s19_one_call_more_than_threads),
	CG_IN_SESSION("19", "I9", cg_uuid_stats, s19_thread_limit_comes_at_the_start),
	CG_SCENARIO("24", "I6", s24_unknown_ids_are_eresume),
	CG_IN_SESSION("24", "I6", cg_uuid_stats, s24_stale_ids_are_eresume),
	CG_SCENARIO("24", "I6", s24_another_guests_call_is_eresume),
	CG_IN_SESSION("24", "I6, I10", cg_uuid_stats, s24_garbage_above_the_id_is_ignored),
	CG_IN_SESSION("25", "I6", cg_uuid_stats, s25_second_resume_is_eresume),
	CG_IN_SESSION("26", "I6", cg_uuid_stats, s26_resume_of_a_command_needs_only_the_id),
	CG_IN_SESSION_IF(cg_lacks_model, "27", "I5", cg_uuid_model,
			 s27_ten_thousand_foreign_interrupts),
	CG_IN_SESSION_IF(lacks_interrupts, "27", "", cg_uuid_invoke,
			 s27_interrupted_calls_end_as_ever),
	CG_IN_SESSION_IF(lacks_vcpus, "28", "I6", cg_uuid_stats, s28_resume_on_another_vcpu),
	CG_IN_SESSION_IF(cg_lacks_calls, "29", "I11", cg_uuid_stats,
			 s29_a_call_never_resumed_harms_no_other),
	CG_SCENARIOS_END
};
