/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's own tests: how they begin and end, what they assert of an answer. */
#ifndef TESTS_MODEL_ASSERTS_H
#define TESTS_MODEL_ASSERTS_H

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/host.h>

#include "hyper.h"
#include "test.h"

/* A test with a hypervisor y of its own, at whose end all is in balance. */
#define HYPER_TEST(name)								\
	static void name##_on(struct hyper *y);						\
	TEST(name)									\
	{										\
		struct hyper *y = hyper_new(NULL);					\
											\
		name##_on(y);								\
		hyper_free(y);								\
	}										\
	static void name##_on(struct hyper *y)

static inline void assert_regs(struct om_regs regs, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3)
{
	const uint32_t want[4] = { a0, a1, a2, a3 };

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(regs.a[i], want[i]);
}

static inline void assert_result(const struct optee_msg_hdr *hdr, uint32_t ret, uint32_t origin)
{
	assert_int_equal(hdr->ret, ret);
	assert_int_equal(hdr->ret_origin, origin);
}

#endif
