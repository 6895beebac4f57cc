/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test host: struct om_host_ops over fake machine memory, with eyes.
 *
 * It plays the hypervisor under the mediator: guests whose IPA is not their PA,
 * pages with holes and devices among them, pins, shadow pages, a conduit. All
 * the while it checks what a backend could only assume: that addresses are
 * aligned and pinned, that no lock is held across an operation, that registers
 * are 32-bit and a7 is the caller's, that nothing leaks. It knows nothing of the
 * mediator's inside nor of OP-TEE; the model asks it for memory.
 *
 * How to use:
 *
 *	struct test_host *h = test_host_new();
 *	struct model *m = model_new(h, NULL);		(tests/model/model.h)
 *	struct test_guest *g = test_guest_new(h, 1, 2048);	(id, pages of RAM)
 *
 *	om_mediator_init(&mediator, &h->ops, h);
 *	om_guest_create(&mediator, g->id, &limits, g, mem, size, &g->om);
 *	uint32_t *word = test_guest_va(g, ipa);		(the guest's own view)
 *	test_guest_call(g, vcpu, &regs);		(an SMC of the guest)
 *	om_guest_destroy(g->om);
 *
 *	test_host_assert_balanced(h);
 *	model_free(m);
 *	test_host_free(h);
 *
 * A check that fails calls the function given to test_on_failure(), by default
 * it prints and aborts. In a cmocka test on one thread that may be a function
 * that calls fail_msg("%s", message); with several threads keep the default.
 *
 * Threads: everything marked "any thread" may be used from several vCPU threads
 * at once. The rest (fault scripts, counting, mutation, unmapping) is for one
 * thread, or while no call runs.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/host.h>
#include <optee_mediator/mediator.h>
#include <optee_mediator/trace.h>

#define TEST_PAGE		4096u
#define TEST_GUESTS		8u	/* the most that live in one host */
#define TEST_SHADOW_PAGES	8192u	/* the most shadow pages at a time */

/* The machine's addresses. Guests' IPA never look like any of them. */
#define TEST_PA_BASE		0x5b40000000ull	/* guests' RAM */
#define TEST_PA_PAGES		262144u
#define TEST_SHADOW_PA_BASE	0x5bc0000000ull
#define TEST_RESERVED_PA	0x70000000ull	/* OP-TEE's reserved shared memory */
#define TEST_RESERVED_SIZE	0x200000u
#define TEST_IPA_BASE		0x40000000ull	/* where every guest's RAM begins */

/* What is behind a page of a guest's IPA space. */
enum test_page_kind {
	TEST_PAGE_HOLE,		/* nothing: also everything outside of the window */
	TEST_PAGE_RAM,
	TEST_PAGE_READONLY,
	TEST_PAGE_MMIO,
	TEST_PAGE_RESERVED,	/* RAM, but inside OP-TEE's reserved memory */
	TEST_PAGE_PA0,		/* RAM at PA 0 */
};

/* The operations, for counts and faults. */
enum test_op {
	TEST_OP_PIN,		/* may be made to fail */
	TEST_OP_READ,		/* may be made to fail */
	TEST_OP_WRITE,		/* may be made to fail */
	TEST_OP_PAGE_ALLOC,	/* may be made to fail */
	TEST_OP_UNPIN,
	TEST_OP_PAGE_FREE,
	TEST_OP_SMC,
	TEST_OP_LOCK,
	TEST_OP_YIELD,
	TEST_OP_NOTIFY,
	TEST_OP_AUTHORIZE,
	TEST_OP_TRACE,
	TEST_OPS
};
#define TEST_FAULTS_ALL	((1u << TEST_OP_PIN) | (1u << TEST_OP_READ) | \
			 (1u << TEST_OP_WRITE) | (1u << TEST_OP_PAGE_ALLOC))

struct test_guest;
struct test_frame;	/* a physical page; memory.c */

struct test_host {
	/*
	 * The table to give to the mediator. All required operations, and
	 * should_yield and notify. authorize and trace are NULL until
	 * test_host_authorize() and test_host_trace() are used, which is before
	 * om_mediator_init(); clear notify or should_yield by hand.
	 */
	struct om_host_ops ops;

