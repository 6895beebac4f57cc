/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHM_ALLOC and SHM_FREE: memory of the guest's that OP-TEE asks for, what becomes of it
 * when the reply is refused, and who frees it then.
 */
#include "rig_rpc.h"

#define TYPE	OPTEE_RPC_SHM_TYPE_APPL

static struct om_regs begin_shm_alloc(struct rig *rig, uint64_t size)
{
	struct optee *o = rig->arg;
	struct optee_msg_param *param;

	rig->smcs = 0;
	*o = (struct optee){ 0 };
	param = &ask_cmd(o, 0, OPTEE_RPC_CMD_SHM_ALLOC, 1)->param[0];
	param->attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	param->u.value.a = TYPE;
	param->u.value.b = size;
	return begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG);
}

static void write_reply(struct rig *rig, uint64_t attr, uint64_t buf_ptr, uint64_t size,
			uint64_t cookie)
{
	struct om_request_copy *arg = guest_arg(rig, true);

	arg->hdr.ret = 0;
	arg->hdr.ret_origin = 3;
	rig_list(rig, &arg->param[0], attr, LIST_PAGE, 60);
	arg->param[0].u.tmem.buf_ptr = buf_ptr;
	arg->param[0].u.tmem.size = size;
	arg->param[0].u.tmem.shm_ref = cookie;
}

static void free_payload(struct rig *rig, uint64_t cookie, bool is_known)
{
	struct optee *o = rig->arg;
	struct optee_msg_param *param;
	struct om_regs r;

	*o = (struct optee){ 0 };
	param = &ask_cmd(o, 0, OPTEE_RPC_CMD_SHM_FREE, 1)->param[0];
	param->attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	param->u.value.a = TYPE;
	param->u.value.b = cookie;
	r = begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG);
	/* It may take its time to unpin, before the guest sees it. */
	while (is_known && r.a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		r = resume(rig, r);
	if (!is_known) {
		expect_not_shown(rig, r);
		return;
	}
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_false(known(rig, cookie));
	assert_int_equal(rig->ram->pinned, 1);
	guest_arg(rig, true)->hdr.ret = 0;
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
}

RPC_TEST(test_scenario_36_good_payloads)
{
	static const struct {
		uint64_t wanted, size;
		uint32_t offset, pages;
	} lists[] = {
		{ 4096, 4096, 0, 1 }, { 4096, 4096, 1, 2 }, { 1, 60 * 4096, 0, 60 },
		{ 40 * 4096, 40 * 4096, 4095, 41 },
	};
	struct om_regs r;

	for (uint32_t yields = 0; yields < 2; yields++) {
		for (size_t i = 0; i < COUNT_OF(lists); i++) {
			r = begin_shm_alloc(rig, lists[i].wanted);
			write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE) | lists[i].offset,
				    lists[i].size, 0x51);
			rig->host->yield_every = yields;
			r = resume(rig, r);
			while (r.a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
				r = resume(rig, r);
			assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
			assert_int_equal(o->back.hdr.ret, 0);
			assert_int_equal(o->back.hdr.num_params, 1);
			assert_int_equal(o->back.param[0].attr, LIST);
			assert_int_equal(o->back.param[0].u.tmem.size, lists[i].size);
			assert_int_equal(o->back.param[0].u.tmem.shm_ref, 0x51);
			assert_int_equal(o->back.param[0].u.tmem.buf_ptr % TEST_PAGE,
					 lists[i].offset);
			assert_int_equal(rig->ram->pinned, lists[i].pages);
			free_payload(rig, 0x51, true);
			rig->host->yield_every = 0;
			assert_int_equal(rig->ram->pinned, 0);
		}
	}
	/* To pin, and to unpin again. */
	assert_true(om_guest_counter(rig->guest, OM_COUNT_PAUSED) >= 4);
	r = begin_shm_alloc(rig, 100);
	write_reply(rig, PAGE, rig_ipa(rig, SPARE), 100, 0x52);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.param[0].attr, PAGE);
	assert_int_equal(o->back.param[0].u.tmem.buf_ptr,
			 test_guest_pa(rig->ram, rig_ipa(rig, SPARE)));
	free_payload(rig, 0x52, true);
	/* Twice, or what never was. */
	free_payload(rig, 0x52, false);
	free_payload(rig, 0, false);
}

