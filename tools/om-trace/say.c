/* SPDX-License-Identifier: BSD-2-Clause */
/* Records in words. See say.h. */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/trace.h>

#include "shadow.h"

struct line {
	char *buf;
	size_t size;
	size_t used;
};

__attribute__((format(printf, 2, 3)))
static void put(struct line *line, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line->buf + line->used, line->size - line->used, format, args);
	va_end(args);
	line->used += (size_t)n;
	if (line->used >= line->size)
		line->used = line->size - 1;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Up to three addresses, and how many more. */
static void put_addresses(struct line *line, const struct record *record, size_t skip, size_t n)
{
	for (size_t i = 0; i < n && i < 3; i++)
		put(line, " 0x%llx", (unsigned long long)record_word(record, skip, i));
	if (n > 3)
		put(line, " and %zu more", n - 3);
}

static const char *const functions[OM_RECORD_FUNCTIONS] = {
	[0] = "?",
	[OM_RECORD_MEDIATOR_INIT] = "om_mediator_init",
	[OM_RECORD_GUEST_CREATE] = "om_guest_create",
	[OM_RECORD_GUEST_CALL] = "om_guest_call",
	[OM_RECORD_GUEST_RESET] = "om_guest_reset",
	[OM_RECORD_GUEST_DESTROY] = "om_guest_destroy",
};

static const char *function_name(uint32_t function)
{
	return functions[function < OM_RECORD_FUNCTIONS ? function : 0];
}

static void put_event(struct line *line, const struct om_trace_event *event)
{
	char text[256];
	const char *words;

	om_trace_text(event, text, sizeof(text));
	/* Who it is about the caller has said already. */
	words = strstr(text, ": ");
	put(line, "%s", words ? words + 2 : text);
}

static void put_enter(struct line *line, const struct record *record)
{
	const struct om_record_enter e = record_body(record, struct om_record_enter);

	if (e.function == OM_RECORD_GUEST_CALL) {
		struct om_trace_event event = { .id = OM_TRACE_GUEST_SMC };

		for (size_t i = 0; i < 8; i++)
			event.arg[i] = e.arg[i];
		put_event(line, &event);
		return;
	}
	put(line, "%s", function_name(e.function));
	if (e.function == OM_RECORD_GUEST_CREATE)
		put(line, " with %u threads, %u buffers, %u pages, %u sessions", e.arg[0],
		    e.arg[1], e.arg[3], e.arg[7]);
}

static void put_leave(struct line *line, const struct record *record)
{
	const struct om_record_leave l = record_body(record, struct om_record_leave);

	if (l.function != OM_RECORD_GUEST_CALL) {
		put(line, "%s: %s", function_name(l.function),
		    om_result_text((enum om_result)l.result));
		return;
	}
	if (l.result == OM_NOT_HANDLED)
		put(line, "not the mediator's: ");
	put(line, "a0 0x%x a1 0x%x a2 0x%x a3 0x%x to the guest", l.a[0], l.a[1], l.a[2], l.a[3]);
	if (l.result == OM_HANDLED_NEW_DRIVER)
		put(line, ", who has a new driver");
}

static void put_pages(struct line *line, const struct record *record)
{
	const struct om_record_pages p = record_body(record, struct om_record_pages);
	const size_t skip = sizeof(p);

	put(line, "%s %u page%s", record->head.kind == OM_RECORD_PIN ? "pins" : "unpins", p.n,
	    plural(p.n));
	put_addresses(line, record, skip, p.n);
	if (record->head.kind != OM_RECORD_PIN)
		return;
	if (p.result) {
		put(line, ": the host refuses");
	} else {
		put(line, " at");
		put_addresses(line, record, skip + p.n * sizeof(uint64_t), p.n);
	}
}

static void put_copy(struct line *line, const struct record *record)
{
	const struct om_record_copy c = record_body(record, struct om_record_copy);
	bool reads = record->head.kind == OM_RECORD_READ;

	put(line, "%s %u byte%s %s 0x%llx", reads ? "reads" : "writes", c.len, plural(c.len),
	    reads ? "at" : "to", (unsigned long long)c.pa);
	if (c.result)
		put(line, ": the host could not");
}

