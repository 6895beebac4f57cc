/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: what a TEE mediator is to it. */
#ifndef STAND_IN_ASM_TEE_H
#define STAND_IN_ASM_TEE_H

#include <xen/types.h>

/* Of the domctl interface: what a domain's configuration asks for. */
#define XEN_DOMCTL_CONFIG_TEE_NONE	0
#define XEN_DOMCTL_CONFIG_TEE_OPTEE	1

struct cpu_user_regs {
	register_t x[31];
};

register_t get_user_reg(struct cpu_user_regs *regs, int reg);
void set_user_reg(struct cpu_user_regs *regs, int reg, register_t value);

struct domain;

/* When each is called: hypervisor.c. */
struct tee_mediator_ops {
	bool (*probe)(void);
	void (*init_secondary)(void);
	int (*domain_init)(struct domain *d);
	int (*domain_teardown)(struct domain *d);
	void (*free_domain_ctx)(struct domain *d);
	int (*relinquish_resources)(struct domain *d);
	bool (*handle_call)(struct cpu_user_regs *regs);
};

struct tee_mediator_desc {
	const char *name;
	const char *cmdline_name;	/* what tee= on the command line calls it */
	const struct tee_mediator_ops *ops;
	uint16_t tee_type;
};

/* The real one puts it into a section; here there is one. */
extern const struct tee_mediator_desc stand_in_tee_mediator;
#define REGISTER_TEE_MEDIATOR(_name, _namestr, _type, _ops) \
	const struct tee_mediator_desc stand_in_tee_mediator = { \
		.name = _namestr, .cmdline_name = #_name, .ops = _ops, .tee_type = _type, \
	}

#endif
