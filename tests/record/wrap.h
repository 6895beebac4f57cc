/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of the library that programs are recorded by, when they are linked with
 * --wrap=FUNCTION for each: theirs is __wrap_FUNCTION then, and the library's __real_FUNCTION.
 */
#ifndef OM_TESTS_RECORD_WRAP_H
#define OM_TESTS_RECORD_WRAP_H

#include <optee_mediator/mediator.h>

#define WRAPPED(result, function, ...)			\
	result __real_##function(__VA_ARGS__);		\
	result __wrap_##function(__VA_ARGS__)

WRAPPED(enum om_result, om_mediator_init, struct om_mediator *m, const struct om_host_ops *ops,
	void *host);
WRAPPED(enum om_result, om_guest_create, struct om_mediator *m, uint32_t id,
	const struct om_limits *limits, void *ctx, void *mem, size_t size, struct om_guest **out);
WRAPPED(enum om_outcome, om_guest_call, struct om_guest *guest, unsigned int vcpu,
	struct om_regs *regs);
WRAPPED(enum om_result, om_guest_reset, struct om_guest *guest);
WRAPPED(enum om_result, om_guest_destroy, struct om_guest *guest);
WRAPPED(void, om_guest_interrupt, struct om_guest *guest);

#endif
