/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE for Xen's guests: a TEE mediator that links the library.
 *
 * There are two halves. The host operations (optee_mediator/host.h) give the
 * library Xen's memory, locks and SMCs; the mediator operations
 * (asm/tee/tee.h) pass the creation, calls and destruction of a domain to the
 * library. OP-TEE's protocol is the library's alone.
 */

#include <xen/device_tree.h>
#include <xen/domain_page.h>
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/sched.h>
#include <xen/softirq.h>
#include <xen/spinlock.h>
#include <xen/string.h>
#include <xen/tasklet.h>
#include <xen/xvmalloc.h>

#include <asm/event.h>
#include <asm/smccc.h>
#include <asm/tee/tee.h>

#include <optee_mediator/mediator.h>
#include <optee_mediator/trace.h>

#include "ring.h"

/* d->arch.tee, from domain_init() until relinquish_resources() is done. */
struct mediated_domain {
    struct domain *domain;
    struct om_record_guest guest;
    spinlock_t lock;
    /* Resets the domain's OP-TEE after its kernel has started another one. */
    struct tasklet reset;
    bool resetting;
    uint8_t memory[] __aligned(OM_GUEST_ALIGN);
};

static const struct om_limits limits = {
    .threads = CONFIG_OPTEE_MEDIATOR_THREADS,
    .buffers = CONFIG_OPTEE_MEDIATOR_BUFFERS,
    .rpc_args = CONFIG_OPTEE_MEDIATOR_THREADS,
    .pages = CONFIG_OPTEE_MEDIATOR_PAGES,
    .list_pages = LIST_PAGES,
    .call_pages = CONFIG_OPTEE_MEDIATOR_CALL_PAGES,
    .mapped_pages = CONFIG_OPTEE_MEDIATOR_MAPPED_PAGES,
    .sessions = CONFIG_OPTEE_MEDIATOR_SESSIONS,
};

static struct om_mediator mediator;

/* --- Host operations --- */

static void unpin(void *guest, const om_pa_t *pa, size_t n)
{
    while ( n-- )
        put_page(maddr_to_page(pa[n].raw));
}

/* OP-TEE takes a fault at an address with more bits than it was built for. */
static bool is_reachable(paddr_t pa)
{
    return !(pa >> CONFIG_OPTEE_MEDIATOR_PA_BITS);
}

/*
 * Refuses everything but p2m_ram_rw: a page that the guest may not write, and
 * a page of another domain (a grant or foreign mapping), whose owner could
 * take it back while OP-TEE uses it.
 */
static int pin(void *guest, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
    const struct mediated_domain *ctx = guest;
    size_t i;

    for ( i = 0; i < n; i++ )
    {
        p2m_type_t type;
        struct page_info *page = get_page_from_gfn(ctx->domain,
                                                   paddr_to_pfn(ipa[i].raw),
                                                   &type, P2M_ALLOC);

        if ( !page )
            break;

        if ( type != p2m_ram_rw || !is_reachable(page_to_maddr(page)) )
        {
            put_page(page);
            break;
        }

        pa[i].raw = page_to_maddr(page);
    }

    if ( i == n )
        return 0;

    unpin(guest, pa, i);

    return -EFAULT;
}

/*
 * If memcpy() is inlined, the compiler could read guest memory a second time
 * instead of the copy. The barriers prevent that.
 */
static int read_guest(void *guest, om_pa_t pa, void *dst, size_t len)
{
    const void *page = map_domain_page(maddr_to_mfn(pa.raw));

    barrier();
    memcpy(dst, page + (pa.raw & ~PAGE_MASK), len);
    barrier();
    unmap_domain_page(page);

    return 0;
}

static int write_guest(void *guest, om_pa_t pa, const void *src, size_t len)
{
    void *page = map_domain_page(maddr_to_mfn(pa.raw));

    barrier();
    memcpy(page + (pa.raw & ~PAGE_MASK), src, len);
    barrier();
    unmap_domain_page(page);

    return 0;
}

