/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's memory: regions, pins, and memory that leaves while it is in use. */
#define _GNU_SOURCE
#include "rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define MORE_GPA 0x40000000u

static struct om_kvm_memory r;

/* A page that can be added. */
static struct om_kvm_memory one_page(struct rig *rig)
{
	return (struct om_kvm_memory){
		.id = 3, .gpa = MORE_GPA, .size = PAGE, .hva = rig->private,
	};
}

/* What om_kvm_add_memory() says to that page after assignments to fields of r. */
#define ADD(rig, ...) \
	(r = one_page(rig), __VA_ARGS__, om_kvm_add_memory((rig)->kvm, &r))

RIGGED(bad_regions_are_refused)
{
	uint8_t *va = rig->private;

	assert_int_equal(ADD(rig, r.size = 0), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD(rig, r.hva = NULL), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD(rig, r.gpa = MORE_GPA + 1), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD(rig, r.size = PAGE + 1), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD(rig, r.hva = va + 1), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD(rig, r.gpa = 0 - (uint64_t)PAGE, r.size = 2 * PAGE),
			 OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD(rig, r.size = 0 - (uint64_t)PAGE), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD(rig, r.flags = 1u << 2), OM_KVM_ERR_ARGUMENT);
}

RIGGED(regions_do_not_overlap_in_the_guest)
{
	uint8_t *va = rig->private;

	assert_int_equal(ADD(rig, r.gpa = SHARED_GPA + SHARED_SIZE - PAGE, r.size = 2 * PAGE),
			 OM_KVM_ERR_OVERLAP);
	assert_int_equal(ADD(rig, r.gpa = SHARED_GPA - PAGE, r.size = 2 * PAGE),
			 OM_KVM_ERR_OVERLAP);
	/* Side by side is fine, and so is memory that the guest has elsewhere, too. */
	assert_int_equal(ADD(rig, r.gpa = SHARED_GPA + SHARED_SIZE), OM_KVM_OK);
	assert_int_equal(ADD(rig, r.id = 4, r.gpa = SHARED_GPA - PAGE, r.hva = va + PAGE),
			 OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 4), OM_KVM_OK);
}

/* Registers n pages from gpa on. */
static void share_pages(struct rig *rig, uint64_t cookie, uint64_t gpa, uint32_t n)
{
	uint64_t pages[4];

	rig_pages(pages, gpa, n, false);
	assert_int_equal(rig_register(rig, cookie, pages, n, (uint64_t)n * PAGE), TEEC_SUCCESS);
}

static void share(struct rig *rig, uint64_t cookie, uint64_t gpa)
{
	share_pages(rig, cookie, gpa, 4);
}

RIGGED(fault_e3_a_region_is_known_by_its_id)
{
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_ERR_NO_REGION);
	assert_int_equal(ADD(rig, r.id = PRIVATE_ID), OM_KVM_ERR_ID);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_ERR_NO_REGION);
	assert_int_equal(ADD(rig, r.id = PRIVATE_ID, r.gpa = PRIVATE_GPA, r.size = PRIVATE_SIZE),
			 OM_KVM_OK);
	/* Of two that have had the same place in the guest, each leaves by itself. */
	share(rig, 1, PRIVATE_GPA);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_AGAIN);
	assert_int_equal(ADD(rig, r.id = PRIVATE_ID), OM_KVM_ERR_ID);
	assert_int_equal(ADD(rig, r.id = UINT64_MAX, r.gpa = PRIVATE_GPA,
			     r.hva = rig->private + 8 * PAGE), OM_KVM_OK);
	share_pages(rig, 2, PRIVATE_GPA, 1);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, UINT64_MAX), OM_KVM_AGAIN);
	assert_int_equal(rig_unregister(rig, 2), TEEC_SUCCESS);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_AGAIN);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, UINT64_MAX), OM_KVM_OK);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_OK);
}

RIGGED(a_page_outside_all_regions_cannot_be_shared)
{
	uint64_t pages[4];

	/* The last of them is behind the end; none stays pinned. */
	rig_pages(pages, SHARED_GPA + SHARED_SIZE - 3 * PAGE, 4, false);
	assert_int_equal(rig_register(rig, 1, pages, 4, 4 * PAGE), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNT_PINNED_NOW), 0);
	pages[0] = MORE_GPA;
	assert_int_equal(rig_register(rig, 1, pages, 1, PAGE), TEEC_ERROR_BAD_PARAMETERS);
}

