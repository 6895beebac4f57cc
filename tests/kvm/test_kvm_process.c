/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend is a guest in the VMM's process: its mappings, its descriptors and its
 * signals are not the only ones there. What is the VMM's stays the VMM's.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <dirent.h>
#include <errno.h>
#include <linux/tee.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MORE_GPA	0x40000000u

/* The mremap() that fails, from 1, of those that duplicate or that move to a fixed place. */
static struct {
	uint32_t nth;
	bool fixed;
	int error;
	uint8_t *taken;		/* where somebody else's page has come to be */
} fault;

void *__real_mremap(void *va, size_t old, size_t size, int flags, ...);
void *__wrap_mremap(void *va, size_t old, size_t size, int flags, ...);

/*
 * As Linux before 6.16 does it: what is at the fixed place is unmapped first, and only
 * then may the rest fail. Meanwhile another thread maps something, and gets that place.
 */
void *__wrap_mremap(void *va, size_t old, size_t size, int flags, ...)
{
	void *to = NULL;

	if (flags & MREMAP_FIXED) {
		va_list arguments;

		va_start(arguments, flags);
		to = va_arg(arguments, void *);
		va_end(arguments);
	}
	if (!fault.nth || fault.fixed != !!(flags & MREMAP_FIXED) || --fault.nth)
		return __real_mremap(va, old, size, flags, to);
	if (to) {
		munmap(to, size);
		fault.taken = mmap(to, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		memset(fault.taken, 0x3c, PAGE);
	}
	errno = fault.error;
	return MAP_FAILED;
}

static struct rig *start(struct rig *rig, const struct om_kvm_config *config)
{
	struct om_kvm_config own = rig_fresh(rig);

	if (config) {
		own = *config;
		own.os = &rig->tee.os;
		own.user = rig;
	}
	rig_init(rig, &own);
	return rig;
}

/* The TA increments each byte of a buffer of n pages. */
static void increment(struct rig *rig, uint32_t session, uint64_t cookie, uint32_t n)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);

	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, cookie, 0, (uint64_t)n * PAGE);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
}

static bool is_filled(const uint8_t *page, uint8_t byte)
{
	for (size_t i = 0; i < PAGE; i++)
		if (page[i] != byte)
			return false;
	return true;
}

static uint32_t mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	uint32_t lines = 0;
	int c;

	assert_non_null(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

/* Mappings */

/*
 * A file of six pages, two of the VMM's own between four of the guest's: at va, in a row. Its
 * descriptor goes to *file, unless that is NULL.
 */
static uint8_t *map_around_vmms_own(uint8_t **own, int *file)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	uint8_t *va = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int prot = PROT_READ | PROT_WRITE, fixed = MAP_SHARED | MAP_FIXED;

	assert_true(fd >= 0 && va != MAP_FAILED);
	assert_int_equal(ftruncate(fd, 6 * PAGE), 0);
	assert_true(mmap(va, 2 * PAGE, prot, fixed, fd, 0) == va);
	assert_true(mmap(va + 2 * PAGE, 2 * PAGE, prot, fixed, fd, 4 * PAGE) == va + 2 * PAGE);
	*own = mmap(NULL, 2 * PAGE, prot, MAP_SHARED, fd, 2 * PAGE);
	assert_true(*own != MAP_FAILED);
	if (file)
		*file = fd;
	else
		close(fd);
	for (uint32_t i = 0; i < 4; i++)
		memset(va + i * PAGE, 0x10 * (int)(i + 1), PAGE);
	memset(*own, 0x77, 2 * PAGE);
	return va;
}

/* Page 3, then 1 and 2, which follow each other in this process but not in the file. */
static void cross_the_edge(struct rig *rig, const uint8_t *va, const uint8_t *own)
{
	const uint64_t pages[] = { MORE_GPA + 3 * PAGE, MORE_GPA + PAGE, MORE_GPA + 2 * PAGE };
	uint32_t session = rig_opened(rig), aliased = COUNT(rig, ALIASED);

	assert_int_equal(rig_register(rig, 1, pages, 3, 3 * PAGE), TEEC_SUCCESS);
	increment(rig, session, 1, 3);
	assert_true(is_filled(own, 0x77) && is_filled(own + PAGE, 0x77));
	assert_true(is_filled(va, 0x10) && is_filled(va + PAGE, 0x21));
	assert_true(is_filled(va + 2 * PAGE, 0x31) && is_filled(va + 3 * PAGE, 0x41));
	assert_int_equal(COUNT(rig, ALIASED), aliased + 1);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
}