/* The guest has no memory: its own words, and nothing to undo. */
RPC_TEST(test_guest_without_memory)
{
	struct om_regs r = begin_shm_alloc(rig, 4096);

	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0x51);
	guest_arg(rig, true)->hdr.ret = TEEC_ERROR_OUT_OF_MEMORY;
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.hdr.ret, TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(o->back.hdr.ret_origin, 3);
	/* What OP-TEE finds there is its own request. */
	assert_int_equal(o->back.param[0].attr, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
	assert_int_equal(rig->ram->pinned, 0);
}

/* The mediator's own SHM_FREE: what is asked, and what OP-TEE hears afterwards. */
static void expect_undo(struct rig *rig, struct om_regs r, uint64_t cookie, uint32_t ret)
{
	struct optee *o = rig->arg;
	const struct om_request_copy *arg = guest_arg(rig, true);

	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(arg->hdr.cmd, OPTEE_RPC_CMD_SHM_FREE);
	assert_int_equal(arg->hdr.num_params, 1);
	assert_int_equal(arg->param[0].attr, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
	assert_int_equal(arg->param[0].u.value.a, TYPE);
	assert_int_equal(arg->param[0].u.value.b, cookie);
	assert_int_equal(rig->ram->pinned, 1);
	assert_int_equal(o->at, o->count);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	expect_resumed(o, 0, 0);
	assert_int_equal(o->back.hdr.ret, ret);
	assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
	/* I2: no address of the guest's got there. */
	assert_int_equal(o->back.param[0].attr, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
}

RPC_TEST(test_scenario_40_replies_that_are_undone)
{
	const uint64_t list = rig_ipa(rig, LIST_PAGE), page = rig_ipa(rig, SPARE);
	const struct {
		uint64_t attr, buf_ptr, size;
		uint32_t ret;
	} cases[] = {
		{ LIST, 0, 8192, TEEC_ERROR_COMMUNICATION },
		{ LIST, list, 8191, TEEC_ERROR_COMMUNICATION },
		{ LIST | 1u << 16, list, 8192, TEEC_ERROR_COMMUNICATION },
		{ LIST | 1u << 10, list, 8192, TEEC_ERROR_COMMUNICATION },
		{ PAGE, page, 8192, TEEC_ERROR_COMMUNICATION },
		{ LIST, rig->ram->hole_ipa, 8192, TEEC_ERROR_BAD_PARAMETERS },
		/* The 62nd entry of the list is none. */
		{ LIST, list, 62 * 4096, TEEC_ERROR_BAD_PARAMETERS },
		{ LIST, list, 65 * 4096, TEEC_ERROR_OUT_OF_MEMORY },
		{ LIST, list, UINT64_MAX, TEEC_ERROR_BAD_PARAMETERS },
	};
	struct om_regs r;

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			r = begin_shm_alloc(rig, 8192);
			write_reply(rig, cases[i].attr, cases[i].buf_ptr, cases[i].size, 0x51);
			/* The second time with a host that always has something better to do. */
			rig->host->yield_every = (uint32_t)k;
			r = resume(rig, r);
			while (r.a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
				r = resume(rig, r);
			expect_undo(rig, r, 0x51, cases[i].ret);
			rig->host->yield_every = 0;
			assert_int_equal(rig->ram->pinned, 0);
		}
	}
	/* A single page that cannot be pinned. */
	r = begin_shm_alloc(rig, 100);
	write_reply(rig, PAGE, page + 8, 100, 0x51);
	expect_undo(rig, resume(rig, r), 0x51, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_RPC_UNDO),
			 2 * COUNT_OF(cases) + 1);
}

