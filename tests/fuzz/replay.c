/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target on files: the regression test of a corpus, with any compiler.
 *
 *   <target> file or folder...
 *
 * Says each name before it is run, so that the last one is the one that failed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

static unsigned long runs;

static bool run_file(const char *name)
{
	FILE *file = fopen(name, "rb");
	uint8_t *data = NULL;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0) {
		perror(name);
		return false;
	}
	rewind(file);
	/* Of exactly its size, so that a sanitizer sees any byte too many. */
	data = malloc(size ? (size_t)size : 1);
	if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) {
		perror(name);
		return false;
	}
	fclose(file);
	fprintf(stderr, "%s\n", name);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	runs++;
	return true;
}

static bool run(const char *name)
{
	struct dirent **entry;
	int n = scandir(name, &entry, NULL, alphasort);
	bool good = true;

	if (n < 0)
		return run_file(name);
	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", name, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			good &= run_file(path);
		free(entry[i]);
	}
	free(entry);
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;

	for (int i = 1; i < argc; i++)
		good &= run(argv[i]);
	LLVMFuzzerTestOneInput(NULL, 0);
	printf("%lu inputs\n", runs);
	return good && runs ? 0 : 1;
}
