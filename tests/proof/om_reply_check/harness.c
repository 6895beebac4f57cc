/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_reply_check(): what a guest's reply to SHM_ALLOC is worth.
 *
 * Assumes: nothing. hdr and param are private copies (fetch_reply() in rpc.c).
 * Proves: memory safety; OP-TEE only hears of memory that was named as one list or one
 * page, that is at least as large as it asked for, and only when the guest says so; a
 * page is one page.
 *
 * Class: quick
 * Sources: rpc_check.c
 * Unwind: 1
 *   No loop.
 */
#include "proof.h"

#include "rpc_check.h"

struct optee_msg_hdr nondet_hdr(void);
struct optee_msg_param nondet_param(void);

int main(void)
{
	const struct optee_msg_hdr hdr = nondet_hdr();
	const struct optee_msg_param param = nondet_param();
	uint64_t wanted = any_u64();
	enum om_reply_verdict verdict = om_reply_check(&hdr, &param, wanted);

	PROVE((verdict == OM_REPLY_FAILED) == (hdr.ret != TEEC_SUCCESS),
	      "a guest that says it failed has failed, and no other");
	if (verdict != OM_REPLY_LIST && verdict != OM_REPLY_PAGE) {
		REACHED("no memory");
		return 0;
	}
	PROVE(hdr.ret == TEEC_SUCCESS && hdr.num_params == 1, "memory is named by one parameter");
	PROVE(param.u.tmem.buf_ptr != 0, "memory has an address");
	PROVE(param.u.tmem.size >= wanted, "OP-TEE gets no less than it asked for");
	PROVE(param.attr == (verdict == OM_REPLY_LIST ?
			     OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG :
			     OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT), "what is taken for a list is one");
	if (verdict == OM_REPLY_PAGE) {
		PROVE(param.u.tmem.size >= 1 && param.u.tmem.size <= OPTEE_MSG_PAGE_SIZE,
		      "a page is one page");
		REACHED("a page");
	} else {
		REACHED("a list");
	}
	return 0;
}
