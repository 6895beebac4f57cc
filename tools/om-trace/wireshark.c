/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording as packets, for Wireshark and tshark: each SMC is one, and each return from one,
 * at both sides of the mediator. optee.lua reads them; it is in this program, and the names of
 * the protocol's numbers are put into it from the library's own tables.
 *
 * The link type is one of those that nobody registers (LINKTYPE_USER0): the packets are of this
 * program and its dissector alone. The file format is draft-ietf-opsawg-pcapng.
 */
#include <inttypes.h>
#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#include "array.h"
#include "commands.h"
#include "replay.h"
#include "shadow.h"
#include "trace_names.h"

#define LINKTYPE_USER0	147u
#define PACKET_VERSION	1u
#define NONE		SIZE_MAX

enum side { SIDE_GUEST, SIDE_SECURE };

/* A packet: this head, little-endian, then parts. optee.lua knows it by its offsets. */
struct packet_head {
	uint8_t version;
	uint8_t side;
	uint8_t is_return;
	uint8_t cpu;
	uint32_t guest;
	uint32_t vcpu;
	uint32_t record;
	uint32_t a[8];
};

_Static_assert(sizeof(struct packet_head) == 48, "optee.lua: HEAD");

enum part_kind {
	PART_MESSAGE = 1,	/* struct optee_msg_arg */
	PART_ARGUMENT,		/* the same, of an RPC */
	PART_REFUSED,		/* text */
};

/* A message as the library says that it was; the header, then the parameters. */
struct message {
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[OPTEE_MSG_CALL_PARAMS + OPTEE_MSG_META_PARAMS];
	bool is_there;
};

struct packet {
	uint64_t time;
	struct packet_head head;
	struct message message, argument;	/* at the guest's side */
	uint8_t raw[2][OM_RECORD_WINDOW];	/* at OP-TEE's: the same two */
	size_t raw_len[2];
	char refused[256];
};

struct capture {
	const struct recording *r;
	struct packet *packet;
	size_t packets;
	struct shadows shadows;
	struct packet_head at[OM_RECORD_CPUS];	/* who is in the library */
	size_t entered[OM_RECORD_CPUS];		/* the packet of the guest's SMC */
	struct packet answer[OM_RECORD_CPUS];	/* what will be in that of its return */
};

static struct packet *add_packet(struct capture *c, size_t record, enum side side, bool is_return,
				 uint64_t time, const uint32_t *a, size_t n)
{
	uint8_t cpu = c->r->record[record].head.cpu;
	struct packet *p;

	c->packet = array_grow(c->packet, c->packets, sizeof(*c->packet));
	p = &c->packet[c->packets++];
	*p = (struct packet){ .time = time, .head = c->at[cpu] };
	p->head.side = (uint8_t)side;
	p->head.is_return = is_return;
	p->head.record = (uint32_t)record;
	memcpy(p->head.a, a, n * sizeof(*a));
	return p;
}

/* --- The guest's side: what the library says of it -------------------------------------------- */

static void set_param(struct message *m, const uint64_t *arg, size_t values)
{
	struct optee_msg_param *param;

	if (arg[0] >= sizeof(m->param) / sizeof(m->param[0]))
		return;
	param = &m->param[arg[0]];
	param->attr = arg[1];
	memcpy(&param->u, &arg[2], values * sizeof(uint64_t));
	if (m->hdr.num_params <= arg[0])
		m->hdr.num_params = (uint32_t)arg[0] + 1;
}

