# SPDX-License-Identifier: BSD-2-Clause
#
# The binary interface of the shared libraries, as recorded. The record is of x86-64.

function(om_add_abi_test target)
	add_test(NAME abi_${target} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/abi/check.sh
		check $<TARGET_FILE:${target}>)
	set_tests_properties(abi_${target} PROPERTIES LABELS static SKIP_RETURN_CODE 77)
endfunction()

if(OM_BUILD_SHARED AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
	om_add_abi_test(optee_mediator)
	if(OM_BUILD_FDT)
		om_add_abi_test(optee_mediator_fdt)
	endif()
	if(OM_BUILD_POLICY)
		om_add_abi_test(optee_mediator_policy)
	endif()
endif()
