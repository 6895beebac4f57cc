/* SPDX-License-Identifier: BSD-2-Clause */
/* A TEE device in software. See fake_tee.h. */
#define _GNU_SOURCE
#include "fake_tee.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tee.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <model/model_ta.h>
#include <optee_mediator/abi_msg.h>

#define PAGE		4096u

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

const uint8_t fake_ta_uuid[16] = {
	0xfa, 0x6e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
};

static const uint8_t invoke_tests_uuid[16] = PTA_INVOKE_TESTS_UUID;
static const uint8_t stats_uuid[16] = PTA_STATS_UUID;

/* lock is held in all that follows, but where the TA blocks. */

static int injected(struct fake_tee *tee, unsigned long request)
{
	struct fake_fault *fault = &tee->fault;

	if (!fault->nth || (fault->request && fault->request != request))
		return 0;
	if (fault->nth > 1) {
		fault->nth--;
		return 0;
	}
	if (!fault->for_good)
		fault->nth = 0;
	return fault->error;
}

static void put_context(struct fake_tee *tee, uint32_t context)
{
	if (--tee->context[context].refs)
		return;
	for (uint32_t i = 0; i < FAKE_SESSIONS; i++)
		if (tee->session[i].id && tee->session[i].context == context)
			tee->session[i].id = 0;
	tee->context[context].used = false;
}

static int fake_open(void *ctx, const char *path)
{
	struct fake_tee *tee = ctx;
	int result;

	pthread_mutex_lock(&tee->lock);
	tee->opens++;
	result = injected(tee, FAKE_OPEN);
	if (!result && strcmp(path, "/dev/tee0"))
		result = -ENOENT;
	for (int i = 0; !result; i++) {
		if (i == FAKE_CONTEXTS) {
			result = -ENOMEM;
		} else if (!tee->context[i].used) {
			/* As it comes from a broker that forgot the flag. */
			result = open("/dev/null", O_RDWR);
			if (result >= 0)
				tee->context[i] = (struct fake_context){ true, true, result, 1 };
			break;
		}
	}
	pthread_mutex_unlock(&tee->lock);
	return result;
}

/* The context whose descriptor this is; FAKE_CONTEXTS: none. */
static uint32_t find_context(const struct fake_tee *tee, int fd)
{
	uint32_t i;

	for (i = 0; i < FAKE_CONTEXTS; i++)
		if (tee->context[i].open && tee->context[i].fd == fd)
			break;
	return i;
}

/* The registration whose descriptor this is; FAKE_SHMS: none. */
static uint32_t find_shm(const struct fake_tee *tee, int fd)
{
	uint32_t i;

	for (i = 0; i < FAKE_SHMS; i++)
		if (tee->shm[i].id && tee->shm[i].fd == fd)
			break;
	return i;
}

static int fake_close(void *ctx, int fd)
{
	struct fake_tee *tee = ctx;
	uint32_t context, shm;
	int result;

	pthread_mutex_lock(&tee->lock);
	/* A failing close() closes all the same. */
	result = injected(tee, FAKE_CLOSE);
	context = find_context(tee, fd);
	shm = find_shm(tee, fd);
	if (context < FAKE_CONTEXTS) {
		tee->context[context].open = false;
		put_context(tee, context);
	} else if (shm < FAKE_SHMS) {
		tee->shm[shm].id = 0;
		put_context(tee, tee->shm[shm].context);
	} else {
		result = -EBADF;
	}
	if (result != -EBADF)
		close(fd);
	pthread_mutex_unlock(&tee->lock);
	return result;
}

static int version(struct fake_tee *tee, struct tee_ioctl_version_data *data)
{
	data->impl_id = tee->impl_id;
	data->impl_caps = TEE_OPTEE_CAP_TZ;
	data->gen_caps = tee->gen_caps;
	return 0;
}

static int shm_register(struct fake_tee *tee, uint32_t context,
			struct tee_ioctl_shm_register_data *data)
{
	uint64_t start = data->addr & ~(uint64_t)(PAGE - 1);
	int fd;
	int i;