static void take_event(struct capture *c, const struct replay_event *e)
{
	struct packet *answer = &c->answer[e->cpu];
	struct packet *asked = c->entered[e->cpu] == NONE ? answer : &c->packet[c->entered[e->cpu]];
	const uint64_t *arg = e->event.arg;
	char line[256];

	switch (e->event.id) {
	case OM_TRACE_MESSAGE:
		asked->message.is_there = true;
		asked->message.hdr = (struct optee_msg_hdr){
			.cmd = (uint32_t)arg[0], .func = (uint32_t)arg[1],
			.session = (uint32_t)arg[2], .cancel_id = (uint32_t)arg[3],
			.num_params = (uint32_t)arg[4] };
		break;
	case OM_TRACE_MESSAGE_PARAM:
		set_param(&asked->message, arg, 3);
		break;
	case OM_TRACE_RESULT:
		answer->message.is_there = true;
		answer->message.hdr = (struct optee_msg_hdr){
			.cmd = (uint32_t)arg[0], .ret = (uint32_t)arg[1],
			.ret_origin = (uint32_t)arg[2], .session = (uint32_t)arg[3] };
		break;
	case OM_TRACE_RESULT_PARAM:
		set_param(&answer->message, arg, 2);
		break;
	case OM_TRACE_REQUEST:
		answer->argument.is_there = true;
		answer->argument.hdr = (struct optee_msg_hdr){
			.cmd = (uint32_t)arg[0], .num_params = (uint32_t)arg[1] };
		break;
	case OM_TRACE_REQUEST_PARAM:
		set_param(&answer->argument, arg, 3);
		break;
	case OM_TRACE_REPLY:
		asked->argument.is_there = true;
		asked->argument.hdr = (struct optee_msg_hdr){
			.cmd = (uint32_t)arg[0], .ret = (uint32_t)arg[1],
			.num_params = (uint32_t)arg[2] };
		break;
	case OM_TRACE_REPLY_PARAM:
		set_param(&asked->argument, arg, 3);
		break;
	case OM_TRACE_REFUSED:
		om_trace_text(&e->event, line, sizeof(line));
		snprintf(answer->refused, sizeof(answer->refused), "%s", strstr(line, ": ") + 2);
		break;
	default:
		break;
	}
}

static void enter(struct capture *c, size_t i)
{
	const struct record *record = &c->r->record[i];
	const struct om_record_enter e = record_body(record, struct om_record_enter);
	uint8_t cpu = record->head.cpu;

	c->at[cpu] = (struct packet_head){ .version = PACKET_VERSION, .cpu = cpu,
					   .guest = e.guest, .vcpu = e.vcpu };
	c->entered[cpu] = NONE;
	c->answer[cpu] = (struct packet){ 0 };
	if (e.function != OM_RECORD_GUEST_CALL)
		return;
	add_packet(c, i, SIDE_GUEST, false, e.time, e.arg, 8);
	c->entered[cpu] = c->packets - 1;
}

static void leave(struct capture *c, size_t i)
{
	const struct record *record = &c->r->record[i];
	const struct om_record_leave l = record_body(record, struct om_record_leave);
	const struct packet *answer = &c->answer[record->head.cpu];
	struct packet *p;

	if (l.function != OM_RECORD_GUEST_CALL)
		return;
	p = add_packet(c, i, SIDE_GUEST, true, l.time, l.a, 4);
	p->message = answer->message;
	p->argument = answer->argument;
	memcpy(p->refused, answer->refused, sizeof(p->refused));
}

/* --- OP-TEE's side: what is in the shadow pages ------------------------------------------------ */

/* A message in a page, at this word, as far as it is known: a ring may not say all. */
static size_t message_size(const struct shadow *shadow, size_t from)
{
	size_t header = sizeof(struct optee_msg_hdr) / sizeof(uint64_t), end = from + header;
	struct optee_msg_hdr hdr;

	if (end > OM_RECORD_WORDS)
		return 0;
	memcpy(&hdr, &shadow->word[from], sizeof(hdr));
	if (hdr.num_params <= OPTEE_MSG_CALL_PARAMS + OPTEE_MSG_META_PARAMS)
		end = from + OPTEE_MSG_ARG_SIZE(hdr.num_params) / sizeof(uint64_t);
	if (end > OM_RECORD_WORDS)
		end = OM_RECORD_WORDS;
	for (size_t i = from; i < end; i++)
		if (!(shadow->known >> i & 1))
			return i < from + header ? 0 : (i - from) * sizeof(uint64_t);
	return (end - from) * sizeof(uint64_t);
}

static void put_raw(struct packet *p, enum part_kind kind, const struct shadow *shadow, size_t from)
{
	size_t which = kind - PART_MESSAGE;

	p->raw_len[which] = message_size(shadow, from);
	memcpy(p->raw[which], &shadow->word[from], p->raw_len[which]);
}

