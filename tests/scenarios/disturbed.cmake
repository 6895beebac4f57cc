# SPDX-License-Identifier: BSD-2-Clause
#
# The same scenarios, disturbed: every byte of guest memory becomes junk right after it
# was read (I1); host operations fail (scenario 60).

set(groups lifetime fast calls rpc sessions shm invariants)
foreach(program IN ITEMS test_conformance ${groups})
	if(program IN_LIST groups)
		set(program scenarios_${program})
	endif()
	om_add_test_run(${program}_mutated ${program} LABELS scenario)
	set_tests_properties(${program}_mutated PROPERTIES ENVIRONMENT OM_TEST_MUTATE=1)
endforeach()

foreach(group IN LISTS groups)
	om_add_test(torture_${group} LABELS scenario LINKS scenario_fixture
		SOURCES ${scenario_sources_${group}} scenarios/torture.c)
	foreach(symbol assert_true assert_int_equal assert_int_not_equal assert_in_range
			assert_memory_equal fail cmocka_run_group_tests)
		target_link_options(torture_${group} PRIVATE LINKER:--wrap=_${symbol})
	endforeach()
endforeach()
