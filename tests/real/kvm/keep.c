/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An object that stays in the storage of a TA of xtest's, and TAs that stay shut.
 *
 *   keep write TEXT     makes the object; there must be none
 *   keep read TEXT      there is one, and this is in it
 *   keep refused UUID   no session can be opened with this TA, as if there were none
 *
 * Exit status: 0 it is so, 1 it is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/tee.h>

/* TA_STORAGE2: the cases enumerate what is in the other one, and would meet the object. */
#define STORAGE "731e279e-aafb-4575-a771-38caa6f0cca6"

/* Of the TA: optee_test, ta/include/ta_storage.h. */
enum { OPEN = 0, READ = 2, CREATE = 4 };
/* GlobalPlatform TEE Internal Core API: the private storage, and how objects are opened. */
#define PRIVATE_STORAGE	1u
#define ACCESS_READ	1u
#define ACCESS_WRITE	2u
#define ITEM_NOT_FOUND	0xffff0008u

#define VALUE_IN	TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INPUT
#define VALUE_INOUT	TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INOUT
#define MEMORY_IN	TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INPUT
#define MEMORY_OUT	TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_OUTPUT

#define ROOM		64u	/* for the text of an object */
static const char object[] = "owner";

static int tee;
static uint32_t session;
static uint64_t memory_id;
static char *memory;		/* the object's name, and behind it what is in it */

static _Noreturn void die(const char *what, uint32_t code)
{
	printf("keep: %s: 0x%08x, %s\n", what, code, strerror(errno));
	exit(1);
}

/* What OP-TEE says. */
static uint32_t open_session(const char *text)
{
	struct tee_ioctl_open_session_arg arg = { .clnt_login = TEE_IOCTL_LOGIN_PUBLIC };
	struct tee_ioctl_buf_data data = { (uintptr_t)&arg, sizeof(arg) };
	unsigned int octet;
	size_t n = 0;

	for (; *text && n < sizeof(arg.uuid); text++) {
		if (*text == '-')
			continue;
		if (sscanf(text++, "%2x", &octet) != 1)
			die("not a UUID", 0);
		arg.uuid[n++] = (uint8_t)octet;
	}
	if (ioctl(tee, TEE_IOC_OPEN_SESSION, &data))
		die("a session", 0);
	session = arg.session;
	return arg.ret;
}

static uint32_t invoke(uint32_t func, const struct tee_ioctl_param params[4], uint64_t *b)
{
	struct {
		struct tee_ioctl_invoke_arg head;
		struct tee_ioctl_param param[4];
	} arg = { .head = { .func = func, .session = session, .num_params = 4 } };
	struct tee_ioctl_buf_data data = { (uintptr_t)&arg, sizeof(arg) };

	memcpy(arg.param, params, sizeof(arg.param));
	if (ioctl(tee, TEE_IOC_INVOKE, &data))
		die("a command", func);
	*b = arg.param[1].b;
	return arg.head.ret;
}

static void share_memory(void)
{
	struct tee_ioctl_shm_alloc_data data = { .size = 4096 };
	int fd = ioctl(tee, TEE_IOC_SHM_ALLOC, &data);

	if (fd < 0)
		die("memory", 0);
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		die("a mapping", 0);
	memory_id = (uint64_t)data.id;
	memcpy(memory, object, sizeof(object));
}

static void write_object(const char *text)
{
	const struct tee_ioctl_param params[4] = {
		{ MEMORY_IN, 0, sizeof(object), memory_id },
		{ VALUE_INOUT, ACCESS_READ | ACCESS_WRITE, 0, 0 },
		{ VALUE_IN, 0, PRIVATE_STORAGE, 0 },
		{ MEMORY_IN, ROOM, ROOM, memory_id },
	};
	uint64_t handle;
	uint32_t ret;

	snprintf(memory + ROOM, ROOM, "%s", text);
	ret = invoke(CREATE, params, &handle);
	if (ret)
		die("the object cannot be made", ret);
}

static void read_object(const char *text)
{
	const struct tee_ioctl_param opened[4] = {
		{ MEMORY_IN, 0, sizeof(object), memory_id },
		{ VALUE_INOUT, ACCESS_READ, 0, 0 },
		{ VALUE_IN, PRIVATE_STORAGE, 0, 0 },
	};
	uint64_t handle, n;
	uint32_t ret = invoke(OPEN, opened, &handle);

	if (ret)
		die("the object is not there", ret);
	ret = invoke(READ, (const struct tee_ioctl_param[4]) {
		{ MEMORY_OUT, ROOM, ROOM, memory_id },
		{ VALUE_INOUT, handle, ROOM, 0 },
	}, &n);
	memory[2 * ROOM - 1] = '\0';
	if (ret || n != ROOM)
		die("the object cannot be read", ret);
	printf("keep: the owner is %s\n", memory + ROOM);
	if (strcmp(memory + ROOM, text) != 0)
		die("another's object", 0);
}

int main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "";
	uint32_t ret;

	tee = open("/dev/tee0", O_RDWR);
	if (tee < 0)
		die("/dev/tee0", 0);
	if (strcmp(what, "refused") == 0) {
		ret = open_session(argv[2]);
		if (ret != ITEM_NOT_FOUND)
			die("it was not refused", ret);
		printf("keep: there is no %s\n", argv[2]);
		return 0;
	}
	ret = open_session(STORAGE);
	if (ret)
		die("the storage TA", ret);
	share_memory();
	if (strcmp(what, "write") == 0)
		write_object(argv[2]);
	else if (strcmp(what, "read") == 0)
		read_object(argv[2]);
	else
		die("keep write TEXT, keep read TEXT or keep refused UUID", 0);
	return 0;
}
