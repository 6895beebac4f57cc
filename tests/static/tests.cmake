# SPDX-License-Identifier: BSD-2-Clause
#
# The static checks of lib/; check.sh says which.

foreach(what limits cppcheck clang-tidy analyzer suppressions floors)
	add_test(NAME static_${what} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/static/check.sh
		${what} ${CMAKE_CURRENT_BINARY_DIR}/static/${what})
	set_tests_properties(static_${what} PROPERTIES
		LABELS static TIMEOUT ${om_test_timeout} SKIP_RETURN_CODE 77)
endforeach()

add_test(NAME static_fault_a6_guest_index_is_masked
	COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/static/check.sh indices)
set_tests_properties(static_fault_a6_guest_index_is_masked PROPERTIES
	LABELS static TIMEOUT ${om_test_timeout} SKIP_RETURN_CODE 77)
