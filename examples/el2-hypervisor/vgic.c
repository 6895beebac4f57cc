/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt controller of a guest: a GICv3 whose distributor and redistributors are
 * emulated in memory. What a guest writes there selects which of its own interrupts it
 * gets; no write reaches the physical GIC. The CPU interface is the hardware's virtual
 * one, fed through list registers, which only the vCPU's own core can access. So code that
 * changes the interrupts of another vCPU kicks that vCPU's core, which then updates its
 * list registers.
 *
 * Not emulated, because neither Linux nor the conformance guest needs it: priorities
 * (all are equal), reading the active state, groups, the global enable bits, access to
 * another vCPU's SGIs and PPIs, and revoking a shared interrupt that is in another vCPU's
 * list register.
 */
#include "hyp.h"

/* System registers by encoding: older assemblers lack the names. */
#define ICH_HCR		s3_4_c12_c11_0
#define ICH_VTR		s3_4_c12_c11_1
#define ICH_VMCR	s3_4_c12_c11_7
#define ICH_LR0		s3_4_c12_c12_0
#define ICH_LR1		s3_4_c12_c12_1
#define ICH_LR2		s3_4_c12_c12_2
#define ICH_LR3		s3_4_c12_c12_3
#define LRS		4

#define HCR_ENABLE	(1ull << 0)
#define HCR_UNDERFLOW	(1ull << 1)	/* interrupt when at most one LR is in use */

#define LR_PENDING	(1ull << 62)
#define LR_STATE	(3ull << 62)
#define LR_HW		(1ull << 61)	/* deactivates the physical one, whose id is at bit 32 */
#define LR_GROUP1	(1ull << 60)
#define LR_PRIORITY	(0x80ull << 48)
#define LR_INTID(lr)	((uint32_t)(lr))

/* Registers of both: the distributor has words 1 and up, the redistributor word 0. */
#define ISENABLER	0x100
#define ICENABLER	0x180
#define ISPENDR		0x200
#define ICPENDR		0x280
#define ICFGR		0xc00
#define PIDR2		0xffe8
#define PIDR2_GICV3	0x30

#define GICD_CTLR	0x0
#define GICD_CTLR_VALUE	0x52		/* one security state, affinity routing, group 1 on */
#define GICD_TYPER	0x4
#define GICD_TYPER_VALUE (9u << 19 | (VGIC_WORDS - 1))	/* 10-bit INTIDs, so many words */

#define GICD_IROUTER	0x6000		/* 8 bytes for each interrupt, SGIs and PPIs too */

#define GICR_TYPER	0x8
#define GICR_TYPER_LAST	0x10

static uint64_t lr_read(unsigned int n)
{
	switch (n) {
	case 0: return read_sys(ICH_LR0);
	case 1: return read_sys(ICH_LR1);
	case 2: return read_sys(ICH_LR2);
	default: return read_sys(ICH_LR3);
	}
}

static void lr_write(unsigned int n, uint64_t v)
{
	switch (n) {
	case 0: write_sys(ICH_LR0, v); break;
	case 1: write_sys(ICH_LR1, v); break;
	case 2: write_sys(ICH_LR2, v); break;
	default: write_sys(ICH_LR3, v); break;
	}
}

static uint32_t bit(uint32_t intid)
{
	return 1u << intid % 32;
}

/* The state that a word of interrupts belongs to: the guest's or the vCPU's. */
static struct vgic *gic_of(struct vcpu *v, unsigned int word)
{
	return word ? &v->guest->gic : &v->gic;
}

static void kick_others(const struct vcpu *v)
{
	const struct vcpu *other = v->guest->vcpu0;

	for (; other < v->guest->vcpu0 + v->guest->vcpus; other++)
		if (other != v)
			irq_kick(other->cpu);
}

/*
 * The state that firmware would leave: notifications are enabled, so that a guest needs no
 * driver for the GIC, and go to its first vCPU. Nothing is pending.
 */
void vgic_start(struct guest *g)
{
	g->gic = (struct vgic){ 0 };
	g->gic.enabled[GUEST_NOTIFY_INTID / 32] |= bit(GUEST_NOTIFY_INTID);
}

