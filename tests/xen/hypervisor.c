/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Behind the declarations in include/: each of Xen's interfaces with the checks of
 * its contract. Which page may be pinned and who holds it, the test host knows.
 */
#include "hypervisor.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <optee_mediator/abi_smc.h>

#include <asm/smccc.h>
#include <asm/tee/tee.h>
#include <xen/device_tree.h>
#include <xen/domain_page.h>
#include <xen/errno.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/softirq.h>
#include <xen/tasklet.h>
#include <xen/time.h>
#include <xen/xvmalloc.h>

#define XEN_PAGE	4096u
#define JUNK		0xa5
#define OTHERS_PAGE	(TEST_PA_BASE + (TEST_PA_PAGES - 1) * (paddr_t)XEN_PAGE)

/* include/xen/string.h, which would put its own names over the libc's. */
void stand_in_racy_copy(void *dst, const void *src, size_t n);

struct hypervisor xen;

struct page_info {
	struct domain *owner;		/* of the pins; NULL: the heap */
	_Atomic uint32_t references;	/* those that are no pins of the test host's */
	void *va;			/* heap pages */
	bool mapped;
};

/* The machine's pages: RAM, the heap, OP-TEE's reserved memory, page 0. */
static const struct {
	paddr_t base;
	size_t pages;
} memory[] = {
	{ TEST_PA_BASE, TEST_PA_PAGES },
	{ TEST_SHADOW_PA_BASE, TEST_SHADOW_PAGES },
	{ TEST_RESERVED_PA, TEST_RESERVED_SIZE / XEN_PAGE },
	{ 0, 1 },
};

static struct page_info pages[TEST_PA_PAGES + TEST_SHADOW_PAGES +
			      TEST_RESERVED_SIZE / XEN_PAGE + 1];

static const struct tee_mediator_ops *mediator;

static _Thread_local struct vcpu *running;
static _Thread_local uint32_t locks;
static _Thread_local uint32_t maps;

/* Where a domain's lock is held, that of the recorder is all that may be taken. */
#ifdef CONFIG_OPTEE_MEDIATOR_RECORD
#define MOST_LOCKS	2u
#else
#define MOST_LOCKS	1u
#endif

/* Nobody may come here with a lock held or a page mapped. */
static void check_context(const char *function)
{
	if (locks)
		test_fail("%s is called with a lock held", function);
	if (maps)
		test_fail("%s is called with a page mapped", function);
}

static bool allocation_fails(void)
{
	uint64_t left = atomic_load(&xen.fail_at);

	if (left)
		atomic_store(&xen.fail_at, left - 1);
	return left == 1;
}

/* --- Console, device tree, locks, current ------------------------------------ */

static _Thread_local char line[256];

const char *console_line(void)
{
	return line;
}

void printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	atomic_fetch_add(&xen.lines, 1);
	if (xen.console)
		fprintf(xen.console, "(XEN) %s", line);
}

static keyhandler_fn_t *key[256];

void register_keyhandler(unsigned char k, keyhandler_fn_t *fn, const char *desc, bool diagnostic)
{
	(void)diagnostic;
	if (key[k] || !desc)
		test_fail("register_keyhandler(): '%c' is taken, or for nothing", k);
	key[k] = fn;
}

void hypervisor_press(char k)
{
	if (!key[(unsigned char)k])
		test_fail("nobody wants the key '%c'", k);
	else
		key[(unsigned char)k]((unsigned char)k);
	check_context("the end of a key's handler");
}

s_time_t stand_in_now(void)
{
	struct timespec now;

	timespec_get(&now, TIME_UTC);
	return (s_time_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct dt_device_node *dt_find_compatible_node(struct dt_device_node *from, const char *type,
					       const char *compatible)
{
	if (from || type || strcmp(compatible, "linaro,optee-tz") || !xen.optee_node)
		return NULL;
	return (void *)&xen;
}

void spin_lock_init(spinlock_t *lock)
{
	lock->taken = 0;
}

void spin_lock(spinlock_t *lock)
{
	if (locks == MOST_LOCKS || maps)
		test_fail("spin_lock() is called with a lock held, or a page mapped");
	while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE))
		sched_yield();
	locks++;
}

