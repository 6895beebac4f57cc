/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shm.c and page_list.c as those see them that call them: functions that keep what their
 * headers promise, no more, with any result that is allowed. That the real ones keep it
 * is proved in om_shm_reserve/, om_translation_begin/ and om_translation_step/.
 *
 * As the host watches one page, they watch one buffer, which can be any.
 */
#ifndef TESTS_PROOF_ROOMS_H
#define TESTS_PROOF_ROOMS_H

#include "world.h"

struct rooms {
	uint32_t buffer;	/* that is watched */
	uint32_t users;		/* how often the call holds it */
	uint32_t published;
	uint32_t forgotten;
	uint32_t records;	/* that buffers have beside their last */
};

extern struct rooms rooms;

/*
 * Any buffer to watch, held by nobody; every buffer is one that was reserved, of any
 * kind, size and cookie. world_init() comes first.
 */
void rooms_init(void);

#endif
