/* SPDX-License-Identifier: BSD-2-Clause */
/* The conduit. See tee_conduit.h. Knows the SMC interface; knows no messages. */
#define _GNU_SOURCE
#include "tee_conduit.h"

#include <linux/tee.h>
#include <string.h>

#include <optee_mediator/abi_smc.h>

static void run(void *ctx, struct om_tee_job *job, struct om_tee_arena *arena)
{
	struct om_tee_conduit *conduit = ctx;

	om_tee_call_make(&conduit->calls, &job->call, arena);
}

int om_tee_conduit_init(struct om_tee_conduit *conduit, const char *path,
			struct om_memory *memory, uint32_t workers, uint32_t registrations)
{
	struct om_tee_calls *calls = &conduit->calls;
	int result = om_tee_open(&calls->device, path);

	if (result != OM_KVM_OK)
		return result;
	result = om_tee_calls_init(calls, memory, registrations);
	if (result == OM_KVM_OK) {
		result = om_tee_pool_init(&conduit->pool, memory->wake, workers, conduit->threads,
					  conduit->spin_us, run, conduit);
		if (result != OM_KVM_OK)
			om_tee_calls_exit(calls);
	}
	if (result != OM_KVM_OK)
		om_tee_close(&calls->device);
	return result;
}

void om_tee_conduit_exit(struct om_tee_conduit *conduit)
{
	om_tee_pool_exit(&conduit->pool);
	om_tee_calls_exit(&conduit->calls);
	om_tee_close(&conduit->calls.device);
}

static void set(struct om_regs *regs, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3)
{
	regs->a[0] = a0;
	regs->a[1] = a1;
	regs->a[2] = a2;
	regs->a[3] = a3;
}

static void finish(struct om_tee_conduit *conduit, struct om_tee_job *job, struct om_regs *regs)
{
	om_tee_call_write(&job->call, job->message);
	om_tee_call_release(&conduit->calls, &job->call);
	om_tee_pool_give(&conduit->pool, job);
	set(regs, OPTEE_SMC_RETURN_OK, 0, 0, 0);
}

/* Waits for the worker; when time is up the guest takes its interrupts and resumes. */
static void wait(struct om_tee_conduit *conduit, struct om_tee_job *job, struct om_regs *regs)
{
	struct om_tee_pool *pool = &conduit->pool;

	if (!om_tee_pool_wait(pool, job, conduit->wait_us)) {
		om_tee_count(&conduit->calls.device, OM_KVM_COUNT_INTERRUPTED, 1);
		set(regs, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0, (uint32_t)(job - pool->jobs));
		return;
	}
	finish(conduit, job, regs);
}

