/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <stdio.h>
#include <string.h>

#include <asm/tee/tee.h>

static char first_failure[256];

static void on_failure(const char *message)
{
	if (!first_failure[0])
		snprintf(first_failure, sizeof(first_failure), "%s", message);
}

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

static char *line_of_guest;

static void vm_log(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(line_of_guest, sizeof(((struct machine *)0)->line), "%s", line);
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
	first_failure[0] = '\0';
	line_of_guest = m->line;
	test_failures_reset();
	test_on_failure(on_failure);
	m->host = test_host_new();
	m->model = model_new(m->host, &config);
	assert_true(hypervisor_boot(m->host));
	atomic_store(&xen.preempt_every, m->options.preempt_every);
}

static void fill_platform(struct machine *m, struct guest *g)
{
	const struct test_guest *t = g->domain->own->guest;
	struct cg_platform *p = &g->platform;

	memset(p, 0, sizeof(*p));
	p->ctx = g;
	p->smc = vm_smc;
	p->log = vm_log;
	p->relax = m->options.relax;
	p->is_host_address = vm_is_host_address;
	p->ram = t->ram;
	p->ram_ipa = t->ipa;
	p->ram_size = (uint64_t)t->ram_pages * TEST_PAGE;
	p->hole_ipa = t->hole_ipa;
	p->readonly_ipa = t->readonly_ipa;
	p->mmio_ipa = t->mmio_ipa;
	p->reserved_ipa = t->reserved_ipa;
	p->limits.threads = CONFIG_OPTEE_MEDIATOR_THREADS;
	p->limits.buffers = CONFIG_OPTEE_MEDIATOR_BUFFERS;
	p->limits.rpc_args = CONFIG_OPTEE_MEDIATOR_THREADS;
	p->limits.pages = CONFIG_OPTEE_MEDIATOR_PAGES;
	p->limits.list_pages = (CONFIG_OPTEE_MEDIATOR_PAGES + OPTEE_MSG_LIST_ENTRIES - 1) /
			       OPTEE_MSG_LIST_ENTRIES + CONFIG_OPTEE_MEDIATOR_THREADS;
	p->limits.call_pages = CONFIG_OPTEE_MEDIATOR_CALL_PAGES;
	p->limits.mapped_pages = CONFIG_OPTEE_MEDIATOR_MAPPED_PAGES;
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
	if (model_violations(m->model))
		on_failure(model_violation(m->model, 0));
	model_free(m->model);
	test_host_free(m->host);
	if (first_failure[0])
		fail_msg("%s", first_failure);
}

uint64_t machine_vms_destroyed(struct machine *m)
{
	return model_smcs_of(m->model, OPTEE_SMC_VM_DESTROYED);
}
