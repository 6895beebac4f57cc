/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model's own files share. Tests do not include this.
 *
 * An OP-TEE thread that leaves for the normal world in the middle of its work is a
 * protothread here: each function that can leave keeps the line to go on at in a
 * variable of the thread, and what it still needs in the thread, not on the
 * stack. Real stacks (ucontext, threads) would blind the sanitizers.
 */
#ifndef TESTS_MODEL_PRIV_H
#define TESTS_MODEL_PRIV_H

#include <pthread.h>

#include "model.h"

/*
 * A protothread is a function returning true when it is done, false when it
 * left; it is called again, with the same arguments, to go on. Between BEGIN and
 * END no local variable survives a LEAVE or CALL. One macro a line.
 */
#define PT_BEGIN(line)	switch (*(line)) { case 0:
#define PT_END(line)	} *(line) = 0; return true
#define PT_EXIT(line)	do { *(line) = 0; return true; } while (0)
#define PT_LEAVE(line)	do { *(line) = __LINE__; return false; case __LINE__:; } while (0)
#define PT_CALL(line, call) \
	while (!(call)) { *(line) = __LINE__; return false; case __LINE__:; }

/* GlobalPlatform and OP-TEE codes beside those in abi_msg.h. */
#define TEE_ERROR_BAD_STATE		0xffff0007u
#define TEE_ERROR_NOT_IMPLEMENTED	0xffff0009u
#define TEE_ERROR_STORAGE_NOT_AVAILABLE	0xf0100003u

/* What the model sends of tee-supplicant's file system protocol, value 0.a. */
enum { FS_OPEN, FS_CREATE, FS_CLOSE, FS_READ, FS_WRITE, FS_REMOVE = 6 };
#define FS_NAME_MAX	350u

struct mguest;
struct mthread;

/* Threads that wait for something; a wake-up is an RPC to the normal world. */
struct mwait {
	uint32_t waiting;	/* bit n: thread n */
	uint32_t readers;	/* of those, who waits to read */
	uint32_t done;		/* of those, who has been woken */
};

/* Memory of the normal world that OP-TEE knows. */
enum mobj_kind { MOBJ_ARG, MOBJ_REGISTERED, MOBJ_TEMPORARY, MOBJ_PAYLOAD, MOBJ_RPC_ARG };

struct mobj {
	struct mobj *next;
	struct mguest *guest;
	enum mobj_kind kind;
	uint64_t cookie;
	uint64_t offset;	/* of the data in the first page */
	uint64_t size;		/* to the end of the last page */
	size_t pages;
	uint32_t refs;
	uint32_t maps;		/* how often it is mapped; it is there once */
	uint32_t mapped_at;	/* page of the window */
	bool releasing;
	bool leaked;		/* still known by its cookie, though nobody uses it */
	struct mwait wait;
	uint64_t pa[];
};

struct msession {
	uint32_t id;		/* 0: closed; free when nobody waits for it any more */
	uint32_t ta;		/* enum mta */
	uint8_t uuid[16];
	uint64_t opened;	/* its number in the order of openings */
	uint32_t users;		/* threads that have it or wait for it */
	bool busy;
	bool cancel;
	struct mwait wait;
};

enum mta { MTA_NONE, MTA_INVOKE_TESTS, MTA_STATS, MTA_DEVICE, MTA_TEST };

/* A parameter of a TA. */
struct mparam {
	uint32_t type;		/* 0, VALUE 1..3 or MEMREF 5..7, as RMEM in messages */
	uint32_t a, b;
	struct mobj *mobj;
	bool mapped;
	uint64_t offs;
	uint64_t size;
};

/* A parameter of an RPC. */
struct rparam {
	uint64_t attr;		/* VALUE or RMEM; raw: any */
	uint64_t a, b, c;	/* memref: offset, size, cookie if raw */
	struct mobj *mobj;	/* memref; NULL: a NULL TMEM */
	bool raw;
};

/* The life of one call on a thread; all zero when it begins. */
struct mrun {
	/* Lines of the protothreads, outermost first; none calls itself. */
	int pt_entry, pt_std, pt_ta, pt_fn, pt_load, pt_file, pt_fs, pt_cache, pt_payload, pt_wait,
	    pt_wake, pt_cmd, pt_alloc, pt_raw, pt_put, pt_inject;

