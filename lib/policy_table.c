/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy as a table. See policy_table.h. Independent of guests. */
#include <optee_mediator/policy_table.h>

#include <optee_mediator/abi_msg.h>

#include "mem.h"

/* Linux, include/uapi/linux/tee.h, TEE_IOCTL_LOGIN_REE_KERNEL. */
#define LOGIN_REE_KERNEL 0x80000000u

static const struct om_policy_ta *find(const struct om_policy *policy, const uint8_t *uuid)
{
	uint32_t i;

	for (i = 0; i < policy->ta_count; i++)
		if (om_is_equal(policy->tas[i].uuid, uuid, sizeof(policy->tas[i].uuid)))
			return &policy->tas[i];
	return 0;
}

/* The bit of a login; 0 when it has none. */
static uint32_t login_bit(uint32_t login)
{
	if (login == LOGIN_REE_KERNEL)
		return OM_POLICY_LOGIN_REE_KERNEL;
	return login < 31 ? 1u << login : 0;
}

static bool may_invoke(const struct om_policy_ta *ta, uint32_t func)
{
	uint32_t i;

	for (i = 0; i < ta->range_count; i++)
		if (func >= ta->ranges[i].first && func <= ta->ranges[i].last)
			return true;
	return false;
}

static uint32_t may_open(const struct om_policy_ta *ta, const struct om_request *request)
{
	if (!(ta->logins & login_bit(request->login)))
		return TEEC_ERROR_ACCESS_DENIED;
	return ta->sessions && request->sessions >= ta->sessions ? TEEC_ERROR_OUT_OF_MEMORY :
								   TEEC_SUCCESS;
}

uint32_t om_policy_authorize(const struct om_policy *policy, const struct om_request *request)
{
	const struct om_policy_ta *ta = find(policy, request->ta_uuid);

	switch (request->cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		return ta ? may_open(ta, request) : TEEC_ERROR_ITEM_NOT_FOUND;
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		return ta && may_invoke(ta, request->func) ? TEEC_SUCCESS :
							     TEEC_ERROR_ACCESS_DENIED;
	default:
		return TEEC_SUCCESS;
	}
}

void om_policy_alias(const struct om_policy *policy, const uint8_t ta[16], uint8_t alias[16])
{
	static const uint8_t none[16];
	const struct om_policy_ta *found = find(policy, ta);

	if (found && !om_is_equal(found->alias, none, sizeof(none)))
		om_copy(alias, found->alias, sizeof(none));
}
