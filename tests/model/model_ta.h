/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model's trusted applications are called and understand.
 *
 * Constants only, no libc: the conformance guest uses it too. UUIDs are octets as
 * they lie in a message (RFC 4122 order). Param 0 is params[0] of the INVOKE,
 * that is after the meta parameters in an OPEN_SESSION.
 */
#ifndef TESTS_MODEL_TA_H
#define TESTS_MODEL_TA_H

/* Pseudo-TAs that a real OP-TEE has as well. */
/* d96a5b40-c3e5-21e3-8794-1002a5d5c61b */
#define PTA_INVOKE_TESTS_UUID \
	{ 0xd9, 0x6a, 0x5b, 0x40, 0xc3, 0xe5, 0x21, 0xe3, \
	  0x87, 0x94, 0x10, 0x02, 0xa5, 0xd5, 0xc6, 0x1b }
#define PTA_INVOKE_TESTS_TRACE		0u
#define PTA_INVOKE_TESTS_PARAMS		1u
#define PTA_INVOKE_TESTS_SELF		2u
#define PTA_INVOKE_TESTS_MUTEX		7u	/* VALUE_IN {0 writer 1 reader, loops}, VALUE_OUT */
#define PTA_INVOKE_TESTS_MEMREF_NULL	10u
/* d96a5b40-e2c7-b1af-8794-1002a5d5c61b */
#define PTA_STATS_UUID \
	{ 0xd9, 0x6a, 0x5b, 0x40, 0xe2, 0xc7, 0xb1, 0xaf, \
	  0x87, 0x94, 0x10, 0x02, 0xa5, 0xd5, 0xc6, 0x1b }
#define PTA_STATS_GET_TIME		4u	/* VALUE_OUT ree time, VALUE_OUT tee time */
/* 7011a688-ddde-4053-a5a9-7b3c4ddf13b8 */
#define PTA_DEVICE_UUID \
	{ 0x70, 0x11, 0xa6, 0x88, 0xdd, 0xde, 0x40, 0x53, \
	  0xa5, 0xa9, 0x7b, 0x3c, 0x4d, 0xdf, 0x13, 0xb8 }
#define PTA_DEVICE_GET			0u	/* MEMREF_OUT: UUIDs, or SHORT_BUFFER */
#define PTA_DEVICE_GET_SUPP		1u

/*
 * The model's own test TA: 8f1e6f0a-6d6f-4d5f-a001-6f6d5f746573. Opens with any
 * parameters; a param 0 of VALUE_INPUT with a = MODEL_TA_OPEN_FAIL makes the open
 * fail with the code in b.
 */
#define MODEL_TA_UUID \
	{ 0x8f, 0x1e, 0x6f, 0x0a, 0x6d, 0x6f, 0x4d, 0x5f, \
	  0xa0, 0x01, 0x6f, 0x6d, 0x5f, 0x74, 0x65, 0x73 }
#define MODEL_TA_OPEN_FAIL		0xfa11u

/*
 * func: parameters. Wrong types are BAD_PARAMETERS. A parameter not named is not
 * looked at. I, O, IO: the direction.
 *
 * INTERRUPT: p0 VALUE_I a = n. Leaves with FOREIGN_INTR n times. Then each IO
 *	memref among p1..p3 has all its bytes inverted, each IO value a and b + 1.
 * PAYLOAD: p0 VALUE_IO a = size, b = type (OPTEE_RPC_SHM_TYPE_*). SHM_ALLOC, a
 *	pattern written, GET_TIME, the pattern checked, SHM_FREE. Out: a = size,
 *	b = TEEC code of the allocation.
 * PAYLOAD_KEEP: p0 VALUE_IO a = size, b = type. SHM_ALLOC and pattern; kept for
 *	later calls of any session. Out: a = handle.
 * PAYLOAD_CHECK: p0 VALUE_I a = handle. Checks the pattern; GENERIC if it is gone.
 * PAYLOAD_DROP: p0 VALUE_I a = handle. SHM_FREE.
 * LOAD: p0 VALUE_O, p1 VALUE_I {uuid a:lo b:hi of the first 8 octets}. LOAD_TA for
 *	the size, SHM_ALLOC, LOAD_TA for the image, SHM_FREE. Out: a = size,
 *	b = sum of all its bytes, 32 bits.
 * WAIT_CANCEL: no parameters. Leaves with FOREIGN_INTR until a CANCEL of this
 *	session arrives, then returns TEEC_ERROR_CANCEL.
 * FS: p0 VALUE_I a = size. CREATE, WRITE, CLOSE, OPEN, READ, CLOSE, REMOVE of a
 *	file named "/0" through a payload buffer that the call keeps to its end;
 *	what is read back is compared.
 * COPY: p0 MEMREF_I, p1 MEMREF_O. Copies; SHORT_BUFFER and the size if too small.
 * RETURN: p0 VALUE_I a = code to return.
 * FILL: p0 VALUE_I a = seed, p1 MEMREF_O. Byte i becomes MODEL_TA_PATTERN(seed, i).
 * SUM: p0 VALUE_O, p1 MEMREF_I. a = sum of all bytes, 32 bits.
 * SUSPEND_MEMREF: as INTERRUPT, but the RPC is SUSPEND of 1 ms.
 */
#define MODEL_TA_INTERRUPT		0u
#define MODEL_TA_PAYLOAD		1u
#define MODEL_TA_PAYLOAD_KEEP		2u
#define MODEL_TA_PAYLOAD_CHECK		3u
#define MODEL_TA_PAYLOAD_DROP		4u
#define MODEL_TA_LOAD			6u
#define MODEL_TA_WAIT_CANCEL		7u
#define MODEL_TA_FS			8u
#define MODEL_TA_COPY			9u
#define MODEL_TA_RETURN			11u
#define MODEL_TA_FILL			12u
#define MODEL_TA_SUM			13u
#define MODEL_TA_SUSPEND_MEMREF		14u

/* The patterns in payloads (seed 0x5a) and of FILL. */
#define MODEL_TA_PATTERN(seed, i) \
	((unsigned char)((unsigned int)(seed) + (unsigned int)(i) * 7u + ((unsigned int)(i) >> 8)))

/*
 * The image of a loadable TA, as the model takes it in LOAD_TA: at least 32
 * bytes, the UUID's 16 octets first, then byte i is MODEL_TA_PATTERN(0x7a, i).
 * Such a TA understands what the test TA does. Anything else is SECURITY.
 */
#define MODEL_TA_IMAGE_SEED		0x7au

#endif
