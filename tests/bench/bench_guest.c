/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest of the bench: writes messages, serves RPCs and looks at the results,
 * so that a refusal is never mistaken for a fast call. See bench_host.h.
 */
#include "bench_host.h"

#include <stdio.h>
#include <stdlib.h>

#include <optee_mediator/abi_smc.h>

#define VALUE		1000u
/* Unlike any cookie of bench.c's, which are kernel pointers. */
#define MESSAGE_BUFFER_COOKIE	0x7000u
#define RPC_COOKIE	0x8000u
#define PAYLOAD_COOKIE	0x9000u

static struct optee_msg_hdr *header(uint8_t *message)
{
	return (void *)message;
}

static struct optee_msg_param *params(uint8_t *message)
{
	return (void *)(message + sizeof(struct optee_msg_hdr));
}

static void begin(struct bench_vcpu *vcpu, uint32_t cmd, uint32_t n)
{
	*header(vcpu->message) = (struct optee_msg_hdr){
		.cmd = cmd, .func = 1, .session = vcpu->session,
		.ret = TEEC_ERROR_GENERIC, .num_params = n,
	};
}

static void serve_cmd(const struct bench_vcpu *vcpu, uint8_t *arg)
{
	struct optee_msg_param *param = params(arg);

	header(arg)->ret = TEEC_SUCCESS;
	if (header(arg)->cmd == OPTEE_RPC_CMD_GET_TIME) {
		param->u.value.a = 1;
		param->u.value.b = 2;
	} else if (header(arg)->cmd == OPTEE_RPC_CMD_SHM_ALLOC) {
		*param = (struct optee_msg_param){
			.attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG,
			.u.tmem = { .buf_ptr = vcpu->payload_ipa, .size = BENCH_PAGE,
				    .shm_ref = PAYLOAD_COOKIE + vcpu->index } };
	}
}

/* Serves the RPC in regs as Linux does, and makes regs the reply. */
static void serve(struct bench_vcpu *vcpu, struct om_regs *regs)
{
	uint32_t rpc = (uint32_t)regs->a[0];
	uint8_t *arg = vcpu->rpc;

	if (rpc == OPTEE_SMC_RETURN_RPC_CMD && regs->a[1] == 0 && regs->a[2] == 0)
		arg = vcpu->message + OPTEE_MSG_ARG_SIZE(OPTEE_MSG_CALL_PARAMS);
	regs->a[1] = 0;
	regs->a[2] = 0;
	if (rpc == OPTEE_SMC_RETURN_RPC_ALLOC) {
		regs->a[1] = vcpu->rpc_ipa >> 32;
		regs->a[2] = (uint32_t)vcpu->rpc_ipa;
		regs->a[4] = vcpu->rpc_cookie >> 32;
		regs->a[5] = (uint32_t)vcpu->rpc_cookie;
	} else if (rpc == OPTEE_SMC_RETURN_RPC_CMD) {
		serve_cmd(vcpu, arg);
	}
	regs->a[0] = OPTEE_SMC_RETURN_FROM_RPC;
}

