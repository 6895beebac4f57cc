/* SPDX-License-Identifier: BSD-2-Clause */
/* What the backend records of a guest is what the library does, from its creation to its end. */
#define _GNU_SOURCE
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "replay.h"

#define VCPUS	4u
#define ROUNDS	20u

static uint8_t *stream;
static size_t used;

/* One at a time, so nothing protects it. */
static void keep(void *user, const void *bytes, size_t len)
{
	assert_ptr_equal(user, rigs);
	stream = realloc(stream, used + len);
	memcpy(stream + used, bytes, len);
	used += len;
}

static void begin(void)
{
	struct om_kvm_config config = rig_fresh(rigs);

	stream = NULL;
	used = 0;
	config.record = keep;
	config.limits.threads = VCPUS;
	config.workers = VCPUS - 1;	/* one is told to wait now and then */
	rig_init(rigs, &config);
}

/* Ends the guest; the recording has to be whole and true. */
static void end(void)
{
	struct replay_result result;
	struct recording r;

	rig_exit(rigs);
	assert_int_equal(recording_parse(&r, "test", stream, used, false), READ_WHOLE);
	assert_true(replay(&r, false, &result));
	assert_string_equal(result.why, "");
	assert_int_equal(result.records, r.count);
	recording_free(&r);
}

TEST(a_guest_is_recorded_to_its_end)
{
	uint32_t session;
	uint64_t page = DATA;

	begin();
	session = rig_opened(rigs);
	assert_int_equal(rig_register(rigs, 1, &page, 1, PAGE), TEEC_SUCCESS);
	rig_rmem(rig_message(rigs, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1), 0,
		 OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, PAGE);
	assert_int_equal(rig_invoke(rigs, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
	assert_int_equal(rig_close(rigs, session), TEEC_SUCCESS);
	assert_int_equal(om_kvm_reset(rigs->kvm), OM_KVM_OK);
	session = rig_opened(rigs);
	end();
}

/* A slot of the driver's is a vCPU. cmocka's checks are for one thread only. */
static void *run_vcpu(void *arg)
{
	uint32_t slot = *(const uint32_t *)arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct message *m = rig_message(rigs, slot, OPTEE_MSG_CMD_OPEN_SESSION, 2);
		uint32_t session;

		m->param[0].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
		m->param[1].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
		memcpy(m->param[0].u.octets, fake_ta_uuid, 16);
		if (rig_call(rigs, slot) != OPTEE_SMC_RETURN_OK || m->hdr.ret != TEEC_SUCCESS)
			abort();
		session = m->hdr.session;
		rig_message(rigs, slot, OPTEE_MSG_CMD_CLOSE_SESSION, 0)->hdr.session = session;
		if (rig_call(rigs, slot) != OPTEE_SMC_RETURN_OK)
			abort();
	}
	return NULL;
}

TEST(vcpus_at_once_are_recorded_in_their_order)
{
	pthread_t vcpu[VCPUS];
	uint32_t slots[VCPUS];

	begin();
	for (uint32_t i = 0; i < VCPUS; i++) {
		slots[i] = i;
		assert_int_equal(pthread_create(&vcpu[i], NULL, run_vcpu, &slots[i]), 0);
	}
	for (uint32_t i = 0; i < VCPUS; i++)
		pthread_join(vcpu[i], NULL);
	end();
}
