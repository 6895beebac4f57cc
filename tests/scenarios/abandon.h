/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Put in front of the conformance guest's sources (-include) to build a guest that
 * gives up at the first failed check.
 *
 * Where the host fails under it a guest sees things that its scenario has no use
 * for. It need not make sense of them: it stops, as a guest that crashed, and the
 * host has to be able to clean up. everything.c says where it goes from there.
 */
#ifndef TESTS_SCENARIOS_ABANDON_H
#define TESTS_SCENARIOS_ABANDON_H

#include "conformance/client.h"

_Noreturn void cg_abandon(struct cg_guest *g);

#define CG_CHECK_OR_ABANDON(g, what, got, want, digest) \
	(cg_check(g, what, __FILE__, __LINE__, (uint64_t)(got), (uint64_t)(want), digest) || \
	 (cg_abandon(g), false))

#undef CG_EQ
#undef CG_IS
#undef CG_OK
#define CG_EQ(g, what, got, want) CG_CHECK_OR_ABANDON(g, what, got, want, true)
#define CG_IS(g, what, got, want) CG_CHECK_OR_ABANDON(g, what, got, want, false)
#define CG_OK(g, what, cond) CG_CHECK_OR_ABANDON(g, what, (cond) ? 1 : 0, 1, false)

#endif
