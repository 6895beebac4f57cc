/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a TA from the normal world, and the file system RPCs: who asks for what
 * in which order, with which parameters.
 *
 * As in OP-TEE, secure storage is asked for an installed TA first, which tries to
 * open (then to create) its directory file, and only then tee-supplicant for the
 * image: its size, a payload buffer, the image.
 */
#include <string.h>

#include "model_priv.h"

#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define MEMREF_IN	OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define MEMREF_OUT	OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT

#define IMAGE_MIN	32u

/* --- Files ------------------------------------------------------------------------------ */

static bool has_name(uint32_t func)
{
	return func == FS_OPEN || func == FS_CREATE || func == FS_REMOVE;
}

static void begin_fs(struct mthread *t)
{
	static char dirf[] = "/dirf.db", file[] = "/0";
	struct mrun *r = &t->run;
	bool created = r->fs_func == FS_OPEN || r->fs_func == FS_CREATE;
	struct rparam *p;

	if (has_name(r->fs_func)) {
		p = rpc_begin(t, OPTEE_RPC_CMD_FS, created ? 3 : 2);
		mobj_copy(r->fs, 0, r->cmd == OPTEE_MSG_CMD_OPEN_SESSION ? dirf : file,
			  r->cmd == OPTEE_MSG_CMD_OPEN_SESSION ? sizeof(dirf) : sizeof(file), true);
		rparam_value(&p[0], VALUE_IN, r->fs_func, 0, 0);
		rparam_memref(&p[1], MEMREF_IN, r->fs, 0, FS_NAME_MAX);
		rparam_value(&p[2], VALUE_OUT, 0, 0, 0);
	} else if (r->fs_func == FS_CLOSE) {
		rparam_value(rpc_begin(t, OPTEE_RPC_CMD_FS, 1), VALUE_IN, FS_CLOSE, r->fs_fd, 0);
	} else {
		p = rpc_begin(t, OPTEE_RPC_CMD_FS, 2);
		rparam_value(&p[0], VALUE_IN, r->fs_func, r->fs_fd, 0);
		rparam_memref(&p[1], r->fs_func == FS_READ ? MEMREF_OUT : MEMREF_IN, r->fs, 0,
			      r->fs_size);
	}
}

bool fs_cache_clear(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_cache)
	if (!r->fs)
		PT_EXIT(&r->pt_cache);
	r->pl = r->fs;
	r->fs = NULL;
	r->pl_type = OPTEE_RPC_SHM_TYPE_APPL;
	PT_CALL(&r->pt_cache, payload_free(t));
	PT_END(&r->pt_cache);
}

/* Whole pages, kept by the thread until the end of the call or a larger need. */
static bool fs_cache(struct mthread *t, uint64_t size)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_cache)
	if (r->fs && r->fs->size >= size)
		PT_EXIT(&r->pt_cache);
	if (r->fs) {
		r->pl = r->fs;
		r->fs = NULL;
		r->pl_type = OPTEE_RPC_SHM_TYPE_APPL;
		PT_CALL(&r->pt_cache, payload_free(t));
	}
	r->pl_type = OPTEE_RPC_SHM_TYPE_APPL;
	r->pl_size = (size + OPTEE_MSG_PAGE_SIZE - 1) / OPTEE_MSG_PAGE_SIZE * OPTEE_MSG_PAGE_SIZE;
	PT_CALL(&r->pt_cache, payload_alloc(t));
	r->fs = r->pl;
	r->pl = NULL;
	PT_END(&r->pt_cache);
}

static void fill_file(struct mrun *r)
{
	for (uint64_t i = 0; i < r->fs_size; i++) {
		uint8_t byte = MODEL_TA_PATTERN(0xf5, i);

		mobj_copy(r->fs, i, &byte, 1, true);
	}
}

/* The file operation in fs_func; result in fs_ret, a descriptor in fs_fd. */
bool fs_rpc(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fs)
	r->fs_ret = TEEC_ERROR_OUT_OF_MEMORY;
	if (r->fs_func != FS_CLOSE) {
		PT_CALL(&r->pt_fs, fs_cache(t, has_name(r->fs_func) ? FS_NAME_MAX : r->fs_size));
		if (!r->fs)
			PT_EXIT(&r->pt_fs);
	}
	if (r->fs_func == FS_WRITE)
		fill_file(r);
	begin_fs(t);
	PT_CALL(&r->pt_fs, rpc_cmd(t));
	r->fs_ret = r->rpc_ret;
	if (!r->fs_ret && (r->fs_func == FS_OPEN || r->fs_func == FS_CREATE))
		r->fs_fd = (uint32_t)r->rpc[2].a;
	if (!r->fs_ret && r->fs_func == FS_READ && r->rpc[1].b != r->fs_size)
		r->fs_ret = TEEC_ERROR_SHORT_BUFFER;
	PT_END(&r->pt_fs);
}

/* --- Images ------------------------------------------------------------------------------- */

