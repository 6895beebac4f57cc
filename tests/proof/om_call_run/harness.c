/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_call_run(): an owned call, from any state it can be in, until it belongs to nobody;
 * and om_call_init(), where all calls begin.
 *
 * One run from any point of any call, by induction: what is true of a call that nobody
 * owns (is_sound()) is proved of the call that the run leaves, and assumed of the one that
 * it takes.
 *
 * Assumes: is_sound(), which begins with the table in call_state.c, and which
 * om_message_fetch/ and om_call_begin/ prove of a new call. Of
 * message.c and rpc.c what their headers promise and om_message_*, om_rpc_* and
 * reply_shm_alloc/ prove, at their models here; of the registry what rooms.h says, of
 * sessions and of what is mapped what accounts.h says. Nothing of OP-TEE: it returns with
 * anything.
 * Proves: memory safety; a run ends in a state that nobody owns, under the same id, and
 * does not touch the call after the store that gives it away (I6); OP-TEE is entered once
 * at most, with what message.c or rpc.c prepared (I10); a call ends once and is told once
 * (I9): it succeeds when OP-TEE says so, and with no code that an id once given forbids;
 * what the guest gets is a result, or an RPC with the call's id, in 32 bits (I10); when
 * the slot is free nothing is held: the page is unpinned, each buffer put as often as it
 * was held, list pages are given back (I4, I9), a session is put once, what was charged
 * for parameters is given back (I5); a session is in use, or closing, until OP-TEE has
 * looked it up, and one that closes is unused before OP-TEE sees the CLOSE; until the call
 * ends list pages are kept, those of a reply until OP-TEE asks again, for which an
 * interrupt does not count (I4).
 *
 * Class: long
 * Solver: kissat
 * Arrays: elements
 * Cases: 8
 * Sources: call.c call_state.c
 * Model: accounts.c builtin.c host.c rooms.c world.c
 * Replace: om_store_release:give_away
 * Unwind: 9
 *   A call names OPTEE_MSG_CALL_PARAMS = 4 buffers; there are eight registers; of loading
 *   there are two pieces here, which are as good as a million: they have one contract.
 * Options: -DWORLD_SESSIONS=1u --unwindset is_untouched.0:300
 *   A call has to do with one at most; it has fewer words than that.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "accounts.h"
#include "rooms.h"

#include "call.h"

static enum om_call_state known_state(const struct om_call *of);
#define om_call_state known_state

#include "machine.c"

#undef om_call_state

#define PAGE	((uint64_t)OPTEE_MSG_PAGE_SIZE)

struct om_call nondet_call(void);

/* The call, and another of the guest's, of which it matters only whether it is there. */
static struct om_call calls[2];
static struct om_call *const call = &calls[0];

/* What was seen in this run. */
static struct {
	uint32_t word;		/* at first */
	uint32_t pieces;	/* of loading */
	uint32_t ended;		/* by finish, refuse or fail */
	bool accepted;		/* OP-TEE had accepted the call before */
	bool has_asked;		/* OP-TEE returned with a request */
	bool was_shown;		/* a request is in the guest's hands */
	bool given;		/* away */
	uint32_t answer;	/* a0 of OP-TEE's return */
	struct om_regs prepared;
	bool has_id;		/* the guest gave the call's id */
	struct om_lists lists, payload_lists;
	bool in_transit;		/* at first */
	bool past_lookup;	/* a request was shown that says so */
	bool handed_over;	/* to the next state that somebody owns */
	uint64_t pauses;	/* at first */
} seen;

/* `hold` of each buffer without this call: of others, and whether it is live. */
static uint64_t others[WORLD_BUFFERS];

/* The call when it was given away. */
static struct om_call given;

static void prove_handed_over(enum om_call_state to);

