/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/xen by itself: what the mediator does as domains are created, call, fail
 * and die, on the stand-in hypervisor. What guests can do to it is in
 * test_xen_conformance.c. Tests carry the invariant of docs/design.md they look after.
 */
#include "machine.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <asm/tee/tee.h>
#include <model/model_ta.h>
#include <optee_mediator/mediator.h>
#include <xen/config.h>
#include <xen/errno.h>

#define TEE	XEN_DOMCTL_CONFIG_TEE_OPTEE

/* One for each call, RPC argument and page of page lists; calls as OP-TEE has threads. */
static uint32_t shadows(struct machine *m)
{
	uint32_t threads = model_config(m->model)->threads;

	if (threads > CONFIG_OPTEE_MEDIATOR_THREADS)
		threads = CONFIG_OPTEE_MEDIATOR_THREADS;
	return threads + CONFIG_OPTEE_MEDIATOR_THREADS +
	       (CONFIG_OPTEE_MEDIATOR_PAGES + OPTEE_MSG_LIST_ENTRIES - 1) / OPTEE_MSG_LIST_ENTRIES +
	       CONFIG_OPTEE_MEDIATOR_THREADS;
}

/* --- The probe ----------------------------------------------------------------- */

TEST(mediator_goes_by_its_old_name_and_type)
{
	assert_string_equal(stand_in_tee_mediator.cmdline_name, "optee");
	assert_int_equal(stand_in_tee_mediator.tee_type, XEN_DOMCTL_CONFIG_TEE_OPTEE);
}

MACHINE_TEST(probe_without_a_node_does_not_call_the_secure_world)
{
	uint64_t before;

	before = model_smcs(m->model);
	assert_true(before > 0);
	xen.optee_node = false;
	assert_false(stand_in_tee_mediator.ops->probe());
	assert_int_equal(model_smcs(m->model), before);
}

MACHINE_TEST(probe_says_what_is_wrong_with_the_optee)
{
	model_config(m->model)->wrong_uid = true;
	assert_int_equal(atomic_load(&xen.lines), 0);
	assert_false(stand_in_tee_mediator.ops->probe());
	assert_int_equal(atomic_load(&xen.lines), 1);
	assert_non_null(strstr(console_line(), om_result_text(OM_ERR_NOT_OPTEE)));
}

/* --- Creation ---------------------------------------------------------------------- */

