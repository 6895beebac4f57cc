/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace decoder: what the lines say, that they fit, that Mermaid takes them. */
#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/trace.h>

#include "call_state.h"
#include "test.h"

/* What trace.h promises to be enough. */
#define LINE_MAX_BYTES 200

#define CALL 0x701u	/* slot 1, generation 7 */

#define EVENT(id_, call_, ...) \
	((struct om_trace_event){ .id = (id_), .guest = 3, .vcpu = 1, .call = (call_), \
				  .arg = { __VA_ARGS__ } })

static void expect(struct om_trace_event event, const char *text, const char *mermaid)
{
	char line[LINE_MAX_BYTES];
	char full[LINE_MAX_BYTES];
	size_t prefix;

	prefix = event.call ? strlen("guest 3 vcpu 1 call 1.7: ") : strlen("guest 3 vcpu 1: ");
	strcpy(full, event.call ? "guest 3 vcpu 1 call 1.7: " : "guest 3 vcpu 1: ");
	strcat(full, text);
	assert_int_equal(om_trace_text(&event, line, sizeof(line)), prefix + strlen(text));
	assert_string_equal(line, full);

	assert_int_equal(om_trace_mermaid(&event, line, sizeof(line)), strlen(mermaid));
	assert_string_equal(line, mermaid);
}

TEST(test_names_are_stable)
{
	static const char *const names[OM_TRACE_IDS] = {
		"?", "GUEST_SMC", "GUEST_RETURN", "SECURE_SMC", "SECURE_RETURN", "MESSAGE",
		"MESSAGE_PARAM", "RESULT", "RESULT_PARAM", "REQUEST", "REQUEST_PARAM",
		"REPLY", "REPLY_PARAM", "SHARE", "UNSHARE", "REFUSED", "STATE", "GUEST",
	};

	for (uint32_t id = 0; id < OM_TRACE_IDS; id++)
		assert_string_equal(om_trace_name(id), names[id]);
	assert_string_equal(om_trace_name(OM_TRACE_IDS), "?");
	assert_string_equal(om_trace_name(UINT32_MAX), "?");
}

TEST(test_smc_of_guest)
{
	expect(EVENT(OM_TRACE_GUEST_SMC, 0, OPTEE_SMC_CALL_WITH_ARG, 1, 0x4008c000),
	       "guest -> CALL_WITH_ARG message 0x14008c000",
	       "Guest->>Mediator: CALL_WITH_ARG message 0x14008c000");
	expect(EVENT(OM_TRACE_GUEST_SMC, 0, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, 0x1000),
	       "guest -> CALL_WITH_RPC_ARG message 0x1000",
	       "Guest->>Mediator: CALL_WITH_RPC_ARG message 0x1000");
	expect(EVENT(OM_TRACE_GUEST_SMC, 0, OPTEE_SMC_CALL_WITH_REGD_ARG, 0xffff, 0xabcd, 0x200),
	       "guest -> CALL_WITH_REGD_ARG cookie 0xffff0000abcd offset 0x200",
	       "Guest->>Mediator: CALL_WITH_REGD_ARG cookie 0xffff0000abcd offset 0x200");
	expect(EVENT(OM_TRACE_GUEST_SMC, 0, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, CALL),
	       "guest -> RETURN_FROM_RPC call 1.7",
	       "Guest->>Mediator: RETURN_FROM_RPC call 1.7");
	expect(EVENT(OM_TRACE_GUEST_SMC, 0, OPTEE_SMC_RETURN_FROM_RPC, 1, 0x5000, CALL, 0, 0x77),
	       "guest -> RETURN_FROM_RPC call 1.7 a1..a2 0x100005000 a4..a5 0x77",
	       "Guest->>Mediator: RETURN_FROM_RPC call 1.7 a1..a2 0x100005000 a4..a5 0x77");
	expect(EVENT(OM_TRACE_GUEST_SMC, 0, OPTEE_SMC_EXCHANGE_CAPABILITIES, 1),
	       "guest -> EXCHANGE_CAPABILITIES own capabilities 0x1",
	       "Guest->>Mediator: EXCHANGE_CAPABILITIES own capabilities 0x1");
	expect(EVENT(OM_TRACE_GUEST_SMC, 0, OPTEE_SMC_CALLS_UID),
	       "guest -> CALLS_UID", "Guest->>Mediator: CALLS_UID");
	expect(EVENT(OM_TRACE_GUEST_SMC, 0, 0xb2001234, 0, 0x10, 0, 0, 0, 6, 7),
	       "guest -> unknown function 0xb2001234 a2 0x10 a6 0x6",
	       "Guest->>Mediator: unknown function 0xb2001234 a2 0x10 a6 0x6");
}

