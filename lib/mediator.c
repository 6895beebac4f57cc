/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes the secure world. Independent of what a guest holds. */
#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/mediator.h>

#include "secure.h"

static struct om_regs probe_smc(const struct om_mediator *m, uint32_t fid)
{
	return om_fast_smc(m, fid, 0, OPTEE_SMC_CLIENT_HYPERVISOR);
}

static bool is_complete(const struct om_host_ops *ops)
{
	return ops->pin && ops->unpin && ops->read && ops->write && ops->page_alloc &&
	       ops->page_free && ops->smc && ops->lock && ops->unlock;
}

static enum om_result probe_identity(struct om_mediator *m)
{
	struct om_regs r = probe_smc(m, OPTEE_SMC_CALLS_UID);

	if (r.a[0] != OPTEE_MSG_UID_0 || r.a[1] != OPTEE_MSG_UID_1 ||
	    r.a[2] != OPTEE_MSG_UID_2 || r.a[3] != OPTEE_MSG_UID_3)
		return OM_ERR_NOT_OPTEE;
	r = probe_smc(m, OPTEE_SMC_CALLS_REVISION);
	if (r.a[0] != OPTEE_MSG_REVISION_MAJOR)
		return OM_ERR_REVISION;
	r = probe_smc(m, OPTEE_SMC_GET_THREAD_COUNT);
	if (r.a[0] != OPTEE_SMC_RETURN_OK || r.a[1] == 0)
		return OM_ERR_NO_THREADS;
	m->threads = (uint32_t)r.a[1];
	return OM_OK;
}

static enum om_result probe_capabilities(struct om_mediator *m)
{
	struct om_regs r = probe_smc(m, OPTEE_SMC_EXCHANGE_CAPABILITIES);

	if (r.a[0] != OPTEE_SMC_RETURN_OK || !(r.a[1] & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM))
		return OM_ERR_NO_DYNAMIC_SHM;
	if (!(r.a[1] & OPTEE_SMC_SEC_CAP_VIRTUALIZATION))
		return OM_ERR_NO_VIRTUALIZATION;
	m->sec_caps = (uint32_t)r.a[1];
	/* RPC arguments behind the message are supported in one size only. */
	if ((r.a[3] & 0xffu) != OPTEE_MSG_RPC_PARAMS)
		m->sec_caps &= ~OPTEE_SMC_SEC_CAP_RPC_ARG;
	return OM_OK;
}

enum om_result om_mediator_init(struct om_mediator *m, const struct om_host_ops *ops,
				void *host)
{
	enum om_result result;

	if (!m || !ops || !is_complete(ops))
		return OM_ERR_ARGUMENT;
	om_zero(m, sizeof(*m));
	m->ops = ops;
	m->host = host;
	result = probe_identity(m);
	if (result == OM_OK)
		result = probe_capabilities(m);
	if (result != OM_OK)
		return result;
	m->reserved_known = !(m->sec_caps & OPTEE_SMC_SEC_CAP_RESERVED_SHM);
	if (!m->reserved_known)
		om_learn_reserved(m);
	return OM_OK;
}

const char *om_result_text(enum om_result result)
{
	static const char texts[][72] = {
		[OM_OK] = "success",
		[OM_AGAIN] = "interrupted: call again to go on",
		[OM_ERR_ARGUMENT] = "an argument is out of its range",
		[OM_ERR_EXISTS] = "a guest with this id is alive",
		[OM_ERR_NO_MEMORY] = "no usable page for a shadow",
		[OM_ERR_NOT_OPTEE] = "no OP-TEE answers in the secure world",
		[OM_ERR_REVISION] = "OP-TEE speaks another revision of its protocol than 2",
		[OM_ERR_NO_THREADS] = "OP-TEE does not tell its number of threads: it is too old",
		[OM_ERR_NO_DYNAMIC_SHM] = "OP-TEE takes no shared memory: build it with CFG_CORE_DYN_SHM=y",
		[OM_ERR_NO_VIRTUALIZATION] = "OP-TEE knows no guests: build it with CFG_NS_VIRTUALIZATION=y",
		[OM_ERR_REFUSED] = "OP-TEE takes no more guests",
		[OM_ERR_NOT_RELEASED] = "OP-TEE has not let go of the guest: its memory has to stay",
	};

	if ((size_t)result >= sizeof(texts) / sizeof(texts[0]))
		return "unknown result";
	return texts[om_index((uint32_t)result, sizeof(texts) / sizeof(texts[0]))];
}
