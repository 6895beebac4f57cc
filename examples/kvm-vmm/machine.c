/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine on KVM: memory, vCPUs, a GICv3, and the loop that runs a vCPU and handles
 * its exits. Those for OP-TEE go to optee.c.
 *
 * Source: Linux, Documentation/virt/kvm/api.rst and devices/arm-vgic-v3.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "optee.h"
#include "vmm.h"

/* KVM names registers by their offset from x0, in 32-bit units. */
#define CORE_REG(offset) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (offset))
#define REG_X(n)	CORE_REG(2u * (n))
#define REG_PC		CORE_REG(2u * 32)

/* An ioctl that has to succeed. */
static int must(int fd, unsigned long request, void *argument, const char *what)
{
	int result = ioctl(fd, request, argument);

	if (result < 0)
		die("%s: %s", what, strerror(errno));
	return result;
}

static void create_memory(struct vmm *vmm)
{
	size_t size = vmm->options.memory;
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = RAM_BASE, .memory_size = size,
	};

	/*
	 * Shared, so that the backend can map scattered pages a second time, in order; and of a
	 * file, which can be lent to another process.
	 */
	vmm->ram_file = memfd_create("guest", MFD_CLOEXEC);
	if (vmm->ram_file < 0 || ftruncate(vmm->ram_file, (off_t)size))
		die("guest memory: %s; try less --memory", strerror(errno));
	vmm->ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			vmm->ram_file, 0);
	if (vmm->ram == MAP_FAILED)
		die("guest memory: %s; try less --memory", strerror(errno));
	region.userspace_addr = (uintptr_t)vmm->ram;
	must(vmm->vm, KVM_SET_USER_MEMORY_REGION, &region, "guest memory");
}

static void create_vcpus(struct vmm *vmm, int kvm)
{
	size_t size = (size_t)must(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM");

	for (unsigned int i = 0; i < vmm->options.cpus; i++) {
		struct vcpu *vcpu = &vmm->vcpus[i];

		vcpu->vmm = vmm;
		vcpu->index = i;
		vcpu->fd = must(vmm->vm, KVM_CREATE_VCPU, (void *)(uintptr_t)i, "vCPU");
		vcpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
		if (vcpu->run == MAP_FAILED)
			die("vCPU %u: %s", i, strerror(errno));
	}
}

/* The first vCPU can run, the others wait for a CPU_ON of PSCI. */
void machine_reset(struct vmm *vmm)
{
	struct kvm_vcpu_init init = { 0 };

	must(vmm->vm, KVM_ARM_PREFERRED_TARGET, &init, "KVM's CPU model");
	for (unsigned int i = 0; i < vmm->options.cpus; i++) {
		init.features[0] = 1u << KVM_ARM_VCPU_PSCI_0_2;
		if (i > 0)
			init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
		must(vmm->vcpus[i].fd, KVM_ARM_VCPU_INIT, &init, "vCPU");
	}
}

static void gic_attribute(int gic, uint32_t group, uint64_t attribute, uint64_t value)
{
	struct kvm_device_attr attr = {
		.group = group, .attr = attribute, .addr = (uintptr_t)&value,
	};

	must(gic, KVM_SET_DEVICE_ATTR, &attr, "GICv3");
}

static void create_gic(struct vmm *vmm)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };

	if (ioctl(vmm->vm, KVM_CREATE_DEVICE, &device))
		die("KVM has no GICv3 for guests on this machine: %s", strerror(errno));
	gic_attribute((int)device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
		      KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE);
	gic_attribute((int)device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
		      KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR_BASE);
	gic_attribute((int)device.fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
		      KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
}

void machine_create(struct vmm *vmm)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		die("/dev/kvm: %s. Does this kernel run at EL2?", strerror(errno));
	if (ioctl(kvm, KVM_GET_API_VERSION, NULL) != KVM_API_VERSION)
		die("/dev/kvm: not the version of the interface that this program knows");
	vmm->vm = must(kvm, KVM_CREATE_VM, NULL, "KVM");
	create_memory(vmm);
	create_vcpus(vmm, kvm);
	machine_reset(vmm);
	create_gic(vmm);
	close(kvm);
}

