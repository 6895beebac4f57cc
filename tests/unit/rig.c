/* SPDX-License-Identifier: BSD-2-Clause */
/* The rig of the unit tests. See rig.h. */
#define _GNU_SOURCE	/* setitimer() */
#include "rig.h"

#include <signal.h>
#include <sys/time.h>

const struct rig_setup rig_default = {
	.limits = { .threads = 4, .buffers = 8, .rpc_args = 4, .pages = 64, .list_pages = 4,
		    .sessions = 8 },
	.ram_pages = 128,
};

static void fail_test(const char *message)
{
	fail_msg("test host: %s", message);
}

void rig_fail_loudly(void)
{
	test_failures_reset();
	test_on_failure(fail_test);
}

static bool is_yielding(uint64_t fid)
{
	return !(fid & SMCCC_FID_FAST);
}

static void secure_world(void *tee, struct om_regs *regs)
{
	struct rig *rig = tee;
	uint32_t i;

	assert_true(rig->smcs < RIG_SMCS);
	rig->smc[rig->smcs++] = *regs;
	if (is_yielding(regs->a[0]) && rig->yielding) {
		rig->yielding(rig, regs);
		return;
	}
	for (i = 0; i < rig->answers; i++) {
		if (rig->answer[i].fid != regs->a[0])
			continue;
		memcpy(regs->a, rig->answer[i].a, sizeof(rig->answer[i].a));
		return;
	}
	regs->a[0] = is_yielding(regs->a[0]) ? OPTEE_SMC_RETURN_OK :
					       OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

struct rig_answer *rig_answer(struct rig *rig, uint32_t fid)
{
	size_t i;

	for (i = 0; i < rig->answers; i++)
		if (rig->answer[i].fid == fid)
			return &rig->answer[i];
	assert_true(rig->answers < RIG_ANSWERS);
	rig->answer[rig->answers] = (struct rig_answer){ .fid = fid };
	return &rig->answer[rig->answers++];
}

static void answer(struct rig *rig, uint32_t fid, uint64_t a0, uint64_t a1, uint64_t a2,
		   uint64_t a3)
{
	/* The upper halves carry nothing, and the mediator has to know that. */
	*rig_answer(rig, fid) = (struct rig_answer){ fid, {
		a0 | 0xdead000000000000u, a1 | 0xbeef000000000000u,
		a2 | 0xcafe000000000000u, a3 | 0xf00d000000000000u } };
}

struct rig *rig_new_bare(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig_fail_loudly();
	rig->host = test_host_new();
	rig->host->smc = secure_world;
	rig->host->tee = rig;
	answer(rig, OPTEE_SMC_CALLS_UID, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2,
	       OPTEE_MSG_UID_3);
	answer(rig, OPTEE_SMC_CALLS_REVISION, OPTEE_MSG_REVISION_MAJOR, 0, 0, 0);
	answer(rig, OPTEE_SMC_GET_THREAD_COUNT, OPTEE_SMC_RETURN_OK, 4, 0, 0);
	answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, OPTEE_SMC_RETURN_OK, 0xfd, 0x42,
	       OPTEE_MSG_RPC_PARAMS);
	answer(rig, OPTEE_SMC_GET_SHM_CONFIG, OPTEE_SMC_RETURN_OK, TEST_RESERVED_PA,
	       TEST_RESERVED_SIZE, 1);
	answer(rig, OPTEE_SMC_VM_CREATED, OPTEE_SMC_RETURN_OK, 0, 0, 0);
	answer(rig, OPTEE_SMC_VM_DESTROYED, OPTEE_SMC_RETURN_OK, 0, 0, 0);
	return rig;
}

/* Behind the guest's memory: not the library's, whatever it counts. */
static const uint8_t canary[OM_GUEST_ALIGN] = { 0xc5, 0x5c, 0xc5, 0x5c, 0xc5, 0x5c, 0xc5, 0x5c };

struct rig *rig_new(const struct rig_setup *setup)
{
	struct rig *rig = rig_new_bare();
	size_t size;

	if (!setup)
		setup = &rig_default;
	rig->ram = test_guest_new(rig->host, RIG_GUEST, setup->ram_pages);
	if (setup->trace)
		test_host_trace(rig->host, setup->trace);
	if (setup->prepare)
		setup->prepare(rig);
	assert_int_equal(om_mediator_init(&rig->mediator, &rig->host->ops, rig->host), OM_OK);
	size = om_guest_size(&setup->limits);
	assert_int_not_equal(size, 0);
	rig->memory_size = size;
	rig->memory = aligned_alloc(OM_GUEST_ALIGN, size + sizeof(canary));
	assert_non_null(rig->memory);
	memcpy((uint8_t *)rig->memory + size, canary, sizeof(canary));
	assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &setup->limits, rig->ram,
					 rig->memory, size, &rig->guest), OM_OK);
	rig->ram->om = rig->guest;
	rig_open_session(rig, RIG_SESSION, true);
	rig->smcs = 0;
	test_host_trace_reset(rig->host);
	return rig;
}

