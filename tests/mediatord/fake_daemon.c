/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optee-mediatord with a TEE device in software, for clients' tests. In its sandbox, unless
 * WITHOUT_SANDBOX: sanitizers make system calls of their own.
 */
#include "kvm/fake_tee.h"
#include "serve.h"

int main(int argc, char **argv)
{
	static struct fake_tee tee;

	fake_init(&tee);
#ifdef WITHOUT_SANDBOX
	return mediatord(argc, argv, &tee.os, false);
#else
	tee.sandboxed = true;
	return mediatord(argc, argv, &tee.os, true);
#endif
}
