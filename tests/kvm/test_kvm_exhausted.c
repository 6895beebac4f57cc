/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This process is out of memory, of mappings, of threads: each thing that the
 * backend takes from it fails, one after the other, once and from then on. The
 * linker puts the functions below in the place of libc's.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

static uint32_t nth;		/* the one that fails, from 1; 0: none */
static bool for_good;
static uint32_t taken;		/* so far */

/* Workers take memory too; only one of them has a call at a time. */
static bool fails(void)
{
	if (!__atomic_load_n(&nth, __ATOMIC_SEQ_CST))
		return false;
	taken++;
	errno = ENOMEM;
	return taken == nth || (for_good && taken > nth);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void *__real_mmap(void *va, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *va, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *va, size_t size, int prot, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : __real_mmap(va, size, prot, flags, fd, offset);
}

void *__real_mremap(void *va, size_t old, size_t size, int flags, void *to);
void *__wrap_mremap(void *va, size_t old, size_t size, int flags, void *to);
void *__wrap_mremap(void *va, size_t old, size_t size, int flags, void *to)
{
	return fails() ? MAP_FAILED : __real_mremap(va, old, size, flags, to);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg)
{
	return fails() ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

int __real_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags)
{
	return fails() ? -1 : __real_eventfd(value, flags);
}

static void arm(uint32_t n)
{
	taken = 0;
	__atomic_store_n(&nth, n, __ATOMIC_SEQ_CST);
}

static void use(struct rig *rig, uint64_t cookie, uint32_t session)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);
	uint32_t ret;

	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, cookie, 0, 4 * PAGE);
	m->param[1].attr = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG;
	m->param[1].u.tmem.buf_ptr = rig_list(rig, 0, (const uint64_t[]){ PRIVATE_GPA + 9 * PAGE }, 1);
	m->param[1].u.tmem.size = 100;
	ret = rig_invoke(rig, 0, session, FAKE_MEMORY);
	assert_true(ret == TEEC_SUCCESS || ret == TEEC_ERROR_OUT_OF_MEMORY ||
		    ret == TEEC_ERROR_BAD_PARAMETERS);
}

/* In place, aliased, copied; registered or refused with the right word. */
static void live(struct rig *rig)
{
	static const uint64_t gpa[] = { DATA, DATA + 8 * PAGE, PRIVATE_GPA };
	uint64_t pages[4];
	uint32_t session, ret;

	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	for (uint32_t i = 0; i < 3; i++) {
		rig_pages(pages, gpa[i], 4, i > 0);
		ret = rig_register(rig, i + 1, pages, 4, 4 * PAGE);
		assert_true(ret == TEEC_SUCCESS || ret == TEEC_ERROR_OUT_OF_MEMORY);
		use(rig, i + 1, session);
	}
	assert_int_equal(rig_close(rig, session), TEEC_SUCCESS);
}

static void forget(void *user, const void *bytes, size_t len)
{
	(void)user, (void)bytes, (void)len;
}

/* A creation in which the n-th thing fails. True: there are no more things. */
static bool create(struct rig *rig, uint32_t n)
{
	struct om_kvm_config config;
	int result;

	config = rig_fresh(rig);
	config.record = forget;
	arm(n);
	result = om_kvm_create(&config, &rig->kvm);
	arm(0);
	if (result == OM_KVM_OK) {
		rig_populate(rig);
		return true;
	}
	assert_int_equal(result, OM_KVM_ERR_NO_MEMORY);
	assert_int_equal(fake_left(&rig->tee), 0);
	fake_exit(&rig->tee);
	return false;
}

TEST(a_guest_that_cannot_be_created)
{
	static struct rig rig;
	uint32_t n;

	for_good = false;
	for (n = 1; !create(&rig, n); n++)
		;
	rig_exit(&rig);
	/* Its own memory, its shadow pages, its threads. */
	assert_true(n > 30);
	print_message("%u things\n", n - 1);
}

/* A life in which the n-th thing fails. True: there are no more things. */
static bool run(uint32_t n)
{
	static struct rig rig;
	bool over;

	assert_true(create(&rig, 0));
	arm(n);
	live(&rig);
	over = taken < n;
	arm(0);
	rig_exit(&rig);
	return over;
}

TEST(a_guest_that_goes_short)
{
	uint32_t n, lives = 0;

	for_good = false;
	for (n = 1; !run(n); n++)
		lives++;
	for_good = true;
	for (n = 1; n <= lives; n++)
		(void)run(n);
	/* Buffers, arenas, a mapping for each piece of an alias. */
	assert_true(lives > 10);
	print_message("%u lives\n", 2 * lives);
}

TEST(memory_that_cannot_be_added)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	fake_init(&rig.tee);
	rig_init(&rig, NULL);
	assert_int_equal(om_kvm_remove_memory(rig.kvm, PRIVATE_ID), OM_KVM_OK);
	for_good = false;
	for (uint32_t n = 1; n <= 2; n++) {
		arm(n);
		assert_int_equal(rig_add(&rig, 3, PRIVATE_GPA, PRIVATE_SIZE, rig.private, 0),
				 OM_KVM_ERR_NO_MEMORY);
		arm(0);
	}
	assert_int_equal(rig_add(&rig, 3, PRIVATE_GPA, PRIVATE_SIZE, rig.private, 0), OM_KVM_OK);
	rig_exit(&rig);
}