/* Instead of om_store_release(): who has the call from now on? */
void give_away(uint32_t *p, uint32_t v)
{
	enum om_call_state to = (enum om_call_state)(v & OM_CALL_STATE_MASK);

	PROVE(p == &call->word && !seen.given, "only a call's own state is stored");
	*p = v;
	if (!om_call_is_owned(to)) {
		seen.given = true;
		given = *call;
	} else if (to != OM_CALL_ENDING) {
		prove_handed_over(to);
		seen.handed_over = true;
	}
}

/* Word for word; a byte of it that can be any would be as good, and takes far longer. */
static bool is_untouched(void)
{
	const uint64_t *now = (const uint64_t *)call, *then = (const uint64_t *)&given;
	size_t i;

	for (i = 0; i < sizeof(given) / sizeof(*then); i++)
		if (now[i] != then[i])
			return false;
	return true;
}

/* Instead of om_call_state(): that of the case, as a number, so that what cannot follow is left out. */
static enum om_call_state known_state(const struct om_call *of)
{
	if (of != call || CASE == OM_CALL_FREE)
		return om_call_state(of);
	PROVE(om_call_state(of) == CASE, "a state is looked at once in a run");
	return (enum om_call_state)CASE;
}

static bool is_state(enum om_call_state state)
{
	return (call->word & OM_CALL_STATE_MASK) == (uint32_t)state;
}

/* What a room that works on the call may rely on. */
static void prove_owned(enum om_call_state state)
{
	/* The rest is the case of that state. */
	ASSUME(!seen.handed_over);
	PROVE(!seen.given && is_state(state), "who works on a call owns it (I6)");
	PROVE(!ghost.locked, "... and holds no lock");
}

/* One more user of a buffer, for this call. */
static uint32_t any_buffer(uint32_t users)
{
	uint32_t i = any_below(WORLD_BUFFERS);

	/* Who is on a release list has no user, and nobody can become one. */
	ASSUME(i != call->release.head);
	world_buffers[i].hold += users;
	return i;
}

static struct om_regs any_smc(void)
{
	struct om_regs regs;
	uint32_t i;

	for (i = 0; i < 7; i++)
		regs.a[i] = any_u32();
	regs.a[7] = world_guest.vm.id;
	return regs;
}

static bool is_smc(const struct om_regs *regs)
{
	uint32_t i;

	for (i = 0; i < 7; i++)
		if (regs->a[i] >> 32)
			return false;
	return regs->a[7] == world_guest.vm.id;
}

static struct om_lists any_lists(void)
{
	struct om_lists lists = { .first = any_u32(), .last = any_u32(), .reserved = any_u32() };

	ASSUME(lists.reserved > 0);
	return lists;
}

/* A page list that is read has list pages of ours, or is the target's. */
static bool is_translated_for(void)
{
	return call->target != OM_NONE || call->message_buffer != OM_NONE ||
	       call->lists.reserved > 0 || call->payload_lists.reserved > 0;
}

/* om_message_load/: the session is the call's to close, and waits for its users or not. */
static void close_session(struct om_call *of)
{
	if (of->closes != OM_NONE)
		return;
	of->closes = accounts.closes = of->session;
	of->session = accounts.user_of = OM_NONE;
}

enum om_refusal om_message_load(struct om_call *of)
{
	prove_owned(OM_CALL_LOADING);
	PROVE(of->refusal == OM_ACCEPTED && !om_message_is_loaded(of),
	      "loading goes on while there is something to load");
	seen.pieces++;
	of->translation.remaining = any_u32();
	of->translation.source.raw = any_u64();
	if (of->lists.reserved == 0 && !om_message_claims(of) && any_bool())
		of->lists = any_lists();
	(void)om_map_param(&world_guest.mapping, &of->mapped, any_below(OM_LIMIT_PAGES));
	if (of->held_count < OPTEE_MSG_CALL_PARAMS && any_bool())
		of->held[of->held_count++] = any_buffer(OM_HOLD_USER + OM_HOLD_IN_TRANSIT);
	else if (of->target == OM_NONE && !om_message_claims(of) && any_bool())
		of->target = any_buffer(OM_HOLD_USER);
	seen.lists = of->lists;
	ASSUME(IMPLIES(of->translation.source.raw != 0,
		       of->lists.reserved > 0 || of->target != OM_NONE));
	if (any_bool())
		return OM_REFUSED_PAGE;
	if (seen.pieces >= 2)
		of->kinds = 0;
	if (om_message_is_loaded(of))
		of->translation.source.raw = 0;
	return OM_ACCEPTED;
}

