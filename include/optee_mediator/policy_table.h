/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy as a table: which TAs a guest may use, under which logins, with which commands,
 * and under which UUID OP-TEE knows each.
 *
 * A part of the core: no allocation, no strings. A hypervisor compiles a constant table
 * in and calls the two functions from its authorize() and alias() operations (host.h); a
 * program loads one from a file (policy.h). A table may be shared by any number of
 * guests; the library never writes to it.
 *
 * What a table does not list is refused.
 */
#ifndef OPTEE_MEDIATOR_POLICY_TABLE_H
#define OPTEE_MEDIATOR_POLICY_TABLE_H

#include <stdint.h>

#include <optee_mediator/host.h>
#include <optee_mediator/mediator.h>

/*
 * TEE_LOGIN_*, each a bit (GlobalPlatform TEE Client API 1.0, 4.4.3; the last is Linux'
 * TEE_IOCTL_LOGIN_REE_KERNEL, 0x80000000).
 */
#define OM_POLICY_LOGIN_PUBLIC			(1u << 0)
#define OM_POLICY_LOGIN_USER			(1u << 1)
#define OM_POLICY_LOGIN_GROUP			(1u << 2)
#define OM_POLICY_LOGIN_APPLICATION		(1u << 4)
#define OM_POLICY_LOGIN_USER_APPLICATION	(1u << 5)
#define OM_POLICY_LOGIN_GROUP_APPLICATION	(1u << 6)
#define OM_POLICY_LOGIN_REE_KERNEL		(1u << 31)

/* Commands of a TA, both ends included. */
struct om_policy_range {
	uint32_t first;
	uint32_t last;
};

/* Zero the struct first. UUIDs are octets as in a message: in the order they are written. */
struct om_policy_ta {
	/* The UUID that guests use. */
	uint8_t uuid[16];
	/*
	 * The UUID under which OP-TEE knows it; all 0: the same. OP-TEE keeps a TA's storage
	 * by this UUID, so guests with different ones share no storage.
	 */
	uint8_t alias[16];
	/* OM_POLICY_LOGIN_*: the logins that may open a session. */
	uint32_t logins;
	/* The commands that are allowed: range_count ranges; 0: none. */
	const struct om_policy_range *ranges;
	uint32_t range_count;
	/* The most sessions that a guest may have with the TA at once; 0: no limit of its own. */
	uint32_t sessions;
};

struct om_policy {
	const struct om_policy_ta *tas;
	uint32_t ta_count;
};

/*
 * Decides on a request by a policy: for om_host_ops.authorize. A pure function; any context.
 *
 * Returns TEEC_SUCCESS. For OPEN_SESSION TEEC_ERROR_ITEM_NOT_FOUND when the TA is not in the
 * table, which is what an OP-TEE without it answers, TEEC_ERROR_ACCESS_DENIED when the login
 * is not allowed, and TEEC_ERROR_OUT_OF_MEMORY when the guest has as many sessions with the TA
 * as it may, which is also the answer at om_limits.sessions. For INVOKE_COMMAND TEEC_ERROR_ACCESS_DENIED when the command
 * is not allowed. Other commands pass: they end what was allowed, or are about memory.
 */
OM_API uint32_t om_policy_authorize(const struct om_policy *policy,
				    const struct om_request *request);

/*
 * Sets the UUID under which OP-TEE knows a TA: for om_host_ops.alias. alias: holds the TA's
 * own UUID, and is unchanged when the table has no other. A pure function; any context.
 */
OM_API void om_policy_alias(const struct om_policy *policy, const uint8_t ta[16],
			    uint8_t alias[16]);

#endif
