/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes records: adds head and checksum, and puts them into a stream or a ring. See record.h.
 * Knows nothing of what a record means.
 */
#include "recording.h"

_Static_assert(sizeof(struct om_record_head) == 12, "the format: a head has 12 bytes");

#define HEAD_SUMMED	offsetof(struct om_record_head, checksum)

static inline uint64_t add_word(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * OM_RECORD_FACTOR;
	return sum ^ sum >> 32;
}

uint64_t om_record_checksum(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t word;

	for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
		om_copy(&word, at, sizeof(word));
		sum = add_word(sum, word);
	}
	if (!len)
		return sum;
	word = 0;
	om_copy(&word, at, len);
	return add_word(sum, word);
}

/* Copies out of the ring. `from` counts the bytes ever written to it. */
static void ring_get(const struct om_recorder *r, uint64_t from, void *bytes, size_t len)
{
	size_t at = (size_t)(from % r->config.ring_size);
	size_t first = r->config.ring_size - at;

	if (first > len)
		first = len;
	om_copy(bytes, (const uint8_t *)r->config.ring + at, first);
	om_copy((uint8_t *)bytes + first, r->config.ring, len - first);
}

static void ring_put(struct om_recorder *r, const void *bytes, size_t len)
{
	size_t at = (size_t)(r->head % r->config.ring_size);
	size_t first = r->config.ring_size - at;

	if (first > len)
		first = len;
	om_copy((uint8_t *)r->config.ring + at, bytes, first);
	om_copy(r->config.ring, (const uint8_t *)bytes + first, len - first);
	r->head += len;
}

/* Drops the oldest records, whole ones, so that the ring always begins with a record. */
static void ring_make_room(struct om_recorder *r, size_t len)
{
	while (r->head + len - r->tail > r->config.ring_size) {
		uint16_t size;

		ring_get(r, r->tail, &size, sizeof(size));
		r->tail += size;
	}
}

static void put(struct om_recorder *r, const void *bytes, size_t len)
{
	if (r->config.write)
		r->config.write(r->config.host, bytes, len);
	else
		ring_put(r, bytes, len);
}

void om_recorder_append(struct om_recorder *r, uint8_t cpu, enum om_record_kind kind,
		   const struct om_piece *pieces, uint32_t n)
{
	struct om_record_head head = { .kind = (uint8_t)kind, .cpu = cpu,
				       .sequence = ++r->sequence };
	size_t size = sizeof(head);
	uint64_t sum;
	uint32_t i;

	for (i = 0; i < n; i++)
		size += pieces[i].len;
	head.size = (uint16_t)size;
	sum = om_record_checksum(0, &head, HEAD_SUMMED);
	for (i = 0; i < n; i++)
		sum = om_record_checksum(sum, pieces[i].bytes, pieces[i].len);
	head.checksum = (uint32_t)sum;
	if (!r->config.write)
		ring_make_room(r, size);
	put(r, &head, sizeof(head));
	for (i = 0; i < n; i++)
		if (pieces[i].len)
			put(r, pieces[i].bytes, pieces[i].len);
	r->noes[cpu] = 0;
}

/* What follows the magic of every recording. */
struct beginning {
	struct om_record_head head;
	struct om_record_begin body;
};

static struct beginning beginning(const struct om_recorder *r)
{
	struct beginning b = {
		.head = { .size = sizeof(b), .kind = OM_RECORD_BEGIN },
		.body = {
			.version = OM_RECORD_VERSION,
			.made_by = OM_VERSION_MAJOR * 0x10000u + OM_VERSION_MINOR * 0x100u +
				   OM_VERSION_PATCH,
			.flags = (r->ops.should_yield ? OM_RECORD_HAS_YIELD : 0) |
				 (r->ops.notify ? OM_RECORD_HAS_NOTIFY : 0) |
				 (r->ops.authorize ? OM_RECORD_HAS_AUTHORIZE : 0) |
				 (r->ops.alias ? OM_RECORD_HAS_ALIAS : 0) |
				 (r->config.clock ? OM_RECORD_HAS_CLOCK : 0) |
				 (r->config.write ? 0 : OM_RECORD_IS_RING),
			.pages_lost = r->pages_lost,
		},
	};

	b.head.checksum = (uint32_t)om_record_checksum(
		om_record_checksum(0, &b.head, HEAD_SUMMED), &b.body, sizeof(b.body));
	return b;
}

_Static_assert(sizeof(struct beginning) == sizeof(struct om_record_head) +
					   sizeof(struct om_record_begin),
	       "the format: nothing between head and body");

void om_record_dump(struct om_recorder *r,
		    void (*write)(void *arg, const void *bytes, size_t len), void *arg)
{
	struct beginning b;
	size_t at, left, first;

	if (r->config.write)
		return;
	om_recorder_lock(r);
	b = beginning(r);
	write(arg, OM_RECORD_MAGIC, sizeof(OM_RECORD_MAGIC) - 1);
	write(arg, &b, sizeof(b));
	at = (size_t)(r->tail % r->config.ring_size);
	left = (size_t)(r->head - r->tail);
	first = r->config.ring_size - at;
	if (first > left)
		first = left;
	write(arg, (const uint8_t *)r->config.ring + at, first);
	write(arg, r->config.ring, left - first);
	om_recorder_unlock(r);
}

void om_recorder_begin(struct om_recorder *r)
{
	const struct beginning b = beginning(r);

	put(r, OM_RECORD_MAGIC, sizeof(OM_RECORD_MAGIC) - 1);
	put(r, &b, sizeof(b));
}
