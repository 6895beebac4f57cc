/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace events as text: plain lines and Mermaid sequence diagrams.
 *
 * A pure function of an event and a buffer, independent of guests and of calls. Nothing is
 * escaped, because an event consists of numbers: every word in a line is from a table of the
 * library, and has no character that means something to Mermaid.
 * tests/unit/test_trace_text.c checks the lines for that.
 */
#include <optee_mediator/trace.h>

#include <stdbool.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#include "call_state.h"
#include "mem.h"
#include "trace_names.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* A line that is written; `length` counts past the end of the buffer, as snprintf does. */
struct line {
	char *buf;
	size_t size;
	size_t length;
};

static void put_char(struct line *line, char c)
{
	if (line->length + 1 < line->size)
		line->buf[line->length] = c;
	line->length++;
}

static void put(struct line *line, const char *text)
{
	while (*text)
		put_char(line, *text++);
}

static void put_dec(struct line *line, uint64_t value)
{
	char digit[20];
	size_t n = 0;

	do {
		digit[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (n)
		put_char(line, digit[--n]);
}

static void put_digit(struct line *line, uint64_t value)
{
	put_char(line, "0123456789abcdef"[value & 0xf]);
}

static void put_hex(struct line *line, uint64_t value)
{
	unsigned int shift = 60;

	put(line, "0x");
	while (shift && !(value >> shift))
		shift -= 4;
	put_digit(line, value >> shift);
	while (shift) {
		shift -= 4;
		put_digit(line, value >> shift);
	}
}

/* Write "label 12" and "label 0x1f"; the label begins with a blank. */
static void put_count(struct line *line, const char *label, uint64_t value)
{
	put(line, label);
	put_char(line, ' ');
	put_dec(line, value);
}

static void put_number(struct line *line, const char *label, uint64_t value)
{
	put(line, label);
	put_char(line, ' ');
	put_hex(line, value);
}

/* Writes the name of a number, or "label 0x1f" if it has none. */
static void put_name(struct line *line, struct om_names names, const char *label, uint64_t number)
{
	const char *name = om_name_of(names, number);

	if (name)
		put(line, name);
	else
		put_number(line, label, number);
}

static void put_params(struct line *line, uint64_t n)
{
	put_count(line, ",", n);
	put(line, n == 1 ? " param" : " params");
}

/* Writes slot and generation of a call: "1.7". */
static void put_call(struct line *line, uint64_t call)
{
	put_dec(line, call & 0xff);
	put_char(line, '.');
	put_dec(line, (uint32_t)call >> 8);
}

/* The octets of a UUID are in the message in the order of RFC 4122. */
static void put_uuid(struct line *line, uint64_t a, uint64_t b)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		uint64_t octet = (i < 8 ? a : b) >> (i % 8 * 8);

		if (i == 4 || i == 6 || i == 8 || i == 10)
			put_char(line, '-');
		put_digit(line, octet >> 4);
		put_digit(line, octet);
	}
}

/* Writes those of registers first..last that are not 0. */
static void put_regs(struct line *line, const uint64_t *a, unsigned int first, unsigned int last)
{
	unsigned int i;

	for (i = first; i <= last; i++) {
		if (!a[i])
			continue;
		put(line, " a");
		put_dec(line, i);
		put_char(line, ' ');
		put_hex(line, a[i]);
	}
}

static void put_pair(struct line *line, const char *label, uint64_t high, uint64_t low)
{
	if (high || low)
		put_number(line, label, om_pair(high, low));
}

/* a3 names the call: the mediator's id for the guest, the thread for OP-TEE. */
static void put_whose(struct line *line, uint64_t a3, bool secure)
{
	if (secure) {
		put_count(line, " thread", a3);
	} else {
		put(line, " call ");
		put_call(line, a3);
	}
}

/* An SMC to OP-TEE: a0..a6. */
static void put_smc(struct line *line, const uint64_t *a, bool secure)
{
	put_name(line, om_names_fid(), "unknown function", a[0]);
	switch (a[0]) {
	case OPTEE_SMC_CALL_WITH_ARG:
	case OPTEE_SMC_CALL_WITH_RPC_ARG:
		put_number(line, " message", om_pair(a[1], a[2]));
		break;
	case OPTEE_SMC_CALL_WITH_REGD_ARG:
		put_number(line, " cookie", om_pair(a[1], a[2]));
		put_number(line, " offset", a[3]);
		break;
	case OPTEE_SMC_RETURN_FROM_RPC:
		put_whose(line, a[3], secure);
		put_pair(line, " a1..a2", a[1], a[2]);
		put_pair(line, " a4..a5", a[4], a[5]);
		break;
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		put_number(line, " own capabilities", a[1]);
		break;
	case OPTEE_SMC_VM_CREATED:
	case OPTEE_SMC_VM_DESTROYED:
		put_count(line, " guest", a[1]);
		break;
	default:
		put_regs(line, a, 1, 6);
		break;
	}
}

