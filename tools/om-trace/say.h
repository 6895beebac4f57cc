/* SPDX-License-Identifier: BSD-2-Clause */
/* A record in words, for people. */
#ifndef OM_TRACE_SAY_H
#define OM_TRACE_SAY_H

#include "reader.h"

#define SAY_SIZE	400u

/* What a record says, such as "the guest's pages 0x40001000 are pinned, at 0x5b40003000". */
void say_record(const struct record *record, char *buf, size_t size);

/* The first difference between what was recorded and what the library does now. */
void say_difference(const struct record *recorded, const struct record *now, char *buf,
		    size_t size);

/* The registers of an SMC record or its return as an event for om_trace_text(). */
struct om_trace_event say_secure_event(const struct record *record, uint64_t fid);

#endif
