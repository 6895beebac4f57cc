/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of the library that are recorded, as backend.c calls them.
 *
 * With OPTEE_MEDIATOR_RECORD they go through the recorder
 * (optee_mediator/record.h), which keeps what passed last in a ring; a key on
 * Xen's console writes the ring there. Without they are the library's own.
 */
#ifndef OPTEE_MEDIATOR_XEN_RING_H
#define OPTEE_MEDIATOR_XEN_RING_H

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/record.h>

/*
 * Of each domain: enough for all pages in one list, and for a list that is not
 * full in each call.
 */
#define LIST_PAGES (DIV_ROUND_UP(CONFIG_OPTEE_MEDIATOR_PAGES, \
                                 OPTEE_MSG_LIST_ENTRIES) + \
                    CONFIG_OPTEE_MEDIATOR_THREADS)

/* g->guest is the domain's guest. */

#ifdef CONFIG_OPTEE_MEDIATOR_RECORD

enum om_result ring_mediator_init(struct om_mediator *m,
                                  const struct om_host_ops *ops);
enum om_result ring_guest_create(struct om_record_guest *g,
                                 struct om_mediator *m, uint32_t id,
                                 const struct om_limits *limits, void *ctx,
                                 void *mem, size_t size);

#define ring_guest_call(g, vcpu, regs) om_record_guest_call(g, vcpu, regs)
#define ring_guest_reset(g) om_record_guest_reset(g)
#define ring_guest_destroy(g) om_record_guest_destroy(g)

#else

#define ring_mediator_init(m, ops) om_mediator_init(m, ops, NULL)
#define ring_guest_create(g, m, id, limits, ctx, mem, size) \
    om_guest_create(m, id, limits, ctx, mem, size, &(g)->guest)
#define ring_guest_call(g, vcpu, regs) om_guest_call((g)->guest, vcpu, regs)
#define ring_guest_reset(g) om_guest_reset((g)->guest)
#define ring_guest_destroy(g) om_guest_destroy((g)->guest)

#endif

#endif
