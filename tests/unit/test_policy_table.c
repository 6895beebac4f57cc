/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy as a table: what it allows, what it answers to the rest, aliases. */
#include "test.h"

#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/policy_table.h>

static const struct om_policy_range some[] = { { 0, 0 }, { 7, 9 }, { 0xfffffffe, 0xffffffff } };

static const struct om_policy_ta tas[] = {
	{ .uuid = { 1 }, .alias = { [15] = 9 }, .logins = OM_POLICY_LOGIN_PUBLIC,
	  .ranges = some, .range_count = 3 },
	{ .uuid = { 2 }, .logins = OM_POLICY_LOGIN_USER | OM_POLICY_LOGIN_REE_KERNEL,
	  .sessions = 3 },
};
static const struct om_policy policy = { .tas = tas, .ta_count = 2 };

static uint32_t open_as(uint8_t ta, uint32_t login)
{
	const struct om_request request = { .cmd = OPTEE_MSG_CMD_OPEN_SESSION, .login = login,
					    .ta_uuid = { ta } };

	return om_policy_authorize(&policy, &request);
}

static uint32_t invoke(uint8_t ta, uint32_t func)
{
	const struct om_request request = { .cmd = OPTEE_MSG_CMD_INVOKE_COMMAND, .func = func,
					    .ta_uuid = { ta } };

	return om_policy_authorize(&policy, &request);
}

TEST(what_is_not_listed_is_refused)
{
	const struct om_policy nothing = { .ta_count = 0 };
	const struct om_request request = { .cmd = OPTEE_MSG_CMD_OPEN_SESSION };

	assert_int_equal(om_policy_authorize(&nothing, &request), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(open_as(3, 0), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(open_as(0, 0), TEEC_ERROR_ITEM_NOT_FOUND);
	/* Of a table that was changed under a session. */
	assert_int_equal(invoke(3, 0), TEEC_ERROR_ACCESS_DENIED);
}

TEST(alias_is_no_name_for_guests)
{
	const struct om_request request = { .cmd = OPTEE_MSG_CMD_OPEN_SESSION,
					    .ta_uuid = { [15] = 9 } };

	assert_int_equal(om_policy_authorize(&policy, &request), TEEC_ERROR_ITEM_NOT_FOUND);
}

TEST(logins_are_those_listed)
{
	for (uint32_t login = 0; login < 70; login++) {
		assert_int_equal(open_as(1, login),
				 login == 0 ? TEEC_SUCCESS : TEEC_ERROR_ACCESS_DENIED);
		assert_int_equal(open_as(2, login),
				 login == 1 ? TEEC_SUCCESS : TEEC_ERROR_ACCESS_DENIED);
	}
	assert_int_equal(open_as(1, 0x80000000), TEEC_ERROR_ACCESS_DENIED);
	assert_int_equal(open_as(2, 0x80000000), TEEC_SUCCESS);
	assert_int_equal(open_as(2, 0x80000001), TEEC_ERROR_ACCESS_DENIED);
}

TEST(sessions_are_as_many_as_listed)
{
	struct om_request request = { .cmd = OPTEE_MSG_CMD_OPEN_SESSION };

	for (request.sessions = 0; request.sessions < 6; request.sessions++) {
		request.ta_uuid[0] = 1;
		request.login = 0;
		assert_int_equal(om_policy_authorize(&policy, &request), TEEC_SUCCESS);
		request.ta_uuid[0] = 2;
		request.login = 1;
		assert_int_equal(om_policy_authorize(&policy, &request), request.sessions < 3 ?
				 TEEC_SUCCESS : TEEC_ERROR_OUT_OF_MEMORY);
		/* Who may not open it is not told how many there are. */
		request.login = 0;
		assert_int_equal(om_policy_authorize(&policy, &request),
				 TEEC_ERROR_ACCESS_DENIED);
	}
}

TEST(commands_are_those_listed)
{
	static const struct { uint32_t func; bool allowed; } cases[] = {
		{ 0, true }, { 1, false }, { 6, false }, { 7, true }, { 8, true }, { 9, true },
		{ 10, false }, { 0xfffffffd, false }, { 0xfffffffe, true }, { 0xffffffff, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(invoke(1, cases[i].func), cases[i].allowed ?
				 TEEC_SUCCESS : TEEC_ERROR_ACCESS_DENIED);
	assert_int_equal(invoke(2, 0), TEEC_ERROR_ACCESS_DENIED);
}

TEST(all_else_passes)
{
	for (uint32_t cmd = 0; cmd < 16; cmd++) {
		const struct om_request request = { .cmd = cmd, .ta_uuid = { 3 } };

		if (cmd != OPTEE_MSG_CMD_OPEN_SESSION && cmd != OPTEE_MSG_CMD_INVOKE_COMMAND)
			assert_int_equal(om_policy_authorize(&policy, &request), TEEC_SUCCESS);
	}
}

TEST(aliases_are_those_listed)
{
	static const uint8_t one[16] = { 1 }, two[16] = { 2 }, three[16] = { 3 };
	static const uint8_t expected[16] = { [15] = 9 };
	uint8_t alias[16];

	memcpy(alias, one, sizeof(alias));
	om_policy_alias(&policy, one, alias);
	assert_memory_equal(alias, expected, sizeof(alias));
	memcpy(alias, two, sizeof(alias));
	om_policy_alias(&policy, two, alias);
	assert_memory_equal(alias, two, sizeof(alias));
	memcpy(alias, three, sizeof(alias));
	om_policy_alias(&policy, three, alias);
	assert_memory_equal(alias, three, sizeof(alias));
}
