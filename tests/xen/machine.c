/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <string.h>

#include <asm/tee/tee.h>

#include <conformance/on_host.h>

static void vm_smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	const struct guest *g = ctx;

	domain_smc(g->domain, vcpu, x);
}

static bool vm_is_host_address(void *ctx, uint64_t value)
{
	(void)ctx;
	return test_host_is_host_address(xen.host, value);
}

/* A domain's own line is its test's to print. */
static void no_log(void *ctx, const char *line)
{
	(void)ctx, (void)line;
}

void machine_begin(struct machine *m, const struct machine_options *options)
{
	struct model_config config = model_config_default();

	memset(m, 0, sizeof(*m));
	if (options)
		m->options = *options;
	if (m->options.secure_threads)
		config.threads = m->options.secure_threads;
	config.interrupt_every = m->options.interrupt_every;
	test_collect_failures();
	m->host = test_host_new();
	m->model = model_new(m->host, &config);
	assert_true(hypervisor_boot(m->host));
	atomic_store(&xen.preempt_every, m->options.preempt_every);
}

static void fill_platform(struct machine *m, struct guest *g)
{
	static const struct om_limits limits = {
		.threads = CONFIG_OPTEE_MEDIATOR_THREADS,
		.buffers = CONFIG_OPTEE_MEDIATOR_BUFFERS,
		.rpc_args = CONFIG_OPTEE_MEDIATOR_THREADS,
		.pages = CONFIG_OPTEE_MEDIATOR_PAGES,
		.list_pages = (CONFIG_OPTEE_MEDIATOR_PAGES + OPTEE_MSG_LIST_ENTRIES - 1) /
			      OPTEE_MSG_LIST_ENTRIES + CONFIG_OPTEE_MEDIATOR_THREADS,
		.call_pages = CONFIG_OPTEE_MEDIATOR_CALL_PAGES,
		.mapped_pages = CONFIG_OPTEE_MEDIATOR_MAPPED_PAGES,
	};
	struct cg_platform *p = &g->platform;

	*p = on_host(g->domain->own->guest, &limits);
	p->ctx = g;
	p->smc = vm_smc;
	p->log = no_log;
	p->relax = m->options.relax;
	p->is_host_address = vm_is_host_address;
	p->secure_threads = model_config(m->model)->threads;
	p->vcpus = m->options.vcpus ? m->options.vcpus : 4;
	p->flags = CG_MODEL_TA | CG_NEW_DRIVER | (m->options.interrupt_every ? CG_INTERRUPTS : 0);
}

void machine_add(struct machine *m, unsigned int i)
{
	struct guest *g = &m->guest[i];

	assert_int_equal(domain_create((domid_t)i, XEN_DOMCTL_CONFIG_TEE_OPTEE, DOMAIN_PAGES,
				       CREATE_WHOLE, &g->domain), 0);
	fill_platform(m, g);
	g->cg = g->platform.ram;
	cg_memory_init(g->cg, &g->platform);
}

uint32_t machine_kill(struct machine *m, unsigned int i)
{
	uint32_t restarts = domain_kill(m->guest[i].domain);

	m->guest[i].domain = NULL;
	assert_false(model_vm_exists(m->model, i + 1));
	return restarts;
}

void machine_end(struct machine *m)
{
	for (unsigned int i = 0; i < DOMAINS; i++)
		if (m->guest[i].domain)
			machine_kill(m, i);
	hypervisor_halt();
	assert_int_equal(model_vms(m->model), 0);
	model_assert_clean(m->model);
	model_free(m->model);
	test_host_free(m->host);
	if (test_first_failure())
		fail_msg("%s", test_first_failure());
}

uint64_t machine_vms_destroyed(struct machine *m)
{
	return model_smcs_of(m->model, OPTEE_SMC_VM_DESTROYED);
}
