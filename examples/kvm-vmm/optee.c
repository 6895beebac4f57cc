/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE for the guest: all that a VMM adds to use the library's backend for KVM, except
 * the node in the device tree (tree.c). The file to copy from.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <optee_mediator/kvm.h>
#include <optee_mediator/policy.h>
#include <optee_mediator/trace.h>

#include "optee.h"
#include "vmm.h"

/* Called on the thread of the vCPU that makes the call. */
static void trace(void *user, const struct om_trace_event *event)
{
	static _Thread_local uint64_t smc[8];
	struct vmm *vmm = user;
	char line[200];

	if (vmm->options.trace) {
		om_trace_text(event, line, sizeof(line));
		fprintf(stderr, "%s\n", line);
	}
	if (event->id == OM_TRACE_GUEST_SMC)
		memcpy(smc, event->arg, sizeof(smc));
	if (event->id == OM_TRACE_GUEST_RETURN)
		moves_note(&vmm->moves, event->vcpu, smc, event->arg);
}

/* Without a buffer, so that it is whole when somebody kills this program. */
static void open_recording(struct vmm *vmm)
{
	vmm->recording = fopen(vmm->options.record, "wb");
	if (!vmm->recording)
		die("%s: %s", vmm->options.record, strerror(errno));
	setvbuf(vmm->recording, NULL, _IONBF, 0);
}

/* Ends at the first piece that cannot be written. */
static void record(void *user, const void *bytes, size_t len)
{
	struct vmm *vmm = user;

	if (vmm->recording && fwrite(bytes, 1, len, vmm->recording) != len) {
		perror(vmm->options.record);
		fclose(vmm->recording);
		vmm->recording = NULL;
	}
}

static void must(int result, const char *what)
{
	if (result != OM_KVM_OK)
		die("%s: %s", what, om_kvm_result_text(result));
}

/* Loads the policy file first, so that an error in it leaves nothing behind. */
static void load_policy(struct vmm *vmm)
{
	struct om_policy_error error;

	if (om_policy_load(vmm->options.policy, vmm->options.name, &vmm->policy, &error) !=
	    OM_POLICY_OK)
		die("%s", error.text);
}

static void create(struct vmm *vmm)
{
	struct om_kvm_config config = {
		.size = sizeof(config),
		.tee_device = vmm->options.tee,
		.login = vmm->options.login ? OM_KVM_LOGIN_AS_VMM : OM_KVM_LOGIN_PUBLIC_ONLY,
		.trace = vmm->options.trace || vmm->options.counters ? trace : NULL,
		.record = vmm->options.record ? record : NULL,
		.user = vmm,
	};
	const struct om_kvm_memory ram = {
		.gpa = RAM_BASE, .size = vmm->options.memory, .hva = vmm->ram,
		.flags = OM_KVM_MEMORY_SHARED,
	};

	if (vmm->options.record)
		open_recording(vmm);
	if (vmm->options.policy) {
		load_policy(vmm);
		config.policy = &vmm->policy->policy;
		config.workers = vmm->policy->workers;
		config.sessions = vmm->policy->sessions;
	}
	must(om_kvm_create(&config, &vmm->optee), vmm->options.tee);
	must(om_kvm_add_memory(vmm->optee, &ram), "guest memory");
	/* Last, because from here on KVM passes the guest's calls to this program. */
	must(om_kvm_set_filter(vmm->vm, NULL), "KVM");
}

static bool serve_exit(struct vcpu *vcpu)
{
	int result = om_kvm_handle_exit(vcpu->vmm->optee, vcpu->index, vcpu->fd, vcpu->run);

	if (result < 0) {
		fprintf(stderr, "vmm: vCPU %u: %s\n", vcpu->index, om_kvm_result_text(result));
		machine_end(vcpu->vmm, FAILED);
	}
	if (result == OM_KVM_NEW_DRIVER)
		machine_end(vcpu->vmm, NEW_KERNEL);
	return result != OM_KVM_NOT_MINE;
}

static void reset(struct vmm *vmm)
{
	struct pollfd ended = { .fd = om_kvm_wait_fd(vmm->optee), .events = POLLIN };
	int result;

	/* A TA may ignore its cancellation; each attempt cancels it again. */
	while ((result = om_kvm_reset(vmm->optee)) == OM_KVM_AGAIN)
		poll(&ended, 1, 1000);
	must(result, vmm->options.tee);
	memset(vmm->moves.waiting, 0, sizeof(vmm->moves.waiting));
}

static void print_counters(const struct vmm *vmm)
{
	const struct om_kvm *optee = vmm->optee;
	const struct om_guest *guest = om_kvm_guest(optee);
	unsigned int from, to;

	for (enum om_counter i = 0; i < OM_COUNTERS; i++)
		fprintf(stderr, "vmm: count %s %" PRIu64 "\n", om_counter_name(i),
			om_guest_counter(guest, i));
	for (enum om_kvm_counter i = 0; i < OM_KVM_COUNTERS; i++)
		fprintf(stderr, "vmm: count tee_%s %" PRIu64 "\n", om_kvm_counter_name(i),
			om_kvm_counter(optee, i));
	/* Calls by the vCPU that they began on and the one that they ended on. */
	for (from = 0; from < vmm->options.cpus; from++)
		for (to = 0; to < vmm->options.cpus; to++)
			fprintf(stderr, "vmm: count cpu%u_to_cpu%u %" PRIu64 "\n", from, to,
				vmm->moves.ended[from][to]);
}

static void destroy(struct vmm *vmm)
{
	if (vmm->options.counters)
		print_counters(vmm);
	/* A TA may ignore its cancellation; Linux closes everything when this process exits. */
	if (om_kvm_destroy(vmm->optee) == OM_KVM_OK)
		om_policy_unload(vmm->policy);
	else
		fputs("vmm: a call is still in OP-TEE, it ends with this process\n", stderr);
	vmm->optee = NULL;
}

const struct tee tee_in_process = {
	.create = create, .exit = serve_exit, .reset = reset, .destroy = destroy,
};