/*
 * The page belongs to no domain, so that no guest can map it. OP-TEE may have
 * been built for fewer address bits than the machine has.
 */
static int page_alloc(void *host, struct om_page *shadow)
{
    struct page_info *page =
        alloc_domheap_page(NULL, MEMF_bits(CONFIG_OPTEE_MEDIATOR_PA_BITS));

    if ( !page )
    {
        printk(XENLOG_WARNING
               "OP-TEE mediator: no free page below 2^%u: see OPTEE_MEDIATOR_PA_BITS\n",
               CONFIG_OPTEE_MEDIATOR_PA_BITS);
        return -ENOMEM;
    }

    shadow->va = __map_domain_page_global(page);
    if ( !shadow->va )
    {
        free_domheap_page(page);
        return -ENOMEM;
    }

    shadow->pa.raw = page_to_maddr(page);

    return 0;
}

static void page_free(void *host, const struct om_page *shadow)
{
    unmap_domain_page_global(shadow->va);
    free_domheap_page(maddr_to_page(shadow->pa.raw));
}

/* OP-TEE runs with interrupts enabled: it returns when one is pending. */
static void smc(void *host, struct om_regs *regs)
{
    struct arm_smccc_res res;

    arm_smccc_smc(regs->a[0], regs->a[1], regs->a[2], regs->a[3],
                  regs->a[4], regs->a[5], regs->a[6], regs->a[7], &res);

    regs->a[0] = res.a0;
    regs->a[1] = res.a1;
    regs->a[2] = res.a2;
    regs->a[3] = res.a3;
}

static void lock(void *guest)
{
    struct mediated_domain *ctx = guest;

    spin_lock(&ctx->lock);
}

static void unlock(void *guest)
{
    struct mediated_domain *ctx = guest;

    spin_unlock(&ctx->lock);
}

/* The reset runs on the idle vCPU, which has no events to check for. */
static bool should_yield(void *host)
{
    return is_idle_vcpu(current) ? softirq_pending(smp_processor_id())
                                 : hypercall_preempt_check();
}

#ifndef NDEBUG
/* Logs refusals at the log level of guests, whose rate Xen limits. */
static void log_refusal(void *guest, const struct om_trace_event *event)
{
    char line[200];

    if ( event->id != OM_TRACE_REFUSED )
        return;

    om_trace_text(event, line, sizeof(line));
    gdprintk(XENLOG_DEBUG, "OP-TEE mediator: %s\n", line);
}
#endif

/*
 * There is no notify: the device tree node of OP-TEE, with its interrupt, is
 * dom0's, and Xen routes that interrupt to dom0. So no domain is offered
 * notifications.
 */
static const struct om_host_ops host_ops = {
    .pin = pin,
    .unpin = unpin,
    .read = read_guest,
    .write = write_guest,
    .page_alloc = page_alloc,
    .page_free = page_free,
    .smc = smc,
    .lock = lock,
    .unlock = unlock,
    .should_yield = should_yield,
#ifndef NDEBUG
    .trace = log_refusal,
#endif
};

/* --- Mediator operations --- */

static bool probe(void)
{
    enum om_result result;

    if ( !dt_find_compatible_node(NULL, NULL, "linaro,optee-tz") )
        return false;

    result = ring_mediator_init(&mediator, &host_ops);
    if ( result != OM_OK )
        printk(XENLOG_ERR "OP-TEE mediator: %s\n", om_result_text(result));

    return result == OM_OK;
}

/*
 * Makes a step of the domain's reset while its vCPUs are paused, and schedules
 * itself for the next. It is a tasklet because a trap can neither wait for
 * other vCPUs nor be continued.
 */
static void reset_step(void *data)
{
    struct mediated_domain *ctx = data;
    enum om_result result;

    domain_pause(ctx->domain);
    result = ring_guest_reset(&ctx->guest);
    domain_unpause(ctx->domain);

    if ( result == OM_AGAIN )
    {
        tasklet_schedule(&ctx->reset);
        return;
    }

    if ( result != OM_OK )
        printk(XENLOG_WARNING "%pd: OP-TEE mediator: %s\n", ctx->domain,
               om_result_text(result));

    ctx->resetting = false;
    /* handle_call() has paused the domain as well. */
    domain_unpause(ctx->domain);
}