/* om_message_load/: who closes a session takes it from others, and then waits for them. */
enum om_refusal om_message_claim(struct om_call *of)
{
	prove_owned(OM_CALL_CLAIMING);
	PROVE(of->refusal == OM_ACCEPTED && om_message_is_loaded(of) && om_message_claims(of),
	      "what a message ends is claimed when it is loaded");
	of->waits = any_below(OM_WAIT_TRIES + 1);
	if (of->message.hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION) {
		if (of->closes == OM_NONE && any_bool())
			return OM_REFUSED_SESSION;
		close_session(of);
		accounts.is_unused = !of->waits;
	} else if (!of->waits) {
		of->target = any_buffer(OM_HOLD_USER);
	}
	return any_bool() ? OM_REFUSED_COOKIE : OM_ACCEPTED;
}

void om_message_address(struct om_call *of)
{
	PROVE(!seen.accepted, "a call is sent to OP-TEE again only if it was not taken");
	of->secure = seen.prepared = any_smc();
	ASSUME(of->secure.a[0] != OPTEE_SMC_RETURN_FROM_RPC);
}

/* The state in which a message becomes complete, or is refused. */
static enum om_call_state prepared_in(const struct om_call *of)
{
	return is_state(OM_CALL_CLAIMING) && om_message_claims(of) ? OM_CALL_CLAIMING :
								     OM_CALL_LOADING;
}

void om_message_emit(struct om_call *of)
{
	prove_owned(prepared_in(of));
	PROVE(IMPLIES(om_message_claims(of), is_state(OM_CALL_CLAIMING) && !of->waits),
	      "... and what it ends is claimed");
	PROVE(of->refusal == OM_ACCEPTED && om_message_is_loaded(of),
	      "OP-TEE sees a message that is accepted and complete");
	om_message_address(of);
}

/* om_message_finish/: what was charged or closes is settled, this way or that. */
static void end_message(struct om_call *of)
{
	PROVE(seen.ended == 0, "a call ends once (I9)");
	if (of->opens != OM_NONE)
		om_session_end(&world_guest.sessions, of->opens);
	if (of->closes != OM_NONE && accounts.is_unused)
		om_session_end(&world_guest.sessions, of->closes);
	else if (of->closes != OM_NONE)
		om_session_reopen(&world_guest.sessions, of->closes);
	of->opens = OM_NONE;
	of->closes = OM_NONE;
	seen.ended++;
	of->result = any_u32();
}

void om_message_finish(struct om_call *of)
{
	prove_owned(OM_CALL_SECURE);
	PROVE(seen.answer == OPTEE_SMC_RETURN_OK, "a call succeeds when OP-TEE says so");
	end_message(of);
}

void om_message_refuse(struct om_call *of, enum om_refusal why)
{
	prove_owned(prepared_in(of));
	PROVE(why != OM_ACCEPTED && ghost.smcs == 0,
	      "what is refused has not reached OP-TEE");
	end_message(of);
}

/* Neither free, nor on its way out as one is that was told to wait. */
static bool is_under_way(const struct om_call *other)
{
	uint32_t state = other->word & OM_CALL_STATE_MASK;

	return state != OM_CALL_FREE && state != OM_CALL_ENDING && state != OM_CALL_ENDING_PAUSED;
}