static void take_smc(struct capture *c, size_t i)
{
	const struct record *record = &c->r->record[i];
	const struct om_record_smc s = record_body(record, struct om_record_smc);
	bool returns = record->head.kind == OM_RECORD_SMC_RETURN;
	bool asks = returns && s.a[0] == OPTEE_SMC_RETURN_RPC_CMD;
	bool is_rpc = returns ? (s.a[0] & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) ==
				OPTEE_SMC_RETURN_RPC_PREFIX :
				s.a[0] == OPTEE_SMC_RETURN_FROM_RPC;
	struct packet *p = add_packet(c, i, SIDE_SECURE, returns, s.time, s.a, returns ? 4 : 8);
	struct window window[2];
	size_t n = shadow_windows(record, window);
	struct shadow *message;

	shadow_take(&c->shadows, record);
	if (n == 0 || c->r->begin.flags & OM_RECORD_IS_MASKED)
		return;
	message = shadow_at(&c->shadows, window[0].pa);
	if (!is_rpc)
		put_raw(p, PART_MESSAGE, message, 0);
	if (n == 2)
		put_raw(p, PART_ARGUMENT, shadow_at(&c->shadows, window[1].pa), 0);
	else if ((asks || (!returns && message->asks)) && message_size(message, 0))
		put_raw(p, PART_ARGUMENT, message, message_size(message, 0) / sizeof(uint64_t));
	message->asks = asks && n == 1;
}

static void take_record(struct capture *c, size_t i)
{
	switch (c->r->record[i].head.kind) {
	case OM_RECORD_ENTER:
		enter(c, i);
		break;
	case OM_RECORD_LEAVE:
		leave(c, i);
		break;
	case OM_RECORD_PAGE_ALLOC:
		shadow_take(&c->shadows, &c->r->record[i]);
		break;
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
		take_smc(c, i);
		break;
	default:
		break;
	}
}

/* --- The file ----------------------------------------------------------------------------------- */

/* A block of pcapng; its length is at both of its ends. */
struct block {
	uint8_t at[2048];
	size_t used;
};

static void put(struct block *b, const void *from, size_t len)
{
	memcpy(b->at + b->used, from, len);
	b->used += len;
}

static void put_32(struct block *b, uint32_t word)
{
	put(b, &word, sizeof(word));
}

static void pad(struct block *b)
{
	while (b->used % 4)
		b->at[b->used++] = 0;
}

static void put_option(struct block *b, uint16_t code, const void *from, size_t len)
{
	put_32(b, code | (uint32_t)len << 16);
	put(b, from, len);
	pad(b);
}

static void put_text(struct block *b, uint16_t code, const char *text)
{
	put_option(b, code, text, strlen(text));
}

static struct block begin_block(uint32_t type)
{
	struct block b = { .used = 0 };

	put_32(&b, type);
	put_32(&b, 0);
	return b;
}

static void end_block(struct block *b, FILE *out)
{
	uint32_t size;

	put_32(b, 0);	/* the end of the options */
	size = (uint32_t)b->used + sizeof(size);
	put_32(b, size);
	memcpy(b->at + sizeof(size), &size, sizeof(size));
	fwrite(b->at, 1, b->used, out);
}

#define OPTION_COMMENT	1u

