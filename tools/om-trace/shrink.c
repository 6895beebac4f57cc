/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A failing recording cut down to the SMCs that matter: delta debugging (Zeller and Hildebrandt,
 * 2002), first over whole calls with all their resumptions, then over single SMCs.
 *
 * What a recording says of an SMC depends on those before it: ids of calls count up, and of a
 * shadow page only the words are there that changed. So of a part of a recording the library makes
 * a recording of its own; ids and the pages of RPC arguments are translated, because the library
 * takes what was freed last, and pages are compared by their whole content. Up to the
 * failure the result is that recording, and so it fails in the same way wherever it is replayed.
 */
#include <string.h>
#include <time.h>

#include <optee_mediator/abi_smc.h>

#include "array.h"
#include "commands.h"
#include "replay.h"
#include "say.h"
#include "shadow.h"

#define NONE	SIZE_MAX

/* The pages of an SMC, whole, as they were in the recording. */
struct pages {
	uint64_t word[2][OM_RECORD_WORDS];
};

/* An id that the guest was given in the recording, and the one it is given now. */
struct id {
	uint32_t guest, recorded, now;
};

/* The shadow page that an RPC argument had in the recording, and the one it has now. */
struct place {
	uint64_t recorded, now;
};

struct shrink {
	const struct recording *r;
	size_t *span;		/* for each record, the number of its SMC */
	size_t *call;		/* for each SMC, the number of its call */
	size_t spans, calls;
	size_t *pages_of;	/* for each record of an SMC to OP-TEE */
	struct pages *pages;
	bool *keeps;		/* for each SMC: it is in the part that is tried */

	struct recording part;
	size_t *origin;		/* for each of its records, that of the recording */
	size_t failing;		/* the record that differs, of the recording */
	bool counts;		/* it is a counter that matters, not a difference */
	enum om_counter counter;
	char why[1200];

	/* Of one run. */
	struct shadows shadows;
	struct id *id;
	size_t ids;
	struct place *place;
	size_t places;
	uint32_t guest[OM_RECORD_CPUS];

	uint32_t runs;
	time_t told;
};

static bool is_rpc(uint32_t a0)
{
	return (a0 & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) == OPTEE_SMC_RETURN_RPC_PREFIX &&
	       a0 != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

/* --- A part of a recording, run --------------------------------------------------------------- */

static void begin(void *arg)
{
	struct shrink *s = arg;

	shadow_free(&s->shadows);
	s->ids = 0;
	s->places = 0;
}

static void enter(void *arg, uint8_t cpu, struct om_record_enter *e)
{
	struct shrink *s = arg;

	s->guest[cpu] = e->guest;
	if (e->function != OM_RECORD_GUEST_CALL || e->arg[0] != OPTEE_SMC_RETURN_FROM_RPC)
		return;
	for (size_t i = s->ids; i-- > 0;) {
		if (s->id[i].guest != e->guest || s->id[i].recorded != e->arg[3])
			continue;
		e->arg[3] = s->id[i].now;
		return;
	}
}

static uint64_t page_now(void *arg, uint64_t pa)
{
	const struct shrink *s = arg;

	for (size_t i = s->places; i-- > 0;)
		if (s->place[i].recorded == pa)
			return s->place[i].now;
	return pa;
}

static bool is_shadow(const struct shadows *s, uint64_t pa)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->page[i].pa == pa)
			return true;
	return false;
}

/* The answer to an ALLOC is a page of the library's: which one it is now is noted. */
static void translate_answer(struct shrink *s, const struct record *recorded,
			     struct om_record_smc *made)
{
	const struct om_record_smc was = record_body(recorded, struct om_record_smc);
	uint64_t pa = (uint64_t)was.a[1] << 32 | was.a[2];
	uint64_t now = (uint64_t)made->a[1] << 32 | made->a[2];

	if (was.a[0] != OPTEE_SMC_RETURN_FROM_RPC || made->a[0] != was.a[0] ||
	    !is_shadow(&s->shadows, pa) || !is_shadow(&s->shadows, now))
		return;
	s->place = array_grow(s->place, s->places, sizeof(*s->place));
	s->place[s->places++] = (struct place){ pa, now };
	made->a[1] = was.a[1];
	made->a[2] = was.a[2];
}

