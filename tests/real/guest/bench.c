/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What calls cost on the real machine: instructions of each operation, and how many
 * operations a second one and two CPUs do. tests/bench/real has both read from the lines
 * that are printed here.
 *
 * What is counted is what happens between an SMC and its return, in the hypervisor, the
 * firmware and OP-TEE. The guest's own work is not: a driver's would be another.
 */
#include "bench.h"

#include "guest_info.h"

#define PSCI_VERSION	0x84000000u

#define read_reg(reg)							\
	({								\
		uint64_t v_;						\
		__asm__ volatile("isb; mrs %0, " reg : "=r"(v_) : : "memory"); \
		v_;							\
	})
#define write_reg(reg, v) \
	__asm__ volatile("msr " reg ", %0; isb" : : "r"((uint64_t)(v)) : "memory")

/* ---- what operations work on ---- */

#define PAGES_MAX	16u	/* of a buffer that is registered */

/* Each vCPU, and each guest, has its own. */
struct work {
	struct cg_guest *g;
	uint32_t invoke, stats;	/* sessions */
	struct cg_buf buf;	/* registered; the memref */
	struct cg_buf one, many;/* to be registered: 1 page, PAGES_MAX pages */
	uint8_t ta[16];		/* the UUID of the TA that is there to be loaded */
	bool good;		/* all results were as they should be */
};

static void expect(struct work *w, bool good)
{
	if (!good)
		w->good = false;
}

static void invoke(struct work *w)
{
	uint64_t a = 2;

	expect(w, cg_add(w->g, w->invoke, &a, 3) == TEEC_SUCCESS && a == 5);
}

static void memref(struct work *w)
{
	uint8_t sum;

	expect(w, cg_sum(w->g, w->invoke, &w->buf, 0, w->buf.size, &sum) == TEEC_SUCCESS);
}

static void share(struct work *w, const struct cg_buf *b)
{
	expect(w, cg_register(w->g, b) == TEEC_SUCCESS &&
		  cg_unregister(w->g, b->cookie) == TEEC_SUCCESS);
}

static void share_one(struct work *w)
{
	share(w, &w->one);
}

static void share_many(struct work *w)
{
	share(w, &w->many);
}

static void rpcs(struct work *w)
{
	struct cg_call c;

	if (!cg_time_init(&c, w->g, w->stats)) {
		expect(w, false);
		return;
	}
	cg_do(&c);
	expect(w, cg_result(&c) == TEEC_SUCCESS);
	cg_call_fini(&c);
}

static void open_ta(struct work *w)
{
	uint32_t session;

	expect(w, cg_open(w->g, w->ta, &session) == TEEC_SUCCESS &&
		  cg_close(w->g, session) == TEEC_SUCCESS);
}

/* An SMC that is not OP-TEE's: all that a trap costs, and little else. */
static void nothing(struct work *w)
{
	uint64_t x[8] = { PSCI_VERSION };

	w->g->platform->smc(w->g->platform->ctx, 0, x);
	expect(w, x[0] >= 0x10000);
}

static const struct {
	const char *name;
	void (*run)(struct work *w);
	uint32_t times;
} operations[] = {
	{ "nothing", nothing, 31 },
	{ "invoke", invoke, 31 },
	{ "memref", memref, 31 },
	{ "share_1", share_one, 31 },
	{ "share_16", share_many, 31 },
	{ "rpcs", rpcs, 31 },
	{ "open_ta", open_ta, 5 },
};

#define OPERATIONS	(sizeof(operations) / sizeof(operations[0]))
#define TIMES_MAX	31u

static void begin(struct work *w, struct cg_guest *g)
{
	const uint64_t page = CG_PAGE;

	w->g = g;
	w->good = true;
	expect(w, cg_open(g, cg_uuid_invoke, &w->invoke) == TEEC_SUCCESS &&
		  cg_open(g, cg_uuid_stats, &w->stats) == TEEC_SUCCESS &&
		  cg_buf_make(g, &w->buf, 64, 0) && cg_buf_make(g, &w->one, page, 0) &&
		  cg_buf_make(g, &w->many, PAGES_MAX * page, 0) &&
		  cg_register(g, &w->buf) == TEEC_SUCCESS);
}