void vgic_reset(struct vcpu *v)
{
	unsigned int n;

	if ((read_sys(ICH_VTR) & 0x1f) + 1 < LRS)
		fatal("the interrupt controller has fewer than four list registers");
	v->gic = (struct vgic){ 0 };
	v->gic.enabled[GUEST_TIMER_INTID / 32] |= bit(GUEST_TIMER_INTID);
	for (n = 0; n < LRS; n++)
		lr_write(n, 0);
	write_sys(ICH_VMCR, 0);
	write_sys(ICH_HCR, HCR_ENABLE);
	isb();
}

void vgic_raise(struct vcpu *v, uint32_t intid)
{
	__atomic_fetch_or(&gic_of(v, intid / 32)->pending[intid / 32], bit(intid),
			  __ATOMIC_RELEASE);
}

/* Raises OP-TEE's notification. Kicks all vCPUs, because the route may be changing. */
void vgic_notify(struct guest *g)
{
	vgic_raise(g->vcpu0, GUEST_NOTIFY_INTID);
	kick_others(g->vcpu0);
	irq_kick(g->vcpu0->cpu);
}

/* ---- list registers ---- */

/* Puts the interrupt into a list register; false when none is free. */
static bool queue(uint32_t intid)
{
	unsigned int n, at = LRS;
	uint64_t lr = LR_GROUP1 | LR_PRIORITY | intid;

	for (n = 0; n < LRS; n++) {
		uint64_t old = lr_read(n);

		if (!(old & LR_STATE)) {
			at = n;
		} else if (LR_INTID(old) == intid) {
			/* The guest still handles the last one: this one is pending behind it. */
			lr_write(n, old | LR_PENDING);
			return true;
		}
	}
	if (at == LRS)
		return false;
	/* The timer stays active until the guest deactivates it, so it does not storm. */
	if (intid == GUEST_TIMER_INTID)
		lr |= LR_HW | (uint64_t)intid << 32;
	lr_write(at, lr | LR_PENDING);
	return true;
}

/* Takes interrupts that the guest has not acknowledged out of the list registers. */
static void unqueue(struct vcpu *v, unsigned int word, uint32_t bits)
{
	unsigned int n;

	for (n = 0; n < LRS; n++) {
		uint64_t lr = lr_read(n);

		if ((lr & LR_PENDING) && LR_INTID(lr) / 32 == word && (bits & bit(LR_INTID(lr)))) {
			lr_write(n, lr & ~LR_PENDING);
			vgic_raise(v, LR_INTID(lr));
		}
	}
}

/* The vCPU is switched off: its shared interrupts go to the vCPUs they are routed to now. */
void vgic_leave(struct vcpu *v)
{
	unsigned int word;

	for (word = 1; word < VGIC_WORDS; word++)
		unqueue(v, word, ~0u);
	kick_others(v);
}

/* Clears the pending bit; false when another vCPU has done so before. */
static bool claim(struct vgic *gic, uint32_t intid)
{
	return __atomic_fetch_and(&gic->pending[intid / 32], ~bit(intid), __ATOMIC_ACQUIRE) &
	       bit(intid);
}

/* Before each entry of the guest: fills the list registers. */
void vgic_flush(struct vcpu *v)
{
	unsigned int word;
	bool more = false;

	for (word = 0; word < VGIC_WORDS; word++) {
		struct vgic *gic = gic_of(v, word);
		uint32_t bits = __atomic_load_n(&gic->pending[word], __ATOMIC_RELAXED) &
				__atomic_load_n(&gic->enabled[word], __ATOMIC_RELAXED);

		for (; bits; bits &= bits - 1) {
			uint32_t intid = word * 32 + (uint32_t)__builtin_ctz(bits);

			if (word && gic->route[intid] != v->index)
				continue;
			if (claim(gic, intid) && !queue(intid)) {
				vgic_raise(v, intid);
				more = true;
			}
		}
	}
	if (more)
		write_sys(ICH_HCR, HCR_ENABLE | HCR_UNDERFLOW);
}

/* The maintenance interrupt: list registers are free, and vgic_flush() will fill them. */
void vgic_maintain(void)
{
	write_sys(ICH_HCR, HCR_ENABLE);
}

/* ---- registers ---- */