TEST(test_smc_to_optee)
{
	expect(EVENT(OM_TRACE_SECURE_SMC, CALL, OPTEE_SMC_CALL_WITH_ARG, 0, 0x8000,
		     0, 0, 0, 0, 3),
	       "OP-TEE <- CALL_WITH_ARG message 0x8000, as guest 3",
	       "Mediator->>OPTEE: CALL_WITH_ARG message 0x8000, as guest 3");
	expect(EVENT(OM_TRACE_SECURE_SMC, CALL, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, 2, 0, 0, 0, 3),
	       "OP-TEE <- RETURN_FROM_RPC thread 2, as guest 3",
	       "Mediator->>OPTEE: RETURN_FROM_RPC thread 2, as guest 3");
	expect(EVENT(OM_TRACE_SECURE_SMC, 0, OPTEE_SMC_VM_CREATED, 3),
	       "OP-TEE <- VM_CREATED guest 3, as guest 0",
	       "Mediator->>OPTEE: VM_CREATED guest 3, as guest 0");
	expect(EVENT(OM_TRACE_SECURE_SMC, 0, OPTEE_SMC_VM_DESTROYED, 3),
	       "OP-TEE <- VM_DESTROYED guest 3, as guest 0",
	       "Mediator->>OPTEE: VM_DESTROYED guest 3, as guest 0");
}

TEST(test_returns)
{
	/* These answer with a number or a name: 0 is not OK. */
	static const uint32_t numbers[] = {
		OPTEE_SMC_CALLS_COUNT, OPTEE_SMC_CALLS_UID, OPTEE_SMC_GET_OS_UUID,
		OPTEE_SMC_GET_OS_REVISION,
	};

	expect(EVENT(OM_TRACE_GUEST_RETURN, CALL, OPTEE_SMC_RETURN_OK),
	       "guest <- OK", "Mediator-->>Guest: OK");
	expect(EVENT(OM_TRACE_SECURE_RETURN, CALL, OPTEE_SMC_RETURN_ETHREAD_LIMIT),
	       "OP-TEE -> ETHREAD_LIMIT", "OPTEE-->>Mediator: ETHREAD_LIMIT");
	expect(EVENT(OM_TRACE_GUEST_RETURN, 0, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION),
	       "guest <- UNKNOWN_FUNCTION", "Mediator-->>Guest: UNKNOWN_FUNCTION");
	/* 2 is a revision here, not EBUSY. */
	expect(EVENT(OM_TRACE_GUEST_RETURN, 0, 2, 0, 0, 0, OPTEE_SMC_CALLS_REVISION),
	       "guest <- a0 0x2", "Mediator-->>Guest: a0 0x2");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		expect(EVENT(OM_TRACE_GUEST_RETURN, 0, 0, 0, 0, 0, numbers[i]),
		       "guest <- a0 0x0", "Mediator-->>Guest: a0 0x0");
	expect(EVENT(OM_TRACE_GUEST_RETURN, 0, 2, 0, 0, 0, OPTEE_SMC_DISABLE_SHM_CACHE),
	       "guest <- EBUSY", "Mediator-->>Guest: EBUSY");
	expect(EVENT(OM_TRACE_GUEST_RETURN, 0, OPTEE_SMC_RETURN_OK, 0x14, 0x20),
	       "guest <- OK a1 0x14 a2 0x20", "Mediator-->>Guest: OK a1 0x14 a2 0x20");
	expect(EVENT(OM_TRACE_GUEST_RETURN, 0, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1),
	       "guest <- a0 0x384fb3e0 a1 0xe7f811e3",
	       "Mediator-->>Guest: a0 0x384fb3e0 a1 0xe7f811e3");
}

