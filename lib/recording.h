/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Declarations for the files of the recorder. Of lib/ they use only mem.h, so that a recording
 * does not depend on the build of the library.
 */
#ifndef OM_LIB_RECORDING_H
#define OM_LIB_RECORDING_H

#include <optee_mediator/record.h>

#include "mem.h"

/* A piece of a record's body. All but the last are multiples of 8 bytes, for the checksum. */
struct om_piece {
	const void *bytes;
	size_t len;
};

static inline uint8_t om_recorder_cpu(const struct om_recorder *r)
{
	return r->config.cpu ? (uint8_t)r->config.cpu(r->config.host) : 0;
}

static inline uint64_t om_recorder_now(const struct om_recorder *r)
{
	return r->config.clock ? r->config.clock(r->config.host) : 0;
}

static inline void om_recorder_lock(struct om_recorder *r)
{
	if (r->config.lock)
		r->config.lock(r->config.host);
}

static inline void om_recorder_unlock(struct om_recorder *r)
{
	if (r->config.lock)
		r->config.unlock(r->config.host);
}

/* Writes a record of n pieces. The caller holds the recorder's lock. */
void om_recorder_append(struct om_recorder *r, uint8_t cpu, enum om_record_kind kind,
			const struct om_piece *pieces, uint32_t n);

/* Writes the beginning of a stream. */
void om_recorder_begin(struct om_recorder *r);

/* The watched shadow page with this address, or NULL. The caller holds the lock. */
static inline struct om_record_page *om_recorder_page(const struct om_recorder *r, uint64_t pa)
{
	uint32_t i;

	for (i = 0; pa && i < r->pages_used; i++)
		if (r->config.pages[i].pa == pa)
			return &r->config.pages[i];
	return NULL;
}

/* The wrapper of smc(): records what OP-TEE is given and what it returns. */
void om_recorder_smc(void *host, struct om_regs *regs);

#endif
