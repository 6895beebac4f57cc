/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that OP-TEE keeps in the normal world, as tee-supplicant would: in memory, and no
 * more of them than the database of TA versions needs, without which no TA is loaded.
 */
#include "bench.h"

#define FILES		4u
#define FILE_SIZE	(16u * CG_PAGE)
#define NAME_SIZE	64u

/* param[0].u.value.a of an FS request; b: the file. */
enum { FS_OPEN, FS_CREATE, FS_CLOSE, FS_READ, FS_WRITE, FS_TRUNCATE, FS_REMOVE };

static struct file {
	char name[NAME_SIZE];	/* empty: there is none */
	struct cg_buf content;	/* FILE_SIZE bytes, once there was one */
	uint64_t size;
} files[FILES];

/* Byte n of what a memory parameter names; NULL: it names nothing. */
static uint8_t *shared_at(struct cg_call *c, uint32_t param, uint64_t n)
{
	struct optee_msg_param *p = cg_rpc_param(c, param);
	struct cg_payload *payload = cg_payload_find(c->g, p->u.rmem.shm_ref);
	uint64_t at = p->u.rmem.offs + n;

	return payload && at < payload->buf.size ? cg_buf_at(c->g, &payload->buf, at) : NULL;
}

static bool read_name(struct cg_call *c, char name[NAME_SIZE])
{
	for (uint32_t i = 0; i < NAME_SIZE; i++) {
		const uint8_t *at = shared_at(c, 1, i);

		name[i] = at ? (char)*at : '\0';
		if (!name[i])
			return i != 0;
	}
	return false;
}

static struct file *find(const char name[NAME_SIZE])
{
	for (uint32_t i = 0; i < FILES; i++) {
		uint32_t n = 0;

		while (files[i].name[n] && files[i].name[n] == name[n])
			n++;
		if (n && files[i].name[n] == name[n])
			return &files[i];
	}
	return NULL;
}

static struct file *create(struct cg_guest *g, const char name[NAME_SIZE])
{
	for (uint32_t i = 0; i < FILES; i++) {
		struct file *f = &files[i];

		if (f->name[0])
			continue;
		if (!f->content.pages && !cg_buf_make(g, &f->content, FILE_SIZE, 0))
			break;
		cg_copy(f->name, name, NAME_SIZE);
		f->size = 0;
		return f;
	}
	return NULL;
}

static uint32_t open_file(struct cg_call *c, uint64_t operation)
{
	char name[NAME_SIZE] = "";
	struct file *f;

	if (!read_name(c, name))
		return TEEC_ERROR_BAD_PARAMETERS;
	f = find(name);
	if (operation == FS_CREATE && !f)
		f = create(c->g, name);
	if (!f)
		return TEEC_ERROR_ITEM_NOT_FOUND;
	if (operation == FS_REMOVE)
		f->name[0] = '\0';
	else
		cg_rpc_param(c, 2)->u.value.a = (uint64_t)(f - files);
	return TEEC_SUCCESS;
}

/* Zeros up to there when the file was shorter. */
static void grow(struct cg_guest *g, struct file *f, uint64_t size)
{
	for (; f->size < size; f->size++)
		*cg_buf_at(g, &f->content, f->size) = 0;
}

static uint32_t move(struct cg_call *c, struct file *f, bool write)
{
	uint64_t at = cg_rpc_param(c, 0)->u.value.c;
	uint64_t size = cg_rpc_param(c, 1)->u.rmem.size;

	if (at > FILE_SIZE || size > FILE_SIZE - at)
		return TEEC_ERROR_BAD_PARAMETERS;
	if (write)
		grow(c->g, f, at + size);
	else if (at + size > f->size)
		size = at < f->size ? f->size - at : 0;
	for (uint64_t i = 0; i < size; i++) {
		uint8_t *theirs = shared_at(c, 1, i);
		uint8_t *ours = cg_buf_at(c->g, &f->content, at + i);

		if (!theirs)
			return TEEC_ERROR_BAD_PARAMETERS;
		*(write ? ours : theirs) = *(write ? theirs : ours);
	}
	cg_rpc_param(c, 1)->u.rmem.size = size;
	return TEEC_SUCCESS;
}

uint32_t serve_files(struct cg_call *c)
{
	const struct optee_msg_param *p = cg_rpc_param(c, 0);
	struct file *f = &files[p->u.value.b % FILES];

	switch (p->u.value.a) {
	case FS_OPEN:
	case FS_CREATE:
	case FS_REMOVE:
		return open_file(c, p->u.value.a);
	case FS_CLOSE:
		return TEEC_SUCCESS;
	case FS_READ:
	case FS_WRITE:
		return move(c, f, p->u.value.a == FS_WRITE);
	case FS_TRUNCATE:
		if (p->u.value.c > FILE_SIZE)
			return TEEC_ERROR_BAD_PARAMETERS;
		grow(c->g, f, p->u.value.c);
		f->size = p->u.value.c;
		return TEEC_SUCCESS;
	default:
		return TEEC_ERROR_NOT_SUPPORTED;
	}
}
