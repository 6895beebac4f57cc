/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target on corpora and inputs, with any compiler: their regression test.
 *
 *   <target> corpus.hex or input...
 *
 * A corpus has an input in each line (corpus/pack); any other file is one. Says where each
 * is from before it is run, so that the last one is the one that failed.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

static unsigned long runs;

/* Of exactly its size, so that a sanitizer sees any byte too many. */
static uint8_t *room_for(size_t size)
{
	uint8_t *data = malloc(size ? size : 1);

	if (!data)
		abort();
	return data;
}

static bool run_input(FILE *file)
{
	struct stat status;
	uint8_t *data;
	size_t size;
	bool good;

	if (fstat(fileno(file), &status))
		return false;
	size = (size_t)status.st_size;
	data = room_for(size);
	good = fread(data, 1, size, file) == size;
	if (good)
		LLVMFuzzerTestOneInput(data, size);
	free(data);
	runs += good;
	return good;
}

/* The bytes of a line of digits; false when it is none. */
static bool run_line(const char *line, size_t digits)
{
	uint8_t *data = room_for(digits / 2);
	bool good = digits % 2 == 0 && strspn(line, "0123456789abcdef") == digits;

	for (size_t i = 0; good && i < digits / 2; i++)
		good = sscanf(line + 2 * i, "%2hhx", &data[i]) == 1;
	if (good)
		LLVMFuzzerTestOneInput(data, digits / 2);
	free(data);
	runs += good;
	return good;
}

static bool run_corpus(const char *name, FILE *file)
{
	unsigned int number = 0;
	char *line = NULL;
	size_t room = 0;
	bool good = true;

	while (good && getline(&line, &room, file) > 0) {
		number++;
		if (line[0] == '#')
			continue;
		fprintf(stderr, "%s:%u\n", name, number);
		good = run_line(line, strcspn(line, "\n"));
	}
	if (!good)
		fprintf(stderr, "neither a comment nor an input in hexadecimal\n");
	free(line);
	return good;
}

static bool run(const char *name)
{
	const char *ending = strrchr(name, '.');
	FILE *file = fopen(name, "rb");
	bool good;

	fprintf(stderr, "%s\n", name);
	if (!file) {
		perror(name);
		return false;
	}
	good = ending && strcmp(ending, ".hex") == 0 ? run_corpus(name, file) : run_input(file);
	fclose(file);
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