/*
 * All of the pages: words that OP-TEE wrote once more, as they were, are not in the record, and
 * may never have been written in this part.
 */
static void written(void *arg, size_t i, uint64_t *page[2])
{
	const struct shrink *s = arg;
	const struct pages *pages = &s->pages[s->pages_of[s->origin[i]]];

	for (size_t w = 0; w < 2; w++)
		if (page[w])
			memcpy(page[w], pages->word[w], sizeof(pages->word[w]));
}

/* The guest's id of its call is what it is; the recorded one is noted with it. */
static void translate_leave(struct shrink *s, uint8_t cpu, const struct om_record_leave *recorded,
			    struct om_record_leave *made)
{
	if (recorded->function != OM_RECORD_GUEST_CALL || !is_rpc(recorded->a[0]) ||
	    recorded->a[0] != made->a[0])
		return;
	s->id = array_grow(s->id, s->ids, sizeof(*s->id));
	s->id[s->ids++] = (struct id){ s->guest[cpu], recorded->a[3], made->a[3] };
	made->a[3] = recorded->a[3];
}

static void translate_enter(const struct om_record_enter *recorded, struct om_record_enter *made)
{
	if (recorded->function == OM_RECORD_GUEST_CALL &&
	    recorded->arg[0] == OPTEE_SMC_RETURN_FROM_RPC)
		made->arg[3] = recorded->arg[3];
}

/* An SMC with these words of its pages in it, whether they changed or not. */
struct whole {
	struct record record;
	uint8_t body[sizeof(struct om_record_smc) + 2 * (sizeof(struct om_record_window) +
							 OM_RECORD_WINDOW)];
};

static void put_words(struct whole *to, uint64_t pa, uint64_t which, const uint64_t *word)
{
	const struct om_record_window head = { pa, which };

	memcpy(to->body + to->record.len, &head, sizeof(head));
	to->record.len += sizeof(head);
	for (size_t i = 0; i < OM_RECORD_WORDS; i++) {
		if (!(which >> i & 1))
			continue;
		memcpy(to->body + to->record.len, &word[i], sizeof(word[i]));
		to->record.len += sizeof(word[i]);
	}
}

static void begin_whole(struct whole *to, const struct record *record)
{
	to->record = *record;
	to->record.body = to->body;
	to->record.len = sizeof(struct om_record_smc);
	memcpy(to->body, record->body, to->record.len);
}

/*
 * Recorded and made SMC with the same words in both: those that changed in either. False: they
 * are not about the same pages.
 */
static bool make_whole(struct shrink *s, size_t origin, const struct record *recorded,
		       const struct record *made, struct whole whole[2])
{
	struct window was[2], is[2];
	size_t n = shadow_windows(recorded, was);
	struct om_record_smc smc = record_body(made, struct om_record_smc);

	shadow_take(&s->shadows, made);
	if (shadow_windows(made, is) != n)
		return false;
	begin_whole(&whole[0], recorded);
	begin_whole(&whole[1], made);
	if (made->head.kind == OM_RECORD_SMC)
		translate_answer(s, recorded, &smc);
	memcpy(whole[1].body, &smc, sizeof(smc));
	for (size_t w = 0; w < n; w++) {
		uint64_t which = was[w].changed | is[w].changed;

		if (page_now(s, was[w].pa) != is[w].pa)
			return false;
		put_words(&whole[0], was[w].pa, which, s->pages[s->pages_of[origin]].word[w]);
		put_words(&whole[1], was[w].pa, which, shadow_at(&s->shadows, is[w].pa)->word);
	}
	return true;
}

static bool are_different(const struct record *a, const struct record *b, char *why, size_t size)
{
	if (a->head.cpu == b->head.cpu && a->len == b->len && !memcmp(a->body, b->body, a->len))
		return false;
	say_difference(a, b, why, size);
	return true;
}

