/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every consumer project compiles: one call into each library, so that it
 * has to be found, linked and loaded. HAVE_FDT: with optee_mediator_fdt as well;
 * HAVE_POLICY: with optee_mediator_policy; HAVE_KVM: with optee_mediator_kvm.
 */
#include <stdio.h>
#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/host.h>
#include <optee_mediator/limits.h>
#include <optee_mediator/mediator.h>
#include <optee_mediator/policy_table.h>
#include <optee_mediator/trace.h>
#ifdef HAVE_FDT
#include <optee_mediator/fdt.h>
#endif
#ifdef HAVE_POLICY
#include <optee_mediator/policy.h>
#endif
#ifdef HAVE_KVM
#include <optee_mediator/kvm.h>
#endif

int main(void)
{
	const struct om_limits limits = OM_LIMITS_DEFAULT;
	struct om_trace_event event = {
		.id = OM_TRACE_MESSAGE,
		.guest = 1,
		.arg = { OPTEE_MSG_CMD_INVOKE_COMMAND, 1, 2, 0, 4 },
	};
	const struct om_policy nothing = { .ta_count = 0 };
	const struct om_request request = { .cmd = OPTEE_MSG_CMD_OPEN_SESSION };
	char line[200];

	om_trace_text(&event, line, sizeof(line));
	printf("%s\n", line);
	if (strcmp(line, "guest 1 vcpu 0: INVOKE_COMMAND func 1 session 0x2, 4 params") != 0)
		return 1;
	if (om_guest_size(&limits) == 0)
		return 1;
	if (om_policy_authorize(&nothing, &request) != TEEC_ERROR_ITEM_NOT_FOUND)
		return 1;
#ifdef HAVE_FDT
	if (om_fdt_find_optee(NULL, 0, NULL) != OM_FDT_ERR_ARGUMENT)
		return 1;
	printf("%s\n", om_fdt_result_text(OM_FDT_ERR_ARGUMENT));
#endif
#ifdef HAVE_POLICY
	struct om_policy_file *policy;
	struct om_policy_error error;

	if (om_policy_load("/nowhere", NULL, &policy, &error) != OM_POLICY_ERR_FILE)
		return 1;
	printf("%s\n", error.text);
#endif
#ifdef HAVE_KVM
	if (om_kvm_set_filter(-1, NULL) != OM_KVM_ERR_ARGUMENT)
		return 1;
	printf("%s\n", om_kvm_result_text(OM_KVM_ERR_ARGUMENT));
#endif
	return 0;
}