void spin_unlock(spinlock_t *lock)
{
	if (!locks || !__atomic_load_n(&lock->taken, __ATOMIC_RELAXED))
		test_fail("spin_unlock(): the lock is not held");
	locks--;
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

struct vcpu *stand_in_current(void)
{
	return running;
}

static bool is_preempted(void)
{
	uint64_t n = atomic_fetch_add(&xen.preempt_checks, 1) + 1;
	uint64_t every = atomic_load(&xen.preempt_every);
	bool yield = xen.host->ops.should_yield(xen.host);

	return yield || n == atomic_load(&xen.preempt_at) || (every && n % every == 0);
}

/* The real one looks at what waits for the vCPU, and an idle one has nothing to look at. */
bool stand_in_preempt_check(void)
{
	check_context("hypercall_preempt_check()");
	if (is_idle_vcpu(running))
		test_fail("hypercall_preempt_check() on an idle vCPU");
	return is_preempted();
}

/* --- Tasklets, and domains that pause --------------------------------------------- */

static struct domain idle_domain = { .domain_id = DOMID_IDLE };
static struct vcpu idle_vcpu = { .domain = &idle_domain };
static pthread_mutex_t tasklets_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t tasklet_runs = PTHREAD_MUTEX_INITIALIZER;
static struct tasklet *tasklets;

bool is_idle_vcpu(const struct vcpu *v)
{
	return v && v->domain == &idle_domain;
}

/* Each thread is a CPU, and gives its number back when it ends. */
static pthread_mutex_t cpus_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t cpus;
static bool is_cpu[CONFIG_NR_CPUS];

static void free_cpu(void *number)
{
	pthread_mutex_lock(&cpus_lock);
	is_cpu[(uintptr_t)number - 1] = false;
	pthread_mutex_unlock(&cpus_lock);
}

static void make_cpus(void)
{
	if (pthread_key_create(&cpus, free_cpu))
		abort();
}

unsigned int smp_processor_id(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uintptr_t number;

	pthread_once(&once, make_cpus);
	number = (uintptr_t)pthread_getspecific(cpus);
	if (number)
		return (unsigned int)number - 1;
	pthread_mutex_lock(&cpus_lock);
	while (number < CONFIG_NR_CPUS && is_cpu[number])
		number++;
	if (number == CONFIG_NR_CPUS)
		abort();
	is_cpu[number] = true;
	pthread_mutex_unlock(&cpus_lock);
	pthread_setspecific(cpus, (void *)(number + 1));
	return (unsigned int)number;
}

void process_pending_softirqs(void)
{
	check_context("process_pending_softirqs()");
	if (xen.on_softirq)
		xen.on_softirq(xen.softirq_arg);
}

unsigned int stand_in_softirq_pending(unsigned int cpu)
{
	(void)cpu;
	check_context("softirq_pending()");
	return is_preempted();
}

void tasklet_init(struct tasklet *t, void (*func)(void *data), void *data)
{
	*t = (struct tasklet){ .func = func, .data = data };
}

void tasklet_schedule(struct tasklet *t)
{
	check_context("tasklet_schedule()");
	pthread_mutex_lock(&tasklets_lock);
	if (!t->scheduled) {
		t->scheduled = true;
		t->next = tasklets;
		tasklets = t;
	}
	pthread_mutex_unlock(&tasklets_lock);
}

static struct tasklet *next_tasklet(void)
{
	struct tasklet *t;

	pthread_mutex_lock(&tasklets_lock);
	t = tasklets;
	if (t) {
		tasklets = t->next;
		t->scheduled = false;
	}
	pthread_mutex_unlock(&tasklets_lock);
	return t;
}

/* On this thread, as an idle vCPU of another CPU. */
static void run_tasklets(void)
{
	struct tasklet *t;

	pthread_mutex_lock(&tasklet_runs);
	while ((!xen.tasklet_runs || --xen.tasklet_runs) && (t = next_tasklet())) {
		running = &idle_vcpu;
		t->func(t->data);
		running = NULL;
		check_context("the end of a tasklet");
	}
	pthread_mutex_unlock(&tasklet_runs);
}

void tasklet_kill(struct tasklet *t)
{
	struct tasklet **at;

	check_context("tasklet_kill()");
	pthread_mutex_lock(&tasklet_runs);
	pthread_mutex_lock(&tasklets_lock);
	for (at = &tasklets; *at && *at != t; at = &(*at)->next)
		;
	if (*at)
		*at = t->next;
	t->scheduled = false;
	pthread_mutex_unlock(&tasklets_lock);
	pthread_mutex_unlock(&tasklet_runs);
}

void domain_pause_nosync(struct domain *d)
{
	check_context("domain_pause_nosync()");
	atomic_fetch_add(&d->own->pauses, 1);
}

void domain_pause(struct domain *d)
{
	if (running && running->domain == d)
		test_fail("domain_pause() of the vCPU's own domain");
	domain_pause_nosync(d);
	while (atomic_load(&d->own->inside))
		sched_yield();
}

void domain_unpause(struct domain *d)
{
	check_context("domain_unpause()");
	if (atomic_fetch_sub(&d->own->pauses, 1) == 0)
		test_fail("domain_unpause(): domain %u is not paused", d->domain_id);
}

static void enter_hypervisor(struct domain *d)
{
	for (;;) {
		atomic_fetch_add(&d->own->inside, 1);
		if (!atomic_load(&d->own->pauses))
			return;
		atomic_fetch_sub(&d->own->inside, 1);
		sched_yield();
	}
}

/* --- Pages --------------------------------------------------------------------- */

struct page_info *maddr_to_page(paddr_t ma)
{
	size_t first = 0;

	for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
		if (ma >= memory[i].base && ma - memory[i].base < memory[i].pages * XEN_PAGE)
			return &pages[first + (ma - memory[i].base) / XEN_PAGE];
		first += memory[i].pages;
	}
	test_fail("there is no page at 0x%llx", (unsigned long long)ma);
	return &pages[0];
}