static void put_alloc(struct line *line, const struct record *record)
{
	const struct om_record_alloc a = record_body(record, struct om_record_alloc);

	if (record->head.kind == OM_RECORD_PAGE_FREE)
		put(line, "gives the shadow page 0x%llx back", (unsigned long long)a.pa);
	else if (a.result == OM_RECORD_NO_PAGE)
		put(line, "asks for a shadow page: the host has none");
	else
		put(line, "takes a shadow page, 0x%llx", (unsigned long long)a.pa);
}

struct om_trace_event say_secure_event(const struct record *record, uint64_t fid)
{
	const struct om_record_smc s = record_body(record, struct om_record_smc);
	bool returns = record->head.kind == OM_RECORD_SMC_RETURN;
	struct om_trace_event event = {
		.id = returns ? OM_TRACE_SECURE_RETURN : OM_TRACE_SECURE_SMC };

	for (size_t i = 0; i < (returns ? 4 : 8); i++)
		event.arg[i] = s.a[i];
	if (returns)
		event.arg[4] = fid;
	return event;
}

static void put_smc(struct line *line, const struct record *record)
{
	const struct om_record_smc s = record_body(record, struct om_record_smc);
	struct om_trace_event event = say_secure_event(record, 0);
	size_t words = (record->len - sizeof(s)) / sizeof(uint64_t) -
		       s.windows * sizeof(struct om_record_window) / sizeof(uint64_t);

	put_event(line, &event);
	if (s.windows)
		put(line, ", %zu word%s of shadow written", words, plural(words));
}

static void put_authorize(struct line *line, const struct record *record)
{
	const struct om_record_answer a = record_body(record, struct om_record_answer);
	struct om_request request;

	memcpy(&request, record->body + sizeof(a), sizeof(request));
	put(line, "asks the policy about command %u, function 0x%x, session 0x%x: 0x%x",
	    request.cmd, request.func, request.session, a.value);
}

void say_record(const struct record *record, char *buf, size_t size)
{
	struct line line = { buf, size, 0 };

	buf[0] = '\0';
	switch (record->head.kind) {
	case OM_RECORD_ENTER:
		put_enter(&line, record);
		break;
	case OM_RECORD_LEAVE:
		put_leave(&line, record);
		break;
	case OM_RECORD_PIN:
	case OM_RECORD_UNPIN:
		put_pages(&line, record);
		break;
	case OM_RECORD_READ:
	case OM_RECORD_WRITE:
		put_copy(&line, record);
		break;
	case OM_RECORD_PAGE_ALLOC:
	case OM_RECORD_PAGE_FREE:
		put_alloc(&line, record);
		break;
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
		put_smc(&line, record);
		break;
	case OM_RECORD_YIELD:
		put(&line, "has to give way, after %u times not",
		    record_body(record, struct om_record_answer).value);
		break;
	case OM_RECORD_LOCK:
		put(&line, "takes the guest's lock");
		break;
	case OM_RECORD_AUTHORIZE:
		put_authorize(&line, record);
		break;
	case OM_RECORD_NOTIFY:
		put(&line, "raises the guest's notification interrupt");
		break;
	case OM_RECORD_INTERRUPT:
		put(&line, "OP-TEE's notification interrupt for guest %u",
		    record_body(record, struct om_record_answer).value);
		break;
	case OM_RECORD_ALIAS:
		put(&line, "asks as which TA OP-TEE knows one");
		break;
	default:
		put(&line, "?");
		break;
	}
}

/* --- Differences ------------------------------------------------------------------------------- */

/* What lies at this byte of a message, or of a message's window: "params[1].b". */
static void put_place(struct line *line, size_t at)
{
	static const char *const header[] = { "cmd", "func", "session", "cancel_id", "pad", "ret",
					      "ret_origin", "num_params" };
	static const char *const words[] = { "attr", "a", "b", "c" };
	size_t in_params = at - sizeof(struct optee_msg_hdr);

	if (at < sizeof(struct optee_msg_hdr))
		put(line, "%s", header[at / 4]);
	else
		put(line, "params[%zu].%s", in_params / sizeof(struct optee_msg_param),
		    words[in_params % sizeof(struct optee_msg_param) / 8]);
}

