# SPDX-License-Identifier: BSD-2-Clause
#
# The KVM backend without Arm: on a TEE device in software, and recorded exits. Its workers
# are threads.

om_add_test_library(kvm_rig SOURCES kvm/rig.c kvm/fake_tee.c
	LINKS optee_mediator_kvm_static PkgConfig::cmocka Threads::Threads)
foreach(what IN ITEMS trap memory calls faults threads)
	om_add_test(test_kvm_${what} LABELS kvm threads SOURCES kvm/test_kvm_${what}.c LINKS kvm_rig)
endforeach()
target_link_options(test_kvm_calls PRIVATE LINKER:--wrap=pthread_cond_timedwait)
om_add_test(test_kvm_conduit LABELS kvm threads LINKS kvm_rig
	SOURCES kvm/test_kvm_conduit.c kvm/test_kvm_conduit_memory.c)
om_add_test(test_kvm_distrust LABELS kvm threads SOURCES kvm/test_kvm_distrust.c LINKS kvm_rig)
om_add_test(test_kvm_workers LABELS kvm threads SOURCES kvm/test_kvm_workers.c LINKS kvm_rig)
foreach(what IN ITEMS distrust workers)
	target_include_directories(test_kvm_${what} PRIVATE ${PROJECT_SOURCE_DIR}/backends/kvm)
endforeach()
om_add_test(test_kvm_exhausted LABELS kvm threads SOURCES kvm/test_kvm_exhausted.c LINKS kvm_rig)
foreach(function IN ITEMS calloc aligned_alloc mmap mremap pthread_create eventfd)
	target_link_options(test_kvm_exhausted PRIVATE LINKER:--wrap=${function})
endforeach()
om_add_test(test_kvm_process LABELS kvm threads SOURCES kvm/test_kvm_process.c LINKS kvm_rig)
target_link_options(test_kvm_process PRIVATE LINKER:--wrap=mremap)
if(TARGET om_trace)
	om_add_test(test_kvm_record LABELS kvm threads SOURCES kvm/test_kvm_record.c
		LINKS kvm_rig om_trace)
endif()
om_add_test(test_kvm_conformance LABELS kvm threads SOURCES kvm/test_kvm_conformance.c
	LINKS kvm_rig conformance_frame)
# scripts/bench --kvm. As a test it only shows that it still works: nothing is measured.
om_add_test(bench_kvm LABELS bench kvm threads ARGUMENTS smoke SOURCES kvm/bench_kvm.c
	LINKS mediatord_rig)
target_link_options(bench_kvm PRIVATE LINKER:--wrap=ioctl)