static void put_rpc(struct line *line, const uint64_t *a, bool secure)
{
	put(line, "RPC ");
	put_name(line, om_names_rpc(), "unknown", a[0]);
	switch (a[0]) {
	case OPTEE_SMC_RETURN_RPC_ALLOC:
		put_count(line, " size", a[1]);
		break;
	case OPTEE_SMC_RETURN_RPC_FREE:
		put_number(line, " cookie", om_pair(a[1], a[2]));
		break;
	case OPTEE_SMC_RETURN_RPC_FOREIGN_INTR:
		break;
	case OPTEE_SMC_RETURN_RPC_CMD:
		put(line, a[1] || a[2] ? "" : " inline");
		put_pair(line, " cookie", a[1], a[2]);
		break;
	default:
		put_regs(line, a, 1, 2);
		break;
	}
	put_char(line, ',');
	put_whose(line, a[3], secure);
}

/* True for fast calls that return a number or a name in a0 instead of a status. */
static bool answers_number(uint64_t fid)
{
	switch (fid) {
	case OPTEE_SMC_CALLS_COUNT:
	case OPTEE_SMC_CALLS_UID:
	case OPTEE_SMC_CALLS_REVISION:
	case OPTEE_SMC_GET_OS_UUID:
	case OPTEE_SMC_GET_OS_REVISION:
		return true;
	default:
		return false;
	}
}

/* A return: a0..a3, and the function id that was called. */
static void put_return(struct line *line, const struct om_trace_event *event, bool secure)
{
	const uint64_t *a = event->arg;
	const char *status = answers_number(a[4]) ? NULL : om_name_of(om_names_status(), a[0]);

	if (!status && !answers_number(a[4]) &&
	    (a[0] & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) == OPTEE_SMC_RETURN_RPC_PREFIX) {
		put_rpc(line, a, secure);
		return;
	}
	if (status)
		put(line, status);
	else
		put_number(line, "a0", a[0]);
	put_regs(line, a, 1, 3);
}

static void put_attr(struct line *line, uint64_t attr)
{
	const uint64_t known = OPTEE_MSG_ATTR_TYPE_MASK | OPTEE_MSG_ATTR_META |
			       OPTEE_MSG_ATTR_NONCONTIG | OPTEE_MSG_ATTR_CACHE_MASK;
	const char *type = om_name_of(om_names_attr(), attr & OPTEE_MSG_ATTR_TYPE_MASK);

	if (!type || (attr & ~known)) {
		put_number(line, "unknown attr", attr);
		return;
	}
	if (attr & OPTEE_MSG_ATTR_META)
		put(line, "META ");
	put(line, type);
	if (attr & OPTEE_MSG_ATTR_NONCONTIG)
		put(line, " NONCONTIG");
	if (attr & OPTEE_MSG_ATTR_CACHE_MASK)
		put(line, " CACHED");
}

enum kind {
	KIND_NONE,
	KIND_VALUE,
	KIND_RMEM,
	KIND_TMEM,
	KIND_UNKNOWN,
};

static enum kind kind_of(uint64_t attr)
{
	switch (attr & OPTEE_MSG_ATTR_TYPE_MASK) {
	case OPTEE_MSG_ATTR_TYPE_NONE:
		return KIND_NONE;
	case OPTEE_MSG_ATTR_TYPE_VALUE_INPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
		return KIND_VALUE;
	case OPTEE_MSG_ATTR_TYPE_RMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
		return KIND_RMEM;
	case OPTEE_MSG_ATTR_TYPE_TMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INOUT:
		return KIND_TMEM;
	default:
		return KIND_UNKNOWN;
	}
}

static void put_memory(struct line *line, const uint64_t *arg, enum kind kind)
{
	if (kind == KIND_RMEM)
		put_number(line, " offset", arg[2]);
	else if (!arg[2])
		put(line, " NULL");
	else if (arg[1] & OPTEE_MSG_ATTR_NONCONTIG)
		put_number(line, " list", arg[2]);
	else
		put_number(line, " address", arg[2]);
	put_count(line, " size", arg[3]);
	put_number(line, " cookie", arg[4]);
}

