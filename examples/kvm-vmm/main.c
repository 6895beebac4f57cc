/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small virtual machine monitor on KVM for arm64: boots Linux, with OP-TEE in it.
 *
 * Copy from optee.c; every VMM has its own version of the rest.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "optee.h"
#include "vmm.h"

static const char usage[] =
	"kvm-vmm --kernel IMAGE [--initrd FILE] [--cmdline TEXT] [--memory MIB] [--cpus N]\n"
	"        [--tee DEVICE [--policy FILE [--name GUEST]] [--login] [--trace] [--counters]\n"
	"                      [--record FILE] | --tee-socket PATH]\n"
	"\n"
	"Boots Linux in a virtual machine. The console is standard output.\n"
	"  --kernel IMAGE   an uncompressed arm64 kernel\n"
	"  --initrd FILE    its initramfs\n"
	"  --cmdline TEXT   its command line\n"
	"  --memory MIB     its memory (512)\n"
	"  --cpus N         its CPUs (1), at most 8\n"
	"  --tee DEVICE     the host's OP-TEE for the guest, /dev/tee0 as a rule; a guest\n"
	"                   without OP-TEE when not given\n"
	"  --tee-socket PATH  the same, through optee-mediatord at this socket: then this program\n"
	"                   needs no right to the device (docs/mediatord.md)\n"
	"  --policy FILE    which TAs of it the guest may use (docs/policy.md); all when not given\n"
	"  --name GUEST     the guest's name, by which it has TAs of its own (alias: own)\n"
	"  --login          the guest's clients may open sessions in the name of the user who\n"
	"                   runs this program, and of that user's groups\n"
	"  --trace          the guest's conversation with OP-TEE on standard error\n"
	"  --counters       what was counted of it, there, at the end\n"
	"  --record FILE    a recording of it, for om-trace (docs/recording.md)\n"
	"Exit status: 0 the guest powered off, 1 it failed, 2 it could not be started,\n"
	"3 a signal ended it.\n";

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("vmm: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(2);
}

static unsigned long number(const char *option, const char *text, unsigned long min,
			    unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value < min || value > max)
		die("--%s %s: a number from %lu to %lu is wanted", option, text, min, max);
	return value;
}

static void parse(struct options *options, int argc, char **argv)
{
	enum { KERNEL, INITRD, COMMAND_LINE, MEMORY, CPUS, TEE, TEE_SOCKET, POLICY,
	       NAME, LOGIN, TRACE, COUNTERS, RECORD, HELP };
	static const struct option known[] = {
		{ "kernel", required_argument, NULL, KERNEL },
		{ "initrd", required_argument, NULL, INITRD },
		{ "cmdline", required_argument, NULL, COMMAND_LINE },
		{ "memory", required_argument, NULL, MEMORY },
		{ "cpus", required_argument, NULL, CPUS },
		{ "tee", required_argument, NULL, TEE },
		{ "tee-socket", required_argument, NULL, TEE_SOCKET },
		{ "policy", required_argument, NULL, POLICY },
		{ "name", required_argument, NULL, NAME },
		{ "login", no_argument, NULL, LOGIN },
		{ "trace", no_argument, NULL, TRACE },
		{ "counters", no_argument, NULL, COUNTERS },
		{ "record", required_argument, NULL, RECORD },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	int option, index;

	*options = (struct options){ .command_line = "", .memory = 512, .cpus = 1 };
	while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
		switch (option) {
		case KERNEL:
			options->kernel = optarg;
			break;
		case INITRD:
			options->initrd = optarg;
			break;
		case COMMAND_LINE:
			options->command_line = optarg;
			break;
		case MEMORY:
			options->memory = number("memory", optarg, 64, 65536);
			break;
		case CPUS:
			options->cpus = (unsigned int)number("cpus", optarg, 1, MAX_CPUS);
			break;
		case TEE:
			options->tee = optarg;
			break;
		case TEE_SOCKET:
			options->tee_socket = optarg;
			break;
		case POLICY:
			options->policy = optarg;
			break;
		case NAME:
			options->name = optarg;
			break;
		case LOGIN:
			options->login = true;
			break;
		case TRACE:
			options->trace = true;
			break;
		case COUNTERS:
			options->counters = true;
			break;
		case RECORD:
			options->record = optarg;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			die("try --help");
		}
	}
	if (optind != argc)
		die("%s is not an option; try --help", argv[optind]);
	if (!options->kernel)
		die("--kernel is missing; try --help");
	if (options->tee && options->tee_socket)
		die("--tee and --tee-socket are two ways to the same; try --help");
	if (options->policy && !options->tee)
		die("--policy goes with --tee; optee-mediatord has an option of its own");
	options->memory <<= 20;
}

int main(int argc, char **argv)
{
	static struct vmm vmm;
	enum ending ending;

	parse(&vmm.options, argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	machine_create(&vmm);
	vmm.tee = vmm.options.tee ? &tee_in_process : vmm.options.tee_socket ? &tee_by_socket : NULL;
	if (vmm.tee)
		vmm.tee->create(&vmm);

	do {
		load_guest(&vmm);
		machine_start(&vmm);
		while ((ending = machine_run(&vmm)) == NEW_KERNEL) {
			fputs("vmm: another kernel has begun, OP-TEE starts over\n", stderr);
			vmm.tee->reset(&vmm);
		}
		if (ending == RESET) {
			machine_reset(&vmm);
			if (vmm.tee)
				vmm.tee->reset(&vmm);
		}
	} while (ending == RESET);

	if (vmm.tee)
		vmm.tee->destroy(&vmm);
	return ending == POWERED_OFF ? 0 : ending == TERMINATED ? 3 : 1;
}