	/* The SMC. */
	uint32_t fid;
	uint64_t arg_pa;
	struct mobj *arg;
	uint32_t num_params;
	uint32_t rv;
	uint64_t gone_before;	/* the guest's gone_count when it came in */

	/* The message: what OP-TEE copies out of it, and when. */
	uint32_t cmd, ret, origin, session, func;
	uint32_t first, params;		/* those after the meta parameters */
	struct mparam param[4];
	struct msession *ses;
	struct mobj *shm;
	uint8_t uuid[16];
	uint32_t i;

	/* Going out and coming back. */
	uint32_t out[3];
	uint32_t in[4];
	bool copy_args;

	/* The RPC command under way, and its result. */
	uint32_t rpc_cmd, rpc_num, rpc_ret;
	struct rparam rpc[4];
	uint64_t rpc_cookie;
	uint32_t wake;
	bool wake_more;

	/* payload_alloc(), payload_free(). */
	uint32_t pl_type;
	uint64_t pl_size, pl_cookie;
	struct mobj *pl;

	/* What calls of file system RPCs keep until the call ends. */
	struct mobj *fs;
	uint32_t fs_func, fs_fd, fs_ret;
	uint64_t fs_size;

	/* Free use by one TA function, and by loading. */
	uint64_t n, m, sum, size;
	uint32_t code, handle;
	struct mobj *kept;
};

struct mthread {
	struct mguest *guest;
	uint32_t index;
	enum { MTHREAD_FREE, MTHREAD_ACTIVE, MTHREAD_SUSPENDED } state;
	/* The RPC argument, 0 for none; its mobj, NULL for none or inline. */
	uint64_t rpc_arg_pa;
	struct mobj *rpc_mobj;
	struct mrun run;
};

#define MODEL_SESSIONS	256u
#define MODEL_BUCKETS	4096u
#define MODEL_KEPT	64u
#define MODEL_LEAKED	1024u
#define MODEL_GONE	64u

/*
 * What OP-TEE maps of a guest's: MEM_AREA_SHM_VASPACE, 32 MiB, and the translation
 * tables of it.
 */
#define MODEL_WINDOW_PAGES	8192u

struct mwindow {
	uint8_t used[MODEL_WINDOW_PAGES];
	bool table[MODEL_WINDOW_PAGES / 512u];	/* never given back */
	bool panicked;
};

struct mguest {
	struct model *model;
	bool live;
	uint32_t id;
	struct mthread thread[MODEL_THREADS_MAX];
	struct msession session[MODEL_SESSIONS];
	uint64_t opened;	/* sessions, in all its life */
	bool rpc_cache;
	bool notif_started;
	uint64_t notif;
	struct mobj *bucket[MODEL_BUCKETS];
	uint32_t buffers;
	struct mwindow window;
	struct mobj *kept[MODEL_KEPT];
	struct mobj *leaked[MODEL_LEAKED];
	uint32_t leaks;
	/* The last cookies that were unregistered, and how many ever were. */
	uint64_t gone[MODEL_GONE];
	uint64_t gone_count;
	/* The mutex of invoke_tests: -1 written, n read by n. */
	int mutex;
	struct mwait mutex_wait;
	uint32_t before[2], during[2];
	uint64_t val0, val1;
};

struct manswer {
	uint32_t when;
	bool any;
	uint64_t a[4];
};

#define MODEL_QUEUE	16u
#define MODEL_RESULTS	64u
#define MODEL_VIOLATIONS 64u

struct model {
	struct test_host *host;
	struct model_config config;
	pthread_mutex_t mutex;
	struct mguest guest[MODEL_GUESTS_MAX];
	uint32_t runs;

	char *violation[MODEL_VIOLATIONS];
	size_t violations;
	uint64_t smcs;
	uint64_t fast_smcs[256], std_smcs[256];
	struct om_regs last;