	if (data->flags || !data->length)
		return -EINVAL;
	/* Linux pins the pages for writing. */
	if (madvise((void *)(uintptr_t)start,
		    (data->addr + data->length - start + PAGE - 1) & ~(uint64_t)(PAGE - 1),
		    MADV_POPULATE_WRITE))
		return -EFAULT;
	for (i = 0; i < FAKE_SHMS; i++)
		if (!tee->shm[i].id)
			break;
	if (i == FAKE_SHMS)
		return -EMFILE;
	/* Not by open(), which a process in a sandbox may not call. */
	fd = fcntl(tee->context[context].fd, tee->sandboxed ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	if (fd < 0)
		return -errno;
	tee->shm[i] = (struct fake_shm){
		.id = (int32_t)++tee->next_id, .fd = fd, .context = context,
		.va = (void *)(uintptr_t)data->addr, .size = data->length,
	};
	tee->context[context].refs++;
	data->id = tee->shm[i].id;
	return fd;
}

static struct fake_session *find_session(struct fake_tee *tee, uint32_t context, uint32_t id)
{
	for (uint32_t i = 0; id && i < FAKE_SESSIONS; i++)
		if (tee->session[i].id == id && tee->session[i].context == context)
			return &tee->session[i];
	return NULL;
}

/* A memory reference as the TA sees it. */
struct ta_memory {
	uint8_t *va;		/* NULL for a NULL reference */
	uint64_t size;
	const struct fake_shm *shm;
};

static int look_up(struct fake_tee *tee, uint32_t context, struct tee_ioctl_param *param,
		   struct ta_memory *memory)
{
	int i;

	/* OP-TEE takes the size of a NULL reference for 0. */
	*memory = (struct ta_memory){ .size = 0 };
	if (param->c == TEE_MEMREF_NULL) {
		param->b = 0;
		return tee->gen_caps & TEE_GEN_CAP_MEMREF_NULL ? 0 : -EINVAL;
	}
	for (i = 0; i < FAKE_SHMS; i++)
		if (tee->shm[i].id && (uint64_t)tee->shm[i].id == param->c)
			break;
	if (i == FAKE_SHMS || tee->shm[i].context != context)
		return -EINVAL;
	if (param->a > tee->shm[i].size || param->b > tee->shm[i].size - param->a)
		return -EINVAL;
	memory->va = tee->shm[i].va + param->a;
	memory->size = param->b;
	memory->shm = &tee->shm[i];
	return 0;
}

static bool is_memory(const struct tee_ioctl_param *param)
{
	return param->attr >= TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INPUT;
}

static int look_up_all(struct fake_tee *tee, uint32_t context, uint32_t n,
		       struct tee_ioctl_param *param, struct ta_memory *memory)
{
	int result = 0;

