/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holds memory registered with OP-TEE and a session, and never gives them back.
 *
 *   hold BUFFERS
 *
 * Says "holds BUFFERS buffers and a session" when it does, and stays. For a kernel that is
 * to end with all of it held.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/tee.h>

#define PAGE	4096u

/* The statistics pseudo-TA, which every OP-TEE of Debian's has (OP-TEE OS, stats.c). */
static const uint8_t stats[16] = { 0xd9, 0x6a, 0x5b, 0x40, 0xe2, 0xc7, 0xb1, 0xaf,
				   0x87, 0x94, 0x10, 0x02, 0xa5, 0xd5, 0xc6, 0x1b };

static void die(const char *what)
{
	fprintf(stderr, "hold: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_session(int tee)
{
	struct tee_ioctl_open_session_arg arg = { .clnt_login = TEE_IOCTL_LOGIN_PUBLIC };
	struct tee_ioctl_buf_data data = { (uintptr_t)&arg, sizeof(arg) };

	memcpy(arg.uuid, stats, sizeof(stats));
	if (ioctl(tee, TEE_IOC_OPEN_SESSION, &data) || arg.ret)
		die("a session");
}

static void register_buffer(int tee)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct tee_ioctl_shm_register_data data = { .addr = (uintptr_t)page, .length = PAGE };

	if (page == MAP_FAILED || ioctl(tee, TEE_IOC_SHM_REGISTER, &data) < 0)
		die("a buffer");
}

int main(int argc, char **argv)
{
	int buffers = argc == 2 ? atoi(argv[1]) : 0;
	int tee = open("/dev/tee0", O_RDWR);

	if (buffers <= 0 || tee < 0)
		die("hold BUFFERS, /dev/tee0");
	open_session(tee);
	for (int i = 0; i < buffers; i++)
		register_buffer(tee);
	printf("holds %d buffers and a session\n", buffers);
	fflush(stdout);
	for (;;)
		pause();
}
