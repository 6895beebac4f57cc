/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree, which describes the machine to the guest. The library adds one node,
 * /firmware/optee.
 */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <optee_mediator/fdt.h>

#include "vmm.h"

enum { GIC_PHANDLE = 1 };
enum { SPI = 0, PPI = 1, LEVEL = 4 };	/* cells of a GIC's interrupt specifier */

/* libfdt's writers fail only when the buffer is full, and then all later ones fail, too. */
static void check(int error)
{
	if (error)
		die("device tree: %s. Is the command line too long?", fdt_strerror(error));
}

/* Writes cells in the byte order of a device tree. */
static void cells(void *fdt, const char *name, size_t n, const uint32_t *values)
{
	fdt32_t big[16];

	for (size_t i = 0; i < n; i++)
		big[i] = cpu_to_fdt32(values[i]);
	check(fdt_property(fdt, name, big, (int)(n * sizeof(big[0]))));
}
#define CELLS(fdt, name, ...) \
	cells(fdt, name, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (uint32_t[]){ __VA_ARGS__ })

static void string(void *fdt, const char *name, const char *value)
{
	check(fdt_property(fdt, name, value, (int)strlen(value) + 1));
}

static void chosen(void *fdt, const struct vmm *vmm)
{
	uint8_t seed[64];

	check(fdt_begin_node(fdt, "chosen"));
	string(fdt, "bootargs", vmm->options.command_line);
	string(fdt, "stdout-path", "/uart@9000000");
	if (vmm->initrd_end) {
		check(fdt_property_u64(fdt, "linux,initrd-start", vmm->initrd_start));
		check(fdt_property_u64(fdt, "linux,initrd-end", vmm->initrd_end));
	}
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		check(fdt_property(fdt, "rng-seed", seed, sizeof(seed)));
	check(fdt_end_node(fdt));
}

static void memory(void *fdt, const struct vmm *vmm)
{
	uint64_t size = vmm->options.memory;

	check(fdt_begin_node(fdt, "memory@80000000"));
	string(fdt, "device_type", "memory");
	CELLS(fdt, "reg", 0, RAM_BASE, (uint32_t)(size >> 32), (uint32_t)size);
	check(fdt_end_node(fdt));
}

static void cpus(void *fdt, const struct vmm *vmm)
{
	char name[16];

	check(fdt_begin_node(fdt, "cpus"));
	CELLS(fdt, "#address-cells", 1);
	CELLS(fdt, "#size-cells", 0);
	for (unsigned int i = 0; i < vmm->options.cpus; i++) {
		snprintf(name, sizeof(name), "cpu@%x", i);
		check(fdt_begin_node(fdt, name));
		string(fdt, "device_type", "cpu");
		string(fdt, "compatible", "arm,armv8");
		string(fdt, "enable-method", "psci");
		CELLS(fdt, "reg", i);	/* the affinity that KVM gives vCPU i */
		check(fdt_end_node(fdt));
	}
	check(fdt_end_node(fdt));

	check(fdt_begin_node(fdt, "psci"));
	string(fdt, "compatible", "arm,psci-0.2");
	string(fdt, "method", "hvc");
	check(fdt_end_node(fdt));
}

static void devices(void *fdt, const struct vmm *vmm)
{
	check(fdt_begin_node(fdt, "interrupt-controller@8000000"));
	string(fdt, "compatible", "arm,gic-v3");
	check(fdt_property(fdt, "interrupt-controller", NULL, 0));
	CELLS(fdt, "#interrupt-cells", 3);
	CELLS(fdt, "reg", 0, GICD_BASE, 0, GICD_SIZE,
	      0, GICR_BASE, 0, vmm->options.cpus * GICR_SIZE);
	CELLS(fdt, "phandle", GIC_PHANDLE);
	check(fdt_end_node(fdt));

	/* Secure, physical, virtual, EL2: these interrupts are fixed by KVM. */
	check(fdt_begin_node(fdt, "timer"));
	string(fdt, "compatible", "arm,armv8-timer");
	check(fdt_property(fdt, "always-on", NULL, 0));
	CELLS(fdt, "interrupts", PPI, 13, LEVEL, PPI, 14, LEVEL, PPI, 11, LEVEL, PPI, 10, LEVEL);
	check(fdt_end_node(fdt));

	check(fdt_begin_node(fdt, "uart@9000000"));
	string(fdt, "compatible", "arm,sbsa-uart");
	CELLS(fdt, "reg", 0, UART_BASE, 0, UART_SIZE);
	CELLS(fdt, "interrupts", SPI, UART_SPI, LEVEL);
	CELLS(fdt, "current-speed", 115200);
	check(fdt_end_node(fdt));
}

void tree_write(const struct vmm *vmm, void *to)
{
	const struct om_fdt_optee optee = { .method = OM_FDT_SMC };
	enum om_fdt_result result;

	check(fdt_create(to, (int)DTB_SIZE));
	check(fdt_finish_reservemap(to));
	check(fdt_begin_node(to, ""));
	string(to, "compatible", "linux,dummy-virt");
	CELLS(to, "#address-cells", 2);
	CELLS(to, "#size-cells", 2);
	CELLS(to, "interrupt-parent", GIC_PHANDLE);
	chosen(to, vmm);
	memory(to, vmm);
	cpus(to, vmm);
	devices(to, vmm);
	check(fdt_end_node(to));
	check(fdt_finish(to));

	if (vmm->tee) {
		result = om_fdt_add_optee(to, DTB_SIZE, &optee);
		if (result != OM_FDT_OK)
			die("device tree: %s", om_fdt_result_text(result));
	}
}