	for (uint32_t i = 0; i < n && !result; i++) {
		if (param[i].attr > TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT || param[i].attr == 4)
			return -EINVAL;
		if (is_memory(&param[i]))
			result = look_up(tee, context, &param[i], &memory[i]);
	}
	return result;
}

static void ta_values(uint32_t n, struct tee_ioctl_param *param)
{
	for (uint32_t i = 0; i < n; i++) {
		if (is_memory(&param[i]) || !param[i].attr)
			continue;
		param[i].a++;
		param[i].b ^= param[i].a;
		param[i].c = 0xcccccccc;
	}
}

static uint64_t sum(const struct ta_memory *memory)
{
	uint64_t total = 0;

	for (uint64_t i = 0; memory->va && i < memory->size; i++)
		total += memory->va[i];
	return total;
}

static void ta_memory(uint32_t n, struct tee_ioctl_param *param, struct ta_memory *memory)
{
	for (uint64_t i = 0; i < n; i++) {
		if (!is_memory(&param[i]) || !memory[i].va)
			continue;
		if (param[i].attr == TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INPUT)
			param[3].a += sum(&memory[i]);
		if (param[i].attr == TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_OUTPUT)
			memset(memory[i].va, 0x5a, memory[i].size);
		for (uint64_t j = 0; param[i].attr == TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT &&
			    j < memory[i].size; j++)
			memory[i].va[j]++;
	}
}

static uint32_t ta_sizes(uint32_t func, uint32_t n, struct tee_ioctl_param *param,
			 struct ta_memory *memory)
{
	for (uint32_t i = 0; i < n; i++) {
		if (param[i].attr < TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_OUTPUT)
			continue;
		if (func == FAKE_SHORT) {
			param[i].b = 2 * memory[i].size;
		} else {
			memset(memory[i].va, 0xee, memory[i].size);
			param[i].b = 3;
		}
	}
	return func == FAKE_SHORT ? TEEC_ERROR_SHORT_BUFFER : TEEC_SUCCESS;
}

static uint64_t peek(const struct ta_memory *memory)
{
	uintptr_t end = (uintptr_t)memory->va + memory->size;
	uintptr_t last = (end + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	uint64_t found = 0;

	for (; end < last; end++)
		found += *(const uint8_t *)end != 0;
	return found;
}

/* Waits in the TA. The session may be used by others meanwhile, not be closed. */
static uint32_t ta_block(struct fake_tee *tee, struct fake_session *session, uint32_t func,
			 uint32_t cancel_id)
{
	bool cancelled = false;

	session->cancelled = 0;
	tee->blocked++;
	pthread_cond_broadcast(&tee->changed);
	while (!tee->released && !cancelled) {
		pthread_cond_wait(&tee->changed, &tee->lock);
		cancelled = func == FAKE_BLOCK && session->cancelled == cancel_id + 1;
	}
	tee->blocked--;
	pthread_cond_broadcast(&tee->changed);
	return cancelled ? TEEC_ERROR_CANCEL : TEEC_SUCCESS;
}

static uint32_t ta_invoke(struct fake_tee *tee, struct fake_session *session,
			  const struct tee_ioctl_invoke_arg *arg, struct tee_ioctl_param *param,
			  struct ta_memory *memory)
{
	switch (arg->func) {
	case FAKE_NOTHING:
	case FAKE_UNTOUCHED:
		return TEEC_SUCCESS;
	case FAKE_VALUES:
		ta_values(arg->num_params, param);
		return TEEC_SUCCESS;
	case FAKE_MEMORY:
		ta_memory(arg->num_params, param, memory);
		return TEEC_SUCCESS;
	case FAKE_SHORT:
	case FAKE_LESS:
		return ta_sizes(arg->func, arg->num_params, param, memory);
	case FAKE_BLOCK:
	case FAKE_STUBBORN:
		return ta_block(tee, session, arg->func, arg->cancel_id);
	case FAKE_PEEK:
		param[3].a = peek(&memory[0]);
		return TEEC_SUCCESS;
	case FAKE_DIE:
		return TEEC_ERROR_TARGET_DEAD;
	default:
		return TEEC_ERROR_NOT_SUPPORTED;
	}
}

/* OP-TEE OS, core/pta/tests/invoke.c: one of four parameters, or three in and one out. */
static uint32_t param_test(uint32_t n, struct tee_ioctl_param *param, struct ta_memory *memory)
{
	uint32_t special = 4, in = 0, none = 4 - n;
	uint32_t a = 0, b = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!param[i].attr) {
			none++;
		} else if (param[i].attr == TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INPUT) {
			in++;
			a += (uint32_t)param[i].a;
			b += (uint32_t)param[i].b;
		} else {
			special = i;
		}
	}
	if (special == 4)
		return TEEC_ERROR_BAD_PARAMETERS;
	if (none == 3 && param[special].attr == TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INOUT) {
		param[special].a = (uint32_t)(param[special].a + param[special].b);
		param[special].b = (uint32_t)param[special].b;
	} else if (none == 3 && param[special].attr == TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT &&
		   memory[special].va) {
		memory[special].va[0] = (uint8_t)sum(&memory[special]);
	} else if (in == 3 && param[special].attr == TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_OUTPUT) {
		param[special].a = a;
		param[special].b = b;
	} else {
		return TEEC_ERROR_BAD_PARAMETERS;
	}
	return TEEC_SUCCESS;
}