void machine_interrupt(struct vmm *vmm, unsigned int spi, bool high)
{
	struct kvm_irq_level line = {
		.irq = (KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT) | (32 + spi),
		.level = high,
	};

	must(vmm->vm, KVM_IRQ_LINE, &line, "interrupt");
}

/* The main thread waits for this signal in machine_run(). */
#define ENDED	SIGUSR2
/* Brings a vCPU's thread out of KVM_RUN; its handler does nothing. */
#define KICK	SIGUSR1

void machine_end(struct vmm *vmm, enum ending ending)
{
	enum ending running = STILL_RUNNING;

	if (atomic_compare_exchange_strong(&vmm->ending, &running, ending))
		kill(getpid(), ENDED);
}

/* The console is the only device; an access elsewhere is an error. */
static void serve_mmio(struct vmm *vmm, struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - UART_BASE;
	uint32_t value = 0;

	if (offset >= UART_SIZE) {
		fprintf(stderr, "vmm: the guest %s 0x%llx, where there is nothing\n",
			run->mmio.is_write ? "wrote to" : "read from",
			(unsigned long long)run->mmio.phys_addr);
		machine_end(vmm, FAILED);
		return;
	}
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, sizeof(value));
		console_write(vmm, offset, value);
	} else {
		value = console_read(vmm, offset);
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
		memcpy(run->mmio.data, &value, sizeof(value));
	}
}

static void serve_exit(struct vcpu *vcpu)
{
	struct vmm *vmm = vcpu->vmm;
	struct kvm_run *run = vcpu->run;

	if (vmm->tee && vmm->tee->exit(vcpu))
		return;
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		serve_mmio(vmm, run);
		return;
	case KVM_EXIT_SYSTEM_EVENT:
		machine_end(vmm, run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ?
			    POWERED_OFF : RESET);
		return;
	default:
		fprintf(stderr, "vmm: vCPU %u: KVM does not know how to go on (exit %u)\n",
			vcpu->index, run->exit_reason);
		machine_end(vmm, FAILED);
	}
}

static void *run_vcpu(void *argument)
{
	struct vcpu *vcpu = argument;

	while (vcpu->vmm->ending == STILL_RUNNING) {
		if (!ioctl(vcpu->fd, KVM_RUN, NULL)) {
			serve_exit(vcpu);
		} else if (errno != EINTR && errno != EAGAIN) {
			fprintf(stderr, "vmm: vCPU %u: %s\n", vcpu->index, strerror(errno));
			machine_end(vcpu->vmm, FAILED);
		}
	}
	return NULL;
}

static void set_register(struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	must(vcpu->fd, KVM_SET_ONE_REG, &reg, "vCPU's register");
}

static void on_kick(int signal)
{
	(void)signal;
}

void machine_start(struct vmm *vmm)
{
	set_register(&vmm->vcpus[0], REG_PC, vmm->entry);
	set_register(&vmm->vcpus[0], REG_X(0), vmm->dtb);
}

enum ending machine_run(struct vmm *vmm)
{
	struct sigaction action = { .sa_handler = on_kick };
	sigset_t signals;
	int signal = 0;

	vmm->ending = STILL_RUNNING;
	sigaction(KICK, &action, NULL);
	/* Blocked before threads are created, so that only sigwait() receives them. */
	sigemptyset(&signals);
	sigaddset(&signals, ENDED);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	for (unsigned int i = 0; i < vmm->options.cpus; i++) {
		vmm->vcpus[i].run->immediate_exit = 0;
		if (pthread_create(&vmm->vcpus[i].thread, NULL, run_vcpu, &vmm->vcpus[i]))
			die("no thread for vCPU %u", i);
	}
	sigwait(&signals, &signal);
	if (signal != ENDED)
		vmm->ending = TERMINATED;

	for (unsigned int i = 0; i < vmm->options.cpus; i++) {
		/* Stops a thread that is about to enter KVM_RUN, which the signal would miss. */
		vmm->vcpus[i].run->immediate_exit = 1;
		pthread_kill(vmm->vcpus[i].thread, KICK);
		pthread_join(vmm->vcpus[i].thread, NULL);
	}
	return vmm->ending;
}
