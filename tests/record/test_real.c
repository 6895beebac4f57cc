/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recordings of the real OP-TEE with real drivers, replayed: tests/record/make has made them.
 * What the library does now must be what it did then, in every byte.
 *
 *	recorded_real [NAME]	those whose names begin so; all without
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "replay.h"

static bool is_same(const char *path)
{
	struct replay_result result = { 0 };
	struct recording r;
	bool same;

	if (recording_load(&r, path) != READ_WHOLE) {
		printf("%s\n", r.error);
		recording_free(&r);
		return false;
	}
	same = replay(&r, false, &result) && !result.differs && result.records == r.count;
	if (!same)
		printf("%s\n", result.why);
	recording_free(&r);
	return same;
}

int main(int argc, char **argv)
{
	static const char pattern[] = OM_TEST_RECORDINGS "/%s*.zst";
	char path[1024];
	int failed = 0;
	glob_t found;

	snprintf(path, sizeof(path), pattern, argc > 1 ? argv[1] : "");
	if (glob(path, 0, NULL, &found) != 0) {
		fprintf(stderr, "recorded_real: there is no %s\n", path);
		return 2;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;
		bool same = is_same(found.gl_pathv[i]);

		printf("[ %s ] %.*s\n", same ? "      OK" : " FAILED ",
		       (int)strcspn(name, "."), name);
		failed += !same;
	}
	globfree(&found);
	return failed ? 1 : 0;
}