static uint32_t invoke_tests(const struct tee_ioctl_invoke_arg *arg,
			     struct tee_ioctl_param *param, struct ta_memory *memory)
{
	switch (arg->func) {
	case PTA_INVOKE_TESTS_TRACE:
	case PTA_INVOKE_TESTS_SELF:
		return TEEC_SUCCESS;
	case PTA_INVOKE_TESTS_PARAMS:
		return param_test(arg->num_params, param, memory);
	case PTA_INVOKE_TESTS_MEMREF_NULL:
		if (arg->num_params &&
		    param[0].attr == TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT && !memory[0].size)
			return TEEC_SUCCESS;
		return TEEC_ERROR_BAD_PARAMETERS;
	default:
		return TEEC_ERROR_BAD_PARAMETERS;
	}
}

/*
 * The time. OP-TEE asks the normal world for it, so the call leaves it once: here
 * it takes until some call of the guest's was resumed.
 */
static uint32_t stats(struct fake_tee *tee, const struct tee_ioctl_invoke_arg *arg,
		      struct tee_ioctl_param *param)
{
	uint64_t began = tee->resumes;

	if (arg->func != PTA_STATS_GET_TIME || arg->num_params < 2 ||
	    param[0].attr != TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_OUTPUT ||
	    param[1].attr != TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_OUTPUT)
		return TEEC_ERROR_BAD_PARAMETERS;
	while (tee->resumes == began)
		pthread_cond_wait(&tee->changed, &tee->lock);
	param[0].a = began;
	param[0].b = 0;
	param[1].a = 1;
	param[1].b = 0;
	return TEEC_SUCCESS;
}

static enum fake_ta find_ta(const uint8_t uuid[16])
{
	if (!memcmp(uuid, invoke_tests_uuid, sizeof(invoke_tests_uuid)))
		return FAKE_INVOKE_TESTS;
	if (!memcmp(uuid, stats_uuid, sizeof(stats_uuid)))
		return FAKE_STATS;
	return memcmp(uuid, fake_ta_uuid, sizeof(fake_ta_uuid)) ? FAKE_NO_TA : FAKE_TA;
}

static int invoke(struct fake_tee *tee, uint32_t context, const struct tee_ioctl_buf_data *buf)
{
	struct tee_ioctl_invoke_arg *arg = (void *)(uintptr_t)buf->buf_ptr;
	struct fake_session *session;
	struct ta_memory memory[4];
	int result;

	if (arg->num_params > 4 ||
	    buf->buf_len != sizeof(*arg) + arg->num_params * sizeof(arg->params[0]))
		return -EINVAL;
	result = look_up_all(tee, context, arg->num_params, arg->params, memory);
	if (result)
		return result;
	session = find_session(tee, context, arg->session);
	if (!session)
		return -EINVAL;
	if (session->ta == FAKE_INVOKE_TESTS)
		arg->ret = invoke_tests(arg, arg->params, memory);
	else if (session->ta == FAKE_STATS)
		arg->ret = stats(tee, arg, arg->params);
	else
		arg->ret = ta_invoke(tee, session, arg, arg->params, memory);
	arg->ret_origin = TEEC_ORIGIN_TRUSTED_APP;
	return 0;
}

