/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backend supplies: one constant table of operations.
 *
 * The library calls nothing else of a hypervisor or VMM. It hands two opaque
 * pointers on and never follows them: `host`, given to om_mediator_init(), and
 * `guest`, given to om_guest_create().
 *
 * Calling context: an operation is called on the vCPU's own thread, from inside
 * om_guest_call() or one of the lifetime functions, and may be called for
 * several vCPUs at once. None may call back into the library for the same guest.
 * The library calls no other operation between lock() and unlock().
 */
#ifndef OPTEE_MEDIATOR_HOST_H
#define OPTEE_MEDIATOR_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Each kind of address has a type, so that the compiler rejects one in place of
 * the other. An IPA (intermediate physical address) is what a guest takes for a
 * physical address; a PA is what the secure world is given. In a VMM, where a
 * Linux TEE device stands for the secure world, a "PA" is the VMM's virtual address.
 */
typedef struct { uint64_t raw; } om_ipa_t;
typedef struct { uint64_t raw; } om_pa_t;
/* A guest's own name for a shared buffer (shm_ref); opaque to everybody else. */
typedef struct { uint64_t raw; } om_cookie_t;

/* The argument registers of an SMC; the upper 32 bits are ignored. */
struct om_regs {
	uint64_t a[8];
};

/* A 4 KiB page of the host's that the secure world may be shown. */
struct om_page {
	void *va;
	om_pa_t pa;
};

/* The request that authorize() allows or refuses. */
struct om_request {
	uint32_t cmd;		/* OPTEE_MSG_CMD_* */
	uint32_t func;		/* INVOKE_COMMAND: the TA's command */
	uint32_t session;	/* INVOKE_COMMAND, CLOSE_SESSION, CANCEL; else 0 */
	uint32_t login;		/* OPEN_SESSION: TEE_LOGIN_*, as the guest claims */
	/*
	 * OPEN_SESSION: the TA that is asked for. INVOKE_COMMAND, CLOSE_SESSION,
	 * CANCEL: the TA whose session it is; the command is carried out by that
	 * TA or by none. Octets as in the message; else 0.
	 */
	uint8_t ta_uuid[16];
	uint8_t client_uuid[16];/* OPEN_SESSION: the client, as the guest claims */
	/*
	 * OPEN_SESSION: how many other sessions the guest has with this TA, open ones and those
	 * that were asked for before this one and are not open yet. Else 0.
	 */
	uint32_t sessions;
};

struct om_trace_event;

struct om_host_ops {
	/*
	 * Translates n guest pages and pins them: none may leave the guest or be
	 * reused until unpin(). Pins all of them or none. Accepts only RAM that this
	 * guest may write: never MMIO, read-only pages or pages of another domain,
	 * nor an address with more bits than OP-TEE was built for
	 * (CFG_CORE_ARM64_PA_BITS), because OP-TEE would take a fault at it. A page
	 * pinned twice is unpinned twice.
	 *
	 * ipa: n page-aligned guest addresses, in memory private to the library.
	 * The guest chooses them: an index computed from one must stay in bounds
	 * also on a CPU that mispredicts the check before its use (Spectre v1).
	 * n: 1..OM_PIN_BATCH. pa: space for n page-aligned results.
	 * Returns 0, or nonzero with nothing pinned.
	 */
	int (*pin)(void *guest, const om_ipa_t *ipa, size_t n, om_pa_t *pa);

	/* Gives back n pages that pin() returned. Cannot fail. */
	void (*unpin)(void *guest, const om_pa_t *pa, size_t n);

	/*
	 * Copies len bytes from (to) a page that is pinned for this guest; the
	 * range never leaves the page. Must access every byte exactly once: the guest
	 * may change it meanwhile. Returns 0, or nonzero when the host could not copy;
	 * write() has then changed nothing.
	 */
	int (*read)(void *guest, om_pa_t pa, void *dst, size_t len);
	int (*write)(void *guest, om_pa_t pa, const void *src, size_t len);

	/*
	 * Takes a shadow page: normal-world RAM that no guest can reach, mapped at
	 * va until page_free(), not at PA 0 nor in OP-TEE's reserved memory, and
	 * within the address bits that OP-TEE was built for. What is in it does not
	 * matter: the library clears it. Called at guest creation only. Returns 0,
	 * or nonzero.
	 */
	int (*page_alloc)(void *host, struct om_page *page);
	void (*page_free)(void *host, const struct om_page *page);

	/*
	 * The conduit: passes eight registers to the secure world and returns its
	 * a[0]..a[3]. The library fills all eight; a[7] is the calling guest's id, 0
	 * for the mediator itself. The call may take long: OP-TEE returns early when
	 * an interrupt of the normal world arrives, and nothing else bounds it.
	 */
	void (*smc)(void *host, struct om_regs *regs);

	/*
	 * Mutual exclusion among the vCPUs of one guest, held for a few table
	 * operations. A spinlock or a mutex; empty functions when only one
	 * vCPU can be in the library at a time.
	 */
	void (*lock)(void *guest);
	void (*unlock)(void *guest);

	/*
	 * Optional: true when this CPU has something more urgent to do, such as
	 * an interrupt for the guest. The library asks between bounded pieces
	 * of work. On true it stops early: a call returns FOREIGN_INTR to its
	 * guest, a lifetime function returns OM_AGAIN. NULL: it never stops early.
	 */
	bool (*should_yield)(void *host);

	/*
	 * Optional: raise the guest's OP-TEE notification interrupt, the one its
	 * device tree names. NULL: asynchronous notification is hidden.
	 */
	void (*notify)(void *guest);

	/*
	 * Optional policy. Called with no lock held, once before a message goes
	 * to OP-TEE; 0 lets it pass, a TEEC_ERROR_* refuses it, and the guest
	 * sees that code with origin COMMS. The request names the TA of every
	 * command, so a policy need not remember sessions. A command for a session
	 * that is not open is refused without asking. NULL: everything passes.
	 */
	uint32_t (*authorize)(void *guest, const struct om_request *request);

	/*
	 * Optional: the UUID under which OP-TEE knows a TA. Called with no lock held, when a
	 * session of a TA is opened, and again when OP-TEE asks the guest for that TA
	 * (LOAD_TA). ta: the guest's UUID, octets as in a message; guest, authorize() and
	 * trace() see this one only. alias: holds the same octets; on return, those that
	 * OP-TEE is given. They must depend on guest and TA alone: if they change while the
	 * guest lives, it is shown the alias. NULL: OP-TEE is given the guest's UUID.
	 */
	void (*alias)(void *guest, const uint8_t ta[16], uint8_t alias[16]);

	/*
	 * Optional: is given an event for every step; see trace.h. Events contain
	 * host addresses and are only valid during the call. NULL: no events; each
	 * step then costs one test of a flag.
	 */
	void (*trace)(void *guest, const struct om_trace_event *event);
};

/* The most pages in one pin() or unpin(): the size of a record of pins. */
#define OM_PIN_BATCH	31u

#endif
