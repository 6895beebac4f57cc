/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark: runs each operation many times in one of these ways.
 *
 *	bench instructions	under callgrind: a dump for each operation. What is
 *				collected is what runs inside om_guest_call().
 *	bench counts		what the library asks of the host, for each operation
 *	bench time		nanoseconds and throughput, with one and two vCPUs
 *	bench smoke		a little of each, to see that it works
 *
 * A second argument is the effort in percent. scripts/bench runs them all and
 * prints the table; each line of output is made for it: words and numbers.
 */
#define _GNU_SOURCE	/* CPU affinity */

#include "bench_host.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <optee_mediator/abi_smc.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
/* Built without valgrind's header it still serves for everything else. */
#define CALLGRIND_ZERO_STATS	do { } while (0)
#define CALLGRIND_DUMP_STATS_AT(label) ((void)(label))
#define RUNNING_ON_VALGRIND	0
#endif

#define BUFFERS_MAX	10000u
#define CPUS_MAX	2u
#define ROUNDS		60u
#define WINDOWS_MAX	10u	/* in a round */
#define WINDOW_NS	500000u	/* about as long as a window is */

struct operation {
	const char *name;
	uint32_t pages;		/* REGISTER and UNREGISTER of so many; 0: INVOKE */
	uint32_t fid;		/* of the INVOKE */
	enum bench_script script;
	uint32_t buffers;	/* registered when it runs; each is used in turn */
	uint32_t times;
};