static void call_with_arg(struct om_tee_conduit *conduit, struct om_regs *regs)
{
	struct om_tee_calls *calls = &conduit->calls;
	void *message = (void *)(uintptr_t)(regs->a[1] << 32 | (uint32_t)regs->a[2]);
	uint32_t cmd = ((const struct optee_msg_hdr *)message)->cmd;
	struct om_tee_job *job;

	job = om_tee_pool_take(&conduit->pool, cmd == OPTEE_MSG_CMD_CANCEL ? OM_TEE_LANE_CANCEL :
									   OM_TEE_LANE_CALLS);
	if (!job) {
		om_tee_count(&calls->device, OM_KVM_COUNT_REFUSED_WORKERS, 1);
		set(regs, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
		return;
	}
	job->message = message;
	if (om_tee_call_begin(calls, message, &job->call)) {
		om_tee_count(&calls->device, OM_KVM_COUNT_CALLS, 1);
		if (om_tee_pool_start(&conduit->pool, job))
			om_tee_count(&calls->device, OM_KVM_COUNT_AWAKE, 1);
		wait(conduit, job, regs);
		return;
	}
	finish(conduit, job, regs);
}

/* The core resumes only ids that it was given, each once; others are refused here. */
static void resume(struct om_tee_conduit *conduit, struct om_regs *regs)
{
	uint32_t thread = (uint32_t)regs->a[3];

	if (thread >= conduit->pool.job_count ||
	    om_tee_pool_state(&conduit->pool, &conduit->pool.jobs[thread]) == OM_TEE_JOB_FREE) {
		set(regs, OPTEE_SMC_RETURN_ERESUME, 0, 0, 0);
		return;
	}
	wait(conduit, &conduit->pool.jobs[thread], regs);
}

/*
 * No worker has a job: om_tee_pool_quiesce() has returned true. The device stays open, because
 * after a reset the VMM may have no right to open it any more.
 */
static void vm_destroyed(struct om_tee_conduit *conduit, struct om_regs *regs)
{
	struct om_tee_calls *calls = &conduit->calls;
	struct om_tee_pool *pool = &conduit->pool;
	uint32_t i;

	for (i = 0; i < pool->job_count; i++) {
		if (om_tee_pool_state(pool, &pool->jobs[i]) != OM_TEE_JOB_DONE)
			continue;
		om_tee_call_release(calls, &pool->jobs[i].call);
		om_tee_pool_give(pool, &pool->jobs[i]);
	}
	om_tee_calls_forget_all(calls);
	for (i = 0; i < pool->worker_count; i++)
		om_tee_arena_free(&calls->shm, &pool->workers[i].arena);
	set(regs, OPTEE_SMC_RETURN_OK, 0, 0, 0);
}

/*
 * The capabilities that the host has and a guest can use. RPC_ARG is left out: the guest
 * gets no requests, and calls of that kind take one more register, which costs a
 * system call.
 */
static uint32_t capabilities(const struct om_tee_conduit *conduit)
{
	uint32_t caps = OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM | OPTEE_SMC_SEC_CAP_DYNAMIC_SHM |
			OPTEE_SMC_SEC_CAP_VIRTUALIZATION;

	if (conduit->calls.device.gen_caps & TEE_GEN_CAP_MEMREF_NULL)
		caps |= OPTEE_SMC_SEC_CAP_MEMREF_NULL;
	return caps;
}

void om_tee_smc(struct om_tee_conduit *conduit, struct om_regs *regs)
{
	switch ((uint32_t)regs->a[0]) {
	case OPTEE_SMC_CALL_WITH_ARG:
		call_with_arg(conduit, regs);
		break;
	case OPTEE_SMC_RETURN_FROM_RPC:
		resume(conduit, regs);
		break;
	case OPTEE_SMC_VM_CREATED:
		set(regs, OPTEE_SMC_RETURN_OK, 0, 0, 0);
		break;
	case OPTEE_SMC_VM_DESTROYED:
		vm_destroyed(conduit, regs);
		break;
	case OPTEE_SMC_CALLS_UID:
		set(regs, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2, OPTEE_MSG_UID_3);
		break;
	case OPTEE_SMC_CALLS_REVISION:
		set(regs, OPTEE_MSG_REVISION_MAJOR, 0, 0, 0);
		break;
	case OPTEE_SMC_GET_OS_UUID:
		/* OP-TEE OS, optee_msg.h, OPTEE_MSG_OS_OPTEE_UUID_0..3. */
		set(regs, 0x486178e0u, 0xe7f811e3u, 0xbc5e0002u, 0xa5d5c51bu);
		break;
	case OPTEE_SMC_GET_OS_REVISION:
		/* The TEE device does not tell the revision. */
		set(regs, 0, 0, 0, 0);
		break;
	case OPTEE_SMC_GET_THREAD_COUNT:
		set(regs, OPTEE_SMC_RETURN_OK, conduit->threads, 0, 0);
		break;
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		set(regs, OPTEE_SMC_RETURN_OK, capabilities(conduit), 0, 0);
		break;
	case OPTEE_SMC_GET_SHM_CONFIG:
	case OPTEE_SMC_DISABLE_SHM_CACHE:
		/* There is no reserved memory, and OP-TEE caches no buffer of the guest. */
		set(regs, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
		break;
	case OPTEE_SMC_ENABLE_SHM_CACHE:
		set(regs, OPTEE_SMC_RETURN_OK, 0, 0, 0);
		break;
	default:
		set(regs, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, 0);
		break;
	}
}
