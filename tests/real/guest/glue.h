/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies between the conformance guest and the machine it runs on at EL1.
 */
#ifndef REAL_GUEST_GLUE_H
#define REAL_GUEST_GLUE_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "guest.h"

/* Notification interrupts taken so far; atomic. */
extern uint32_t notifications;

void say(const char *text);
void say_number(uint64_t n);
/* Says that a check of this folder's own passed or not, returns it. */
bool result(const char *name, bool good);
uint64_t milliseconds(void);
/* Has vCPU 1 do a job, and waits for it to be done with its last one. */
void other_do(void (*job)(void *arg), void *arg);
void other_wait(void);

/* The checks: each true when all was well. */
bool check_conversation(struct cg_guest *g);
bool check_notification(struct cg_guest *g);
bool check_two_vcpus(struct cg_guest *g);
bool check_heap(struct cg_guest *g);

/* Pages that OP-TEE's heap has room for, as registered by one guest, nearly. */
#define SECURE_PAGES	11000u

/* start.S */
void smc_call(uint64_t x[8]);
void hvc_call(uint64_t x[8]);
void start_secondary(void);

#endif
