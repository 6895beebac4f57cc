/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of shared memory: page lists, registered and temporary buffers.
 *
 * Whether a buffer was translated right is told by the secure world itself, which
 * sums up its bytes and writes the sum into the first.
 */
#include "client.h"

#define REGISTER_ATTR (OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* Registers a buffer of this shape, has all of it and a part summed up, lets it go. */
static void shape(struct cg_guest *g, uint32_t session, uint64_t size, uint32_t offset)
{
	uint64_t pages = (offset + size + CG_PAGE - 1) / CG_PAGE;
	struct cg_buf b;
	uint8_t want;
	uint8_t sum;

	if (pages > cg_longest(g) || pages > cg_mapped_always(g)) {
		cg_unchecked(g);
		return;
	}
	if (!CG_OK(g, "memory", cg_buf_make(g, &b, size, offset)))
		return;
	CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
	want = cg_buf_pattern(g, &b, size);
	CG_EQ(g, "whole", cg_sum(g, session, &b, 0, size, &sum), TEEC_SUCCESS);
	CG_EQ(g, "sum", sum, want);
	want = *cg_buf_at(g, &b, size - 1);
	CG_EQ(g, "last byte", cg_sum(g, session, &b, size - 1, 1, &sum), TEEC_SUCCESS);
	CG_EQ(g, "is itself", sum, want);
	CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
	cg_buf_free(g, &b);
}

static void s45_sizes_and_offsets(struct cg_guest *g, uint32_t session)
{
	static const struct {
		uint32_t size;
		uint32_t offset;
	} shapes[] = {
		{ 1, 0 }, { 1, 4095 }, { 2, 4095 }, { 4095, 1 }, { 4096, 0 }, { 4097, 0 },
		{ 4096, 1 }, { 8192, 4095 }, { 8 * 4096, 0 }, { 128 * 4096, 0 },
		{ 512 * 1024, 0 }, { 512 * 1024, 4095 }, { 2 * 1024 * 1024, 123 },
		{ 4 * 1024 * 1024, 0 },
	};

	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		shape(g, session, shapes[i].size, shapes[i].offset);
}

/* Full list pages: what follows the last entry is junk and must not be followed. */
static void s50_lists_that_end_at_the_end_of_a_page(struct cg_guest *g, uint32_t session)
{
	static const uint32_t lengths[] = { 510, 511, 512, 1021, 1022, 1023 };

	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		shape(g, session, (uint64_t)lengths[i] * CG_PAGE, 0);
}

static void s45_temporary_buffers(struct cg_guest *g, uint32_t session)
{
	static const struct {
		uint32_t size;
		uint32_t offset;
	} shapes[] = { { 1, 0 }, { 100, 4090 }, { 512 * 1024, 4095 } };
	struct cg_call c;
	struct cg_buf b;

	for (unsigned int i = 0; i < 3; i++) {
		uint8_t want;

		if (!cg_buf_make(g, &b, shapes[i].size, shapes[i].offset))
			break;
		want = cg_buf_pattern(g, &b, i);
		if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
			cg_set_tmem(&c, i, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT |
				    OPTEE_MSG_ATTR_NONCONTIG, &b);
			CG_DO(&c, "invoke", TEEC_SUCCESS);
			CG_EQ(g, "sum", *cg_buf_at(g, &b, 0), want);
			cg_call_fini(&c);
		}
		cg_buf_free(g, &b);
	}
}

/* ---- lists that are no good ---- */

/* REGISTER and, in an INVOKE, a temporary buffer: both must be refused with `ret`. */
static void refused_both(struct cg_guest *g, const char *what, uint64_t buf_ptr, uint64_t size,
			 uint64_t cookie, uint32_t ret)
{
	uint32_t session;
	struct cg_call c;

	if (cg_call_init(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1)) {
		cg_set_value(&c, 0, REGISTER_ATTR, buf_ptr, size, cookie);
		cg_do(&c);
		CG_REFUSED(&c, what, ret);
		cg_call_fini(&c);
	}
	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG,
			     buf_ptr, size, cookie);
		cg_do(&c);
		CG_REFUSED(&c, what, ret);
		cg_call_fini(&c);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