static paddr_t maddr_of(const struct page_info *page)
{
	size_t at = (size_t)(page - pages);
	size_t i = 0;

	for (; at >= memory[i].pages; i++)
		at -= memory[i].pages;
	return memory[i].base + at * XEN_PAGE;
}

paddr_t page_to_maddr(const struct page_info *page)
{
	return maddr_of(page) + (page == xen.far_page ? xen.far_by : 0);
}

mfn_t maddr_to_mfn(paddr_t ma)
{
	return (mfn_t){ ma / XEN_PAGE };
}

/*
 * Where RAM ends, memory of others begins: a domain has a grant mapped right before and
 * right behind its own.
 */
static bool is_beside_ram(const struct stand_in_domain *own, unsigned long gfn)
{
	const struct test_guest *g = own->guest;

	return gfn == g->ipa / XEN_PAGE - 1 || gfn == g->ipa / XEN_PAGE + g->ram_pages;
}

static p2m_type_t type_of(const struct stand_in_domain *own, unsigned long gfn)
{
	if (gfn == own->special_gfn)
		return own->special_type;
	if (is_beside_ram(own, gfn))
		return p2m_grant_map_rw;
	switch (test_guest_kind(own->guest, (uint64_t)gfn * XEN_PAGE)) {
	case TEST_PAGE_RAM:
	case TEST_PAGE_RESERVED:
	case TEST_PAGE_PA0:
		return p2m_ram_rw;
	case TEST_PAGE_READONLY:
		return p2m_ram_ro;
	case TEST_PAGE_MMIO:
		return p2m_mmio_direct_c;
	case TEST_PAGE_HOLE:
	default:
		return p2m_invalid;
	}
}

/* A page that is not the domain's own RAM to write comes with a reference, too. */
static struct page_info *other_page(struct stand_in_domain *own, unsigned long gfn,
				    p2m_type_t type)
{
	struct page_info *page;

	if (type == p2m_invalid || (type >= p2m_mmio_direct_dev && type <= p2m_mmio_direct_c))
		return NULL;
	page = maddr_to_page(is_beside_ram(own, gfn) ? OTHERS_PAGE :
			     test_guest_pa(own->guest, (uint64_t)gfn * XEN_PAGE));
	atomic_fetch_add(&page->references, 1);
	atomic_fetch_add(&xen.references, 1);
	return page;
}

struct page_info *get_page_from_gfn(struct domain *d, unsigned long gfn, p2m_type_t *type,
				    p2m_query_t query)
{
	struct stand_in_domain *own = d->own;
	om_ipa_t ipa = { (uint64_t)gfn * XEN_PAGE };
	struct page_info *page;
	om_pa_t pa;

	(void)query;
	check_context("get_page_from_gfn()");
	*type = type_of(own, gfn);
	if (*type != p2m_ram_rw)
		return other_page(own, gfn, *type);
	if (xen.host->ops.pin(own->guest, &ipa, 1, &pa))
		return NULL;
	page = maddr_to_page(pa.raw);
	__atomic_store_n(&page->owner, d, __ATOMIC_RELAXED);
	return page;
}