/* Nothing that could be undone: OP-TEE is told at once. */
static void expect_failed(struct rig *rig, struct om_regs r, uint32_t ret)
{
	struct optee *o = rig->arg;

	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.hdr.ret, ret);
	assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
	assert_int_equal(rig->ram->pinned, 0);
}

RPC_TEST(test_scenario_37_replies_without_an_allocation)
{
	static const uint64_t attrs[] = { 0, 1, 2, 3, 5, 6, 7, 9, 0xb, 0x209, 0x20b, 0xff };
	struct om_regs r;

	for (size_t i = 0; i < COUNT_OF(attrs); i++) {
		r = begin_shm_alloc(rig, 4096);
		write_reply(rig, attrs[i], rig_ipa(rig, LIST_PAGE), 4096, 0x51);
		expect_failed(rig, r, TEEC_ERROR_COMMUNICATION);
	}
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0x51);
	guest_arg(rig, true)->hdr.num_params = 2;
	expect_failed(rig, r, TEEC_ERROR_COMMUNICATION);
	/* Cookie 0 has no name by which to free it. */
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0);
	expect_failed(rig, r, TEEC_ERROR_BAD_PARAMETERS);
	/* The reply cannot be read. */
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0x51);
	test_host_fail(rig->host, 1u << TEST_OP_READ, 1, false);
	expect_failed(rig, r, TEEC_ERROR_COMMUNICATION);
	/* It is to be undone, and the guest's page cannot be written. */
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig->ram->hole_ipa, 4096, 0x51);
	test_host_fail(rig->host, 1u << TEST_OP_WRITE, 1, false);
	expect_failed(rig, r, TEEC_ERROR_BAD_PARAMETERS);
}

/* A page that needs no list counts like any other: OP-TEE may not map so much, and hears so. */
RPC_TEST(test_fault_a1_payload_of_one_page_is_charged)
{
	struct om_regs r;
	uint32_t limit = rig->guest->mapping.call_pages;

	rig->guest->mapping.call_pages = 0;
	r = begin_shm_alloc(rig, 100);
	write_reply(rig, PAGE, rig_ipa(rig, SPARE), 100, 0x51);
	expect_undo(rig, resume(rig, r), 0x51, TEEC_ERROR_OUT_OF_MEMORY);
	rig->guest->mapping.call_pages = limit;
	r = begin_shm_alloc(rig, 100);
	write_reply(rig, PAGE, rig_ipa(rig, SPARE), 100, 0x51);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	free_payload(rig, 0x51, true);
}

/* A cookie in use is somebody's: freeing it would take that away. */
RPC_TEST(test_payload_with_the_cookie_of_another)
{
	struct om_regs r;

	share_data(rig, OM_SHARE_REGISTERED, 0x51);
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0x51);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.hdr.ret, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_RPC_UNDO), 0);
	assert_true(known(rig, 0x51));
}

/* Nothing of all that depends on somebody listening. */
static void with_trace(struct rig *rig)
{
	test_host_trace(rig->host, 4);
}

RIG_TEST_WITH(test_payloads_while_traced, struct optee, o, rpc_rig(&o, with_trace))
{
	struct om_regs r = begin_shm_alloc(rig, 4096);

	write_reply(rig, LIST, rig->ram->hole_ipa, 4096, 0x51);
	expect_undo(rig, resume(rig, r), 0x51, TEEC_ERROR_BAD_PARAMETERS);
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, PAGE, rig_ipa(rig, SPARE), 4096, 0x51);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	free_payload(rig, 0x51, true);
	/* Of more parameters than there are only those that were read are shown. */
	test_host_trace_reset(rig->host);
	*o = (struct optee){ 0 };
	ask_cmd(o, 0, OPTEE_RPC_CMD_FS, UINT32_MAX);
	expect_not_shown(rig, begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG));
	assert_true(rig->host->trace_count < 30);
}
