/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_index(), om_least(): against what they mean.
 *
 * Assumes: nothing; any numbers. That no branch comes of them is the compiler's doing, and
 * no proof's.
 * Proves: what is in bounds is as it was; all else is 0, and so in bounds, too; the smaller
 * of two is.
 *
 * Class: quick
 * Unwind: 1
 *   No loop.
 */
#include "proof.h"

#include "mem.h"

int main(void)
{
	uint32_t i = any_u32(), n = any_u32(), a = any_u32(), b = any_u32();

	PROVE(n == 0 || om_index(i, n) < n, "the index is in bounds");
	PROVE(i >= n || om_index(i, n) == i, "an index in bounds is as it was");
	PROVE(i < n || om_index(i, n) == 0, "an index out of bounds is 0");
	PROVE(om_least(a, b) == (a < b ? a : b), "the smaller of two");
	if (i < n)
		REACHED("an index in bounds");
	if (i >= n && i > INT32_MAX)
		REACHED("an index that is large");
	return 0;
}
