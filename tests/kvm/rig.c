/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the KVM backend share. See rig.h. */
#define _GNU_SOURCE
#include "rig.h"

#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

/* A slot's message page, then its list pages. */
#define SLOT_PAGES (DRIVER_PAGES / DRIVER_SLOTS)

struct om_kvm_config rig_config(struct rig *rig)
{
	return (struct om_kvm_config){
		.size = sizeof(struct om_kvm_config),
		.limits = { .threads = 8, .buffers = 32, .rpc_args = 1, .pages = 2048,
			    .list_pages = 16, .call_pages = 1024 },
		.os = &rig->tee.os,
		.user = rig,
	};
}

static void *map(size_t size, int flags, int fd)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	assert_true(va != MAP_FAILED);
	return va;
}

int rig_add(struct rig *rig, uint64_t id, uint64_t gpa, uint64_t size, void *va,
	    unsigned int flags)
{
	const struct om_kvm_memory memory = {
		.id = id, .gpa = gpa, .size = size, .hva = va, .flags = flags,
	};

	return om_kvm_add_memory(rig->kvm, &memory);
}

bool rig_is_readable(struct rig *rig, int ms)
{
	struct pollfd wait = { .fd = om_kvm_wait_fd(rig->kvm), .events = POLLIN };

	return poll(&wait, 1, ms) == 1 && wait.revents == POLLIN;
}

void rig_populate(struct rig *rig)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SHARED_SIZE), 0);
	rig->shared = map(SHARED_SIZE, MAP_SHARED, fd);
	close(fd);
	rig->private = map(PRIVATE_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	assert_int_equal(rig_add(rig, SHARED_ID, SHARED_GPA, SHARED_SIZE, rig->shared,
				 OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	assert_int_equal(rig_add(rig, PRIVATE_ID, PRIVATE_GPA, PRIVATE_SIZE, rig->private, 0),
			 OM_KVM_OK);
}

int rig_try(struct rig *rig, const struct om_kvm_config *config)
{
	struct om_kvm_config own = rig_config(rig);
	int result = om_kvm_create(config ? config : &own, &rig->kvm);

	if (result == OM_KVM_OK)
		rig_populate(rig);
	return result;
}

void rig_init(struct rig *rig, const struct om_kvm_config *config)
{
	assert_int_equal(rig_try(rig, config), OM_KVM_OK);
}

void rig_exit(struct rig *rig)
{
	int result = OM_KVM_AGAIN;

	/* Ten seconds: for a busy machine, and for an end where there should be none. */
	for (uint32_t i = 0; i < 100 && result == OM_KVM_AGAIN; i++)
		result = om_kvm_destroy(rig->kvm);
	assert_int_equal(result, OM_KVM_OK);
	assert_int_equal(fake_left(&rig->tee), 0);
	munmap(rig->shared, SHARED_SIZE);
	munmap(rig->private, PRIVATE_SIZE);
	fake_exit(&rig->tee);
}

struct rig rigs[RIGS];

struct om_kvm_config rig_fresh(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	fake_init(&rig->tee);
	return rig_config(rig);
}

int rig_setup(void **state)
{
	struct om_kvm_config config = rig_fresh(rigs);

	rig_init(rigs, &config);
	*state = rigs;
	return 0;
}

int rig_teardown(void **state)
{
	rig_exit(*state);
	return 0;
}

uint8_t *rig_va(struct rig *rig, uint64_t gpa)
{
	if (gpa - SHARED_GPA < SHARED_SIZE)
		return rig->shared + (gpa - SHARED_GPA);
	assert_true(gpa - PRIVATE_GPA < PRIVATE_SIZE);
	return rig->private + (gpa - PRIVATE_GPA);
}

static uint64_t slot_gpa(uint32_t slot)
{
	return SHARED_GPA + (uint64_t)slot * SLOT_PAGES * PAGE;
}

struct message *rig_message(struct rig *rig, uint32_t slot, uint32_t cmd, uint32_t num_params)
{
	struct message *m = (void *)rig_va(rig, slot_gpa(slot));

	memset(m, 0, sizeof(*m));
	m->hdr.cmd = cmd;
	m->hdr.num_params = num_params;
	m->hdr.ret = 0x11111111;
	m->hdr.ret_origin = 0x22222222;
	return m;
}

static uint32_t smc(struct rig *rig, uint32_t slot, struct om_regs regs, uint32_t *id)
{
	assert_int_equal(rig->call ? rig->call(rig, slot, &regs) :
				     om_kvm_call(rig->kvm, slot, &regs), OM_KVM_OK);
	*id = (uint32_t)regs.a[3];
	return (uint32_t)regs.a[0];
}

uint32_t rig_send(struct rig *rig, uint32_t slot, uint32_t *id)
{
	uint64_t gpa = slot_gpa(slot);

	return smc(rig, slot, (struct om_regs){ .a = {
		   OPTEE_SMC_CALL_WITH_ARG, gpa >> 32, (uint32_t)gpa } }, id);
}

uint32_t rig_resume(struct rig *rig, uint32_t slot, uint32_t *id)
{
	return smc(rig, slot, (struct om_regs){ .a = {
		   OPTEE_SMC_RETURN_FROM_RPC, 0, 0, *id } }, id);
}

static uint32_t go_on(struct rig *rig, uint32_t slot, uint32_t a0, uint32_t id)
{
	while (a0 == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		a0 = rig_resume(rig, slot, &id);
	return a0;
}

uint32_t rig_finish(struct rig *rig, uint32_t slot, uint32_t id)
{
	return go_on(rig, slot, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, id);
}

uint32_t rig_call(struct rig *rig, uint32_t slot)
{
	uint32_t id, a0;

	/* As Linux does: wait for a call of one's own to end, and try again. */
	while ((a0 = rig_send(rig, slot, &id)) == OPTEE_SMC_RETURN_ETHREAD_LIMIT)
		sched_yield();
	return go_on(rig, slot, a0, id);
}

uint32_t rig_open_as(struct rig *rig, const uint8_t uuid[16], uint32_t login, uint32_t *session)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_OPEN_SESSION, 2);

	m->param[0].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	m->param[1].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	memcpy(m->param[0].u.octets, uuid, 16);
	memset(m->param[1].u.octets, 0x77, 16);
	m->param[1].u.value.c = login;
	assert_int_equal(rig_call(rig, 0), OPTEE_SMC_RETURN_OK);
	*session = m->hdr.session;
	return m->hdr.ret;
}

uint32_t rig_open(struct rig *rig, uint32_t *session)
{
	return rig_open_as(rig, fake_ta_uuid, 0, session);
}

uint32_t rig_opened(struct rig *rig)
{
	uint32_t session;

	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	assert_int_not_equal(session, 0);
	return session;
}

uint32_t rig_close(struct rig *rig, uint32_t session)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_CLOSE_SESSION, 0);

	m->hdr.session = session;
	assert_int_equal(rig_call(rig, 0), OPTEE_SMC_RETURN_OK);
	return m->hdr.ret;
}

