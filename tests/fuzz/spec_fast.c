/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The specification of fast calls, in the order of the table in docs/design.md. See
 * spec.h. Must not know what is in flight, only whether something is.
 */
#include "spec_priv.h"

static bool is_pass(uint32_t fid)
{
	return fid == OPTEE_SMC_CALLS_UID || fid == OPTEE_SMC_CALLS_REVISION ||
	       fid == OPTEE_SMC_GET_OS_UUID || fid == OPTEE_SMC_GET_OS_REVISION;
}

static bool is_notification(uint32_t fid)
{
	return fid == OPTEE_SMC_ENABLE_ASYNC_NOTIF || fid == OPTEE_SMC_GET_ASYNC_NOTIF_VALUE;
}

static bool is_forwarded(const struct spec *s, uint32_t fid)
{
	return is_pass(fid) || fid == OPTEE_SMC_EXCHANGE_CAPABILITIES ||
	       fid == OPTEE_SMC_DISABLE_SHM_CACHE || fid == OPTEE_SMC_ENABLE_SHM_CACHE ||
	       (is_notification(fid) && s->config.async);
}

/* All that is not UNKNOWN_FUNCTION: 12 fast calls, offered or not, and 4 yielding ones. */
#define FUNCTIONS 16u

void spec_fast_enters(struct spec *s)
{
	s->smc = SPEC_FAST;
	if (is_forwarded(s, s->fid)) {
		s->must_enter = true;
		s->may_enter = true;
		return;
	}
	switch (s->fid) {
	case OPTEE_SMC_CALLS_COUNT:
		spec_set_outcome(s, FUNCTIONS, 0, 0, false, false);
		break;
	case OPTEE_SMC_GET_THREAD_COUNT:
		spec_set_outcome(s, OPTEE_SMC_RETURN_OK, s->config.limits.threads, 0, false, false);
		break;
	case OPTEE_SMC_GET_SHM_CONFIG:
		spec_set_outcome(s, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, false, false);
		break;
	default:
		/* An SMC64 identifier's answer is 64 bits wide (SMCCC). */
		spec_set_outcome(s, s->fid & SMCCC_FID_SMC64 ? UINT64_MAX :
				 OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, false, false);
		s->must_refuse = SPEC_WHY(FUNCTION);
		break;
	}
}

void spec_fast_entered(struct spec *s, const struct om_regs *regs)
{
	uint32_t nsec = s->fid == OPTEE_SMC_EXCHANGE_CAPABILITIES ?
			(uint32_t)s->in.a[1] & OPTEE_SMC_NSEC_CAP_UNIPROCESSOR : 0;
	bool cache = s->fid == OPTEE_SMC_DISABLE_SHM_CACHE || s->fid == OPTEE_SMC_ENABLE_SHM_CACHE;

	spec_check(s, s->must_enter, "a fast call is forwarded that must not be (I8)");
	/* A busy OP-TEE may be asked again, a few times. */
	spec_check(s, s->entered == 1 || (cache && !s->decided && s->entered <= 4),
		   "a fast call is forwarded again");
	spec_check(s, regs->a[0] == s->fid && regs->a[1] == nsec && !regs->a[2] && !regs->a[3] &&
		   !regs->a[4] && !regs->a[5] && !regs->a[6],
		   "a fast call is forwarded with other registers (I8, I10)");
}

static void capabilities(struct spec *s, const struct om_regs *r)
{
	uint32_t shown = OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM | OPTEE_SMC_SEC_CAP_DYNAMIC_SHM |
			 OPTEE_SMC_SEC_CAP_MEMREF_NULL | OPTEE_SMC_SEC_CAP_RPMB_PROBE;
	uint32_t caps = (uint32_t)r->a[1];

	if (s->config.async)
		shown |= OPTEE_SMC_SEC_CAP_ASYNC_NOTIF;
	if (s->config.rpc_arg)
		shown |= OPTEE_SMC_SEC_CAP_RPC_ARG;
	if ((uint32_t)r->a[0] != OPTEE_SMC_RETURN_OK || !(caps & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM)) {
		spec_set_outcome(s, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, false, false);
		return;
	}
	caps &= shown;
	spec_set_outcome(s, OPTEE_SMC_RETURN_OK, caps,
			 caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF ? (uint32_t)r->a[2] : 0, false, false);
	s->outcome.a[3] = caps & OPTEE_SMC_SEC_CAP_RPC_ARG ? OPTEE_MSG_RPC_PARAMS : 0;
}

static void cache_off(struct spec *s, const struct om_regs *r)
{
	uint64_t cookie = spec_pair((uint32_t)r->a[1], r->a[2]);
	struct spec_buffer *b = spec_find_live(s, cookie, SPEC_RPC_ARG);

	if ((uint32_t)r->a[0] == OPTEE_SMC_RETURN_OK && b) {
		spec_buffer_release(s, b);
		spec_buffer_forget(b);
		b->users++;
		spec_buffer_put(s, b);
		spec_set_outcome(s, OPTEE_SMC_RETURN_OK, cookie >> 32, (uint32_t)cookie, false,
				 false);
		return;
	}
	if ((uint32_t)r->a[0] == OPTEE_SMC_RETURN_OK)
		s->must_hide = SPEC_WHY(REQUEST);
	spec_set_outcome(s, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, false, false);
}

void spec_fast_returned(struct spec *s, const struct om_regs *r)
{
	uint32_t code = (uint32_t)r->a[0];
	bool off = s->fid == OPTEE_SMC_DISABLE_SHM_CACHE;

	switch (s->fid) {
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		capabilities(s, r);
		break;
	case OPTEE_SMC_DISABLE_SHM_CACHE:
	case OPTEE_SMC_ENABLE_SHM_CACHE:
		if (code == OPTEE_SMC_RETURN_EBUSY && spec_calls_under_way(s)) {
			spec_set_outcome(s, code, 0, 0, false, false);
		} else if (code == OPTEE_SMC_RETURN_EBUSY) {
			/* Linux would sleep for ever: never told so. */
			spec_set_outcome(s, off ? OPTEE_SMC_RETURN_ENOTAVAIL : OPTEE_SMC_RETURN_OK,
					 0, 0, false, false);
			s->decided = false;
		} else if (off) {
			cache_off(s, r);
		} else {
			spec_set_outcome(s, OPTEE_SMC_RETURN_OK, 0, 0, false, false);
		}
		break;
	case OPTEE_SMC_ENABLE_ASYNC_NOTIF:
		s->notified |= code == OPTEE_SMC_RETURN_OK;
		spec_set_outcome(s, code, 0, 0, false, false);
		break;
	case OPTEE_SMC_GET_ASYNC_NOTIF_VALUE:
		spec_set_outcome(s, code, 0, 0, false, false);
		if (code == OPTEE_SMC_RETURN_OK) {
			s->outcome.a[1] = (uint32_t)r->a[1];
			s->outcome.a[2] = r->a[2] & (OPTEE_SMC_ASYNC_NOTIF_VALID |
						     OPTEE_SMC_ASYNC_NOTIF_PENDING);
		}
		break;
	default:
		spec_set_outcome(s, code, (uint32_t)r->a[1], (uint32_t)r->a[2], false, false);
		s->outcome.a[3] = (uint32_t)r->a[3];
		break;
	}
}
