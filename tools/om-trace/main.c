/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of om-trace. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static const char usage[] =
	"om-trace: recordings of a guest's conversation with OP-TEE (docs/recording.md)\n"
	"\n"
	"  om-trace replay FILE...        runs the library again: does it do the same?\n"
	"  om-trace text [--all] FILE     for reading; --all: every operation\n"
	"  om-trace diff FILE FILE        where two runs of one program differ first\n"
	"  om-trace shrink FILE           cuts one that differs down to the SMCs that matter;\n"
	"      --keep COUNTER             to those until COUNTER moves: refused_quota, ...\n"
	"  om-trace mask FILE             zeros for the values that guest and TA exchange;\n"
	"      --all                      for all that was in memory: cannot be replayed then\n"
	"  om-trace html FILE             a picture, one file for a browser\n"
	"  om-trace perfetto FILE         trace events, for ui.perfetto.dev\n"
	"  om-trace mermaid FILE          a sequence diagram\n"
	"  om-trace pcapng FILE           packets, for Wireshark with the dissector\n"
	"  om-trace dissector             the dissector: wireshark -X lua_script:FILE\n"
	"  om-trace extract LOG           the recording that a console's log has as lines of text\n"
	"\n"
	"FILE is a recording, as it is or compressed by zstd; \"-\" is the standard input.\n"
	"  -o FILE       write there and not to the standard output\n"
	"Exit status: 0; 1: there is a difference, or the recording is cut; 2: an error.\n";

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "om-trace: %s%s; om-trace --help says what there is\n", what, which);
	return 2;
}

struct options {
	bool all;
	const char *keep;
	FILE *out;
	char **file;
	int files;
};

#define ANY_FILES	(-1)	/* one or more, one after the other */
#define A_LOG		(-2)	/* one, which is no recording */

struct command {
	const char *name;
	int (*run)(const struct recording *r, const struct options *o);
	int files;	/* how many it takes, or ANY_FILES, or A_LOG */
};

static int run_replay(const struct recording *r, const struct options *o)
{
	return command_replay(r, o->out);
}

static int run_text(const struct recording *r, const struct options *o)
{
	return command_text(r, o->all, o->out);
}

static int run_shrink(const struct recording *r, const struct options *o)
{
	return command_shrink(r, o->keep, o->out);
}

static int run_mask(const struct recording *r, const struct options *o)
{
	return command_mask(r, o->all, o->out);
}

static int run_html(const struct recording *r, const struct options *o)
{
	return command_html(r, o->out);
}

static int run_perfetto(const struct recording *r, const struct options *o)
{
	return command_perfetto(r, o->out);
}

static int run_pcapng(const struct recording *r, const struct options *o)
{
	return command_pcapng(r, o->out);
}

static int run_dissector(const struct recording *r, const struct options *o)
{
	(void)r;
	return command_dissector(o->out);
}

/* Its file is no recording yet. */
static int run_extract(const struct recording *r, const struct options *o)
{
	(void)r;
	return command_extract(o->file[0], o->out);
}

static int run_mermaid(const struct recording *r, const struct options *o)
{
	return command_mermaid(r, o->out);
}

/* Runs a command on a recording. Of one that is cut the rest is used, and the status is 1. */
static int run_file(const struct command *command, const struct options *o, const char *name)
{
	struct recording r;
	enum reading reading = recording_load(&r, name);
	int status;

	if (reading != READ_WHOLE)
		fprintf(stderr, "om-trace: %s\n", r.error);
	status = reading == READ_BAD ? 2 : command->run(&r, o);
	recording_free(&r);
	return status == 0 && reading == READ_CUT ? 1 : status;
}

/* The second file of two. */
static int run_diff(const struct recording *r, const struct options *o)
{
	struct recording other;
	int status;

	if (recording_load(&other, o->file[1]) != READ_WHOLE) {
		fprintf(stderr, "om-trace: %s\n", other.error);
		status = 2;
	} else {
		status = command_diff(r, &other, o->out);
	}
	recording_free(&other);
	return status;
}

static const struct command commands[] = {
	{ "replay", run_replay, ANY_FILES },
	{ "text", run_text, 1 },
	{ "diff", run_diff, 2 },
	{ "shrink", run_shrink, 1 },
	{ "mask", run_mask, 1 },
	{ "html", run_html, 1 },
	{ "perfetto", run_perfetto, 1 },
	{ "mermaid", run_mermaid, 1 },
	{ "pcapng", run_pcapng, 1 },
	{ "dissector", run_dissector, 0 },
	{ "extract", run_extract, A_LOG },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int run_files(const struct command *command, const struct options *o)
{
	const bool any = command->files == ANY_FILES, log = command->files == A_LOG;
	int worst = 0;

	if (any ? o->files == 0 : o->files != (log ? 1 : command->files))
		return usage_error("not that many files for ", command->name);
	if (o->files == 0 || log)
		return command->run(NULL, o);
	for (int i = 0; i < (any ? o->files : 1); i++) {
		int status = run_file(command, o, o->file[i]);

		if (status > worst)
			worst = status;
	}
	return worst;
}

/* Options and files. Returns 0, or the exit status after it has said what is wrong. */
static int parse(struct options *o, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--all") == 0) {
			o->all = true;
		} else if (strcmp(argv[i], "--keep") == 0 && i + 1 < argc) {
			o->keep = argv[++i];
		} else if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
			o->out = fopen(argv[++i], "wb");
			if (!o->out) {
				fprintf(stderr, "om-trace: %s: %s\n", argv[i], strerror(errno));
				return 2;
			}
		} else if (argv[i][0] == '-' && argv[i][1]) {
			return usage_error("no such option: ", argv[i]);
		} else {
			o->file[o->files++] = argv[i];
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .out = stdout, .file = argv };
	const struct command *command;
	int status;

	if (argc < 2)
		return usage_error("what to do?", "");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	command = find_command(argv[1]);
	if (!command)
		return usage_error("no such command: ", argv[1]);
	status = parse(&o, argc - 2, argv + 2);
	if (status)
		return status;
	status = run_files(command, &o);
	if (ferror(o.out) | fflush(o.out)) {
		perror("om-trace: writing");
		status = 2;
	}
	return status;
}
