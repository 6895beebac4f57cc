/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE's SMC interface: function identifiers, return codes, capability bits.
 *
 * Constants only. The message that a yielding call carries is in abi_msg.h; what the
 * mediator does with each call is in docs/design.md, "Fast calls" and "A yielding call".
 *
 * Source of every value: OP-TEE OS, core/arch/arm/include/sm/optee_smc.h, and
 * the SMC Calling Convention (Arm DEN0028). All calls are SMC32: arguments are
 * the low 32 bits of x0..x7, results the low 32 bits of x0..x3.
 */
#ifndef OPTEE_MEDIATOR_ABI_SMC_H
#define OPTEE_MEDIATOR_ABI_SMC_H

/* SMCCC function identifier fields (DEN0028, table "Bit usage within the FID"). */
#define SMCCC_FID_FAST			0x80000000u
#define SMCCC_FID_SMC64			0x40000000u
#define SMCCC_FID_OWNER_SHIFT		24
#define SMCCC_FID_OWNER_MASK		0x3fu
#define SMCCC_FID_SVE_HINT		0x00010000u
#define SMCCC_OWNER_TRUSTED_APP		48u	/* first of 48..49 */
#define SMCCC_OWNER_TRUSTED_OS		50u	/* first of 50..63 */
#define SMCCC_OWNER_LAST		63u

/* Generic queries about the trusted OS that owns the range. */
#define OPTEE_SMC_CALLS_COUNT		0xbf00ff00u
#define OPTEE_SMC_CALLS_UID		0xbf00ff01u
#define OPTEE_SMC_CALLS_REVISION	0xbf00ff03u

/* Fast calls run to completion with interrupts masked and have no message. */
#define OPTEE_SMC_GET_OS_UUID		0xb2000000u
#define OPTEE_SMC_GET_OS_REVISION	0xb2000001u
#define OPTEE_SMC_GET_SHM_CONFIG	0xb2000007u
#define OPTEE_SMC_L2CC_MUTEX		0xb2000008u
#define OPTEE_SMC_EXCHANGE_CAPABILITIES	0xb2000009u
#define OPTEE_SMC_DISABLE_SHM_CACHE	0xb200000au
#define OPTEE_SMC_ENABLE_SHM_CACHE	0xb200000bu
#define OPTEE_SMC_BOOT_SECONDARY	0xb200000cu
#define OPTEE_SMC_VM_CREATED		0xb200000du
#define OPTEE_SMC_VM_DESTROYED		0xb200000eu
#define OPTEE_SMC_GET_THREAD_COUNT	0xb200000fu
#define OPTEE_SMC_ENABLE_ASYNC_NOTIF	0xb2000010u
#define OPTEE_SMC_GET_ASYNC_NOTIF_VALUE	0xb2000011u
#define OPTEE_SMC_GET_PROTMEM_CONFIG	0xb2000014u
#define OPTEE_SMC_LOAD_IMAGE		0xbf000002u

/* Yielding calls have a message; OP-TEE may return from one with an RPC and be resumed. */
#define OPTEE_SMC_RETURN_FROM_RPC	0x32000003u
#define OPTEE_SMC_CALL_WITH_ARG		0x32000004u
#define OPTEE_SMC_CALL_WITH_RPC_ARG	0x32000012u
#define OPTEE_SMC_CALL_WITH_REGD_ARG	0x32000013u

/* The answer of CALLS_UID when the trusted OS is OP-TEE. */
#define OPTEE_MSG_UID_0			0x384fb3e0u
#define OPTEE_MSG_UID_1			0xe7f811e3u
#define OPTEE_MSG_UID_2			0xaf630002u
#define OPTEE_MSG_UID_3			0xa5d5c51bu
#define OPTEE_MSG_REVISION_MAJOR	2u

/* Return codes in a0. */
#define OPTEE_SMC_RETURN_OK		0x0u
#define OPTEE_SMC_RETURN_ETHREAD_LIMIT	0x1u
#define OPTEE_SMC_RETURN_EBUSY		0x2u
#define OPTEE_SMC_RETURN_ERESUME	0x3u
#define OPTEE_SMC_RETURN_EBADADDR	0x4u
#define OPTEE_SMC_RETURN_EBADCMD	0x5u
#define OPTEE_SMC_RETURN_ENOMEM		0x6u
#define OPTEE_SMC_RETURN_ENOTAVAIL	0x7u
#define OPTEE_SMC_RETURN_UNKNOWN_FUNCTION 0xffffffffu

/*
 * RPC returns in a0 of a yielding call: 0xffff0000 | function. The whole range
 * except UNKNOWN_FUNCTION is an RPC, known or not.
 */
#define OPTEE_SMC_RETURN_RPC_PREFIX_MASK 0xffff0000u
#define OPTEE_SMC_RETURN_RPC_PREFIX	0xffff0000u
#define OPTEE_SMC_RETURN_RPC_ALLOC	0xffff0000u
#define OPTEE_SMC_RETURN_RPC_FREE	0xffff0002u
#define OPTEE_SMC_RETURN_RPC_FOREIGN_INTR 0xffff0004u
#define OPTEE_SMC_RETURN_RPC_CMD	0xffff0005u

/* EXCHANGE_CAPABILITIES, a1 in: capabilities of the normal world. */
#define OPTEE_SMC_NSEC_CAP_UNIPROCESSOR	(1u << 0)

/* EXCHANGE_CAPABILITIES, a1 out: capabilities of the secure world. */
#define OPTEE_SMC_SEC_CAP_RESERVED_SHM	(1u << 0)
#define OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM (1u << 1)
#define OPTEE_SMC_SEC_CAP_DYNAMIC_SHM	(1u << 2)
#define OPTEE_SMC_SEC_CAP_VIRTUALIZATION (1u << 3)
#define OPTEE_SMC_SEC_CAP_MEMREF_NULL	(1u << 4)
#define OPTEE_SMC_SEC_CAP_ASYNC_NOTIF	(1u << 5)
#define OPTEE_SMC_SEC_CAP_RPC_ARG	(1u << 6)
#define OPTEE_SMC_SEC_CAP_RPMB_PROBE	(1u << 7)
#define OPTEE_SMC_SEC_CAP_PROTMEM	(1u << 8)
#define OPTEE_SMC_SEC_CAP_DYNAMIC_PROTMEM (1u << 9)

/* GET_ASYNC_NOTIF_VALUE: a2 out. */
#define OPTEE_SMC_ASYNC_NOTIF_VALID	(1u << 0)
#define OPTEE_SMC_ASYNC_NOTIF_PENDING	(1u << 1)

/* a7 of every call is the id of the calling guest; 0 is the hypervisor itself. */
#define OPTEE_SMC_CLIENT_HYPERVISOR	0u
#define OPTEE_SMC_CLIENT_MAX		0xffffu

#endif