static void write_section(FILE *out, const char *comment)
{
	static const uint8_t any_length[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct block b = begin_block(0x0a0d0d0a);

	put_32(&b, 0x1a2b3c4d);
	put_32(&b, 1);		/* version 1.0 */
	put(&b, any_length, sizeof(any_length));
	put_text(&b, 4, "om-trace");
	if (comment[0])
		put_text(&b, OPTION_COMMENT, comment);
	end_block(&b, out);
}

static void write_interface(FILE *out, const char *name, const char *description)
{
	struct block b = begin_block(1);

	put_32(&b, LINKTYPE_USER0);
	put_32(&b, 0);		/* packets of any length */
	put_text(&b, 2, name);
	put_text(&b, 3, description);
	put_option(&b, 9, &(uint8_t){ 9 }, 1);	/* nanoseconds */
	end_block(&b, out);
}

static void put_part(struct block *b, enum part_kind kind, const void *from, size_t len)
{
	if (len == 0)
		return;
	put_32(b, kind);
	put_32(b, (uint32_t)len);
	put(b, from, len);
}

static void put_message(struct block *b, enum part_kind kind, const struct message *m)
{
	uint32_t n = m->hdr.num_params;

	if (n > sizeof(m->param) / sizeof(m->param[0]))
		n = sizeof(m->param) / sizeof(m->param[0]);
	if (m->is_there)
		put_part(b, kind, m, OPTEE_MSG_ARG_SIZE(n));
}

static void write_packet(FILE *out, const struct packet *p)
{
	struct block b = begin_block(6);
	size_t lengths, from;
	uint32_t len;

	put_32(&b, p->head.side);
	put_32(&b, (uint32_t)(p->time >> 32));
	put_32(&b, (uint32_t)p->time);
	lengths = b.used;
	put_32(&b, 0);
	put_32(&b, 0);
	from = b.used;
	put(&b, &p->head, sizeof(p->head));
	put_message(&b, PART_MESSAGE, &p->message);
	put_message(&b, PART_ARGUMENT, &p->argument);
	put_part(&b, PART_MESSAGE, p->raw[0], p->raw_len[0]);
	put_part(&b, PART_ARGUMENT, p->raw[1], p->raw_len[1]);
	put_part(&b, PART_REFUSED, p->refused, strlen(p->refused));
	len = (uint32_t)(b.used - from);
	memcpy(b.at + lengths, &len, sizeof(len));
	memcpy(b.at + lengths + sizeof(len), &len, sizeof(len));
	pad(&b);
	/* As the mediator sees it: what comes in, what goes out. */
	put_option(&b, 2, &(uint32_t){ p->head.side == p->head.is_return ? 1 : 2 }, 4);
	if (p->refused[0])
		put_text(&b, OPTION_COMMENT, p->refused);
	end_block(&b, out);
}

static void write_file(FILE *out, const struct capture *c, const struct replay_result *result)
{
	const bool has_clock = c->r->begin.flags & OM_RECORD_HAS_CLOCK;
	char comment[1600];

	snprintf(comment, sizeof(comment), "%s%s%s", result->why,
		 result->why[0] && !has_clock ? "\n" : "",
		 has_clock ? "" : "The recording has no times: a record counts as a microsecond.");
	write_section(out, comment);
	write_interface(out, "guest", "the guest's SMCs, as the mediator takes and answers them");
	write_interface(out, "OP-TEE", "the mediator's SMCs to OP-TEE, with its shadow pages");
	for (size_t i = 0; i < c->packets; i++) {
		if (!has_clock)
			c->packet[i].time = c->packet[i].head.record * 1000ull;
		write_packet(out, &c->packet[i]);
	}
}

int command_pcapng(const struct recording *r, FILE *out)
{
	struct capture *c = memory(calloc(1, sizeof(*c)));
	struct replay_result result;
	size_t next = 0;

	c->r = r;
	for (size_t i = 0; i < OM_RECORD_CPUS; i++) {
		c->at[i] = (struct packet_head){ .version = PACKET_VERSION, .cpu = (uint8_t)i };
		c->entered[i] = NONE;
	}
	replay(r, true, &result);
	for (size_t i = 0; i < r->count; i++) {
		for (; next < result.events && result.event[next].record <= i; next++)
			take_event(c, &result.event[next]);
		take_record(c, i);
	}
	write_file(out, c, &result);
	free(result.event);
	free(c->packet);
	shadow_free(&c->shadows);
	free(c);
	return 0;
}

/* --- The dissector ------------------------------------------------------------------------------ */

/* optee.lua; made by CMake. The names go where the mark is. */
static const unsigned char dissector[] = {
#include "optee.inc"
	0
};

#define MARK	"--NAMES--"

int command_dissector(FILE *out)
{
	const struct {
		const char *name;
		struct om_names names;
	} tables[] = {
		{ "fid", om_names_fid() },
		{ "status", om_names_status() },
		{ "rpc", om_names_rpc() },
		{ "command", om_names_command() },
		{ "rpc_command", om_names_rpc_command() },
		{ "attr", om_names_attr() },
		{ "teec", om_names_teec() },
		{ "origin", om_names_origin() },
		{ "login", om_names_login() },
	};
	const char *text = (const char *)dissector;
	const char *mark = strstr(text, MARK);

	fwrite(text, 1, (size_t)(mark - text), out);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		fprintf(out, "names.%s = {\n", tables[i].name);
		for (size_t k = 0; k < tables[i].names.count; k++)
			fprintf(out, "\t[0x%" PRIx32 "] = \"%s\",\n",
				tables[i].names.first[k].number, tables[i].names.first[k].text);
		fputs("}\n", out);
	}
	fputs(mark + strlen(MARK), out);
	return 0;
}
