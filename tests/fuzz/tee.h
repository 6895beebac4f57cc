/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A secure world that says what the input says: honest, lying, or raving.
 *
 * It knows how OP-TEE passes requests and results, and where; not what it is asked to do.
 * Whatever it answers, nothing but its own guest may come to harm. The model of OP-TEE
 * (tests/model) is what an honest one does.
 */
#ifndef TESTS_FUZZ_TEE_H
#define TESTS_FUZZ_TEE_H

#include "world.h"

#define TEE_THREADS 8u
#define TEE_SESSIONS 32u

enum tee_mood {
	TEE_DOES,	/* calls succeed or fail; it asks for nothing */
	TEE_ASKS,	/* makes requests that make sense, most of them */
	TEE_RAVES,	/* anything at all, registers with junk in them */
};

struct tee_thread {
	uint64_t message;
	uint32_t params;
	bool inline_rpc;
	bool asked_page;		/* its last request was for one */
	uint64_t to_free;		/* cookie of what it got instead of a page */
	bool looked_up;			/* it knows which session the message names */
};

/* The id is its index. One that was closed is the next to be given again. */
struct tee_session {
	bool open;
	uint8_t ta[16];
};

struct tee {
	struct world *world;
	enum tee_mood mood;
	bool honest;			/* it never raved: sessions are what it says */
	bool refuses_vm;		/* the next VM_CREATED */
	struct tee_thread thread[WORLD_GUESTS][TEE_THREADS];
	bool busy[WORLD_GUESTS][TEE_THREADS];
	struct tee_session session[WORLD_GUESTS][TEE_SESSIONS];
	/* Optional: an honest one is about to have a TA carry out a command. */
	void (*carried_out)(struct world_guest *g, uint32_t cmd, const uint8_t *ta);
};

/* Becomes the world's secure world. */
struct tee *tee_begin(struct world *w, enum tee_mood mood);

#endif
