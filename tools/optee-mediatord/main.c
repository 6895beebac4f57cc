/* SPDX-License-Identifier: BSD-2-Clause */
/* optee-mediatord on the host's TEE device. */
#include <stddef.h>

#include "serve.h"

int main(int argc, char **argv)
{
	return mediatord(argc, argv, NULL, true);
}
