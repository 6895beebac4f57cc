# SPDX-License-Identifier: BSD-2-Clause
#
# Install rules: headers, libraries, pkg-config files, CMake package.

set(om_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/optee_mediator)

set(om_headers abi_msg.h abi_smc.h host.h limits.h mediator.h policy_table.h record.h trace.h)
if(OM_BUILD_FDT)
	list(APPEND om_headers fdt.h)
endif()
if(OM_BUILD_POLICY)
	list(APPEND om_headers policy.h)
endif()
list(TRANSFORM om_headers PREPEND include/optee_mediator/)
install(FILES ${om_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/optee_mediator)

# One export set for each library, as only one of them needs libfdt.
function(om_install_library name set)
	set(targets ${name}_static)
	if(OM_BUILD_SHARED)
		list(APPEND targets ${name})
	endif()
	install(TARGETS ${targets} EXPORT ${set})
	install(EXPORT ${set} NAMESPACE optee_mediator:: FILE ${set}.cmake
		DESTINATION ${om_cmake_dir})

	# Relative to the .pc file, so that the tree can be moved after install.
	file(RELATIVE_PATH om_pc_includedir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
		${CMAKE_INSTALL_FULL_INCLUDEDIR})
	configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${name}.pc @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/${name}.pc
		DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

om_install_library(optee_mediator optee_mediator-core-targets)
if(OM_BUILD_FDT)
	# libfdt has no .pc file that could say where it is. Where the linker looks by itself is
	# left out, as it need not be the same on the machine that links.
	set(om_pc_libfdt -lfdt)
	get_filename_component(om_libfdt_directory ${libfdt_LIBRARY} DIRECTORY)
	set(om_link_directories ${CMAKE_C_IMPLICIT_LINK_DIRECTORIES})
	foreach(directory IN LISTS CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
		get_filename_component(directory ${directory} REALPATH)
		list(APPEND om_link_directories ${directory})
	endforeach()
	if(NOT om_libfdt_directory IN_LIST om_link_directories)
		string(PREPEND om_pc_libfdt "-L${om_libfdt_directory} ")
	endif()
	om_install_library(optee_mediator_fdt optee_mediator-fdt-targets)
	install(FILES ${PROJECT_SOURCE_DIR}/cmake/Findlibfdt.cmake DESTINATION ${om_cmake_dir})
endif()
if(OM_BUILD_POLICY)
	om_install_library(optee_mediator_policy optee_mediator-policy-targets)
	install(FILES ${PROJECT_SOURCE_DIR}/cmake/Findlibyaml.cmake
		${PROJECT_SOURCE_DIR}/cmake/Findlibuuid.cmake DESTINATION ${om_cmake_dir})
	install(PROGRAMS tools/ta-alias DESTINATION ${CMAKE_INSTALL_BINDIR})
	install(FILES tools/ta-alias.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
if(OM_BUILD_KVM)
	om_install_library(optee_mediator_kvm optee_mediator-kvm-targets)
	install(FILES backends/kvm/include/optee_mediator/kvm.h
		DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/optee_mediator)
endif()

configure_package_config_file(cmake/optee_mediator-config.cmake.in
	${PROJECT_BINARY_DIR}/optee_mediator-config.cmake
	INSTALL_DESTINATION ${om_cmake_dir})
# Before 1.0 a minor version may change anything.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/optee_mediator-config-version.cmake
	COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/optee_mediator-config.cmake
	${PROJECT_BINARY_DIR}/optee_mediator-config-version.cmake
	DESTINATION ${om_cmake_dir})

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
