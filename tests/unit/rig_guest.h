/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of a guest's beginning and of its end have in common. */
#ifndef TESTS_UNIT_RIG_GUEST_H
#define TESTS_UNIT_RIG_GUEST_H

#include "rig_shm.h"

static const struct om_limits small = {
	.threads = 1, .buffers = 1, .rpc_args = 1, .pages = 1, .list_pages = 1,
};

/* So many SMCs that told OP-TEE of the guest, each with its id and nothing else. */
static inline void expect_vm_smcs(const struct rig *rig, uint32_t fid, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < rig->smcs; i++) {
		if (rig->smc[i].a[0] != fid)
			continue;
		found++;
		assert_int_equal(rig->smc[i].a[1], RIG_GUEST);
		for (size_t k = 2; k < 8; k++)
			assert_int_equal(rig->smc[i].a[k], 0);
	}
	assert_int_equal(found, n);
}

#endif