RIGGED(fault_a3_an_alias_ends_at_a_regions_edge)
{
	uint8_t *own, *va = map_around_vmms_own(&own, NULL);

	assert_int_equal(rig_add(rig, 3, MORE_GPA, 2 * PAGE, va, OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	assert_int_equal(rig_add(rig, 4, MORE_GPA + 2 * PAGE, 2 * PAGE, va + 2 * PAGE,
				 OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	cross_the_edge(rig, va, own);
	munmap(va, 4 * PAGE);
	munmap(own, 2 * PAGE);
}

RIGGED(fault_a3_an_alias_of_a_file_ends_at_a_regions_edge)
{
	struct om_kvm_memory memory = { .gpa = MORE_GPA, .size = 2 * PAGE,
					.flags = OM_KVM_MEMORY_FILE };
	uint8_t *own, *va = map_around_vmms_own(&own, &memory.fd);

	for (uint32_t i = 0; i < 2; i++) {
		memory.id = 3 + i;
		memory.gpa = MORE_GPA + i * 2 * PAGE;
		memory.hva = va + i * 2 * PAGE;
		memory.offset = i * 4 * PAGE;
		assert_int_equal(om_kvm_add_memory(rig->kvm, &memory), OM_KVM_OK);
	}
	cross_the_edge(rig, va, own);
	munmap(va, 4 * PAGE);
	munmap(own, 2 * PAGE);
	close(memory.fd);
}

RIGGED(fault_a3_a_region_may_be_several_mappings)
{
	uint8_t *own, *va = map_around_vmms_own(&own, NULL);

	assert_int_equal(rig_add(rig, 3, MORE_GPA, 4 * PAGE, va, OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	cross_the_edge(rig, va, own);
	munmap(va, 4 * PAGE);
	munmap(own, 2 * PAGE);
}

/* Where a guest's pages follow each other they are one range for Linux, whoever mapped them. */
RIGGED(fault_a3_regions_in_a_row_are_registered_in_place)
{
	const uint64_t pages[] = { MORE_GPA + PAGE, MORE_GPA + 2 * PAGE };
	uint8_t *own, *va = map_around_vmms_own(&own, NULL);
	uint32_t session = rig_opened(rig);

	assert_int_equal(rig_add(rig, 3, MORE_GPA, 2 * PAGE, va, OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	assert_int_equal(rig_add(rig, 4, MORE_GPA + 2 * PAGE, 2 * PAGE, va + 2 * PAGE,
				 OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	assert_int_equal(rig_register(rig, 1, pages, 2, 2 * PAGE), TEEC_SUCCESS);
	increment(rig, session, 1, 2);
	assert_true(is_filled(own, 0x77) && is_filled(own + PAGE, 0x77));
	assert_true(is_filled(va + PAGE, 0x21) && is_filled(va + 2 * PAGE, 0x31));
	assert_int_equal(COUNT(rig, IN_PLACE), 1);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	munmap(va, 4 * PAGE);
	munmap(own, 2 * PAGE);
}

/* A scattered buffer whose alias fails at the nth page; then again, when nothing fails. */
static void fail_an_alias(struct rig *rig, uint32_t session, uint32_t nth, bool fixed, int error)
{
	uint32_t aliased = COUNT(rig, ALIASED), copied = COUNT(rig, COPIED);
	uint64_t pages[4];

	rig_pages(pages, DATA, 4, true);
	memset(rig_va(rig, DATA), 0, 4 * PAGE);
	assert_int_equal(rig_register(rig, 1, pages, 4, 4 * PAGE), TEEC_SUCCESS);
	fault.nth = nth;
	fault.fixed = fixed;
	fault.error = error;
	increment(rig, session, 1, 4);
	assert_int_equal(fault.nth, 0);
	assert_int_equal(COUNT(rig, COPIED), copied + 1);
	assert_int_equal(COUNT(rig, ALIASED), aliased);
	increment(rig, session, 1, 4);
	assert_true(is_filled(rig_va(rig, DATA + 3 * PAGE), 2));
}

RIGGED(fault_a4_what_a_failed_alias_leaves_is_not_unmapped)
{
	uint32_t session = rig_opened(rig), nth;

	for (nth = 1; nth <= 4; nth++) {
		fail_an_alias(rig, session, nth, true, ENOMEM);
		/* It is there, and nobody but its owner has written to it. */
		assert_int_equal(msync(fault.taken, PAGE, MS_ASYNC), 0);
		assert_true(is_filled(fault.taken, 0x3c));
		munmap(fault.taken, PAGE);
		assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	}
}

/* Pieces of a file are of several pages, and so is what may be somebody else's then. */
RIGGED(fault_a4_what_a_failed_alias_of_a_file_leaves_is_not_unmapped)
{
	const uint64_t pages[] = { MORE_GPA + 2 * PAGE, MORE_GPA + 3 * PAGE, MORE_GPA,
				   MORE_GPA + PAGE };
	struct om_kvm_memory memory = { .id = 3, .gpa = MORE_GPA, .size = 4 * PAGE,
					.flags = OM_KVM_MEMORY_FILE };
	uint32_t session = rig_opened(rig), nth;

	memory.fd = memfd_create("file", MFD_CLOEXEC);
	assert_int_equal(ftruncate(memory.fd, 4 * PAGE), 0);
	assert_int_equal(om_kvm_add_memory(rig->kvm, &memory), OM_KVM_OK);
	close(memory.fd);
	for (nth = 1; nth <= 2; nth++) {
		assert_int_equal(rig_register(rig, 1, pages, 4, 4 * PAGE), TEEC_SUCCESS);
		fault.nth = nth;
		fault.fixed = true;
		fault.error = ENOMEM;
		increment(rig, session, 1, 4);
		assert_int_equal(fault.nth, 0);
		assert_int_equal(COUNT(rig, COPIED), nth);
		assert_true(is_filled(fault.taken, 0x3c));
		munmap(fault.taken, PAGE);
		increment(rig, session, 1, 4);
		assert_int_equal(COUNT(rig, ALIASED), nth);
		assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	}
}

RIGGED(fault_a4_errors_that_pass_are_not_remembered)
{
	static const int errors[] = { ENOMEM, EAGAIN };
	uint32_t session = rig_opened(rig), i;

	for (i = 0; i < 4; i++) {
		bool fixed = i % 2;

		fail_an_alias(rig, session, 2, fixed, errors[i / 2]);
		assert_int_equal(COUNT(rig, ALIASED), i + 1);
		if (fixed)
			munmap(fault.taken, PAGE);
		assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	}
}

RIGGED(fault_a4_a_refused_alias_leaves_nothing)
{
	uint32_t session = rig_opened(rig), before, i;

	/* What a worker needs once is there now. */
	fail_an_alias(rig, session, 3, false, ENOMEM);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	before = mappings();
	for (i = 0; i < 50; i++) {
		fail_an_alias(rig, session, 1 + i % 4, false, i % 2 ? ENOMEM : EINVAL);
		assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	}
	assert_true(mappings() <= before + 5);
}

/* Buffers of scattered pages, one after the other, each used once; how many were aliased. */
#define LARGE		600u
#define LARGE_BUFFERS	28u

static uint32_t alias_all(struct rig *rig)
{
	static uint64_t pages[LARGE];
	uint32_t session = rig_opened(rig), i;

	for (i = 0; i < LARGE; i++)
		pages[i] = DATA + (i * 2 % 64) * PAGE;
	for (i = 0; i < LARGE_BUFFERS; i++) {
		struct message *m;

		assert_int_equal(rig_register(rig, i + 1, pages, LARGE, LARGE * PAGE), 0);
		m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
		rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, i + 1, 0, LARGE * PAGE);
		assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_SUCCESS);
	}
	return COUNT(rig, ALIASED);
}

TEST(fault_b13_guests_of_a_process_share_its_mappings)
{
	struct om_kvm_config config = rig_config(rigs);
	uint32_t before = mappings(), aliased, i;

	config.limits.pages = LARGE * LARGE_BUFFERS + 100;
	aliased = alias_all(start(&rigs[0], &config));
	assert_true(aliased > 0);
	for (i = 1; i < 4; i++)
		alias_all(start(&rigs[i], &config));
	/* Of 65530 by default half are left to the VMM. */
	assert_true(mappings() - before < 33000);
	for (i = 4; i; i--)
		rig_exit(&rigs[i - 1]);
	/* And they come back. */
	assert_int_equal(alias_all(start(&rigs[0], &config)), aliased);
	rig_exit(&rigs[0]);
}

/* Descriptors */

TEST(fault_a5_no_descriptor_survives_exec)
{
	uint32_t before = fake_inherited(), all = fake_descriptors(), session, i;
	struct om_kvm_config config = rig_config(rigs);
	uint64_t pages[4];
	struct rig *rig;

	/* One arena. */
	config.workers = 1;
	rig = start(rigs, &config);
	session = rig_opened(rig);
	/* In place and as an alias; the arena comes with a small reference. */
	for (i = 0; i < 2; i++) {
		struct message *m;

		rig_pages(pages, DATA, 4, i);
		assert_int_equal(rig_register(rig, i + 1, pages, 4, 4 * PAGE), TEEC_SUCCESS);
		m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);
		rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, i + 1, 0, 4 * PAGE);
		rig_rmem(m, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, i + 1, 0, 16);
		assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_SUCCESS);
	}
	assert_int_equal(fake_shms(&rig->tee), 3);
	/* The device, and these. */
	assert_true(fake_descriptors() >= all + 4);
	assert_int_equal(fake_inherited(), before);
	rig_exit(rig);
}

/* Signals */

static int awaited;	/* the signal that the VMM recovers from */

static void map_something_there(int signal, siginfo_t *info, void *context)
{
	void *page = (void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));

	(void)context;
	if (signal != awaited || mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED |
				     MAP_ANONYMOUS, -1, 0) != page)
		_exit(3);
}

/* A guest whose memory turns out to be missing, or out of reach, when a worker reads it. */
static void live_with_missing_memory(void)
{
	struct sigaction action = { .sa_sigaction = map_something_there, .sa_flags = SA_SIGINFO };
	struct rig *rig = start(rigs, NULL);
	uint32_t session = rig_opened(rig);
	int fd = memfd_create("file", MFD_CLOEXEC);
	const uint64_t page = MORE_GPA;
	struct message *m;
	uint8_t *va;

	if (fd < 0 || ftruncate(fd, PAGE) || sigaction(awaited, &action, NULL))
		_exit(2);
	va = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rig_add(rig, 3, MORE_GPA, PAGE, va, OM_KVM_MEMORY_SHARED) != OM_KVM_OK ||
	    rig_register(rig, 1, &page, 1, PAGE) != TEEC_SUCCESS)
		_exit(2);
	if (awaited == SIGBUS ? ftruncate(fd, 0) : mprotect(va, PAGE, PROT_NONE))
		_exit(2);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, 16);
	_exit(rig_invoke(rig, 0, session, FAKE_MEMORY) == TEEC_SUCCESS && va[0] == 1 ? 0 : 4);
}

static void survive(int signal)
{
	pid_t child;
	int status;

	awaited = signal;
	child = fork();
	assert_true(child >= 0);
	if (!child)
		live_with_missing_memory();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFSIGNALED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(fault_b13_a_worker_survives_what_the_vmm_recovers_from)
{
	survive(SIGBUS);
	survive(SIGSEGV);
}

/* The set of signals that a thread blocks, by its name in /proc. */
static uint64_t blocked_by(const char *thread)
{
	char path[64], line[128];
	unsigned long long blocked = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", thread);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) && sscanf(line, "SigBlk: %llx", &blocked) != 1)
		;
	fclose(file);
	return blocked;
}

/* Threads whose signals are blocked, but for those that a thread brings upon itself. */
static uint32_t count_workers(void)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
	static const int others[] = { SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM };
	uint64_t own_set = 0, other_set = 0;
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	uint32_t n = 0;

	assert_non_null(dir);
	for (size_t i = 0; i < 6; i++) {
		own_set |= 1ull << (own[i] - 1);
		other_set |= 1ull << (others[i] - 1);
	}
	while ((entry = readdir(dir))) {
		uint64_t blocked = entry->d_name[0] == '.' ? 0 : blocked_by(entry->d_name);

		n += (blocked & other_set) == other_set && !(blocked & own_set);
	}
	closedir(dir);
	return n;
}

TEST(fault_b13_workers_block_only_what_others_send)
{
	uint32_t before = count_workers(), i;
	struct rig *rig = start(rigs, NULL);

	/* A thread blocks all signals until it has begun. */
	for (i = 0; i < 5000 && count_workers() != before + 3; i++)
		usleep(1000);
	/* Two for calls, one for CANCEL. */
	assert_int_equal(count_workers(), before + 3);
	rig_exit(rig);
}