static void end(struct work *w)
{
	expect(w, cg_unregister(w->g, w->buf.cookie) == TEEC_SUCCESS &&
		  cg_close(w->g, w->stats) == TEEC_SUCCESS &&
		  cg_close(w->g, w->invoke) == TEEC_SUCCESS);
	cg_buf_free(w->g, &w->many);
	cg_buf_free(w->g, &w->one);
	cg_buf_free(w->g, &w->buf);
}

/* ---- the TA ---- */

/* The head of a signed TA, as OP-TEE's ta_head has it. */
struct signed_ta {
	uint32_t magic, type, image_size, algorithm;
	uint16_t hash_size, signature_size;
	uint8_t hash[];
};
#define SIGNED_TA_MAGIC		0x4f545348u
#define SIGNED_TA_BOOTSTRAP	1u	/* a UUID and a version follow the signature */

/* QEMU puts it behind the image, when there is one. */
static bool find_ta(struct work *w)
{
	const struct signed_ta *ta = (const void *)BENCH_TA;
	uint32_t head = sizeof(*ta) + ta->hash_size + ta->signature_size;

	if (ta->magic != SIGNED_TA_MAGIC || ta->type != SIGNED_TA_BOOTSTRAP)
		return false;
	cg_copy(w->ta, (const uint8_t *)ta + head, sizeof(w->ta));
	w->g->ta = (const uint8_t *)ta;
	w->g->serve_fs = serve_files;
	w->g->ta_size = head + sizeof(w->ta) + sizeof(uint32_t) + ta->image_size;
	return true;
}

/* ---- instructions ---- */

/*
 * Under QEMU's -icount shift=0 a cycle is an instruction. Event counter 0 counts those at EL2
 * alone; not in secure state, where it is not allowed to.
 */
#define PMCR_RESET		0x47u	/* LC, C, P, E; not DP: cycles count everywhere */
#define EVENT_INSTRUCTIONS	0x08u
#define COUNT_EL2		(1u << 27)
#define NOT_EL1_NOR_EL0		(3u << 30)
#define CYCLES_AND_EVENT_0	0x80000001u

struct cost {
	uint64_t smcs, all, el2;
};

static struct cost cost;	/* since an operation began */

static void counters_on(void)
{
	write_reg("pmccfiltr_el0", COUNT_EL2);
	write_reg("pmevtyper0_el0", EVENT_INSTRUCTIONS | COUNT_EL2 | NOT_EL1_NOR_EL0);
	write_reg("pmcntenset_el0", CYCLES_AND_EVENT_0);
	write_reg("pmcr_el0", PMCR_RESET);
}

static void counted_smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	uint64_t el2 = read_reg("pmevcntr0_el0");
	uint64_t all = read_reg("pmccntr_el0");

	(void)ctx, (void)vcpu;
	smc_call(x);
	cost.all += read_reg("pmccntr_el0") - all;
	cost.el2 += (uint32_t)(read_reg("pmevcntr0_el0") - el2);
	cost.smcs++;
}

static void say_cost(const char *name, const char *which, const struct cost *c)
{
	say("bench: cost ");
	say(name);
	say(" ");
	say(which);
	say(" ");
	say_number(c->smcs);
	say(" ");
	say_number(c->all);
	say(" ");
	say_number(c->el2);
	say("\n");
}

/* Keeps the first n sorted. */
static void insert(struct cost *sorted, uint32_t n, const struct cost *c)
{
	while (n && sorted[n - 1].all > c->all) {
		sorted[n] = sorted[n - 1];
		n--;
	}
	sorted[n] = *c;
}

static void count(struct work *w, uint32_t i)
{
	struct cost sorted[TIMES_MAX];

	/* Once before: OP-TEE allocates some things at the first time. */
	operations[i].run(w);
	for (uint32_t n = 0; n < operations[i].times; n++) {
		cost = (struct cost){ 0 };
		operations[i].run(w);
		insert(sorted, n, &cost);
	}
	say_cost(operations[i].name, "minimum", &sorted[0]);
	say_cost(operations[i].name, "median", &sorted[operations[i].times / 2]);
}

