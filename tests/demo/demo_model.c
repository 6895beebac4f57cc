/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scripts/demo --model: a guest's session with OP-TEE, mediated, as a conversation.
 *
 * The guest is the conformance guest's client, OP-TEE is the model, the library in
 * between is the real one; what is printed is its trace. Knows all three, decides
 * nothing.
 *
 *	demo_model [--mermaid] [--all]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/mediator.h>
#include <optee_mediator/trace.h>

#include "conformance/client.h"
#include "conformance/on_host.h"
#include "host/host.h"
#include "model/model.h"

#define RAM_PAGES	2048u
#define BUFFER_SIZE	10000u

static bool mermaid;	/* a Mermaid diagram instead of lines */
static bool all;	/* every event, not only the conversation */

struct demo {
	struct test_host *host;
	struct model *model;
	struct test_guest *guest;
	struct om_mediator mediator;
	struct cg_platform platform;
	struct cg_guest *client;
};

/* What is left out of the conversation: registers and states, shown by --all. */
static bool is_detail(uint32_t id)
{
	switch (id) {
	case OM_TRACE_SECURE_SMC:
	case OM_TRACE_SECURE_RETURN:
	case OM_TRACE_STATE:
		return true;
	default:
		return false;
	}
}

static void print_event(void *guest, const struct om_trace_event *event)
{
	char line[240];

	(void)guest;
	if (mermaid) {
		if (om_trace_mermaid(event, line, sizeof(line)))
			printf("    %s\n", line);
		return;
	}
	if (is_detail(event->id) && !all)
		return;
	om_trace_text(event, line, sizeof(line));
	printf("  %s\n", line);
}

static void say(const char *what)
{
	printf(mermaid ? "    Note over Guest: %s\n" : "\n== %s\n", what);
}

static bool fail(const char *what)
{
	fprintf(stderr, "demo: %s\n", what);
	return false;
}

static bool set_up(struct demo *d)
{
	static const struct om_limits limits = {
		.threads = 2, .buffers = 32, .rpc_args = 4, .pages = 256, .list_pages = 8,
	};
	enum om_result result;

	d->host = test_host_new();
	d->host->ops.trace = print_event;
	d->model = model_new(d->host, NULL);
	d->guest = test_guest_new(d->host, 1, RAM_PAGES);
	result = om_mediator_init(&d->mediator, &d->host->ops, d->host);
	if (result == OM_OK)
		result = test_guest_create(d->guest, &d->mediator, &limits);
	if (result != OM_OK)
		return fail(om_result_text(result));

	d->platform = on_host(d->guest, &limits);
	d->platform.vcpus = 1;
	d->client = malloc(sizeof(*d->client));
	memset(d->client, 0, sizeof(*d->client));
	cg_memory_init(d->client, &d->platform);
	return true;
}

static bool probe(struct cg_guest *g)
{
	say("The guest probes for OP-TEE, as Linux does");
	return cg_fast(g, OPTEE_SMC_CALLS_UID, 0, NULL) == OPTEE_MSG_UID_0 &&
	       cg_fast(g, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, NULL) == OPTEE_SMC_RETURN_OK;
}

static bool values(struct cg_guest *g, uint32_t session)
{
	uint64_t sum = 2;

	say("INVOKE_COMMAND with values: 2 + 3");
	return cg_add(g, session, &sum, 3) == TEEC_SUCCESS && sum == 5;
}

static bool memory(struct cg_guest *g, uint32_t session)
{
	struct cg_buf buf;
	uint8_t want, got = 0;
	bool ok;

	if (!cg_buf_make(g, &buf, BUFFER_SIZE, 16))
		return false;
	want = cg_buf_pattern(g, &buf, 7);
	say("REGISTER_SHM of three scattered pages, and OP-TEE sums them up");
	ok = cg_register(g, &buf) == TEEC_SUCCESS &&
	     cg_sum(g, session, &buf, 0, BUFFER_SIZE, &got) == TEEC_SUCCESS && got == want &&
	     cg_unregister(g, buf.cookie) == TEEC_SUCCESS;
	cg_buf_free(g, &buf);
	return ok;
}

static bool rpc(struct cg_guest *g)
{
	uint32_t session;
	struct cg_call call;
	bool ok;

	say("A call that makes OP-TEE ask the guest for the time: RPCs");
	if (cg_open(g, cg_uuid_stats, &session) != TEEC_SUCCESS ||
	    !cg_time_init(&call, g, session))
		return false;
	cg_do(&call);
	ok = cg_result(&call) == TEEC_SUCCESS;
	cg_call_fini(&call);
	return ok && cg_close(g, session) == TEEC_SUCCESS;
}

static bool hostile(struct cg_guest *g)
{
	say("A guest that tries: somebody else's call, VM_DESTROYED");
	return cg_fast(g, OPTEE_SMC_VM_DESTROYED, 1, NULL) == OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

static bool session(struct demo *d)
{
	struct cg_guest *g = d->client;
	uint32_t id;

	if (!probe(g))
		return fail("the probe failed");
	say("OPEN_SESSION with the invoke_tests pseudo-TA");
	if (cg_open(g, cg_uuid_invoke, &id) != TEEC_SUCCESS)
		return fail("the session was not opened");
	if (!values(g, id))
		return fail("2 + 3 is not 5");
	if (!memory(g, id))
		return fail("the sum over registered memory is wrong");
	if (!rpc(g))
		return fail("the call with RPCs failed");
	if (!hostile(g))
		return fail("a hypervisor's call was let through");
	say("CLOSE_SESSION");
	return cg_close(g, id) == TEEC_SUCCESS ? true : fail("the session was not closed");
}

static void print_counters(const struct om_guest *guest)
{
	if (mermaid)
		return;
	printf("\n== Counters of the guest\n");
	for (uint32_t i = 0; i < OM_COUNTERS; i++)
		if (om_guest_counter(guest, (enum om_counter)i))
			printf("  %-20s %llu\n", om_counter_name((enum om_counter)i),
			       (unsigned long long)om_guest_counter(guest, (enum om_counter)i));
}

int main(int argc, char **argv)
{
	struct demo d = { 0 };
	bool ok;

	for (int i = 1; i < argc; i++) {
		mermaid |= strcmp(argv[i], "--mermaid") == 0;
		all |= strcmp(argv[i], "--all") == 0;
	}
	if (mermaid)
		printf("sequenceDiagram\n    participant Guest\n    participant Mediator\n"
		       "    participant OPTEE\n");
	ok = set_up(&d) && session(&d);
	if (ok) {
		print_counters(d.guest->om);
		test_guest_destroy(d.guest);
		test_host_assert_balanced(d.host);
		model_assert_clean(d.model);
	}
	model_free(d.model);
	test_host_free(d.host);
	free(d.client);
	if (!mermaid)
		printf("\ndemo: %s\n", ok ? "pass: every step had its result, no page is held" : "FAIL");
	return ok ? 0 : 1;
}