RIGGED(a_region_in_use_leaves_when_it_is_free)
{
	uint64_t page = PRIVATE_GPA;

	share(rig, 1, PRIVATE_GPA);
	share(rig, 2, PRIVATE_GPA + 2 * PAGE);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNT_PINNED_NOW), 8);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_AGAIN);
	/* It is not in the guest any more. */
	assert_int_equal(rig_register(rig, 3, &page, 1, PAGE), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(om_kvm_may_discard(rig->kvm, PRIVATE_GPA, PAGE), OM_KVM_ERR_NO_REGION);
	/* Its place in the guest is free. */
	assert_int_equal(ADD(rig, r.gpa = PRIVATE_GPA, r.hva = rig->private + 64 * PAGE),
			 OM_KVM_OK);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_AGAIN);
	assert_int_equal(rig_unregister(rig, 2), TEEC_SUCCESS);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_OK);
}

RIGGED(fault_e3_removed_memory_is_something_to_wait_on)
{
	share(rig, 1, PRIVATE_GPA);
	share(rig, 2, DATA);
	assert_false(rig_is_readable(rig, 0));
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_AGAIN);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_ID), OM_KVM_AGAIN);
	/* The driver's own memory has to stay. */
	assert_int_equal(rig_add(rig, 3, SHARED_GPA, SHARED_SIZE, rig->shared,
				 OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	assert_false(rig_is_readable(rig, 0));
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_true(rig_is_readable(rig, 0));
	/* It stays so until the region that is free has been asked for. */
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_ID), OM_KVM_AGAIN);
	assert_true(rig_is_readable(rig, 0));
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_ID), OM_KVM_OK);
	assert_false(rig_is_readable(rig, 0));
	/* What a reset takes from the guest is free as well. */
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_OK);
	assert_true(rig_is_readable(rig, 0));
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_ID), OM_KVM_OK);
	assert_false(rig_is_readable(rig, 0));
}

/* A VMM splits a region of its address space in two, and joins them later. */
RIGGED(fault_e3_memory_that_leaves_can_be_added_again)
{
	const uint64_t half = SHARED_SIZE / 2;

	share(rig, 1, DATA);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_ID), OM_KVM_AGAIN);
	assert_int_equal(rig_add(rig, 3, SHARED_GPA, half, rig->shared, OM_KVM_MEMORY_SHARED),
			 OM_KVM_OK);
	assert_int_equal(rig_add(rig, 4, SHARED_GPA + half, half, rig->shared + half,
				 OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	/* The guest notices nothing. */
	share(rig, 2, DATA + 2 * PAGE);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_ID), OM_KVM_OK);
	/* What is shared through one is found in it. */
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 4), OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_AGAIN);
	assert_int_equal(rig_add(rig, 5, SHARED_GPA, SHARED_SIZE, rig->shared,
				 OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	assert_int_equal(rig_unregister(rig, 2), TEEC_SUCCESS);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_OK);
	assert_int_equal(COUNT(rig, PINNED_NOW), 0);
}

/* One page of the same buffer's is pinned through both: none is free too early. */
RIGGED(fault_e3_a_page_in_two_regions_is_pinned_until_the_last)
{
	share_pages(rig, 1, DATA, 1);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_ID), OM_KVM_AGAIN);
	assert_int_equal(rig_add(rig, 3, SHARED_GPA, SHARED_SIZE, rig->shared,
				 OM_KVM_MEMORY_SHARED), OM_KVM_OK);
	/* The page is in use, although nothing is pinned through the region that has it now. */
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, PAGE), OM_KVM_IN_USE);
	share_pages(rig, 2, DATA, 1);
	assert_int_equal(rig_unregister(rig, 2), TEEC_SUCCESS);
	/* A pin is taken from the region that leaves first. */
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_ID), OM_KVM_OK);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, PAGE), OM_KVM_IN_USE);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, PAGE), OM_KVM_OK);
}

