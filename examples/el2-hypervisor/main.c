/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot; creation and destruction of guests.
 *
 * The boot arguments are words of text at BOOT_ARGS:
 *	smp		one guest with a vCPU on each core; default: two with one each
 *	one		one guest with one vCPU, on a machine with one core
 *	kill		guest 1 is killed in its first life, crashes in its second
 *	kill=N		as kill, at the N-th RPC that the guest has to serve
 *	after=TEXT	as kill, counted from when the guest has printed TEXT
 *	trace=N		print the trace of guest N
 *	only=NAME	run only the scenarios whose names begin with NAME
 *	bench=N		the guests measure: BENCH_COUNT, BENCH_RACE of guest_info.h
 *	pages=N		how many pages a guest may share, instead of the default
 *	record=BYTES	record all guests' calls into that much RAM: record.c
 *	linux=BYTES	the guests are Linux, with an initramfs of that size; when killed
 *			they are created again, and do not crash
 *	kernel=BYTES	Linux: the size of the kernel's file
 *	run1=WORDS	Linux: om.run on the kernel command line of guest 1
 *	run2=WORDS	the same of guest 2; without it, or with smp, there is one guest
 */
#include "hyp.h"

#define PSCI_SYSTEM_OFF	0x84000008
#define PSCI_CPU_ON	0xc4000003

#define HCR_EL2		(1ull << 0 |	/* VM: stage 2 */ \
			 1ull << 1 |	/* SWIO: set/way invalidation cleans as well */ \
			 7ull << 3 |	/* FMO, IMO, AMO: interrupts come here; also group 0, */ \
					/* or a guest could reach those of the secure world */ \
			 1ull << 19 |	/* TSC: SMCs come here */ \
			 1ull << 20 |	/* TIDCP, TACR: implementation-defined registers */ \
			 1ull << 21 | \
			 1ull << 31)	/* RW: EL1 is AArch64 */
#define SPSR_EL1H	0x3c5
#define SCTLR_EL1_RESET	0x30d00800

struct vcpu vcpus[CPUS];
struct guest guests[GUESTS];
unsigned int guest_count;
uint32_t trace_guest;

static unsigned int kill_at = 30;	/* the n-th RPC */
extern char start[], stacks_end[];

static unsigned int finished;	/* guests; atomic */

void power_off(void)
{
	uint64_t x[8] = { PSCI_SYSTEM_OFF };

	smc(x);
	for (;;)
		__asm__ volatile("wfi");
}

void fatal(const char *what)
{
	record_end();
	say("hypervisor: FAIL: %s\n", what);
	power_off();
	__builtin_unreachable();
}

void unexpected_exception(uint64_t esr, uint64_t elr, uint64_t far)
{
	say("hypervisor: exception at EL2: esr %lx elr %lx far %lx\n", esr, elr, far);
	fatal("unexpected exception");
}

/* ---- boot arguments ---- */

/* The text after an argument's name; NULL when there is no such argument. */
static const char *argument(const char *name)
{
	const char *s = (const char *)BOOT_ARGS;
	size_t i;

	while (*s) {
		for (i = 0; name[i] && s[i] == name[i]; i++)
			;
		if (!name[i])
			return s + i;
		while (*s && *s != ' ')
			s++;
		while (*s == ' ')
			s++;
	}
	return NULL;
}

static unsigned int number(const char *name)
{
	const char *s = argument(name);
	unsigned int n = 0;

	while (s && *s >= '0' && *s <= '9')
		n = n * 10 + (unsigned int)(*s++ - '0');
	return n;
}

/* ---- creation and destruction ---- */

/* Copies the conformance guest's image in, and fills in its guest_info. */
static void conformance_load(struct guest *g)
{
	stage2_write(g, GUEST_IMAGE_IPA, (const void *)GUEST_IMAGE, GUEST_IMAGE_SIZE);
	g->info->life = g->life;
	g->info->lives = g->lives;
	g->vcpu0->entry = GUEST_IMAGE_IPA;
	g->vcpu0->context = GUEST_INFO_IPA;
}

static void guest_start(struct guest *g)
{
	if (g->is_linux)
		linux_load(g, number("kernel="), number("linux="),
			   argument(g->id == 1 ? "run1=" : "run2="));
	else
		conformance_load(g);
	backend_create(g);
	g->moves = (struct moves){ 0 };
	vgic_start(g);
	g->stop = NULL;
	g->stopped_by = NULL;
	g->kill_in = g->lives > 1 && g->life == 0 ? kill_at : 0;
	g->kill_text = argument("after=");
	say("hypervisor: guest %u: %s, %u vCPU, %u MiB at IPA %x which is PA %lx, %lx, ...\n",
	    g->id, g->life ? "created again" : "created", g->vcpus,
	    (uint32_t)(g->ram_size >> 20),
	    GUEST_RAM_IPA, stage2_page(g, GUEST_RAM_IPA), stage2_page(g, GUEST_RAM_IPA + BLOCK));
	__atomic_store_n(&g->vcpu0->state, VCPU_ON, __ATOMIC_RELEASE);
	irq_kick(g->vcpu0->cpu);
}