TEST(test_rpc_returns)
{
	expect(EVENT(OM_TRACE_SECURE_RETURN, CALL, OPTEE_SMC_RETURN_RPC_ALLOC, 160, 0, 2),
	       "OP-TEE -> RPC ALLOC size 160, thread 2",
	       "OPTEE-->>Mediator: RPC ALLOC size 160, thread 2");
	expect(EVENT(OM_TRACE_GUEST_RETURN, CALL, OPTEE_SMC_RETURN_RPC_ALLOC, 160, 0, CALL),
	       "guest <- RPC ALLOC size 160, call 1.7",
	       "Mediator-->>Guest: RPC ALLOC size 160, call 1.7");
	expect(EVENT(OM_TRACE_GUEST_RETURN, CALL, OPTEE_SMC_RETURN_RPC_FREE, 0, 0x77, CALL),
	       "guest <- RPC FREE cookie 0x77, call 1.7",
	       "Mediator-->>Guest: RPC FREE cookie 0x77, call 1.7");
	expect(EVENT(OM_TRACE_GUEST_RETURN, CALL, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0, CALL),
	       "guest <- RPC FOREIGN_INTR, call 1.7",
	       "Mediator-->>Guest: RPC FOREIGN_INTR, call 1.7");
	expect(EVENT(OM_TRACE_GUEST_RETURN, CALL, OPTEE_SMC_RETURN_RPC_CMD, 1, 0, CALL),
	       "guest <- RPC CMD cookie 0x100000000, call 1.7",
	       "Mediator-->>Guest: RPC CMD cookie 0x100000000, call 1.7");
	expect(EVENT(OM_TRACE_GUEST_RETURN, CALL, OPTEE_SMC_RETURN_RPC_CMD, 0, 0x77, CALL),
	       "guest <- RPC CMD cookie 0x77, call 1.7",
	       "Mediator-->>Guest: RPC CMD cookie 0x77, call 1.7");
	expect(EVENT(OM_TRACE_GUEST_RETURN, CALL, OPTEE_SMC_RETURN_RPC_CMD, 0, 0, CALL),
	       "guest <- RPC CMD inline, call 1.7",
	       "Mediator-->>Guest: RPC CMD inline, call 1.7");
	expect(EVENT(OM_TRACE_SECURE_RETURN, CALL, 0xffff0009, 5, 0, 2),
	       "OP-TEE -> RPC unknown 0xffff0009 a1 0x5, thread 2",
	       "OPTEE-->>Mediator: RPC unknown 0xffff0009 a1 0x5, thread 2");
}

TEST(test_message)
{
	/* The line that trace.h shows. */
	expect(EVENT(OM_TRACE_MESSAGE, CALL, OPTEE_MSG_CMD_INVOKE_COMMAND, 1, 2, 0, 4),
	       "INVOKE_COMMAND func 1 session 0x2, 4 params",
	       "Note over Guest,Mediator: INVOKE_COMMAND func 1 session 0x2, 4 params");
	expect(EVENT(OM_TRACE_MESSAGE, CALL, OPTEE_MSG_CMD_OPEN_SESSION, 0, 0, 0, 2),
	       "OPEN_SESSION, 2 params", "Note over Guest,Mediator: OPEN_SESSION, 2 params");
	expect(EVENT(OM_TRACE_MESSAGE, CALL, OPTEE_MSG_CMD_CANCEL, 0, 2, 9, 0),
	       "CANCEL session 0x2 cancel id 0x9, 0 params",
	       "Note over Guest,Mediator: CANCEL session 0x2 cancel id 0x9, 0 params");
	expect(EVENT(OM_TRACE_MESSAGE, CALL, OPTEE_MSG_CMD_REGISTER_SHM, 0, 0, 0, 1),
	       "REGISTER_SHM, 1 param", "Note over Guest,Mediator: REGISTER_SHM, 1 param");
	expect(EVENT(OM_TRACE_MESSAGE, CALL, 77, 0, 0, 0, 0),
	       "unknown command 0x4d, 0 params",
	       "Note over Guest,Mediator: unknown command 0x4d, 0 params");
}

