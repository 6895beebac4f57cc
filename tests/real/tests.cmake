# SPDX-License-Identifier: BSD-2-Clause
#
# The tests with the real OP-TEE, as the host's build registers them when it is
# configured with OM_TEST_REAL=ON. They fetch packages, build with the other
# compiler and boot QEMU, all through scripts/demo, one machine at a time.

if(DEFINED ENV{OM_BUILD})
	set(om_real $ENV{OM_BUILD})
else()
	set(om_real ${PROJECT_SOURCE_DIR}/build)
endif()
get_filename_component(om_real ${om_real} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})

function(om_add_real_test name)
	add_test(NAME ${name} COMMAND ${ARGN})
	set_tests_properties(${name} PROPERTIES LABELS "real;qemu"
		TIMEOUT ${om_test_timeout} RESOURCE_LOCK om_qemu ENVIRONMENT OM_BUILD=${om_real})
endfunction()

# Debian's TAs, signed again by OP-TEE's own script: no machine is booted.
add_test(NAME real_ta_alias COMMAND bash -c
	"${PROJECT_SOURCE_DIR}/scripts/packages ta-sign client-trixie && \
	exec ${PROJECT_SOURCE_DIR}/tests/tools/ta-alias ${om_real}/packages")
set_tests_properties(real_ta_alias PROPERTIES LABELS real TIMEOUT ${om_test_timeout}
	ENVIRONMENT OM_BUILD=${om_real} SKIP_RETURN_CODE 77)

set(om_demo ${PROJECT_SOURCE_DIR}/scripts/demo)
om_add_real_test(real_build ${om_demo} --build)
om_add_real_test(real_two_guests ${om_demo})
om_add_real_test(real_smp ${om_demo} --smp)
om_add_real_test(real_kill ${om_demo} --kill --record ${om_real}/real/kill.omrec)
om_add_real_test(real_heap ${om_demo} --heap)
om_add_real_test(real_trace ${om_demo} --trace 2)
# Limits as a Linux guest has them: what OP-TEE can map is then bounded by no other quota.
om_add_real_test(fault_a1_wide_limits ${PROJECT_SOURCE_DIR}/tests/real/run
	${om_real}/real ${om_real}/real/wide.log pages=10000 only=s61)
# A kernel whose file is longer than its header says, as U-Boot's is.
om_add_real_test(real_whole_kernel env KERNEL=${om_real}/real/whole.bin
	INITRAMFS=${om_real}/real/whole.bin ${PROJECT_SOURCE_DIR}/tests/real/run
	${om_real}/real ${om_real}/real/whole-kernel.log run1=none)
# OP-TEE of a machine whose RAM begins at 0: there it is an address like any other.
om_add_real_test(fault_a2_ram_at_zero env RAM_AT_0=1
	${PROJECT_SOURCE_DIR}/tests/real/run
	${om_real}/real ${om_real}/real/zero.log)
# Another OP-TEE, with habits of its own: the same scenarios.
om_add_real_test(fault_d5_optee_4_10 ${om_demo} --optee sid)
om_add_real_test(real_compare ${PROJECT_SOURCE_DIR}/tests/real/compare
	$<TARGET_FILE:test_conformance> ${om_real}/real/two.log ${om_real}/real/smp.log
	${om_real}/real/kill.log ${om_real}/real/wide.log
	${om_real}/real/zero.log ${om_real}/real-sid/two.log)
# What it costs against the machine without a hypervisor; fails when something is not measured.
om_add_real_test(real_bench ${PROJECT_SOURCE_DIR}/scripts/bench --real)
# What was recorded of it is what the library does.
om_add_real_test(real_record $<TARGET_FILE:om-trace> replay ${om_real}/real/kill.omrec)
set_tests_properties(real_build PROPERTIES FIXTURES_SETUP om_real)
set_tests_properties(real_two_guests real_smp real_kill real_heap real_trace
	fault_a1_wide_limits fault_a2_ram_at_zero real_whole_kernel PROPERTIES
	FIXTURES_REQUIRED om_real)
set_tests_properties(real_two_guests real_smp real_kill fault_a1_wide_limits
	fault_a2_ram_at_zero fault_d5_optee_4_10 PROPERTIES FIXTURES_SETUP om_real_logs)
set_tests_properties(real_compare real_record PROPERTIES FIXTURES_REQUIRED om_real_logs)

# Linux guests and OP-TEE's own test suite: a quick selection always, all of it with --full.
set(om_linux ${om_demo} --linux)
om_add_real_test(real_linux_build ${om_linux} --build)
om_add_real_test(real_linux_two ${om_linux})
om_add_real_test(real_linux_kill ${om_linux} --kill)
om_add_real_test(real_linux_two_vcpus ${om_linux} --smp)
om_add_real_test(real_linux_two_vcpus_full ${om_linux} --smp --full)
om_add_real_test(fault_b5_kexec ${om_linux} --kexec)
om_add_real_test(real_linux_full ${om_linux} --full)
set_tests_properties(real_linux_build PROPERTIES FIXTURES_SETUP om_linux)
set_tests_properties(real_linux_two real_linux_kill fault_b5_kexec real_linux_full
	real_linux_two_vcpus real_linux_two_vcpus_full PROPERTIES
	FIXTURES_REQUIRED om_linux)
set_tests_properties(real_linux_kill fault_b5_kexec real_linux_full real_linux_two_vcpus
	real_linux_two_vcpus_full PROPERTIES LABELS "real;qemu;long")

# A kernel with pages of 16 KiB: messages cross the end of 4 KiB when there are enough at once.
om_add_real_test(fault_b4_kernel_16k ${om_linux} --kernel 16k --many)

include(${CMAKE_CURRENT_LIST_DIR}/kvm/tests.cmake)

# Every OP-TEE with every kernel, as docs/guests.md has them.
om_add_real_test(real_matrix ${CMAKE_CURRENT_LIST_DIR}/matrix)
set_tests_properties(real_matrix PROPERTIES LABELS "real;qemu;long")
