/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything at once: vCPUs that open, share, call, cancel and close, more of them
 * than workers and registrations, while the VMM takes memory from under the guest
 * and gives it back. Each vCPU checks that its data comes back as it must. For the
 * thread sanitizer above all.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define VCPUS		6u
#define ROUNDS		150u
#define PAGES		6u		/* of a buffer */
#define PLUG_ID		9u
#define PLUG_GPA	0x40000000u
#define PLUG_SIZE	(64u * PAGE)

static struct rig rig;
static uint32_t stop;

struct vcpu {
	pthread_t thread;
	uint32_t slot;
	uint32_t seed;
	uint32_t cancelled;
};

/* cmocka's checks are for one thread only. */
#define MUST(condition) do { \
	if (!(condition)) { \
		fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
		abort(); \
	} \
} while (0)

static uint32_t draw(struct vcpu *v, uint32_t n)
{
	v->seed = v->seed * 1664525u + 1013904223u;
	return (v->seed >> 8) % n;
}

static uint32_t open_session(struct vcpu *v)
{
	struct message *m = rig_message(&rig, v->slot, OPTEE_MSG_CMD_OPEN_SESSION, 2);

	m->param[0].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	m->param[1].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	memcpy(m->param[0].u.octets, fake_ta_uuid, 16);
	MUST(rig_call(&rig, v->slot) == OPTEE_SMC_RETURN_OK && m->hdr.ret == TEEC_SUCCESS);
	return m->hdr.session;
}

/* A buffer of the vCPU's own pages, in order or not, in either memory. */
static void share(struct vcpu *v, uint64_t *pages, uint64_t cookie)
{
	uint64_t base = draw(v, 2) ? DATA : PRIVATE_GPA;
	struct message *m;

	rig_pages(pages, base + v->slot * PAGES * PAGE, PAGES, draw(v, 2));
	do {
		m = rig_message(&rig, v->slot, OPTEE_MSG_CMD_REGISTER_SHM, 1);
		m->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG;
		m->param[0].u.tmem.buf_ptr = rig_list(&rig, v->slot, pages, PAGES);
		m->param[0].u.tmem.size = PAGES * PAGE;
		m->param[0].u.tmem.shm_ref = cookie;
		MUST(rig_call(&rig, v->slot) == OPTEE_SMC_RETURN_OK);
		/* Private memory may just be between two regions: see replug(). */
	} while (base == PRIVATE_GPA && m->hdr.ret == TEEC_ERROR_BAD_PARAMETERS);
	MUST(m->hdr.ret == TEEC_SUCCESS);
}

static void take_back(struct vcpu *v, uint64_t cookie)
{
	struct message *m = rig_message(&rig, v->slot, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);

	m->param[0].u.rmem.shm_ref = cookie;
	MUST(rig_call(&rig, v->slot) == OPTEE_SMC_RETURN_OK && m->hdr.ret == TEEC_SUCCESS);
}

/* A piece of the buffer is incremented by the TA, and no other byte of it. */
static void use(struct vcpu *v, const uint64_t *pages, uint64_t cookie, uint32_t session)
{
	uint32_t offs = draw(v, PAGE), size = 1 + draw(v, PAGES * PAGE - offs), i;
	struct message *m = rig_message(&rig, v->slot, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);

	for (i = 0; i < PAGES; i++)
		memset(rig_va(&rig, pages[i]), 0x40 + (int)i, PAGE);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, cookie, offs, size);
	m->hdr.session = session;
	m->hdr.func = FAKE_MEMORY;
	MUST(rig_call(&rig, v->slot) == OPTEE_SMC_RETURN_OK && m->hdr.ret == TEEC_SUCCESS);
	MUST(m->param[0].u.rmem.size == size);
	for (i = 0; i < PAGES * PAGE; i++)
		MUST(rig_va(&rig, pages[i / PAGE])[i % PAGE] == 0x40 + i / PAGE + (i - offs < size));
}

