/* SPDX-License-Identifier: BSD-2-Clause */
/* A recording of the guest's calls. See recording.h. */
#define _GNU_SOURCE
#include "recording.h"

#include <stdlib.h>
#include <time.h>

/* This thread's while it is in a call; 0 where no vCPU runs. */
static _Thread_local uint32_t number;

struct om_recording *om_recording_new(const struct om_record_config *config, void *host,
				      const struct om_limits *limits)
{
	struct om_recording *recording = calloc(1, sizeof(*recording));
	struct om_record_config full = *config;

	if (!recording)
		return NULL;
	full.host = host;
	full.page_count = OM_RECORD_PAGES(*limits);
	full.pages = recording->pages = calloc(full.page_count, sizeof(*full.pages));
	if (!full.pages) {
		free(recording);
		return NULL;
	}
	pthread_mutex_init(&recording->lock, NULL);
	pthread_mutex_init(&recording->numbers_lock, NULL);
	pthread_cond_init(&recording->given_back, NULL);
	/* It cannot fail: the config is whole. */
	om_record_init(&recording->recorder, &full);
	return recording;
}

void om_recording_free(struct om_recording *recording)
{
	if (!recording)
		return;
	pthread_cond_destroy(&recording->given_back);
	pthread_mutex_destroy(&recording->numbers_lock);
	pthread_mutex_destroy(&recording->lock);
	free(recording->pages);
	free(recording);
}

uint64_t om_recording_clock(void *host)
{
	struct timespec now;

	(void)host;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint32_t om_recording_number(void *host)
{
	(void)host;
	return number;
}

static void take_number(struct om_recording *recording)
{
	pthread_mutex_lock(&recording->numbers_lock);
	for (number = 0; recording->taken[number];) {
		if (++number < OM_RECORD_CPUS)
			continue;
		pthread_cond_wait(&recording->given_back, &recording->numbers_lock);
		number = 0;
	}
	recording->taken[number] = true;
	pthread_mutex_unlock(&recording->numbers_lock);
}

static void give_number(struct om_recording *recording)
{
	pthread_mutex_lock(&recording->numbers_lock);
	recording->taken[number] = false;
	number = 0;
	pthread_cond_signal(&recording->given_back);
	pthread_mutex_unlock(&recording->numbers_lock);
}

enum om_outcome om_recording_call(struct om_recording *recording, unsigned int vcpu,
				  struct om_regs *regs)
{
	enum om_outcome outcome;

	take_number(recording);
	outcome = om_record_guest_call(&recording->guest, vcpu, regs);
	give_number(recording);
	return outcome;
}
