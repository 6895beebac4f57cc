/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_message_check(): every command with every number of parameters and every
 * attribute, against an oracle written from OP-TEE's ABI. The oracle is a list
 * of what is allowed; all else has to be refused (invariant I8).
 */
#include "rig.h"

#include "message_check.h"

/* Attributes OP-TEE knows for a parameter of a call, cache bits left out. */
static const struct allowed {
	uint64_t attr;
	bool null_only;		/* memory in one piece: only "no memory" can be passed */
	uint32_t kinds;		/* what there is to do for it */
} allowed[] = {
	{ 0x000, false, 0 },
	{ 0x001, false, 0 },
	{ 0x002, false, OM_PARAMS_VALUE },
	{ 0x003, false, OM_PARAMS_VALUE },
	{ 0x005, false, OM_PARAMS_RMEM },
	{ 0x006, false, OM_PARAMS_RMEM | OM_PARAMS_SIZE },
	{ 0x007, false, OM_PARAMS_RMEM | OM_PARAMS_SIZE },
	{ 0x009, true, 0 },
	{ 0x00a, true, OM_PARAMS_SIZE },
	{ 0x00b, true, OM_PARAMS_SIZE },
	{ 0x209, false, 0 },
	{ 0x20a, false, OM_PARAMS_SIZE },
	{ 0x20b, false, OM_PARAMS_SIZE },
};

/* Commands with how many parameters, and what the first ones have to be. */
static const struct command {
	uint32_t cmd;
	uint32_t min, max;
	uint32_t exact_params;	/* of the first ones */
	uint64_t exact_attr;
	bool any_attr;		/* OP-TEE never looks at attr */
	bool needs_address;
	bool async_only;
} commands[] = {
	{ .cmd = 0, .min = 2, .max = 6, .exact_params = 2, .exact_attr = 0x101 },
	{ .cmd = 1, .min = 0, .max = 4 },
	{ .cmd = 2 },
	{ .cmd = 3 },
	{ .cmd = 4, .min = 1, .max = 1, .exact_params = 1, .exact_attr = 0x20a,
	  .needs_address = true },
	{ .cmd = 5, .min = 1, .max = 1, .any_attr = true },
	{ .cmd = 6, .async_only = true },
	{ .cmd = 7, .async_only = true },
};

static const struct command *command_of(uint32_t cmd, bool async)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (commands[i].cmd == cmd && (async || !commands[i].async_only))
			return &commands[i];
	return NULL;
}

/* As a NULL memory reference is written by those who name memory by cookie only. */
static bool is_zero(const struct optee_msg_param *param)
{
	return param->u.rmem.offs == 0 && param->u.rmem.size == 0 && param->u.rmem.shm_ref == 0;
}

/* What OP-TEE is to be shown becomes of *param. */
static bool is_allowed(struct optee_msg_param *param, uint32_t *kinds)
{
	uint64_t attr = param->attr & ~0x70000ull;

	param->attr = attr;

	for (size_t i = 0; i < COUNT_OF(allowed); i++) {
		if (attr != allowed[i].attr)
			continue;
		*kinds = allowed[i].kinds;
		/* OP-TEE reads nothing of these. */
		if (attr == 0x000 || attr == 0x002)
			memset(&param->u, 0, sizeof(param->u));
		/* The same direction, by address: 0x5 to 0x7 become 0x9 to 0xb. */
		if (*kinds & OM_PARAMS_RMEM && is_zero(param)) {
			*kinds &= ~OM_PARAMS_RMEM;
			param->attr += 4;
		}
		/* A page list, unless it says that there is no memory. */
		if (attr >= 0x209 && param->u.tmem.buf_ptr)
			*kinds |= OM_PARAMS_LIST;
		return !allowed[i].null_only || param->u.tmem.buf_ptr == 0;
	}
	return false;
}

/* What OP-TEE is to be shown becomes of *message when it is accepted. */
static enum om_refusal oracle(struct om_message *message, bool async, uint32_t *kinds)
{
	const struct command *command = command_of(message->hdr.cmd, async);
	uint32_t i, bits = 0;

	*kinds = 0;
	if (!command)
		return OM_REFUSED_COMMAND;
	if (message->hdr.num_params < command->min || message->hdr.num_params > command->max)
		return OM_REFUSED_PARAMS;
	for (i = 0; i < message->hdr.num_params; i++) {
		struct optee_msg_param *param = &message->param[i];

		if (i < command->exact_params) {
			if (param->attr != command->exact_attr)
				return OM_REFUSED_PARAMS;
			if (command->needs_address && param->u.tmem.buf_ptr == 0)
				return OM_REFUSED_PARAMS;
			if (command->needs_address)
				*kinds |= OM_PARAMS_LIST << i;
		} else if (!command->any_attr) {
			if (!is_allowed(param, &bits))
				return OM_REFUSED_PARAMS;
			*kinds |= bits << i;
		}
	}
	return OM_ACCEPTED;
}

static void check(const struct om_message *message)
{
	for (int async = 0; async < 2; async++) {
		const uint32_t untouched = 0x5a5a5a5a;
		struct om_message seen = *message, shown = *message;
		uint32_t kinds = untouched, expected;
		enum om_refusal is = om_message_check(&seen, async, &kinds);
		enum om_refusal should = oracle(&shown, async, &expected);

		/* Compared first: cmocka's own assertions are slow. */
		if (is != should)
			fail_msg("cmd %u, %u params, async %d: %d instead of %d",
				 message->hdr.cmd, message->hdr.num_params, async, is, should);
		if (is != OM_ACCEPTED)
			expected = untouched;
		if (kinds != expected)
			fail_msg("cmd %u, %u params: kinds 0x%x instead of 0x%x",
				 message->hdr.cmd, message->hdr.num_params, kinds, expected);
		if (is == OM_ACCEPTED && memcmp(&seen, &shown, sizeof(seen)) != 0)
			fail_msg("cmd %u, %u params: OP-TEE is shown something else",
				 message->hdr.cmd, message->hdr.num_params);
	}
}

