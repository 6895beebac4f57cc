/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest. See kvm_guest.h. */
#define _GNU_SOURCE
#include "kvm_guest.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "mediatord.h"

struct guest {
	struct om_kvm *kvm;
	struct guest_options options;
	unsigned int regions;
};

/* What the backend says, to the VMM. */
static int told(int result)
{
	switch (result) {
	case OM_KVM_OK:
		return OM_MEDIATORD_OK;
	case OM_KVM_NOT_MINE:
		return OM_MEDIATORD_NOT_MINE;
	case OM_KVM_AGAIN:
		return OM_MEDIATORD_AGAIN;
	case OM_KVM_NEW_DRIVER:
		return OM_MEDIATORD_NEW_DRIVER;
	case OM_KVM_IN_USE:
		return OM_MEDIATORD_IN_USE;
	case OM_KVM_ERR_NO_MEMORY:
		return OM_MEDIATORD_ERR_NO_MEMORY;
	case OM_KVM_ERR_OVERLAP:
	case OM_KVM_ERR_ID:
		return OM_MEDIATORD_ERR_OVERLAP;
	case OM_KVM_ERR_NO_REGION:
		return OM_MEDIATORD_ERR_NO_REGION;
	case OM_KVM_ERR_DEVICE:
		return OM_MEDIATORD_ERR_DEVICE;
	default:
		return OM_MEDIATORD_ERR_ARGUMENT;
	}
}

static void trace(void *user, const struct om_trace_event *event)
{
	struct guest *guest = user;

	guest->options.trace(guest->options.user, event);
}

int guest_create(const struct guest_options *options, struct guest **out)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	struct om_kvm_config config = {
		.size = sizeof(config),
		.tee_device = options->tee_device,
		.os = options->os,
		.login = options->login ? OM_KVM_LOGIN_AS_VMM : OM_KVM_LOGIN_PUBLIC_ONLY,
		.policy = options->policy,
		.workers = options->workers,
		.sessions = options->sessions,
		.user = guest,
		.trace = options->trace ? trace : NULL,
	};
	int result;

	if (!guest)
		return OM_KVM_ERR_NO_MEMORY;
	guest->options = *options;
	result = om_kvm_create(&config, &guest->kvm);
	if (result != OM_KVM_OK) {
		free(guest);
		return result;
	}
	*out = guest;
	return OM_KVM_OK;
}

/*
 * Nothing but a file: what happens when the memory of a device is read, its driver decides. A
 * file that shrinks later ends this process by SIGBUS, and with it the VMM's own guest alone.
 */
static bool is_file(int file)
{
	struct stat st;

	return !fstat(file, &st) && S_ISREG(st.st_mode);
}

int guest_add_memory(struct guest *guest, uint64_t id, uint64_t gpa, uint64_t size, int file,
		     uint64_t offset)
{
	const struct om_kvm_memory memory = {
		.id = id, .gpa = gpa, .size = size, .flags = OM_KVM_MEMORY_FILE,
		.fd = file, .offset = offset,
	};
	int result;

	if (!is_file(file))
		return OM_MEDIATORD_ERR_ARGUMENT;
	if (guest->regions == GUEST_REGIONS)
		return OM_MEDIATORD_ERR_NO_MEMORY;
	result = om_kvm_add_memory(guest->kvm, &memory);
	guest->regions += result == OM_KVM_OK;
	return told(result);
}

int guest_remove_memory(struct guest *guest, uint64_t id)
{
	int result = om_kvm_remove_memory(guest->kvm, id);

	guest->regions -= result == OM_KVM_OK;
	return told(result);
}

int guest_may_discard(struct guest *guest, uint64_t gpa, uint64_t size)
{
	return told(om_kvm_may_discard(guest->kvm, gpa, size));
}

int guest_call(struct guest *guest, unsigned int vcpu, struct om_regs *regs)
{
	return told(om_kvm_call(guest->kvm, vcpu, regs));
}

/* Once more at once when it can succeed within a second. */
static int patiently(struct guest *guest, int (*attempt)(struct om_kvm *kvm))
{
	struct pollfd ended = { .fd = om_kvm_wait_fd(guest->kvm), .events = POLLIN };
	int result = attempt(guest->kvm);

	if (result == OM_KVM_AGAIN && poll(&ended, 1, 1000) > 0)
		result = attempt(guest->kvm);
	return told(result);
}

int guest_reset(struct guest *guest)
{
	return patiently(guest, om_kvm_reset);
}

int guest_wait_fd(const struct guest *guest)
{
	return om_kvm_wait_fd(guest->kvm);
}

int guest_destroy(struct guest *guest)
{
	int result = patiently(guest, om_kvm_destroy);

	if (result == OM_MEDIATORD_OK)
		free(guest);
	return result;
}

uint64_t guest_counter(const struct guest *guest, enum om_counter which)
{
	return om_guest_counter(om_kvm_guest(guest->kvm), which);
}

uint64_t guest_tee_counter(const struct guest *guest, enum om_kvm_counter which)
{
	return om_kvm_counter(guest->kvm, which);
}