void om_message_fail(struct om_call *of, uint32_t code)
{
	bool told = code == OPTEE_SMC_RETURN_ETHREAD_LIMIT || code == OPTEE_SMC_RETURN_EBUSY;

	prove_owned(told ? OM_CALL_ENDING : OM_CALL_SECURE);
	PROVE(code != OPTEE_SMC_RETURN_OK && code <= OPTEE_SMC_RETURN_ENOTAVAIL,
	      "an error is one that a guest knows");
	PROVE(code == seen.answer || code == OPTEE_SMC_RETURN_ENOTAVAIL, "... OP-TEE's own, if it is");
	/* Linux would wait for a call of its own to end, for ever or under a stale id. */
	PROVE(IMPLIES(told, !seen.accepted && !seen.has_id && of->lists.first == OM_NONE &&
		      is_under_way(&calls[1]) && world_guest.vm.limits.threads == 2),
	      "a guest is told to wait only while another of its calls is under way (I9)");
	end_message(of);
	of->result = code;
}

/* A call whose request, or whose reply, is checked; the argument is in a buffer, or not. */
static void check(struct om_call *of)
{
	of->rpc_arg = any_u32();
	of->pending = any_u32();
	of->request.hdr.cmd = any_u32();
	of->refusal = any_u32();
	/* What OP-TEE or the guest let go of, and nobody else uses. */
	if (of->release.head == OM_NONE && any_bool()) {
		of->release.head = any_below(WORLD_BUFFERS);
		ASSUME(om_low(world_buffers[of->release.head].hold) == 0);
		world_buffers[of->release.head].next = OM_NONE;
	}
}

static void go_on(struct om_call *of)
{
	of->rpc_arg = OM_NONE;
	of->translation.source.raw = 0;
	of->secure = seen.prepared = any_smc();
	of->secure.a[0] = seen.prepared.a[0] = OPTEE_SMC_RETURN_FROM_RPC;
}

void om_rpc_accept(struct om_call *of)
{
	uint32_t i;

	prove_owned(OM_CALL_SECURE);
	PROVE(seen.has_asked, "a request is OP-TEE's (I6)");
	PROVE(of->payload_lists.reserved == 0, "OP-TEE has read the last reply's list, it is given back");
	for (i = 0; i < 4; i++)
		PROVE(of->secure.a[i] >> 32 == 0, "what OP-TEE says has 32 bits (I10)");
	check(of);
}

enum om_call_event om_rpc_ask(struct om_call *of)
{
	prove_owned(OM_CALL_ASKING);
	if (of->release.head != OM_NONE && any_bool())
		return OM_EVENT_PAUSE;
	of->release.head = OM_NONE;
	if (any_bool()) {
		go_on(of);
		return OM_EVENT_INTERRUPT;
	}
	seen.past_lookup = is_past_lookup(of);
	seen.was_shown = true;
	return OM_EVENT_ASK;
}

bool om_rpc_reply(struct om_call *of, const struct om_regs *regs)
{
	(void)regs;
	prove_owned(OM_CALL_REPLYING);
	PROVE(ghost.smcs == 0, "a reply is the guest's");
	of->refusal = any_u32();
	if (any_bool()) {
		go_on(of);
		return false;
	}
	of->translation.source.raw = any_u64();
	of->payload_lists = any_lists();
	seen.payload_lists = of->payload_lists;
	return true;
}

enum om_call_event om_rpc_share(struct om_call *of)
{
	prove_owned(OM_CALL_SHARING);
	of->translation.source.raw = any_u64();
	check(of);
	if (any_bool()) {
		go_on(of);
		return OM_EVENT_ENTER;
	}
	if (any_bool())
		return OM_EVENT_PAUSE;
	of->translation.source.raw = 0;
	of->release.head = OM_NONE;
	of->payload_lists = (struct om_lists){ .first = OM_NONE };
	seen.payload_lists = of->payload_lists;
	seen.was_shown = true;
	return OM_EVENT_ASK;
}

void om_learn_reserved(struct om_mediator *m)
{
	m->reserved_known = any_u32();
}

/* What a command for a session has to do with it until OP-TEE has looked it up. */
static bool has_session(void)
{
	switch (call->message.hdr.cmd) {
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
	case OPTEE_MSG_CMD_CANCEL:
		return accounts.user_of < WORLD_SESSIONS;
	case OPTEE_MSG_CMD_CLOSE_SESSION:
		return accounts.closes < WORLD_SESSIONS && accounts.is_unused;
	default:
		return true;
	}
}