MACHINE_TEST(domain_without_optee_is_left_alone)
{
	uint64_t x[8] = { OPTEE_SMC_CALLS_UID };
	struct domain *d;
	uint64_t smcs;

	smcs = model_smcs(m->model);
	assert_int_equal(domain_create(1, XEN_DOMCTL_CONFIG_TEE_NONE, 16, CREATE_WHOLE, &d), 0);
	domain_smc(d, 0, x);
	assert_int_equal(x[0], OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	domain_kill(d);
	domain_create(1, XEN_DOMCTL_CONFIG_TEE_NONE, 16, CREATE_FAILS_SOON, &d);
	domain_create(1, XEN_DOMCTL_CONFIG_TEE_NONE, 16, CREATE_FAILS_LATE, &d);
	assert_int_equal(model_smcs(m->model), smcs);
}

/* Memory, then each shadow page and its mapping. */
MACHINE_TEST(creation_that_runs_out_of_memory_leaves_nothing)
{
	struct domain *d;
	uint64_t n = 1;
	int rc;

	for (;; n++) {
		atomic_store(&xen.fail_at, n);
		rc = domain_create(1, TEE, 16, CREATE_WHOLE, &d);
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(atomic_load(&xen.allocated), 0);
		assert_int_equal(atomic_load(&xen.mapped), 0);
		assert_int_equal(atomic_load(&m->host->shadow_pages), 0);
		assert_int_equal(model_smcs_of(m->model, OPTEE_SMC_VM_CREATED), 0);
	}
	assert_int_equal(n, 2 + 2 * shadows(m));
	domain_kill(d);
}

MACHINE_TEST(creation_that_optee_refuses_leaves_nothing)
{
	struct domain *d;

	model_refuse_vm(m->model, OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(domain_create(1, TEE, 16, CREATE_WHOLE, &d), -ENODEV);
	assert_non_null(strstr(console_line(), om_result_text(OM_ERR_REFUSED)));
	assert_int_equal(machine_vms_destroyed(m), 0);
}

/* OP-TEE is told, once, and the name is free again. */
MACHINE_TEST(creation_that_fails_later_is_undone)
{
	static const enum create how[] = { CREATE_FAILS_SOON, CREATE_FAILS_LATE };
	struct domain *d;

	for (unsigned int i = 0; i < 2; i++) {
		/* Somebody always wants the CPU, and it must not stop here for that. */
		atomic_store(&xen.preempt_every, i);
		assert_int_equal(domain_create(1, TEE, 16, how[i], &d), -EINVAL);
		assert_int_equal(machine_vms_destroyed(m), i + 1);
		assert_int_equal(model_vms(m->model), 0);
		assert_int_equal(atomic_load(&m->host->shadow_pages), 0);
		assert_int_equal(atomic_load(&xen.allocated), 0);
	}
	assert_int_equal(domain_create(1, TEE, 16, CREATE_WHOLE, &d), 0);
	domain_kill(d);
}

MACHINE_TEST(i2_shadow_pages_lie_where_optee_reaches)
{
	struct domain *d;

	xen.heap_bits = CONFIG_OPTEE_MEDIATOR_PA_BITS + 1;
	assert_int_equal(domain_create(1, TEE, 16, CREATE_WHOLE, &d), -ENOMEM);
	assert_true(atomic_load(&xen.lines) > 0);
	xen.heap_bits = CONFIG_OPTEE_MEDIATOR_PA_BITS;
	assert_int_equal(domain_create(1, TEE, 16, CREATE_WHOLE, &d), 0);
	domain_kill(d);
}

/* --- Calls ---------------------------------------------------------------------------- */

/* x4 to x30 are looked at by domain_smc(). */
MACHINE_TEST(results_go_to_the_first_four_registers)
{
	const uint64_t junk = 0xdeadull << 32;
	uint64_t x[8] = { junk | OPTEE_SMC_CALLS_UID, junk, junk, junk, 4, 5, 6, junk | 7 };

	machine_add(m, 0);
	machine_add(m, 1);
	for (unsigned int i = 0; i < DOMAINS; i++) {
		x[0] = junk | OPTEE_SMC_CALLS_UID;
		domain_smc(m->guest[i].domain, 3, x);
		assert_int_equal(x[0], OPTEE_MSG_UID_0);
		assert_int_equal(x[1], OPTEE_MSG_UID_1);
		assert_int_equal(x[2], OPTEE_MSG_UID_2);
		assert_int_equal(x[3], OPTEE_MSG_UID_3);
		/* Client 0 is the hypervisor; a7 is no guest's to choose. */
		assert_int_equal(model_last_smc(m->model).a[7], i + 1);
	}
	/* An FF-A call comes this way as well, and is nobody's. */
	x[0] = 0x84000063;
	domain_smc(m->guest[1].domain, 0, x);
	assert_int_equal(x[0], OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
}

MACHINE_TEST(notification_is_not_offered)
{
	uint32_t out[4];

	machine_add(m, 1);
	assert_int_equal(cg_fast(m->guest[1].cg, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, out),
			 OPTEE_SMC_RETURN_OK);
	assert_false(out[1] & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF);
	assert_true(out[1] & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM);
}

/* Of all types that Xen knows, in a message and in the middle of a page list. */
MACHINE_TEST(i2_only_ram_that_the_guest_may_write_is_pinned)
{
	struct guest *g = &m->guest[1];
	struct stand_in_domain *own;
	struct cg_buf b;

	machine_add(m, 1);
	own = g->domain->own;
	assert_true(cg_buf_make(g->cg, &b, 40 * TEST_PAGE, 0));
	for (p2m_type_t type = p2m_invalid; type <= p2m_iommu_map_ro; type++) {
		bool good = type == p2m_ram_rw;
		uint64_t page = *cg_buf_entry(g->cg, &b, 33);
		uint64_t x[8] = { OPTEE_SMC_CALL_WITH_ARG, page >> 32, (uint32_t)page };

		own->special_gfn = page / TEST_PAGE;
		own->special_type = type;
		assert_int_equal(cg_register(g->cg, &b),
				 good ? TEEC_SUCCESS : TEEC_ERROR_BAD_PARAMETERS);
		assert_int_equal(atomic_load(&own->guest->pinned), good ? 40 : 0);
		if (good)
			assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
		domain_smc(g->domain, 0, x);
		if (!good)
			assert_int_equal(x[0], OPTEE_SMC_RETURN_EBADADDR);
		assert_int_equal(atomic_load(&own->guest->pinned), 0);
		assert_int_equal(atomic_load(&xen.references), 0);
	}
	own->special_gfn = ~0ul;
}

/* In the model's place: an OP-TEE that does not let go of a guest. */
static void (*real_smc)(void *tee, struct om_regs *regs);

static void cling(void *tee, struct om_regs *regs)
{
	if (regs->a[0] == OPTEE_SMC_VM_DESTROYED)
		regs->a[0] = OPTEE_SMC_RETURN_EBUSY;
	else
		real_smc(tee, regs);
}

/* Whatever OP-TEE may go on to use stays with its domain. */
MACHINE_TEST(fault_a8_domain_that_optee_holds_on_to_stays)
{
	struct guest *g = &m->guest[1];
	struct cg_buf b;

	machine_add(m, 1);
	assert_true(cg_buf_make(g->cg, &b, 40 * TEST_PAGE, 0));
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	real_smc = m->host->smc;
	m->host->smc = cling;
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(domain_relinquish(g->domain), -EBUSY);
		assert_non_null(strstr(console_line(), om_result_text(OM_ERR_NOT_RELEASED)));
		assert_int_equal(atomic_load(&g->domain->own->guest->pinned), 40);
		assert_true(atomic_load(&m->host->shadow_pages) > 0);
	}
	m->host->smc = real_smc;
}

/* OP-TEE takes a fault at an address with more bits than it was built for. */
MACHINE_TEST(fault_a7_pages_out_of_optees_reach_are_not_shared)
{
	struct guest *g = &m->guest[1];
	struct cg_buf b;

	machine_add(m, 1);
	assert_true(cg_buf_make(g->cg, &b, 40 * TEST_PAGE, 0));
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t page = *cg_buf_entry(g->cg, &b, i ? 39 : 0);
		uint64_t x[8] = { OPTEE_SMC_CALL_WITH_ARG, page >> 32, (uint32_t)page };

		xen.far_page = maddr_to_page(test_guest_pa(g->domain->own->guest, page));
		xen.far_by = 1ull << CONFIG_OPTEE_MEDIATOR_PA_BITS;
		assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
		domain_smc(g->domain, 0, x);
		assert_int_equal(x[0], OPTEE_SMC_RETURN_EBADADDR);
		assert_int_equal(atomic_load(&g->domain->own->guest->pinned), 0);
	}
	xen.far_page = NULL;
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
}

/* In a debug build: one line, which Xen's rate limit for guests holds back. */
MACHINE_TEST(refusals_are_told_at_the_guests_log_level)
{
	uint64_t x[8] = { OPTEE_SMC_CALL_WITH_ARG, 0, 8 };

	machine_add(m, 1);
	domain_smc(m->guest[1].domain, 0, x);
	assert_int_equal(x[0], OPTEE_SMC_RETURN_EBADADDR);
	assert_int_equal(atomic_load(&xen.lines), 1);
	assert_memory_equal(console_line(), XENLOG_GUEST, strlen(XENLOG_GUEST));
}

/* --- Death ------------------------------------------------------------------------------ */

/* Buffers, a payload, and calls: one in an RPC, one interrupted, one in its lists. */
static void hold_everything(struct machine *m, struct guest *g, struct cg_call calls[3])
{
	struct cg_buf b;
	struct cg_call c;
	uint32_t session;

	assert_int_equal(cg_open(g->cg, cg_uuid_model, &session), TEEC_SUCCESS);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(cg_buf_make(g->cg, &b, 1 + i * 40 * TEST_PAGE, 0));
		assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	}
	assert_true(cg_invoke_init(&c, g->cg, session, MODEL_TA_PAYLOAD_KEEP));
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 20 * TEST_PAGE, 0, 0);
	cg_do(&c);
	assert_int_equal(cg_result(&c), TEEC_SUCCESS);

	assert_true(cg_invoke_init(&calls[0], g->cg, session, MODEL_TA_PAYLOAD));
	cg_set_value(&calls[0], 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 5 * TEST_PAGE, 0, 0);
	assert_true(cg_until_cmd(&calls[0], OPTEE_RPC_CMD_GET_TIME));

	/* A session serves one call at a time. */
	assert_int_equal(cg_open(g->cg, cg_uuid_model, &session), TEEC_SUCCESS);
	assert_true(cg_buf_make(g->cg, &b, 17 * TEST_PAGE, 8));
	assert_true(cg_invoke_init(&calls[1], g->cg, session, MODEL_TA_INTERRUPT));
	cg_set_value(&calls[1], 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1000, 0, 0);
	cg_set_tmem(&calls[1], 1, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG, &b);
	cg_start(&calls[1]);
	assert_int_equal(calls[1].a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);

	assert_true(cg_buf_make(g->cg, &b, 100 * TEST_PAGE, 0));
	assert_true(cg_call_init(&calls[2], g->cg, OPTEE_MSG_CMD_REGISTER_SHM, 1));
	cg_set_tmem(&calls[2], 0, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG, &b);
	atomic_store(&xen.preempt_every, 1);
	cg_start(&calls[2]);
	cg_serve(&calls[2]);
	cg_resume(&calls[2]);
	atomic_store(&xen.preempt_every, 0);
	assert_int_equal(calls[2].a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_true(atomic_load(&g->domain->own->guest->pinned) > 200);
	assert_int_equal(model_threads_in_use(m->model, 2), 2);
}