static bool differs(void *arg, size_t i, const struct record *recorded, const struct record *made,
		    char *why, size_t size)
{
	struct shrink *s = arg;
	struct record now = *made;
	struct om_record_leave leave, left;
	struct om_record_enter enters, entered;
	struct whole whole[2];

	switch (made->head.kind) {
	case OM_RECORD_ENTER:
		entered = record_body(recorded, struct om_record_enter);
		enters = record_body(made, struct om_record_enter);
		translate_enter(&entered, &enters);
		now.body = (const uint8_t *)&enters;
		break;
	case OM_RECORD_LEAVE:
		left = record_body(recorded, struct om_record_leave);
		leave = record_body(made, struct om_record_leave);
		translate_leave(s, made->head.cpu, &left, &leave);
		now.body = (const uint8_t *)&leave;
		break;
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
		if (make_whole(s, s->origin[i], recorded, made, whole))
			return are_different(&whole[0].record, &whole[1].record, why, size);
		break;
	case OM_RECORD_PAGE_ALLOC:
		shadow_take(&s->shadows, made);
		break;
	default:
		break;
	}
	return are_different(recorded, &now, why, size);
}

static bool is_over(void *arg, const struct om_guest *guest)
{
	const struct shrink *s = arg;

	return s->counts && om_guest_counter(guest, s->counter) > 0;
}

static void choose_part(struct shrink *s)
{
	s->part.count = 0;
	for (size_t i = 0; i < s->r->count; i++) {
		if (!s->keeps[s->span[i]])
			continue;
		s->origin[s->part.count] = i;
		s->part.record[s->part.count++] = s->r->record[i];
	}
}

/* Without where it is, which is something else in every part. */
static const char *reason(const char *why)
{
	const char *from = strstr(why, ": ");

	return from ? from : why;
}

/* Runs what is kept; true when it fails as the recording does. */
static bool fails(struct shrink *s, struct replay_result *result)
{
	const struct replay_edit edit = { .arg = s, .begin = begin, .enter = enter,
					  .page = page_now, .written = written,
					  .differs = differs,
					  .is_over = is_over };

	choose_part(s);
	s->runs++;
	if (!replay_edited(&s->part, &edit, result))
		return false;
	if (s->counts)
		return result->is_over;
	/* The record that must come is the one behind those that were the same. */
	return result->differs && result->records < s->part.count &&
	       s->origin[result->records] == s->failing &&
	       strcmp(reason(result->why), s->why) == 0;
}

/* --- Which SMCs there are ------------------------------------------------------------------------ */

static size_t find_call(const struct id *waiting, size_t n, uint32_t guest, uint32_t id)
{
	for (size_t i = n; i-- > 0;)
		if (waiting[i].guest == guest && waiting[i].recorded == id)
			return i;
	return NONE;
}

/* Whatever a CPU does between two entries belongs to the first. */
static void find_spans(struct shrink *s)
{
	size_t at[OM_RECORD_CPUS];
	uint32_t guest[OM_RECORD_CPUS] = { 0 };
	struct id *waiting = NULL;	/* `now` is the call */
	size_t waits = 0;

	for (size_t i = 0; i < OM_RECORD_CPUS; i++)
		at[i] = NONE;
	for (size_t i = 0; i < s->r->count; i++) {
		const struct record *record = &s->r->record[i];
		uint8_t cpu = record->head.cpu;
		size_t found = NONE;

		if (record->head.kind == OM_RECORD_ENTER || at[cpu] == NONE) {
			s->call = array_grow(s->call, s->spans, sizeof(*s->call));
			at[cpu] = s->spans++;
			s->call[at[cpu]] = s->calls;
		}
		if (record->head.kind == OM_RECORD_ENTER) {
			const struct om_record_enter e = record_body(record, struct om_record_enter);

			guest[cpu] = e.guest;
			if (e.arg[0] == OPTEE_SMC_RETURN_FROM_RPC)
				found = find_call(waiting, waits, e.guest, e.arg[3]);
			if (found != NONE)
				s->call[at[cpu]] = waiting[found].now;
			else
				s->calls++;
		} else if (record->head.kind == OM_RECORD_LEAVE) {
			const struct om_record_leave l = record_body(record, struct om_record_leave);

			if (is_rpc(l.a[0])) {
				waiting = array_grow(waiting, waits, sizeof(*waiting));
				waiting[waits++] = (struct id){ guest[cpu], l.a[3],
								(uint32_t)s->call[at[cpu]] };
			}
		}
		s->span[i] = at[cpu];
	}
	free(waiting);
}

