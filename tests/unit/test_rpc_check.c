/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_request_check() and om_reply_check(): what of OP-TEE's requests a guest may
 * see, and what a guest's SHM_ALLOC is worth. Exhaustive, against oracles written
 * from OP-TEE's ABI as lists of what is allowed.
 */
#include "rig.h"

#include "rpc.h"

static const uint32_t served[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 21, 22, 23, 24,
};

static const uint64_t request_attrs[] = { 0, 1, 2, 3, 5, 6, 7 };
/* Memory by address: OP-TEE writes "none" so, and nothing else. */
static const uint64_t null_attrs[] = { 9, 0xa, 0xb };

static bool has(const uint64_t *list, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == value)
			return true;
	return false;
}

static bool is_request_param(const struct optee_msg_param *param)
{
	if (has(request_attrs, COUNT_OF(request_attrs), param->attr))
		return true;
	return has(null_attrs, COUNT_OF(null_attrs), param->attr) &&
	       param->u.tmem.buf_ptr == 0 && param->u.tmem.shm_ref == 0;
}

static enum om_refusal request_oracle(const struct om_request_copy *request)
{
	bool is_served = false;

	for (uint32_t i = 0; i < COUNT_OF(served); i++)
		is_served |= served[i] == request->hdr.cmd;
	if (!is_served || request->hdr.num_params > 4)
		return OM_REFUSED_REQUEST;
	/* SHM_ALLOC and SHM_FREE: one value, or the reply could not be judged. */
	if (request->hdr.cmd == 6 || request->hdr.cmd == 7)
		return request->hdr.num_params == 1 && request->param[0].attr == 1 ?
		       OM_ACCEPTED : OM_REFUSED_REQUEST;
	for (uint32_t i = 0; i < request->hdr.num_params; i++)
		if (!is_request_param(&request->param[i]))
			return OM_REFUSED_REQUEST;
	return OM_ACCEPTED;
}

static void check_request(const struct om_request_copy *request)
{
	enum om_refusal is = om_request_check(request);
	enum om_refusal should = request_oracle(request);

	if (is != should)
		fail_msg("cmd %u, %u params: %d instead of %d", request->hdr.cmd,
			 request->hdr.num_params, is, should);
}

static struct om_request_copy good_request(uint32_t cmd, uint32_t n)
{
	struct om_request_copy request = { .hdr = { .cmd = cmd, .num_params = n } };

	request.param[0].attr = 1;
	return request;
}

TEST(test_every_request_command_and_number)
{
	static const uint32_t more[] = { 122, 127, 128, 0x80000000, 0xffffffff };
	static const uint32_t far[] = { 0x80, 0x106, 0x10006, 0x80000006, 0xffffffff };
	struct om_request_copy request;

	for (uint32_t cmd = 0; cmd < 70; cmd++) {
		for (uint32_t n = 0; n < 10; n++) {
			request = good_request(cmd, n);
			check_request(&request);
		}
		for (size_t i = 0; i < COUNT_OF(more); i++) {
			request = good_request(cmd, more[i]);
			check_request(&request);
		}
	}
	/* A shift by the command would wrap around to one that is served. */
	for (size_t i = 0; i < COUNT_OF(far); i++) {
		request = good_request(far[i], 1);
		assert_int_equal(om_request_check(&request), OM_REFUSED_REQUEST);
	}
	for (size_t i = 0; i < COUNT_OF(served); i++) {
		request = good_request(served[i], 1);
		assert_int_equal(om_request_check(&request), OM_ACCEPTED);
	}
}

TEST(test_invariant_8_every_attribute_of_a_request)
{
	/* Any command but the two of the allocation stands for all others. */
	static const uint32_t cmds[] = { 2, 6, 7, 10, 20 };

	for (size_t c = 0; c < COUNT_OF(cmds); c++) {
		for (uint32_t n = 1; n <= 4; n++) {
			for (uint32_t place = 0; place < n; place++) {
				struct om_request_copy request = good_request(cmds[c], n);
				struct optee_msg_param *param = &request.param[place];
				struct rig_attrs attrs = { 0 };

				while (rig_next_attr(&attrs, &param->attr)) {
					param->u.tmem.buf_ptr = 0;
					param->u.tmem.shm_ref = 0;
					check_request(&request);
					param->u.tmem.shm_ref = 1ull << 40;
					check_request(&request);
					param->u.tmem.buf_ptr = 1ull << 40;
					check_request(&request);
					param->u.tmem.shm_ref = 0;
					check_request(&request);
				}
			}
		}
	}
}

