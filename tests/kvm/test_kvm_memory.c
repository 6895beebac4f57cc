/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's memory: regions, pins, and memory that leaves while it is in use. */
#define _GNU_SOURCE
#include "rig.h"

#include <sys/mman.h>

#define MORE_GPA 0x40000000u

RIGGED(bad_regions_are_refused)
{
	uint8_t *va = rig->private;

	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, 0, va, 0), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, PAGE, NULL, 0), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA + 1, PAGE, va, 0),
			 OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, PAGE + 1, va, 0),
			 OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, PAGE, va + 1, 0),
			 OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_add_memory(rig->kvm, 0 - (uint64_t)PAGE, 2 * PAGE, va, 0),
			 OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, 0 - (uint64_t)PAGE, va, 0),
			 OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, PAGE, va, 1u << 2),
			 OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, PAGE, va, OM_KVM_MEMORY_READ_ONLY),
			 OM_KVM_ERR_READ_ONLY);
}

RIGGED(regions_overlap_neither_here_nor_there)
{
	uint8_t *va = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, PAGE, rig->private, 0),
			 OM_KVM_ERR_OVERLAP);
	assert_int_equal(om_kvm_add_memory(rig->kvm, SHARED_GPA + SHARED_SIZE - PAGE, 2 * PAGE, va,
					   0), OM_KVM_ERR_OVERLAP);
	assert_int_equal(om_kvm_add_memory(rig->kvm, SHARED_GPA - PAGE, 2 * PAGE, va, 0),
			 OM_KVM_ERR_OVERLAP);
	/* Side by side is fine. */
	assert_int_equal(om_kvm_add_memory(rig->kvm, SHARED_GPA + SHARED_SIZE, PAGE, va, 0),
			 OM_KVM_OK);
	assert_int_equal(om_kvm_add_memory(rig->kvm, SHARED_GPA - PAGE, PAGE, va + PAGE, 0),
			 OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_GPA + SHARED_SIZE, PAGE), OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, SHARED_GPA - PAGE, PAGE), OM_KVM_OK);
	munmap(va, 4 * PAGE);
}

RIGGED(only_what_was_added_is_removed)
{
	assert_int_equal(om_kvm_remove_memory(rig->kvm, MORE_GPA, PAGE), OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_GPA, PAGE), OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_GPA, 2 * PRIVATE_SIZE),
			 OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_GPA, PRIVATE_SIZE), OM_KVM_OK);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_GPA, PRIVATE_SIZE),
			 OM_KVM_ERR_NO_REGION);
}

/* Registers four pages from gpa on. */
static void share(struct rig *rig, uint64_t cookie, uint64_t gpa)
{
	uint64_t pages[4];

	rig_pages(pages, gpa, 4, false);
	assert_int_equal(rig_register(rig, cookie, pages, 4, 4 * PAGE), TEEC_SUCCESS);
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
	uint8_t *other;

	share(rig, 1, PRIVATE_GPA);
	share(rig, 2, PRIVATE_GPA + 2 * PAGE);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNT_PINNED_NOW), 8);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_GPA, PRIVATE_SIZE),
			 OM_KVM_DEFERRED);
	/* It is not in the guest any more: neither to share nor to remove. */
	assert_int_equal(rig_register(rig, 3, &page, 1, PAGE), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_GPA, PRIVATE_SIZE),
			 OM_KVM_ERR_NO_REGION);
	/* Its mapping is in use, its place in the guest is not. */
	assert_int_equal(om_kvm_add_memory(rig->kvm, MORE_GPA, PAGE, rig->private, 0),
			 OM_KVM_ERR_OVERLAP);
	other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(om_kvm_add_memory(rig->kvm, PRIVATE_GPA, PAGE, other, 0), OM_KVM_OK);

	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(rig->releases, 0);
	assert_int_equal(rig_unregister(rig, 2), TEEC_SUCCESS);
	assert_int_equal(rig->releases, 1);
	assert_true(rig->released_gpa == PRIVATE_GPA && rig->released_size == PRIVATE_SIZE);
	assert_int_equal(om_kvm_remove_memory(rig->kvm, PRIVATE_GPA, PAGE), OM_KVM_OK);
	munmap(other, PAGE);
}

