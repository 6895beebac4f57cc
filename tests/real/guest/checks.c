/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scenarios cannot do, because it takes interrupts that really come and
 * vCPUs that really run at once.
 */
#include "glue.h"

/* ---- for people to read along ---- */

/* A session with two kinds of arguments, and one with RPCs. */
bool check_conversation(struct cg_guest *g)
{
	uint64_t a = 2;
	uint8_t want;
	uint8_t sum = 0;
	uint32_t session;
	struct cg_buf b;
	struct cg_call c;
	bool good;

	good = cg_open(g, cg_uuid_invoke, &session) == TEEC_SUCCESS &&
	       cg_add(g, session, &a, 3) == TEEC_SUCCESS && a == 5 && cg_buf_make(g, &b, 9000, 100);
	if (!good)
		return result("conversation: values", false);
	want = cg_buf_pattern(g, &b, 1);
	good = cg_register(g, &b) == TEEC_SUCCESS &&
	       cg_sum(g, session, &b, 0, b.size, &sum) == TEEC_SUCCESS && sum == want &&
	       cg_unregister(g, b.cookie) == TEEC_SUCCESS &&
	       cg_close(g, session) == TEEC_SUCCESS &&
	       cg_open(g, cg_uuid_stats, &session) == TEEC_SUCCESS && cg_time_init(&c, g, session);
	if (good) {
		cg_do(&c);
		good = cg_result(&c) == TEEC_SUCCESS && cg_close(g, session) == TEEC_SUCCESS;
	}
	return result("conversation: 2 + 3, a sum over three scattered pages, the time of day", good);
}

/* ---- the heap of OP-TEE ---- */

static uint64_t share(struct cg_guest *g, uint32_t pages)
{
	struct cg_buf b;
	uint64_t ret;

	if (!cg_buf_repeat(g, &b, pages))
		return CG_SMC_ERROR;
	ret = cg_register(g, &b);
	if (ret == TEEC_SUCCESS)
		ret = cg_unregister(g, b.cookie);
	cg_buf_free(g, &b);
	return ret;
}

/*
 * Where the quota is above what OP-TEE has room for, OP-TEE says so itself; neither
 * it nor the mediator may then hold anything: the largest that fits still does.
 */
bool check_heap(struct cg_guest *g)
{
	static const uint32_t fit[] = { 1, 2, 510, 511, 512, 1022, 1023, 4088, 8192, SECURE_PAGES };
	bool good = true;

	for (uint32_t i = 0; i < sizeof(fit) / sizeof(fit[0]); i++)
		good &= result("heap: a buffer that fits", share(g, fit[i]) == TEEC_SUCCESS);
	for (uint32_t i = 0; i < 3; i++) {
		uint64_t ret = share(g, SECURE_PAGES + 1000);

		/* What OP-TEE says is not what the mediator would: BAD_PARAMETERS. */
		good &= result("heap: 47 MiB at once are too many",
			       ret == TEEC_ERROR_BAD_PARAMETERS || ret == TEEC_ERROR_OUT_OF_MEMORY);
		good &= result("heap: 43 MiB still fit", share(g, SECURE_PAGES) == TEEC_SUCCESS);
	}
	return good;
}

/* ---- notification ---- */

/* The test watchdog in Debian's OP-TEE notifies value 0 every second. */
#define NOTIFY_MILLISECONDS	4000u

bool check_notification(struct cg_guest *g)
{
	uint64_t start = milliseconds();
	uint32_t before = __atomic_load_n(&notifications, __ATOMIC_RELAXED);
	uint32_t out[4] = { 0 };
	struct cg_call c;
	bool good = false;

	if (cg_fast(g, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, NULL) != OPTEE_SMC_RETURN_OK)
		return result("notification: not enabled", false);
	while (!good && milliseconds() - start < NOTIFY_MILLISECONDS) {
		if (__atomic_load_n(&notifications, __ATOMIC_RELAXED) == before)
			continue;
		before = __atomic_load_n(&notifications, __ATOMIC_RELAXED);
		cg_fast(g, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0, out);
		good = out[0] == OPTEE_SMC_RETURN_OK && out[1] == 0 &&
		       (out[2] & OPTEE_SMC_ASYNC_NOTIF_VALID);
	}
	if (cg_call_init(&c, g, OPTEE_MSG_CMD_DO_BOTTOM_HALF, 0)) {
		cg_do(&c);
		good &= c.a[0] == OPTEE_SMC_RETURN_OK;
		cg_hdr(&c)->cmd = OPTEE_MSG_CMD_STOP_ASYNC_NOTIF;
		cg_do(&c);
		good &= c.a[0] == OPTEE_SMC_RETURN_OK;
		cg_call_fini(&c);
	}
	return result("notification: the interrupt came, with the watchdog's value", good);
}

/* ---- two vCPUs ---- */

#define HANDED_OVER	200u
#define STRESS		1500u

static void finish_job(void *arg)
{
	struct cg_call *c = arg;

	c->vcpu = 1;
	cg_finish(c);
}

/*
 * vCPU 0 starts a call and leaves it suspended; vCPU 1 takes it to its end while
 * vCPU 0 has another one in OP-TEE.
 */
static bool hand_over(struct cg_guest *g)
{
	static struct cg_call theirs;
	uint32_t session;
	bool good;

	good = cg_open(g, cg_uuid_stats, &session) == TEEC_SUCCESS;
	for (uint32_t i = 0; good && i < HANDED_OVER; i++) {
		struct cg_buf b;

		good = cg_time_init(&theirs, g, session) &&
		       cg_until(&theirs, i % 2 ? OPTEE_SMC_RETURN_RPC_ALLOC :
						 OPTEE_SMC_RETURN_RPC_CMD);
		other_do(finish_job, &theirs);
		if (cg_buf_make(g, &b, 20000, i)) {
			good &= cg_register(g, &b) == TEEC_SUCCESS &&
				cg_unregister(g, b.cookie) == TEEC_SUCCESS;
			cg_buf_free(g, &b);
		}
		other_wait();
		good &= cg_result(&theirs) == TEEC_SUCCESS &&
			cg_param(&theirs, 0)->u.value.a == 1500000000;
		cg_call_fini(&theirs);
	}
	good = cg_close(g, session) == TEEC_SUCCESS && good;
	return result("two vCPUs: 200 calls begun on one and ended on the other",
		      good && g->anomalies == 0);
}

static uint32_t anomalies;

/* Where the guest's client first saw something that must never be seen. */
static void say_anomaly(const struct cg_guest *g)
{
	if (!g->anomalies)
		return;
	say("anomaly: ");
	say(g->anomaly_file);
	say(" line ");
	say_number(g->anomaly_line);
	say("\n");
}

static void stress_job(void *arg)
{
	struct cg_guest *g = arg;

	__atomic_fetch_add(&anomalies, cg_stress(g->platform, 1, 0x5eed, STRESS),
			   __ATOMIC_RELAXED);
}

static bool stress(struct cg_guest *g)
{
	uint32_t mine;

	cg_stress_init(g->platform);
	other_do(stress_job, g);
	mine = cg_stress(g->platform, 0, 0xf00d, STRESS);
	other_wait();
	mine += cg_stress_end(g->platform) + anomalies;
	say_anomaly(g);
	return result("two vCPUs: 1500 random operations on each at once", mine == 0);
}

bool check_two_vcpus(struct cg_guest *g)
{
	bool good = hand_over(g);

	return stress(g) && good;
}