void put_page(struct page_info *page)
{
	struct domain *owner = __atomic_load_n(&page->owner, __ATOMIC_RELAXED);
	om_pa_t pa = { maddr_of(page) };

	check_context("put_page()");
	if (atomic_load(&page->references)) {
		atomic_fetch_sub(&page->references, 1);
		atomic_fetch_sub(&xen.references, 1);
	} else if (owner) {
		xen.host->ops.unpin(owner->own->guest, &pa, 1);
	} else {
		test_fail("put_page(): 0x%llx has no reference", (unsigned long long)pa.raw);
	}
}

void *map_domain_page(mfn_t mfn)
{
	paddr_t ma = (paddr_t)mfn.m * XEN_PAGE;
	struct domain *owner = __atomic_load_n(&maddr_to_page(ma)->owner, __ATOMIC_RELAXED);

	check_context("map_domain_page()");
	if (!owner || !test_guest_pins_pa(owner->own->guest, ma))
		test_fail("map_domain_page(): 0x%llx is not pinned", (unsigned long long)ma);
	maps++;
	return test_host_peek(xen.host, ma);
}

void unmap_domain_page(const void *va)
{
	if ((uintptr_t)va % XEN_PAGE || maps != 1)
		test_fail("unmap_domain_page(): %p is not mapped", va);
	maps--;
}