/* OP-TEE is entered, and comes back with anything. */
void host_secure_world(struct om_regs *regs)
{
	uint32_t i;

	prove_owned(OM_CALL_SECURE);
	PROVE(ghost.smcs == 1, "OP-TEE is entered once in a run");
	for (i = 0; i < 8; i++)
		PROVE(ghost.smc.a[i] == seen.prepared.a[i],
		      "OP-TEE is entered with what was prepared, for this guest (I10)");
	PROVE(call->rpc_arg == OM_NONE, "... and its last request was answered");
	seen.accepted = ghost.smc.a[0] == OPTEE_SMC_RETURN_FROM_RPC;
	PROVE(IMPLIES(call->in_transit, has_session()),
	      "OP-TEE looks a session up while it is in use, or closes one that nobody uses");
	*regs = any_regs();
	seen.answer = (uint32_t)om_low(regs->a[0]);
	seen.has_asked = is_rpc(seen.answer) && seen.answer != OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;
}

/* How often the call holds a buffer, in units of `hold`. */
static uint32_t held_by_call(uint32_t buffer)
{
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < OPTEE_MSG_CALL_PARAMS; i++)
		if (i < call->held_count && call->held[i] == buffer)
			n += call->in_transit ? OM_HOLD_USER + OM_HOLD_IN_TRANSIT : OM_HOLD_USER;
	if (call->target == buffer)
		n += OM_HOLD_USER;
	if (call->message_buffer == buffer)
		n += OM_HOLD_USER;
	return n;
}

static bool is_buffer(uint32_t i)
{
	return i == OM_NONE || i < WORLD_BUFFERS;
}

/* What the call names is there, and is counted. */
static bool is_recorded(void)
{
	uint32_t i;

	if (call->held_count > OPTEE_MSG_CALL_PARAMS || !is_buffer(call->target) ||
	    !is_buffer(call->message_buffer))
		return false;
	for (i = 0; i < OPTEE_MSG_CALL_PARAMS; i++)
		if (i < call->held_count && call->held[i] >= WORLD_BUFFERS)
			return false;
	for (i = 0; i < WORLD_BUFFERS; i++)
		if (world_buffers[i].hold != others[i] + held_by_call(i))
			return false;
	return true;
}

static bool is_session(uint32_t i)
{
	return i == OM_NONE || i < WORLD_SESSIONS;
}

/* A CLOSE_SESSION on its way: a user of the session, or waits for the others. */
static bool is_closing(void)
{
	return call->message.hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION &&
	       (call->closes == OM_NONE) == (call->session != OM_NONE) &&
	       IMPLIES(call->closes != OM_NONE, call->waits || accounts.is_unused);
}

/* OP-TEE has it: what it may still look up is in use, what it closes is not. */
static bool is_on_course(void)
{
	return (call->in_transit ? has_session() : call->session == OM_NONE) &&
	       IMPLIES(call->closes != OM_NONE, accounts.is_unused);
}

/* OP-TEE's registers are those of its request, which the guest gets. */
static bool is_request(void)
{
	const uint64_t *a = call->secure.a;

	return is_rpc((uint32_t)om_low(a[0])) && a[0] >> 32 == 0 && a[1] >> 32 == 0 && a[2] >> 32 == 0;
}