TEST(test_message_params)
{
	const uint64_t invoke = OPTEE_MSG_CMD_INVOKE_COMMAND;

	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT,
		     2, 3, 0, invoke),
	       "param 0: VALUE_INOUT a 0x2 b 0x3 c 0x0", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT,
		     0x10, 256, 0xc0, invoke),
	       "param 1: RMEM_INPUT offset 0x10 size 256 cookie 0xc0", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 2,
		     OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG,
		     0x40001010, 8192, 0xc1, invoke),
	       "param 2: TMEM_OUTPUT NONCONTIG list 0x40001010 size 8192 cookie 0xc1", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 2, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | 0x10000,
		     0x40001000, 5, 0xc1, invoke),
	       "param 2: TMEM_INOUT CACHED address 0x40001000 size 5 cookie 0xc1", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 3, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT,
		     0, 0, 0, invoke),
	       "param 3: TMEM_INPUT NULL size 0 cookie 0x0", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 3, OPTEE_MSG_ATTR_TYPE_NONE, 1, 2, 3, invoke),
	       "param 3: NONE", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 0,
		     OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1, 0, 0, invoke),
	       "param 0: META VALUE_INPUT a 0x1 b 0x0 c 0x0", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 0, 0x4, 1, 2, 3, invoke),
	       "param 0: unknown attr 0x4 a 0x1 b 0x2 c 0x3", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 0, 0x1001, 1, 2, 3, invoke),
	       "param 0: unknown attr 0x1001 a 0x1 b 0x2 c 0x3", "");
}

TEST(test_every_attr)
{
	static const struct {
		uint64_t attr;
		const char *text;
	} attrs[] = {
		{ 1, "VALUE_INPUT a 0x1 b 0x2 c 0x3" },
		{ 2, "VALUE_OUTPUT a 0x1 b 0x2 c 0x3" },
		{ 3, "VALUE_INOUT a 0x1 b 0x2 c 0x3" },
		{ 5, "RMEM_INPUT offset 0x1 size 2 cookie 0x3" },
		{ 6, "RMEM_OUTPUT offset 0x1 size 2 cookie 0x3" },
		{ 7, "RMEM_INOUT offset 0x1 size 2 cookie 0x3" },
		{ 9, "TMEM_INPUT address 0x1 size 2 cookie 0x3" },
		{ 0xa, "TMEM_OUTPUT address 0x1 size 2 cookie 0x3" },
		{ 0xb, "TMEM_INOUT address 0x1 size 2 cookie 0x3" },
	};
	char text[LINE_MAX_BYTES];

	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		strcpy(text, "param 0: ");
		strcat(text, attrs[i].text);
		expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 0, attrs[i].attr, 1, 2, 3,
			     OPTEE_MSG_CMD_INVOKE_COMMAND), text, "");
	}
}

TEST(test_outputs)
{
	expect(EVENT(OM_TRACE_RESULT_PARAM, CALL, 1, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 5, 3),
	       "param 1 back: VALUE_INOUT a 0x5 b 0x3", "");
	expect(EVENT(OM_TRACE_RESULT_PARAM, CALL, 0, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, 0, 100),
	       "param 0 back: RMEM_OUTPUT size 100", "");
	expect(EVENT(OM_TRACE_RESULT_PARAM, CALL, 0, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT, 0, 7),
	       "param 0 back: TMEM_INOUT size 7", "");
}

