/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads a Linux guest: copies kernel and initramfs into its memory, and makes a device
 * tree that describes its machine. Linux needs nothing else
 * (Documentation/arch/arm64/booting.rst).
 *
 *	GUEST_IMAGE_IPA		the device tree
 *	GUEST_RAM_IPA		the kernel, and behind it the initramfs
 */
#include <libfdt.h>
#include <optee_mediator/fdt.h>

#include "hyp.h"

#define IMAGE_MAGIC	0x644d5241	/* "ARM\x64" */

/* The head of an arm64 kernel image. */
struct image_header {
	uint32_t code[2];
	uint64_t text_offset;	/* from a multiple of 2 MiB */
	uint64_t image_size;	/* with its bss */
	uint64_t flags, reserved[3];
	uint32_t magic, reserved2;
};

/* Interrupt specifiers of a GICv3: kind and number within it, trigger. */
#define SPI(intid)	0, (intid) - 32
#define PPI(intid)	1, (intid) - 16
#define EDGE		1
#define LEVEL		4

#define HIGH_LOW(n)	(uint32_t)((uint64_t)(n) >> 32), (uint32_t)(n)
#define GIC_PHANDLE	1

static uint8_t trees[GUESTS][2 * PAGE] __attribute__((aligned(8)));

/* ---- the tree ---- */

static int put_cells(void *t, const char *name, const uint32_t *cell, unsigned int n)
{
	void *at;
	int failed = fdt_property_placeholder(t, name, (int)(n * sizeof(*cell)), &at);
	unsigned int i;

	for (i = 0; !failed && i < n; i++)
		((fdt32_t *)at)[i] = cpu_to_fdt32(cell[i]);
	return failed;
}

