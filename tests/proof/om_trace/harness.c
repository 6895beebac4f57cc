/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_trace(), om_call_trace() and om_trace_param(): an event for the embedder.
 *
 * Assumes: that somebody listens, which om_traced() asks before.
 * Proves: memory safety, with a call or without; an event says of which guest, vCPU and call
 * it is, and of a parameter what there is of it; it is handed on once.
 *
 * Class: quick
 * Sources: call.c tracing.c
 * Model: host.c world.c
 * Unwind: 3
 *   The world has 2 of anything.
 */
#include "world.h"

#include "tracing.h"

struct optee_msg_param nondet_param(void);
struct om_trace_event nondet_event(void);

static struct om_trace_event seen;

static void listen(void *guest, const struct om_trace_event *event)
{
	PROVE(guest == world_guest.vm.ctx, "an event goes to who owns the guest");
	seen = *event;
	ghost.traced++;
}

int main(void)
{
	struct om_trace_event event = nondet_event(), from = event;
	struct optee_msg_param param = nondet_param();
	uint32_t vcpu = any_u32(), index = any_u32(), cmd = any_u32();
	uint32_t of_call = any_u32();

	world_init();
	host_ops.trace = listen;
	switch (any_below(3)) {
	case 0:
		om_trace(&world_guest.vm, vcpu, of_call, &event);
		PROVE(seen.id == from.id && seen.arg[0] == from.arg[0], "an event is what it was");
		PROVE(seen.vcpu == vcpu && seen.call == of_call, "... of this vCPU, and of a call, if any");
		break;
	case 1:
		om_call_trace(&world_call, &event);
		PROVE(seen.id == from.id && seen.vcpu == world_call.vcpu &&
		      seen.call == om_call_id(&world_call), "a call's event is of the call");
		break;
	default:
		om_trace_param(&world_call, OM_TRACE_MESSAGE_PARAM, index, &param, cmd);
		PROVE(seen.id == OM_TRACE_MESSAGE_PARAM && seen.arg[0] == index &&
		      seen.arg[1] == param.attr && seen.arg[2] == param.u.value.a &&
		      seen.arg[3] == param.u.value.b && seen.arg[4] == param.u.value.c &&
		      seen.arg[5] == cmd && seen.vcpu == world_call.vcpu &&
		      seen.call == om_call_id(&world_call), "a parameter is of a call");
		break;
	}
	PROVE(seen.guest == world_guest.vm.id && ghost.traced == 1, "an event is told once, of its guest");
	REACHED("told");
	return 0;
}
