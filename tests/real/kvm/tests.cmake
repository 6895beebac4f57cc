# SPDX-License-Identifier: BSD-2-Clause
#
# The tests with guests on KVM, through scripts/demo like their neighbours: a quick
# selection always, all of it with --full.

set(om_kvm ${om_demo} --kvm)
om_add_real_test(real_kvm_build ${om_kvm} --build)
om_add_real_test(real_kvm_quick ${om_kvm})
om_add_real_test(real_kvm_kill ${om_kvm} --kill)
om_add_real_test(real_kvm_two_vcpus ${om_kvm} --smp)
om_add_real_test(real_kvm_full ${om_kvm} --full)
om_add_real_test(fault_b5_kexec_kvm ${om_kvm} --kexec)
om_add_real_test(real_kvm_daemon ${om_kvm} --daemon)
om_add_real_test(real_kvm_daemon_one_vcpu ${CMAKE_CURRENT_LIST_DIR}/run daemon-one)
om_add_real_test(real_kvm_daemon_kill ${om_kvm} --daemon --kill)
om_add_real_test(real_kvm_namespaces ${om_kvm} --namespaces)
set_tests_properties(real_kvm_build PROPERTIES FIXTURES_SETUP om_kvm)
set_tests_properties(real_kvm_quick real_kvm_kill real_kvm_full fault_b5_kexec_kvm
	real_kvm_two_vcpus real_kvm_namespaces real_kvm_daemon real_kvm_daemon_one_vcpu
	real_kvm_daemon_kill PROPERTIES FIXTURES_REQUIRED om_kvm)
set_tests_properties(real_kvm_build real_kvm_quick PROPERTIES
	LABELS "real;qemu;kvm")
set_tests_properties(real_kvm_kill real_kvm_full fault_b5_kexec_kvm
	real_kvm_two_vcpus real_kvm_namespaces real_kvm_daemon real_kvm_daemon_one_vcpu
	real_kvm_daemon_kill PROPERTIES
	LABELS "real;qemu;kvm;long")
