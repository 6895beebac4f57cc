/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE for the guests of a VMM on KVM, in user space: the host's own OP-TEE,
 * reached through Linux' TEE device, for guests with their unmodified drivers.
 *
 * Order of calls: om_kvm_create(); om_kvm_add_memory() for each region of RAM;
 * om_kvm_set_filter(), before any vCPU of the VM runs; then om_kvm_handle_exit() at
 * each KVM_EXIT_HYPERCALL. docs/kvm.md explains each step.
 *
 * What takes time returns OM_KVM_AGAIN: om_kvm_remove_memory(), om_kvm_reset() and
 * om_kvm_destroy(). Poll om_kvm_wait_fd() and call the same function again, until it returns
 * something else. The VMM is called back for policy, trace and recording only.
 *
 * The host needs arm64, Linux 6.4 or later, an OP-TEE built *without*
 * CFG_NS_VIRTUALIZATION, a TEE device that the VMM may open, and a running
 * tee-supplicant. A struct om_kvm is one guest; a process may have any number.
 *
 * A program that this process executes inherits no descriptor; but see docs/kvm.md,
 * "In the VMM's process", on fork().
 *
 * Unless its comment says otherwise, a function may be called on any thread, for one
 * guest on several at once, and blocks only for a mutex that is held briefly.
 */
#ifndef OPTEE_MEDIATOR_KVM_H
#define OPTEE_MEDIATOR_KVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/mediator.h>
#include <optee_mediator/policy_table.h>

/* Results; the comment of each function lists its own. Errors are negative. */
enum om_kvm_result {
	OM_KVM_OK = 0,
	OM_KVM_NOT_MINE,		/* the exit is not for OP-TEE; nothing has changed */
	OM_KVM_AGAIN,			/* not yet: poll om_kvm_wait_fd(), then call again */
	OM_KVM_NEW_DRIVER,		/* handled; the guest holds what an old driver left */
	OM_KVM_IN_USE,			/* OP-TEE shares some of it: leave the memory there */

	OM_KVM_ERR_ARGUMENT = -1,	/* an argument is not what its comment asks */
	OM_KVM_ERR_NO_MEMORY = -2,	/* no memory, thread or descriptor for this process */
	OM_KVM_ERR_NO_FILTER = -3,	/* this kernel or VM has no SMCCC filter */
	OM_KVM_ERR_VCPU_RAN = -4,	/* a vCPU has run: too late for the filter */
	OM_KVM_ERR_FILTER_SET = -5,	/* a filter for these functions exists already */
	OM_KVM_ERR_FILTER = -6,		/* the kernel refused the filter for another reason */
	OM_KVM_ERR_NO_DEVICE = -7,	/* there is no such TEE device */
	OM_KVM_ERR_NO_ACCESS = -8,	/* this process may not open the TEE device */
	OM_KVM_ERR_DEVICE = -9,		/* the TEE device failed for another reason */
	OM_KVM_ERR_NOT_OPTEE = -10,	/* no TEE device, another TEE's, or tee-supplicant's */
	OM_KVM_ERR_NO_SHM = -11,	/* OP-TEE cannot share memory of user space */
	OM_KVM_ERR_OVERLAP = -12,	/* the guest has other memory at these addresses */
	OM_KVM_ERR_ID = -13,		/* another region has this id */
	OM_KVM_ERR_FILE = -14,		/* the file is too short, or cannot be mapped to write */
	OM_KVM_ERR_NO_REGION = -15,	/* there is no such region */
	OM_KVM_ERR_REGISTERS = -16,	/* the vCPU's registers cannot be read or written */
};

/* The result as a sentence, with the remedy where there is one; a static string, never NULL. */
OM_API const char *om_kvm_result_text(int result);

/* Identities (logins) under which a guest's client may open a session. */
enum om_kvm_login {
	/*
	 * TEE_LOGIN_PUBLIC only; any other is answered TEEC_ERROR_ACCESS_DENIED.
	 * Linux tells OP-TEE the identity of the process that opened the device,
	 * which is the VMM, whichever client in the guest opens the session.
	 */
	OM_KVM_LOGIN_PUBLIC_ONLY = 0,
	/*
	 * USER and GROUP too: a TA then sees the user or a group of the *VMM*. Useful
	 * when each guest's VMM runs as a different user.
	 */
	OM_KVM_LOGIN_AS_VMM,
};

