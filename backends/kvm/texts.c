/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of results and names of counters. */
#include <optee_mediator/kvm.h>

const char *om_kvm_result_text(int result)
{
	switch (result) {
	case OM_KVM_OK:
		return "success";
	case OM_KVM_NOT_MINE:
		return "not for OP-TEE: the VMM handles this exit";
	case OM_KVM_AGAIN:
		return "OP-TEE is not done yet: poll om_kvm_wait_fd(), then call again";
	case OM_KVM_NEW_DRIVER:
		return "another kernel runs in the guest: reset its OP-TEE, its vCPUs stopped";
	case OM_KVM_IN_USE:
		return "OP-TEE shares some of this memory: leave it where it is";
	case OM_KVM_ERR_ARGUMENT:
		return "an argument is out of its range, or config.size is not set";
	case OM_KVM_ERR_NO_MEMORY:
		return "no memory, file descriptor or thread can be had";
	case OM_KVM_ERR_NO_FILTER:
		return "no SMCCC filter here: it takes arm64, Linux 6.4, and a VM that is not protected";
	case OM_KVM_ERR_VCPU_RAN:
		return "a vCPU has run already: set the filter before the first KVM_RUN";
	case OM_KVM_ERR_FILTER_SET:
		return "OP-TEE's functions are filtered already: set the filter once for each VM";
	case OM_KVM_ERR_FILTER:
		return "the kernel refused the SMCCC filter";
	case OM_KVM_ERR_NO_DEVICE:
		return "no TEE device: load the host's optee driver, or name another device";
	case OM_KVM_ERR_NO_ACCESS:
		return "no access to the TEE device: let the VMM's user read and write it";
	case OM_KVM_ERR_DEVICE:
		return "the TEE device does not work: see the kernel's log";
	case OM_KVM_ERR_NOT_OPTEE:
		return "not a device for OP-TEE's clients: name /dev/tee0, not tee-supplicant's /dev/teepriv0";
	case OM_KVM_ERR_NO_SHM:
		return "OP-TEE takes no memory of processes: build it with CFG_CORE_DYN_SHM=y";
	case OM_KVM_ERR_OVERLAP:
		return "the guest has another region at these addresses: remove it first";
	case OM_KVM_ERR_ID:
		return "another region has this id, or had it and is still being removed";
	case OM_KVM_ERR_FILE:
		return "the file is shorter than the region, or cannot be mapped to write";
	case OM_KVM_ERR_NO_REGION:
		return "there is no such region: it was not added, or is removed already";
	case OM_KVM_ERR_REGISTERS:
		return "the vCPU's registers are out of reach: call from the thread that runs it";
	default:
		return "unknown result";
	}
}

const char *om_kvm_counter_name(enum om_kvm_counter which)
{
	static const char *const names[OM_KVM_COUNTERS] = {
		[OM_KVM_COUNT_CALLS] = "calls",
		[OM_KVM_COUNT_SYSTEM_CALLS] = "system_calls",
		[OM_KVM_COUNT_INTERRUPTED] = "interrupted",
		[OM_KVM_COUNT_REFUSED_WORKERS] = "refused_workers",
		[OM_KVM_COUNT_REFUSED_SESSIONS] = "refused_sessions",
		[OM_KVM_COUNT_REFUSED_LOGIN] = "refused_login",
		[OM_KVM_COUNT_REFUSED_DEVICES] = "refused_devices",
		[OM_KVM_COUNT_IN_PLACE] = "in_place",
		[OM_KVM_COUNT_ALIASED] = "aliased",
		[OM_KVM_COUNT_COPIED] = "copied",
		[OM_KVM_COUNT_COPIED_BYTES] = "copied_bytes",
		[OM_KVM_COUNT_EVICTED] = "evicted",
		[OM_KVM_COUNT_ERRORS] = "errors",
		[OM_KVM_COUNT_SESSIONS_NOW] = "sessions_now",
		[OM_KVM_COUNT_REGISTRATIONS_NOW] = "registrations_now",
		[OM_KVM_COUNT_PINNED_NOW] = "pinned_now",
		[OM_KVM_COUNT_AWAKE] = "awake",
	};

	return (unsigned int)which < OM_KVM_COUNTERS ? names[which] : NULL;
}