/* A message of this command that is fine, whatever its number of parameters. */
static struct om_message good_message(uint32_t cmd, uint32_t n)
{
	struct om_message message = { .hdr = { .cmd = cmd, .num_params = n } };

	if (cmd == 0) {
		message.param[0].attr = 0x101;
		message.param[1].attr = 0x101;
	} else if (cmd == 4) {
		message.param[0].attr = 0x20a;
		message.param[0].u.tmem.buf_ptr = 0x40001000;
	}
	return message;
}

static const uint32_t interesting_cmds[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 31, 32, 255, 256, 0x80000000, 0xffffffff,
};

TEST(test_every_command_with_every_number_of_params)
{
	static const uint32_t more[] = { 122, 123, 127, 128, 255, 256, 0x80000000, 0xffffffff };

	for (size_t c = 0; c < COUNT_OF(interesting_cmds); c++) {
		for (uint32_t n = 0; n <= 10; n++) {
			struct om_message message = good_message(interesting_cmds[c], n);

			check(&message);
		}
		for (size_t i = 0; i < COUNT_OF(more); i++) {
			struct om_message message = good_message(interesting_cmds[c], more[i]);

			check(&message);
		}
	}
}

/* Accepted at least once, so that the oracle does not agree by refusing all. */
TEST(test_good_messages_pass)
{
	assert_int_equal(om_message_max_params(8), 0);
	assert_int_equal(om_message_max_params(UINT32_MAX), 0);
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		struct om_message message = good_message(commands[i].cmd, commands[i].max);
		uint32_t kinds;

		assert_int_equal(om_message_check(&message, true, &kinds), OM_ACCEPTED);
		assert_int_equal(om_message_check(&message, false, &kinds),
				 commands[i].async_only ? OM_REFUSED_COMMAND : OM_ACCEPTED);
		assert_int_equal(om_message_max_params(commands[i].cmd), commands[i].max);
	}
}

TEST(test_invariant_8_every_attribute_at_every_place)
{
	static const uint64_t addresses[] = { 0, 1, 0x40001000, 0xffffffffffffffff };

	for (size_t c = 0; c < COUNT_OF(commands); c++) {
		for (uint32_t n = commands[c].min; n <= commands[c].max; n++) {
			for (uint32_t place = 0; place < n; place++) {
				struct om_message message = good_message(commands[c].cmd, n);
				struct rig_attrs attrs = { 0 };

				while (rig_next_attr(&attrs, &message.param[place].attr)) {
					for (size_t p = 0; p < COUNT_OF(addresses); p++) {
						message.param[place].u.tmem.buf_ptr = addresses[p];
						check(&message);
					}
				}
			}
		}
	}
}

/*
 * Only attr and whether memory is named decide; the rest is not looked at. Nor is it changed,
 * unless OP-TEE does not read it.
 */
TEST(test_contents_do_not_matter)
{
	struct om_message message = good_message(1, 4);
	uint64_t seed = 1;

	for (uint32_t i = 0; i < 100000; i++) {
		for (uint32_t k = 0; k < 4; k++) {
			struct optee_msg_param *param = &message.param[k];

			param->attr = allowed[rig_random(&seed) % COUNT_OF(allowed)].attr;
			param->u.value.a = rig_random(&seed) & 1u ? rig_random(&seed) : 0;
			param->u.value.b = rig_random(&seed) & 1u ? rig_random(&seed) : 0;
			param->u.value.c = rig_random(&seed) & 1u ? rig_random(&seed) : 0;
		}
		message.hdr.func = (uint32_t)rig_random(&seed);
		message.hdr.session = (uint32_t)rig_random(&seed);
		message.hdr.pad = (uint32_t)rig_random(&seed);
		message.hdr.ret = (uint32_t)rig_random(&seed);
		check(&message);
	}
}

/* Parameters beyond num_params are leftovers of the call before. */
TEST(test_params_beyond_the_number_are_ignored)
{
	for (uint32_t n = 0; n <= 4; n++) {
		struct om_message message = good_message(1, n);
		uint32_t kinds;

		for (uint32_t i = 0; i < OM_MESSAGE_PARAMS; i++)
			message.param[i].attr = i < n ? 0x003 : 0xffffffffffffffff;
		assert_int_equal(om_message_check(&message, false, &kinds), OM_ACCEPTED);
		assert_int_equal(kinds, OM_PARAMS_VALUE * ((1u << n) - 1));
		for (uint32_t i = n; i < OM_MESSAGE_PARAMS; i++)
			assert_int_equal(message.param[i].attr, 0xffffffffffffffff);
	}
}

TEST(test_going_through_the_parameters_of_a_kind)
{
	for (uint32_t set = 0; set < 1u << OM_MESSAGE_PARAMS; set++) {
		/* The others are full, and must not get in. */
		uint32_t kinds = ~(((1u << OM_MESSAGE_PARAMS) - 1) * OM_PARAMS_VALUE) |
				 set * OM_PARAMS_VALUE;
		uint32_t params = om_params_of(kinds, OM_PARAMS_VALUE);

		assert_int_equal(params, set);
		for (uint32_t i = 0; i < OM_MESSAGE_PARAMS; i++)
			if (set >> i & 1u)
				assert_int_equal(om_next_param(&params), i);
		assert_int_equal(params, 0);
	}
}