/* True of a call that is in flight; owned or not makes no difference to what it is. */
static bool is_sound(enum om_call_state state)
{
	bool translates = call->translation.source.raw != 0;

	if (!om_call_may_have(state, om_call_has(call)) || !is_recorded() || !accounts_are_recorded(call) ||
	    call->mapped.param_pages > world_guest.vm.limits.call_pages ||
	    !is_session(call->session) || !is_session(call->closes))
		return false;
	switch (state) {
	case OM_CALL_LOADING:
	case OM_CALL_LOADING_PAUSED:
		return call->mapped.payload_pages == 0 &&
		       IMPLIES(call->refusal == OM_ACCEPTED, has_session() || is_closing()) &&
		       IMPLIES(call->refusal == OM_ACCEPTED, call->page.raw || call->message_buffer != OM_NONE) &&
		       !(translates && call->refusal == OM_ACCEPTED && om_message_is_loaded(call)) &&
		       IMPLIES(translates, is_translated_for()) &&
		       IMPLIES(call->opens != OM_NONE,
			       call->message.hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION) &&
		       IMPLIES(call->session != OM_NONE, accounts_names_session(call)) &&
		       IMPLIES(om_message_claims(call), call->target == OM_NONE &&
			       call->lists.reserved == 0);
	case OM_CALL_CLAIMING:
	case OM_CALL_CLAIMING_PAUSED:
		return call->mapped.payload_pages == 0 && call->refusal == OM_ACCEPTED &&
		       om_message_claims(call) && om_message_is_loaded(call) &&
		       IMPLIES(call->session != OM_NONE, accounts_names_session(call)) &&
		       (call->message.hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION ? is_closing() :
			call->closes == OM_NONE && has_session());
	case OM_CALL_SECURE:
	case OM_CALL_INTERRUPTED:
		return is_smc(&call->secure) && is_on_course() &&
		       (call->in_transit || call->secure.a[0] == OPTEE_SMC_RETURN_FROM_RPC);
	case OM_CALL_ASKING:
	case OM_CALL_ASKING_PAUSED:
	case OM_CALL_WAITING:
	case OM_CALL_REPLYING:
	case OM_CALL_SHARING:
	case OM_CALL_SHARING_PAUSED:
		return is_request() && is_on_course();
	case OM_CALL_ENDING:
		return IMPLIES(translates, is_translated_for());
	default:
		return true;
	}
}

static bool is_same_list(const struct om_lists *a, const struct om_lists *b)
{
	return a->first == b->first && a->reserved == b->reserved;
}

/* What the case of the next state begins with. */
static void prove_handed_over(enum om_call_state to)
{
	uint32_t i;

	PROVE(is_sound(to), "what a state leaves is what the next one begins with");
	PROVE((call->word & ~OM_CALL_STATE_MASK) == (seen.word & ~OM_CALL_STATE_MASK),
	      "... the call with its id");
	PROVE(call->in_transit == seen.in_transit && !seen.was_shown,
	      "... on its way if it was");
	PROVE(seen.ended == 0 && ghost.pinned == 0 && ghost.unpinned == 0,
	      "... which has not ended, and holds its page");
	PROVE(ghost.smcs == 0 || to == OM_CALL_ASKING, "... and enters OP-TEE later, if at all");
	PROVE(is_same_list(&call->lists, &seen.lists) &&
	      (seen.has_asked || is_same_list(&call->payload_lists, &seen.payload_lists)),
	      "... with all page lists that OP-TEE may read (I4)");
	PROVE(call->counters[OM_COUNT_PAUSED] == seen.pauses, "... and did not pause");
	for (i = 0; i < 8; i++)
		PROVE(to != OM_CALL_SECURE || call->secure.a[i] == seen.prepared.a[i],
		      "... with the SMC that was prepared (I10)");
}

static bool has_nothing(void)
{
	return call->page.raw == 0 && call->target == OM_NONE &&
	       call->message_buffer == OM_NONE && call->rpc_arg == OM_NONE && call->lists.first == OM_NONE &&
	       call->lists.reserved == 0 && call->payload_lists.first == OM_NONE &&
	       call->payload_lists.reserved == 0 && call->translation.source.raw == 0 &&
	       call->release.head == OM_NONE && call->session == OM_NONE &&
	       call->closes == OM_NONE && call->opens == OM_NONE;
}