	/* The secure world; set by model_new() or by hand. */
	void (*smc)(void *tee, struct om_regs *regs);
	void *tee;

	struct test_guest *guest[TEST_GUESTS];

	/*
	 * Optional, called before every operation but lock, unlock and trace,
	 * with no lock held: the place to change guest memory, or the map,
	 * between two steps of the mediator. guest is NULL for host operations.
	 */
	void (*on_op)(void *arg, enum test_op op, struct test_guest *guest);
	void *on_op_arg;

	/* should_yield: 0 never, 1 always, k every k-th time. Any time. */
	_Atomic uint32_t yield_every;

	bool mutate_always;	/* see test_guest_mutate() */
	/* A guest names a list page twice: then it is read twice, once for each. */
	bool rereads_expected;

	/* How often each operation was called, failed ones included. */
	_Atomic uint64_t count[TEST_OPS];
	_Atomic int64_t shadow_pages;		/* allocated now */
	_Atomic int64_t shadow_pages_peak;

	/* authorize: what is answered; see test_host_authorize(). */
	uint32_t (*authorize)(void *arg, struct test_guest *guest,
			      const struct om_request *request);
	void *authorize_arg;

	/* Trace capture; trace_count goes on counting beyond the array. */
	struct om_trace_event *trace;
	size_t trace_size;
	_Atomic size_t trace_count;

	/* The fault script; see test_host_fail(). */
	_Atomic uint32_t fault_ops;
	_Atomic int64_t fault_countdown;
	bool fault_forever;
	_Atomic uint64_t fault_hits;

	/* Private to memory.c. */
	struct test_frame *frame;
	size_t frames_used;
	uint8_t *shadow;
	uint8_t *reserved;
	uint32_t *shadow_free;
	size_t shadow_free_count;
	pthread_mutex_t mutex;
};

struct test_guest {
	struct test_host *host;
	uint32_t id;		/* a7 */
	uint32_t index;		/* in host->guest */
	struct om_guest *om;	/* the test's to set, for test_guest_call() */
	void *mem;		/* what test_guest_create() gave to it */

	/* RAM as the guest sees it: contiguous in IPA, scattered in PA. */
	uint8_t *ram;
	uint64_t ipa;		/* TEST_IPA_BASE */
	size_t ram_pages;

	/* One page each behind the RAM, outside of it, of a kind of its own. */
	uint64_t hole_ipa;
	uint64_t readonly_ipa;
	uint64_t mmio_ipa;
	uint64_t reserved_ipa;
	uint64_t pa0_ipa;

	_Atomic int64_t pinned;		/* pins now, a page pinned twice counts twice */
	_Atomic int64_t pinned_peak;
	_Atomic int64_t held;		/* pages that OP-TEE may use now, counted likewise */
	_Atomic uint64_t pages_pinned;	/* pages ever asked for in pin() */
	_Atomic uint64_t bytes_read;	/* by the mediator, from this guest */
	_Atomic uint64_t bytes_written;
	_Atomic uint64_t notified;	/* interrupts injected */

	/* Private to memory.c and watch.c. */
	_Atomic uint32_t *page;		/* kind, and frame << TEST_KIND_BITS */
	size_t pages;			/* ram_pages and the special ones */
	pthread_mutex_t mutex;		/* what lock() takes */
	uint8_t *reads;			/* per byte of RAM, saturating */
	bool mutate;
	struct test_mutation *mutation;
	size_t mutation_count;
	size_t mutation_size;
};

/*
 * Failure. test_fail() tells the handler, or prints and aborts; when the handler
 * returns, the operation goes on as best it can. Any thread.
 */
void test_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void test_on_failure(void (*handler)(const char *message));
/* How many failures so far; for handlers that return. */
uint64_t test_failures(void);
void test_failures_reset(void);
/* From now on the first one's message is kept, and a failure ends nothing. One thread. */
void test_collect_failures(void);
/* That message, NULL when all went well. */
const char *test_first_failure(void);

