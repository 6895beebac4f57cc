/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest on the KVM backend: the same program that runs on the model
 * and on the real OP-TEE, here with a TEE device in software below it. What does
 * not apply to such a guest is listed below, with the reason.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <conformance/frame.h>

#define RAM_GPA		0x40000000u
#define RAM_SIZE	(32u << 20)
#define BESIDE		65536u

static struct world {
	struct fake_tee tee;
	struct om_kvm *kvm;
	uint8_t *mapping;
	uint8_t *ram;
	struct cg_platform platform;
} world;

static void vm_smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	struct world *w = ctx;
	struct om_regs regs;
	int result;

	memcpy(regs.a, x, sizeof(regs.a));
	if ((uint32_t)x[0] == OPTEE_SMC_RETURN_FROM_RPC)
		fake_resumed(&w->tee);
	result = om_kvm_call(w->kvm, vcpu, &regs);
	if (result == OM_KVM_NEW_DRIVER)
		result = om_kvm_reset(w->kvm);
	if (result == OM_KVM_OK)
		memcpy(x, regs.a, sizeof(regs.a));
	else
		x[0] = UINT64_MAX;	/* KVM's own answer */
}

static bool vm_is_host_address(void *ctx, uint64_t value)
{
	struct world *w = ctx;

	/* Where guest RAM is mapped; shadows are on the heap, whose place varies. */
	return value - (uintptr_t)w->ram < RAM_SIZE;
}

static void world_begin(struct world *w, const struct om_limits *limits, unsigned int flags)
{
	struct om_kvm_config config = { .size = sizeof(config), .limits = *limits,
					.workers = limits->threads, .wait_us = 200 };
	struct om_kvm_memory memory = { .gpa = RAM_GPA, .size = RAM_SIZE, .flags = flags };
	bool file = flags & OM_KVM_MEMORY_FILE;
	int type = MAP_ANONYMOUS | (flags & OM_KVM_MEMORY_SHARED ? MAP_SHARED : MAP_PRIVATE);

	memset(w, 0, sizeof(*w));
	fake_init(&w->tee);
	config.os = &w->tee.os;
	assert_int_equal(om_kvm_create(&config, &w->kvm), OM_KVM_OK);
	/* Memory of the VMM's own on both sides: whoever gets there by mistake is not stopped. */
	memory.fd = file ? memfd_create("guest", MFD_CLOEXEC) : -1;
	if (file)
		assert_int_equal(ftruncate(memory.fd, RAM_SIZE + 2 * BESIDE), 0);
	w->mapping = mmap(NULL, RAM_SIZE + 2 * BESIDE, PROT_READ | PROT_WRITE,
			  file ? MAP_SHARED : type, memory.fd, 0);
	assert_true(w->mapping != MAP_FAILED);
	w->ram = w->mapping + BESIDE;
	/* A file is mapped by the backend once more, as in a process that is not the VMM. */
	memory.hva = file ? NULL : w->ram;
	memory.offset = BESIDE;
	assert_int_equal(om_kvm_add_memory(w->kvm, &memory), OM_KVM_OK);
	if (file)
		close(memory.fd);
	w->platform = (struct cg_platform){
		.ctx = w, .smc = vm_smc, .is_host_address = vm_is_host_address,
		.ram = w->ram, .ram_ipa = RAM_GPA, .ram_size = RAM_SIZE,
		.hole_ipa = 0x20000000, .mmio_ipa = 0x09000000,
		.limits = { limits->threads, limits->buffers, limits->rpc_args, limits->pages,
			    limits->list_pages, limits->call_pages,
			    limits->mapped_pages ? limits->mapped_pages : 1104 },
		.vcpus = 1, .flags = CG_INTERRUPTS | CG_NEW_DRIVER,
	};
}

