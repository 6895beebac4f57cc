# SPDX-License-Identifier: BSD-2-Clause
#
# optee_mediator_kvm: the backend for VMMs on KVM, a hosted library on the core.

find_package(Threads REQUIRED)
set(om_kvm_sources kvm.c memory.c recording.c tee_calls.c tee_conduit.c tee_device.c tee_shm.c
	tee_workers.c texts.c trap.c wake.c)
list(TRANSFORM om_kvm_sources PREPEND backends/kvm/)
om_library(optee_mediator_kvm kvm HOSTED ${om_kvm_sources})

target_link_libraries(optee_mediator_kvm_static PUBLIC optee_mediator_static Threads::Threads)
if(OM_BUILD_SHARED)
	target_link_libraries(optee_mediator_kvm PUBLIC optee_mediator PRIVATE Threads::Threads)
endif()
foreach(target IN ITEMS optee_mediator_kvm_static optee_mediator_kvm)
	if(TARGET ${target})
		target_include_directories(${target} PUBLIC
			$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/backends/kvm/include>)
	endif()
endforeach()
