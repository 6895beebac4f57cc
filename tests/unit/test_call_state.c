/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The states of a call: every state with every event, against a list of what is
 * legal that was written from the comment in call_state.h, not from its table.
 */
#include "rig.h"

#include "call_state.h"

static const char *const states[OM_CALL_STATES] = {
	[OM_CALL_FREE] = "FREE", [OM_CALL_LOADING] = "LOADING",
	[OM_CALL_CLAIMING] = "CLAIMING", [OM_CALL_SECURE] = "SECURE",
	[OM_CALL_ASKING] = "ASKING", [OM_CALL_REPLYING] = "REPLYING",
	[OM_CALL_SHARING] = "SHARING", [OM_CALL_ENDING] = "ENDING",
	[OM_CALL_LOADING_PAUSED] = "LOADING_PAUSED",
	[OM_CALL_CLAIMING_PAUSED] = "CLAIMING_PAUSED",
	[OM_CALL_ASKING_PAUSED] = "ASKING_PAUSED",
	[OM_CALL_SHARING_PAUSED] = "SHARING_PAUSED",
	[OM_CALL_ENDING_PAUSED] = "ENDING_PAUSED", [OM_CALL_INTERRUPTED] = "INTERRUPTED",
	[OM_CALL_WAITING] = "WAITING", [OM_CALL_BROKEN] = "BROKEN",
};

static const char *const events[OM_CALL_EVENTS] = {
	[OM_EVENT_BEGIN] = "BEGIN", [OM_EVENT_RESUME] = "RESUME", [OM_EVENT_PAUSE] = "PAUSE",
	[OM_EVENT_CLAIM] = "CLAIM", [OM_EVENT_ENTER] = "ENTER", [OM_EVENT_INTERRUPT] = "INTERRUPT",
	[OM_EVENT_REQUEST] = "REQUEST", [OM_EVENT_ASK] = "ASK",
	[OM_EVENT_SHARE] = "SHARE", [OM_EVENT_END] = "END",
	[OM_EVENT_RELEASE] = "RELEASE",
};

/* All that may happen; what is not here is broken. */
static const struct transition {
	const char *from, *event, *to;
} legal[] = {
	/* A call begins; its message is loaded, refused, or takes time. */
	{ "FREE", "BEGIN", "LOADING" },
	{ "LOADING", "CLAIM", "CLAIMING" },
	{ "LOADING", "ENTER", "SECURE" },
	{ "LOADING", "END", "ENDING" },
	{ "LOADING", "PAUSE", "LOADING_PAUSED" },
	{ "LOADING_PAUSED", "RESUME", "LOADING" },
	/* What it ends is claimed, refused, or other calls are waited for. */
	{ "CLAIMING", "ENTER", "SECURE" },
	{ "CLAIMING", "END", "ENDING" },
	{ "CLAIMING", "PAUSE", "CLAIMING_PAUSED" },
	{ "CLAIMING_PAUSED", "RESUME", "CLAIMING" },
	/* OP-TEE is done, interrupted, or wants something. */
	{ "SECURE", "END", "ENDING" },
	{ "SECURE", "INTERRUPT", "INTERRUPTED" },
	{ "SECURE", "REQUEST", "ASKING" },
	{ "INTERRUPTED", "RESUME", "SECURE" },
	/* The request is shown, kept from the guest, or takes time. */
	{ "ASKING", "ASK", "WAITING" },
	{ "ASKING", "INTERRUPT", "INTERRUPTED" },
	{ "ASKING", "PAUSE", "ASKING_PAUSED" },
	{ "ASKING_PAUSED", "RESUME", "ASKING" },
	/* The reply goes to OP-TEE, or has memory: that is given, undone, or takes time. */
	{ "WAITING", "RESUME", "REPLYING" },
	{ "REPLYING", "ENTER", "SECURE" },
	{ "REPLYING", "SHARE", "SHARING" },
	{ "SHARING", "ENTER", "SECURE" },
	{ "SHARING", "ASK", "WAITING" },
	{ "SHARING", "PAUSE", "SHARING_PAUSED" },
	{ "SHARING_PAUSED", "RESUME", "SHARING" },
	/* The end, which may take time but cannot fail. */
	{ "ENDING", "RELEASE", "FREE" },
	{ "ENDING", "PAUSE", "ENDING_PAUSED" },
	{ "ENDING_PAUSED", "RESUME", "ENDING" },
};

