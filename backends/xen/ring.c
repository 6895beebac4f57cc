/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What passed last between all domains and OP-TEE, recorded, and written to the
 * console when a key is pressed there. See ring.h. All memory is static: the
 * recorder is there when there is none left.
 */

#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/sched.h>
#include <xen/softirq.h>
#include <xen/spinlock.h>
#include <xen/string.h>
#include <xen/time.h>

#include "ring.h"

#define KEY 'O'

/* What om_record_dump() puts in front of the ring's content. */
#define DUMP_HEAD (sizeof(OM_RECORD_MAGIC) - 1 + \
                   sizeof(struct om_record_head) + \
                   sizeof(struct om_record_begin))

#define SHADOW_PAGES (CONFIG_OPTEE_MEDIATOR_RECORD_DOMAINS * \
                      (2 * CONFIG_OPTEE_MEDIATOR_THREADS + LIST_PAGES))

static struct om_recorder recorder;
static struct om_record_page pages[SHADOW_PAGES];
static uint8_t ring[CONFIG_OPTEE_MEDIATOR_RECORD_KIB << 10];
static DEFINE_SPINLOCK(ring_lock);

/* What is being written to the console: the ring changes meanwhile. */
static uint8_t dump[DUMP_HEAD + sizeof(ring)];
static size_t dumped;
static bool dumping;

static uint64_t now(void *host)
{
    return NOW();
}

static uint32_t cpu(void *host)
{
    return smp_processor_id();
}

static void lock(void *host)
{
    spin_lock(&ring_lock);
}

static void unlock(void *host)
{
    spin_unlock(&ring_lock);
}

static void keep(void *arg, const void *bytes, size_t len)
{
    memcpy(dump + dumped, bytes, len);
    dumped += len;
}

/*
 * A console is slow, and calls go on: their lock is held while the ring is
 * copied, not while it is written. "xl debug-keys" comes here on any CPU.
 */
static void write_ring(unsigned char key)
{
    char line[OM_RECORD_LINE];
    size_t n;

    if ( test_and_set_bool(dumping) )
        return;

    dumped = 0;
    om_record_dump(&recorder, keep, NULL);

    for ( n = 0; om_record_line(dump, dumped, n, line); n++ )
    {
        printk("%s\n", line);
        process_pending_softirqs();
    }

    dumping = false;
}

enum om_result ring_mediator_init(struct om_mediator *m,
                                  const struct om_host_ops *ops)
{
    const struct om_record_config config = {
        .ops = ops,
        .ring = ring,
        .ring_size = sizeof(ring),
        .pages = pages,
        .page_count = SHADOW_PAGES,
        .clock = now,
        .cpu = cpu,
        .lock = lock,
        .unlock = unlock,
    };
    enum om_result result = om_record_init(&recorder, &config);

    if ( result == OM_OK )
        result = om_record_mediator_init(&recorder, m);

    if ( result == OM_OK )
        register_keyhandler(KEY, write_ring, "OP-TEE mediator: last calls",
                            false);

    return result;
}

enum om_result ring_guest_create(struct om_record_guest *g,
                                 struct om_mediator *m, uint32_t id,
                                 const struct om_limits *limits, void *ctx,
                                 void *mem, size_t size)
{
    return om_record_guest_create(&recorder, g, m, id, limits, ctx, mem, size);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
