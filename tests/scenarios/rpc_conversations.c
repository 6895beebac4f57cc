/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenario 44: whole conversations, files and TAs as tee-supplicant serves them. */
#include "rpc.h"

#include <string.h>

/* --- Whole conversations ---------------------------------------------------------------------- */

/* A supplicant with a single file: the numbers are tee-supplicant's. */
struct file {
	uint8_t data[CG_PAGE];
	size_t size;
	uint32_t requests;
};

static uint8_t *memory_of(struct cg_call *c, const struct optee_msg_param *p)
{
	struct cg_payload *payload = cg_payload_find(c->g, p->u.rmem.shm_ref);

	assert_non_null(payload);
	assert_int_equal(p->u.rmem.offs, 0);
	return cg_buf_at(c->g, &payload->buf, 0);
}

static void serve_file(struct cg_call *c, struct file *file)
{
	struct optee_msg_param *p = cg_rpc_param(c, 1);

	file->requests++;
	cg_rpc_hdr(c)->ret = TEEC_SUCCESS;
	switch (cg_rpc_param(c, 0)->u.value.a) {
	case 0:	/* OPEN */
	case 1:	/* CREATE */
		cg_rpc_param(c, 2)->u.value.a = 33;
		break;
	case 3:	/* READ */
		memcpy(memory_of(c, p), file->data, file->size);
		p->u.rmem.size = file->size;
		break;
	case 4:	/* WRITE */
		file->size = (size_t)p->u.rmem.size;
		memcpy(file->data, memory_of(c, p), file->size);
		break;
	default:
		break;
	}
}

static void files_are_written_and_read(struct fx_guest *g, uint32_t fid)
{
	static struct file file;
	struct cg_call c;

	memset(&file, 0, sizeof(file));
	fx_invoke(&c, g, fx_session(g), MODEL_TA_FS);
	c.fid = fid;
	cg_set_value(&c, 0, VALUE_IN, 3000, 0, 0);
	cg_start(&c);
	while (c.state == CG_WAITING) {
		cg_serve(&c);
		if (c.a[0] == OPTEE_SMC_RETURN_RPC_CMD && cg_rpc_hdr(&c)->cmd == OPTEE_RPC_CMD_FS)
			serve_file(&c, &file);
		cg_resume(&c);
	}
	assert_int_equal(file.requests, 7);
	fx_ended(&c, TEEC_SUCCESS);
	fx_assert_idle(g);
}

FX_TEST(s44_files_are_written_and_read)
{
	files_are_written_and_read(&f->guest[0], OPTEE_SMC_CALL_WITH_ARG);
	files_are_written_and_read(&f->guest[0], OPTEE_SMC_CALL_WITH_RPC_ARG);
}

#define IMAGE_SIZE	1200000u

/* LOAD_TA twice, as tee-supplicant does: the size, then the image. */
static void serve_image(struct cg_call *c, uint32_t *sum)
{
	struct optee_msg_param *p = cg_rpc_param(c, 1);
	struct cg_payload *payload = cg_payload_find(c->g, p->u.rmem.shm_ref);

	cg_rpc_hdr(c)->ret = TEEC_SUCCESS;
	if (payload) {
		*sum = 0;
		for (uint64_t i = 0; i < IMAGE_SIZE; i++) {
			uint8_t byte = i < 8 ? (uint8_t)(i + 1) : i < 16 ? 0 :
				       MODEL_TA_PATTERN(MODEL_TA_IMAGE_SEED, i);

			*cg_buf_at(c->g, &payload->buf, i) = byte;
			*sum += byte;
		}
	}
	p->u.rmem.size = IMAGE_SIZE;
}

FX_TEST(s44_ta_of_1200000_bytes_is_loaded)
{
	uint32_t sum = 1;
	struct cg_call c;

	fx_invoke(&c, g, fx_session(g), MODEL_TA_LOAD);
	cg_set_value(&c, 0, VALUE_OUT, 0, 0, 0);
	cg_set_value(&c, 1, VALUE_IN, 0x04030201, 0x08070605, 0);
	cg_start(&c);
	while (c.state == CG_WAITING) {
		cg_serve(&c);
		if (c.a[0] == OPTEE_SMC_RETURN_RPC_CMD &&
		    cg_rpc_hdr(&c)->cmd == OPTEE_RPC_CMD_LOAD_TA)
			serve_image(&c, &sum);
		cg_resume(&c);
	}
	assert_int_equal(cg_param(&c, 0)->u.value.a, IMAGE_SIZE);
	assert_int_equal(cg_param(&c, 0)->u.value.b, sum);
	fx_ended(&c, TEEC_SUCCESS);
}

/* Every command that a guest serves is passed on, with its values both ways. */
FX_TEST(s44_every_known_command_is_passed_on)
{
	static const uint32_t cmds[] = {
		OPTEE_RPC_CMD_LOAD_TA, OPTEE_RPC_CMD_RPMB, OPTEE_RPC_CMD_FS,
		OPTEE_RPC_CMD_GET_TIME, OPTEE_RPC_CMD_NOTIFICATION, OPTEE_RPC_CMD_SUSPEND,
		OPTEE_RPC_CMD_GPROF, OPTEE_RPC_CMD_SOCKET, OPTEE_RPC_CMD_FTRACE,
		OPTEE_RPC_CMD_SUPP_PLUGIN, OPTEE_RPC_CMD_I2C_TRANSFER,
		OPTEE_RPC_CMD_RPMB_PROBE_RESET, OPTEE_RPC_CMD_RPMB_PROBE_NEXT,
		OPTEE_RPC_CMD_RPMB_FRAMES,
	};
	uint32_t session = fx_session(g);
	struct cg_call c;

	for (uint32_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		struct model_rpc rpc = rpc_with(cmds[i], param(VALUE_INOUT, i, 2 * i, 3 * i));

		model_injected_reset(f->model);
		model_inject_rpc(f->model, &rpc);
		fx_nop(&c, g, session);
		assert_true(cg_until_cmd(&c, cmds[i]));
		assert_memory_equal(cg_rpc_param(&c, 0), &rpc.param[0], sizeof(rpc.param[0]));
		cg_rpc_hdr(&c)->ret = 0x1000 + i;
		cg_rpc_param(&c, 0)->u.value.a = 0x2000 + i;
		cg_resume(&c);
		assert_int_equal(fx_answered(f, 0).hdr.ret, 0x1000 + i);
		assert_int_equal(fx_answered(f, 0).param[0].u.value.a, 0x2000 + i);
		fx_finish(&c, TEEC_SUCCESS);
	}
}