/*
 * Stops a guest, in an exit of one of its vCPUs; vcpu_leave() completes it. False when
 * another vCPU has stopped it already.
 */
bool guest_stop(struct vcpu *v, const char *why)
{
	const char *running = NULL;

	if (!__atomic_compare_exchange_n(&v->guest->stop, &running, why, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return false;
	v->guest->stopped_by = v;
	return true;
}

/* Stops the guest's other vCPUs, also those that are in the secure world. */
static void stop_others(struct vcpu *v)
{
	unsigned int i;

	for (i = 0; i < v->guest->vcpus; i++) {
		struct vcpu *other = &v->guest->vcpu0[i];

		if (other == v)
			continue;
		irq_kick(other->cpu);
		while (__atomic_load_n(&other->state, __ATOMIC_ACQUIRE) != VCPU_OFF)
			__asm__ volatile("yield");
	}
	/* Another vCPU may have switched this one on meanwhile. */
	__atomic_store_n(&v->state, VCPU_OFF, __ATOMIC_RELEASE);
}

static void print_counters(const struct guest *g)
{
	unsigned int i, to;

	for (i = 0; i < OM_COUNTERS; i++) {
		uint64_t n = om_guest_counter(g->om, (enum om_counter)i);

		if (n)
			say("hypervisor: guest %u: count %s %lu\n", g->id,
			    om_counter_name((enum om_counter)i), n);
	}
	/* Calls by the vCPU that they began on and the one that they ended on. */
	for (i = 0; g->vcpus > 1 && i < g->vcpus; i++)
		for (to = 0; to < g->vcpus; to++)
			say("hypervisor: guest %u: count cpu%u_to_cpu%u %lu\n", g->id, i, to,
			    g->moves.ended[i][to]);
}

static void verdict(void)
{
	const char *result = "pass";
	unsigned int i;

	for (i = 0; i < guest_count; i++)
		if (guests[i].failed)
			result = "FAIL";
	if (!backend_is_empty())
		fatal("memory is still held after the last guest's end");
	record_end();
	say("hypervisor: verdict: %s\n", result);
	power_off();
}

static void guest_end(struct vcpu *v)
{
	struct guest *g = v->guest;

	stop_others(v);
	guest_flush(g);
	say("hypervisor: guest %u: %s\n", g->id, g->stop);
	print_counters(g);
	backend_destroy(g);
	if (++g->life < g->lives && !g->done) {
		guest_start(g);
		return;
	}
	g->failed = !g->done || g->exit_code || g->life < g->lives;
	if (__atomic_add_fetch(&finished, 1, __ATOMIC_ACQ_REL) == guest_count)
		verdict();
}

/* ---- vCPUs ---- */

/* Sets the registers of a vCPU that is switched on, as PSCI demands. */
static void vcpu_begin(struct vcpu *v)
{
	v->frame = (struct frame){ .x = { v->context }, .elr = v->entry, .spsr = SPSR_EL1H };
	write_reg(sctlr_el1, SCTLR_EL1_RESET);
	write_reg(cpacr_el1, 0);
	write_reg(cntkctl_el1, 0);
	write_reg(mdscr_el1, 0);
	write_reg(vmpidr_el2, 0x80000000 | v->index);
	irq_reset_vcpu(v);
	stage2_use(v->guest);
}

/* Waits until the vCPU is switched on, and serves interrupts meanwhile. */
static void vcpu_wait(struct vcpu *v)
{
	while (__atomic_load_n(&v->state, __ATOMIC_ACQUIRE) == VCPU_OFF) {
		__asm__ volatile("wfi");
		irq_handle(v);
	}
	vcpu_begin(v);
}

/* True when the vCPU is neither in the guest nor in the secure world for it. */
static bool is_out(const struct vcpu *v)
{
	return __atomic_load_n(&v->state, __ATOMIC_ACQUIRE) == VCPU_OFF ||
	       __atomic_load_n(&v->held, __ATOMIC_SEQ_CST);
}

bool vcpus_hold(struct vcpu *v)
{
	struct guest *g = v->guest;
	struct vcpu *nobody = NULL;
	unsigned int i;

	if (!__atomic_compare_exchange_n(&g->holder, &nobody, v, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return false;
	for (i = 0; i < g->vcpus; i++) {
		struct vcpu *other = &g->vcpu0[i];

		if (other == v)
			continue;
		irq_kick(other->cpu);
		while (!is_out(other))
			__asm__ volatile("yield");
	}
	return true;
}

void vcpus_release(struct vcpu *v)
{
	__atomic_store_n(&v->guest->holder, NULL, __ATOMIC_RELEASE);
}

/*
 * Waits while another vCPU holds this one, and serves interrupts meanwhile. It checks for
 * a holder again after it has cleared `held`, because a new holder may have seen it set.
 */
static void wait_for_holder(struct vcpu *v)
{
	while (__atomic_load_n(&v->guest->holder, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&v->held, 1, __ATOMIC_RELEASE);
		if (irq_waiting())
			irq_handle(v);
		if (!__atomic_load_n(&v->guest->holder, __ATOMIC_ACQUIRE))
			__atomic_store_n(&v->held, 0, __ATOMIC_SEQ_CST);
	}
}

/* Before each entry of the guest: leaves it when the guest, or this vCPU, has to stop. */
void vcpu_leave(struct vcpu *v)
{
	wait_for_holder(v);
	if (!__atomic_load_n(&v->guest->stop, __ATOMIC_ACQUIRE) && v->state == VCPU_ON)
		return;
	vgic_leave(v);
	irq_reset_vcpu(v);
	__atomic_store_n(&v->state, VCPU_OFF, __ATOMIC_RELEASE);
	if (v->guest->stopped_by == v)
		guest_end(v);
	vcpu_wait(v);
}

/* ---- boot ---- */

/* Fills in the page that tells the conformance guest what a device tree tells Linux. */
static void make_info(struct guest *g)
{
	struct guest_info *info;
	const char *only = argument("only=");
	unsigned int n;

	info = (struct guest_info *)stage2_page(g, GUEST_INFO_IPA);
	__builtin_memset(info, 0, PAGE);
	info->id = g->id;
	info->vcpus = g->vcpus;
	info->trace = trace_guest;
	info->bench = number("bench=");
	backend_limits(info);
	info->host[0].base = GUEST_LOW;
	info->host[1].base = GUEST_HIGH;
	info->host[0].size = info->host[1].size = GUESTS * (GUEST_RAM_SIZE + BLOCK);
	/* The hypervisor itself, with the shadow pages. */
	info->host[2].base = (uintptr_t)start;
	info->host[2].size = (uintptr_t)stacks_end - (uintptr_t)start;
	for (n = 0; only && n < sizeof(info->only) - 1 && only[n] && only[n] != ' '; n++)
		info->only[n] = only[n];
	g->info = info;
}

static void make_guest(unsigned int i, unsigned int vcpu_count)
{
	struct guest *g = &guests[i];
	unsigned int n;

	g->id = i + 1;
	g->vcpus = vcpu_count;
	g->vcpu0 = &vcpus[i];
	g->is_linux = argument("linux=");
	g->ram_size = g->is_linux ? LINUX_RAM_SIZE : GUEST_RAM_SIZE;
	g->lives = i || !argument("kill") ? 1 : g->is_linux ? 2 : 3;
	for (n = 0; n < vcpu_count; n++) {
		g->vcpu0[n].guest = g;
		g->vcpu0[n].index = n;
	}
	stage2_build(g);
	if (!g->is_linux)
		make_info(g);
}

static void boot(void)
{
	unsigned int pages = number("pages=");
	bool smp = argument("smp");
	uint64_t x[8] = { PSCI_CPU_ON, 1, (uintptr_t)start_secondary, 1 };
	unsigned int i;

	say("hypervisor: at EL2, boot arguments: '%s'\n", (const char *)BOOT_ARGS);
	trace_guest = number("trace=");
	if (argument("kill="))
		kill_at = number("kill=");
	backend_init(argument("linux="), pages, number("record="));
	for (i = 0; i < CPUS; i++)
		vcpus[i].cpu = i;
	guest_count = smp || argument("one") || (argument("linux=") && !argument("run2=")) ?
		1 : GUESTS;
	for (i = 0; i < guest_count; i++)
		make_guest(i, smp ? CPUS : 1);
	if (!vcpus[1].guest)
		return;
	smc(x);
	if (x[0])
		fatal("the second core does not start");
}

/* start.S runs the vCPU of this core when this returns. */
void cpu_main(unsigned int cpu)
{
	struct vcpu *v = &vcpus[cpu];

	write_reg(tpidr_el2, v);
	irq_init(cpu);
	if (cpu == 0)
		boot();
	write_reg(hcr_el2, HCR_EL2);
	write_reg(cnthctl_el2, 1);	/* EL1 may read the counter, not use the timer */
	write_reg(cptr_el2, 0x33ff);	/* FP and SIMD are the guest's */
	write_reg(mdcr_el2, read_reg(pmcr_el0) >> 11 & 0x1f);	/* so are all event counters */
	isb();
	if (v->index == 0)
		guest_start(v->guest);
	vcpu_wait(v);
}