/*
 * OP-TEE takes ret 0, one parameter, attr 0xA (a page) or 0x20A (a list), and at
 * least the size it asked for. A guest that answered with anything that still
 * names an allocation has to be asked to free it.
 */
static enum om_reply_verdict reply_oracle(const struct optee_msg_hdr *hdr,
					  const struct optee_msg_param *param, uint64_t wanted)
{
	bool large_enough = param->u.tmem.size >= wanted && param->u.tmem.buf_ptr != 0;

	if (hdr->ret != 0)
		return OM_REPLY_FAILED;
	if (hdr->num_params != 1 || (param->attr & 0xff) != 0xa)
		return OM_REPLY_MALFORMED;
	if (param->attr == 0x20a && large_enough)
		return OM_REPLY_LIST;
	if (param->attr == 0xa && large_enough && param->u.tmem.size >= 1 &&
	    param->u.tmem.size <= 4096)
		return OM_REPLY_PAGE;
	return OM_REPLY_UNUSABLE;
}

static void check_reply(const struct optee_msg_hdr *hdr, const struct optee_msg_param *param,
			uint64_t wanted)
{
	enum om_reply_verdict is = om_reply_check(hdr, param, wanted);
	enum om_reply_verdict should = reply_oracle(hdr, param, wanted);

	if (is != should)
		fail_msg("ret %x, %u params, attr %llx, size %llx of %llx: %d instead of %d",
			 hdr->ret, hdr->num_params, (unsigned long long)param->attr,
			 (unsigned long long)param->u.tmem.size, (unsigned long long)wanted,
			 is, should);
}

static const uint64_t sizes[] = {
	0, 1, 2, 4095, 4096, 4097, 8192, 0x7fffffff, 0x100000000, 0xffffffffffffffff,
};

static void check_sizes(const struct optee_msg_hdr *hdr, struct optee_msg_param *param)
{
	static const uint64_t addresses[] = { 0, 0x40000000, 0x40000fff, 1 };

	for (size_t a = 0; a < COUNT_OF(addresses); a++) {
		param->u.tmem.buf_ptr = addresses[a];
		for (size_t s = 0; s < COUNT_OF(sizes); s++) {
			param->u.tmem.size = sizes[s];
			for (size_t w = 0; w < COUNT_OF(sizes); w++)
				check_reply(hdr, param, sizes[w]);
		}
	}
}

TEST(test_replies_of_every_kind)
{
	static const uint32_t rets[] = { 0, 1, 0x10000, 0xffff0000, 0xffff000c, 0xffffffff };
	static const uint32_t numbers[] = { 0, 1, 2, 3, 4, 127, 0x80000001, 0xffffffff };
	/* cmd is the guest's to write, and must not matter. */
	struct optee_msg_hdr hdr = { .cmd = 0x12345678 };
	struct optee_msg_param param = { 0 };

	for (size_t r = 0; r < COUNT_OF(rets); r++) {
		for (size_t n = 0; n < COUNT_OF(numbers); n++) {
			hdr.ret = rets[r];
			hdr.num_params = numbers[n];
			param.attr = 0x20a;
			check_sizes(&hdr, &param);
			param.attr = 0xa;
			check_sizes(&hdr, &param);
		}
	}
}

TEST(test_invariant_8_every_attribute_of_a_reply)
{
	const struct optee_msg_hdr hdr = { .num_params = 1 };
	struct optee_msg_param param = { 0 };
	struct rig_attrs attrs = { 0 };

	while (rig_next_attr(&attrs, &param.attr)) {
		param.u.tmem.buf_ptr = 0x40000000;
		param.u.tmem.size = 4096;
		check_reply(&hdr, &param, 4096);
		check_reply(&hdr, &param, 4097);
		param.u.tmem.size = 4097;
		check_reply(&hdr, &param, 4096);
		param.u.tmem.buf_ptr = 0;
		check_reply(&hdr, &param, 4096);
	}
}
