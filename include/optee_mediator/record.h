/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder: records all inputs that determine what the mediator does.
 *
 * The library gets all its inputs through struct om_host_ops and the arguments of its
 * functions. The recorder has a table of operations that wraps the embedder's, and a wrapper
 * for each of those functions; it writes what passes to a sink. `om-trace replay` runs the
 * library on a recording that begins with om_record_mediator_init(), on any machine, and gets
 * the same bytes. docs/recording.md describes the format, and what a recording contains of a
 * guest's secrets.
 *
 * It allocates nothing, and takes no lock but the one it is given. An embedder that does not
 * call it does not link it (lib/record.c).
 */
#ifndef OPTEE_MEDIATOR_RECORD_H
#define OPTEE_MEDIATOR_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/mediator.h>

/* --- The format ----------------------------------------------------------------------------- */

/* A recording is these eight bytes, then records; the first record is an OM_RECORD_BEGIN. */
#define OM_RECORD_MAGIC		"OMRECORD"
#define OM_RECORD_VERSION	1u

/* The head of a record: 12 bytes. Numbers are little-endian, and nothing is aligned. */
struct om_record_head {
	uint16_t size;		/* of the whole record, this head included */
	uint8_t kind;		/* enum om_record_kind */
	uint8_t cpu;		/* the CPU: om_record_config.cpu */
	uint32_t sequence;	/* counts records from 1; OM_RECORD_BEGIN has 0 */
	uint32_t checksum;	/* of all but this field: om_record_checksum() */
};

/* Kinds of records. The comment names the struct that follows the head, and what follows that. */
enum om_record_kind {
	OM_RECORD_BEGIN = 1,	/* om_record_begin */
	OM_RECORD_ENTER,	/* om_record_enter: a function of the library is called */
	OM_RECORD_LEAVE,	/* om_record_leave: it returned */
	OM_RECORD_PIN,		/* om_record_pages; n IPAs; n PAs when result is 0 */
	OM_RECORD_UNPIN,	/* om_record_pages; n PAs */
	OM_RECORD_READ,		/* om_record_copy; len bytes when result is 0 */
	OM_RECORD_WRITE,	/* om_record_copy; len bytes */
	OM_RECORD_PAGE_ALLOC,	/* om_record_alloc */
	OM_RECORD_PAGE_FREE,	/* om_record_alloc */
	OM_RECORD_SMC,		/* om_record_smc; windows: what the library wrote */
	OM_RECORD_SMC_RETURN,	/* om_record_smc; windows: what OP-TEE wrote */
	OM_RECORD_YIELD,	/* om_record_answer: should_yield() returned true */
	OM_RECORD_LOCK,		/* nothing: a guest's lock was taken with others in the library */
	OM_RECORD_AUTHORIZE,	/* om_record_answer; the struct om_request */
	OM_RECORD_NOTIFY,	/* nothing */
	OM_RECORD_INTERRUPT,	/* om_record_answer: om_guest_interrupt() of that guest */
	OM_RECORD_ALIAS,	/* om_record_alias */
	OM_RECORD_KINDS		/* one past the last */
};

/* The functions that are recorded. */
enum om_record_function {
	OM_RECORD_MEDIATOR_INIT = 1,
	OM_RECORD_GUEST_CREATE,
	OM_RECORD_GUEST_CALL,
	OM_RECORD_GUEST_RESET,
	OM_RECORD_GUEST_DESTROY,
	OM_RECORD_FUNCTIONS	/* one past the last */
};

/* om_record_begin.flags: the optional operations that the embedder has. */
#define OM_RECORD_HAS_YIELD	(1u << 0)
#define OM_RECORD_HAS_NOTIFY	(1u << 1)
#define OM_RECORD_HAS_AUTHORIZE	(1u << 2)
#define OM_RECORD_HAS_CLOCK	(1u << 3)
#define OM_RECORD_IS_RING	(1u << 4)
#define OM_RECORD_HAS_ALIAS	(1u << 5)
#define OM_RECORD_IS_MASKED	(1u << 6)	/* bytes of memory are zeros: om-trace mask --all */
/*
 * A file from the start whose records, but for the first, have 0 for sequence and checksum: so it
 * is compressed to less than half the size, and a reader fills them in. The recorder makes none.
 */
#define OM_RECORD_IS_BARE	(1u << 7)

struct om_record_begin {
	uint32_t version;	/* OM_RECORD_VERSION */
	uint32_t made_by;	/* OM_VERSION_*: major << 16 | minor << 8 | patch */
	uint32_t flags;		/* OM_RECORD_HAS_*, OM_RECORD_IS_RING */
	uint32_t pages_lost;	/* shadow pages beyond the recorder's table */
};