static void s46_size_that_wraps_or_is_0(struct cg_guest *g)
{
	struct cg_buf b;
	uint64_t ptr;

	if (!CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0)))
		return;
	ptr = cg_buf_ptr(g, &b);
	refused_both(g, "0", ptr, 0, b.cookie, TEEC_ERROR_BAD_PARAMETERS);
	refused_both(g, "wraps to 0", ptr + 1, ~0ull, b.cookie, TEEC_ERROR_BAD_PARAMETERS);
	refused_both(g, "wraps", ptr + 4095, ~0ull, b.cookie, TEEC_ERROR_BAD_PARAMETERS);
	refused_both(g, "wraps by one", ptr + 2048, ~0ull - 2047, b.cookie,
		     TEEC_ERROR_BAD_PARAMETERS);
	cg_buf_free(g, &b);
	cg_slots_are_free(g);
}

/* OP-TEE takes this memory, and the TA gets to see it: it wants no output. */
static void taken(struct cg_guest *g, uint64_t attr, uint64_t a, uint64_t cookie)
{
	uint32_t session;
	struct cg_call c;

	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	if (cg_invoke_init(&c, g, session, CG_INVOKE_NULL)) {
		cg_set_value(&c, 0, attr, a, 0, cookie);
		CG_DO(&c, "not wanted", TEEC_ERROR_BAD_PARAMETERS);
		CG_EQ(g, "by the TA", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TRUSTED_APP);
		cg_call_fini(&c);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

/*
 * An empty buffer that does not begin with a page is one page to OP-TEE, and so it can be
 * registered, named and released. U-Boot does it.
 */
static void s46_fault_b3_empty_buffer(struct cg_guest *g)
{
	static const uint32_t offsets[] = { 1, 64, 4095 };
	struct cg_buf b;

	for (unsigned int i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		if (!CG_OK(g, "memory", cg_buf_make(g, &b, 0, offsets[i])))
			return;
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		taken(g, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, 0, b.cookie);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		CG_EQ(g, "and it is gone", cg_unregister(g, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
		taken(g, REGISTER_ATTR, cg_buf_ptr(g, &b), b.cookie);
		cg_buf_free(g, &b);
	}
	cg_slots_are_free(g);
}

/* A list that goes round in a circle is as long as one likes: only the quota ends it. */
static void s46_endless_list_ends_at_the_quota(struct cg_guest *g)
{
	static const uint64_t sizes[] = { 1ull << 40, 1ull << 52, 1ull << 63, ~0ull - 8192 };
	struct cg_buf b;

	if (!CG_OK(g, "memory", cg_buf_repeat(g, &b, OPTEE_MSG_LIST_ENTRIES)))
		return;
	((uint64_t *)cg_page_va(g, b.list))[OPTEE_MSG_LIST_NEXT] = cg_page_ipa(g, b.list);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		refused_both(g, "endless", cg_buf_ptr(g, &b), sizes[i], b.cookie,
			     TEEC_ERROR_OUT_OF_MEMORY);
	cg_buf_free(g, &b);
	cg_slots_are_free(g);
}

static void bad_value_at(struct cg_guest *g, const char *what, struct cg_buf *b, uint32_t at,
			 uint64_t value)
{
	uint64_t *entry = cg_buf_entry(g, b, at);
	uint64_t keep = *entry;

	*entry = value;
	refused_both(g, what, cg_buf_ptr(g, b), b->size, b->cookie, TEEC_ERROR_BAD_PARAMETERS);
	*entry = keep;
}

static void bad_value_if(struct cg_guest *g, const char *what, struct cg_buf *b, uint32_t at,
			 uint64_t value)
{
	uint64_t digest = g->verdict.digest;

	if (value)
		bad_value_at(g, what, b, at, value);
	else
		cg_unchecked(g);
	g->verdict.digest = digest;
}

static void s53_entries_that_cannot_be_shared(struct cg_guest *g)
{
	static const uint32_t places[] = { 0, 7, 14, 15, 300, 510, 511, 599 };
	const struct cg_platform *p = g->platform;
	struct cg_buf b;

	if (!CG_OK(g, "memory", cg_buf_make(g, &b, 600 * CG_PAGE, 0)))
		return;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint64_t good = *cg_buf_entry(g, &b, places[i]);

		bad_value_at(g, "0", &b, places[i], 0);
		bad_value_at(g, "low bit", &b, places[i], good | 1);
		bad_value_at(g, "bit 11", &b, places[i], good | 0x800);
		bad_value_at(g, "bit 63", &b, places[i], good | 1ull << 63);
		bad_value_at(g, "nowhere", &b, places[i], ~(uint64_t)(CG_PAGE - 1));
		bad_value_if(g, "hole", &b, places[i], p->hole_ipa);
		bad_value_if(g, "read-only", &b, places[i], p->readonly_ipa);
		bad_value_if(g, "device", &b, places[i], p->mmio_ipa);
		bad_value_if(g, "reserved", &b, places[i], p->reserved_ipa);
	}
	/* The list itself, and the way to its second page. */
	refused_both(g, "list nowhere", ~(uint64_t)(CG_PAGE - 1), b.size, b.cookie,
		     TEEC_ERROR_BAD_PARAMETERS);
	for (unsigned int i = 0; i < 4; i++) {
		const uint64_t next[] = { 0, 8, ~(uint64_t)(CG_PAGE - 1), g->ipa + 1 };
		uint64_t *link = (uint64_t *)cg_page_va(g, b.list) + OPTEE_MSG_LIST_NEXT;
		uint64_t keep = *link;

		*link = next[i];
		refused_both(g, "link", cg_buf_ptr(g, &b), b.size, b.cookie,
			     TEEC_ERROR_BAD_PARAMETERS);
		*link = keep;
	}
	/* After all that the buffer as it is. */
	CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
	CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
	cg_buf_free(g, &b);
	cg_slots_are_free(g);
}

static void s49_second_buffer_is_bad(struct cg_guest *g)
{
	uint64_t attr = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG;
	struct cg_buf good;
	struct cg_buf bad;
	uint32_t session;
	struct cg_call c;
	unsigned int i;

	if (!CG_OK(g, "memory", cg_buf_make(g, &good, 20 * CG_PAGE, 0)))
		return;
	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	if (CG_OK(g, "memory", cg_buf_make(g, &bad, 20 * CG_PAGE, 0))) {
		uint64_t keep = *cg_buf_entry(g, &bad, 19);

		*cg_buf_entry(g, &bad, 19) = 0;
		for (i = 0; i < 200 && cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS); i++) {
			cg_set_tmem(&c, 0, attr, &good);
			cg_set_tmem(&c, 3, attr, &bad);
			cg_do(&c);
			CG_REFUSED(&c, "second", TEEC_ERROR_BAD_PARAMETERS);
			cg_call_fini(&c);
		}
		*cg_buf_entry(g, &bad, 19) = keep;
		cg_buf_free(g, &bad);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	cg_buf_free(g, &good);
}

static void s52_same_page_many_times(struct cg_guest *g, uint32_t session)
{
	struct cg_buf a;
	struct cg_buf b;
	uint8_t sum;

	if (CG_OK(g, "memory", cg_buf_repeat(g, &a, 20))) {
		cg_copy(&b, &a, sizeof(b));
		b.cookie = cg_cookie(g);
		cg_fill(cg_buf_at(g, &a, 0), 0, CG_PAGE);
		*cg_buf_at(g, &a, 1) = 3;
		CG_EQ(g, "20 times", cg_register(g, &a), TEEC_SUCCESS);
		CG_EQ(g, "and in another", cg_register(g, &b), TEEC_SUCCESS);
		CG_EQ(g, "sum", cg_sum(g, session, &a, 0, a.size, &sum), TEEC_SUCCESS);
		CG_EQ(g, "20 x 3", sum, 60);
		CG_EQ(g, "unregister", cg_unregister(g, a.cookie), TEEC_SUCCESS);
		*cg_buf_at(g, &b, 0) = 0;
		CG_EQ(g, "the other", cg_sum(g, session, &b, 0, 2 * CG_PAGE, &sum), TEEC_SUCCESS);
		CG_EQ(g, "2 x 3", sum, 6);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &a);
	}
}

const struct cg_scenario_entry cg_scenarios_shm[] = {
	CG_IN_SESSION("45", "", cg_uuid_invoke, s45_sizes_and_offsets),
	CG_IN_SESSION("45", "", cg_uuid_invoke, s45_temporary_buffers),
	CG_SCENARIO("46", "I5", s46_size_that_wraps_or_is_0),
	CG_SCENARIO("46", "", s46_fault_b3_empty_buffer),
	CG_SCENARIO("46", "I5", s46_endless_list_ends_at_the_quota),
	CG_SCENARIO("49", "I9", s49_second_buffer_is_bad),
	CG_IN_SESSION("50", "", cg_uuid_invoke, s50_lists_that_end_at_the_end_of_a_page),
	CG_IN_SESSION("52", "I5", cg_uuid_invoke, s52_same_page_many_times),
	CG_SCENARIO("53", "I2", s53_entries_that_cannot_be_shared),
	CG_SCENARIOS_END
};