/* arg: index, attr, a, b, c. */
static void put_param(struct line *line, const uint64_t *arg)
{
	enum kind kind = kind_of(arg[1]);

	put_attr(line, arg[1]);
	if (kind == KIND_RMEM || kind == KIND_TMEM) {
		put_memory(line, arg, kind);
	} else if (kind != KIND_NONE) {
		put_number(line, " a", arg[2]);
		put_number(line, " b", arg[3]);
		put_number(line, " c", arg[4]);
	}
}

/* Of an output only the part that OP-TEE may change is known: two values, or the size. */
static void put_output(struct line *line, const uint64_t *arg)
{
	put_attr(line, arg[1]);
	if (kind_of(arg[1]) == KIND_VALUE) {
		put_number(line, " a", arg[2]);
		put_number(line, " b", arg[3]);
	} else {
		put_count(line, " size", arg[3]);
	}
}

/* The two parameters of OPEN_SESSION that name the TA and the client. */
static bool is_meta(const uint64_t *arg)
{
	return arg[5] == OPTEE_MSG_CMD_OPEN_SESSION && arg[0] < OPTEE_MSG_META_PARAMS &&
	       arg[1] == (OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
}

static void put_meta(struct line *line, const uint64_t *arg)
{
	put(line, arg[0] == 0 ? "TA " : "client ");
	put_uuid(line, arg[2], arg[3]);
	if (arg[0] == 1) {
		put(line, " login ");
		put_name(line, om_names_login(), "unknown", arg[4]);
	}
}

/* Writes the meaning of a value of a request or reply, if the RPC command defines one. */
static bool put_rpc_value(struct line *line, const uint64_t *arg, bool reply)
{
	if (arg[0] != 0 || kind_of(arg[1]) != KIND_VALUE)
		return false;
	switch (arg[5]) {
	case OPTEE_RPC_CMD_LOAD_TA:
		put(line, "TA ");
		put_uuid(line, arg[2], arg[3]);
		return true;
	case OPTEE_RPC_CMD_FS:
		put_name(line, om_names_fs(), "operation", arg[2]);
		put_number(line, " b", arg[3]);
		put_number(line, " c", arg[4]);
		return true;
	case OPTEE_RPC_CMD_GET_TIME:
		if (!reply)
			return false;
		put_dec(line, arg[2]);
		put_count(line, " s", arg[3]);
		put(line, " ns");
		return true;
	case OPTEE_RPC_CMD_NOTIFICATION:
		put_name(line, om_names_notification(), "operation", arg[2]);
		put_count(line, " value", arg[3]);
		return true;
	case OPTEE_RPC_CMD_SHM_ALLOC:
		put_name(line, om_names_shm_type(), "type", arg[2]);
		put_count(line, " size", arg[3]);
		put_count(line, " align", arg[4]);
		return true;
	case OPTEE_RPC_CMD_SHM_FREE:
		put_name(line, om_names_shm_type(), "type", arg[2]);
		put_number(line, " cookie", arg[3]);
		return true;
	default:
		return false;
	}
}

static void put_message(struct line *line, const uint64_t *arg)
{
	put_name(line, om_names_command(), "unknown command", arg[0]);
	if (arg[0] == OPTEE_MSG_CMD_INVOKE_COMMAND)
		put_count(line, " func", arg[1]);
	if (arg[2])
		put_number(line, " session", arg[2]);
	if (arg[3])
		put_number(line, " cancel id", arg[3]);
	put_params(line, arg[4]);
}

static void put_result(struct line *line, const uint64_t *arg)
{
	put_name(line, om_names_command(), "unknown command", arg[0]);
	put(line, " gives ");
	put_name(line, om_names_teec(), "result", arg[1]);
	if (arg[2]) {
		put(line, " from ");
		put_name(line, om_names_origin(), "origin", arg[2]);
	}
	if (arg[3])
		put_number(line, ", session", arg[3]);
}

static void put_request(struct line *line, const uint64_t *arg)
{
	put(line, arg[2] ? "mediator" : "OP-TEE");
	put(line, " asks for ");
	put_name(line, om_names_rpc_command(), "unknown command", arg[0]);
	put_params(line, arg[1]);
}

static void put_reply(struct line *line, const uint64_t *arg)
{
	put(line, "guest answers ");
	put_name(line, om_names_rpc_command(), "unknown command", arg[0]);
	put(line, " with ");
	put_name(line, om_names_teec(), "result", arg[1]);
	put_params(line, arg[2]);
}

/* arg: cookie, kind, pages. */
static void put_sharing(struct line *line, const char *verb, const uint64_t *arg)
{
	static const char why[][12] = {
		[OM_SHARE_REGISTERED] = "registered",
		[OM_SHARE_PAYLOAD] = "payload",
		[OM_SHARE_RPC_ARG] = "RPC arg",
		[OM_SHARE_TEMPORARY] = "temporary",
	};

	put(line, verb);
	put_char(line, ' ');
	put(line, arg[1] < ROWS(why) ? why[om_index((uint32_t)arg[1], ROWS(why))] : "unknown");
	put_number(line, " buffer, cookie", arg[0]);
	put_count(line, ",", arg[2]);
	put(line, arg[2] == 1 ? " page" : " pages");
}

/* Codes of both kinds are written alike, because they share no number but 0. */
static void put_refusal(struct line *line, const uint64_t *arg)
{
	const char *why = arg[0] < OM_COUNTERS ? om_counter_name((enum om_counter)arg[0]) : NULL;

	put(line, why ? why : "refused for an unknown reason");
	put(line, ", answer ");
	if (om_name_of(om_names_status(), arg[1]))
		put_name(line, om_names_status(), "", arg[1]);
	else
		put_name(line, om_names_teec(), "code", arg[1]);
}

static void put_state(struct line *line, const uint64_t *arg)
{
	put(line, "state ");
	put(line, om_call_state_name((uint32_t)arg[0]));
	put(line, " to ");
	put(line, om_call_state_name((uint32_t)arg[2]));
	put(line, " by ");
	put(line, om_call_event_name((uint32_t)arg[1]));
}

static void put_lifetime(struct line *line, const uint64_t *arg)
{
	static const char what[][12] = {
		[OM_GUEST_CREATED] = "created",
		[OM_GUEST_RESET] = "reset",
		[OM_GUEST_DESTROYED] = "destroyed",
	};

	put(line, "guest ");
	put(line, arg[0] < ROWS(what) ? what[om_index((uint32_t)arg[0], ROWS(what))] :
					"unknown change");
}

/* Writes "param 0 ..." with the meaning if it is known, else with the raw words. */
static void put_any_param(struct line *line, uint32_t id, const uint64_t *arg)
{
	bool rpc = id == OM_TRACE_REQUEST_PARAM || id == OM_TRACE_REPLY_PARAM;

	put_count(line, "param", (uint32_t)arg[0]);
	put(line, id == OM_TRACE_RESULT_PARAM || id == OM_TRACE_REPLY_PARAM ? " back: " : ": ");
	if (id == OM_TRACE_MESSAGE_PARAM && is_meta(arg))
		put_meta(line, arg);
	else if (id == OM_TRACE_RESULT_PARAM)
		put_output(line, arg);
	else if (!rpc || !put_rpc_value(line, arg, id == OM_TRACE_REPLY_PARAM))
		put_param(line, arg);
}

/* Writes the event, without guest, vCPU and call. */
static void put_event(struct line *line, const struct om_trace_event *event)
{
	const uint64_t *arg = event->arg;

	switch (event->id) {
	case OM_TRACE_GUEST_SMC:
		put_smc(line, arg, false);
		break;
	case OM_TRACE_SECURE_SMC:
		put_smc(line, arg, true);
		put_count(line, ", as guest", arg[7]);
		break;
	case OM_TRACE_GUEST_RETURN:
	case OM_TRACE_SECURE_RETURN:
		put_return(line, event, event->id == OM_TRACE_SECURE_RETURN);
		break;
	case OM_TRACE_MESSAGE:
		put_message(line, arg);
		break;
	case OM_TRACE_RESULT:
		put_result(line, arg);
		break;
	case OM_TRACE_REQUEST:
		put_request(line, arg);
		break;
	case OM_TRACE_REPLY:
		put_reply(line, arg);
		break;
	case OM_TRACE_MESSAGE_PARAM:
	case OM_TRACE_RESULT_PARAM:
	case OM_TRACE_REQUEST_PARAM:
	case OM_TRACE_REPLY_PARAM:
		put_any_param(line, event->id, arg);
		break;
	case OM_TRACE_SHARE:
		put_sharing(line, "share", arg);
		break;
	case OM_TRACE_UNSHARE:
		put_sharing(line, "forget", arg);
		break;
	case OM_TRACE_REFUSED:
		put_refusal(line, arg);
		break;
	case OM_TRACE_STATE:
		put_state(line, arg);
		break;
	case OM_TRACE_GUEST:
		put_lifetime(line, arg);
		break;
	default:
		put_count(line, "unknown event", event->id);
		put_number(line, ",", arg[0]);
		put_number(line, "", arg[1]);
		put_number(line, "", arg[2]);
		break;
	}
}

static struct line begin(char *buf, size_t size)
{
	return (struct line){ .buf = buf, .size = size };
}

static size_t end(const struct line *line)
{
	if (line->size)
		line->buf[line->length < line->size ? line->length : line->size - 1] = '\0';
	return line->length;
}

const char *om_trace_name(uint32_t id)
{
	static const char names[OM_TRACE_IDS][16] = {
		[0] = "?",
		[OM_TRACE_GUEST_SMC] = "GUEST_SMC",
		[OM_TRACE_GUEST_RETURN] = "GUEST_RETURN",
		[OM_TRACE_SECURE_SMC] = "SECURE_SMC",
		[OM_TRACE_SECURE_RETURN] = "SECURE_RETURN",
		[OM_TRACE_MESSAGE] = "MESSAGE",
		[OM_TRACE_MESSAGE_PARAM] = "MESSAGE_PARAM",
		[OM_TRACE_RESULT] = "RESULT",
		[OM_TRACE_RESULT_PARAM] = "RESULT_PARAM",
		[OM_TRACE_REQUEST] = "REQUEST",
		[OM_TRACE_REQUEST_PARAM] = "REQUEST_PARAM",
		[OM_TRACE_REPLY] = "REPLY",
		[OM_TRACE_REPLY_PARAM] = "REPLY_PARAM",
		[OM_TRACE_SHARE] = "SHARE",
		[OM_TRACE_UNSHARE] = "UNSHARE",
		[OM_TRACE_REFUSED] = "REFUSED",
		[OM_TRACE_STATE] = "STATE",
		[OM_TRACE_GUEST] = "GUEST",
	};

	return names[om_index(id, OM_TRACE_IDS)];
}

size_t om_trace_text(const struct om_trace_event *event, char *buf, size_t size)
{
	struct line line = begin(buf, size);

	put_count(&line, "guest", event->guest);
	put_count(&line, " vcpu", event->vcpu);
	if (event->call) {
		put(&line, " call ");
		put_call(&line, event->call);
	}
	put(&line, ": ");
	if (event->id == OM_TRACE_GUEST_SMC)
		put(&line, "guest -> ");
	else if (event->id == OM_TRACE_GUEST_RETURN)
		put(&line, "guest <- ");
	else if (event->id == OM_TRACE_SECURE_SMC)
		put(&line, "OP-TEE <- ");
	else if (event->id == OM_TRACE_SECURE_RETURN)
		put(&line, "OP-TEE -> ");
	put_event(&line, event);
	return end(&line);
}

/* The arrow or note of an event in a diagram; NULL: it is not shown. */
static const char *mermaid_arrow(const struct om_trace_event *event)
{
	switch (event->id) {
	case OM_TRACE_GUEST_SMC:
		return "Guest->>Mediator: ";
	case OM_TRACE_GUEST_RETURN:
		return "Mediator-->>Guest: ";
	case OM_TRACE_SECURE_SMC:
		return "Mediator->>OPTEE: ";
	case OM_TRACE_SECURE_RETURN:
		return "OPTEE-->>Mediator: ";
	case OM_TRACE_MESSAGE:
	case OM_TRACE_RESULT:
	case OM_TRACE_REPLY:
		return "Note over Guest,Mediator: ";
	case OM_TRACE_REQUEST:
		return event->arg[2] ? "Note over Mediator: " : "Note over Mediator,OPTEE: ";
	case OM_TRACE_SHARE:
	case OM_TRACE_UNSHARE:
	case OM_TRACE_REFUSED:
	case OM_TRACE_GUEST:
		return "Note over Mediator: ";
	case OM_TRACE_MESSAGE_PARAM:
		/* Of the parameters only the TA of a session is shown. */
		return is_meta(event->arg) ? "Note over Guest,Mediator: " : NULL;
	default:
		return NULL;
	}
}

size_t om_trace_mermaid(const struct om_trace_event *event, char *buf, size_t size)
{
	struct line line = begin(buf, size);
	const char *arrow = mermaid_arrow(event);

	if (arrow) {
		put(&line, arrow);
		put_event(&line, event);
	}
	return end(&line);
}