static void put_word(struct line *line, bool is_there, uint64_t word)
{
	if (is_there)
		put(line, "0x%llx", (unsigned long long)word);
	else
		put(line, "unchanged");
}

static bool differ_window(struct line *line, const struct record *a, const struct record *b,
			  uint32_t which)
{
	struct window wa[2], wb[2];

	if (shadow_windows(a, wa) <= which || shadow_windows(b, wb) <= which)
		return false;
	for (uint32_t n = 0; n < OM_RECORD_WORDS; n++) {
		uint64_t va = 0, vb = 0;
		bool in_a = shadow_word(a, &wa[which], n, &va);
		bool in_b = shadow_word(b, &wb[which], n, &vb);

		if (in_a == in_b && va == vb)
			continue;
		put(line, "in the shadow page 0x%llx, ", (unsigned long long)wa[which].pa);
		put_place(line, n * 8);
		put(line, " (byte %u) is ", n * 8);
		put_word(line, in_b, vb);
		put(line, ", recorded ");
		put_word(line, in_a, va);
		return true;
	}
	return false;
}

static bool differ_regs(struct line *line, const uint32_t *a, const uint32_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (a[i] == b[i])
			continue;
		put(line, "a%u is 0x%x, recorded 0x%x", i, b[i], a[i]);
		return true;
	}
	return false;
}

static bool differ_smc(struct line *line, const struct record *a, const struct record *b)
{
	const struct om_record_smc sa = record_body(a, struct om_record_smc);
	const struct om_record_smc sb = record_body(b, struct om_record_smc);

	if (differ_regs(line, sa.a, sb.a, 8) || differ_window(line, a, b, 0) ||
	    differ_window(line, a, b, 1))
		return true;
	if (sa.lists == sb.lists)
		return false;
	put(line, "the page lists for OP-TEE are others");
	return true;
}

static bool differ_bytes(struct line *line, const struct record *a, const struct record *b)
{
	const struct om_record_copy ca = record_body(a, struct om_record_copy);
	const struct om_record_copy cb = record_body(b, struct om_record_copy);

	if (ca.pa != cb.pa || ca.len != cb.len || a->len != b->len)
		return false;
	for (size_t i = sizeof(ca); i < a->len; i++) {
		if (a->body[i] == b->body[i])
			continue;
		put(line, "byte %zu of %u is 0x%02x, recorded 0x%02x", i - sizeof(ca), ca.len,
		    b->body[i], a->body[i]);
		return true;
	}
	return false;
}

void say_difference(const struct record *recorded, const struct record *now, char *buf,
		    size_t size)
{
	struct line line = { buf, size, 0 };
	char text[SAY_SIZE];
	bool told = false;

	buf[0] = '\0';
	if (recorded->head.kind == now->head.kind) {
		say_record(now, text, sizeof(text));
		put(&line, "the library %s, but ", text);
		if (now->head.kind == OM_RECORD_LEAVE) {
			const struct om_record_leave a = record_body(recorded, struct om_record_leave);
			const struct om_record_leave b = record_body(now, struct om_record_leave);

			told = differ_regs(&line, a.a, b.a, 4);
		} else if (now->head.kind == OM_RECORD_SMC || now->head.kind == OM_RECORD_SMC_RETURN) {
			told = differ_smc(&line, recorded, now);
		} else if (now->head.kind == OM_RECORD_WRITE) {
			told = differ_bytes(&line, recorded, now);
		}
		if (told)
			return;
		line.used -= strlen("but ");
		say_record(recorded, text, sizeof(text));
		put(&line, "recorded: %s", text);
		return;
	}
	say_record(now, text, sizeof(text));
	put(&line, "the library %s, recorded: ", text);
	say_record(recorded, text, sizeof(text));
	put(&line, "%s", text);
}