/*
 * The system calls that are made on the KVM and TEE devices. Replace them in tests, or
 * in a sandboxed VMM where a broker opens the device. Each returns what the system
 * call would, or -errno instead of -1. Called on any thread, on several at once.
 */
struct om_kvm_os {
	void *ctx;	/* the first argument of each */
	/*
	 * Opens the TEE device for reading and writing, closed on exec. Called by
	 * om_kvm_create() only, so a VMM may give up its right to the device afterwards.
	 */
	int (*open)(void *ctx, const char *path);
	/*
	 * KVM_* and TEE_IOC_*; and FIOCLEX, with arg NULL, on each descriptor that
	 * open or TEE_IOC_SHM_REGISTER returned: if it fails, the descriptor is
	 * closed.
	 */
	int (*ioctl)(void *ctx, int fd, unsigned long request, void *arg);
	int (*close)(void *ctx, int fd);
};

/*
 * Zero the struct first, then set size: 0 and NULL are the defaults of all other fields, and
 * new ones go to the end. A library that is older than this header refuses a field that it
 * does not know, unless the field is 0.
 */
struct om_kvm_config {
	/* sizeof(struct om_kvm_config). */
	size_t size;

	/* The device's path; NULL: "/dev/tee0". Copied. */
	const char *tee_device;

	/*
	 * Limits of the guest (limits.h); all 0: OM_LIMITS_DEFAULT. rpc_args of 1 is
	 * enough, because the host serves OP-TEE's requests. mapped_pages of 0 is
	 * 1,104 here, so that one call may use 4 MiB: the backend does not see which
	 * TAs are loaded, so it counts the parameters of every TA. All clients on the
	 * host share one window: docs/kvm.md.
	 */
	struct om_limits limits;

	/*
	 * Calls of this guest in OP-TEE at once: 1..64; 0: 2, which is OP-TEE's
	 * default number of threads. Each takes a thread of this process, a worker;
	 * one more worker is for CANCEL. One call more is answered ETHREAD_LIMIT,
	 * and Linux sleeps until one of its calls ends.
	 */
	uint32_t workers;

	/* Sessions open at once: 1..4096; 0: 64. One more: TEEC_ERROR_OUT_OF_MEMORY. */
	uint32_t sessions;

	/*
	 * Buffers registered with the TEE device at once, a file descriptor each:
	 * 1..4096; 0: 128. One more replaces one that no call uses; if calls use all
	 * of them, the memory is copied instead.
	 */
	uint32_t registrations;

	/*
	 * How long a vCPU waits for OP-TEE before it returns to its guest, which can
	 * then take interrupts, in microseconds: 1..100000; 0: 1000.
	 */
	uint32_t wait_us;

	enum om_kvm_login login;

	/* NULL: the system calls themselves. Copied. */
	const struct om_kvm_os *os;

	/* The first argument of the callbacks below. */
	void *user;

	/*
	 * Optional policy, as om_host_ops.authorize (host.h). Asked for what the
	 * backend itself allows (it checks the login, and hides the pseudo-TA that
	 * lists devices). Called on a vCPU's thread.
	 */
	uint32_t (*authorize)(void *user, const struct om_request *request);

	/* Optional: as om_host_ops.trace. Host addresses are those of this process. */
	void (*trace)(void *user, const struct om_trace_event *event);

	/*
	 * Optional: which TAs the guest may use, and under which UUID OP-TEE knows them
	 * (policy_table.h). Asked after the backend's own checks and before authorize. Must
	 * not change until om_kvm_destroy() returned OM_KVM_OK. NULL: all TAs.
	 */
	const struct om_policy *policy;

	/*
	 * Optional: gets a recording of all that passes between guest and OP-TEE (record.h,
	 * docs/recording.md) as a stream, in pieces: `bytes` is valid during the call. Called
	 * inside om_kvm_create(), om_kvm_handle_exit(), om_kvm_call(), om_kvm_reset() and
	 * om_kvm_destroy(), once at a time, with a lock held: it may call no function for this
	 * guest. It cannot fail: if it drops a piece, the recording ends there.
	 */
	void (*record)(void *user, const void *bytes, size_t len);