TEST(test_open_session_says_who)
{
	/* 8aaaf200-2450-11e4-abe2-0002a5d5c51b, octets as in the message. */
	const uint64_t a = 0xe411502400f2aa8a, b = 0x1bc5d5a50200e2ab;
	const uint64_t meta = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	const uint64_t open = OPTEE_MSG_CMD_OPEN_SESSION;

	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 0, meta, a, b, 0, open),
	       "param 0: TA 8aaaf200-2450-11e4-abe2-0002a5d5c51b",
	       "Note over Guest,Mediator: param 0: TA 8aaaf200-2450-11e4-abe2-0002a5d5c51b");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 1, meta, 0, 0, 0, open),
	       "param 1: client 00000000-0000-0000-0000-000000000000 login PUBLIC",
	       "Note over Guest,Mediator: "
	       "param 1: client 00000000-0000-0000-0000-000000000000 login PUBLIC");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 1, meta, 0, 0, 0x80000000, open),
	       "param 1: client 00000000-0000-0000-0000-000000000000 login REE_KERNEL",
	       "Note over Guest,Mediator: "
	       "param 1: client 00000000-0000-0000-0000-000000000000 login REE_KERNEL");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 1, meta, 0, 0, 3, open),
	       "param 1: client 00000000-0000-0000-0000-000000000000 login unknown 0x3",
	       "Note over Guest,Mediator: "
	       "param 1: client 00000000-0000-0000-0000-000000000000 login unknown 0x3");
	/* The same attr further on, or another attr there, says nothing of the kind. */
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 2, meta, 1, 2, 0, open),
	       "param 2: META VALUE_INPUT a 0x1 b 0x2 c 0x0", "");
	expect(EVENT(OM_TRACE_MESSAGE_PARAM, CALL, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
		     1, 2, 0, open),
	       "param 0: VALUE_INPUT a 0x1 b 0x2 c 0x0", "");
}

TEST(test_results)
{
	expect(EVENT(OM_TRACE_RESULT, CALL, OPTEE_MSG_CMD_OPEN_SESSION, TEEC_SUCCESS,
		     TEEC_ORIGIN_TRUSTED_APP, 2),
	       "OPEN_SESSION gives TEEC_SUCCESS from TRUSTED_APP, session 0x2",
	       "Note over Guest,Mediator: "
	       "OPEN_SESSION gives TEEC_SUCCESS from TRUSTED_APP, session 0x2");
	expect(EVENT(OM_TRACE_RESULT, CALL, OPTEE_MSG_CMD_REGISTER_SHM, TEEC_ERROR_OUT_OF_MEMORY,
		     TEEC_ORIGIN_COMMS),
	       "REGISTER_SHM gives TEEC_ERROR_OUT_OF_MEMORY from COMMS",
	       "Note over Guest,Mediator: REGISTER_SHM gives TEEC_ERROR_OUT_OF_MEMORY from COMMS");
	expect(EVENT(OM_TRACE_RESULT, CALL, OPTEE_MSG_CMD_UNREGISTER_SHM, 0x12345678, 0),
	       "UNREGISTER_SHM gives result 0x12345678",
	       "Note over Guest,Mediator: UNREGISTER_SHM gives result 0x12345678");
	expect(EVENT(OM_TRACE_RESULT, CALL, 99, TEEC_SUCCESS, 9),
	       "unknown command 0x63 gives TEEC_SUCCESS from origin 0x9",
	       "Note over Guest,Mediator: "
	       "unknown command 0x63 gives TEEC_SUCCESS from origin 0x9");
}

