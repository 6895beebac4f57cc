# SPDX-License-Identifier: BSD-2-Clause
#
# backends/xen, compiled against a stand-in for Xen: on the host, where the
# conformance guest runs through it, and for aarch64 with Xen's flags.

# What a user of Xen gets who sets nothing: the defaults in the Kconfig.
set(om_xen_kconfig ${PROJECT_SOURCE_DIR}/backends/xen/Kconfig)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${om_xen_kconfig})
file(STRINGS ${om_xen_kconfig} om_xen_lines REGEX "^config |^\tdefault ")
set(om_xen_default CONFIG_NR_CPUS=256)
foreach(line IN LISTS om_xen_lines)
	if(line MATCHES "^config (.*)")
		set(option ${CMAKE_MATCH_1})
	elseif(line MATCHES "default ([0-9]+)")
		list(APPEND om_xen_default CONFIG_${option}=${CMAKE_MATCH_1})
	endif()
endforeach()
# The test host's memory lies above 4 GiB.
list(REMOVE_ITEM om_xen_default CONFIG_OPTEE_MEDIATOR_PA_BITS=32)
list(APPEND om_xen_default CONFIG_OPTEE_MEDIATOR_PA_BITS=44)
# Every limit within a test's reach.
set(om_xen_narrow CONFIG_OPTEE_MEDIATOR_THREADS=3 CONFIG_OPTEE_MEDIATOR_BUFFERS=24
	CONFIG_OPTEE_MEDIATOR_PAGES=1500 CONFIG_OPTEE_MEDIATOR_CALL_PAGES=700
	CONFIG_OPTEE_MEDIATOR_MAPPED_PAGES=900 CONFIG_OPTEE_MEDIATOR_SESSIONS=16
	CONFIG_OPTEE_MEDIATOR_PA_BITS=44 CONFIG_NR_CPUS=256)
# The defaults, with all calls recorded.
set(om_xen_recorded ${om_xen_default} CONFIG_OPTEE_MEDIATOR_RECORD=1)

foreach(limits IN ITEMS default narrow recorded)
	# The backend as Xen's build compiles it: not even a libc's headers.
	add_library(xen_backend_${limits} STATIC ${PROJECT_SOURCE_DIR}/backends/xen/backend.c)
	if(limits STREQUAL recorded)
		target_sources(xen_backend_${limits} PRIVATE ${PROJECT_SOURCE_DIR}/backends/xen/ring.c)
	endif()
	set_target_properties(xen_backend_${limits} PROPERTIES C_STANDARD 99 C_EXTENSIONS ON)
	target_compile_options(xen_backend_${limits} PRIVATE -nostdinc -fno-builtin -fno-common
		-Wall -Wstrict-prototypes -Wdeclaration-after-statement -Wvla
		-include xen/config.h)
	target_compile_definitions(xen_backend_${limits} PRIVATE ${om_xen_${limits}})
	target_include_directories(xen_backend_${limits} PRIVATE
		${CMAKE_CURRENT_SOURCE_DIR}/xen/include ${PROJECT_SOURCE_DIR}/backends/xen/shim
		${PROJECT_SOURCE_DIR}/include)

	om_add_test_library(xen_machine_${limits} SOURCES xen/hypervisor.c xen/machine.c
		LINKS xen_backend_${limits} conformance_on_host test_model optee_mediator_static
			PkgConfig::cmocka)
	target_include_directories(xen_machine_${limits} PUBLIC
		${CMAKE_CURRENT_SOURCE_DIR}/xen/include)
	target_compile_definitions(xen_machine_${limits} PUBLIC ${om_xen_${limits}})
	# The backend and the hypervisor need each other.
	target_link_libraries(xen_backend_${limits} PUBLIC xen_machine_${limits})

	om_add_test(test_xen_backend_${limits} LABELS xen
		SOURCES xen/test_xen_backend.c LINKS xen_machine_${limits})
	om_add_test(test_xen_conformance_${limits} LABELS xen
		SOURCES xen/test_xen_conformance.c
		LINKS conformance_frame xen_machine_${limits})
endforeach()

if(TARGET om_trace)
	om_add_test(test_xen_ring LABELS xen SOURCES xen/test_xen_ring.c
		LINKS xen_machine_recorded om_trace)
endif()

if(OM_TEST_PACKAGING)
	add_test(NAME xen_freestanding COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/xen/freestanding.sh
		${CMAKE_CURRENT_BINARY_DIR}/xen ${om_xen_default})
	set_tests_properties(xen_freestanding PROPERTIES LABELS "xen;freestanding" TIMEOUT ${om_test_timeout}
		SKIP_RETURN_CODE 77)
endif()