static bool count_all(struct cg_guest *g)
{
	struct work w;

	counters_on();
	begin(&w, g);
	for (uint32_t i = 0; i < OPERATIONS; i++)
		if (operations[i].run != open_ta || find_ta(&w))
			count(&w, i);
	end(&w);
	return result("bench: every operation did what it is for", w.good && !g->anomalies);
}

/* ---- throughput ---- */

/*
 * Windows of time have the same number for everybody, as CPUs and guests read one counter. In
 * every other one the first worker is alone, and in the one after it all are at it: what else
 * the machine does meanwhile hits both alike.
 */
#define WINDOWS_A_SECOND	40u
#define RACES			3u	/* operations that are raced */
#define WINDOWS			(2u * RACES * 60u)

static void (*const races[RACES])(struct work *w) = { invoke, rpcs, share_one };
static const char *const race_names[RACES] = { "invoke", "rpcs", "share_1" };

struct race {
	struct cg_guest *g;
	uint32_t who;		/* worker: 0 or 1 */
	bool good;
	struct {
		uint64_t window, rate;	/* operations a second; 0: not at it */
	} seen[WINDOWS];
};

static uint64_t window_at(uint64_t time)
{
	return time / (read_reg("cntfrq_el0") / WINDOWS_A_SECOND);
}

static uint64_t now(void)
{
	return read_reg("cntvct_el0");
}

/* To read the counter takes a lock of QEMU's: not too often, or others wait for it. */
static void pause(void)
{
	for (uint32_t i = 0; i < 20000; i++)
		__asm__ volatile("" : : : "memory");
}

static void wait_for_window(uint64_t window)
{
	while (window_at(now()) < window)
		pause();
}

/* Until the window is over: operations a second. */
static uint64_t run_window(struct work *w, uint64_t window)
{
	void (*run)(struct work *w) = races[window / 2 % RACES];
	uint64_t start = now();
	uint64_t done = 0;

	do {
		run(w);
		done++;
	} while (w->good && window_at(now()) == window);
	return done * read_reg("cntfrq_el0") / (now() - start);
}

static void race(void *arg)
{
	struct race *r = arg;
	struct work w;

	begin(&w, r->g);
	for (uint32_t i = 0; w.good && i < WINDOWS; i++) {
		uint64_t window = window_at(now());

		r->seen[i].window = window;
		if (r->who == 0 || window % 2)
			r->seen[i].rate = run_window(&w, window);
		wait_for_window(window + 1);
	}
	end(&w);
	r->good = w.good;
}

static void say_race(const struct race *r)
{
	for (uint32_t i = 0; i < WINDOWS; i++) {
		if (!r->seen[i].rate)
			continue;
		say("bench: rate ");
		say(race_names[r->seen[i].window / 2 % RACES]);
		say(" ");
		say_number(r->seen[i].window);
		say(" ");
		say_number(r->who);
		say(" ");
		say_number(r->seen[i].rate);
		say("\n");
	}
}

static void plain_smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	(void)ctx, (void)vcpu;
	smc_call(x);
}

static bool race_all(struct cg_guest *g, uint32_t id, uint32_t vcpus)
{
	static struct race mine, theirs;

	mine.g = theirs.g = g;
	mine.who = id - 1;
	theirs.who = 1;
	theirs.good = true;
	if (vcpus > 1)
		other_do(race, &theirs);
	race(&mine);
	other_wait();
	say_race(&mine);
	say_race(&theirs);
	return result("bench: every operation did what it is for",
		      mine.good && theirs.good && !g->anomalies);
}

bool bench(struct cg_guest *g, struct cg_platform *platform, const struct guest_info *info)
{
	/* Whatever it looks at in between is not wanted here. */
	platform->is_host_address = NULL;
	platform->smc = info->bench == BENCH_COUNT ? counted_smc : plain_smc;
	return info->bench == BENCH_COUNT ? count_all(g) : race_all(g, info->id, info->vcpus);
}