TEST(test_requests_and_replies)
{
	expect(EVENT(OM_TRACE_REQUEST, CALL, OPTEE_RPC_CMD_GET_TIME, 1, 0),
	       "OP-TEE asks for GET_TIME, 1 param",
	       "Note over Mediator,OPTEE: OP-TEE asks for GET_TIME, 1 param");
	expect(EVENT(OM_TRACE_REQUEST, CALL, OPTEE_RPC_CMD_SHM_FREE, 1, 1),
	       "mediator asks for SHM_FREE, 1 param",
	       "Note over Mediator: mediator asks for SHM_FREE, 1 param");
	expect(EVENT(OM_TRACE_REQUEST, CALL, 8, 0, 0),
	       "OP-TEE asks for unknown command 0x8, 0 params",
	       "Note over Mediator,OPTEE: OP-TEE asks for unknown command 0x8, 0 params");
	expect(EVENT(OM_TRACE_REPLY, CALL, OPTEE_RPC_CMD_LOAD_TA, TEEC_ERROR_ITEM_NOT_FOUND, 2),
	       "guest answers LOAD_TA with TEEC_ERROR_ITEM_NOT_FOUND, 2 params",
	       "Note over Guest,Mediator: "
	       "guest answers LOAD_TA with TEEC_ERROR_ITEM_NOT_FOUND, 2 params");
	expect(EVENT(OM_TRACE_REPLY, CALL, OPTEE_RPC_CMD_FS, 0xf0100003, 0),
	       "guest answers FS with TEE_ERROR_STORAGE_NOT_AVAILABLE, 0 params",
	       "Note over Guest,Mediator: "
	       "guest answers FS with TEE_ERROR_STORAGE_NOT_AVAILABLE, 0 params");
}

TEST(test_request_params_by_command)
{
	const uint64_t in = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;

	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, in, 0xe411502400f2aa8a,
		     0x1bc5d5a50200e2ab, 0, OPTEE_RPC_CMD_LOAD_TA),
	       "param 0: TA 8aaaf200-2450-11e4-abe2-0002a5d5c51b", "");
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, in, 3, 1, 0x100, OPTEE_RPC_CMD_FS),
	       "param 0: READ b 0x1 c 0x100", "");
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, in, 33, 0, 0, OPTEE_RPC_CMD_FS),
	       "param 0: operation 0x21 b 0x0 c 0x0", "");
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT,
		     0, 0, 0, OPTEE_RPC_CMD_GET_TIME),
	       "param 0: VALUE_OUTPUT a 0x0 b 0x0 c 0x0", "");
	expect(EVENT(OM_TRACE_REPLY_PARAM, CALL, 0, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT,
		     1700000000, 42, 0, OPTEE_RPC_CMD_GET_TIME),
	       "param 0 back: 1700000000 s 42 ns", "");
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, in, 0, 64, 0, OPTEE_RPC_CMD_NOTIFICATION),
	       "param 0: WAIT value 64", "");
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, in, 0, 4096, 8, OPTEE_RPC_CMD_SHM_ALLOC),
	       "param 0: APPL size 4096 align 8", "");
	expect(EVENT(OM_TRACE_REPLY_PARAM, CALL, 0,
		     OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG,
		     0x5000, 4096, 0xc0, OPTEE_RPC_CMD_SHM_ALLOC),
	       "param 0 back: TMEM_OUTPUT NONCONTIG list 0x5000 size 4096 cookie 0xc0", "");
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, in, 1, 0xc0, 0, OPTEE_RPC_CMD_SHM_FREE),
	       "param 0: KERNEL cookie 0xc0", "");
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, in, 9, 0xc0, 0, OPTEE_RPC_CMD_SHM_FREE),
	       "param 0: type 0x9 cookie 0xc0", "");
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 0, in, 5, 0, 0, OPTEE_RPC_CMD_SUSPEND),
	       "param 0: VALUE_INPUT a 0x5 b 0x0 c 0x0", "");
	/* Only the first param is known by its command. */
	expect(EVENT(OM_TRACE_REQUEST_PARAM, CALL, 1, in, 5, 0, 0, OPTEE_RPC_CMD_FS),
	       "param 1: VALUE_INPUT a 0x5 b 0x0 c 0x0", "");
}