/* Nothing is remembered of a discard, so a balloon that deflates has nothing to take back. */
RIGGED(fault_e3_a_discard_is_a_question)
{
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, 16 * PAGE), OM_KVM_OK);
	share(rig, 1, DATA);
	share(rig, 2, DATA + 3 * PAGE);
	/* Beside what is shared; outside; across the end. */
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA + 7 * PAGE, PAGE), OM_KVM_OK);
	assert_int_equal(om_kvm_may_discard(rig->kvm, MORE_GPA, PAGE), OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_may_discard(rig->kvm, SHARED_GPA, SHARED_SIZE + PAGE),
			 OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA + 1, PAGE), OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, 0), OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, 0 - (uint64_t)PAGE),
			 OM_KVM_ERR_NO_REGION);

	/* Page 3 is in both, page 4 in the second only. */
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA + 3 * PAGE, 2 * PAGE), OM_KVM_IN_USE);
	assert_int_equal(rig_unregister(rig, 2), TEEC_SUCCESS);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA + 3 * PAGE, PAGE), OM_KVM_IN_USE);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA + 4 * PAGE, PAGE), OM_KVM_OK);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA + 3 * PAGE, PAGE), OM_KVM_OK);
	assert_false(rig_is_readable(rig, 0));
}

RIGGED(fault_e3_a_discard_may_span_regions)
{
	const uint64_t end = SHARED_GPA + SHARED_SIZE;

	assert_int_equal(ADD(rig, r.gpa = end, r.size = 4 * PAGE, r.hva = rig->private + 64 * PAGE),
			 OM_KVM_OK);
	assert_int_equal(om_kvm_may_discard(rig->kvm, end - 2 * PAGE, 6 * PAGE), OM_KVM_OK);
	assert_int_equal(om_kvm_may_discard(rig->kvm, end - 2 * PAGE, 7 * PAGE),
			 OM_KVM_ERR_NO_REGION);
	share_pages(rig, 1, end + PAGE, 1);
	assert_int_equal(om_kvm_may_discard(rig->kvm, end - 2 * PAGE, 6 * PAGE), OM_KVM_IN_USE);
	assert_int_equal(om_kvm_may_discard(rig->kvm, end - 2 * PAGE, 7 * PAGE),
			 OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_may_discard(rig->kvm, end - 2 * PAGE, 3 * PAGE), OM_KVM_OK);
}

RIGGED(a_page_shared_twice_is_pinned_twice)
{
	uint64_t pages[3] = { DATA, DATA, DATA };

	assert_int_equal(rig_register(rig, 1, pages, 3, 3 * PAGE), TEEC_SUCCESS);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNT_PINNED_NOW), 3);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, PAGE), OM_KVM_IN_USE);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNT_PINNED_NOW), 0);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, PAGE), OM_KVM_OK);
}

TEST(destroying_the_guest_releases_what_leaves)
{
	struct om_kvm_config config = rig_fresh(rigs);

	rig_init(rigs, &config);
	share(rigs, 1, PRIVATE_GPA);
	assert_int_equal(om_kvm_remove_memory(rigs->kvm, PRIVATE_ID), OM_KVM_AGAIN);
	rig_exit(rigs);
}

/* Memory given as a file */

/* A file of so many pages, each filled with its number. */
static int new_file(uint32_t pages)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	uint8_t page[PAGE];

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < pages; i++) {
		memset(page, (int)i, PAGE);
		assert_int_equal(write(fd, page, PAGE), PAGE);
	}
	return fd;
}

#define ADD_FILE(rig, ...) \
	ADD(rig, r.flags = OM_KVM_MEMORY_FILE, r.hva = NULL, __VA_ARGS__)

