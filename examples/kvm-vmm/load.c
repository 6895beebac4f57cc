/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads the guest's files into its memory: the kernel at the start of RAM, the device
 * tree at the end, the initramfs just below that.
 *
 * Source: Linux, Documentation/arch/arm64/booting.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm.h"

#define MIB		(1024u * 1024u)
#define IMAGE_MAGIC	0x644d5241u	/* "ARM" 0x64 */

struct image_header {			/* little-endian, as this machine is */
	uint32_t code[2];
	uint64_t text_offset;		/* from a 2 MiB boundary of RAM */
	uint64_t image_size;		/* in memory; as a rule more than in the file */
	uint64_t flags;
	uint64_t reserved[3];
	uint32_t magic;
	uint32_t pe_header;
};
_Static_assert(sizeof(struct image_header) == 64, "as documented");

static size_t file_size(const char *name)
{
	struct stat status;

	if (stat(name, &status))
		die("%s: %s", name, strerror(errno));
	return (size_t)status.st_size;
}

/* Reads a file to an offset of RAM; it must end at or before limit. */
static void load_file(struct vmm *vmm, const char *name, size_t offset, size_t limit)
{
	size_t size = file_size(name), done = 0;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", name, strerror(errno));
	if (offset > limit || size > limit - offset)
		die("%s: no room for its %zu MiB; give the guest more --memory", name,
		    size / MIB + 1);
	while (done < size) {
		ssize_t n = read(fd, vmm->ram + offset + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("%s: %s", name, n ? strerror(errno) : "shorter than it was");
		done += (size_t)n;
	}
	close(fd);
}

/* Returns where the kernel's memory ends, as an offset. */
static size_t load_kernel(struct vmm *vmm, size_t limit)
{
	const char *name = vmm->options.kernel;
	struct image_header header = { 0 };
	size_t size;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, &header, sizeof(header)) < 0)
		die("%s: %s", name, strerror(errno));
	close(fd);
	if (header.magic != IMAGE_MAGIC)
		die("%s is not an arm64 kernel Image; unpack it if it is compressed", name);
	if (header.text_offset > limit || header.image_size > limit - header.text_offset)
		die("%s: the kernel wants %zu MiB; give the guest more --memory", name,
		    (size_t)header.image_size / MIB + 1);
	load_file(vmm, name, (size_t)header.text_offset, limit);
	vmm->entry = RAM_BASE + header.text_offset;
	/* U-Boot says less than its file has: its relocations lie behind its bss. */
	size = file_size(name);
	if (size < header.image_size)
		size = (size_t)header.image_size;
	return (size_t)header.text_offset + size;
}

void load_guest(struct vmm *vmm)
{
	const char *initrd = vmm->options.initrd;
	size_t limit = vmm->options.memory - DTB_SIZE;
	size_t kernel_end = load_kernel(vmm, limit);

	if (initrd) {
		size_t size = file_size(initrd);
		size_t start = size < limit ? (limit - size) & ~(size_t)0xfff : 0;

		if (start < kernel_end)
			die("%s: no room for its %zu MiB; give the guest more --memory", initrd,
			    size / MIB + 1);
		load_file(vmm, initrd, start, limit);
		vmm->initrd_start = RAM_BASE + start;
		vmm->initrd_end = RAM_BASE + start + size;
	}
	vmm->dtb = RAM_BASE + limit;
	tree_write(vmm, vmm->ram + limit);
}