	/*
	 * How long a worker that has ended a call stays awake for the next one, in
	 * microseconds: 1..1000; 0: 20. A call that comes in that time is handed over, and
	 * back if it is as short, without a system call; the vCPU then waits awake, too.
	 * Where the process may use one CPU only, all of them sleep at once.
	 */
	uint32_t spin_us;
};

/*
 * Makes KVM pass the guest's OP-TEE calls, by SMC and by HVC, to user space:
 * function ids 0x3200xxxx, 0xb200xxxx, 0xbf00ff00 to 0xbf00ff03, and the same with
 * the SVE hint (bit 16). It does not change how any other call is handled.
 *
 * vm_fd: from KVM_CREATE_VM; no vCPU of that VM has run. os: as in the config.
 * A filter cannot be removed: call this only after om_kvm_create() succeeded, because
 * from then on om_kvm_handle_exit() has to handle the calls.
 * Returns OM_KVM_OK, _ERR_ARGUMENT, _ERR_NO_FILTER, _ERR_VCPU_RAN,
 * _ERR_FILTER_SET, _ERR_FILTER.
 * Source: Linux, Documentation/virt/kvm/devices/vm.rst, "KVM_ARM_VM_SMCCC_CTRL".
 */
OM_API int om_kvm_set_filter(int vm_fd, const struct om_kvm_os *os);

struct om_kvm;

/*
 * Opens the TEE device for a new guest and starts its workers. The guest's memory is
 * added later.
 *
 * config: NULL for all defaults; not needed after the call, except what its `user`
 * points to. Blocks for as long as opening the device does.
 * Returns OM_KVM_OK with *out set; or, with nothing held and *out untouched,
 * OM_KVM_ERR_ARGUMENT, _ERR_NO_MEMORY, _ERR_NO_DEVICE, _ERR_NO_ACCESS,
 * _ERR_DEVICE, _ERR_NOT_OPTEE, _ERR_NO_SHM.
 */
OM_API int om_kvm_create(const struct om_kvm_config *config, struct om_kvm **out);

enum om_kvm_memory_flags {
	/*
	 * The mapping at hva is MAP_SHARED (memfd, shared anonymous): its scattered
	 * pages can be mapped a second time, one after the other, so that OP-TEE can
	 * use them in place. Without this flag, or the next, they are copied.
	 */
	OM_KVM_MEMORY_SHARED = 1 << 0,
	/*
	 * The memory is `size` bytes of a file (memfd, hugetlbfs) from `offset` on: fd and
	 * offset are set. hva is a MAP_SHARED mapping of them; or NULL: the backend makes
	 * one. What has to be mapped a second time is mapped from the file.
	 */
	OM_KVM_MEMORY_FILE = 1 << 1,
};

/*
 * A region of the guest's RAM. Zero the struct first. All of gpa, size, hva and offset are
 * multiples of 4096 and of the host's page size.
 */
struct om_kvm_memory {
	/*
	 * The VMM's own name for the region, which no other of the guest has: of those that
	 * om_kvm_remove_memory() has not returned OM_KVM_OK for. A number, or the address
	 * of what the VMM knows of the region.
	 */
	uint64_t id;
	uint64_t gpa;		/* where the guest has it */
	uint64_t size;
	void *hva;		/* where this process has it mapped, for reading and writing */
	unsigned int flags;	/* enum om_kvm_memory_flags */
	int fd;			/* duplicated: the VMM may close its own */
	uint64_t offset;
};

/*
 * Adds a region of the guest's RAM. Add only RAM that the guest may write: never devices,
 * nor memory slots that are KVM_MEM_READONLY.
 *
 * memory: not needed after the call. The mapping at hva must not change until
 * om_kvm_remove_memory() has returned OM_KVM_OK for every region that contains it. Regions
 * must not overlap in the guest, except those that are being removed; in this process they
 * may, so the same memory can be added again, whole or in parts, while it leaves.
 * Context: also while vCPUs run (hotplug).
 * Returns OM_KVM_OK; or, with nothing changed, OM_KVM_ERR_ARGUMENT, _ERR_OVERLAP, _ERR_ID,
 * _ERR_FILE, _ERR_NO_MEMORY.
 */