static void init(enum om_call_state state)
{
	uint32_t i;

	world_init();
	rooms_init();
	ASSUME(rooms.records < 2);
	calls[0] = nondet_call();
	calls[1] = nondet_call();
	/* The checker's own nondeterministic bool may be 3. */
	calls[0].in_transit = any_bool();
	ASSUME((calls[1].word & OM_CALL_STATE_MASK) < OM_CALL_BROKEN);
	world_guest.calls = calls;
	world_guest.vm.limits.threads = 1 + any_below(2);
	call->guest = &world_guest;
	call->shadow = &world_shadows[0];
	call->index = 0;
	call->word = (call->word & ~OM_CALL_STATE_MASK) | (uint32_t)state;
	/* What is to be given back already has no user left. */
	for (i = 0; i < WORLD_BUFFERS; i++) {
		/* How many others there are makes no difference; whether there is one does. */
		others[i] = (any_u64() & ~(uint64_t)UINT32_MAX) | (any_bool() ? OM_HOLD_LIVE : 0) |
			    (any_bool() ? OM_HOLD_USER : 0);
		world_buffers[i].hold = others[i] + held_by_call(i);
	}
	ASSUME(is_buffer(call->release.head));
	if (call->release.head != OM_NONE) {
		ASSUME(om_low(world_buffers[call->release.head].hold) == 0);
		world_buffers[call->release.head].next = OM_NONE;
	}
	/* Ends give back what begins had; an empty list has no first page. */
	ASSUME(IMPLIES(call->lists.reserved == 0, call->lists.first == OM_NONE));
	ASSUME(IMPLIES(call->payload_lists.reserved == 0, call->payload_lists.first == OM_NONE));
	ghost.pins = any_below(2);
	ASSUME(call->page.raw % PAGE == 0 && IMPLIES(call->page.raw == ghost.page, ghost.pins > 0));
	accounts_take_over(call);
	/* Who has OP-TEE's ear waited before: whatever is left of that is no matter. */
	if (state != OM_CALL_CLAIMING)
		accounts.is_unused = true;
	ASSUME(is_sound(state));
	seen.in_transit = call->in_transit;
	ASSUME(call->counters[OM_COUNT_PAUSED] < UINT64_MAX &&
	       call->counters[OM_COUNT_INTERRUPTED] < UINT64_MAX);
	seen.pauses = call->counters[OM_COUNT_PAUSED];
	seen.word = call->word;
	seen.prepared = call->secure;
	seen.lists = call->lists;
	seen.payload_lists = call->payload_lists;
}

/* What the guest gets while the call is in flight. */
static void prove_in_flight(enum om_call_state state, const struct om_regs *regs)
{
	bool waits = state == OM_CALL_WAITING;

	PROVE(is_sound(state), "the call can go on from where it is (I9)");
	PROVE(is_rpc((uint32_t)regs->a[0]) && regs->a[0] >> 32 == 0 && regs->a[1] >> 32 == 0 &&
	      regs->a[2] >> 32 == 0, "a guest gets an RPC, in 32 bits (I10)");
	PROVE(regs->a[3] == om_call_id(call), "... with the call's id");
	PROVE(waits == seen.was_shown, "... which waits when there is something to answer");
	if (waits)
		PROVE(regs->a[0] == call->secure.a[0] && regs->a[1] == call->secure.a[1] &&
		      regs->a[2] == call->secure.a[2], "... as OP-TEE made it");
	else
		PROVE(regs->a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR && regs->a[1] == 0 &&
		      regs->a[2] == 0, "... and otherwise only comes back");
	if (state == OM_CALL_ENDING_PAUSED)
		return;
	PROVE(call->in_transit == (seen.in_transit && !seen.past_lookup),
	      "a call is on its way until OP-TEE asks what it only asks past the look-up");
	PROVE(is_same_list(&call->lists, &seen.lists) && ghost.unpinned == 0,
	      "what OP-TEE may read stays (I4)");
	if (!seen.has_asked)
		PROVE(is_same_list(&call->payload_lists, &seen.payload_lists),
		      "... a reply's page list until it asks again (I4)");
}

