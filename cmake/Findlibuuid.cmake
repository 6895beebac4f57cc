# SPDX-License-Identifier: BSD-2-Clause
#
# Finds libuuid, also in a folder of another architecture's packages. Sets libuuid_FOUND and makes
# the target libuuid::libuuid. Installed together with the package's config file, for consumers
# of optee_mediator::policy.

find_path(libuuid_INCLUDE_DIR uuid/uuid.h)
find_library(libuuid_LIBRARY uuid)
mark_as_advanced(libuuid_INCLUDE_DIR libuuid_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libuuid
	REQUIRED_VARS libuuid_LIBRARY libuuid_INCLUDE_DIR)

if(libuuid_FOUND AND NOT TARGET libuuid::libuuid)
	add_library(libuuid::libuuid UNKNOWN IMPORTED)
	set_target_properties(libuuid::libuuid PROPERTIES
		IMPORTED_LOCATION ${libuuid_LIBRARY}
		INTERFACE_INCLUDE_DIRECTORIES ${libuuid_INCLUDE_DIR})
endif()