/*
 * Preempted at check n, n = 1 and up, until there are no more checks. That OP-TEE is
 * told before the first page is dropped (I4), the test host sees; that nothing is
 * dropped twice or left, it sees too.
 */
TEST(i4_killing_a_busy_domain_can_be_preempted_anywhere)
{
	const struct machine_options options = { .secure_threads = 3 };
	struct cg_call calls[3];
	uint64_t checks = 0;
	uint32_t pages = 0;
	struct machine m;

	for (uint64_t n = 0; n <= checks; n++) {
		uint32_t restarts;

		machine_begin(&m, &options);
		machine_add(&m, 1);
		hold_everything(&m, &m.guest[1], calls);
		atomic_store(&xen.preempt_checks, 0);
		atomic_store(&xen.preempt_at, n);
		restarts = machine_kill(&m, 1);
		assert_int_equal(restarts, n ? 1 : 0);
		assert_int_equal(machine_vms_destroyed(&m), 1);
		if (!n)
			checks = atomic_load(&xen.preempt_checks);
		pages = shadows(&m);
		machine_end(&m);
	}
	/* It asks often enough: after each batch of pins, each call, each page. */
	assert_true(checks > 200 / OM_PIN_BATCH + pages);
}

TEST(i5_killing_a_busy_domain_goes_on_step_by_step)
{
	const struct machine_options options = { .secure_threads = 3 };
	struct cg_call calls[3];
	struct machine m;

	for (uint32_t every = 1; every < 6; every++) {
		machine_begin(&m, &options);
		machine_add(&m, 1);
		hold_everything(&m, &m.guest[1], calls);
		atomic_store(&xen.preempt_every, every);
		assert_true(machine_kill(&m, 1) > shadows(&m) / every);
		assert_int_equal(machine_vms_destroyed(&m), 1);
		machine_end(&m);
	}
}