static struct rparam *begin_load(struct mthread *t)
{
	struct rparam *p = rpc_begin(t, OPTEE_RPC_CMD_LOAD_TA, 2);
	uint64_t half[2];

	memcpy(half, t->run.uuid, sizeof(half));
	rparam_value(&p[0], VALUE_IN, half[0], half[1], 0);
	return p;
}

/*
 * The image of run.uuid into the payload run.pl, its length in run.size; run.ret is
 * nonzero, and there is no payload, when it is not to be had.
 */
bool rpc_load(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_load)
	rparam_memref(&begin_load(t)[1], MEMREF_OUT, NULL, 0, 0);
	PT_CALL(&r->pt_load, rpc_cmd(t));
	r->ret = r->rpc_ret;
	if (r->ret)
		PT_EXIT(&r->pt_load);
	r->size = r->rpc[1].b;
	r->pl_type = OPTEE_RPC_SHM_TYPE_APPL;
	r->pl_size = r->size;
	PT_CALL(&r->pt_load, payload_alloc(t));
	r->ret = TEEC_ERROR_OUT_OF_MEMORY;
	if (!r->pl)
		PT_EXIT(&r->pt_load);
	rparam_memref(&begin_load(t)[1], MEMREF_OUT, r->pl, 0, r->size);
	PT_CALL(&r->pt_load, rpc_cmd(t));
	r->ret = r->rpc_ret;
	if (!r->ret && r->rpc[1].b > r->size)
		r->ret = TEEC_ERROR_SHORT_BUFFER;
	r->size = r->rpc[1].b;
	if (r->ret)
		PT_CALL(&r->pt_load, payload_free(t));
	PT_END(&r->pt_load);
}

/* Stands for the signature. */
struct image_check {
	const uint8_t *uuid;
	bool good;
};

static void check_piece(void *arg, uint64_t at, uint8_t *p, size_t n)
{
	struct image_check *c = arg;

	for (size_t i = 0; i < n; i++) {
		uint64_t k = at + i;
		uint8_t want = k < 16 ? c->uuid[k] : MODEL_TA_PATTERN(MODEL_TA_IMAGE_SEED, k);

		c->good = c->good && p[i] == want;
	}
}

static uint32_t check_image(struct mthread *t)
{
	struct mrun *r = &t->run;
	struct image_check c = { .uuid = r->uuid, .good = r->size >= IMAGE_MIN };

	if (c.good && !mobj_walk(r->pl, 0, r->size, false, check_piece, &c))
		c.good = false;
	return c.good ? TEEC_SUCCESS : TEEC_ERROR_SECURITY;
}

static bool is_absent(uint32_t res)
{
	return res == TEEC_ERROR_ITEM_NOT_FOUND || res == TEE_ERROR_STORAGE_NOT_AVAILABLE;
}

/* What fs_rpc() does, but a failure ends with the removal of the file; see model.h. */
static bool fs_rpc_or_remove(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_file)
	PT_CALL(&r->pt_file, fs_rpc(t));
	if (!r->fs_ret || (r->fs_func == FS_OPEN && !t->guest->model->config.optee_4_10))
		PT_EXIT(&r->pt_file);
	r->code = r->fs_ret;
	r->fs_func = FS_REMOVE;
	PT_CALL(&r->pt_file, fs_rpc(t));
	r->fs_ret = r->code;
	PT_END(&r->pt_file);
}

/*
 * Is the TA in secure storage? It never is: fs_ret becomes ITEM_NOT_FOUND, or the
 * error that ends the search. Twice, as the database is opened and then created.
 */
static bool ask_storage(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	for (r->n = 0; r->n < 2; r->n++) {
		r->fs_func = FS_OPEN;
		PT_CALL(&r->pt_fn, fs_rpc_or_remove(t));
		if (r->fs_ret == TEEC_ERROR_ITEM_NOT_FOUND) {
			r->fs_func = FS_CREATE;
			PT_CALL(&r->pt_fn, fs_rpc_or_remove(t));
		}
		if (r->fs_ret != TEEC_ERROR_ITEM_NOT_FOUND)
			break;
	}
	if (!r->fs_ret) {
		r->fs_func = FS_CLOSE;
		PT_CALL(&r->pt_fn, fs_rpc(t));
		r->fs_ret = TEEC_ERROR_ITEM_NOT_FOUND;
	}
	PT_END(&r->pt_fn);
}

/* OPEN_SESSION of a TA that is not built in: run.ret, 0 when it is loaded. */
bool load_ta(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_ta)
	PT_CALL(&r->pt_ta, ask_storage(t));
	r->ret = r->fs_ret;
	if (!is_absent(r->ret))
		PT_EXIT(&r->pt_ta);
	PT_CALL(&r->pt_ta, rpc_load(t));
	if (r->ret)
		PT_EXIT(&r->pt_ta);
	r->code = check_image(t);
	PT_CALL(&r->pt_ta, payload_free(t));
	r->ret = r->code;
	PT_END(&r->pt_ta);
}
