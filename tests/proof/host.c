/* SPDX-License-Identifier: BSD-2-Clause */
/* The host of a proof. See host.h. */
#include "host.h"

#include "world.h"

#define PAGE	((uint64_t)OPTEE_MSG_PAGE_SIZE)

struct ghost ghost;
struct om_host_ops host_ops;

static bool is_aligned(uint64_t address)
{
	return address % PAGE == 0;
}

static int pin(void *guest, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	bool succeeds = any_bool();
	size_t i;

	(void)guest;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	PROVE(n >= 1 && n <= OM_PIN_BATCH, "host: pin() gets 1 to OM_PIN_BATCH pages");
	for (i = 0; i < n; i++) {
		PROVE(is_aligned(ipa[i].raw), "host: pin() gets aligned addresses");
		/* What a failing pin() leaves there is not said. */
		pa[i].raw = any_u64();
		if (!succeeds)
			continue;
		ASSUME(is_aligned(pa[i].raw) && !is_shadow_page(pa[i].raw));
		if (pa[i].raw == ghost.page)
			ghost.pins++;
	}
	if (succeeds)
		ghost.pinned += (uint32_t)n;
	return succeeds ? 0 : -1;
}

static void unpin(void *guest, const om_pa_t *pa, size_t n)
{
	size_t i;

	(void)guest;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	PROVE(n >= 1 && n <= OM_PIN_BATCH, "host: unpin() gets 1 to OM_PIN_BATCH pages");
	for (i = 0; i < n; i++) {
		if (pa[i].raw != ghost.page)
			continue;
		PROVE(ghost.pins > 0, "host: only what is pinned is unpinned");
		ghost.pins--;
	}
	ghost.unpinned += (uint32_t)n;
}

/* The rules for a piece of guest memory that is copied. */
static void check_copy(om_pa_t pa, size_t len)
{
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	PROVE(pa.raw % PAGE + len <= PAGE, "host: a copy stays in its page");
	if (pa.raw - pa.raw % PAGE == ghost.page)
		PROVE(ghost.pins > 0, "host: only pinned pages are copied");
}

static int read(void *guest, om_pa_t pa, void *dst, size_t len)
{
	uint64_t *word = dst, kept;
	size_t i;

	(void)guest;
	PROVE(__CPROVER_w_ok(dst, len), "host: there is space for what is read of a guest");
	check_copy(pa, len);
	if (ghost.byte >= pa.raw && ghost.byte - pa.raw < len)
		ghost.fetches++;
	/* Guest memory holds anything, another time something else. */
	for (i = 0; i < len; i += sizeof(*word), word++) {
		/* What lies behind the last byte stays, in a word that the caller has whole. */
		kept = len - i < sizeof(*word) ? UINT64_MAX << 8 * (len - i) : 0;
		*word = (*word & kept) | (any_u64() & ~kept);
	}
	return any_bool() ? 0 : -1;
}

static int write(void *guest, om_pa_t pa, const void *src, size_t len)
{
	(void)guest;
	check_copy(pa, len);
	PROVE(__CPROVER_r_ok(src, len), "host: what is written to a guest can be read");
	return any_bool() ? 0 : -1;
}

static int page_alloc(void *host, struct om_page *page)
{
	(void)host;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	if (any_bool())
		return -1;
	/* Any page, and even one of no use: the library is to look at it. */
	page->va = any_bool() ? &ghost : NULL;
	page->pa.raw = any_u64();
	ghost.allocated++;
	return 0;
}

static void page_free(void *host, const struct om_page *page)
{
	(void)host;
	(void)page;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	PROVE(ghost.freed < ghost.allocated, "host: a page is freed once");
	ghost.freed++;
}

static bool is_32_bit(const struct om_regs *regs)
{
	uint32_t i;

	for (i = 0; i < 8; i++)
		if (regs->a[i] >> 32)
			return false;
	return true;
}

static void smc(void *host, struct om_regs *regs)
{
	(void)host;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	PROVE(is_32_bit(regs), "host: an SMC has 32 bits in each register (I10)");
	ghost.smcs++;
	ghost.smc = *regs;
	host_secure_world(regs);
}

static void lock(void *guest)
{
	(void)guest;
	PROVE(!ghost.locked, "host: the lock is not taken twice");
	ghost.locked = true;
}

static void unlock(void *guest)
{
	(void)guest;
	PROVE(ghost.locked, "host: the lock is given back once");
	ghost.locked = false;
}

static bool should_yield(void *host)
{
	(void)host;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	return any_bool();
}

static void notify(void *guest)
{
	(void)guest;
	ghost.notified++;
}

static uint32_t authorize(void *guest, const struct om_request *request)
{
	(void)guest;
	(void)request;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	return any_u32();
}

static void alias(void *guest, const uint8_t ta[16], uint8_t to[16])
{
	uint32_t k = any_below(sizeof(ghost.alias));

	(void)guest;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	PROVE(to[k] == ta[k], "host: alias() is given the TA's own UUID");
	om_copy(to, ghost.alias, sizeof(ghost.alias));
}

static void trace(void *guest, const struct om_trace_event *event)
{
	(void)guest;
	(void)event;
	ghost.traced++;
}

void host_init(void)
{
	ghost = (struct ghost){ .page = any_u64(), .byte = any_u64(),
				.alias = { any_u64(), any_u64() } };
	ASSUME(is_aligned(ghost.page));
	host_ops = (struct om_host_ops){
		.pin = pin, .unpin = unpin, .read = read, .write = write,
		.page_alloc = page_alloc, .page_free = page_free, .smc = smc,
		.lock = lock, .unlock = unlock,
		.should_yield = any_bool() ? should_yield : NULL,
		.notify = any_bool() ? notify : NULL,
		.authorize = any_bool() ? authorize : NULL,
		.alias = any_bool() ? alias : NULL,
		.trace = trace,
	};
}
