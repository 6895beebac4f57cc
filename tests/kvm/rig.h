/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the KVM backend share: a backend on a fake TEE device, guest
 * memory of two kinds, and a driver that speaks OP-TEE's ABI from inside a guest.
 */
#ifndef KVM_RIG_H
#define KVM_RIG_H

#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#include "fake_tee.h"
#include "test.h"

#define PAGE		4096u

/* Shared memory, whose pages can be put in order; and private memory, which cannot. */
#define SHARED_GPA	0x80000000u
#define SHARED_SIZE	(4u << 20)
#define PRIVATE_GPA	0x100000000u
#define PRIVATE_SIZE	(2u << 20)

/* Pages of the shared memory that the driver uses itself: messages, page lists. */
#define DRIVER_PAGES	128u
#define DRIVER_SLOTS	16u
/* Shared memory behind them. */
#define DATA		(SHARED_GPA + DRIVER_PAGES * PAGE)

struct rig {
	struct fake_tee tee;
	struct om_kvm *kvm;
	/* How the guest's calls get to the backend; NULL: om_kvm_call(). */
	int (*call)(struct rig *rig, uint32_t vcpu, struct om_regs *regs);
	uint8_t *shared;
	uint8_t *private;
};

/* The ids of these two regions; others are a test's own. */
#define SHARED_ID	1u
#define PRIVATE_ID	2u

#define COUNT(rig, what) ((unsigned int)om_kvm_counter((rig)->kvm, OM_KVM_COUNT_##what))

/* A config of small limits on the rig's fake device. */
struct om_kvm_config rig_config(struct rig *rig);

/* As om_kvm_add_memory() of memory that is mapped at va. */
int rig_add(struct rig *rig, uint64_t id, uint64_t gpa, uint64_t size, void *va,
	    unsigned int flags);

/* True when the descriptor to wait on is readable, within so many milliseconds. */
bool rig_is_readable(struct rig *rig, int ms);

/* Gives a guest that was created its memory. */
void rig_populate(struct rig *rig);

/* config NULL: that one. The first way tells whether om_kvm_create() succeeded. */
int rig_try(struct rig *rig, const struct om_kvm_config *config);
void rig_init(struct rig *rig, const struct om_kvm_config *config);
/* Destroys the guest and checks that nothing is left anywhere. */
void rig_exit(struct rig *rig);

/* As many as a test of several guests needs; others use the first. */
#define RIGS		4u
extern struct rig rigs[RIGS];
/* Made anew: a device, and the config of a guest that is not created yet. */
struct om_kvm_config rig_fresh(struct rig *rig);

/* A test with a guest, rig, of which nothing is left at the end. */
#define RIGGED(name)	RIGGED_BY(rig_setup, name)
/* The same; set_up puts the rig into *state. */
#define RIGGED_BY(set_up, name)								\
	static void name##_on(struct rig *rig);						\
	TEST_IN(name, set_up, rig_teardown)						\
	{										\
		name##_on(*state);							\
	}										\
	static void name##_on(struct rig *rig __attribute__((unused)))
int rig_setup(void **state);
int rig_teardown(void **state);

/* Where the guest's memory is in this process. */
uint8_t *rig_va(struct rig *rig, uint64_t gpa);

/* A message in the driver's slot, to be filled and sent. */
struct message {
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[6];
};
struct message *rig_message(struct rig *rig, uint32_t slot, uint32_t cmd, uint32_t num_params);

/* One SMC: a0 back, the call id in *id when it is FOREIGN_INTR. */
uint32_t rig_send(struct rig *rig, uint32_t slot, uint32_t *id);
uint32_t rig_resume(struct rig *rig, uint32_t slot, uint32_t *id);

/* The message to its end, through interrupts and busy workers; a0 of the end. */
uint32_t rig_call(struct rig *rig, uint32_t slot);
uint32_t rig_finish(struct rig *rig, uint32_t slot, uint32_t id);

/* These succeed as SMCs and return ret. */
uint32_t rig_open(struct rig *rig, uint32_t *session);
/* That session, which must be opened. */
uint32_t rig_opened(struct rig *rig);
uint32_t rig_open_as(struct rig *rig, const uint8_t uuid[16], uint32_t login, uint32_t *session);
uint32_t rig_close(struct rig *rig, uint32_t session);
uint32_t rig_invoke(struct rig *rig, uint32_t slot, uint32_t session, uint32_t func);

/*
 * The page list of n pages, gpa[0] with the data's offset, in the slot's list pages;
 * what goes into buf_ptr.
 */
uint64_t rig_list(struct rig *rig, uint32_t slot, const uint64_t *gpa, uint32_t n);
uint32_t rig_register(struct rig *rig, uint64_t cookie, const uint64_t *gpa, uint32_t n,
		      uint64_t size);
uint32_t rig_unregister(struct rig *rig, uint64_t cookie);

/* The device's next call of this kind fails so. */
void rig_fail_next(struct rig *rig, unsigned long request, int error);

/* n pages from gpa on, in order or backwards. */
void rig_pages(uint64_t *pages, uint64_t gpa, uint32_t n, bool backwards);

/* Parameters of a message. */
void rig_value(struct message *m, uint32_t i, uint32_t type, uint64_t a, uint64_t b);
void rig_rmem(struct message *m, uint32_t i, uint32_t type, uint64_t cookie, uint64_t offs,
	      uint64_t size);

#endif
