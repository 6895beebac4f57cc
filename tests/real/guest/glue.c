/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest as an image of its own: it gives the scenarios what
 * tests/conformance/guest.h asks of a platform, runs them, adds what needs
 * interrupts or two vCPUs that really run at once, and says how it went.
 */
#include "bench.h"

#define TIMER_MICROSECONDS	700u
/* A trace takes its time: without this it would be all about interrupts. */
#define TRACED_MICROSECONDS	50000u
#define PSCI_CPU_ON		0xc4000003u

/* The interrupt controller's system registers, by encoding. */
#define ICC_PMR			"s3_0_c4_c6_0"
#define ICC_IAR1		"s3_0_c12_c12_0"
#define ICC_EOIR1		"s3_0_c12_c12_1"
#define ICC_IGRPEN1		"s3_0_c12_c12_7"

#define read_reg(reg)							\
	({								\
		uint64_t v_;						\
		__asm__ volatile("mrs %0, " reg : "=r"(v_));		\
		v_;							\
	})
#define write_reg(reg, v) \
	__asm__ volatile("msr " reg ", %0" : : "r"((uint64_t)(v)) : "memory")

static const struct guest_info *info;
static struct cg_platform platform;
static uint32_t interrupts;
uint32_t notifications;

/* ---- output ---- */

static void putc(char c)
{
	uint64_t x[8] = { HVC_PUTC, (uint8_t)c };

	hvc_call(x);
}

void say(const char *text)
{
	while (*text)
		putc(*text++);
}

static void say_base(uint64_t n, unsigned int base, unsigned int width)
{
	char digits[24];
	unsigned int i = 0;

	do
		digits[i++] = "0123456789abcdef"[n % base];
	while ((n /= base) != 0 || i < width);
	while (i)
		putc(digits[--i]);
}

void say_number(uint64_t n)
{
	say_base(n, 10, 1);
}

bool result(const char *name, bool good)
{
	say(good ? "ok " : "FAIL ");
	say(name);
	say("\n");
	return good;
}

/* ---- interrupts ---- */

static void timer_again(void)
{
	uint64_t us = info->trace ? TRACED_MICROSECONDS : TIMER_MICROSECONDS;

	write_reg("cntv_tval_el0", read_reg("cntfrq_el0") * us / 1000000);
	write_reg("cntv_ctl_el0", 1);
}

static void interrupts_on(void)
{
	write_reg(ICC_PMR, 0xff);
	write_reg(ICC_IGRPEN1, 1);
	timer_again();
	__asm__ volatile("isb; msr daifclr, #2" : : : "memory");
}

void guest_irq(void)
{
	uint64_t intid = read_reg(ICC_IAR1);

	if (intid == GUEST_TIMER_INTID) {
		__atomic_fetch_add(&interrupts, 1, __ATOMIC_RELAXED);
		timer_again();
		__asm__ volatile("isb" : : : "memory");
	} else if (intid == GUEST_NOTIFY_INTID) {
		__atomic_fetch_add(&notifications, 1, __ATOMIC_RELAXED);
	}
	if (intid < 1020)
		write_reg(ICC_EOIR1, intid);
}

uint64_t milliseconds(void)
{
	__asm__ volatile("isb" : : : "memory");
	return read_reg("cntvct_el0") / (read_reg("cntfrq_el0") / 1000);
}

void guest_fault(uint64_t esr, uint64_t elr, uint64_t far)
{
	uint64_t x[8] = { HVC_EXIT, 1 };

	say("FAIL exception: esr ");
	say_base(esr, 16, 1);
	say(" pc ");
	say_base(elr, 16, 1);
	say(" address ");
	say_base(far, 16, 1);
	say("\n");
	hvc_call(x);
}

/* ---- the other vCPU ---- */

static struct {
	void (*job)(void *arg);	/* NULL: idle; atomic */
	void *arg;
} other;

static unsigned int this_vcpu(void)
{
	return read_reg("mpidr_el1") & 0xff;
}

void guest_secondary(void)
{
	if (!info->bench)
		interrupts_on();
	for (;;) {
		void (*job)(void *) = __atomic_load_n(&other.job, __ATOMIC_ACQUIRE);

		if (!job)
			continue;
		job(other.arg);
		__atomic_store_n(&other.job, NULL, __ATOMIC_RELEASE);
	}
}

void other_wait(void)
{
	while (__atomic_load_n(&other.job, __ATOMIC_ACQUIRE))
		__asm__ volatile("yield");
}

void other_do(void (*job)(void *arg), void *arg)
{
	other_wait();
	other.arg = arg;
	__atomic_store_n(&other.job, job, __ATOMIC_RELEASE);
}

