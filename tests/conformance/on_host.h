/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest of the test host (tests/host) as platform of the conformance guest. What is special
 * about a test's machine the test changes in the platform that it gets.
 */
#ifndef TESTS_CONFORMANCE_ON_HOST_H
#define TESTS_CONFORMANCE_ON_HOST_H

#include <host/host.h>
#include <optee_mediator/limits.h>

#include "guest.h"

/*
 * Its RAM and special pages, its SMCs by test_guest_call(), four vCPUs and no flags. A new
 * driver is one here: the guest is reset. ctx is the test guest.
 */
struct cg_platform on_host(struct test_guest *guest, const struct om_limits *limits);

/* Its smc and is_host_address, for who has another ctx. */
void on_host_smc(void *guest, unsigned int vcpu, uint64_t x[8]);
bool on_host_is_host_address(void *guest, uint64_t value);

#endif
