# SPDX-License-Identifier: BSD-2-Clause
#
# The binary interface of the shared libraries, as recorded. The record is of x86-64.

function(om_add_abi_test target)
	add_test(NAME abi_${target} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/abi/check.sh
		check $<TARGET_FILE:${target}>)
	set_tests_properties(abi_${target} PROPERTIES LABELS static SKIP_RETURN_CODE 77)
endfunction()

if(OM_BUILD_SHARED)
	add_test(NAME fault_e3_the_soname_carries_the_minor_version
		COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/abi/soname.sh ${PROJECT_VERSION}
			$<TARGET_FILE:optee_mediator> $<$<BOOL:${OM_BUILD_FDT}>:$<TARGET_FILE:optee_mediator_fdt>>
			$<$<BOOL:${OM_BUILD_POLICY}>:$<TARGET_FILE:optee_mediator_policy>>
			$<$<BOOL:${OM_BUILD_KVM}>:$<TARGET_FILE:optee_mediator_kvm>>
		COMMAND_EXPAND_LISTS)
	set_tests_properties(fault_e3_the_soname_carries_the_minor_version PROPERTIES LABELS static)
endif()

if(OM_BUILD_SHARED AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
	om_add_abi_test(optee_mediator)
	if(OM_BUILD_FDT)
		om_add_abi_test(optee_mediator_fdt)
	endif()
	if(OM_BUILD_POLICY)
		om_add_abi_test(optee_mediator_policy)
	endif()
	if(OM_BUILD_KVM)
		om_add_abi_test(optee_mediator_kvm)
	endif()
endif()
