# SPDX-License-Identifier: BSD-2-Clause
#
# optee-mediatord on a TEE device in software: its protocol, its guests, who looks on.

om_add_test_library(mediatord_rig SOURCES mediatord/rig.c
	LINKS kvm_rig om_mediatord_guest om_client)
foreach(what IN ITEMS protocol guest outside)
	om_add_test(test_mediatord_${what} LABELS mediatord threads
		SOURCES mediatord/test_${what}.c LINKS mediatord_rig)
endforeach()
target_link_options(test_mediatord_outside PRIVATE LINKER:--wrap=send)
if(NOT OM_BUILD_MEDIATORD)
	return()
endif()

om_add_test(test_mediatord_client LABELS mediatord threads
	SOURCES mediatord/test_client.c LINKS mediatord_rig)
target_link_options(test_mediatord_client PRIVATE LINKER:--wrap=ioctl)

# The daemon by itself, but for the device.
add_executable(fake_mediatord mediatord/fake_daemon.c)
om_target_defaults(fake_mediatord)
target_link_libraries(fake_mediatord PRIVATE kvm_rig om_mediatord)
add_dependencies(test_mediatord_client fake_mediatord)
target_compile_definitions(test_mediatord_client PRIVATE
	FAKE_DAEMON="$<TARGET_FILE:fake_mediatord>")

om_add_test(test_mediatord_process LABELS mediatord threads
	SOURCES mediatord/test_process.c LINKS mediatord_rig)
add_dependencies(test_mediatord_process fake_mediatord optee-mediatord)
target_compile_definitions(test_mediatord_process PRIVATE
	FAKE_DAEMON="$<TARGET_FILE:fake_mediatord>" DAEMON="$<TARGET_FILE:optee-mediatord>")

om_add_test(test_mediatord_failures LABELS mediatord threads
	SOURCES mediatord/test_failures.c LINKS mediatord_rig om_mediatord libseccomp::libseccomp)
foreach(call IN ITEMS seccomp_init seccomp_attr_set seccomp_rule_add seccomp_load seccomp_release
	prctl eventfd socketpair pthread_create)
	target_link_options(test_mediatord_failures PRIVATE LINKER:--wrap=${call})
endforeach()

add_test(NAME test_mediatorctl COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mediatord/test-ctl
	$<TARGET_FILE:fake_mediatord> $<TARGET_FILE:optee-mediatorctl>)
set_tests_properties(test_mediatorctl PROPERTIES LABELS mediatord TIMEOUT ${om_test_program_timeout})

# Sanitizers and coverage make system calls of their own.
if(CMAKE_C_FLAGS MATCHES "-fsanitize|-fprofile|--coverage")
	target_compile_definitions(fake_mediatord PRIVATE WITHOUT_SANDBOX)
else()
	om_add_test(test_mediatord_sandbox LABELS mediatord SOURCES mediatord/test_sandbox.c
		LINKS mediatord_rig om_mediatord)
endif()

# The client in Rust, with Debian's compiler and nothing else: neither cargo nor a network.
find_program(OM_RUSTC rustc HINTS /usr/bin)
if(OM_RUSTC)
	set(rust ${PROJECT_SOURCE_DIR}/examples/rust-client)
	set(out ${CMAKE_CURRENT_BINARY_DIR}/mediatord)
	set(flags --edition 2021 -D warnings -C opt-level=1)
	add_custom_command(OUTPUT ${out}/test_rust_client
		COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
		COMMAND ${OM_RUSTC} ${flags} --crate-name om_client --crate-type rlib
			-o ${out}/libom_client.rlib ${rust}/src/lib.rs
		COMMAND ${OM_RUSTC} ${flags} --test --extern om_client=${out}/libom_client.rlib
			-o ${out}/test_rust_client ${rust}/tests/daemon.rs
		DEPENDS ${rust}/src/lib.rs ${rust}/src/sys.rs ${rust}/tests/daemon.rs)
	add_custom_target(test_rust_client ALL DEPENDS ${out}/test_rust_client)
	add_test(NAME test_rust_client COMMAND ${out}/test_rust_client)
	set_tests_properties(test_rust_client PROPERTIES LABELS mediatord TIMEOUT ${om_test_program_timeout}
		ENVIRONMENT "OM_FAKE_MEDIATORD=$<TARGET_FILE:fake_mediatord>")
endif()