static const char *const owned[] = {
	"LOADING", "CLAIMING", "SECURE", "ASKING", "REPLYING", "SHARING", "ENDING",
};

static const char *expected(const char *from, const char *event)
{
	for (size_t i = 0; i < COUNT_OF(legal); i++)
		if (!strcmp(legal[i].from, from) && !strcmp(legal[i].event, event))
			return legal[i].to;
	return "BROKEN";
}

TEST(test_every_state_with_every_event)
{
	uint32_t s, e, found = 0;

	for (s = 0; s < OM_CALL_STATES; s++) {
		for (e = 0; e < OM_CALL_EVENTS; e++) {
			enum om_call_state next = om_call_next((enum om_call_state)s,
							       (enum om_call_event)e);

			assert_in_range(next, 0, OM_CALL_BROKEN);
			assert_string_equal(states[next], expected(states[s], events[e]));
			found += next != OM_CALL_BROKEN;
		}
	}
	/* So the list above has no line that names a state or event wrongly. */
	assert_int_equal(found, COUNT_OF(legal));
}

TEST(test_values_out_of_range_are_broken)
{
	static const uint32_t beyond[] = { 0, 1, 2, 3, 17, 239, 240, 0x7fffffff, 0xffffffe0 };

	for (uint32_t i = 0; i < COUNT_OF(beyond); i++) {
		uint32_t s = OM_CALL_STATES + beyond[i];
		uint32_t e = OM_CALL_EVENTS + beyond[i];

		for (uint32_t k = 0; k < OM_CALL_EVENTS; k++)
			assert_int_equal(om_call_next((enum om_call_state)s,
						      (enum om_call_event)k), OM_CALL_BROKEN);
		for (uint32_t k = 0; k < OM_CALL_STATES; k++)
			assert_int_equal(om_call_next((enum om_call_state)k,
						      (enum om_call_event)e), OM_CALL_BROKEN);
		assert_int_equal(om_call_next((enum om_call_state)s, (enum om_call_event)e),
				 OM_CALL_BROKEN);
	}
}

TEST(test_invariant_6_who_owns_a_call)
{
	for (uint32_t s = 0; s < OM_CALL_STATES; s++) {
		bool is = false;

		for (uint32_t i = 0; i < COUNT_OF(owned); i++)
			is |= !strcmp(states[s], owned[i]);
		assert_int_equal(om_call_is_owned((enum om_call_state)s), is);
		/* Nobody can take what somebody owns. */
		if (is) {
			assert_int_equal(om_call_next((enum om_call_state)s, OM_EVENT_BEGIN),
					 OM_CALL_BROKEN);
			assert_int_equal(om_call_next((enum om_call_state)s, OM_EVENT_RESUME),
					 OM_CALL_BROKEN);
		}
	}
	assert_false(om_call_is_owned((enum om_call_state)OM_CALL_STATES));
	assert_false(om_call_is_owned((enum om_call_state)UINT32_MAX));
}

/*
 * machine.c runs an owned call straight through, in this order and once: from each of these
 * states only a later one may follow, or one that nobody owns.
 */
TEST(test_invariant_6_owned_states_follow_each_other_in_one_order)
{
	static const enum om_call_state order[] = {
		OM_CALL_LOADING, OM_CALL_CLAIMING, OM_CALL_REPLYING, OM_CALL_SHARING,
		OM_CALL_SECURE, OM_CALL_ASKING, OM_CALL_ENDING,
	};

	assert_int_equal(COUNT_OF(order), COUNT_OF(owned));
	for (uint32_t i = 0; i < COUNT_OF(order); i++)
		for (uint32_t e = 0; e < OM_CALL_EVENTS; e++) {
			enum om_call_state to = om_call_next(order[i], (enum om_call_event)e);
			bool later = !om_call_is_owned(to);

			for (uint32_t k = i + 1; k < COUNT_OF(order); k++)
				later |= order[k] == to;
			assert_true(later);
		}
}