/* A call that is cancelled by the vCPU that made it. */
static void block_and_cancel(struct vcpu *v, uint32_t session)
{
	uint32_t cancel_slot = v->slot + VCPUS, id, other, a0;
	struct message *m = rig_message(&rig, v->slot, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	struct message *c;

	m->hdr.session = session;
	m->hdr.func = FAKE_BLOCK;
	m->hdr.cancel_id = v->slot;
	a0 = rig_send(&rig, v->slot, &id);
	while (a0 == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR) {
		c = rig_message(&rig, cancel_slot, OPTEE_MSG_CMD_CANCEL, 0);
		c->hdr.session = session;
		c->hdr.cancel_id = v->slot;
		if (rig_send(&rig, cancel_slot, &other) == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
			MUST(rig_finish(&rig, cancel_slot, other) == OPTEE_SMC_RETURN_OK);
		a0 = rig_resume(&rig, v->slot, &id);
	}
	if (a0 == OPTEE_SMC_RETURN_ETHREAD_LIMIT)
		return;
	MUST(a0 == OPTEE_SMC_RETURN_OK && m->hdr.ret == TEEC_ERROR_CANCEL);
	v->cancelled++;
}

static void close_session(struct vcpu *v, uint32_t session)
{
	struct message *m = rig_message(&rig, v->slot, OPTEE_MSG_CMD_CLOSE_SESSION, 0);

	m->hdr.session = session;
	MUST(rig_call(&rig, v->slot) == OPTEE_SMC_RETURN_OK && m->hdr.ret == TEEC_SUCCESS);
}

static void *run(void *arg)
{
	struct vcpu *v = arg;
	uint64_t cookie = 0x1000 + v->slot;
	uint64_t pages[PAGES];

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t session = open_session(v);

		share(v, pages, cookie);
		for (uint32_t i = draw(v, 4); i; i--)
			use(v, pages, cookie, session);
		if (draw(v, 3) == 0)
			block_and_cancel(v, session);
		take_back(v, cookie);
		close_session(v, session);
	}
	return NULL;
}

/*
 * The guest's private memory leaves while it is in use, and is back at once under another id,
 * as when a VMM splits a region of its address space.
 */
static void replug(uint32_t n)
{
	static uint64_t now = PRIVATE_ID;
	static uint64_t leaving;

	if (leaving && om_kvm_remove_memory(rig.kvm, leaving) == OM_KVM_AGAIN)
		return;
	leaving = now;
	now = 1000 + n;
	MUST(om_kvm_remove_memory(rig.kvm, leaving) >= OM_KVM_OK);
	MUST(rig_add(&rig, now, PRIVATE_GPA, PRIVATE_SIZE, rig.private, 0) == OM_KVM_OK);
}

/* The VMM: a balloon, and memory that is plugged and unplugged. */
static void *meddle(void *arg)
{
	void *va = mmap(NULL, PLUG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t n = 0;

	MUST(va != MAP_FAILED);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint64_t gpa = DATA + (uint64_t)(n++ % 48) * PAGE;

		MUST(om_kvm_may_discard(rig.kvm, gpa, PAGE) >= OM_KVM_OK);
		MUST(rig_add(&rig, PLUG_ID, PLUG_GPA, PLUG_SIZE, va, 0) == OM_KVM_OK);
		MUST(om_kvm_remove_memory(rig.kvm, PLUG_ID) == OM_KVM_OK);
		replug(n);
		(void)om_kvm_counter(rig.kvm, OM_KVM_COUNT_CALLS);
	}
	munmap(va, PLUG_SIZE);
	return arg;
}

TEST(everything_at_once)
{
	static struct vcpu vcpus[VCPUS];
	struct om_kvm_config config;
	pthread_t vmm;
	uint32_t i, cancelled = 0;

	fake_init(&rig.tee);
	config = rig_config(&rig);
	config.limits.threads = 2 * VCPUS + 2;
	config.workers = 3;
	config.registrations = 2;
	config.wait_us = 100;
	rig_init(&rig, &config);
	assert_int_equal(pthread_create(&vmm, NULL, meddle, NULL), 0);
	for (i = 0; i < VCPUS; i++) {
		vcpus[i] = (struct vcpu){ .slot = i + 1, .seed = 77 * i };
		assert_int_equal(pthread_create(&vcpus[i].thread, NULL, run, &vcpus[i]), 0);
	}
	for (i = 0; i < VCPUS; i++) {
		pthread_join(vcpus[i].thread, NULL);
		cancelled += vcpus[i].cancelled;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(vmm, NULL);

	assert_int_equal(fake_sessions(&rig.tee), 0);
	assert_int_equal(om_kvm_counter(rig.kvm, OM_KVM_COUNT_SESSIONS_NOW), 0);
	assert_int_equal(om_kvm_counter(rig.kvm, OM_KVM_COUNT_REGISTRATIONS_NOW), 0);
	assert_int_equal(om_kvm_counter(rig.kvm, OM_KVM_COUNT_PINNED_NOW), 0);
	/* It was as crowded as it was meant to be. */
	assert_true(om_kvm_counter(rig.kvm, OM_KVM_COUNT_REFUSED_WORKERS) > 0);
	assert_true(om_kvm_counter(rig.kvm, OM_KVM_COUNT_COPIED) > 0);
	assert_true(om_kvm_counter(rig.kvm, OM_KVM_COUNT_ALIASED) > 0);
	assert_true(om_kvm_counter(rig.kvm, OM_KVM_COUNT_IN_PLACE) > 0);
	assert_true(rig.tee.most_in_flight <= 4);
	print_message("%u calls, %u cancelled, %u evicted\n",
		      (unsigned int)om_kvm_counter(rig.kvm, OM_KVM_COUNT_CALLS), cancelled,
		      (unsigned int)om_kvm_counter(rig.kvm, OM_KVM_COUNT_EVICTED));
	rig_exit(&rig);
}