static void world_end(void)
{
	struct world *w = &world;

	/* The guest has given back what it had. */
	assert_int_equal(fake_sessions(&w->tee), 0);
	assert_int_equal(om_kvm_counter(w->kvm, OM_KVM_COUNT_PINNED_NOW), 0);
	assert_int_equal(om_kvm_counter(w->kvm, OM_KVM_COUNT_REGISTRATIONS_NOW), 0);
	assert_int_equal(om_kvm_destroy(w->kvm), OM_KVM_OK);
	assert_int_equal(fake_left(&w->tee), 0);
	munmap(w->mapping, RAM_SIZE + 2 * BESIDE);
	fake_exit(&w->tee);
}

/* Shared and private memory, and memory given as a file; room to spare and little of it. */
static const struct set_up {
	const char *name;
	struct om_limits limits;
	unsigned int flags;
} set_ups[] = {
	{ "shared", OM_LIMITS_DEFAULT, OM_KVM_MEMORY_SHARED },
	{ "file", OM_LIMITS_DEFAULT, OM_KVM_MEMORY_FILE },
	{ "private", { .threads = 4, .buffers = 24, .rpc_args = 1, .pages = 1500,
		       .list_pages = 3, .call_pages = 700 }, 0 },
};
#define SET_UPS (sizeof(set_ups) / sizeof(set_ups[0]))

/* Names, or beginnings of names. */
static const char *const not_applicable[] = {
	/* KVM itself answers what is outside of the filter. */
	"s08_functions_of_the_hypervisor", "s08_every_other_id",
	/* RPC_ARG is not offered. */
	"s10_capabilities", "s14_unusable_message", "s15_inline", "s23_", "s33_inline",
	"s44_unknown_ta_with_inline", "s44_time_by_every_way",
	/* The backend's own policy. */
	"s13_device_enumeration", "s13_fault_b2_device",
	/* OP-TEE's requests are served by the host: no guest sees one. */
	"s11_cache_", "s11_drained", "s17_rewritten", "s24_unknown", "s24_stale", "s24_garbage",
	"s25_", "s26_resume_of_a_command", "s29_", "s31_", "s32_", "s33_cookie", "s36_", "s37_",
	"s38_", "s39_", "s40_", "s42_", "s44_ta_image", "s44_refused_request",
	"s45_quota_of_pages_holds_for_", "s56_rmem_of_rpc", "s61_",
	"s62_fault_g1_edges_of_ram_in_replies",
	/* They look for devices, serve requests and have OP-TEE keep buffers for them. */
	"driver_",
	/* As many calls as threads wait for a request of theirs. */
	"s19_",
	/* The mutex test is not in the device in software. */
	"s27_interrupted_calls", "s44_two_calls",
	/* A page that is twice in a buffer is one page only where it is not copied. */
	"private/s52_same_page",
};
#define NOT_APPLICABLE (sizeof(not_applicable) / sizeof(not_applicable[0]))

static bool listed[NOT_APPLICABLE];

static bool applies(const struct frame_test *test)
{
	bool yes = true;

	for (size_t i = 0; i < NOT_APPLICABLE; i++) {
		if (!frame_begins(test->scenario, not_applicable[i]) &&
		    !frame_begins(test->name, not_applicable[i]))
			continue;
		listed[i] = true;
		yes = false;
	}
	return yes;
}

/* Whoever takes a scenario away, or renames one, is told. */
static void nothing_listed_is_unknown(void)
{
	for (size_t i = 0; i < NOT_APPLICABLE; i++)
		if (!listed[i])
			fail_msg("no scenario is called %s...", not_applicable[i]);
}

static const char *set_up_name(size_t n)
{
	return n < SET_UPS ? set_ups[n].name : NULL;
}

static struct cg_platform *begin(size_t n)
{
	nothing_listed_is_unknown();
	world_begin(&world, &set_ups[n].limits, set_ups[n].flags);
	return &world.platform;
}

int main(int argc, char **argv)
{
	static const struct frame frame = {
		.group = "kvm_conformance", .set_up = set_up_name, .begin = begin, .end = world_end,
		.applies = applies,
	};

	return frame_main(&frame, argc, argv);
}
