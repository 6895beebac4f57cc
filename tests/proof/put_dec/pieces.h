/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lengths of what a line of a trace is made of: proved here and in om_name_of/, relied
 * on in om_trace_text/.
 */
#ifndef TESTS_PROOF_PUT_DEC_PIECES_H
#define TESTS_PROOF_PUT_DEC_PIECES_H

#include "proof.h"

/* The longest line, and the longest text in it. */
#define PIECE_LINE	400u
#define PIECE_TEXT	40u
/* The longest name of anything, and of an attribute. */
#define PIECE_NAME	31u
#define PIECE_ATTR	12u

static inline bool is_dec_length(uint64_t value, size_t n)
{
	return n >= 1 && n <= 20 && IMPLIES(value < 10, n == 1) && IMPLIES(value <= 0xff, n <= 3) &&
	       IMPLIES(value <= 0xffffff, n <= 8) && IMPLIES(value <= UINT32_MAX, n <= 10);
}

static inline bool is_hex_length(uint64_t value, size_t n)
{
	return n >= 3 && n <= 18 && IMPLIES(value <= UINT32_MAX, n <= 10);
}

#endif