struct om_record_enter {
	uint32_t function;	/* enum om_record_function */
	uint32_t guest;		/* the guest's id */
	uint32_t vcpu;
	uint32_t reserved;	/* 0 */
	uint64_t time;		/* nanoseconds by the embedder's clock, 0 without one */
	uint32_t arg[8];	/* CALL: a0..a7, low halves. CREATE: struct om_limits */
};

struct om_record_leave {
	uint32_t function;
	uint32_t result;	/* enum om_result; CALL: enum om_outcome */
	uint64_t time;
	uint32_t a[4];		/* CALL: a0..a3 for the guest */
};

struct om_record_pages {
	uint32_t result;	/* 0: pinned */
	uint32_t n;
};

struct om_record_copy {
	uint64_t pa;
	uint32_t result;	/* 0: copied */
	uint32_t len;
};

/* om_record_alloc.result of PAGE_ALLOC. */
#define OM_RECORD_NO_PAGE	1u	/* page_alloc() failed */
#define OM_RECORD_NO_ADDRESS	2u	/* it gave a page without an address */

struct om_record_alloc {
	uint64_t pa;
	uint32_t result;	/* 0, or OM_RECORD_NO_* */
	uint32_t is_lost;	/* 1: the recorder's table was full: this page is not watched */
};

struct om_record_smc {
	uint64_t time;
	uint32_t a[8];		/* RETURN: a0..a3 from OP-TEE, then 0 */
	uint32_t windows;	/* number of windows that follow */
	uint32_t lists;		/* SMC: checksum of the page lists given with it, 0: none */
};

struct om_record_answer {
	/*
	 * YIELD: how often should_yield() returned false since this CPU's last record.
	 * AUTHORIZE: the code. INTERRUPT: the guest's id.
	 */
	uint32_t value;
	uint32_t reserved;	/* 0 */
};

struct om_record_alias {
	uint8_t ta[16];		/* the guest's UUID */
	uint8_t alias[16];	/* the UUID that OP-TEE is given */
};

/*
 * A window: the changed 64-bit words of the first OM_RECORD_WINDOW bytes of a shadow page, which
 * are enough for a message with an RPC argument behind it. Bit n of `changed` is set for the
 * n-th word; the changed words follow in order.
 */
#define OM_RECORD_WINDOW	384u
#define OM_RECORD_WORDS		(OM_RECORD_WINDOW / 8u)

struct om_record_window {
	uint64_t pa;
	uint64_t changed;
};

/*
 * The checksum begins with sum = 0. Each word of 64 bits, the last one padded with zeros, is
 * added by `sum = (sum ^ word) * OM_RECORD_FACTOR; sum ^= sum >> 32`. That of a record is the
 * low half of the sum over its first 8 bytes and what follows the head.
 */
#define OM_RECORD_FACTOR	0x9e3779b97f4a7c15u
OM_API uint64_t om_record_checksum(uint64_t sum, const void *bytes, size_t len);

/* --- Recording ------------------------------------------------------------------------------- */

/* The number of CPUs that can be recorded. */
#define OM_RECORD_CPUS	256u

/* The least size of a ring: more than the longest record. */
#define OM_RECORD_RING_MIN	8192u

/*
 * A shadow page that is watched. Its fields are private; they are here so that it can be placed
 * anywhere.
 */
struct om_record_page {
	uint64_t pa;		/* 0: this entry is free */
	const uint64_t *va;
	uint64_t cookie;	/* cookie of the RPC argument in it, or 0 */
	uint32_t client;	/* the guest whose cookie and thread these are */
	uint32_t thread;	/* OP-TEE's thread of the call whose message it is */
	uint32_t suspended;	/* that call has left OP-TEE for an RPC */
	uint32_t argument;	/* index of the page with its request, or OM_RECORD_NONE */
	uint64_t window[OM_RECORD_WORDS];	/* the words recorded last */
};

#define OM_RECORD_NONE	0xffffffffu

/* The entries that a guest with these limits needs. limits: a struct om_limits, not a pointer. */
#define OM_RECORD_PAGES(limits) ((limits).threads + (limits).rpc_args + (limits).list_pages)

struct om_record_config {
	/* The embedder's operations and their host pointer; both must outlive the recorder. */
	const struct om_host_ops *ops;
	void *host;

