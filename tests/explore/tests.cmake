# SPDX-License-Identifier: BSD-2-Clause
#
# Every order of steps of two vCPUs. The library is compiled once more, with calls in
# place of its atomics; see instrument.c.

set(explored_sources ${om_sources})
list(TRANSFORM explored_sources PREPEND ${PROJECT_SOURCE_DIR}/)
add_library(explored_library OBJECT ${explored_sources})
om_target_defaults(explored_library)
target_compile_options(explored_library PRIVATE -ffreestanding -fsanitize=thread)
target_include_directories(explored_library PRIVATE ${PROJECT_SOURCE_DIR}/include)
om_add_test(test_explore LABELS threads LINKS scenario_fixture
	SOURCES explore/calls.c explore/explore.c explore/instrument.c explore/schedule.c
		explore/sessions.c explore/shm.c
		$<TARGET_OBJECTS:explored_library>)
