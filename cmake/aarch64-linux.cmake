# SPDX-License-Identifier: BSD-2-Clause
#
# Toolchain: programs for arm64 Linux, built on another machine and linked
# statically, so that they run wherever they are copied. Headers and libraries
# that the compiler does not bring come from packages of Debian:
#
#   scripts/packages kvm kvm-policy mediatord
#   cmake -B build/kvm -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux.cmake -DOM_BUILD_TESTS=OFF \
#         "-DOM_SYSROOT=$PWD/build/packages/kvm;$PWD/build/packages/kvm-policy;$PWD/build/packages/mediatord"

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES OM_SYSROOT)
set(CMAKE_FIND_ROOT_PATH ${OM_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
# Before the compiler's own: those of Debian 12 do not know KVM's SMCCC filter.
foreach(folder IN LISTS OM_SYSROOT)
	string(APPEND CMAKE_C_FLAGS_INIT " -isystem ${folder}/usr/include"
		" -isystem ${folder}/usr/include/aarch64-linux-gnu")
endforeach()