/* A host without guests; h->smc is still NULL. Never NULL. */
struct test_host *test_host_new(void);
/* Ends it with all its guests. Does not check anything. */
void test_host_free(struct test_host *h);

/*
 * A guest with `pages` pages of RAM at TEST_IPA_BASE, zeroed, and the special
 * pages behind it. id: its a7. test_guest_free() before test_host_free() is
 * only needed to make room for another one.
 */
struct test_guest *test_guest_new(struct test_host *h, uint32_t id, size_t pages);
void test_guest_free(struct test_guest *g);

/*
 * An SMC of the guest on a vCPU, through the mediator: g->om must be set. It
 * also makes sure that the mediator stamps this guest's id. Any thread.
 * Inline, so that this library needs no mediator when nobody calls it.
 */
void test_guest_enter(struct test_guest *g);
void test_guest_leave(struct test_guest *g);
/* True between the two, on this thread. */
bool test_guest_is_calling(void);
static inline enum om_outcome test_guest_call(struct test_guest *g, unsigned int vcpu,
					      struct om_regs *regs)
{
	enum om_outcome outcome;

	test_guest_enter(g);
	outcome = om_guest_call(g->om, vcpu, regs);
	test_guest_leave(g);
	return outcome;
}

/*
 * om_guest_create() in memory of its own, and its end, however many steps that takes: returns
 * how many. What the mediator answers is returned; on an error all is as before.
 */
static inline enum om_result test_guest_create(struct test_guest *g, struct om_mediator *mediator,
					       const struct om_limits *limits)
{
	size_t size = om_guest_size(limits);
	enum om_result result;

	size = (size + OM_GUEST_ALIGN - 1) / OM_GUEST_ALIGN * OM_GUEST_ALIGN;
	g->mem = aligned_alloc(OM_GUEST_ALIGN, size);
	if (!g->mem)
		abort();
	/* Memory needs no preparation: junk shows who relies on it. */
	memset(g->mem, 0xa5, size);
	result = om_guest_create(mediator, g->id, limits, g, g->mem, size, &g->om);
	if (result != OM_OK)
		free(g->mem);
	return result;
}

static inline uint32_t test_guest_destroy(struct test_guest *g)
{
	uint32_t steps = 1;

	while (om_guest_destroy(g->om) == OM_AGAIN)
		steps++;
	/* What is used after its end shall be seen. */
	free(g->mem);
	g->mem = NULL;
	g->om = NULL;
	return steps;
}

/* --- The guest's memory map ---------------------------------------------- */

/*
 * Where the guest sees this IPA; up to the end of RAM it is contiguous. Fails
 * outside of RAM. test_guest_ipa() is the way back. Any thread.
 */
void *test_guest_va(const struct test_guest *g, uint64_t ipa);
uint64_t test_guest_ipa(const struct test_guest *g, const void *va);
/* The PA of an IPA now, 0 when there is none. Any thread. */
uint64_t test_guest_pa(const struct test_guest *g, uint64_t ipa);

/* What is behind an IPA now; outside of the window a HOLE. Any thread. */
enum test_page_kind test_guest_kind(const struct test_guest *g, uint64_t ipa);
/* Changes what is behind a page: RAM to READONLY and back, to MMIO, ... */
void test_guest_set_kind(struct test_guest *g, uint64_t ipa, enum test_page_kind kind);
/*
 * Ballooning: the page leaves the guest's map (the guest's view then shows
 * junk). The frame keeps its contents while it is pinned; an access without a
 * pin is a failure. test_guest_remap() puts a fresh zeroed frame, of another PA,
 * behind the same IPA.
 */
void test_guest_unmap(struct test_guest *g, uint64_t ipa);
void test_guest_remap(struct test_guest *g, uint64_t ipa);
/* Pins of the frame that is behind this IPA now; of the page at this PA. */
uint32_t test_guest_pins(const struct test_guest *g, uint64_t ipa);
uint32_t test_guest_pins_pa(const struct test_guest *g, uint64_t pa);
/* The contents of any physical page, pinned or not; NULL when there is none. */
void *test_host_peek(struct test_host *h, uint64_t pa);

