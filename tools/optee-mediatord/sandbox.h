/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this process gives up once it has the TEE device: privileges that a program could
 * give it, and every system call but those that serving a guest takes.
 */
#ifndef MEDIATORD_SANDBOX_H
#define MEDIATORD_SANDBOX_H

/* For all threads of the process, those to come too. Returns 0 or -errno. */
int sandbox_enter(void);

#endif
