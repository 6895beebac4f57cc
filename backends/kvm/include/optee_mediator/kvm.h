/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE for the guests of a VMM on KVM, in user space: the host's own OP-TEE,
 * reached through Linux' TEE device, for guests with their unmodified drivers.
 *
 * Order of calls: om_kvm_create(); om_kvm_add_memory() for each piece of RAM;
 * om_kvm_set_filter(), before any vCPU of the VM runs; then om_kvm_handle_exit() at
 * each KVM_EXIT_HYPERCALL. docs/kvm.md walks through it.
 *
 * Needs on the host: arm64, Linux 6.4 or later, an OP-TEE built *without*
 * CFG_NS_VIRTUALIZATION, a TEE device the VMM may open, tee-supplicant running.
 * One object is one guest. Any number can exist in a process.
 *
 * A program that this process executes inherits nothing of it; but see docs/kvm.md,
 * "In the VMM's process", on fork().
 *
 * Unless a function says otherwise it may be called on any thread, for one
 * object from several at once, and blocks for no longer than a mutex.
 */
#ifndef OPTEE_MEDIATOR_KVM_H
#define OPTEE_MEDIATOR_KVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/mediator.h>

/* What the functions below return; each says which of these it can. Errors are negative. */
enum om_kvm_result {
	OM_KVM_OK = 0,
	OM_KVM_NOT_MINE,		/* the exit is not for OP-TEE; nothing was touched */
	OM_KVM_AGAIN,			/* a call is still in the secure world: call again */
	OM_KVM_DEFERRED,		/* memory is in use: memory_released() will follow */
	OM_KVM_NEW_DRIVER,		/* handled; the guest holds what an old driver left */

	OM_KVM_ERR_ARGUMENT = -1,	/* an argument is not what its comment asks */
	OM_KVM_ERR_NO_MEMORY = -2,	/* this process gets no memory, thread or descriptor */
	OM_KVM_ERR_NO_FILTER = -3,	/* this kernel or VM has no SMCCC filter */
	OM_KVM_ERR_VCPU_RAN = -4,	/* a vCPU has run: too late for the filter */
	OM_KVM_ERR_FILTER_SET = -5,	/* somebody filters these functions already */
	OM_KVM_ERR_FILTER = -6,		/* the kernel refused the filter otherwise */
	OM_KVM_ERR_NO_DEVICE = -7,	/* there is no such TEE device */
	OM_KVM_ERR_NO_ACCESS = -8,	/* this process may not open the TEE device */
	OM_KVM_ERR_DEVICE = -9,		/* the TEE device failed otherwise */
	OM_KVM_ERR_NOT_OPTEE = -10,	/* the TEE behind the device is not OP-TEE */
	OM_KVM_ERR_NO_SHM = -11,	/* it takes no memory of user space */
	OM_KVM_ERR_OVERLAP = -12,	/* the memory overlaps a region that is there */
	OM_KVM_ERR_READ_ONLY = -13,	/* read-only memory cannot be shared: leave it out */
	OM_KVM_ERR_NO_REGION = -14,	/* no region is exactly this */
	OM_KVM_ERR_PINNED = -15,	/* memory is in use, and nobody to be told later */
	OM_KVM_ERR_REGISTERS = -16,	/* the vCPU's registers cannot be read or written */
};

/* A sentence for a person, with the cure where there is one; a static string, never NULL. */
OM_API const char *om_kvm_result_text(int result);

/* Who a guest's client may say it is when it opens a session. */
enum om_kvm_login {
	/*
	 * TEE_LOGIN_PUBLIC only; all else is answered TEEC_ERROR_ACCESS_DENIED.
	 * Linux tells OP-TEE the identity of the process that opened the
	 * session: that is the VMM's, whoever the client in the guest is.
	 */
	OM_KVM_LOGIN_PUBLIC_ONLY = 0,
	/*
	 * USER and GROUP are passed on too: a TA then sees the user or a group of
	 * the *VMM*. Of use when each guest's VMM has a user of its own.
	 */
	OM_KVM_LOGIN_AS_VMM,
};

/*
 * The system calls that are made on the KVM and TEE devices. For tests, and for a
 * VMM in a sandbox whose broker opens the device. Each returns what the system
 * call would, or -errno instead of -1. Called from any thread at once.
 */