/* In an order in which buffers are only added. */
static const struct operation operations[] = {
	{ "invoke", 0, OPTEE_SMC_CALL_WITH_ARG, BENCH_PLAIN, 1, 2000 },
	{ "invoke_interrupt", 0, OPTEE_SMC_CALL_WITH_ARG, BENCH_INTERRUPT, 1, 2000 },
	{ "invoke_time", 0, OPTEE_SMC_CALL_WITH_ARG, BENCH_TIME, 1, 2000 },
	{ "invoke_payload", 0, OPTEE_SMC_CALL_WITH_ARG, BENCH_PAYLOAD, 1, 2000 },
	{ "regd", 0, OPTEE_SMC_CALL_WITH_REGD_ARG, BENCH_PLAIN, 1, 2000 },
	{ "regd_time", 0, OPTEE_SMC_CALL_WITH_REGD_ARG, BENCH_TIME, 1, 2000 },
	{ "share_1", 1, 0, BENCH_PLAIN, 1, 2000 },
	{ "share_8", 8, 0, BENCH_PLAIN, 1, 1000 },
	{ "share_32", 32, 0, BENCH_PLAIN, 1, 500 },
	{ "share_128", 128, 0, BENCH_PLAIN, 1, 200 },
	{ "share_511", 511, 0, BENCH_PLAIN, 1, 100 },
	{ "share_2048", 2048, 0, BENCH_PLAIN, 1, 50 },
	{ "share_16384", 16384, 0, BENCH_PLAIN, 1, 10 },
	{ "invoke_16", 0, OPTEE_SMC_CALL_WITH_ARG, BENCH_PLAIN, 16, 2000 },
	{ "invoke_100", 0, OPTEE_SMC_CALL_WITH_ARG, BENCH_PLAIN, 100, 2000 },
	{ "invoke_1000", 0, OPTEE_SMC_CALL_WITH_ARG, BENCH_PLAIN, 1000, 10000 },
	{ "invoke_10000", 0, OPTEE_SMC_CALL_WITH_ARG, BENCH_PLAIN, BUFFERS_MAX, 20000 },
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* What the operations work on. */
struct bench {
	struct bench_host *host;
	struct bench_guest *guest;
	struct bench_vcpu vcpu;
	uint32_t buffers;	/* registered so far */
};

/*
 * Cookies as Linux makes them: addresses of objects of 192 bytes, 21 in a page,
 * in pages here and there.
 */
static uint64_t cookie_of(uint32_t buffer)
{
	uint64_t page = buffer / 21 * 40503u % 65536u;

	return 0xffff000008000000ull + page * BENCH_PAGE + buffer % 21 * 192u;
}

static void setup(struct bench *b, bool count)
{
	memset(b, 0, sizeof(*b));
	b->host = bench_host_new(count);
	b->guest = bench_guest_new(b->host, 1);
	bench_vcpu_init(&b->vcpu, b->guest, 0);
}

static void add_buffer(struct bench_vcpu *vcpu, uint32_t buffer)
{
	struct bench_list list = bench_list_new(vcpu->guest, 1);

	bench_register(vcpu, &list, cookie_of(buffer));
}

static void teardown(struct bench *b)
{
	bench_guest_free(b->guest);
	bench_host_free(b->host);
}

static void repeat(struct bench *b, const struct operation *op, const struct bench_list *list,
		   uint32_t times)
{
	for (uint32_t i = 0; i < times; i++) {
		if (op->pages) {
			bench_register(&b->vcpu, list, cookie_of(BUFFERS_MAX));
			bench_unregister(&b->vcpu, cookie_of(BUFFERS_MAX));
		} else {
			bench_invoke(&b->vcpu, op->fid, cookie_of(i % op->buffers));
		}
	}
}

static void print_counts(const struct bench *b, const struct operation *op, uint32_t times,
			 uint64_t page_allocs)
{
	const struct bench_counts *c = &b->guest->counts;

	printf("counts %s %g %g %g %g %g %g %llu\n", op->name,
	       (double)c->read_bytes / times, (double)c->written_bytes / times,
	       (double)c->reads / times, (double)c->writes / times,
	       (double)c->pinned / times, (double)c->locks / times,
	       (unsigned long long)(b->host->page_allocs - page_allocs));
}

/* One operation: what it needs, a warm-up, then the part that counts. */
static void run_operation(struct bench *b, const struct operation *op, uint32_t effort, bool count)
{
	uint32_t times = op->times * effort / 100 + 1;
	struct bench_list list = { 0, 0 };
	uint64_t page_allocs;
	char label[64];

	if (op->pages)
		list = bench_list_new(b->guest, op->pages);
	while (b->buffers < op->buffers)
		add_buffer(&b->vcpu, b->buffers++);
	if (op->fid == OPTEE_SMC_CALL_WITH_REGD_ARG)
		bench_carry(&b->vcpu);
	b->host->script = op->script;
	repeat(b, op, &list, times / 10 + 1);

	memset(&b->guest->counts, 0, sizeof(b->guest->counts));
	page_allocs = b->host->page_allocs;
	CALLGRIND_ZERO_STATS;
	repeat(b, op, &list, times);
	snprintf(label, sizeof(label), "%s %u %u", op->name, times, op->pages);
	CALLGRIND_DUMP_STATS_AT(label);
	if (count)
		print_counts(b, op, times, page_allocs);

	b->host->script = BENCH_PLAIN;
	if (op->fid == OPTEE_SMC_CALL_WITH_REGD_ARG)
		bench_uncarry(&b->vcpu);
}

static void run_operations(uint32_t effort, bool count)
{
	struct bench b;

	setup(&b, count);
	for (size_t i = 0; i < OPERATIONS; i++)
		run_operation(&b, &operations[i], effort, count);
	teardown(&b);
}

/*
 * Time. All vCPUs start a window together; its time is from the first start to
 * the last end. It holds what the guest and the secure world do as well, both
 * very little. Windows are short and many, so that on a machine that has other
 * things to do some of them are left alone: those in which each thread had its CPU
 * for nearly all of the time. Only these are compared. Time of the CPU in place of time
 * would not be honest, as a vCPU that does not run while another does is in nobody's way.
 */

struct worker {
	struct bench_vcpu vcpu;
	const struct operation *op;
	uint64_t cookie;	/* of the buffer that it uses, or registers */
	struct bench_list list;	/* what it registers */
	uint32_t workers;
	uint32_t times;		/* in a window */
	uint32_t windows;
	uint32_t *arrived;	/* atomic: at the start of a window, all workers ever */
	struct window {
		uint64_t begin, end;
		bool alone;	/* had its CPU all the time */
	} window[WINDOWS_MAX];
} __attribute__((aligned(64)));

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A CPU of its own for each vCPU, when the process may use that many. */
static void settle_on_cpu(unsigned int index)
{
	cpu_set_t all;
	cpu_set_t one;
	size_t cpu;

	if (sched_getaffinity(0, sizeof(all), &all) || CPU_COUNT(&all) <= (int)index)
		return;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && index-- == 0)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void wait_for_all(struct worker *w, uint32_t window)
{
	uint32_t all = w->workers * (window + 1);
	uint32_t spins = 0;

	__atomic_fetch_add(w->arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(w->arrived, __ATOMIC_ACQUIRE) < all)
		if (++spins % 4096 == 0)
			sched_yield();
}

static void run_window(struct worker *w, uint32_t n)
{
	struct window *window = &w->window[n];
	uint64_t had;

	wait_for_all(w, n);
	had = now(CLOCK_THREAD_CPUTIME_ID);
	window->begin = now(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < w->times; i++) {
		if (w->op->pages) {
			bench_register(&w->vcpu, &w->list, w->cookie);
			bench_unregister(&w->vcpu, w->cookie);
		} else {
			bench_invoke(&w->vcpu, w->op->fid, w->cookie);
		}
	}
	window->end = now(CLOCK_MONOTONIC);
	had = now(CLOCK_THREAD_CPUTIME_ID) - had;
	window->alone = had * 100 >= (window->end - window->begin) * 98;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	settle_on_cpu(w->vcpu.index);
	for (uint32_t n = 0; n < w->windows; n++)
		run_window(w, n);
	return NULL;
}

/* Operations a second of all workers together, for each window. */
struct rate {
	double rate;
	bool alone;
};

static void race(struct worker *workers, struct rate *rate)
{
	pthread_t threads[CPUS_MAX];
	uint32_t arrived = 0;

	for (uint32_t i = 0; i < workers->workers; i++) {
		workers[i].arrived = &arrived;
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			bench_die("pthread_create failed");
	}
	for (uint32_t i = 0; i < workers->workers; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t n = 0; n < workers->windows; n++) {
		struct window all = workers[0].window[n];
		uint64_t last = all.begin;

		for (uint32_t i = 1; i < workers->workers; i++) {
			const struct window *w = &workers[i].window[n];

			all.begin = w->begin < all.begin ? w->begin : all.begin;
			last = w->begin > last ? w->begin : last;
			all.end = w->end > all.end ? w->end : all.end;
			all.alone &= w->alone;
		}
		rate[n].rate = (double)workers->workers * workers->times * 1e9 /
			       (double)(all.end - all.begin);
		/* Not when one of them began late, either. */
		rate[n].alone = all.alone && (last - all.begin) * 100 <= (all.end - all.begin) * 2;
	}
}

/* Who races: vCPUs of one guest, or of two guests that share nothing. */
struct lineup {
	const char *name;
	uint32_t workers;
	bool same_buffer;
	bool two_guests;
};

static const struct lineup lineups[] = {
	{ "one", 1, false, false },
	{ "two_own", 2, false, false },
	{ "two_guests", 2, false, true },
	{ "two_same", 2, true, false },
};

#define LINEUPS (sizeof(lineups) / sizeof(lineups[0]))

struct timing {
	struct bench_host *host;
	struct bench_guest *guests[2];
	struct bench_vcpu vcpus[3];	/* 0 and 1 of the first guest, 1 of the second */
	struct bench_list lists[3];	/* what they register */
	struct rate rate[LINEUPS][ROUNDS * WINDOWS_MAX];
};

static void setup_timing(struct timing *t)
{
	static const struct { uint32_t guest, index; } who[] = { { 0, 0 }, { 0, 1 }, { 1, 1 } };

	t->host = bench_host_new(false);
	t->guests[0] = bench_guest_new(t->host, 1);
	t->guests[1] = bench_guest_new(t->host, 2);
	for (uint32_t i = 0; i < 3; i++) {
		bench_vcpu_init(&t->vcpus[i], t->guests[who[i].guest], who[i].index);
		/* One after the other, so neighbours in the library's table. */
		add_buffer(&t->vcpus[i], who[i].index);
		t->lists[i] = bench_list_new(t->vcpus[i].guest, 1);
	}
}

static void teardown_timing(struct timing *t)
{
	bench_guest_free(t->guests[0]);
	bench_guest_free(t->guests[1]);
	bench_host_free(t->host);
}

/* times: of the operation, in a window */
static void run_lineup(struct timing *t, const struct lineup *l, const struct operation *op,
		       uint32_t times, uint32_t windows, struct rate *rate)
{
	static struct worker workers[CPUS_MAX];
	/* What is registered beside the buffers that are. */
	uint32_t first = op->pages ? BUFFERS_MAX : 0;

	t->host->script = op->script;
	for (uint32_t i = 0; i < l->workers; i++) {
		uint32_t who = i + (i && l->two_guests);

		workers[i] = (struct worker){
			.vcpu = t->vcpus[who], .list = t->lists[who], .op = op,
			.cookie = cookie_of(first + (l->same_buffer ? 0 : i)),
			.workers = l->workers, .times = times, .windows = windows,
		};
	}
	race(workers, rate);
	t->host->script = BENCH_PLAIN;
}

/* Those that were left alone first, then by rate. */
static int compare(const void *a, const void *b)
{
	const struct rate *x = a;
	const struct rate *y = b;

	if (x->alone != y->alone)
		return x->alone ? -1 : 1;
	return (x->rate > y->rate) - (x->rate < y->rate);
}

static void print_rates(const char *op, const struct lineup *l, struct rate *rate, uint32_t n)
{
	uint32_t alone = 0;

	qsort(rate, n, sizeof(rate[0]), compare);
	while (alone < n && rate[alone].alone)
		alone++;
	/* None at all: then all are alike. */
	printf("time %s %s %u %.0f %.0f %u %u\n", op, l->name, l->workers,
	       rate[alone ? alone - 1 : n - 1].rate, rate[(alone ? alone : n) / 2].rate, alone, n);
}

/* The line-ups take turns, so that a noisy moment hits all of them alike. */
static void time_operation(const struct operation *op, uint32_t takes, uint32_t effort)
{
	char name[64];
	static struct timing t;
	uint32_t windows = WINDOWS_MAX * effort / 100 + 1;
	/* Without the last, where it makes no sense: who registers has a cookie of its own. */
	size_t n = LINEUPS - (op->pages != 0);
	uint32_t times;

	windows = windows < WINDOWS_MAX ? windows : WINDOWS_MAX;
	setup_timing(&t);
	t.host->takes = takes;
	snprintf(name, sizeof(name), takes ? "%s+%u" : "%s", op->name, takes);
	run_lineup(&t, &lineups[0], op, 1000, 1, t.rate[0]);
	times = (uint32_t)(t.rate[0][0].rate * WINDOW_NS / 1e9) + 1;
	for (uint32_t round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < n; i++)
			run_lineup(&t, &lineups[i], op, times, windows,
				   &t.rate[i][round * windows]);
	for (size_t i = 0; i < n; i++)
		print_rates(name, &lineups[i], t.rate[i], ROUNDS * windows);
	teardown_timing(&t);
}

/* Those that two vCPUs are to do at once. */
static const struct timed {
	const char *operation;
	uint32_t takes;		/* nanoseconds of the secure world in each SMC */
} timed[] = {
	{ "invoke", 0 }, { "invoke_time", 0 }, { "invoke_payload", 0 }, { "share_1", 0 },
	/* An INVOKE of a TA that is a part of OP-TEE takes the real one 15,000 instructions. */
	{ "invoke_payload", 5000 }, { "share_1", 5000 },
};

static const struct operation *operation(const char *name)
{
	for (size_t i = 0; i < OPERATIONS; i++)
		if (!strcmp(operations[i].name, name))
			return &operations[i];
	bench_die("no such operation");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint32_t effort = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100;

	if (effort > 1000)
		bench_die("the effort is at most 1000 percent");
	if (!strcmp(what, "instructions")) {
		if (!RUNNING_ON_VALGRIND)
			bench_die("\"instructions\" is for valgrind --tool=callgrind");
		run_operations(effort, false);
	} else if (!strcmp(what, "counts")) {
		run_operations(effort, true);
	} else if (!strcmp(what, "time")) {
		for (size_t i = 0; i < sizeof(timed) / sizeof(timed[0]); i++)
			time_operation(operation(timed[i].operation), timed[i].takes, effort);
	} else if (!strcmp(what, "smoke")) {
		run_operations(1, true);
		time_operation(operation("invoke_time"), 0, 1);
		time_operation(operation("share_1"), 5000, 1);
	} else {
		bench_die("instructions, counts, time or smoke, and the effort in percent");
	}
	return 0;
}
