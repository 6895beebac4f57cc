/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine of one guest on the model of OP-TEE, with the recorder around the library. */
#ifndef OM_TESTS_RECORD_MACHINE_H
#define OM_TESTS_RECORD_MACHINE_H

#include "test.h"

#include <optee_mediator/record.h>

#include "conformance/client.h"
#include "host/host.h"
#include "model/model.h"
#include "reader.h"

#define RAM_PAGES	2048u
#define PAGES		64u

extern const struct om_limits limits;

/* What is written to a stream, or dumped from a ring. */
struct bytes {
	uint8_t at[1 << 20];
	size_t used;
};

/* A machine of one guest that is recorded. */
struct machine {
	struct test_host *host;
	struct model *model;
	struct test_guest *guest;
	struct om_mediator mediator;
	struct om_recorder recorder;
	struct om_record_page page[PAGES];
	struct om_record_guest recorded;
	struct om_record_config config;
	struct cg_platform platform;
	struct cg_guest *client;
	void *memory;
	uint64_t time;
	struct bytes *stream;
};

/* Its parts; the guest is made by machine_start(), and destroyed by machine_end(). */
struct machine *machine_new(void **state);
void machine_start(struct machine *m);
void machine_end(struct machine *m);
int machine_free(void **state);

#define RECORD_TEST(name) TEST_IN(name, NULL, machine_free)

/* A session, a buffer, a refusal: what most tests record. */
void converse(struct machine *m);

/* A call with a request of OP-TEE's in it. */
void ask_time(struct machine *m);

/* For om_record_dump(). */
void bytes_put(void *arg, const void *from, size_t len);

/* The first `size` of the bytes as a recording. */
enum reading bytes_parse(struct recording *r, const struct bytes *bytes, size_t size);
struct recording bytes_read(const struct bytes *bytes, size_t size, enum reading expected);

/* Writes a record's checksum anew: what a recording would say if that had happened. */
void sum_again(struct bytes *bytes, const struct record *record);

#endif