struct om_kvm_os {
	void *ctx;	/* the first argument of each */
	/* Opens the TEE device for reading and writing, closed on exec. */
	int (*open)(void *ctx, const char *path);
	/*
	 * KVM_* and TEE_IOC_*; and FIOCLEX, with arg NULL, on each descriptor that
	 * open or TEE_IOC_SHM_REGISTER returned: where it fails the descriptor is
	 * closed again.
	 */
	int (*ioctl)(void *ctx, int fd, unsigned long request, void *arg);
	int (*close)(void *ctx, int fd);
};

/* Zero the struct first: 0 and NULL are the defaults, and new fields go to the end. */
struct om_kvm_config {
	/* The device; NULL: "/dev/tee0". Copied. */
	const char *tee_device;

	/*
	 * What the guest may make the mediator hold (limits.h); all 0:
	 * OM_LIMITS_DEFAULT. rpc_args of 1 is enough: requests stay in the host.
	 * mapped_pages of 0 is 1,104 here, so that one call may use 4 MiB: who loads a
	 * TA is not seen, and so the parameters for every TA are counted. The window
	 * is the host's own, shared by all its clients: docs/kvm.md.
	 */
	struct om_limits limits;

	/*
	 * Calls of this guest in OP-TEE at once: 1..64; 0: 2, as many as an OP-TEE
	 * has threads when nobody asked for more. Each is a thread of this
	 * process; one more is kept for CANCEL. A guest's call beyond is
	 * answered ETHREAD_LIMIT, on which it sleeps until one of its own ends.
	 */
	uint32_t workers;

	/* Sessions open at once: 1..4096; 0: 64. One more: TEEC_ERROR_OUT_OF_MEMORY. */
	uint32_t sessions;

	/*
	 * Buffers registered with the TEE device at once, a file descriptor each:
	 * 1..4096; 0: 128. One more takes the place of one that is not in use; if
	 * there is none the memory is copied instead.
	 */
	uint32_t registrations;

	/*
	 * How long a vCPU waits for OP-TEE before its guest is given a chance to
	 * take interrupts, in microseconds: 1..100000; 0: 1000.
	 */
	uint32_t wait_us;

	enum om_kvm_login login;

	/* NULL: the system calls themselves. Copied. */
	const struct om_kvm_os *os;

	/* The first argument of the callbacks below. */
	void *user;

	/*
	 * Optional policy, as om_host_ops.authorize (host.h): asked after the
	 * backend's own (the login, the device pseudo-TA). On a vCPU's thread.
	 */
	uint32_t (*authorize)(void *user, const struct om_request *request);

	/* Optional: as om_host_ops.trace. Addresses in it are this process's. */
	void (*trace)(void *user, const struct om_trace_event *event);

	/*
	 * Optional: memory that om_kvm_remove_memory() or om_kvm_discard_memory()
	 * deferred is not in use any more. On a vCPU's thread or inside a
	 * lifetime function, with no lock held: om_kvm_add_memory() and
	 * om_kvm_remove_memory() may be called from it, the others not.
	 */
	void (*memory_released)(void *user, uint64_t gpa, uint64_t size);
};

/*
 * Makes KVM hand the guest's OP-TEE calls, by SMC and by HVC, to user space:
 * function ids 0x3200xxxx, 0xb200xxxx, 0xbf00ff00 to 0xbf00ff03, and the same with
 * the SVE hint (bit 16). All others stay KVM's, or whoever's they were.
 *
 * vm_fd: from KVM_CREATE_VM, none of whose vCPUs has run. os: as in the config.
 * The kernel never takes a filter back: a VM it was set on is of no use without
 * om_kvm_handle_exit(); call it when om_kvm_create() succeeded.
 * Returns OM_KVM_OK, _ERR_ARGUMENT, _ERR_NO_FILTER, _ERR_VCPU_RAN,
 * _ERR_FILTER_SET, _ERR_FILTER.
 * Source: Linux, Documentation/virt/kvm/devices/vm.rst, "KVM_ARM_VM_SMCCC_CTRL".
 */
OM_API int om_kvm_set_filter(int vm_fd, const struct om_kvm_os *os);

struct om_kvm;

