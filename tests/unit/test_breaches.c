/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the breach of an invariant would look like at the end of a guest: what OP-TEE did not
 * let go of, and an id that is given away too early. Each test is named by its invariant.
 */
#include "rig.h"

/* --- I4: what is held -------------------------------------------------------------------- */

/* A buffer of so many pages that OP-TEE knows. */
static void register_shm(struct rig *rig, uint64_t cookie, uint32_t pages)
{
	struct om_message *message = rig_message(rig, 0, OPTEE_MSG_CMD_REGISTER_SHM, 1);

	rig_list(rig, &message->param[0],
		 OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG, 1, pages);
	message->param[0].u.tmem.shm_ref = cookie;
	assert_int_equal(rig_send(rig, 0).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, TEEC_SUCCESS);
}

RIG_TEST(i4_what_optee_keeps_still_counts)
{
	register_shm(rig, 0x33, 40);
	rig_answer(rig, OPTEE_SMC_VM_DESTROYED)->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	assert_int_equal(om_guest_destroy(rig->guest), OM_ERR_NOT_RELEASED);
	assert_int_equal(rig->ram->pinned, 40);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_NOW), 40);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_PEAK), 40);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_BUFFERS_NOW), 1);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_SESSIONS_NOW), 1);
	rig_answer(rig, OPTEE_SMC_VM_DESTROYED)->a[0] = OPTEE_SMC_RETURN_OK;
}

/* --- I11: isolation of failure ---------------------------------------------------------- */

/* Whoever asks for the id of a guest that is still there gets none, and takes none away. */
static void expect_id_is_taken(struct rig *rig, void *memory)
{
	struct om_guest *other = NULL;

	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &rig_default.limits,
						 rig->ram, memory, rig->memory_size, &other),
				 OM_ERR_EXISTS);
	assert_null(other);
}

TEST(i11_id_is_taken_to_the_last_page)
{
	struct rig *rig = rig_new(NULL);
	void *memory = aligned_alloc(OM_GUEST_ALIGN, rig->memory_size);

	assert_non_null(memory);
	expect_id_is_taken(rig, memory);
	rig->host->yield_every = 1;
	while (om_guest_destroy(rig->guest) == OM_AGAIN)
		expect_id_is_taken(rig, memory);
	rig->host->yield_every = 0;
	assert_int_equal(rig->host->shadow_pages, 0);
	/* Now it is free, for whoever is the first. */
	assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &rig_default.limits, rig->ram,
					 memory, rig->memory_size, &rig->guest), OM_OK);
	rig->ram->om = rig->guest;
	rig_free(rig);
	free(memory);
}