/* ---- the platform ---- */

static void smc_job(void *arg)
{
	smc_call(arg);
}

static void issue(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	(void)ctx;
	if (vcpu == this_vcpu()) {
		smc_call(x);
		return;
	}
	other_do(smc_job, x);
	other_wait();
}

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	say(line);
	putc('\n');
}

static void relax(void *ctx, unsigned int vcpu)
{
	(void)ctx, (void)vcpu;
	__asm__ volatile("yield");
}

static bool is_host_address(void *ctx, uint64_t value)
{
	(void)ctx;
	for (unsigned int i = 0; i < GUEST_RANGES; i++)
		if (value - info->host[i].base < info->host[i].size)
			return true;
	return false;
}

static void fill_platform(struct cg_platform *p)
{
	p->smc = issue;
	p->log = log_line;
	p->relax = relax;
	p->is_host_address = is_host_address;
	p->ram = (void *)GUEST_RAM_IPA;
	p->ram_ipa = GUEST_RAM_IPA;
	p->ram_size = GUEST_RAM_SIZE;
	p->all_ipa = GUEST_IMAGE_IPA;
	p->all_size = GUEST_RAM_IPA + GUEST_RAM_SIZE - GUEST_IMAGE_IPA;
	p->hole_ipa = GUEST_HOLE_IPA;
	p->readonly_ipa = GUEST_INFO_IPA;
	p->mmio_ipa = GUEST_DEVICE_IPA;
	p->reserved_ipa = GUEST_RESERVED_IPA;
	p->limits.threads = info->threads;
	p->limits.buffers = info->buffers;
	p->limits.rpc_args = info->rpc_args;
	p->limits.pages = info->pages;
	p->limits.list_pages = info->list_pages;
	p->limits.call_pages = info->call_pages;
	p->limits.mapped_pages = info->mapped_pages;
	/* Debian's OP-TEE for QEMU, built with NS virtualization. */
	p->secure_threads = 2;
	p->secure_pages = SECURE_PAGES;
	p->vcpus = info->vcpus;
	p->flags = CG_ASYNC_NOTIF | CG_INTERRUPTS | CG_NEW_DRIVER;
}

/* ---- the run ---- */

/* A guest that dies of itself while OP-TEE waits for its answer. */
static void crash_in_a_call(struct cg_guest *g)
{
	static struct cg_call c;
	uint32_t session;

	if (cg_open(g, cg_uuid_stats, &session) == TEEC_SUCCESS && cg_time_init(&c, g, session) &&
	    cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME)) {
		say("about to crash, with a call suspended\n");
		*(volatile uint32_t *)GUEST_HOLE_IPA = 1;
	}
	say("FAIL crash: still there\n");
}

static bool scenarios(void)
{
	struct cg_summary summary;
	uint64_t start = milliseconds();
	bool good = cg_run(&platform, info->only[0] ? info->only : NULL, &summary);

	say("summary: ");
	say_number(summary.passed);
	say(" passed, ");
	say_number(summary.failed);
	say(" failed, ");
	say_number(summary.skipped);
	say(" skipped; ");
	say_number(summary.checks);
	say(" checks, ");
	say_number(summary.unchecked);
	say(" unchecked; digest ");
	say_base(summary.digest, 16, 16);
	say("; ");
	say_number(milliseconds() - start);
	say(" ms, ");
	say_number(interrupts);
	say(" timer interrupts\n");
	return good;
}

void guest_main(const struct guest_info *given)
{
	uint64_t on[8] = { PSCI_CPU_ON, 1, (uintptr_t)start_secondary, 0 };
	struct cg_guest *g = (void *)GUEST_RAM_IPA;
	uint64_t leave[8] = { HVC_EXIT, 0 };
	bool good;

	info = given;
	fill_platform(&platform);
	cg_memory_init(g, &platform);
	if (!info->bench)
		interrupts_on();
	if (info->vcpus > 1)
		hvc_call(on);	/* by SMC it would be the firmware's where there is only native.c */
	if (info->lives > 1 && info->life == 1)
		crash_in_a_call(g);
	if (info->bench) {
		good = bench(g, &platform, info);
	} else if (info->trace && !info->only[0]) {
		good = check_conversation(g);
	} else if (info->pages > SECURE_PAGES) {
		good = check_heap(g);
	} else {
		good = scenarios();
		if (!info->only[0])
			good &= check_notification(g) &
				(info->vcpus == 1 || check_two_vcpus(g));
	}
	leave[1] = !good;
	hvc_call(leave);
}