static void prove_free(const struct om_regs *regs)
{
	uint32_t i;

	PROVE(has_nothing() && call->held_count == 0, "a free slot holds nothing (I4, I9)");
	for (i = 0; i < WORLD_BUFFERS; i++)
		PROVE(world_buffers[i].hold == others[i], "... each buffer is put as often as it was held");
	PROVE(accounts.user_of == OM_NONE && accounts.closes == OM_NONE &&
	      accounts.opens == OM_NONE,
	      "... a session that was in use is put, one that was charged or closes is settled");
	PROVE(accounts.pages == 0 && call->mapped.param_pages == 0,
	      "... what was charged for its parameters is given back (I5)");
	PROVE(regs->a[0] == call->result && regs->a[1] == 0 && regs->a[2] == 0 && regs->a[3] == 0,
	      "the guest gets the result, and nothing else (I10)");
}

/* Where all calls begin, of which a new guest's memory is zero and an old one's any. */
static void prove_init(void)
{
	uint32_t index = any_below(WORLD_SHADOWS), word;

	world_init();
	calls[0] = nondet_call();
	word = call->word;
	om_call_init(call, &world_guest, index);
	PROVE(has_nothing() && is_state(OM_CALL_FREE), "a slot begins free, and holds nothing");
	PROVE(call->guest == &world_guest && call->shadow == &world_shadows[index] &&
	      call->index == index, "... with a shadow page of its own");
	PROVE((call->word & ~OM_CALL_STATE_MASK) == (word & ~OM_CALL_STATE_MASK),
	      "... and ids go on where they were (I6)");
	REACHED("a slot");
}

static void prove_run(enum om_call_state from)
{
	struct om_regs regs = any_regs();
	enum om_call_state to;
	bool had_page, paused;
	uint32_t pins;

	init(from);
	seen.has_id = is_resume(&regs);
	had_page = call->page.raw != 0;
	pins = ghost.pins - (had_page && call->page.raw == ghost.page);

	om_call_run(call, &regs);

	to = (enum om_call_state)(call->word & OM_CALL_STATE_MASK);
	paused = to >= OM_CALL_LOADING_PAUSED && to <= OM_CALL_ENDING_PAUSED;
	PROVE(!seen.handed_over, "a state that somebody owns is followed by a later one");
	PROVE(seen.given && !om_call_is_owned(to) && to < OM_CALL_BROKEN,
	      "a run ends when nobody owns the call (I6)");
	PROVE((call->word & ~OM_CALL_STATE_MASK) == (seen.word & ~OM_CALL_STATE_MASK), "... which has the same id");
	PROVE(is_untouched(), "... and does not touch it any more (I6)");
	PROVE(call->counters[OM_COUNT_PAUSED] == seen.pauses + paused, "a pause is counted");
	PROVE(ghost.smcs <= 1 && ghost.pinned == 0, "OP-TEE is entered once in a run");
	if (to == OM_CALL_ENDING_PAUSED || to == OM_CALL_FREE) {
		PROVE(seen.ended == (from != OM_CALL_ENDING), "a call ends once, and is told (I9)");
		PROVE(ghost.unpinned == had_page && ghost.pins == pins, "the message's page is unpinned once");
	} else {
		PROVE(seen.ended == 0, "... and not before");
	}
	if (to != OM_CALL_FREE) {
		prove_in_flight(to, &regs);
		if (to == OM_CALL_WAITING)
			REACHED("the guest has a request");
		else if (to == OM_CALL_CLAIMING_PAUSED && call->closes != OM_NONE)
			REACHED("a session that closes waits");
		else if (to == OM_CALL_INTERRUPTED)
			REACHED("interrupted");
		else if (to == OM_CALL_ENDING_PAUSED)
			REACHED("the end is paused");
		return;
	}
	prove_free(&regs);
	REACHED("the call is over");
}

/* Each state that somebody owns for itself: no call is taken from FREE, where it begins. */
int main(void)
{
	if (CASE == OM_CALL_FREE)
		prove_init();
	else
		prove_run((enum om_call_state)CASE);
	return 0;
}
