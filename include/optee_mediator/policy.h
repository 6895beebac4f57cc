/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy from a file: which TAs a guest may use, and under which UUID OP-TEE knows them.
 *
 * A separate library (optee_mediator_policy) on top of libyaml and libuuid; the core uses
 * only the table that is loaded (policy_table.h). docs/policy.md describes the file. Functions
 * may be called on any thread.
 */
#ifndef OPTEE_MEDIATOR_POLICY_H
#define OPTEE_MEDIATOR_POLICY_H

#include <stdint.h>

#include <optee_mediator/policy_table.h>

enum om_policy_result {
	OM_POLICY_OK = 0,
	OM_POLICY_ERR_ARGUMENT,	/* a NULL pointer, or a guest's name that cannot be one */
	OM_POLICY_ERR_FILE,	/* the file cannot be read */
	OM_POLICY_ERR_SYNTAX,	/* the file is not YAML */
	OM_POLICY_ERR_CONTENT,	/* it is, but no policy */
	OM_POLICY_ERR_NO_MEMORY,
};

/* An error as a sentence: what is wrong, and the remedy. */
struct om_policy_error {
	unsigned int line;	/* of the file, from 1; 0: the error is about no line */
	char text[320];		/* "FILE:LINE: a sentence", truncated if it is too long */
};

/* A loaded file; constant until om_policy_unload(). */
struct om_policy_file {
	struct om_policy policy;
	uint32_t workers;	/* calls of the guest in OP-TEE at once; 0: not in the file */
	uint32_t sessions;	/* sessions of the guest, of all TAs; 0: not in the file */
};

/* The most characters of a guest's name. */
#define OM_POLICY_NAME_MAX 64u

/*
 * Loads the policy of a guest from a file, all of it or nothing.
 *
 * guest: its name, 1..OM_POLICY_NAME_MAX letters, digits, '.', '_' and '-'; needed for a
 * file that gives the guest TAs of its own (alias: own). NULL: it has no name.
 * out: set on OM_POLICY_OK only; the caller passes it to om_policy_unload().
 * error: set on every other result; may be NULL.
 * Returns OM_POLICY_OK, _ERR_ARGUMENT, _ERR_FILE, _ERR_SYNTAX, _ERR_CONTENT, _ERR_NO_MEMORY.
 */
OM_API enum om_policy_result om_policy_load(const char *path, const char *guest,
					    struct om_policy_file **out,
					    struct om_policy_error *error);

/* Frees a loaded file; nothing may use its table any more. file: may be NULL. */
OM_API void om_policy_unload(struct om_policy_file *file);

/*
 * Computes the UUID of a guest's own instance of a TA: version 5 of RFC 9562, of the guest's
 * name in the name space of the TA's UUID. So does
 * uuidgen --sha1 --namespace TA --name GUEST. tools/ta-alias makes the TA.
 *
 * guest: as for om_policy_load(). own: set unless it is refused.
 * Returns OM_POLICY_OK, _ERR_ARGUMENT.
 */
OM_API enum om_policy_result om_policy_own_uuid(const char *guest, const uint8_t ta[16],
						uint8_t own[16]);

#endif
