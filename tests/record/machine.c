/* SPDX-License-Identifier: BSD-2-Clause */
/* See machine.h. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

const struct om_limits limits = {
	.threads = 2, .buffers = 8, .rpc_args = 2, .pages = 256, .list_pages = 4,
};

void bytes_put(void *arg, const void *from, size_t len)
{
	struct bytes *bytes = arg;

	assert_true(bytes->used + len <= sizeof(bytes->at));
	memcpy(bytes->at + bytes->used, from, len);
	bytes->used += len;
}

static struct machine *current;

static void write_stream(void *host, const void *from, size_t len)
{
	(void)host;
	bytes_put(current->stream, from, len);
}

static uint64_t clock_of(void *host)
{
	(void)host;
	return current->time += 1000;
}

static void smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	struct machine *m = ctx;
	struct om_regs regs;

	memcpy(regs.a, x, sizeof(regs.a));
	test_guest_enter(m->guest);
	om_record_guest_call(&m->recorded, vcpu, &regs);
	test_guest_leave(m->guest);
	memcpy(x, regs.a, sizeof(regs.a));
}

struct machine *machine_new(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));

	*state = current = m;
	m->host = test_host_new();
	m->model = model_new(m->host, NULL);
	m->guest = test_guest_new(m->host, 1, RAM_PAGES);
	m->memory = aligned_alloc(OM_GUEST_ALIGN, om_guest_size(&limits));
	m->stream = calloc(1, sizeof(*m->stream));
	m->config = (struct om_record_config){
		.ops = &m->host->ops, .host = m->host, .write = write_stream,
		.pages = m->page, .page_count = PAGES, .clock = clock_of,
	};
	return m;
}

void machine_start(struct machine *m)
{
	assert_int_equal(om_record_init(&m->recorder, &m->config), OM_OK);
	assert_int_equal(om_record_mediator_init(&m->recorder, &m->mediator), OM_OK);
	assert_int_equal(om_record_guest_create(&m->recorder, &m->recorded, &m->mediator, 1,
						&limits, m->guest, m->memory,
						om_guest_size(&limits)), OM_OK);
	m->platform = (struct cg_platform){
		.ctx = m, .smc = smc, .ram = m->guest->ram, .ram_ipa = m->guest->ipa,
		.ram_size = (uint64_t)RAM_PAGES * TEST_PAGE, .vcpus = 1,
		.limits = { limits.threads, limits.buffers, limits.rpc_args, limits.pages,
			    limits.list_pages, limits.call_pages, limits.mapped_pages },
	};
	m->client = calloc(1, sizeof(*m->client));
	cg_memory_init(m->client, &m->platform);
}

void machine_end(struct machine *m)
{
	enum om_result result;

	do
		result = om_record_guest_destroy(&m->recorded);
	while (result == OM_AGAIN);
	assert_int_equal(result, OM_OK);
}

void converse(struct machine *m)
{
	struct cg_buf buf;
	uint32_t session;

	assert_int_equal(cg_open(m->client, cg_uuid_model, &session), TEEC_SUCCESS);
	assert_true(cg_buf_make(m->client, &buf, 10000, 0));
	assert_int_equal(cg_register(m->client, &buf), TEEC_SUCCESS);
	assert_int_not_equal(cg_register(m->client, &buf), TEEC_SUCCESS);
	assert_int_equal(cg_unregister(m->client, buf.cookie), TEEC_SUCCESS);
	assert_int_equal(cg_close(m->client, session), TEEC_SUCCESS);
}

int machine_free(void **state)
{
	struct machine *m = *state;

	model_free(m->model);
	test_host_free(m->host);
	free(m->memory);
	free(m->client);
	free(m->stream);
	free(m);
	return 0;
}

enum reading bytes_parse(struct recording *r, const struct bytes *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, bytes->at, size);
	return recording_parse(r, "test", copy, size, false);
}

struct recording bytes_read(const struct bytes *bytes, size_t size, enum reading expected)
{
	struct recording r;

	assert_int_equal(bytes_parse(&r, bytes, size), expected);
	return r;
}

void sum_again(struct bytes *bytes, const struct record *record)
{
	struct om_record_head head;
	uint64_t sum;

	memcpy(&head, bytes->at + record->at, sizeof(head));
	sum = om_record_checksum(0, &head, offsetof(struct om_record_head, checksum));
	sum = om_record_checksum(sum, bytes->at + record->at + sizeof(head), record->len);
	head.checksum = (uint32_t)sum;
	memcpy(bytes->at + record->at, &head, sizeof(head));
}

void ask_time(struct machine *m)
{
	struct cg_call c;
	uint32_t session;

	assert_int_equal(cg_open(m->client, cg_uuid_stats, &session), TEEC_SUCCESS);
	assert_true(cg_time_init(&c, m->client, session));
	cg_do(&c);
	assert_int_equal(cg_result(&c), TEEC_SUCCESS);
	cg_call_fini(&c);
	assert_int_equal(cg_close(m->client, session), TEEC_SUCCESS);
}