TEST(a_region_in_use_stays_when_nobody_is_told)
{
	static struct rig rig;
	struct om_kvm_config config;

	fake_init(&rig.tee);
	config = rig_config(&rig);
	config.memory_released = NULL;
	rig_init(&rig, &config);
	share(&rig, 1, PRIVATE_GPA);
	assert_int_equal(om_kvm_remove_memory(rig.kvm, PRIVATE_GPA, PRIVATE_SIZE),
			 OM_KVM_ERR_PINNED);
	assert_int_equal(om_kvm_discard_memory(rig.kvm, PRIVATE_GPA, PAGE), OM_KVM_ERR_PINNED);
	/* Nothing has changed. */
	share(&rig, 2, PRIVATE_GPA);
	assert_int_equal(rig_unregister(&rig, 1), TEEC_SUCCESS);
	assert_int_equal(rig_unregister(&rig, 2), TEEC_SUCCESS);
	assert_int_equal(om_kvm_remove_memory(rig.kvm, PRIVATE_GPA, PRIVATE_SIZE), OM_KVM_OK);
	rig_exit(&rig);
}

RIGGED(a_balloon_is_told_page_by_page)
{
	assert_int_equal(om_kvm_discard_memory(rig->kvm, DATA, 16 * PAGE), OM_KVM_OK);
	share(rig, 1, DATA);
	share(rig, 2, DATA + 3 * PAGE);
	/* Beside what is shared; outside; across the end. */
	assert_int_equal(om_kvm_discard_memory(rig->kvm, DATA + 7 * PAGE, PAGE), OM_KVM_OK);
	assert_int_equal(om_kvm_discard_memory(rig->kvm, MORE_GPA, PAGE), OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_discard_memory(rig->kvm, SHARED_GPA, SHARED_SIZE + PAGE),
			 OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_discard_memory(rig->kvm, DATA + 1, PAGE), OM_KVM_ERR_NO_REGION);
	assert_int_equal(om_kvm_discard_memory(rig->kvm, DATA, 0), OM_KVM_ERR_NO_REGION);

	/* Page 3 is in both, page 4 in the second only. Asking twice is being told once. */
	assert_int_equal(om_kvm_discard_memory(rig->kvm, DATA + 3 * PAGE, 2 * PAGE),
			 OM_KVM_DEFERRED);
	assert_int_equal(om_kvm_discard_memory(rig->kvm, DATA + 3 * PAGE, PAGE), OM_KVM_DEFERRED);
	assert_int_equal(rig_unregister(rig, 2), TEEC_SUCCESS);
	assert_int_equal(rig->releases, 1);
	assert_true(rig->released_gpa == DATA + 4 * PAGE && rig->released_size == PAGE);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(rig->releases, 2);
	assert_true(rig->released_gpa == DATA + 3 * PAGE && rig->released_size == PAGE);

	/* Nobody waits any more. */
	share(rig, 1, DATA);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(rig->releases, 2);
}

RIGGED(a_page_shared_twice_is_pinned_twice)
{
	uint64_t pages[3] = { DATA, DATA, DATA };

	assert_int_equal(rig_register(rig, 1, pages, 3, 3 * PAGE), TEEC_SUCCESS);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNT_PINNED_NOW), 3);
	assert_int_equal(om_kvm_discard_memory(rig->kvm, DATA, PAGE), OM_KVM_DEFERRED);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNT_PINNED_NOW), 0);
	assert_int_equal(rig->releases, 1);
}

TEST(destroying_the_guest_releases_what_was_deferred)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	fake_init(&rig.tee);
	rig_init(&rig, NULL);
	share(&rig, 1, PRIVATE_GPA);
	share(&rig, 2, DATA);
	assert_int_equal(om_kvm_remove_memory(rig.kvm, PRIVATE_GPA, PRIVATE_SIZE),
			 OM_KVM_DEFERRED);
	assert_int_equal(om_kvm_discard_memory(rig.kvm, DATA, PAGE), OM_KVM_DEFERRED);
	rig_exit(&rig);
	assert_int_equal(rig.releases, 2);
}
