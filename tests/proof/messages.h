/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is true of a call's message between its steps. om_message_fetch/ proves that it
 * holds when a message was accepted, om_message_load/ that every piece of loading keeps
 * it; om_message_emit/ and om_message_finish/ assume it.
 */
#ifndef TESTS_PROOF_MESSAGES_H
#define TESTS_PROOF_MESSAGES_H

#include "world.h"

#include "message.h"

/*
 * Where it is: in one page, of which `room` bytes are its own, behind no other's. One in two
 * is looked at as if it lay at the beginning of its first page: om_message_split/ proves
 * that a copy of it is one of the bytes it is about, each once, in the pages they are in.
 */
bool message_has_place(const struct om_call *call);

/* In one page, or across the end of the first of two that are pinned. */
bool message_is_placed(const struct om_call *call);

/* Command, number of parameters, what is held and what is under way. */
bool message_is_sound(const struct om_call *call);

/*
 * Parameter i, 0 .. OM_MESSAGE_PARAMS - 1, there or not: its kinds is what its attribute
 * says, and memory is named by a list of the guest's that is still to be translated, by
 * a shadow page, or not at all.
 */
bool message_param_is_sound(const struct om_call *call, uint32_t i);

/* All of these. */
bool message_is_all_sound(const struct om_call *call);

/* ... and OP-TEE may see it: all is translated, and what the message ends is claimed. */
bool message_is_ready(const struct om_call *call);

/* The page that the message lies in. */
uint64_t message_page(const struct om_call *call);

#endif
