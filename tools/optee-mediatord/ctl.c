/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optee-mediatorctl: looks at the guests of optee-mediatord, by their control sockets. It knows
 * what outside.h says of these, and nothing of the daemon's inside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static const char usage[] =
	"optee-mediatorctl [--directory PATH] COMMAND\n"
	"\n"
	"Looks at the guests of optee-mediatord (docs/mediatord.md).\n"
	"  guests              who is there, and what it holds\n"
	"  counters [GUEST]    all counters\n"
	"  top [SECONDS]       what the guests do, every second or as said, until interrupted\n"
	"  trace GUEST         its conversation with OP-TEE as text, as it comes\n"
	"  --directory PATH    where the control sockets are, GUEST.control (/run/optee-mediatord)\n"
	"  --count N           top ends after N times\n"
	"Exit status: 0, 1 a guest could not be looked at, 2 the command line is wrong.\n";

#define SUFFIX		".control"
#define PREFIX		"optee_mediator_"
#define GUESTS		64u

/* What is shown of a guest in a table. */
enum { CALLS, INTERRUPTED, REFUSED, COPIED, SESSIONS, BUFFERS, PAGES, VALUES };

static const struct {
	const char *title;
	const char *metric;	/* how the metrics begin that are summed up in it */
	bool grows;		/* in top: how much in a second */
} columns[VALUES] = {
	[CALLS] = { "calls", "calls_total", true },
	[INTERRUPTED] = { "interrupted", "interrupted_total", true },
	[REFUSED] = { "refused", "refused_", true },
	[COPIED] = { "copied", "tee_copied_total", true },
	[SESSIONS] = { "sessions", "sessions", false },
	[BUFFERS] = { "buffers", "buffers", false },
	[PAGES] = { "pages", "pages", false },
};

struct guest {
	char name[80];
	bool alive;		/* its metrics came to their end */
	char vmm[16], user[16];
	uint64_t value[VALUES];
};

static const char *directory = "/run/optee-mediatord";
static unsigned long count;	/* --count; 0: for ever */

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "optee-mediatorctl: %s: %s\n", what, why);
	exit(2);
}

/* Asks a guest for this; a stream from behind the answer's head on, or NULL with errno. */
static FILE *ask(const char *guest, const char *what, unsigned int seconds)
{
	const struct timeval limit = { .tv_sec = seconds };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[256];
	FILE *answer;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s" SUFFIX, directory, guest) >=
	    (int)sizeof(address.sun_path))
		die(guest, strerror(ENAMETOOLONG));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    dprintf(fd, "GET /%s HTTP/1.0\r\n\r\n", what) < 0) {
		close(fd);
		return NULL;
	}
	answer = fdopen(fd, "r");
	while (answer && fgets(line, sizeof(line), answer) && strcmp(line, "\r\n") != 0)
		;
	return answer;
}

/* A line of the metrics: its name, without what all have, and its value. */
static bool parse(const char *line, char name[80], uint64_t *value)
{
	return sscanf(line, PREFIX "%79[a-z0-9_]{%*[^}]} %" SCNu64, name, value) == 2;
}

static void take(struct guest *guest, const char *line)
{
	char name[80];
	uint64_t value;

	if (strcmp(line, "# EOF\n") == 0)
		guest->alive = true;
	sscanf(line, PREFIX "guest_info{guest=\"%*[^\"]\",vmm=\"%15[0-9]\",user=\"%15[0-9]\"",
	       guest->vmm, guest->user);
	if (!parse(line, name, &value))
		return;
	for (unsigned int i = 0; i < VALUES; i++) {
		const char *metric = columns[i].metric;

		if (strcmp(name, metric) == 0 ||
		    (i == REFUSED && strncmp(name, metric, strlen(metric)) == 0))
			guest->value[i] += value;
	}
}