static bool is_rpc(uint64_t a0)
{
	return a0 >= OPTEE_SMC_RETURN_RPC_PREFIX && a0 != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

static void fail(const struct bench_vcpu *vcpu, uint64_t a0)
{
	const struct optee_msg_hdr *hdr = (const void *)vcpu->message;

	fprintf(stderr, "bench: command %u: a0 0x%llx, ret 0x%x, origin %u\n", hdr->cmd,
		(unsigned long long)a0, hdr->ret, hdr->ret_origin);
	exit(1);
}

static void call(struct bench_vcpu *vcpu, uint32_t fid)
{
	bool registered = fid == OPTEE_SMC_CALL_WITH_REGD_ARG;
	uint64_t where = registered ? vcpu->message_buffer : vcpu->message_ipa;
	struct om_regs regs = { .a = { fid, where >> 32, (uint32_t)where } };

	for (;;) {
		om_guest_call(vcpu->guest->om, vcpu->index, &regs);
		if (!is_rpc(regs.a[0]))
			break;
		serve(vcpu, &regs);
	}
	if (regs.a[0] != OPTEE_SMC_RETURN_OK || header(vcpu->message)->ret != TEEC_SUCCESS)
		fail(vcpu, regs.a[0]);
}

void bench_invoke(struct bench_vcpu *vcpu, uint32_t fid, uint64_t cookie)
{
	struct optee_msg_param *param = params(vcpu->message);

	begin(vcpu, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);
	param[0] = (struct optee_msg_param){ .attr = OPTEE_MSG_ATTR_TYPE_VALUE_INOUT,
		.u.value = { .a = VALUE, .b = VALUE } };
	param[1] = param[0];
	param[2] = (struct optee_msg_param){ .attr = OPTEE_MSG_ATTR_TYPE_RMEM_INOUT,
		.u.rmem = { .offs = 64, .size = 1024, .shm_ref = cookie } };
	param[3] = (struct optee_msg_param){ .attr = OPTEE_MSG_ATTR_TYPE_NONE };
	call(vcpu, fid);
	if (param[1].u.value.b != VALUE + 1 || param[2].u.rmem.size != 512)
		bench_die("the outputs of an INVOKE did not come back");
}

void bench_register(struct bench_vcpu *vcpu, const struct bench_list *list, uint64_t cookie)
{
	begin(vcpu, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	*params(vcpu->message) = (struct optee_msg_param){
		.attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG,
		.u.tmem = { .buf_ptr = list->ipa, .size = (uint64_t)list->pages * BENCH_PAGE,
			    .shm_ref = cookie },
	};
	call(vcpu, OPTEE_SMC_CALL_WITH_ARG);
}

void bench_unregister(struct bench_vcpu *vcpu, uint64_t cookie)
{
	begin(vcpu, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	*params(vcpu->message) = (struct optee_msg_param){
		.attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, .u.rmem = { .shm_ref = cookie },
	};
	call(vcpu, OPTEE_SMC_CALL_WITH_ARG);
}

/* A list of one page that is in use already. */
static struct bench_list list_of(struct bench_guest *guest, uint64_t page)
{
	struct bench_list list = { bench_guest_page(guest), 1 };
	uint64_t *entry = bench_guest_va(guest, list.ipa);

	entry[0] = page;
	return list;
}

struct bench_list bench_list_new(struct bench_guest *guest, uint32_t pages)
{
	struct bench_list list = { bench_guest_page(guest), pages };
	uint64_t *entry = bench_guest_va(guest, list.ipa);
	uint32_t n = 0;

	for (uint32_t i = 0; i < pages; i++) {
		if (n == OPTEE_MSG_LIST_ENTRIES) {
			entry[OPTEE_MSG_LIST_NEXT] = bench_guest_page(guest);
			entry = bench_guest_va(guest, entry[OPTEE_MSG_LIST_NEXT]);
			n = 0;
		}
		entry[n++] = bench_guest_page(guest);
	}
	return list;
}

static void open_session(struct bench_vcpu *vcpu)
{
	struct optee_msg_param *param = params(vcpu->message);

	begin(vcpu, OPTEE_MSG_CMD_OPEN_SESSION, OPTEE_MSG_META_PARAMS);
	for (uint32_t i = 0; i < OPTEE_MSG_META_PARAMS; i++)
		param[i] = (struct optee_msg_param){
			.attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT };
	call(vcpu, OPTEE_SMC_CALL_WITH_ARG);
	vcpu->session = header(vcpu->message)->session;
}

void bench_vcpu_init(struct bench_vcpu *vcpu, struct bench_guest *guest, unsigned int index)
{
	vcpu->guest = guest;
	vcpu->index = index;
	vcpu->message_ipa = bench_guest_page(guest);
	vcpu->message = bench_guest_va(guest, vcpu->message_ipa);
	vcpu->rpc_ipa = bench_guest_page(guest);
	vcpu->rpc = bench_guest_va(guest, vcpu->rpc_ipa);
	vcpu->rpc_cookie = RPC_COOKIE + index;
	vcpu->payload_ipa = list_of(guest, bench_guest_page(guest)).ipa;
	vcpu->message_buffer = MESSAGE_BUFFER_COOKIE + index;
	open_session(vcpu);
}

void bench_carry(struct bench_vcpu *vcpu)
{
	struct bench_list list = list_of(vcpu->guest, vcpu->message_ipa);

	bench_register(vcpu, &list, vcpu->message_buffer);
}

void bench_uncarry(struct bench_vcpu *vcpu)
{
	bench_unregister(vcpu, vcpu->message_buffer);
}