uint32_t rig_invoke(struct rig *rig, uint32_t slot, uint32_t session, uint32_t func)
{
	struct message *m = (void *)rig_va(rig, slot_gpa(slot));

	m->hdr.session = session;
	m->hdr.func = func;
	assert_int_equal(rig_call(rig, slot), OPTEE_SMC_RETURN_OK);
	return m->hdr.ret;
}

uint64_t rig_list(struct rig *rig, uint32_t slot, const uint64_t *gpa, uint32_t n)
{
	uint64_t first = slot_gpa(slot) + PAGE;
	uint64_t list = first;
	uint64_t *entry = (void *)rig_va(rig, list);

	assert_true(n <= (SLOT_PAGES - 1) * OPTEE_MSG_LIST_ENTRIES);
	for (uint32_t i = 0; i < n; i++) {
		if (i && i % OPTEE_MSG_LIST_ENTRIES == 0) {
			list += PAGE;
			entry[OPTEE_MSG_LIST_NEXT] = list;
			entry = (void *)rig_va(rig, list);
		}
		entry[i % OPTEE_MSG_LIST_ENTRIES] = gpa[i] & ~(uint64_t)(PAGE - 1);
	}
	return first | gpa[0] % PAGE;
}

uint32_t rig_register(struct rig *rig, uint64_t cookie, const uint64_t *gpa, uint32_t n,
		      uint64_t size)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_REGISTER_SHM, 1);

	m->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG;
	m->param[0].u.tmem.buf_ptr = rig_list(rig, 0, gpa, n);
	m->param[0].u.tmem.size = size;
	m->param[0].u.tmem.shm_ref = cookie;
	assert_int_equal(rig_call(rig, 0), OPTEE_SMC_RETURN_OK);
	return m->hdr.ret;
}

uint32_t rig_unregister(struct rig *rig, uint64_t cookie)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);

	m->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	m->param[0].u.rmem.shm_ref = cookie;
	assert_int_equal(rig_call(rig, 0), OPTEE_SMC_RETURN_OK);
	return m->hdr.ret;
}

void rig_pages(uint64_t *pages, uint64_t gpa, uint32_t n, bool backwards)
{
	for (uint32_t i = 0; i < n; i++)
		pages[i] = gpa + (uint64_t)(backwards ? n - 1 - i : i) * PAGE;
}

void rig_value(struct message *m, uint32_t i, uint32_t type, uint64_t a, uint64_t b)
{
	m->param[i].attr = type;
	m->param[i].u.value = (struct optee_msg_param_value){ a, b, 0x3333 };
}

void rig_rmem(struct message *m, uint32_t i, uint32_t type, uint64_t cookie, uint64_t offs,
	      uint64_t size)
{
	m->param[i].attr = type;
	m->param[i].u.rmem = (struct optee_msg_param_rmem){ offs, size, cookie };
}

void rig_fail_next(struct rig *rig, unsigned long request, int error)
{
	rig->tee.fault = (struct fake_fault){ request, 1, false, error };
}