/* The names of the guests that have a socket, in order. */
static unsigned int find(struct guest guests[GUESTS])
{
	char pattern[256];
	unsigned int n = 0;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*" SUFFIX, directory);
	if (glob(pattern, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc && n < GUESTS; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;

		guests[n] = (struct guest){ .alive = false };
		snprintf(guests[n++].name, sizeof(guests[0].name), "%.*s",
			 (int)(strlen(name) - strlen(SUFFIX)), name);
	}
	globfree(&found);
	return n;
}

static unsigned int look(struct guest guests[GUESTS])
{
	unsigned int n = find(guests);
	char line[256];

	for (unsigned int i = 0; i < n; i++) {
		FILE *metrics = ask(guests[i].name, "metrics", 2);

		while (metrics && fgets(line, sizeof(line), metrics))
			take(&guests[i], line);
		if (metrics)
			fclose(metrics);
	}
	return n;
}

/* before NULL: totals. Else what has been added since, in so many seconds. */
static void print_table(const struct guest *guests, unsigned int n, const struct guest *before,
			double seconds)
{
	printf("%-20s %8s %8s", "guest", "VMM", "user");
	for (unsigned int i = 0; i < VALUES; i++)
		printf(" %11s%s", columns[i].title, before && columns[i].grows ? "/s" : "  ");
	printf("\n");
	for (unsigned int g = 0; g < n; g++) {
		const struct guest *guest = &guests[g];

		printf("%-20s ", guest->name);
		if (!guest->alive) {
			printf("does not answer\n");
			continue;
		}
		printf("%8s %8s", strcmp(guest->vmm, "0") ? guest->vmm : "-",
		       strcmp(guest->vmm, "0") ? guest->user : "-");
		for (unsigned int i = 0; i < VALUES; i++) {
			uint64_t value = guest->value[i];

			/* A guest that began anew counts from 0 again. */
			if (before && columns[i].grows && value >= before[g].value[i])
				value = (uint64_t)((double)(value - before[g].value[i]) / seconds);
			printf(" %11" PRIu64 "  ", value);
		}
		printf("\n");
	}
}

static int show_guests(void)
{
	static struct guest guests[GUESTS];
	unsigned int n = look(guests);
	int status = 0;

	print_table(guests, n, NULL, 1);
	for (unsigned int i = 0; i < n; i++)
		status |= !guests[i].alive;
	return status;
}

static int show_counters(const char *guest)
{
	FILE *metrics = ask(guest, "metrics", 2);
	char line[256], name[80];
	uint64_t value;
	bool whole = false;

	while (metrics && fgets(line, sizeof(line), metrics)) {
		whole = strcmp(line, "# EOF\n") == 0;
		if (parse(line, name, &value) && strcmp(name, "guest_info") != 0)
			printf("%s %s %" PRIu64 "\n", guest, name, value);
	}
	if (metrics)
		fclose(metrics);
	if (!whole)
		fprintf(stderr, "optee-mediatorctl: %s: does not answer; is there such a guest?\n", guest);
	return !whole;
}

static int show_all_counters(void)
{
	static struct guest guests[GUESTS];
	unsigned int n = find(guests);
	int status = 0;

	for (unsigned int i = 0; i < n; i++)
		status |= show_counters(guests[i].name);
	return status;
}

static bool same_guests(const struct guest *a, const struct guest *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (strcmp(a[i].name, b[i].name) != 0)
			return false;
	return true;
}

static int top(const char *seconds)
{
	static struct guest guests[2][GUESTS];
	double pause = seconds ? strtod(seconds, NULL) : 1;
	unsigned int n, before = 0;

	if (!(pause >= 0.01 && pause <= 3600))
		die(seconds, "seconds from 0.01 to 3600 are wanted");
	before = look(guests[0]);
	for (unsigned long i = 1; !count || i <= count; i++) {
		usleep((useconds_t)(pause * 1e6));
		n = look(guests[i % 2]);
		if (isatty(STDOUT_FILENO))
			printf("\033[H\033[2J");
		/* When one has come or gone, the totals are shown once. */
		print_table(guests[i % 2], n, n == before && same_guests(guests[0], guests[1], n) ?
			    guests[(i - 1) % 2] : NULL, pause);
		fflush(stdout);
		before = n;
	}
	return 0;
}

static int show_trace(const char *guest)
{
	FILE *lines = ask(guest, "trace", 0);
	char line[512];

	if (!lines) {
		fprintf(stderr, "optee-mediatorctl: %s: %s\n", guest, strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), lines)) {
		fputs(line, stdout);
		fflush(stdout);
	}
	fclose(lines);
	return 0;
}

static int run(int n, char **words)
{
	const char *word = n > 1 ? words[1] : NULL;

	if (n < 1 || n > 2)
		die("the command line", "try --help");
	if (strcmp(words[0], "guests") == 0 && !word)
		return show_guests();
	if (strcmp(words[0], "counters") == 0)
		return word ? show_counters(word) : show_all_counters();
	if (strcmp(words[0], "top") == 0)
		return top(word);
	if (strcmp(words[0], "trace") == 0 && word)
		return show_trace(word);
	die(words[0], "not a command, or not so; try --help");
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "directory", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'd':
			directory = optarg;
			break;
		case 'c':
			count = strtoul(optarg, NULL, 10);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			die("the command line", "try --help");
		}
	}
	return run(argc - optind, argv + optind);
}
