/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the recorder share: its lock, its clock, a record, a shadow page. They
 * need nothing else of lib/ but mem.h, as what they write holds for any build of it.
 */
#ifndef OM_LIB_RECORDING_H
#define OM_LIB_RECORDING_H

#include <optee_mediator/record.h>

#include "mem.h"

/* A piece of a record's body. All but the last are whole words, as the checksum takes them. */
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

/* Writes a record of so many pieces. Recorder's lock held. */
void om_recorder_append(struct om_recorder *r, uint8_t cpu, enum om_record_kind kind,
			const struct om_piece *pieces, uint32_t n);

/* The beginning of a stream. */
void om_recorder_begin(struct om_recorder *r);

/* A shadow page that is watched, NULL when none has this address. Lock held. */
static inline struct om_record_page *om_recorder_page(const struct om_recorder *r, uint64_t pa)
{
	uint32_t i;

	for (i = 0; pa && i < r->config.page_count; i++)
		if (r->config.pages[i].pa == pa)
			return &r->config.pages[i];
	return NULL;
}

/* The operation smc(): what is given to OP-TEE and what comes back. */
void om_recorder_smc(void *host, struct om_regs *regs);

#endif
