/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend's interface: one mediator with one guest, whose memory is in this process
 * and whose OP-TEE is behind a TEE device. This module only connects the others.
 */
#define _GNU_SOURCE
#include <optee_mediator/kvm.h>

#include <linux/kvm.h>
#include <linux/tee.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "recording.h"
#include "tee_conduit.h"
#include "trap.h"

#define GUEST_ID	1u	/* each mediator here has one guest */
#define QUIESCE_US	100000u

struct om_kvm {
	struct om_mediator mediator;
	struct om_guest *guest;
	void *guest_mem;
	pthread_mutex_t lock;		/* om_host_ops.lock */
	struct om_wake wake;
	struct om_memory memory;
	struct om_tee_conduit conduit;
	struct om_kvm_os os;
	enum om_kvm_login login;
	const struct om_policy *policy;	/* or NULL */
	uint32_t (*authorize)(void *user, const struct om_request *request);
	void (*trace)(void *user, const struct om_trace_event *event);
	void (*record)(void *user, const void *bytes, size_t len);
	struct om_recording *recording;	/* or NULL */
	void *user;
};

static int pin(void *guest, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	struct om_kvm *kvm = guest;

	return om_memory_pin(&kvm->memory, ipa, n, pa);
}

static void unpin(void *guest, const om_pa_t *pa, size_t n)
{
	struct om_kvm *kvm = guest;

	om_memory_unpin(&kvm->memory, pa, n);
}

/*
 * Accesses each byte once, which memcpy() does not guarantee: the guest's vCPUs run
 * meanwhile and may change it.
 */
static void copy_once(volatile uint8_t *dst, const volatile uint8_t *src, size_t len)
{
	if (((uintptr_t)dst | (uintptr_t)src | len) % sizeof(uint64_t) == 0) {
		volatile uint64_t *d = (volatile void *)dst;
		const volatile uint64_t *s = (const volatile void *)src;

		for (; len; len -= sizeof(*d))
			*d++ = *s++;
		return;
	}
	while (len--)
		*dst++ = *src++;
}

static int read_guest(void *guest, om_pa_t pa, void *dst, size_t len)
{
	(void)guest;
	copy_once(dst, (const void *)(uintptr_t)pa.raw, len);
	return 0;
}

static int write_guest(void *guest, om_pa_t pa, const void *src, size_t len)
{
	(void)guest;
	copy_once((void *)(uintptr_t)pa.raw, src, len);
	return 0;
}

static int page_alloc(void *host, struct om_page *page)
{
	(void)host;
	page->va = aligned_alloc(OPTEE_MSG_PAGE_SIZE, OPTEE_MSG_PAGE_SIZE);
	if (!page->va)
		return -1;
	page->pa.raw = (uintptr_t)page->va;
	return 0;
}

static void page_free(void *host, const struct om_page *page)
{
	(void)host;
	free(page->va);
}

static void smc(void *host, struct om_regs *regs)
{
	struct om_kvm *kvm = host;

	om_tee_smc(&kvm->conduit, regs);
}

static void lock(void *guest)
{
	struct om_kvm *kvm = guest;

	pthread_mutex_lock(&kvm->lock);
}

static void unlock(void *guest)
{
	struct om_kvm *kvm = guest;

	pthread_mutex_unlock(&kvm->lock);
}

/*
 * The pseudo-TA that lists the TAs for which Linux has kernel drivers. Such a TA accepts
 * only kernels (TEE_LOGIN_REE_KERNEL), which no process can be, so it is hidden.
 * OP-TEE OS, core/pta/device.c, PTA_DEVICE_UUID; octets as in a message.
 */
static const uint8_t device_pta[16] = {
	0x70, 0x11, 0xa6, 0x88, 0xdd, 0xde, 0x40, 0x53,
	0xa5, 0xa9, 0x7b, 0x3c, 0x4d, 0xdf, 0x13, 0xb8,
};

static bool login_is_allowed(const struct om_kvm *kvm, uint32_t login)
{
	if (login == TEE_IOCTL_LOGIN_PUBLIC)
		return true;
	return kvm->login == OM_KVM_LOGIN_AS_VMM &&
	       (login == TEE_IOCTL_LOGIN_USER || login == TEE_IOCTL_LOGIN_GROUP);
}

