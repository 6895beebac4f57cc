/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of messages have in common: an OP-TEE that looks at the shadow and writes
 * junk wherever it may write, and the guest's side: messages, and buffers for them.
 */
#ifndef TESTS_UNIT_RIG_MESSAGE_H
#define TESTS_UNIT_RIG_MESSAGE_H

#include "rig_shm.h"

#define JUNK		0xeeeeeeeeeeeeeeeeu
#define ORIGIN		TEEC_ORIGIN_TRUSTED_APP
#define LIST		(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* Guest pages: the message, a page list, and data from here on. */
enum { MESSAGE, LIST_PAGE, DATA };

/* What OP-TEE saw, and what it answers. */
struct secure {
	struct om_message saw;
	struct om_regs regs;
	uint32_t calls;
	uint32_t ret;
	uint32_t session;
	uint32_t code;		/* of the SMC; not OK: the message is not touched */
	uint8_t page[TEST_PAGE];	/* as it left the shadow the last time */
};

static inline void answer(struct rig *rig, struct om_regs *regs)
{
	struct secure *s = rig->arg;
	struct om_message *shadow = test_secure_access(rig->host, RIG_GUEST,
						       om_pair(regs->a[1], regs->a[2]),
						       TEST_PAGE, true);
	size_t size = OPTEE_MSG_ARG_SIZE(shadow->hdr.num_params);

	s->calls++;
	s->regs = *regs;
	for (uint32_t i = 3; i < 7; i++)
		assert_int_equal(regs->a[i], 0);
	assert_int_equal(regs->a[7], RIG_GUEST);
	memset(&s->saw, 0, sizeof(s->saw));
	memcpy(&s->saw, shadow, size);
	/* What is copied is the message, and no more. */
	assert_memory_equal((uint8_t *)shadow + size, s->page + size, TEST_PAGE - size);
	*regs = (struct om_regs){ .a = { s->code } };
	if (s->code != OPTEE_SMC_RETURN_OK) {
		memcpy(s->page, shadow, TEST_PAGE);
		return;
	}
	/* I3: whatever is not a result must not get through. */
	for (uint32_t i = 0; i < shadow->hdr.num_params; i++)
		shadow->param[i] = (struct optee_msg_param){ JUNK, { { JUNK, JUNK, JUNK } } };
	shadow->hdr = (struct optee_msg_hdr){ 0xeeeeeeee, 0xeeeeeeee, s->session, 0xeeeeeeee,
					      0xeeeeeeee, s->ret, ORIGIN, 0xeeeeeeee };
	memcpy(s->page, shadow, TEST_PAGE);
}

static inline struct rig *message_rig(struct secure *secure, struct rig *rig)
{
	*secure = (struct secure){ .session = 0x55 };
	rig->yielding = answer;
	rig->arg = secure;
	return rig;
}

#define MESSAGE_TEST(name) RIG_TEST_WITH(name, struct secure, s, message_rig(&s, rig_new(NULL)))

static inline struct om_message *new_message(struct rig *rig, uint32_t cmd, uint32_t n)
{
	struct om_message *message = rig_message(rig, MESSAGE, cmd, n);

	if (cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		message->param[0].attr = 0x101;
		message->param[1].attr = 0x101;
	}
	return message;
}

static uint64_t send(struct rig *rig)
{
	return rig_send(rig, MESSAGE).a[0];
}

/* Sent, refused inside the message, and OP-TEE never saw it. */
static inline void expect_refused(struct rig *rig, uint32_t teec, enum om_counter why)
{
	struct om_message *message = rig_va(rig, MESSAGE);
	/* A session that is not open is answered in OP-TEE's place. */
	uint32_t origin = why == OM_COUNT_REFUSED_SESSION ? TEEC_ORIGIN_TEE : TEEC_ORIGIN_COMMS;
	struct secure *s = rig->arg;
	uint64_t before = om_guest_counter(rig->guest, why);
	uint32_t calls = s->calls;

	assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, teec);
	assert_int_equal(message->hdr.ret_origin, origin);
	assert_int_equal(s->calls, calls);
	assert_int_equal(om_guest_counter(rig->guest, why), before + 1);
}

static inline void expect_code(struct rig *rig, uint32_t code)
{
	assert_int_equal(send(rig), code);
}

static inline void register_shm(struct rig *rig, uint64_t cookie, uint64_t size, uint32_t offset)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_REGISTER_SHM, 1);

	rig_list(rig, &message->param[0], LIST, LIST_PAGE,
		 (uint32_t)((size + offset + 4095) / 4096));
	message->param[0].u.tmem.buf_ptr |= offset;
	message->param[0].u.tmem.size = size;
	message->param[0].u.tmem.shm_ref = cookie;
	assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
}

static inline void unregister_shm(struct rig *rig, uint64_t cookie)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);

	/* Any attribute: OP-TEE never looks at it. */
	message->param[0].attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	message->param[0].u.rmem.shm_ref = cookie;
	assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
}

#endif