	/*
	 * The sink. A stream: write() gets each record at once; it is called with the recorder's
	 * lock held and cannot fail. With write NULL, a ring: the oldest records are
	 * overwritten, and om_record_dump() writes out those that are left.
	 */
	void (*write)(void *host, const void *bytes, size_t len);
	void *ring;
	size_t ring_size;	/* at least OM_RECORD_RING_MIN */

	/* An entry for each shadow page of all guests together: OM_RECORD_PAGES(). */
	struct om_record_page *pages;
	uint32_t page_count;

	/*
	 * Optional; called with `host`. clock: monotonic nanoseconds. cpu: the number of this
	 * CPU, below OM_RECORD_CPUS and different for all CPUs that are in the library at the
	 * same time; NULL when only one can be. lock, unlock: mutual exclusion among all CPUs,
	 * held for a few copies; they mask interrupts if om_guest_interrupt() is recorded in
	 * interrupt context. NULL when cpu is NULL.
	 */
	uint64_t (*clock)(void *host);
	uint32_t (*cpu)(void *host);
	void (*lock)(void *host);
	void (*unlock)(void *host);
};

/* The recorder, about 3 KiB of the caller's memory. The caller must not touch the fields. */
struct om_recorder {
	struct om_host_ops ops;
	struct om_record_config config;
	uint32_t sequence;
	uint32_t inside;	/* CPUs in the library now; atomic */
	uint32_t pages_lost;
	uint32_t pages_used;	/* entries up to the last that ever watched a page */
	uint64_t head;		/* bytes written to the ring so far */
	uint64_t tail;		/* of those, the first that is not overwritten */
	uint32_t noes[OM_RECORD_CPUS];	/* false results of should_yield() since the last record */
	uint64_t scratch[2 * (sizeof(struct om_record_window) / 8 + OM_RECORD_WORDS)];
};

/* A recorded guest; the library gets it as ctx, in place of the embedder's. */
struct om_record_guest {
	struct om_recorder *recorder;
	struct om_guest *guest;
	void *ctx;
	uint32_t id;
};

/*
 * Initialises *r. config is copied. Context: once, before any other function with *r. Returns
 * OM_OK, or OM_ERR_ARGUMENT: no ops, neither write nor a large enough ring, no pages, or cpu
 * without lock and unlock.
 */
OM_API enum om_result om_record_init(struct om_recorder *r,
				     const struct om_record_config *config);

/*
 * The functions of mediator.h, recorded; arguments, contexts and returns are the same. A
 * mediator that the first has initialised must only be used through the others.
 */
OM_API enum om_result om_record_mediator_init(struct om_recorder *r, struct om_mediator *m);

/* g: memory of the caller, needed as long as that of the guest; g->guest is the guest. */
OM_API enum om_result om_record_guest_create(struct om_recorder *r, struct om_record_guest *g,
					     struct om_mediator *m, uint32_t id,
					     const struct om_limits *limits, void *ctx,
					     void *mem, size_t size);
OM_API enum om_outcome om_record_guest_call(struct om_record_guest *g, unsigned int vcpu,
					    struct om_regs *regs);
OM_API enum om_result om_record_guest_reset(struct om_record_guest *g);
OM_API enum om_result om_record_guest_destroy(struct om_record_guest *g);
OM_API void om_record_guest_interrupt(struct om_record_guest *g);

/*
 * Writes the content of the ring to `write`, as a recording, in pieces, with the recorder's lock
 * held. The ring keeps its content. Context: any in which the lock may be taken. Does nothing
 * without a ring.
 */
OM_API void om_record_dump(struct om_recorder *r,
			   void (*write)(void *arg, const void *bytes, size_t len), void *arg);

/*
 * A dump as lines of text, for an embedder that has a console and nothing else: `om-trace extract`
 * makes a recording of a log with these lines in it, whatever is before or between them. Writes
 * line number n, from 0 on, of `size` bytes, below 4 GiB: a string without a newline, of
 * OM_RECORD_LINE bytes at most. Returns false when there are no more. Any context.
 *
 * The lines are OM_RECORD_WORD and, in hexadecimal, "begin SIZE"; "OFFSET BYTES" for every 96
 * bytes, in base64; "end SIZE".
 */
#define OM_RECORD_LINE	144u
#define OM_RECORD_WORD	"omrec"
OM_API bool om_record_line(const void *bytes, size_t size, size_t n, char *line);

/*
 * The sum of the guest's counters of refusals. An embedder with a ring compares it after each
 * call, and dumps the ring when it has changed. Takes some 300 instructions. Any context.
 */
OM_API uint64_t om_record_refusals(const struct om_guest *guest);

#endif