/* Accesses enable or pending bits of 32 interrupts; other registers read as zero. */
static uint32_t access_bits(struct vcpu *v, uint64_t reg, unsigned int word, bool write,
			    uint32_t value)
{
	struct vgic *gic = gic_of(v, word);

	switch (reg) {
	case ISENABLER:
	case ICENABLER:
		if (write && reg == ISENABLER)
			__atomic_fetch_or(&gic->enabled[word], value, __ATOMIC_RELAXED);
		if (write && reg == ICENABLER) {
			__atomic_fetch_and(&gic->enabled[word], ~value, __ATOMIC_RELAXED);
			unqueue(v, word, value);
		}
		return gic->enabled[word];
	case ISPENDR:
	case ICPENDR:
		/* The timer's pending state is that of the physical one, to which it is tied. */
		if (word == GUEST_TIMER_INTID / 32)
			value &= ~bit(GUEST_TIMER_INTID);
		if (write && reg == ISPENDR)
			__atomic_fetch_or(&gic->pending[word], value, __ATOMIC_RELAXED);
		if (write && reg == ICPENDR) {
			unqueue(v, word, value);
			__atomic_fetch_and(&gic->pending[word], ~value, __ATOMIC_RELAXED);
		}
		return gic->pending[word];
	default:
		return 0;
	}
}

/* Accesses the registers that both have. first, last: the words that this one has. */
static uint32_t access_word(struct vcpu *v, uint64_t at, bool write, uint32_t value,
			    unsigned int first, unsigned int last)
{
	bool config = at - ICFGR < sizeof(v->gic.config);	/* 2 bits each, not 1 */
	unsigned int index = (unsigned int)(config ? at - ICFGR : at & 0x7f) / 4;
	unsigned int word = config ? index / 2 : index;

	if (word < first || word > last)
		return 0;
	if (!config)
		return access_bits(v, at & ~0x7full, word, write, value);
	if (write)
		gic_of(v, word)->config[index] = value;
	return gic_of(v, word)->config[index];
}

/* A vCPU's affinity is its index; a route to another affinity goes to the first vCPU. */
static uint64_t access_route(struct guest *g, uint64_t at, bool write, uint64_t value)
{
	uint8_t *route = &g->gic.route[(at - GICD_IROUTER) / 8 % sizeof(g->gic.route)];

	if (write && at % 8 == 0)
		*route = value < g->vcpus ? (uint8_t)value : 0;
	return at % 8 ? 0 : *route;
}

static uint64_t distributor(struct vcpu *v, uint64_t at, bool write, uint64_t value)
{
	if (at - GICD_IROUTER < 8 * sizeof(v->guest->gic.route))
		return access_route(v->guest, at, write, value);
	switch (at) {
	case GICD_CTLR:
		return GICD_CTLR_VALUE;
	case GICD_TYPER:
		return GICD_TYPER_VALUE;
	case PIDR2:
		return PIDR2_GICV3;
	}
	return access_word(v, at, write, (uint32_t)value, 1, VGIC_WORDS - 1);
}

uint64_t vgic_distributor(struct vcpu *v, uint64_t at, bool write, uint64_t value)
{
	uint64_t result = distributor(v, at, write, value);

	if (write)
		kick_others(v);
	return result;
}

/* The vCPU's affinity and number, and whether it is the last. */
static uint64_t redistributor_type(const struct guest *g, uint64_t index)
{
	return index << 32 | index << 8 | (index == g->vcpus - 1 ? GICR_TYPER_LAST : 0);
}

/*
 * The redistributors follow each other. Each has two frames of 64 KiB: one for itself, one
 * for SGIs and PPIs.
 */
uint64_t vgic_redistributor(struct vcpu *v, uint64_t at, bool write, uint64_t value)
{
	uint64_t index = at / GUEST_GICR_SIZE;

	at %= GUEST_GICR_SIZE;
	switch (at) {
	case GICR_TYPER:
		return redistributor_type(v->guest, index);
	case PIDR2:
		return PIDR2_GICV3;
	}
	if (at < GICR_SGI || index != v->index)
		return 0;
	return access_word(v, at - GICR_SGI, write, (uint32_t)value, 0, 0);
}

/* A write to ICC_SGI1R_EL1: an SGI to all other vCPUs, or to a list. */
void vgic_sgi(struct vcpu *v, uint64_t value)
{
	struct guest *g = v->guest;
	uint32_t intid = (uint32_t)(value >> 24) & 15;
	bool others = value >> 40 & 1;
	unsigned int i;

	for (i = 0; i < g->vcpus; i++)
		if (others ? i != v->index : value >> i & 1)
			vgic_raise(&g->vcpu0[i], intid);
	kick_others(v);
}
