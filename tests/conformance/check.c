/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a scenario has seen, and the run of all of them.
 *
 * A check that fails is remembered and the scenario goes on: it has to give back
 * what it holds. Must not know what a scenario is about.
 */
#include "client.h"

/* ---- checks ---- */

/* FNV-1a over the eight bytes of a value. */
static uint64_t mix(uint64_t digest, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++) {
		digest ^= value >> (8 * i) & 0xffu;
		digest *= 0x100000001b3ull;
	}
	return digest;
}

#define DIGEST_START 0xcbf29ce484222325ull

bool cg_check(struct cg_guest *g, const char *what, const char *file, uint32_t line,
	      uint64_t got, uint64_t want, bool digest)
{
	struct cg_verdict *v = &g->verdict;

	v->checks++;
	if (digest)
		v->digest = mix(v->digest, got);
	if (got == want)
		return true;
	if (v->failures++ == 0) {
		v->what = what;
		v->file = file;
		v->line = line;
		v->got = got;
		v->want = want;
	}
	return false;
}

void cg_observe(struct cg_guest *g, uint64_t value)
{
	g->verdict.digest = mix(g->verdict.digest, value);
}

void cg_unchecked(struct cg_guest *g)
{
	g->verdict.unchecked++;
}

void cg_skip(struct cg_guest *g, const char *why)
{
	g->verdict.skipped = why;
}

void cg_anomaly(struct cg_guest *g, const char *file, uint32_t line)
{
	if (__atomic_fetch_add(&g->anomalies, 1u, __ATOMIC_RELAXED) == 0) {
		g->anomaly_file = file;
		g->anomaly_line = line;
	}
}

void cg_leak(struct cg_guest *g, const char *file, uint32_t line, const char *where,
	     uint64_t value)
{
	if (!__atomic_load_n(&g->anomalies, __ATOMIC_RELAXED)) {
		g->leaked = value;
		g->leak = where;
	}
	cg_anomaly(g, file, line);
}

/* ---- lines of text ---- */

#define LINE_MAX 240u

struct line {
	char text[LINE_MAX];
	size_t len;
};

static void put(struct line *l, const char *s)
{
	while (*s && l->len < LINE_MAX - 1)
		l->text[l->len++] = *s++;
	l->text[l->len] = '\0';
}

static void put_file(struct line *l, const char *path)
{
	const char *s;

	for (s = path; *s; s++)
		if (*s == '/')
			path = s + 1;
	put(l, path);
}

static void put_dec(struct line *l, uint64_t n)
{
	char digits[21];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put(l, &digits[i]);
}

static void put_hex(struct line *l, uint64_t n, unsigned int width)
{
	char digits[17];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = "0123456789abcdef"[n & 0xfu];
		n >>= 4;
	} while (n || sizeof(digits) - 1 - i < width);
	put(l, &digits[i]);
}

static void report(struct cg_guest *g, const struct cg_scenario_entry *s)
{
	const struct cg_verdict *v = &g->verdict;
	struct line l;

	l.len = 0;
	put(&l, v->failures ? "FAIL " : v->skipped ? "skip " : "ok ");
	put(&l, s->numbers);
	put(&l, " ");
	put(&l, s->name);
	if (v->failures) {
		put(&l, ": '");
		put(&l, v->what);
		put(&l, "' ");
		put_file(&l, v->file);
		put(&l, " line ");
		put_dec(&l, v->line);
		put(&l, ": got 0x");
		put_hex(&l, v->got, 1);
		put(&l, " want 0x");
		put_hex(&l, v->want, 1);
	} else if (v->skipped) {
		put(&l, ": ");
		put(&l, v->skipped);
	} else {
		put(&l, " [");
		put_hex(&l, v->digest, 16);
		put(&l, "]");
	}
	g->platform->log(g->platform->ctx, l.text);
}

/* ---- the run ---- */