#define CELLS(t, name, ...)						\
	put_cells(t, name, (const uint32_t[]){ __VA_ARGS__ },		\
		  sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
#define FLAG(t, name)		fdt_property(t, name, NULL, 0)
#define TEXT(t, name, s)	fdt_property_string(t, name, s)
/* Several strings in one property, with the NULs between them. */
#define TEXTS(t, name, s)	fdt_property(t, name, s, sizeof(s))

static int put_chosen(void *t, const char *arguments, uint64_t initramfs, uint64_t size)
{
	int failed = fdt_begin_node(t, "chosen");

	failed |= TEXT(t, "bootargs", arguments);
	failed |= TEXT(t, "stdout-path", "/serial");
	failed |= fdt_property_u64(t, "linux,initrd-start", initramfs);
	failed |= fdt_property_u64(t, "linux,initrd-end", initramfs + size);
	return failed | fdt_end_node(t);
}

static int put_memory(void *t, uint64_t base, uint64_t size)
{
	int failed = fdt_begin_node(t, "memory");

	failed |= TEXT(t, "device_type", "memory");
	failed |= CELLS(t, "reg", HIGH_LOW(base), HIGH_LOW(size));
	return failed | fdt_end_node(t);
}

static int put_cpus(void *t, unsigned int n)
{
	static const char *const names[CPUS] = { "cpu@0", "cpu@1" };
	int failed = fdt_begin_node(t, "cpus");
	unsigned int i;

	failed |= CELLS(t, "#address-cells", 1);
	failed |= CELLS(t, "#size-cells", 0);
	for (i = 0; i < n; i++) {
		failed |= fdt_begin_node(t, names[i]);
		failed |= TEXT(t, "device_type", "cpu");
		failed |= TEXT(t, "compatible", "arm,armv8");
		failed |= CELLS(t, "reg", i);
		failed |= TEXT(t, "enable-method", "psci");
		failed |= fdt_end_node(t);
	}
	failed |= fdt_end_node(t);

	failed |= fdt_begin_node(t, "psci");
	failed |= TEXTS(t, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	failed |= TEXT(t, "method", "hvc");
	return failed | fdt_end_node(t);
}

static int put_devices(void *t, unsigned int vcpus)
{
	int failed = fdt_begin_node(t, "interrupt-controller");

	failed |= TEXT(t, "compatible", "arm,gic-v3");
	failed |= CELLS(t, "#interrupt-cells", 3);
	failed |= FLAG(t, "interrupt-controller");
	failed |= CELLS(t, "reg", HIGH_LOW(GUEST_GICD_IPA), HIGH_LOW(GUEST_GICD_SIZE),
			HIGH_LOW(GUEST_GICR_IPA), HIGH_LOW(vcpus * GUEST_GICR_SIZE));
	failed |= CELLS(t, "phandle", GIC_PHANDLE);
	failed |= fdt_end_node(t);

	failed |= fdt_begin_node(t, "timer");
	failed |= TEXT(t, "compatible", "arm,armv8-timer");
	failed |= CELLS(t, "interrupts", PPI(GUEST_TIMER_INTID), LEVEL);
	failed |= TEXT(t, "interrupt-names", "virt");
	failed |= FLAG(t, "always-on");
	failed |= fdt_end_node(t);

	failed |= fdt_begin_node(t, "serial");
	/* Named as PL011, too, because U-Boot has no driver under the other name. */
	failed |= TEXTS(t, "compatible", "arm,sbsa-uart\0arm,pl011");
	failed |= CELLS(t, "reg", HIGH_LOW(GUEST_UART_IPA), HIGH_LOW(GUEST_UART_SIZE));
	failed |= CELLS(t, "interrupts", SPI(GUEST_UART_INTID), LEVEL);
	failed |= CELLS(t, "current-speed", 115200);
	return failed | fdt_end_node(t);
}

/* Makes the tree, but for the OP-TEE node, which the library adds. */
static int put_machine(void *t, int size, const struct guest *g, const char *arguments,
		       uint64_t initramfs, uint64_t initramfs_size)
{
	int failed = fdt_create(t, size);

	failed |= fdt_finish_reservemap(t);
	failed |= fdt_begin_node(t, "");
	failed |= TEXT(t, "compatible", "linux,dummy-virt");
	failed |= TEXT(t, "model", "optee_mediator example guest");
	failed |= CELLS(t, "#address-cells", 2);
	failed |= CELLS(t, "#size-cells", 2);
	failed |= CELLS(t, "interrupt-parent", GIC_PHANDLE);
	failed |= put_chosen(t, arguments, initramfs, initramfs_size);
	failed |= put_memory(t, GUEST_IMAGE_IPA, GUEST_RAM_IPA - GUEST_IMAGE_IPA + g->ram_size);
	failed |= put_cpus(t, g->vcpus);
	failed |= put_devices(t, g->vcpus);
	failed |= fdt_end_node(t);
	return failed | fdt_finish(t);
}

/* ---- the memory ---- */

/* Appends a word, up to a space or NUL. */
static void append(char *to, size_t size, const char *word)
{
	size_t n = strlen(to);

	while (*word && *word != ' ' && n < size - 1)
		to[n++] = *word++;
	to[n] = '\0';
}

/*
 * What a kernel needs at its place. The header says how much memory that is, which is more
 * than the file as a rule, but less in U-Boot, whose relocations lie behind its bss.
 */
static uint64_t size_in_memory(const struct image_header *image, uint64_t file)
{
	return image->image_size < file ? file : image->image_size;
}

void linux_load(struct guest *g, uint64_t kernel_size, uint64_t initramfs_size, const char *run)
{
	static const struct om_fdt_optee optee = {
		.method = OM_FDT_SMC, .interrupt_cells = 3,
		.interrupt = { SPI(GUEST_NOTIFY_INTID), EDGE },
	};
	const struct image_header *image = (const void *)LINUX_KERNEL;
	uint64_t kernel = GUEST_RAM_IPA + image->text_offset;
	uint64_t size = size_in_memory(image, kernel_size);
	uint64_t initramfs = (kernel + size + BLOCK - 1) & ~(BLOCK - 1);
	/* retain_initrd: a guest that starts another kernel gives it the same initramfs. */
	char arguments[256] = "console=ttyAMA0 earlycon panic=-1 retain_initrd";
	uint8_t *tree = trees[g - guests];
	enum om_fdt_result result;

	if (image->magic != IMAGE_MAGIC)
		fatal("what was loaded for Linux is no arm64 kernel image");
	if (initramfs + initramfs_size > GUEST_RAM_IPA + g->ram_size)
		fatal("kernel and initramfs do not fit a guest's memory");
	if (run) {
		size_t n = strlen(arguments);

		arguments[n++] = ' ';
		append(arguments + n, sizeof(arguments) - n, "om.run=");
		append(arguments + n, sizeof(arguments) - n, run);
	}

	if (put_machine(tree, sizeof(trees[0]), g, arguments, initramfs, initramfs_size))
		fatal("a guest's device tree has no room");
	result = om_fdt_add_optee(tree, sizeof(trees[0]), &optee);
	if (result != OM_FDT_OK)
		fatal(om_fdt_result_text(result));

	stage2_write(g, GUEST_IMAGE_IPA, tree, sizeof(trees[0]));
	stage2_write(g, kernel, (const void *)LINUX_KERNEL, size);
	stage2_write(g, initramfs, (const void *)LINUX_INITRAMFS, initramfs_size);
	g->vcpu0->entry = kernel;
	g->vcpu0->context = GUEST_IMAGE_IPA;
}