/* --- Balances ------------------------------------------------------------- */

/* No pin, no shadow page, no page that the secure world holds, no lock. */
void test_host_assert_balanced(struct test_host *h);
/* The same for one guest, shadow pages left out. */
void test_guest_assert_balanced(struct test_guest *g);
/* Sets all the counts of operations and bytes to zero; balances stay. */
void test_host_reset_counts(struct test_host *h);

/* --- Faults and scripts --------------------------------------------------- */

/*
 * The n-th (1 is the next) call of one of the operations in `ops`, a mask of
 * 1 << TEST_OP_*, fails; with `forever`, all after it as well. n 0: no more.
 * test_host_fault_hits(): how many failed since. 0 after a run means n was
 * beyond the end: that is how a test enumerating n knows it is done.
 */
void test_host_fail(struct test_host *h, uint32_t ops, uint64_t n, bool forever);
uint64_t test_host_fault_hits(struct test_host *h);

/*
 * Turns authorize on. fn NULL: everything passes. The pointers can be changed in
 * h->authorize later; this must come before om_mediator_init().
 */
void test_host_authorize(struct test_host *h,
			 uint32_t (*fn)(void *arg, struct test_guest *guest,
					const struct om_request *request), void *arg);

/* Turns tracing on, into an array of `size` events; before om_mediator_init(). */
void test_host_trace(struct test_host *h, size_t size);
void test_host_trace_reset(struct test_host *h);

/* --- What the mediator read (I1) ------------------------------------------ */

/* Counts reads of each byte of RAM from now on; again: all counts to zero. */
void test_guest_count_reads(struct test_guest *g);
/* The most reads that any byte of the range has; ipa 0: of all RAM. */
uint32_t test_guest_max_reads(const struct test_guest *g, uint64_t ipa, size_t len);

/*
 * Single fetch is watched in every SMC of every test, per thread: no byte may be read
 * twice. With OM_TEST_MUTATE in the environment of test_host_new(), every byte is also
 * changed right after it was read, until the end of the SMC: what follows must not
 * notice. Not with several vCPUs at once.
 *
 * Mutation: from now on every byte that the mediator has read is changed in the
 * guest's memory right after. Off puts back every byte that still holds the junk.
 */
void test_guest_mutate(struct test_guest *g, bool on);

/* --- Leaks (I3) ----------------------------------------------------------- */

/* True when the value is, or points into, a page of the machine: a PA of guests'
 * RAM, a shadow page's PA or VA. Any thread. */
bool test_host_is_host_address(const struct test_host *h, uint64_t value);
/* Fails when a register or pair of registers holds one. Any thread. */
void test_assert_no_leak_regs(const struct test_host *h, const uint64_t *a, size_t n);
/* Fails when any 64-bit word of the guest's RAM, at any 4-byte step, is one. */
void test_guest_assert_no_leak(const struct test_guest *g);

/* --- For the secure world (I2, I4) ---------------------------------------- */

/*
 * The only way to memory for a model of OP-TEE: where a physical range within
 * one page is, for this guest. Fails unless the page is a shadow page (and no
 * other guest's) or pinned for this guest now, and never for PA 0 or the reserved
 * memory; returns NULL then. Any thread.
 */
void *test_secure_access(struct test_host *h, uint32_t guest_id, uint64_t pa,
			 size_t len, bool write);
/* True for a shadow page that is allocated. Any thread. */
bool test_host_is_shadow(struct test_host *h, uint64_t pa);
/*
 * The secure world notes that it holds this page for a guest, and that it let go.
 * Unpinning the last pin of a held page, or freeing a held shadow page, fails.
 */
void test_secure_hold(struct test_host *h, uint32_t guest_id, uint64_t pa);
void test_secure_release(struct test_host *h, uint32_t guest_id, uint64_t pa);
/* Pages the secure world may still use for this guest. */
int64_t test_secure_held(struct test_host *h, uint32_t guest_id);

#endif
