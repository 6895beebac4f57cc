# SPDX-License-Identifier: BSD-2-Clause
#
# Test programs once more, with the recorder around the library (shim.c): each of their
# machines is recorded and the recording replayed.

add_library(record_shim OBJECT record/shim.c)
om_target_defaults(record_shim)
target_link_libraries(record_shim PUBLIC om_trace PkgConfig::cmocka)

function(om_add_recorded name)
	om_add_test(recorded_${name} ${ARGN})
	target_sources(recorded_${name} PRIVATE $<TARGET_OBJECTS:record_shim>)
	target_link_libraries(recorded_${name} PRIVATE om_trace)
	foreach(function IN ITEMS mediator_init guest_create guest_call guest_reset guest_destroy
			guest_interrupt)
		target_link_options(recorded_${name} PRIVATE LINKER:--wrap=om_${function})
	endforeach()
endfunction()

foreach(group IN ITEMS lifetime fast calls rpc sessions shm invariants)
	om_add_recorded(${group} LABELS record SOURCES ${scenario_sources_${group}}
		LINKS scenario_fixture)
endforeach()
om_add_recorded(conformance LABELS record SOURCES conformance/test_conformance.c
	LINKS conformance_frame conformance_on_host test_model)
om_add_recorded(stress LABELS record SOURCES conformance/test_stress.c
	LINKS conformance_on_host test_model ARGUMENTS 100)
om_add_recorded(threads LABELS record SOURCES threads/test_threads.c LINKS scenario_fixture
	ARGUMENTS 200)

# The two that take minutes there: what they add to the others a sanitizer cannot see, and no
# line is theirs alone.
if(CMAKE_C_FLAGS MATCHES "-fsanitize|--coverage")
	set_property(TEST recorded_conformance recorded_invariants APPEND PROPERTY LABELS long)
endif()

# The recorder, the reader and the replay by themselves.
om_add_test_library(record_machine SOURCES record/machine.c
	LINKS conformance_guest test_model om_trace PkgConfig::cmocka)
om_add_test(test_record LABELS record SOURCES record/test_record.c LINKS record_machine)
om_add_test(test_trace LABELS record SOURCES record/test_trace.c LINKS record_machine)
add_test(NAME om_trace_commands COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/record/commands.sh
	$<TARGET_FILE:om-trace> $<TARGET_FILE:recorded_calls> $<TARGET_FILE:recorded_rpc>)
add_test(NAME om_trace_wireshark COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/record/wireshark.py
	$<TARGET_FILE:om-trace> $<TARGET_FILE:recorded_rpc>)
set_tests_properties(om_trace_wireshark PROPERTIES SKIP_RETURN_CODE 77)
set_tests_properties(om_trace_commands om_trace_wireshark PROPERTIES LABELS record TIMEOUT ${om_test_timeout})
# Those of the real OP-TEE that are in the tree, each a test.
if(zstd_FOUND)
	add_executable(recorded_real record/test_real.c)
	om_target_defaults(recorded_real)
	target_compile_definitions(recorded_real PRIVATE
		OM_TEST_RECORDINGS="${CMAKE_CURRENT_SOURCE_DIR}/record/real")
	target_link_libraries(recorded_real PRIVATE om_trace)
	file(GLOB recordings CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/record/real/*.omrec.zst)
	foreach(recording IN LISTS recordings)
		get_filename_component(name ${recording} NAME_WE)
		om_add_test_run(recorded_real_${name} recorded_real LABELS record ARGUMENTS ${name}.)
	endforeach()
endif()

# A rule of the library's that is gone shows in them, whatever other tests would say.
if(OM_TEST_MUTATION AND zstd_FOUND)
	add_test(NAME recorded_real_mutations COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mutation/run
		-b ${CMAKE_CURRENT_BINARY_DIR}/recorded_mutation -t recorded_real
		fault_b2_size_is_not_written_back fault_b4_argument_is_in_the_first_page
		fault_b5_driver_of_an_empty_guest_is_new fault_c1_unknown_close_is_bad_parameters
		i1_header_read_twice i1_list_entries_are_read_twice i2_offset_is_no_page
		i3_results_not_zeroed i3_reserved_memory_is_told i10_creation_in_the_guests_name)
	set_tests_properties(recorded_real_mutations PROPERTIES LABELS mutation
		TIMEOUT ${om_test_timeout})
endif()