void stand_in_racy_copy(void *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__atomic_store_n((uint8_t *)dst + i,
				 __atomic_load_n((const uint8_t *)src + i, __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
}

/* --- Heaps ----------------------------------------------------------------------- */

struct page_info *alloc_domheap_page(struct domain *d, unsigned int memflags)
{
	unsigned int bits = memflags >> 24;
	struct page_info *page;
	struct om_page shadow;

	check_context("alloc_domheap_page()");
	if (d)
		test_fail("alloc_domheap_page(): a shadow page is given to a domain");
	if ((bits && bits < xen.heap_bits) || allocation_fails() ||
	    xen.host->ops.page_alloc(xen.host, &shadow))
		return NULL;
	memset(shadow.va, JUNK, XEN_PAGE);
	page = maddr_to_page(shadow.pa.raw);
	page->va = shadow.va;
	return page;
}

void free_domheap_page(struct page_info *page)
{
	struct om_page shadow = { page->va, { page_to_maddr(page) } };

	check_context("free_domheap_page()");
	if (page->mapped || !page->va)
		test_fail("free_domheap_page(): 0x%llx is %s", (unsigned long long)shadow.pa.raw,
			  page->va ? "mapped" : "not allocated");
	page->va = NULL;
	xen.host->ops.page_free(xen.host, &shadow);
}

void *__map_domain_page_global(const struct page_info *page)
{
	struct page_info *p = &pages[page - pages];

	check_context("__map_domain_page_global()");
	if (!p->va || p->mapped)
		test_fail("__map_domain_page_global(): no page, or mapped already");
	if (allocation_fails())
		return NULL;
	p->mapped = true;
	atomic_fetch_add(&xen.mapped, 1);
	return p->va;
}

void unmap_domain_page_global(const void *va)
{
	for (size_t i = TEST_PA_PAGES; i < TEST_PA_PAGES + TEST_SHADOW_PAGES; i++)
		if (pages[i].mapped && pages[i].va == va) {
			pages[i].mapped = false;
			atomic_fetch_sub(&xen.mapped, 1);
			return;
		}
	test_fail("unmap_domain_page_global(): %p is not mapped", va);
}

void *stand_in_xvzalloc(size_t size, unsigned int align)
{
	void *va;

	check_context("xvzalloc()");
	if (allocation_fails())
		return NULL;
	va = aligned_alloc(align, (size + align - 1) / align * align);
	if (!va)
		abort();
	atomic_fetch_add(&xen.allocated, 1);
	return memset(va, 0, size);
}

void xvfree(void *va)
{
	check_context("xvfree()");
	if (va)
		atomic_fetch_sub(&xen.allocated, 1);
	free(va);
}

/* --- The secure world ----------------------------------------------------------------- */

void stand_in_smc(const uint64_t a[8], struct arm_smccc_res *res)
{
	struct om_regs regs;

	check_context("arm_smccc_smc()");
	memcpy(regs.a, a, sizeof(regs.a));
	xen.host->ops.smc(xen.host, &regs);
	*res = (struct arm_smccc_res){ regs.a[0], regs.a[1], regs.a[2], regs.a[3] };
}

/* --- Who calls the mediator, and when --------------------------------------------------- */

bool hypervisor_boot(struct test_host *host)
{
	memset(&xen, 0, sizeof(xen));
	memset(pages, 0, sizeof(pages));
	memset(key, 0, sizeof(key));
	xen.host = host;
	xen.optee_node = true;
	xen.heap_bits = CONFIG_OPTEE_MEDIATOR_PA_BITS;
	mediator = stand_in_tee_mediator.ops;
	return mediator->probe();
}

void hypervisor_halt(void)
{
	test_host_assert_balanced(xen.host);
	if (atomic_load(&xen.allocated))
		test_fail("%lld allocations left", (long long)atomic_load(&xen.allocated));
	if (atomic_load(&xen.mapped))
		test_fail("%lld pages are still mapped", (long long)atomic_load(&xen.mapped));
	if (atomic_load(&xen.references))
		test_fail("%lld references left", (long long)atomic_load(&xen.references));
	mediator = NULL;
}

static void free_domain(struct domain *d)
{
	if (d->arch.tee)
		test_fail("domain %u: the mediator's context is left", d->domain_id);
	test_guest_assert_balanced(d->own->guest);
	test_guest_free(d->own->guest);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (pages[i].owner == d)
			pages[i].owner = NULL;
	free(d->own);
}

/*
 * Without a TEE the other functions are called as well. When the creation fails,
 * the context goes first and the teardown, which must not be continued, comes last.
 */
int domain_create(domid_t id, uint16_t tee_type, size_t ram_pages, enum create how,
		  struct domain **out)
{
	struct stand_in_domain *own = calloc(1, sizeof(*own));
	struct domain *d;
	int rc = 0;

	if (!own)
		abort();
	d = &own->domain;
	d->domain_id = id;
	d->own = own;
	own->special_gfn = ~0ul;
	own->guest = test_guest_new(xen.host, id + 1u, ram_pages);
	for (int i = 0; i < 8; i++)
		own->vcpu[i] = (struct vcpu){ i, d };
	if (tee_type == stand_in_tee_mediator.tee_type)
		rc = mediator->domain_init(d);
	if (!rc && how == CREATE_WHOLE) {
		*out = d;
		return 0;
	}
	mediator->free_domain_ctx(d);
	if (how == CREATE_FAILS_LATE && mediator->domain_teardown(d))
		test_fail("domain_teardown of a domain that was never created does not end");
	free_domain(d);
	return rc ? rc : -EINVAL;
}

int domain_relinquish(struct domain *d)
{
	int rc;

	while ((rc = mediator->relinquish_resources(d)) == -ERESTART)
		;
	return rc;
}

uint32_t domain_kill(struct domain *d)
{
	uint32_t restarts = 0;
	int rc;

	while ((rc = mediator->domain_teardown(d)) == -ERESTART)
		restarts++;
	while (!rc && (rc = mediator->relinquish_resources(d)) == -ERESTART) {
		restarts++;
		rc = 0;
	}
	if (rc)
		test_fail("domain %u cannot be killed: %d", d->domain_id, rc);
	/* From here on Xen takes the pages back. */
	test_guest_assert_balanced(d->own->guest);
	mediator->free_domain_ctx(d);
	free_domain(d);
	return restarts;
}

register_t get_user_reg(struct cpu_user_regs *regs, int reg)
{
	return regs->x[reg];
}

void set_user_reg(struct cpu_user_regs *regs, int reg, register_t value)
{
	regs->x[reg] = value;
}

void domain_smc(struct domain *d, unsigned int vcpu, uint64_t x[8])
{
	struct cpu_user_regs regs;
	bool handled;

	for (uint64_t i = 0; i < 31; i++)
		regs.x[i] = i < 8 ? x[i] : i << 56;
	enter_hypervisor(d);
	running = &d->own->vcpu[vcpu];
	test_guest_enter(d->own->guest);
	handled = mediator->handle_call(&regs);
	test_guest_leave(d->own->guest);
	running = NULL;
	atomic_fetch_sub(&d->own->inside, 1);
	run_tasklets();
	if (!handled)
		regs.x[0] = OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
	check_context("the way back to the guest");
	for (uint64_t i = handled ? 4 : 1; i < 31; i++)
		if (regs.x[i] != (i < 8 ? x[i] : i << 56))
			test_fail("an SMC changes x%llu", (unsigned long long)i);
	memcpy(x, regs.x, 8 * sizeof(x[0]));
}