static int open_session(struct fake_tee *tee, uint32_t context,
			const struct tee_ioctl_buf_data *buf)
{
	struct tee_ioctl_open_session_arg *arg = (void *)(uintptr_t)buf->buf_ptr;
	enum fake_ta ta = find_ta(arg->uuid);
	struct ta_memory memory[4];
	uint32_t i;
	int result;

	if (arg->num_params > 4 ||
	    buf->buf_len != sizeof(*arg) + arg->num_params * sizeof(arg->params[0]))
		return -EINVAL;
	if (arg->clnt_login >= TEE_IOCTL_LOGIN_REE_KERNEL_MIN &&
	    arg->clnt_login <= TEE_IOCTL_LOGIN_REE_KERNEL_MAX)
		return -EPERM;
	result = look_up_all(tee, context, arg->num_params, arg->params, memory);
	if (result)
		return result;
	arg->ret_origin = TEEC_ORIGIN_TEE;
	arg->ret = TEEC_ERROR_ITEM_NOT_FOUND;
	if (ta == FAKE_NO_TA)
		return 0;
	for (i = 0; i < FAKE_SESSIONS && tee->session[i].id; i++)
		;
	arg->ret = TEEC_ERROR_OUT_OF_MEMORY;
	if (i == FAKE_SESSIONS)
		return 0;
	tee->session[i] = (struct fake_session){
		.id = ++tee->next_id, .context = context, .login = arg->clnt_login,
		.ta = ta,
	};
	memcpy(tee->session[i].client, arg->clnt_uuid, sizeof(tee->session[i].client));
	ta_values(arg->num_params, arg->params);
	arg->session = tee->session[i].id;
	arg->ret = TEEC_SUCCESS;
	arg->ret_origin = TEEC_ORIGIN_TRUSTED_APP;
	return 0;
}

static int close_session(struct fake_tee *tee, uint32_t context,
			 const struct tee_ioctl_close_session_arg *arg)
{
	struct fake_session *session = find_session(tee, context, arg->session);

	if (!session)
		return -EINVAL;
	session->id = 0;
	return 0;
}

static int cancel(struct fake_tee *tee, uint32_t context, const struct tee_ioctl_cancel_arg *arg)
{
	struct fake_session *session = find_session(tee, context, arg->session);

	if (!session)
		return -EINVAL;
	tee->last_cancel_id = arg->cancel_id;
	if (tee->lost_cancels) {
		tee->lost_cancels--;
		while (tee->holds_cancels)
			pthread_cond_wait(&tee->changed, &tee->lock);
		return 0;
	}
	session->cancelled = arg->cancel_id + 1;
	pthread_cond_broadcast(&tee->changed);
	return 0;
}

static int dispatch(struct fake_tee *tee, uint32_t context, unsigned long request, void *arg)
{
	switch (request) {
	case TEE_IOC_VERSION:
		return version(tee, arg);
	case TEE_IOC_SHM_REGISTER:
		return shm_register(tee, context, arg);
	case TEE_IOC_OPEN_SESSION:
		return open_session(tee, context, arg);
	case TEE_IOC_INVOKE:
		return invoke(tee, context, arg);
	case TEE_IOC_CLOSE_SESSION:
		return close_session(tee, context, arg);
	case TEE_IOC_CANCEL:
		return cancel(tee, context, arg);
	default:
		return -EINVAL;
	}
}

/* What a TEE device's own code does not see: the kernel keeps this flag itself. */
static int close_on_exec(struct fake_tee *tee, int fd)
{
	int result = injected(tee, FIOCLEX);

	if (find_context(tee, fd) == FAKE_CONTEXTS && find_shm(tee, fd) == FAKE_SHMS)
		return -EBADF;
	if (!result && ioctl(fd, FIOCLEX))
		result = -errno;
	return result;
}

static int serve(struct fake_tee *tee, uint32_t context, unsigned long request, void *arg)
{
	int error = injected(tee, request);
	int result;

	/* See the head of fake_tee.h. */
	if (error && (request != TEE_IOC_CLOSE_SESSION || error == -EINVAL))
		return error;
	result = dispatch(tee, context, request, arg);
	return error && !result ? error : result;
}