OM_API int om_kvm_add_memory(struct om_kvm *kvm, const struct om_kvm_memory *memory);

/*
 * Removes a region from the guest: from now on no call can share it. The VMM may take it out
 * of the guest at once, but must not unmap it in this process, nor close what it is made of,
 * before the result is OM_KVM_OK.
 *
 * Returns OM_KVM_OK: the id, and the memory, are free. OM_KVM_AGAIN: some of it is shared
 * with OP-TEE, until the guest unregisters it or is reset; poll om_kvm_wait_fd(), then call
 * again. It is not undone: to have the memory back, add it under another id.
 * OM_KVM_ERR_NO_REGION: no region has this id.
 */
OM_API int om_kvm_remove_memory(struct om_kvm *kvm, uint64_t id);

/*
 * Asks whether guest memory may be discarded (balloon, MADV_DONTNEED, punching a hole). A
 * guest gives away no page that it shares with OP-TEE, unless it is broken: then leave the
 * memory where it is. It is only a question: nothing is remembered, there is nothing to take
 * back, and a VMM that discards shared pages all the same harms that guest alone.
 *
 * gpa, size: multiples of 4096. They may span regions that follow each other in the guest.
 * Returns OM_KVM_OK: no page of them is shared now. OM_KVM_IN_USE: one is; for the others
 * ask about smaller ranges. OM_KVM_ERR_NO_REGION: some of it is in no region.
 */
OM_API int om_kvm_may_discard(struct om_kvm *kvm, uint64_t gpa, uint64_t size);

struct kvm_run;

/*
 * Handles a KVM_EXIT_HYPERCALL of a vCPU: reads the registers that the function takes,
 * makes the call, writes the results. Then the VMM enters the guest again.
 *
 * vcpu: the vCPU's number, a hint for locality; any value is safe. vcpu_fd, run:
 * those of this vCPU. Context: the thread that runs this vCPU; for several vCPUs at
 * once; not during om_kvm_reset() and om_kvm_destroy(). Waits at most config.wait_us
 * for OP-TEE: if the call takes longer, the guest resumes it.
 * Returns OM_KVM_OK, handled; OM_KVM_NOT_MINE: the VMM has to handle this exit;
 * OM_KVM_ERR_REGISTERS: KVM refused to read or write the vCPU's registers.
 *
 * OM_KVM_NEW_DRIVER: handled, but the driver that made this call is not the one that
 * opened the guest's sessions and shared its memory: the guest runs another kernel
 * (kexec). The VMM should stop the guest's other vCPUs, call om_kvm_reset() until it
 * does not return OM_KVM_AGAIN, and let all of them go on. If it does not, the old
 * kernel's sessions and buffers count against the limits until the next reset.
 */
OM_API int om_kvm_handle_exit(struct om_kvm *kvm, unsigned int vcpu, int vcpu_fd,
			      struct kvm_run *run);

/*
 * As om_kvm_handle_exit(), for a VMM that reads and writes the registers itself. regs:
 * x0..x7, of which those that om_kvm_wanted_registers() does not name may be 0; on return
 * a[0]..a[3] are the results, of which om_kvm_changed_registers() names those to write.
 * Returns OM_KVM_OK, OM_KVM_NEW_DRIVER or OM_KVM_NOT_MINE.
 */
OM_API int om_kvm_call(struct om_kvm *kvm, unsigned int vcpu, struct om_regs *regs);

/*
 * The registers that a function takes, one bit each: bit 0 is x0, which is fid itself. Three
 * at most, where KVM makes a system call of each. 0: the exit is not for OP-TEE.
 * fid: the low 32 bits of x0, as in kvm_run.hypercall.nr. Takes no lock.
 */
OM_API unsigned int om_kvm_wanted_registers(uint32_t fid);

/*
 * The registers of x0..x3 that have to be written after om_kvm_call(), one bit each: the
 * guest has, or does not want, the others. fid: as it was before the call. Takes no lock.
 */
OM_API unsigned int om_kvm_changed_registers(uint32_t fid, const struct om_regs *regs);