/* The set of states that can be reached from one, as bits. */
static uint32_t reachable(uint32_t from)
{
	uint32_t set = 1u << from, before;

	do {
		before = set;
		for (uint32_t s = 0; s < OM_CALL_STATES; s++)
			for (uint32_t e = 0; (set >> s & 1u) && e < OM_CALL_EVENTS; e++)
				set |= 1u << om_call_next((enum om_call_state)s,
							  (enum om_call_event)e);
		/* BROKEN is where illegal events lead; it is no step. */
		set &= ~(1u << OM_CALL_BROKEN);
	} while (set != before);
	return set;
}

TEST(test_invariant_9_every_state_can_end)
{
	assert_int_equal(reachable(OM_CALL_FREE), (1u << OM_CALL_BROKEN) - 1u);
	for (uint32_t s = 0; s < OM_CALL_BROKEN; s++)
		assert_true(reachable(s) & 1u << OM_CALL_FREE);
}

/* What a call must have it has, what it may have it may, and nothing else. */
TEST(test_invariant_9_what_a_call_has_in_each_state)
{
	const uint32_t session = OM_HAS_SESSION | OM_HAS_TRANSIT;

	for (uint32_t s = 0; s < OM_CALL_BROKEN; s++) {
		const enum om_call_state at = (enum om_call_state)s;
		const struct om_call_rule *rule = &om_call_rules[s];
		const uint32_t most = (uint32_t)rule->must | rule->may;

		assert_int_equal(rule->must & rule->may, 0);
		assert_true(om_call_may_have(at, rule->must));
		assert_true(om_call_may_have(at, most));
		for (uint32_t bit = 1; bit <= OM_HAS_RELEASE; bit <<= 1) {
			if (rule->must & bit)
				assert_false(om_call_may_have(at, most & ~bit));
			if (!(most & bit))
				assert_false(om_call_may_have(at, most | bit));
		}
		/* A session in use is in transit, or was put. */
		if (rule->may & OM_HAS_SESSION && rule->may & OM_HAS_TRANSIT)
			assert_false(om_call_may_have(at, (most | session) & ~OM_HAS_TRANSIT));
		/* What ends or is over has no session to open or to close, and no request. */
		if (s == OM_CALL_ENDING || s == OM_CALL_ENDING_PAUSED || s == OM_CALL_FREE)
			assert_int_equal(most & (OM_HAS_OPEN | OM_HAS_CLOSE | OM_HAS_ARG), 0);
	}
	assert_int_equal(om_call_rules[OM_CALL_FREE].may & ~OM_HAS_TRANSIT, 0);
	assert_false(om_call_may_have(OM_CALL_BROKEN, OM_HAS_MESSAGE));
}

/* Who resumes a call changes nothing of it: it has in the next state what it had in the last. */
TEST(test_invariant_9_resumed_call_has_what_it_had)
{
	uint32_t resumed = 0;

	for (uint32_t s = 0; s < OM_CALL_STATES; s++) {
		enum om_call_state to = om_call_next((enum om_call_state)s, OM_EVENT_RESUME);
		const struct om_call_rule *rule = &om_call_rules[s];

		if (to == OM_CALL_BROKEN)
			continue;
		assert_true(om_call_may_have(to, rule->must));
		assert_true(om_call_may_have(to, rule->must | rule->may));
		resumed++;
	}
	assert_int_equal(resumed, 7);
}

TEST(test_names)
{
	for (uint32_t i = 0; i < OM_CALL_STATES; i++)
		assert_string_equal(om_call_state_name(i), states[i]);
	for (uint32_t i = 0; i < OM_CALL_EVENTS; i++)
		assert_string_equal(om_call_event_name(i), events[i]);
	assert_string_equal(om_call_state_name(OM_CALL_STATES), "?");
	assert_string_equal(om_call_state_name(UINT32_MAX), "?");
	assert_string_equal(om_call_event_name(OM_CALL_EVENTS), "?");
	assert_string_equal(om_call_event_name(UINT32_MAX), "?");
}