static int fake_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
	struct fake_tee *tee = ctx;
	uint32_t context;
	int result = -EBADF;

	pthread_mutex_lock(&tee->lock);
	context = find_context(tee, fd);
	if (request == FIOCLEX) {
		result = close_on_exec(tee, fd);
	} else if (context < FAKE_CONTEXTS) {
		/* A call keeps its context. */
		tee->context[context].refs++;
		tee->count[_IOC_NR(request)]++;
		if (++tee->in_flight > tee->most_in_flight)
			tee->most_in_flight = tee->in_flight;
		result = serve(tee, context, request, arg);
		tee->in_flight--;
		put_context(tee, context);
	}
	pthread_mutex_unlock(&tee->lock);
	return result;
}

void fake_init(struct fake_tee *tee)
{
	memset(tee, 0, sizeof(*tee));
	pthread_mutex_init(&tee->lock, NULL);
	pthread_cond_init(&tee->changed, NULL);
	tee->os = (struct om_kvm_os){ tee, fake_open, fake_ioctl, fake_close };
	tee->descriptors = fake_descriptors();
	tee->impl_id = TEE_IMPL_ID_OPTEE;
	tee->gen_caps = TEE_GEN_CAP_GP | TEE_GEN_CAP_REG_MEM | TEE_GEN_CAP_MEMREF_NULL;
}

void fake_exit(struct fake_tee *tee)
{
	pthread_cond_destroy(&tee->changed);
	pthread_mutex_destroy(&tee->lock);
}

void fake_release(struct fake_tee *tee, bool released)
{
	pthread_mutex_lock(&tee->lock);
	tee->released = released;
	pthread_cond_broadcast(&tee->changed);
	pthread_mutex_unlock(&tee->lock);
}

void fake_resumed(struct fake_tee *tee)
{
	pthread_mutex_lock(&tee->lock);
	tee->resumes++;
	pthread_cond_broadcast(&tee->changed);
	pthread_mutex_unlock(&tee->lock);
}

void fake_wait_blocked(struct fake_tee *tee, uint32_t n)
{
	pthread_mutex_lock(&tee->lock);
	while (tee->blocked != n)
		pthread_cond_wait(&tee->changed, &tee->lock);
	pthread_mutex_unlock(&tee->lock);
}

uint32_t fake_sessions(struct fake_tee *tee)
{
	uint32_t n = 0;

	pthread_mutex_lock(&tee->lock);
	for (uint32_t i = 0; i < FAKE_SESSIONS; i++)
		n += tee->session[i].id != 0;
	pthread_mutex_unlock(&tee->lock);
	return n;
}

void fake_forget(struct fake_tee *tee, uint32_t session)
{
	pthread_mutex_lock(&tee->lock);
	for (uint32_t i = 0; i < FAKE_SESSIONS; i++)
		if (tee->session[i].id == session)
			tee->session[i].id = 0;
	pthread_mutex_unlock(&tee->lock);
}

uint32_t fake_shms(struct fake_tee *tee)
{
	uint32_t n = 0;

	pthread_mutex_lock(&tee->lock);
	for (uint32_t i = 0; i < FAKE_SHMS; i++)
		n += tee->shm[i].id != 0;
	pthread_mutex_unlock(&tee->lock);
	return n;
}

/* Descriptors whose flags have none of these bits. */
static uint32_t count_descriptors(int without)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	uint32_t n = 0;

	if (!dir)
		abort();
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		n += entry->d_name[0] != '.' && fd != dirfd(dir) && !(fcntl(fd, F_GETFD) & without);
	}
	closedir(dir);
	return n;
}

uint32_t fake_descriptors(void)
{
	return count_descriptors(0);
}

uint32_t fake_inherited(void)
{
	return count_descriptors(FD_CLOEXEC);
}

uint32_t fake_left(struct fake_tee *tee)
{
	uint32_t n = fake_sessions(tee) + fake_shms(tee) + fake_descriptors() - tee->descriptors;

	pthread_mutex_lock(&tee->lock);
	for (uint32_t i = 0; i < FAKE_CONTEXTS; i++)
		n += tee->context[i].used;
	pthread_mutex_unlock(&tee->lock);
	return n;
}