/*
 * Resets the guest's OP-TEE (reboot, kexec): closes its sessions and gives back all that
 * it shared; its regions stay, and so does the descriptor of the TEE device, which is not
 * opened again. Context: all vCPUs stopped.
 *
 * Each call of this function cancels every call of the guest in OP-TEE once, and again if
 * that fails; a worker does so, also after this returned. Waits at most 100 ms for the
 * calls to end. Then closing each session takes a secure thread, and waits for one.
 * Returns OM_KVM_OK. OM_KVM_AGAIN: a call is still in OP-TEE (a TA can ignore its
 * cancellation); call again, when om_kvm_wait_fd() is readable or after a second, and
 * before any other function but om_kvm_destroy() and om_kvm_remove_memory().
 */
OM_API int om_kvm_reset(struct om_kvm *kvm);

/*
 * Destroys the guest: closes its sessions, releases its memory, also what is still being
 * removed, ends the workers. Context: all vCPUs stopped.
 *
 * Returns OM_KVM_OK: *kvm must not be used any more, all regions are free. OM_KVM_AGAIN: as
 * for om_kvm_reset(); the guest's memory has to stay mapped. A VMM that does not want to
 * wait may exit: Linux closes sessions and releases memory of any process that ends.
 */
OM_API int om_kvm_destroy(struct om_kvm *kvm);

/*
 * The descriptor to wait on (poll, epoll) after OM_KVM_AGAIN. It is readable while a call
 * again of what returned it would succeed: om_kvm_remove_memory(), since the region is not
 * shared any more; om_kvm_reset() or om_kvm_destroy(), since no call of the guest is in
 * OP-TEE. Which of them it is it does not tell.
 *
 * The backend owns it: do not read, write or close it. Returns the same descriptor, never
 * an error, from om_kvm_create() until om_kvm_destroy() returns OM_KVM_OK and closes it.
 */
OM_API int om_kvm_wait_fd(const struct om_kvm *kvm);

/* The core's guest, for om_guest_counter() only; valid until om_kvm_destroy(). */
OM_API const struct om_guest *om_kvm_guest(const struct om_kvm *kvm);

/* Counters of the TEE device. The order is stable; new ones go to the end. */
enum om_kvm_counter {
	OM_KVM_COUNT_CALLS,		/* calls given to a worker */
	OM_KVM_COUNT_SYSTEM_CALLS,	/* on the TEE device: open, ioctl, close */
	OM_KVM_COUNT_INTERRUPTED,	/* waits that ended with FOREIGN_INTR */
	OM_KVM_COUNT_REFUSED_WORKERS,	/* calls answered ETHREAD_LIMIT: no worker free */
	OM_KVM_COUNT_REFUSED_SESSIONS,	/* OPEN beyond config.sessions */
	OM_KVM_COUNT_REFUSED_LOGIN,	/* OPEN with a login the policy refuses */
	OM_KVM_COUNT_REFUSED_DEVICES,	/* OPEN of the pseudo-TA that lists devices */
	OM_KVM_COUNT_IN_PLACE,		/* buffers registered where they are mapped */
	OM_KVM_COUNT_ALIASED,		/* buffers registered through an alias (docs/kvm.md) */
	OM_KVM_COUNT_COPIED,		/* memory references that were copied */
	OM_KVM_COUNT_COPIED_BYTES,
	OM_KVM_COUNT_EVICTED,		/* registrations ended to make place for another */
	OM_KVM_COUNT_ERRORS,		/* system calls that failed */
	OM_KVM_COUNT_SESSIONS_NOW,
	OM_KVM_COUNT_REGISTRATIONS_NOW,
	OM_KVM_COUNT_PINNED_NOW,	/* guest pages in use */
	OM_KVM_COUNT_AWAKE,		/* calls given to a worker that was awake: config.spin_us */
	OM_KVM_COUNTERS			/* the number of counters */
};

/* The value of a counter since creation, 0 for an unknown one. */
OM_API uint64_t om_kvm_counter(const struct om_kvm *kvm, enum om_kvm_counter which);

/* Its name in lower case with underscores, a static string; NULL when unknown. */
OM_API const char *om_kvm_counter_name(enum om_kvm_counter which);

#endif