/* The pages of every SMC, whole. */
static void find_pages(struct shrink *s)
{
	struct shadows shadows = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < s->r->count; i++) {
		const struct record *record = &s->r->record[i];
		struct window window[2];
		size_t windows;

		shadow_take(&shadows, record);
		if (record->head.kind != OM_RECORD_SMC && record->head.kind != OM_RECORD_SMC_RETURN)
			continue;
		s->pages = array_grow(s->pages, n, sizeof(*s->pages));
		windows = shadow_windows(record, window);
		for (size_t w = 0; w < windows; w++)
			memcpy(s->pages[n].word[w], shadow_at(&shadows, window[w].pa)->word,
			       sizeof(s->pages[n].word[w]));
		s->pages_of[i] = n++;
	}
	shadow_free(&shadows);
}

/* --- Delta debugging ------------------------------------------------------------------------------- */

static size_t count_kept(const struct shrink *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->spans; i++)
		n += s->keeps[i];
	return n;
}

static void tell(struct shrink *s)
{
	time_t now = time(NULL);

	if (now - s->told < 2)
		return;
	s->told = now;
	fprintf(stderr, "om-trace: %zu of %zu SMCs after %u runs\n", count_kept(s), s->spans,
		s->runs);
}

/* The items that are left: numbers of calls, or of SMCs. */
static size_t items_left(const struct shrink *s, const size_t *item_of, size_t *items)
{
	size_t n = 0;

	for (size_t i = 0; i < s->spans; i++) {
		size_t k = 0;

		while (k < n && items[k] != item_of[i])
			k++;
		if (s->keeps[i] && k == n)
			items[n++] = item_of[i];
	}
	return n;
}

static bool is_among(size_t item, const size_t *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (items[i] == item)
			return true;
	return false;
}

/* Leaves these out for good, if it fails without them. */
static bool leave_out(struct shrink *s, const size_t *item_of, const size_t *items, size_t n)
{
	bool *before = memory(malloc(s->spans * sizeof(*before)));
	struct replay_result result = { 0 };
	bool fails_still;

	memcpy(before, s->keeps, s->spans * sizeof(*before));
	for (size_t i = 0; i < s->spans; i++)
		s->keeps[i] = s->keeps[i] && !is_among(item_of[i], items, n);
	fails_still = fails(s, &result);
	if (!fails_still)
		memcpy(s->keeps, before, s->spans * sizeof(*before));
	free(result.made);
	free(before);
	tell(s);
	return fails_still;
}

/* From the last to the first: what comes later more often needs what came before. */
static void reduce(struct shrink *s, const size_t *item_of)
{
	size_t *items = memory(malloc((s->spans + 1) * sizeof(*items)));
	size_t n = items_left(s, item_of, items), size = n / 2;

	while (size > 0) {
		bool smaller = false;

		for (size_t end = n; end > 0;) {
			size_t from = end > size ? end - size : 0;

			smaller |= leave_out(s, item_of, items + from, end - from);
			end = from;
		}
		n = items_left(s, item_of, items);
		if (!smaller || size > n / 2)
			size = smaller && size == 1 ? 1 : size / 2;
	}
	free(items);
}

/* --- The result -------------------------------------------------------------------------------- */

/* The record that differs, as it was recorded, in place of the one that the library made. */
static void put_recorded(struct shrink *s, struct replay_result *result)
{
	const struct record *recorded = &s->r->record[s->failing];
	struct om_record_head head;
	struct record made;
	struct whole whole[2];
	struct om_record_leave leave;

	if (result->made_last == NONE) {
		/* It did not come to a record: something else was asked for. */
		result->made = replay_append(result->made, &result->made_size, recorded,
					     (uint32_t)result->records + 1);
		return;
	}
	memcpy(&head, result->made + result->made_last, sizeof(head));
	made = (struct record){ .head = head, .len = head.size - sizeof(head),
				.body = result->made + result->made_last + sizeof(head) };
	whole[0].record = *recorded;
	if (head.kind == recorded->head.kind &&
	    (head.kind == OM_RECORD_SMC || head.kind == OM_RECORD_SMC_RETURN)) {
		if (!make_whole(s, s->failing, recorded, &made, whole))
			whole[0].record = *recorded;
	} else if (head.kind == OM_RECORD_LEAVE && recorded->head.kind == OM_RECORD_LEAVE) {
		leave = record_body(recorded, struct om_record_leave);
		if (leave.a[0] == record_body(&made, struct om_record_leave).a[0] &&
		    is_rpc(leave.a[0]))
			leave.a[3] = record_body(&made, struct om_record_leave).a[3];
		whole[0].record.body = (const uint8_t *)&leave;
	}
	result->made_size = result->made_last;
	result->made = replay_append(result->made, &result->made_size, &whole[0].record,
				     head.sequence);
}