/*
 * Opens the TEE device for a new guest and starts its workers. Nothing of the
 * guest's memory is known yet.
 *
 * config: may be NULL for all defaults; not needed after the call, but what user
 * points to is. Blocks for as long as opening the device does.
 * Returns OM_KVM_OK with *out set; or, with nothing held and *out untouched,
 * OM_KVM_ERR_ARGUMENT, _ERR_NO_MEMORY, _ERR_NO_DEVICE, _ERR_NO_ACCESS,
 * _ERR_DEVICE, _ERR_NOT_OPTEE, _ERR_NO_SHM.
 */
OM_API int om_kvm_create(const struct om_kvm_config *config, struct om_kvm **out);

enum om_kvm_memory_flags {
	/*
	 * The mapping at hva is MAP_SHARED (memfd, shared anonymous): scattered
	 * pages of it can be mapped a second time, in order, so that OP-TEE takes
	 * them where they are. Without it they are copied.
	 */
	OM_KVM_MEMORY_SHARED = 1 << 0,
	/* KVM_MEM_READONLY of the memory slot: see OM_KVM_ERR_READ_ONLY. */
	OM_KVM_MEMORY_READ_ONLY = 1 << 1,
};

/*
 * Tells where RAM of the guest's is mapped in this process. Only RAM the guest
 * may write belongs here; never devices.
 *
 * gpa, size, hva: multiples of 4096 and of the host's page size. The mapping must
 * stay as it is until om_kvm_remove_memory() returned OM_KVM_OK or
 * memory_released() was called. Regions overlap neither in the guest nor here.
 * Context: also while vCPUs run (hotplug).
 * Returns OM_KVM_OK, _ERR_ARGUMENT, _ERR_OVERLAP, _ERR_READ_ONLY, _ERR_NO_MEMORY.
 */
OM_API int om_kvm_add_memory(struct om_kvm *kvm, uint64_t gpa, uint64_t size, void *hva,
			     unsigned int flags);

/*
 * The region leaves the guest. Calls from now on cannot share it.
 *
 * gpa, size: exactly as added.
 * Returns OM_KVM_OK: the mapping may go. OM_KVM_DEFERRED: some of it is shared
 * with OP-TEE and has to stay mapped here (not in the guest) until
 * memory_released(gpa, size). OM_KVM_ERR_PINNED: the same, but the config has no
 * memory_released: nothing has changed, try again later. OM_KVM_ERR_NO_REGION.
 */
OM_API int om_kvm_remove_memory(struct om_kvm *kvm, uint64_t gpa, uint64_t size);

/*
 * Asks before pages are taken from under a region that stays (balloon,
 * MADV_DONTNEED, punching a hole). To do it regardless harms the guest alone: what
 * it shares and what it sees would no longer be the same page.
 *
 * gpa, size: multiples of 4096, inside one region.
 * Returns OM_KVM_OK: none is shared now. OM_KVM_DEFERRED: some are; for each of
 * these pages memory_released(gpa of the page, 4096) is called once, when its last
 * use ends. OM_KVM_ERR_PINNED: the same without memory_released in the config.
 * OM_KVM_ERR_NO_REGION.
 */
OM_API int om_kvm_discard_memory(struct om_kvm *kvm, uint64_t gpa, uint64_t size);

struct kvm_run;

/*
 * Handles a KVM_EXIT_HYPERCALL of a vCPU: reads the registers the function takes,
 * makes the call, writes the results. Then enter the guest again.
 *
 * vcpu: the vCPU's number, a hint for locality; any value is safe. vcpu_fd, run:
 * the vCPU's. Context: the thread that runs this vCPU; for several vCPUs at once;
 * not during om_kvm_reset() and om_kvm_destroy(). Waits up to config.wait_us for
 * OP-TEE, never longer: the guest comes back for the rest.
 * Returns OM_KVM_OK, handled; OM_KVM_NOT_MINE: another exit reason or function,
 * the VMM's to handle; OM_KVM_ERR_REGISTERS: the vCPU is not in order.
 *
 * OM_KVM_NEW_DRIVER: handled, and another kernel runs in the guest than the one that
 * opened sessions and shared memory (kexec): a driver asks what OP-TEE can do, which each
 * does once, when it starts. The VMM should stop the guest's other vCPUs, call
 * om_kvm_reset() until it is done, and let all of them go on. If it does not, the old
 * kernel's sessions and buffers count against the limits until the guest's next reset.
 */
OM_API int om_kvm_handle_exit(struct om_kvm *kvm, unsigned int vcpu, int vcpu_fd,
			      struct kvm_run *run);