static uint32_t authorize_open(struct om_kvm *kvm, const struct om_request *request)
{
	struct om_tee_device *device = &kvm->conduit.calls.device;

	if (memcmp(request->ta_uuid, device_pta, sizeof(device_pta)) == 0) {
		om_tee_count(device, OM_KVM_COUNT_REFUSED_DEVICES, 1);
		return TEEC_ERROR_ITEM_NOT_FOUND;
	}
	if (!login_is_allowed(kvm, request->login)) {
		om_tee_count(device, OM_KVM_COUNT_REFUSED_LOGIN, 1);
		return TEEC_ERROR_ACCESS_DENIED;
	}
	return TEEC_SUCCESS;
}

static uint32_t authorize(void *guest, const struct om_request *request)
{
	struct om_kvm *kvm = guest;
	uint32_t ret = TEEC_SUCCESS;

	if (request->cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		ret = authorize_open(kvm, request);
	if (ret == TEEC_SUCCESS && kvm->policy)
		ret = om_policy_authorize(kvm->policy, request);
	if (ret == TEEC_SUCCESS && kvm->authorize)
		ret = kvm->authorize(kvm->user, request);
	return ret;
}

static void alias_ta(void *guest, const uint8_t ta[16], uint8_t alias[16])
{
	struct om_kvm *kvm = guest;

	if (kvm->policy)
		om_policy_alias(kvm->policy, ta, alias);
}

static void trace(void *guest, const struct om_trace_event *event)
{
	struct om_kvm *kvm = guest;

	kvm->trace(kvm->user, event);
}

#define OPS \
	.pin = pin, .unpin = unpin, .read = read_guest, .write = write_guest, \
	.page_alloc = page_alloc, .page_free = page_free, .smc = smc, \
	.lock = lock, .unlock = unlock, .authorize = authorize, .alias = alias_ta

static const struct om_host_ops ops = { OPS };
static const struct om_host_ops traced_ops = { OPS, .trace = trace };

/* ---- what the recorder needs ---- */

static void record_write(void *host, const void *bytes, size_t len)
{
	struct om_kvm *kvm = host;

	kvm->record(kvm->user, bytes, len);
}

static void record_lock(void *host)
{
	struct om_kvm *kvm = host;

	pthread_mutex_lock(&kvm->recording->lock);
}

static void record_unlock(void *host)
{
	struct om_kvm *kvm = host;

	pthread_mutex_unlock(&kvm->recording->lock);
}

static bool begin_recording(struct om_kvm *kvm, const struct om_host_ops *host_ops,
			    const struct om_limits *limits)
{
	const struct om_record_config config = {
		.ops = host_ops, .write = record_write,
		.clock = om_recording_clock, .cpu = om_recording_number,
		.lock = record_lock, .unlock = record_unlock,
	};

	kvm->recording = om_recording_new(&config, kvm, limits);
	return kvm->recording;
}

/* ---- the interface ---- */

/* A value of a config, or its default when it is 0. */
static uint32_t or_default(uint32_t value, uint32_t other)
{
	return value ? value : other;
}

/* A buffer of 4 MiB, and the pages set aside for other calls: limits.h. */
#define MAPPED_PAGES	1104u

/* Copies what this library knows of a config. False: more is set, or its size is not. */
static bool copy_config(struct om_kvm_config *full, const struct om_kvm_config *config)
{
	const uint8_t *bytes = (const void *)config;
	size_t i;

	if (!config)
		return true;
	if (config->size < sizeof(*full))
		return false;
	for (i = sizeof(*full); i < config->size; i++)
		if (bytes[i])
			return false;
	memcpy(full, config, sizeof(*full));
	return true;
}

static void fill_in_defaults(struct om_kvm_config *config)
{
	static const struct om_limits limits = OM_LIMITS_DEFAULT, none;

	if (memcmp(&config->limits, &none, sizeof(none)) == 0)
		config->limits = limits;
	/* The backend does not see which TAs are loaded: all parameters count, see kvm.h. */
	if (config->limits.mapped_pages == 0)
		config->limits.mapped_pages = MAPPED_PAGES;
	if (!config->tee_device)
		config->tee_device = "/dev/tee0";
	if (!config->os)
		config->os = &om_kvm_linux;
	config->workers = or_default(config->workers, 2);
	config->sessions = or_default(config->sessions, 64);
	/* One more than the backend's limit, whose refusals have a counter of their own. */
	if (config->limits.sessions == 0 && config->sessions < OM_LIMIT_SESSIONS)
		config->limits.sessions = config->sessions + 1;
	config->registrations = or_default(config->registrations, 128);
	config->wait_us = or_default(config->wait_us, 1000);
	config->spin_us = or_default(config->spin_us, 20);
}

static bool is_valid(const struct om_kvm_config *config)
{
	const struct om_kvm_os *os = config->os;

	return om_guest_size(&config->limits) && config->workers <= 64 &&
	       config->sessions <= 4096 && config->registrations <= 4096 &&
	       config->wait_us <= 100000 && config->spin_us <= 1000 &&
	       (unsigned int)config->login <= OM_KVM_LOGIN_AS_VMM &&
	       os->open && os->ioctl && os->close;
}

/* Mediator and guest of the core. The former cannot fail: the conduit answers the probe. */
static enum om_result init_core(struct om_kvm *kvm, const struct om_limits *limits, size_t size)
{
	struct om_recording *recording = kvm->recording;
	enum om_result result;

	if (!recording) {
		om_mediator_init(&kvm->mediator, kvm->trace ? &traced_ops : &ops, kvm);
		return om_guest_create(&kvm->mediator, GUEST_ID, limits, kvm, kvm->guest_mem, size,
				       &kvm->guest);
	}
	om_record_mediator_init(&recording->recorder, &kvm->mediator);
	result = om_record_guest_create(&recording->recorder, &recording->guest, &kvm->mediator,
					GUEST_ID, limits, kvm, kvm->guest_mem, size);
	kvm->guest = recording->guest.guest;
	return result;
}

/* Creates the core's guest; the conduit is ready. */
static int create_guest(struct om_kvm *kvm, const struct om_limits *limits)
{
	size_t size = (om_guest_size(limits) + OM_GUEST_ALIGN - 1) / OM_GUEST_ALIGN * OM_GUEST_ALIGN;

	kvm->guest_mem = aligned_alloc(OM_GUEST_ALIGN, size);
	if (!kvm->guest_mem)
		return OM_KVM_ERR_NO_MEMORY;
	if ((!kvm->record || begin_recording(kvm, kvm->trace ? &traced_ops : &ops, limits)) &&
	    init_core(kvm, limits, size) == OM_OK)
		return OM_KVM_OK;
	free(kvm->guest_mem);
	return OM_KVM_ERR_NO_MEMORY;
}

static int bring_up(struct om_kvm *kvm, const struct om_kvm_config *config)
{
	struct om_tee_conduit *conduit = &kvm->conduit;
	int result;

	conduit->calls.device.os = *config->os;
	conduit->calls.sessions = config->sessions;
	conduit->threads = config->limits.threads;
	conduit->wait_us = config->wait_us;
	conduit->spin_us = config->spin_us;
	result = om_tee_conduit_init(conduit, config->tee_device, &kvm->memory, config->workers,
				     config->registrations);
	if (result != OM_KVM_OK)
		return result;
	result = create_guest(kvm, &config->limits);
	if (result != OM_KVM_OK)
		om_tee_conduit_exit(conduit);
	return result;
}

static void free_kvm(struct om_kvm *kvm)
{
	om_recording_free(kvm->recording);
	om_memory_exit(&kvm->memory);
	om_wake_exit(&kvm->wake);
	pthread_mutex_destroy(&kvm->lock);
	free(kvm);
}

int om_kvm_create(const struct om_kvm_config *config, struct om_kvm **out)
{
	struct om_kvm_config full = { 0 };
	struct om_kvm *kvm;
	int result;

	if (!out || !copy_config(&full, config))
		return OM_KVM_ERR_ARGUMENT;
	fill_in_defaults(&full);
	if (!is_valid(&full))
		return OM_KVM_ERR_ARGUMENT;
	kvm = calloc(1, sizeof(*kvm));
	if (!kvm || !om_wake_init(&kvm->wake)) {
		free(kvm);
		return OM_KVM_ERR_NO_MEMORY;
	}
	pthread_mutex_init(&kvm->lock, NULL);
	om_memory_init(&kvm->memory, &kvm->wake);
	kvm->os = *full.os;
	kvm->login = full.login;
	kvm->policy = full.policy;
	kvm->authorize = full.authorize;
	kvm->trace = full.trace;
	kvm->record = full.record;
	kvm->user = full.user;
	result = bring_up(kvm, &full);
	if (result == OM_KVM_OK)
		*out = kvm;
	else
		free_kvm(kvm);
	return result;
}

int om_kvm_set_filter(int vm_fd, const struct om_kvm_os *os)
{
	if (vm_fd < 0 || (os && !os->ioctl))
		return OM_KVM_ERR_ARGUMENT;
	return om_trap_set_filter(os ? os : &om_kvm_linux, vm_fd);
}

int om_kvm_add_memory(struct om_kvm *kvm, const struct om_kvm_memory *memory)
{
	return om_memory_add(&kvm->memory, memory);
}

int om_kvm_remove_memory(struct om_kvm *kvm, uint64_t id)
{
	return om_memory_remove(&kvm->memory, id);
}

int om_kvm_may_discard(struct om_kvm *kvm, uint64_t gpa, uint64_t size)
{
	return om_memory_may_discard(&kvm->memory, gpa, size);
}

unsigned int om_kvm_wanted_registers(uint32_t fid)
{
	return om_trap_wanted(fid);
}

unsigned int om_kvm_changed_registers(uint32_t fid, const struct om_regs *regs)
{
	return om_trap_changed(fid, regs);
}

int om_kvm_call(struct om_kvm *kvm, unsigned int vcpu, struct om_regs *regs)
{
	if (!om_trap_is_mine((uint32_t)regs->a[0]))
		return OM_KVM_NOT_MINE;
	switch (kvm->recording ? om_recording_call(kvm->recording, vcpu, regs) :
				 om_guest_call(kvm->guest, vcpu, regs)) {
	case OM_NOT_HANDLED:
		return OM_KVM_NOT_MINE;
	case OM_HANDLED_NEW_DRIVER:
		return OM_KVM_NEW_DRIVER;
	default:
		return OM_KVM_OK;
	}
}

int om_kvm_handle_exit(struct om_kvm *kvm, unsigned int vcpu, int vcpu_fd, struct kvm_run *run)
{
	uint32_t fid = (uint32_t)run->hypercall.nr;
	struct om_regs regs;
	int result;

	if (run->exit_reason != KVM_EXIT_HYPERCALL || !om_trap_is_mine(fid))
		return OM_KVM_NOT_MINE;
	if (om_trap_read(&kvm->os, vcpu_fd, run, &regs) < 0)
		return OM_KVM_ERR_REGISTERS;
	result = om_kvm_call(kvm, vcpu, &regs);
	if (om_trap_write(&kvm->os, vcpu_fd, fid, &regs) < 0)
		return OM_KVM_ERR_REGISTERS;
	return result;
}

int om_kvm_reset(struct om_kvm *kvm)
{
	if (!om_tee_pool_quiesce(&kvm->conduit.pool, QUIESCE_US))
		return OM_KVM_AGAIN;
	/* The conduit always answers OK to VM_DESTROYED and VM_CREATED: it ends with OM_OK. */
	while ((kvm->recording ? om_record_guest_reset(&kvm->recording->guest) :
				 om_guest_reset(kvm->guest)) == OM_AGAIN)
		;
	return OM_KVM_OK;
}

int om_kvm_destroy(struct om_kvm *kvm)
{
	if (!om_tee_pool_quiesce(&kvm->conduit.pool, QUIESCE_US))
		return OM_KVM_AGAIN;
	/* The conduit always answers OK to VM_DESTROYED: there is no other result than OM_OK. */
	while ((kvm->recording ? om_record_guest_destroy(&kvm->recording->guest) :
				 om_guest_destroy(kvm->guest)) == OM_AGAIN)
		;
	om_tee_conduit_exit(&kvm->conduit);
	free(kvm->guest_mem);
	free_kvm(kvm);
	return OM_KVM_OK;
}

int om_kvm_wait_fd(const struct om_kvm *kvm)
{
	return kvm->wake.fd;
}

const struct om_guest *om_kvm_guest(const struct om_kvm *kvm)
{
	return kvm->guest;
}

uint64_t om_kvm_counter(const struct om_kvm *kvm, enum om_kvm_counter which)
{
	/* Not const: only its lock is changed. */
	struct om_memory *memory = (struct om_memory *)(uintptr_t)&kvm->memory;

	if (which == OM_KVM_COUNT_PINNED_NOW)
		return om_memory_pinned(memory);
	if ((unsigned int)which >= OM_KVM_COUNTERS)
		return 0;
	return atomic_load_explicit(&kvm->conduit.calls.device.counts[which],
				    memory_order_relaxed);
}
