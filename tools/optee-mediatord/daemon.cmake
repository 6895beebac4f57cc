# SPDX-License-Identifier: BSD-2-Clause
#
# A VMM's side of optee-mediatord, which needs nothing; and the daemon. That is a library but
# for its main(): the tests give it a TEE device in software.

set(om_mediatord ${CMAKE_CURRENT_SOURCE_DIR}/tools/optee-mediatord)
set(om_client ${CMAKE_CURRENT_SOURCE_DIR}/tools/client)

add_library(om_client STATIC ${om_client}/om_client.c)
om_target_defaults(om_client)
target_include_directories(om_client PUBLIC ${om_client})
# What serves a guest: its connection, the backend, what is seen from outside.
add_library(om_mediatord_guest STATIC ${om_mediatord}/connection.c ${om_mediatord}/kvm_guest.c
	${om_mediatord}/outside.c)
om_target_defaults(om_mediatord_guest)
target_include_directories(om_mediatord_guest PUBLIC ${om_mediatord} ${om_client})
target_link_libraries(om_mediatord_guest PUBLIC optee_mediator_kvm_static Threads::Threads)

if(NOT OM_BUILD_MEDIATORD)
	return()
endif()

add_library(om_mediatord STATIC ${om_mediatord}/mediatord.c ${om_mediatord}/sandbox.c
	${om_mediatord}/serve.c)
om_target_defaults(om_mediatord)
target_link_libraries(om_mediatord PUBLIC om_mediatord_guest optee_mediator_policy_static
	PRIVATE libseccomp::libseccomp)

add_executable(optee-mediatord ${om_mediatord}/main.c)
om_target_defaults(optee-mediatord)
target_link_libraries(optee-mediatord PRIVATE om_mediatord)

add_executable(optee-mediatorctl ${om_mediatord}/ctl.c)
om_target_defaults(optee-mediatorctl)

if(OM_INSTALL)
	install(TARGETS optee-mediatord optee-mediatorctl)
	install(FILES ${om_mediatord}/optee-mediatord.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
	install(FILES ${om_mediatord}/optee-mediatorctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
	set(bindir ${CMAKE_INSTALL_FULL_BINDIR})
	configure_file(${om_mediatord}/system/optee-mediatord@.service
		${PROJECT_BINARY_DIR}/optee-mediatord@.service @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/optee-mediatord@.service
		${om_mediatord}/system/optee-mediatord@.socket
		${om_mediatord}/system/optee-mediatord-control@.socket
		DESTINATION lib/systemd/system)
	install(FILES ${om_mediatord}/system/optee-mediatord.sysusers
		DESTINATION lib/sysusers.d RENAME optee-mediatord.conf)
	install(FILES ${om_mediatord}/system/optee-mediatord.rules
		DESTINATION lib/udev/rules.d RENAME 60-optee-mediatord.rules)
	install(FILES ${om_client}/mediatord.h
		DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/optee_mediator)
endif()