TEST(i11_one_domain_dies_and_the_other_goes_on)
{
	const struct machine_options options = { .secure_threads = 3 };
	struct cg_call calls[2][3];
	struct machine m;

	machine_begin(&m, &options);
	machine_add(&m, 0);
	machine_add(&m, 1);
	hold_everything(&m, &m.guest[1], calls[1]);
	machine_kill(&m, 1);
	/* Its number is given to the next one at once. */
	machine_add(&m, 1);
	hold_everything(&m, &m.guest[1], calls[1]);
	machine_kill(&m, 0);
	for (unsigned int i = 0; i < 3; i++) {
		cg_finish(&calls[1][i]);
		assert_int_equal(cg_result(&calls[1][i]), TEEC_SUCCESS);
	}
	machine_end(&m);
}

/* --- Another kernel --------------------------------------------------------------------- */

static void begin_driver(struct guest *g)
{
	assert_int_equal(cg_fast(g->cg, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, NULL),
			 OPTEE_SMC_RETURN_OK);
}

/* What the old kernel held goes back, however often that is preempted. */
TEST(fault_b5_new_kernel_resets_the_domain)
{
	const struct machine_options options = { .secure_threads = 3 };
	struct cg_call calls[3];
	struct machine m;

	for (uint32_t every = 0; every < 4; every++) {
		machine_begin(&m, &options);
		machine_add(&m, 1);
		begin_driver(&m.guest[1]);
		assert_int_equal(machine_vms_destroyed(&m), 0);
		hold_everything(&m, &m.guest[1], calls);
		atomic_store(&xen.preempt_every, every);
		begin_driver(&m.guest[1]);
		atomic_store(&xen.preempt_every, 0);
		assert_int_equal(machine_vms_destroyed(&m), 1);
		assert_int_equal(atomic_load(&m.guest[1].domain->own->guest->pinned), 0);
		/* The vCPUs go on, and so does OP-TEE, for this one and for the next kernel. */
		cg_memory_init(m.guest[1].cg, &m.guest[1].platform);
		hold_everything(&m, &m.guest[1], calls);
		begin_driver(&m.guest[1]);
		assert_int_equal(machine_vms_destroyed(&m), 2);
		machine_end(&m);
	}
}