	model_hook *on_enter, *on_return;
	void *on_enter_arg, *on_return_arg;
	model_ta_hook *on_ta;
	void *on_ta_arg;
	struct manswer answer[MODEL_QUEUE], replace[MODEL_QUEUE];
	size_t answers, replaces;
	uint32_t refuse_register, refuse_unregister, refuse_vm;
	struct model_rpc inject[MODEL_QUEUE];
	size_t injects;
	struct model_rpc_result result[MODEL_RESULTS];
	size_t results;
};

/* model.c */
void violation(struct model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void drop_guest(struct mguest *g);

/* model_script.c: false when nothing is scripted. */
bool scripted_answer(struct model *m, struct om_regs *regs);
void scripted_return(struct mthread *t, struct om_regs *regs);

/* model_shm.c */
void *mem_at(struct mguest *g, uint64_t pa, size_t len, bool write);
struct mobj *mobj_new(struct mguest *g, enum mobj_kind kind, const uint64_t *pa, size_t pages,
		      uint64_t offset, uint64_t cookie);
struct mobj *mobj_from_list(struct mguest *g, enum mobj_kind kind, uint64_t buf_ptr,
			    uint64_t size, uint64_t cookie);
/* A registered buffer's end; and whether that was since the call came in. */
void mobj_unregister(struct mobj *o);
bool mobj_gone_since(struct mguest *g, uint64_t cookie, uint64_t gone_before);
struct mobj *mobj_find(struct mguest *g, uint64_t cookie);
void mobj_free(struct mobj *o);
/* A temporary buffer's call has ended. */
void mobj_drop_temporary(struct mobj *o);
bool mobj_copy(struct mobj *o, uint64_t offs, void *buf, size_t len, bool write);
/* Calls fn for each piece of a range within one page; false: memory is gone. */
bool mobj_walk(struct mobj *o, uint64_t offs, uint64_t len, bool write,
	       void (*fn)(void *arg, uint64_t at, uint8_t *p, size_t n), void *arg);

/*
 * model_window.c. Maps a buffer, whole, once more; false when the window has no room.
 * What is mapped is unmapped as often, or at once by mobj_free().
 */
bool window_map(struct mobj *o);
void window_unmap(struct mobj *o);
bool window_has_room_for_a_list(struct mguest *g);

/* model_thread.c */
void yielding_smc(struct model *m, struct mguest *g, struct om_regs *regs);

/* model_rpc.c: protothreads of a thread's way to the normal world. */
bool leave_foreign_intr(struct mthread *t);
bool rpc_raw(struct mthread *t, uint32_t a0, uint64_t a1a2);
bool rpc_free_arg(struct mthread *t);
bool rpc_cmd(struct mthread *t);
bool rpc_get_arg(struct mthread *t);
bool payload_alloc(struct mthread *t);
bool payload_free(struct mthread *t);
bool wait_on(struct mthread *t, struct mwait *w, bool reader);
bool wake_one_kind(struct mthread *t, struct mwait *w);
bool inject_rpcs(struct mthread *t);
/* Sets up run.rpc_*; then PT_CALL(rpc_cmd()). */
struct rparam *rpc_begin(struct mthread *t, uint32_t cmd, uint32_t num);
static inline void rparam_value(struct rparam *p, uint64_t attr, uint64_t a, uint64_t b,
				uint64_t c)
{
	*p = (struct rparam){ .attr = attr, .a = a, .b = b, .c = c };
}
static inline void rparam_memref(struct rparam *p, uint64_t attr, struct mobj *o,
				 uint64_t offs, uint64_t size)
{
	*p = (struct rparam){ .attr = attr, .a = offs, .b = size, .mobj = o };
}

/* model_std.c */
bool std_entry(struct mthread *t);
struct optee_msg_hdr *msg_hdr(struct mthread *t);
struct optee_msg_param *msg_param(struct mthread *t, uint32_t i);

/* model_pta.c, model_load.c, model_test_ta.c */
enum mta ta_of_uuid(const uint8_t uuid[16]);
bool ta_invoke(struct mthread *t);
bool load_ta(struct mthread *t);
bool rpc_load(struct mthread *t);
bool fs_rpc(struct mthread *t);
bool fs_cache_clear(struct mthread *t);
bool test_ta_invoke(struct mthread *t);
uint32_t test_ta_open(struct mthread *t);

#endif