TEST(test_sharing)
{
	expect(EVENT(OM_TRACE_SHARE, CALL, 0xc0, OM_SHARE_REGISTERED, 128),
	       "share registered buffer, cookie 0xc0, 128 pages",
	       "Note over Mediator: share registered buffer, cookie 0xc0, 128 pages");
	expect(EVENT(OM_TRACE_SHARE, CALL, 0xc0, OM_SHARE_PAYLOAD, 1),
	       "share payload buffer, cookie 0xc0, 1 page",
	       "Note over Mediator: share payload buffer, cookie 0xc0, 1 page");
	expect(EVENT(OM_TRACE_UNSHARE, CALL, 0xc0, OM_SHARE_RPC_ARG, 1),
	       "forget RPC arg buffer, cookie 0xc0, 1 page",
	       "Note over Mediator: forget RPC arg buffer, cookie 0xc0, 1 page");
	expect(EVENT(OM_TRACE_UNSHARE, CALL, 0, OM_SHARE_TEMPORARY, 2),
	       "forget temporary buffer, cookie 0x0, 2 pages",
	       "Note over Mediator: forget temporary buffer, cookie 0x0, 2 pages");
	expect(EVENT(OM_TRACE_SHARE, CALL, 0, 4, 2),
	       "share unknown buffer, cookie 0x0, 2 pages",
	       "Note over Mediator: share unknown buffer, cookie 0x0, 2 pages");
}

static void expect_refusal(uint64_t why, uint64_t code, const char *name, const char *answer)
{
	char text[LINE_MAX_BYTES], mermaid[LINE_MAX_BYTES];

	strcpy(text, name);
	strcat(text, ", answer ");
	strcat(text, answer);
	strcpy(mermaid, "Note over Mediator: ");
	strcat(mermaid, text);
	expect(EVENT(OM_TRACE_REFUSED, CALL, why, code), text, mermaid);
}

TEST(test_refusals)
{
	for (uint64_t why = 0; why < OM_COUNTERS; why++)
		expect_refusal(why, OPTEE_SMC_RETURN_EBADADDR,
			       om_counter_name((enum om_counter)why), "EBADADDR");
	expect_refusal(OM_COUNTERS, OPTEE_SMC_RETURN_ERESUME, "refused for an unknown reason",
		       "ERESUME");
	expect_refusal(UINT64_C(1) << 32, 0, "refused for an unknown reason", "OK");
	expect_refusal(OM_COUNT_REFUSED_PAGE, TEEC_ERROR_SECURITY,
		       om_counter_name(OM_COUNT_REFUSED_PAGE), "TEEC_ERROR_SECURITY");
	expect_refusal(OM_COUNT_REFUSED_PAGE, 0xabc,
		       om_counter_name(OM_COUNT_REFUSED_PAGE), "code 0xabc");
}

TEST(test_states_and_lifetime)
{
	expect(EVENT(OM_TRACE_STATE, CALL, OM_CALL_LOADING, OM_EVENT_ENTER, OM_CALL_SECURE),
	       "state LOADING to SECURE by ENTER", "");
	expect(EVENT(OM_TRACE_STATE, CALL, 1000, 1000, 1000), "state ? to ? by ?", "");
	expect(EVENT(OM_TRACE_GUEST, 0, OM_GUEST_CREATED),
	       "guest created", "Note over Mediator: guest created");
	expect(EVENT(OM_TRACE_GUEST, 0, OM_GUEST_RESET),
	       "guest reset", "Note over Mediator: guest reset");
	expect(EVENT(OM_TRACE_GUEST, 0, OM_GUEST_DESTROYED),
	       "guest destroyed", "Note over Mediator: guest destroyed");
	expect(EVENT(OM_TRACE_GUEST, 0, 3),
	       "guest unknown change", "Note over Mediator: guest unknown change");
}

