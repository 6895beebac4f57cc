/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest of a fuzz target does: messages, replies, fast calls, changes to its
 * memory, all as the input says. Mostly what some honest driver might do, so that calls
 * get somewhere, with anything else in between.
 */
#ifndef TESTS_FUZZ_GUEST_H
#define TESTS_FUZZ_GUEST_H

#include "world.h"

/* Writes a message; returns how many parameters it says it has. */
uint32_t guest_write(struct world_guest *g, uint8_t *at, uint32_t cmd);
/* A call with a message of this command in a page of its own, or in a registered buffer. */
void guest_call(struct world_guest *g, uint32_t cmd);
/* The same with any command, good ones most often. */
void guest_call_any(struct world_guest *g);
/* The id of an open session, most often; of one that was closed, or of none. */
uint32_t guest_session(struct world_guest *g);
/* OPEN_SESSION with the TA whose first octet this is, in a message that is good. */
void guest_open(struct world_guest *g, uint8_t ta);
/* A session with each of so many TAs, from 1 on. The input has no say in it. */
void guest_open_sessions(struct world_guest *g, uint8_t n);
/* REGISTER_SHM of so much, from list page `list` on, which must be good. */
void guest_register(struct world_guest *g, uint32_t list, uint64_t size, uint64_t cookie);
/* Goes on with some suspended call, with an answer to what it was asked or to anything. */
void guest_resume(struct world_guest *g);
/* Any fast call, or what looks like one. */
void guest_fast(struct world_guest *g);
/* Changes a page list, or what is behind a page. */
void guest_edit(struct world_guest *g);
/* Resumes what is suspended, at most n times in all. */
void guest_finish(struct world_guest *g, uint32_t n);

#endif