static int write_result(struct shrink *s, FILE *out)
{
	struct replay_result result;
	size_t kept = count_kept(s);

	if (!fails(s, &result)) {
		fprintf(stderr, "om-trace: %s: does not fail every time\n", s->r->name);
		free(result.made);
		return 2;
	}
	if (!s->counts)
		put_recorded(s, &result);
	fwrite(s->r->bytes, 1, s->r->record[0].at, out);
	fwrite(result.made, 1, result.made_size, out);
	fprintf(stderr, "om-trace: %s: %zu of %zu SMCs are left, after %u runs\n", s->r->name, kept,
		s->spans, s->runs);
	free(result.made);
	return 0;
}

/* What is behind the failure does not matter. */
static void cut_tail(struct shrink *s, size_t records)
{
	memset(s->keeps, 0, s->spans * sizeof(*s->keeps));
	for (size_t i = 0; i < records && i < s->r->count; i++)
		s->keeps[s->span[i]] = true;
}

static int shrink(struct shrink *s, FILE *out)
{
	struct replay_result result;
	size_t *single = memory(malloc((s->spans + 1) * sizeof(*single)));

	for (size_t i = 0; i < s->spans; i++)
		single[i] = i;
	cut_tail(s, s->r->count);
	/* The first run says what failure is. */
	s->failing = NONE;
	fails(s, &result);
	if (s->counts ? !result.is_over : !result.differs) {
		fprintf(stderr, "om-trace: %s: %s\n", s->r->name, result.why[0] ? result.why :
			s->counts ? "that is not counted in it" : "replays without a difference");
		free(single);
		free(result.made);
		return 2;
	}
	s->failing = result.records;
	snprintf(s->why, sizeof(s->why), "%s", reason(result.why));
	cut_tail(s, result.records + 1);
	free(result.made);
	reduce(s, s->call);
	reduce(s, single);
	free(single);
	return write_result(s, out);
}

static bool find_counter(const char *name, enum om_counter *which)
{
	for (uint32_t i = 0; i < OM_COUNTERS; i++) {
		if (strcmp(om_counter_name((enum om_counter)i), name) != 0)
			continue;
		*which = (enum om_counter)i;
		return true;
	}
	return false;
}

int command_shrink(const struct recording *r, const char *counter, FILE *out)
{
	struct shrink *s = memory(calloc(1, sizeof(*s)));
	int status = 2;

	s->r = r;
	s->told = time(NULL);
	s->counts = counter != NULL;
	if (counter && !find_counter(counter, &s->counter)) {
		fprintf(stderr, "om-trace: there is no counter %s; those of om_counter_name() are "
			"meant, such as refused_quota\n", counter);
		free(s);
		return 2;
	}
	s->span = memory(calloc(r->count + 1, sizeof(*s->span)));
	s->origin = memory(calloc(r->count + 1, sizeof(*s->origin)));
	s->pages_of = memory(calloc(r->count + 1, sizeof(*s->pages_of)));
	s->part = *r;
	s->part.record = memory(calloc(r->count + 1, sizeof(*s->part.record)));
	find_spans(s);
	find_pages(s);
	s->keeps = memory(calloc(s->spans + 1, sizeof(*s->keeps)));
	status = shrink(s, out);
	shadow_free(&s->shadows);
	free(s->id);
	free(s->place);
	free(s->keeps);
	free(s->part.record);
	free(s->pages_of);
	free(s->pages);
	free(s->origin);
	free(s->call);
	free(s->span);
	free(s);
	return status;
}
