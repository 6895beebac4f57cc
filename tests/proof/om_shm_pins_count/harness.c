/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_shm_buffer_count(), om_shm_pins_count(), om_shm_bucket_count().
 *
 * Assumes: limits in their range (are_valid() in lifetime.c).
 * Proves: no overflow; a buffer for each that the quotas admit and 4 for each call; a
 * record of pins for each buffer, so that the one every buffer begins with is there; a
 * bucket for each cookie, in a number that makes a mask. That the further records of large
 * buffers are there is an argument on paper, in README.md.
 *
 * Class: quick
 * Sources: shm.c
 * Unwind: 23
 *   om_shm_bucket_count() doubles up to OM_LIMIT_BUFFERS + OM_LIMIT_RPC_ARGS < 2^21.
 */
#include "proof.h"

#include "shm.h"

struct om_limits nondet_limits(void);

int main(void)
{
	const struct om_limits limits = nondet_limits();
	uint32_t buffers, pins, buckets;

	ASSUME(limits.threads >= 1 && limits.threads <= OM_LIMIT_THREADS);
	ASSUME(limits.buffers >= 1 && limits.buffers <= OM_LIMIT_BUFFERS);
	ASSUME(limits.rpc_args >= 1 && limits.rpc_args <= OM_LIMIT_RPC_ARGS);
	ASSUME(limits.pages >= 1 && limits.pages <= OM_LIMIT_PAGES);

	buffers = om_shm_buffer_count(&limits);
	PROVE(buffers == limits.buffers + limits.rpc_args + limits.threads * OPTEE_MSG_CALL_PARAMS,
	      "a buffer for each that the quotas admit, and 4 for each call");
	pins = om_shm_pins_count(&limits);
	PROVE(pins > buffers && pins - buffers <= limits.pages / OM_PIN_BATCH + 1,
	      "a record for each buffer, and one for each 31 pages");
	buckets = om_shm_bucket_count(&limits);
	PROVE(buckets >= limits.buffers + limits.rpc_args, "a bucket for each cookie");
	PROVE((buckets & (buckets - 1)) == 0, "a number of buckets that makes a mask");
	REACHED("the end");
	return 0;
}
