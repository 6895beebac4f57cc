# SPDX-License-Identifier: BSD-2-Clause
#
# The proofs with their negative controls, registered when configured with OM_TEST_PROOF=ON:
# those that take seconds as one test, all of them as another, labelled long. They fetch CBMC
# from Debian.

if(DEFINED ENV{OM_BUILD})
	set(om_proof $ENV{OM_BUILD})
else()
	set(om_proof ${PROJECT_SOURCE_DIR}/build)
endif()
get_filename_component(om_proof ${om_proof} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})

add_test(NAME proof_quick COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/proof/run -j 1 --quick)
add_test(NAME proof_all COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/proof/run -j 2)
set_tests_properties(proof_quick PROPERTIES LABELS proof)
set_tests_properties(proof_all PROPERTIES LABELS "proof;long" PROCESSORS 2)
set_tests_properties(proof_quick proof_all PROPERTIES RESOURCE_LOCK om_proof
	TIMEOUT ${om_test_timeout} ENVIRONMENT OM_BUILD=${om_proof})