/*
 * Not here, because a guest alone with an honest OP-TEE cannot bring them about.
 * They are host tests: lifetime (1-6), a message page that leaves the guest's map
 * (18), faults of the host (20, 60), a shadow that changes under the mediator (21),
 * RPCs and cookies that OP-TEE would not come up with (30, 34), ballooned RPC
 * pages (35), lists that change while they are read (51), registrations that OP-TEE
 * refuses (55 in part, 58), a yield at every page (59: any scenario of lists, run
 * on a host that wants it), an SMC that races another (24, 25 in part: stress.c).
 */

static const struct cg_scenario_entry *entry(unsigned int i)
{
	const struct cg_scenario_entry *const groups[] = {
		cg_scenarios_fast, cg_scenarios_calls, cg_scenarios_params,
		cg_scenarios_resume, cg_scenarios_rpc, cg_scenarios_payload,
		cg_scenarios_shm, cg_scenarios_registry, cg_scenarios_quota,
		cg_scenarios_mapping, cg_scenarios_edges, cg_scenarios_kexec,
		cg_scenarios_drivers,
	};

	for (unsigned int n = 0; n < sizeof(groups) / sizeof(groups[0]); n++) {
		const struct cg_scenario_entry *s;

		for (s = groups[n]; s->name; s++)
			if (i-- == 0)
				return s;
	}
	return NULL;
}

bool cg_scenario(unsigned int i, struct cg_scenario_info *info)
{
	const struct cg_scenario_entry *s = entry(i);

	if (!s)
		return false;
	info->numbers = s->numbers;
	info->invariants = s->invariants;
	info->name = s->name;
	return true;
}

static bool selected(const char *name, const char *filter)
{
	if (!filter)
		return true;
	while (*filter)
		if (*name++ != *filter++)
			return false;
	return true;
}

static void run_in_session(struct cg_guest *g, const struct cg_scenario_entry *s)
{
	uint32_t session;

	CG_EQ(g, "open", cg_open(g, s->ta, &session), TEEC_SUCCESS);
	s->run_in(g, session);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

static void run_one(struct cg_guest *g, const struct cg_scenario_entry *s)
{
	uint32_t held = g->pages_held;
	const char *why;

	cg_fill(&g->verdict, 0, sizeof(g->verdict));
	g->verdict.digest = DIGEST_START;
	g->anomalies = 0;
	g->leak = NULL;
	g->ta_size = 0;
	cg_fill(g->notified, 0, sizeof(g->notified));

	why = s->lacks ? s->lacks(g) : NULL;
	if (why)
		cg_skip(g, why);
	else if (s->run)
		s->run(g);
	else
		run_in_session(g, s);

	cg_check(g, "all memory is given back", __FILE__, __LINE__, g->pages_held, held, false);
	cg_check(g, "no RPC buffer is left", __FILE__, __LINE__, cg_rpc_held(g), 0, false);
	if (g->anomalies && g->leak)
		cg_check(g, g->leak, g->anomaly_file, g->anomaly_line, g->leaked, 0, false);
	else if (g->anomalies)
		cg_check(g, "nothing that must never be seen", g->anomaly_file,
			 g->anomaly_line, g->anomalies, 0, false);
	report(g, s);
}

static void add(struct cg_summary *summary, const struct cg_verdict *v)
{
	if (v->failures)
		summary->failed++;
	else if (v->skipped)
		summary->skipped++;
	else
		summary->passed++;
	summary->checks += v->checks;
	summary->unchecked += v->unchecked;
	if (!v->skipped)
		summary->digest = mix(summary->digest, v->digest);
}

bool cg_run(const struct cg_platform *platform, const char *filter,
	    struct cg_summary *summary)
{
	struct cg_guest *g = platform->ram;
	const struct cg_scenario_entry *s;

	cg_memory_init(g, platform);
	cg_fill(summary, 0, sizeof(*summary));
	summary->digest = DIGEST_START;
	for (unsigned int i = 0; (s = entry(i)) != NULL; i++) {
		if (!selected(s->name, filter))
			continue;
		run_one(g, s);
		add(summary, &g->verdict);
	}
	return summary->failed == 0 && summary->passed + summary->skipped > 0;
}