/*
 * The same without KVM: for a VMM that has the registers. regs: x0..x7, results
 * in a[0]..a[3]. Returns OM_KVM_OK, OM_KVM_NEW_DRIVER or OM_KVM_NOT_MINE.
 */
OM_API int om_kvm_call(struct om_kvm *kvm, unsigned int vcpu, struct om_regs *regs);

/*
 * The guest starts over (reboot, kexec): sessions are closed, all it shared is given
 * back, its regions stay. Context: all vCPUs stopped.
 *
 * Calls in OP-TEE are cancelled, each once for every call of this function, and again
 * where that fails; this goes on after it returned. Waits up to 100 ms for them. Closing
 * what is left takes secure threads, and waits while others have them all.
 * Returns OM_KVM_OK. OM_KVM_AGAIN: a call is still in OP-TEE (a TA can ignore its
 * cancellation); call again, when om_kvm_wait_fd() is readable or after a second, and
 * before any other function but om_kvm_destroy(). OM_KVM_ERR_DEVICE: the device cannot
 * be opened again: nothing is held, every call of the guest fails, it can only be
 * reset or destroyed.
 */
OM_API int om_kvm_reset(struct om_kvm *kvm);

/*
 * The guest is gone: sessions are closed, all memory is released, memory_released()
 * is called where it is due, the workers end. Context: all vCPUs stopped.
 *
 * Returns OM_KVM_OK: *kvm must not be used any more. OM_KVM_AGAIN: as above; keep the
 * guest's memory mapped meanwhile. A VMM that does not want to wait may exit: the kernel
 * does the same for a process that ends, however it ends.
 */
OM_API int om_kvm_destroy(struct om_kvm *kvm);

/*
 * What to wait on after OM_KVM_AGAIN of om_kvm_reset() or om_kvm_destroy(): a descriptor
 * that is readable (poll, epoll) from when no call of the guest is in OP-TEE any more
 * until one of the two is called again, which then ends. At other times it is not.
 *
 * It is the backend's: not to be read, written or closed. Returns the same one, never an
 * error, from om_kvm_create() until om_kvm_destroy() returns OM_KVM_OK, which closes it.
 */
OM_API int om_kvm_wait_fd(const struct om_kvm *kvm);

/* The guest inside, for om_guest_counter() alone; valid until om_kvm_destroy(). */
OM_API const struct om_guest *om_kvm_guest(const struct om_kvm *kvm);

/* What is counted on the TEE device. The order is stable; new ones go to the end. */
enum om_kvm_counter {
	OM_KVM_COUNT_CALLS,		/* calls given to a worker */
	OM_KVM_COUNT_SYSTEM_CALLS,	/* on the TEE device: open, ioctl, close */
	OM_KVM_COUNT_INTERRUPTED,	/* waits that ended with FOREIGN_INTR */
	OM_KVM_COUNT_REFUSED_WORKERS,	/* calls answered ETHREAD_LIMIT: no worker free */
	OM_KVM_COUNT_REFUSED_SESSIONS,	/* OPEN beyond config.sessions */
	OM_KVM_COUNT_REFUSED_LOGIN,	/* OPEN with a login the policy refuses */
	OM_KVM_COUNT_REFUSED_DEVICES,	/* OPEN of the device pseudo-TA */
	OM_KVM_COUNT_IN_PLACE,		/* buffers registered where the guest has them */
	OM_KVM_COUNT_ALIASED,		/* ... after mapping their pages in order */
	OM_KVM_COUNT_COPIED,		/* memory references that were copied */
	OM_KVM_COUNT_COPIED_BYTES,
	OM_KVM_COUNT_EVICTED,		/* registrations given up for another */
	OM_KVM_COUNT_ERRORS,		/* system calls that failed */
	OM_KVM_COUNT_SESSIONS_NOW,
	OM_KVM_COUNT_REGISTRATIONS_NOW,
	OM_KVM_COUNT_PINNED_NOW,	/* pages of the guest's in use */
	OM_KVM_COUNTERS			/* how many there are */
};

/* The value of a counter since creation, 0 for an unknown one. */
OM_API uint64_t om_kvm_counter(const struct om_kvm *kvm, enum om_kvm_counter which);

/* Its name in lower case with underscores, a static string; NULL when unknown. */
OM_API const char *om_kvm_counter_name(enum om_kvm_counter which);

#endif
