# SPDX-License-Identifier: BSD-2-Clause
#
# A file as the bytes of an array in C: cmake -DFROM=page.html -DTO=page.inc -P text.cmake

file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${TO} "${bytes}\n")