struct rig *rig_new_prepared(void (*prepare)(struct rig *rig))
{
	struct rig_setup setup = rig_default;

	setup.prepare = prepare;
	return rig_new(&setup);
}

void rig_open_session(struct rig *rig, uint32_t id, bool loaded)
{
	static const uint8_t ta[OM_TA_UUID_SIZE];
	uint32_t others, index = om_session_reserve(&rig->guest->sessions, ta, &others);

	assert_int_not_equal(index, OM_NONE);
	om_session_publish(&rig->guest->sessions, index, id, loaded);
}

void rig_free(struct rig *rig)
{
	enum om_result result = OM_OK;

	if (rig->guest) {
		do
			result = om_guest_destroy(rig->guest);
		while (result == OM_AGAIN);
		assert_int_equal(result, OM_OK);
	}
	test_host_assert_balanced(rig->host);
	test_host_free(rig->host);
	if (rig->memory_size)
		assert_memory_equal((uint8_t *)rig->memory + rig->memory_size, canary,
				    sizeof(canary));
	free(rig->memory);
	free(rig);
}

/* What is not set of a variable is no 0 by chance. */
static void __attribute__((noinline)) soil_stack(void)
{
	volatile uint8_t junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = 0xa5;
}

struct om_regs rig_call_regs(struct rig *rig, struct om_regs regs)
{
	soil_stack();
	assert_true(test_guest_call(rig->ram, 0, &regs));
	return regs;
}

struct om_regs rig_call(struct rig *rig, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	return rig_call_regs(rig, (struct om_regs){ .a = { a0, a1, a2, a3 } });
}

struct om_regs rig_send(struct rig *rig, size_t page)
{
	return rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, page), 0);
}

uint64_t rig_ipa(const struct rig *rig, size_t page)
{
	assert_true(page < rig->ram->ram_pages);
	return rig->ram->ipa + page * TEST_PAGE;
}

void *rig_va(const struct rig *rig, size_t page)
{
	return test_guest_va(rig->ram, rig_ipa(rig, page));
}

struct om_message *rig_message(const struct rig *rig, size_t page, uint32_t cmd, uint32_t n)
{
	struct om_message *message = rig_va(rig, page);

	memset(message, 0, TEST_PAGE);
	message->hdr.cmd = cmd;
	message->hdr.num_params = n;
	return message;
}

void rig_list(const struct rig *rig, struct optee_msg_param *param, uint64_t attr, size_t page,
	      uint32_t n)
{
	uint64_t *list = rig_va(rig, page);

	for (uint32_t i = 0; i < n; i++)
		list[i] = rig_ipa(rig, page + 1 + i);
	param->attr = attr;
	param->u.tmem.buf_ptr = rig_ipa(rig, page);
	param->u.tmem.size = (uint64_t)n * TEST_PAGE;
}

void rig_preempt(void (*what)(int signal), uint32_t microseconds)
{
	const struct itimerval timer = {
		.it_interval.tv_usec = (suseconds_t)microseconds,
		.it_value.tv_usec = (suseconds_t)microseconds,
	};
	struct sigaction action = { .sa_handler = microseconds ? what : SIG_IGN };

	action.sa_flags = SA_RESTART;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

uint64_t rig_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Bits that are defined, every one alone that is not, and all at once. */
static const uint64_t flag_sets[] = { 0, 1u << 8, 1u << 9, 3u << 8 };
static const uint64_t cache_sets[] = { 0, 1u << 16, 2u << 16, 4u << 16, 7u << 16 };
static const uint64_t high_sets[] = {
	0, 1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15, 1u << 19, 1u << 20,
	1u << 24, 1u << 31, 1ull << 32, 1ull << 40, 1ull << 63, 0xfffffffffff8fc00u,
};

bool rig_next_attr(struct rig_attrs *attrs, uint64_t *attr)
{
	const uint32_t n = 256 * COUNT_OF(flag_sets) * COUNT_OF(cache_sets) * COUNT_OF(high_sets);
	uint32_t at = attrs->at++;

	if (at >= n)
		return false;
	*attr = at % 256;
	at /= 256;
	*attr |= flag_sets[at % COUNT_OF(flag_sets)];
	at /= COUNT_OF(flag_sets);
	*attr |= cache_sets[at % COUNT_OF(cache_sets)];
	at /= COUNT_OF(cache_sets);
	*attr |= high_sets[at];
	return true;
}