RIGGED(fault_e3_bad_files_are_refused)
{
	int fd = new_file(4), read_only, pipes[2];
	char path[32];

	assert_int_equal(ADD_FILE(rig, r.fd = fd, r.offset = 1), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD_FILE(rig, r.fd = fd, r.offset = 0 - (uint64_t)PAGE),
			 OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD_FILE(rig, r.fd = fd, r.offset = 1ull << 62, r.gpa = 0,
				  r.size = 1ull << 62), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(ADD_FILE(rig, r.fd = -1), OM_KVM_ERR_FILE);
	/* Nobody is to run into its end. */
	assert_int_equal(ADD_FILE(rig, r.fd = fd, r.size = 5 * PAGE), OM_KVM_ERR_FILE);
	assert_int_equal(ADD_FILE(rig, r.fd = fd, r.size = 4 * PAGE, r.offset = PAGE),
			 OM_KVM_ERR_FILE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read_only >= 0);
	assert_int_equal(ADD_FILE(rig, r.fd = read_only), OM_KVM_ERR_FILE);
	close(read_only);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(ADD_FILE(rig, r.fd = pipes[0]), OM_KVM_ERR_FILE);
	close(pipes[0]);
	close(pipes[1]);
	/* Nothing of all that is left. */
	assert_int_equal(ADD_FILE(rig, r.fd = fd, r.size = 4 * PAGE), OM_KVM_OK);
	close(fd);
}

/* What an INVOKE adds to each byte of a registered buffer. */
static void increment(struct rig *rig, uint32_t session, uint64_t cookie, uint64_t size)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);

	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, cookie, 0, size);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
}

static uint8_t byte_of(int fd, uint32_t page)
{
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, (off_t)page * PAGE + 7), 1);
	return byte;
}

/* With a mapping of the VMM's, and with none; its descriptor is not needed any more. */
static void use_file(struct rig *rig, int fd, uint8_t *hva)
{
	/* Two pieces of the file: pages 3 and 4 of it, then page 2. */
	const uint64_t pages[] = { MORE_GPA + PAGE, MORE_GPA + 2 * PAGE, MORE_GPA };
	const uint8_t expected[] = { 0, 1, 3, 4, 5, 5 };
	uint32_t session = rig_opened(rig), aliased = COUNT(rig, ALIASED);
	int own = dup(fd);

	assert_int_equal(ADD_FILE(rig, r.fd = own, r.size = 3 * PAGE, r.offset = 2 * PAGE,
				  r.hva = hva), OM_KVM_OK);
	close(own);
	assert_int_equal(rig_register(rig, 1, pages, 3, 3 * PAGE), TEEC_SUCCESS);
	increment(rig, session, 1, 3 * PAGE);
	assert_int_equal(COUNT(rig, ALIASED), aliased + 1);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(byte_of(fd, i), expected[i]);
	assert_int_equal(om_kvm_may_discard(rig->kvm, MORE_GPA, PAGE), OM_KVM_IN_USE);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_AGAIN);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_OK);
}

RIGGED(fault_e3_memory_is_given_as_a_file)
{
	int fd = new_file(6);

	use_file(rig, fd, NULL);
	close(fd);
}

RIGGED(fault_e3_memory_is_given_as_a_file_and_a_mapping)
{
	int fd = new_file(6);
	uint8_t *hva = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * PAGE);

	assert_true(hva != MAP_FAILED);
	use_file(rig, fd, hva);
	munmap(hva, 3 * PAGE);
	close(fd);
}

/* Mapped by the backend, it is at two addresses: the file tells that it is the same memory. */
RIGGED(fault_e3_a_file_that_leaves_can_be_added_again)
{
	int fd = new_file(4), other = new_file(4);

	assert_int_equal(ADD_FILE(rig, r.fd = fd, r.size = 4 * PAGE), OM_KVM_OK);
	share_pages(rig, 1, MORE_GPA + 2 * PAGE, 1);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_AGAIN);
	/* The same file elsewhere in the guest, and another one in its old place. */
	assert_int_equal(ADD_FILE(rig, r.id = 4, r.gpa = 0, r.fd = fd, r.size = 3 * PAGE,
				  r.offset = PAGE), OM_KVM_OK);
	assert_int_equal(ADD_FILE(rig, r.id = 5, r.fd = other, r.size = 4 * PAGE), OM_KVM_OK);
	assert_int_equal(om_kvm_may_discard(rig->kvm, MORE_GPA, 4 * PAGE), OM_KVM_OK);
	assert_int_equal(om_kvm_may_discard(rig->kvm, 0, PAGE), OM_KVM_OK);
	assert_int_equal(om_kvm_may_discard(rig->kvm, PAGE, PAGE), OM_KVM_IN_USE);
	assert_int_equal(om_kvm_may_discard(rig->kvm, 2 * PAGE, PAGE), OM_KVM_OK);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_may_discard(rig->kvm, 0, 3 * PAGE), OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, 3), OM_KVM_OK);
	close(fd);
	close(other);
}