TEST(test_unknown_event)
{
	expect(EVENT(99, CALL, 1, 2, 3), "unknown event 99, 0x1 0x2 0x3", "");
	expect(EVENT(0, CALL, 0), "unknown event 0, 0x0 0x0 0x0", "");
}

typedef size_t decoder(const struct om_trace_event *event, char *buf, size_t size);

/* Every size from 0 to more than enough: same length told, right cut, nothing past the end. */
static void check_cuts(decoder *decode, const struct om_trace_event *event)
{
	char whole[LINE_MAX_BYTES], cut[LINE_MAX_BYTES + 8];
	size_t length = decode(event, whole, sizeof(whole));

	assert_true(length < LINE_MAX_BYTES);
	assert_int_equal(strlen(whole), length);
	assert_int_equal(decode(event, NULL, 0), length);
	for (size_t size = 0; size <= length + 2; size++) {
		memset(cut, '~', sizeof(cut));
		assert_int_equal(decode(event, cut, size), length);
		for (size_t i = size; i < sizeof(cut); i++)
			assert_int_equal(cut[i], '~');
		if (size == 0)
			continue;
		assert_int_equal(strlen(cut), size - 1 < length ? size - 1 : length);
		assert_memory_equal(cut, whole, strlen(cut));
	}
}

/* Nothing that ends a line, begins a comment or an entity, or quotes. */
static void check_mermaid(const struct om_trace_event *event)
{
	char line[LINE_MAX_BYTES];
	const char *text;

	if (om_trace_mermaid(event, line, sizeof(line)) == 0)
		return;
	text = strchr(line, ':');
	assert_non_null(text);
	assert_null(strpbrk(line, ";#\"'\n\r\t%"));
	assert_null(strpbrk(text, "<>"));
	assert_true(strncmp(line, "Note over ", 10) == 0 || strstr(line, "->>") != NULL);
}

static void check_event(const struct om_trace_event *event)
{
	check_cuts(om_trace_text, event);
	check_cuts(om_trace_mermaid, event);
	check_mermaid(event);
}

/* The first argument decides most of what follows: FIDs, codes, commands, counters. */
static const uint64_t firsts[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 22, 26,
	OPTEE_SMC_CALLS_UID, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, OPTEE_SMC_CALL_WITH_ARG,
	OPTEE_SMC_CALL_WITH_REGD_ARG, OPTEE_SMC_RETURN_FROM_RPC, OPTEE_SMC_EXCHANGE_CAPABILITIES,
	OPTEE_SMC_VM_DESTROYED, OPTEE_SMC_RETURN_RPC_ALLOC, OPTEE_SMC_RETURN_RPC_FREE,
	OPTEE_SMC_RETURN_RPC_CMD, 0xffff1234, UINT32_MAX, UINT64_MAX,
};

static void fill_and_check(uint32_t id, uint64_t first, uint64_t attr, uint64_t cmd,
			   uint64_t fill)
{
	struct om_trace_event event = {
		.id = id, .guest = UINT32_MAX, .vcpu = UINT32_MAX, .call = UINT32_MAX,
		.arg = { first, attr, fill, fill, fill, cmd, fill, fill },
	};

	check_event(&event);
}

TEST(test_any_event_fits)
{
	static const uint64_t attrs[] = {
		0, 1, 0x101, 7, 0x70307, 0xb, 0x7030b, 0x7, UINT32_MAX, UINT64_MAX,
	};

	for (uint32_t id = 0; id <= OM_TRACE_IDS; id++) {
		/* Registers are 32 bits wide, all other arguments 64. */
		uint64_t widest = id >= OM_TRACE_MESSAGE ? UINT64_MAX : UINT32_MAX;

		for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
			for (size_t j = 0; j < sizeof(attrs) / sizeof(attrs[0]); j++) {
				uint64_t attr = attrs[j] < widest ? attrs[j] : widest;

				fill_and_check(id, firsts[i], attr, firsts[i] % 32, widest);
				fill_and_check(id, firsts[i], attr, 0, 0);
			}
		}
	}
}
