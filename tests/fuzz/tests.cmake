# SPDX-License-Identifier: BSD-2-Clause
#
# Fuzz targets, each twice: by default as a program that runs its corpus, with any
# compiler, as a test like others; with OM_BUILD_FUZZERS as a fuzzer (scripts/fuzz).
#
# $LIB_FUZZING_ENGINE, when set, is what fuzzers are linked with, and the flags that
# instrument the code then come from $CFLAGS: that is how OSS-Fuzz builds. Else it is
# clang's libFuzzer.

option(OM_BUILD_FUZZERS "Build the fuzz targets as fuzzers (clang, or \$LIB_FUZZING_ENGINE)" OFF)

set(fuzz_targets fast_call message page_list rpc_reply shared_memory sequence policy trace_text)
if(OM_BUILD_FDT)
	list(APPEND fuzz_targets device_tree)
endif()

if(TARGET om_trace)
	list(APPEND fuzz_targets recording)
endif()

if(OM_BUILD_KVM)
	list(APPEND fuzz_targets mediatord)
endif()

add_library(fuzz_world STATIC fuzz/world.c)
add_library(fuzz_parts STATIC fuzz/spec.c fuzz/spec_fast.c fuzz/spec_message.c
	fuzz/spec_session.c fuzz/spec_rpc.c fuzz/spec_shm.c fuzz/tee.c fuzz/guest.c)
foreach(library IN ITEMS fuzz_world fuzz_parts)
	om_target_defaults(${library})
	target_include_directories(${library} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}
		${CMAKE_CURRENT_SOURCE_DIR}/fuzz)
	target_link_libraries(${library} PUBLIC test_model optee_mediator_static)
endforeach()
target_link_libraries(fuzz_parts PUBLIC fuzz_world)
# They need each other: the world asks the specification.
target_link_libraries(fuzz_world INTERFACE fuzz_parts)

set(fuzz_engine "")
if(OM_BUILD_FUZZERS)
	set(fuzz_engine $ENV{LIB_FUZZING_ENGINE})
	if(NOT fuzz_engine)
		set(fuzz_engine -fsanitize=fuzzer)
		# What guides the search: the library and what it is held against, not the host.
		set(instrumented optee_mediator_static fuzz_parts)
		if(OM_BUILD_FDT)
			list(APPEND instrumented optee_mediator_fdt_static)
		endif()
		if(TARGET om_trace)
			list(APPEND instrumented om_trace)
		endif()
		if(OM_BUILD_KVM)
			list(APPEND instrumented om_mediatord_guest optee_mediator_kvm_static)
		endif()
		foreach(library IN LISTS instrumented)
			target_compile_options(${library} PRIVATE -fsanitize=fuzzer-no-link)
		endforeach()
	endif()
endif()

foreach(target IN LISTS fuzz_targets)
	set(program fuzz_${target})
	set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${target}.hex)
	add_executable(${program} fuzz/${target}.c)
	om_target_defaults(${program})
	target_link_libraries(${program} PRIVATE fuzz_parts)
	if(target STREQUAL device_tree)
		target_link_libraries(${program} PRIVATE optee_mediator_fdt_static libfdt::libfdt)
	endif()
	if(target STREQUAL recording)
		target_link_libraries(${program} PRIVATE om_trace)
	endif()
	if(target STREQUAL mediatord)
		target_link_libraries(${program} PRIVATE mediatord_rig)
	endif()
	if(OM_BUILD_FUZZERS)
		if(NOT DEFINED ENV{LIB_FUZZING_ENGINE})
			target_compile_options(${program} PRIVATE -fsanitize=fuzzer-no-link)
		endif()
		target_link_libraries(${program} PRIVATE ${fuzz_engine})
		# A fuzzer's corpus is a folder: unpacked beside it.
		set(inputs ${CMAKE_CURRENT_BINARY_DIR}/fuzz/corpus/${target})
		set(pack ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/pack)
		add_custom_command(OUTPUT ${inputs}.stamp
			COMMAND ${pack} ${corpus} ${inputs}
			COMMAND ${CMAKE_COMMAND} -E touch ${inputs}.stamp
			DEPENDS ${pack} ${corpus})
		target_sources(${program} PRIVATE ${inputs}.stamp)
		om_add_test_run(${program} ${program} LABELS fuzz ARGUMENTS -runs=0 ${inputs})
	else()
		target_sources(${program} PRIVATE fuzz/replay.c)
		om_add_test_run(${program} ${program} LABELS fuzz ARGUMENTS ${corpus})
	endif()
endforeach()