/* OP-TEE does not take it back: the domain is without OP-TEE, and dies as any other. */
MACHINE_TEST(fault_b5_new_kernel_that_optee_refuses)
{
	uint32_t session;

	machine_add(m, 1);
	assert_int_equal(cg_open(m->guest[1].cg, cg_uuid_model, &session), TEEC_SUCCESS);
	model_answer_next(m->model, OPTEE_SMC_VM_CREATED, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	begin_driver(&m->guest[1]);
	assert_non_null(strstr(console_line(), om_result_text(OM_ERR_REFUSED)));
	assert_int_equal(cg_fast(m->guest[1].cg, OPTEE_SMC_CALLS_UID, 0, NULL),
			 OPTEE_SMC_RETURN_ENOTAVAIL);
}

/* A domain that is killed while it starts over: what is left of that is done by its end. */
TEST(fault_b5_domain_dies_while_it_starts_over)
{
	const struct machine_options options = { .secure_threads = 3 };
	struct cg_call calls[3];
	struct machine m;

	for (uint64_t n = 1; n < 8; n++) {
		machine_begin(&m, &options);
		machine_add(&m, 1);
		hold_everything(&m, &m.guest[1], calls);
		xen.tasklet_runs = (uint32_t)n;
		atomic_store(&xen.preempt_every, 1);
		begin_driver(&m.guest[1]);
		atomic_store(&xen.preempt_every, 0);
		machine_end(&m);
	}
}

/* Two vCPUs that begin at once, as a third one works: one reset, and all go on. */
struct beginner {
	pthread_t thread;
	struct machine *m;
	unsigned int vcpu;
};

static void *begin_again_and_again(void *arg)
{
	struct beginner *b = arg;

	for (uint32_t i = 0; i < 300; i++) {
		uint64_t x[8] = { b->vcpu ? OPTEE_SMC_EXCHANGE_CAPABILITIES :
					    OPTEE_SMC_CALL_WITH_ARG };

		domain_smc(b->m->guest[1].domain, b->vcpu, x);
	}
	return NULL;
}

TEST(fault_b5_vcpus_begin_at_once)
{
	struct beginner beginners[3];
	struct cg_call calls[3];
	struct machine m;

	machine_begin(&m, &(struct machine_options){ .secure_threads = 3 });
	machine_add(&m, 1);
	hold_everything(&m, &m.guest[1], calls);
	for (unsigned int i = 0; i < 3; i++) {
		beginners[i] = (struct beginner){ .m = &m, .vcpu = i };
		assert_int_equal(pthread_create(&beginners[i].thread, NULL, begin_again_and_again,
						&beginners[i]), 0);
	}
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(beginners[i].thread, NULL);
	assert_true(machine_vms_destroyed(&m) >= 1);
	assert_int_equal(atomic_load(&m.guest[1].domain->own->pauses), 0);
	machine_end(&m);
}

/* --- vCPUs at once -------------------------------------------------------------------------- */

#define VCPUS		3u
#define ITERATIONS	1000u

struct worker {
	pthread_t thread;
	struct guest *guest;
	unsigned int vcpu;
	uint32_t anomalies;
};

static void relax(void *ctx, unsigned int vcpu)
{
	(void)ctx;
	(void)vcpu;
	sched_yield();
}

static void *work(void *arg)
{
	struct worker *w = arg;

	w->anomalies = cg_stress(&w->guest->platform, w->vcpu,
				 1 + w->vcpu + (uintptr_t)w->guest->domain->domain_id * VCPUS,
				 ITERATIONS);
	return NULL;
}

TEST(i6_three_vcpus_of_two_domains_at_once)
{
	const struct machine_options options = { .secure_threads = 4, .interrupt_every = 5,
						 .preempt_every = 3, .vcpus = VCPUS,
						 .relax = relax };
	struct worker workers[DOMAINS * VCPUS];
	uint32_t anomalies = 0;
	struct machine m;

	machine_begin(&m, &options);
	for (unsigned int i = 0; i < DOMAINS; i++) {
		machine_add(&m, i);
		cg_stress_init(&m.guest[i].platform);
	}
	for (unsigned int i = 0; i < DOMAINS * VCPUS; i++) {
		workers[i].guest = &m.guest[i / VCPUS];
		workers[i].vcpu = i % VCPUS;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned int i = 0; i < DOMAINS * VCPUS; i++) {
		pthread_join(workers[i].thread, NULL);
		anomalies += workers[i].anomalies;
	}
	for (unsigned int i = 0; i < DOMAINS; i++) {
		const struct cg_guest *g = m.guest[i].platform.ram;

		anomalies += cg_stress_end(&m.guest[i].platform);
		if (g->anomalies)
			print_error("domain %u: %s line %u\n", i + 1, g->anomaly_file,
				    g->anomaly_line);
	}
	assert_int_equal(anomalies, 0);
	machine_end(&m);
}
