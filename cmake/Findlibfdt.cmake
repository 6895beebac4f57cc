# SPDX-License-Identifier: BSD-2-Clause
#
# Finds libfdt, which most distributions install without a pkg-config file.
# Sets libfdt_FOUND and makes the target libfdt::libfdt. Installed together with
# the package's config file, for consumers of optee_mediator::fdt.

find_path(libfdt_INCLUDE_DIR libfdt.h)
find_library(libfdt_LIBRARY fdt)
mark_as_advanced(libfdt_INCLUDE_DIR libfdt_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libfdt
	REQUIRED_VARS libfdt_LIBRARY libfdt_INCLUDE_DIR)

if(libfdt_FOUND AND NOT TARGET libfdt::libfdt)
	add_library(libfdt::libfdt UNKNOWN IMPORTED)
	set_target_properties(libfdt::libfdt PROPERTIES
		IMPORTED_LOCATION ${libfdt_LIBRARY}
		INTERFACE_INCLUDE_DIRECTORIES ${libfdt_INCLUDE_DIR})
endif()