static int domain_init(struct domain *d)
{
    size_t size = om_guest_size(&limits);
    struct mediated_domain *ctx;
    enum om_result result;

    ctx = xvzalloc_flex_struct(struct mediated_domain, memory, size);
    if ( !ctx )
        return -ENOMEM;

    ctx->domain = d;
    spin_lock_init(&ctx->lock);
    tasklet_init(&ctx->reset, reset_step, ctx);

    /* Id 0 is the hypervisor itself. */
    result = ring_guest_create(&ctx->guest, &mediator, d->domain_id + 1,
                               &limits, ctx, ctx->memory, size);
    if ( result != OM_OK )
    {
        printk(XENLOG_WARNING "%pd: OP-TEE mediator: %s\n", d,
               om_result_text(result));
        xvfree(ctx);
        return result == OM_ERR_NO_MEMORY ? -ENOMEM : -ENODEV;
    }

    d->arch.tee = ctx;

    return 0;
}

/*
 * relinquish_resources() does everything: the vCPUs are stopped by then, and
 * the domain still has its pages.
 */
static int domain_teardown(struct domain *d)
{
    return 0;
}

static int relinquish_resources(struct domain *d)
{
    struct mediated_domain *ctx = d->arch.tee;
    enum om_result result;

    if ( !ctx )
        return 0;

    /* The vCPUs make no more calls, so nothing schedules the tasklet again. */
    tasklet_kill(&ctx->reset);

    result = ring_guest_destroy(&ctx->guest);
    if ( result == OM_AGAIN )
        return -ERESTART;

    /* The domain keeps its pages until OP-TEE has released it. */
    if ( result != OM_OK )
    {
        printk(XENLOG_ERR "%pd: OP-TEE mediator: %s\n", d,
               om_result_text(result));
        return -EBUSY;
    }

    XVFREE(d->arch.tee);

    return 0;
}

/*
 * Xen calls only this when a later step of the domain's creation fails. No
 * vCPU has run, so nothing is pinned and the loop is short. If OP-TEE does not
 * release the domain, the shadow pages are never freed.
 */
static void free_domain_ctx(struct domain *d)
{
    while ( relinquish_resources(d) == -ERESTART )
        ;
}

static bool handle_call(struct cpu_user_regs *regs)
{
    struct mediated_domain *ctx = current->domain->arch.tee;
    enum om_outcome outcome;
    struct om_regs args;
    unsigned int i;

    if ( !ctx )
        return false;

    for ( i = 0; i < ARRAY_SIZE(args.a); i++ )
        args.a[i] = get_user_reg(regs, i);

    outcome = ring_guest_call(&ctx->guest, current->vcpu_id, &args);
    if ( outcome == OM_NOT_HANDLED )
        return false;

    /* Only x0..x3 are results. */
    for ( i = 0; i < 4; i++ )
        set_user_reg(regs, i, args.a[i]);

    /* Pausing deschedules this vCPU, too, before it returns to the guest. */
    if ( outcome == OM_HANDLED_NEW_DRIVER &&
         !test_and_set_bool(ctx->resetting) )
    {
        domain_pause_nosync(current->domain);
        tasklet_schedule(&ctx->reset);
    }

    return true;
}

static const struct tee_mediator_ops mediator_ops = {
    .probe = probe,
    .domain_init = domain_init,
    .domain_teardown = domain_teardown,
    .relinquish_resources = relinquish_resources,
    .free_domain_ctx = free_domain_ctx,
    .handle_call = handle_call,
};

REGISTER_TEE_MEDIATOR(optee, "OP-TEE", XEN_DOMCTL_CONFIG_TEE_OPTEE,
                      &mediator_ops);

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
