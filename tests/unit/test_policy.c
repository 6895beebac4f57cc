/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies from files: what comes out of good ones, and what is said of bad ones. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include <optee_mediator/policy.h>

#define STORAGE "b689f2a7-8adf-477a-9f99-32e90c0ad0a2"
#define OTHER "5b9e0e40-2636-11e1-ad9e-0002a5d5c51b"
#define REST "    login: public\n    commands: all\n"

/* Every test has a file of its own. */
#define FILE_TEST(name) TEST_IN(name, make_file, remove_file)

static char path[64];

static int make_file(void **state __attribute__((unused)))
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/om-policy-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state __attribute__((unused)))
{
	return unlink(path);
}

/* The allocation, and the call of the parser, that fail: counted down to 0. */
static int calloc_fails, initialize_fails, load_fails;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_yaml_parser_initialize(yaml_parser_t *parser);
int __wrap_yaml_parser_initialize(yaml_parser_t *parser);
int __real_yaml_parser_load(yaml_parser_t *parser, yaml_document_t *document);
int __wrap_yaml_parser_load(yaml_parser_t *parser, yaml_document_t *document);

void *__wrap_calloc(size_t n, size_t size)
{
	return calloc_fails && --calloc_fails == 0 ? NULL : __real_calloc(n, size);
}

int __wrap_yaml_parser_initialize(yaml_parser_t *parser)
{
	return initialize_fails && --initialize_fails == 0 ? 0 :
	       __real_yaml_parser_initialize(parser);
}

int __wrap_yaml_parser_load(yaml_parser_t *parser, yaml_document_t *document)
{
	if (!load_fails || --load_fails)
		return __real_yaml_parser_load(parser, document);
	parser->error = YAML_MEMORY_ERROR;
	return 0;
}

static void write_file(const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static enum om_policy_result load(const char *text, const char *guest,
				  struct om_policy_file **out, struct om_policy_error *error)
{
	write_file(text, strlen(text));
	return om_policy_load(path, guest, out, error);
}

static struct om_policy_file *good(const char *text)
{
	struct om_policy_file *file = NULL;
	struct om_policy_error error = { .text = "" };

	if (load(text, "alpha", &file, &error) != OM_POLICY_OK)
		fail_msg("%s", error.text);
	return file;
}

/* Refused, at this line, with these words, and nothing given. */
static void bad_as(enum om_policy_result result, const char *text, unsigned int line,
		   const char *words)
{
	struct om_policy_file *file = NULL;
	struct om_policy_error error;
	char where[100];

	memset(&error, 0x5a, sizeof(error));
	assert_int_equal(load(text, NULL, &file, &error), result);
	assert_null(file);
	assert_int_equal(error.line, line);
	if (!strstr(error.text, words))
		fail_msg("'%s' is not in: %s", words, error.text);
	snprintf(where, sizeof(where), line ? "%s:%u: " : "%s: ", path, line);
	assert_int_equal(strncmp(error.text, where, strlen(where)), 0);
}

static void bad(const char *text, unsigned int line, const char *words)
{
	bad_as(OM_POLICY_ERR_CONTENT, text, line, words);
}

FILE_TEST(a_whole_file)
{
	static const uint8_t storage[16] = { 0xb6, 0x89, 0xf2, 0xa7, 0x8a, 0xdf, 0x47, 0x7a,
					     0x9f, 0x99, 0x32, 0xe9, 0x0c, 0x0a, 0xd0, 0xa2 };
	/* uuidgen --sha1 --namespace STORAGE --name alpha */
	static const uint8_t own[16] = { 0x47, 0xf8, 0xb1, 0xcc, 0xad, 0xb4, 0x5b, 0xb5,
					 0x98, 0xea, 0xfa, 0x76, 0xfb, 0xe6, 0xc5, 0xf6 };
	static const uint8_t none[16];
	struct om_policy_file *file = good(
		"# comments are for people\n"
		"workers: 3\n"
		"sessions: 0x10\n"
		"tas:\n"
		"  - alias: own\n"
		"    uuid: " STORAGE "\n"
		"    login: [public, user, kernel]\n"
		"    commands: [0, 7-9, 0x80000001]\n"
		"    sessions: 2\n"
		"  - {uuid: 5B9E0E40-2636-11E1-AD9E-0002A5D5C51B, login: group, commands: all}\n"
		"  - uuid: 00000000-0000-0000-0000-000000000001\n"
		"    alias: 00000000-0000-0000-0000-000000000002\n"
		"    login: [application, user-application, group-application]\n"
		"    commands: 0xffffffff\n"
		"  - uuid: 00000000-0000-0000-0000-000000000003\n"
		"    login: []\n"
		"    commands: []\n");
	const struct om_policy_ta *ta = file->policy.tas;

	assert_int_equal(file->workers, 3);
	assert_int_equal(file->sessions, 16);
	assert_int_equal(file->policy.ta_count, 4);
	assert_memory_equal(ta[0].uuid, storage, 16);
	assert_memory_equal(ta[0].alias, own, 16);
	assert_int_equal(ta[0].logins, OM_POLICY_LOGIN_PUBLIC | OM_POLICY_LOGIN_USER |
			 OM_POLICY_LOGIN_REE_KERNEL);
	assert_int_equal(ta[0].sessions, 2);
	assert_int_equal(ta[0].range_count, 3);
	assert_int_equal(ta[0].ranges[1].first, 7);
	assert_int_equal(ta[0].ranges[1].last, 9);
	assert_int_equal(ta[0].ranges[2].first, 0x80000001);
	assert_int_equal(ta[0].ranges[2].last, 0x80000001);
	assert_memory_equal(ta[1].alias, none, 16);
	assert_int_equal(ta[1].sessions, 0);
	assert_int_equal(ta[1].uuid[0], 0x5b);
	assert_int_equal(ta[1].logins, OM_POLICY_LOGIN_GROUP);
	assert_int_equal(ta[1].range_count, 1);
	assert_int_equal(ta[1].ranges[0].first, 0);
	assert_int_equal(ta[1].ranges[0].last, 0xffffffff);
	assert_int_equal(ta[2].alias[15], 2);
	assert_int_equal(ta[2].logins, OM_POLICY_LOGIN_APPLICATION |
			 OM_POLICY_LOGIN_USER_APPLICATION | OM_POLICY_LOGIN_GROUP_APPLICATION);
	assert_int_equal(ta[2].ranges[0].first, 0xffffffff);
	assert_int_equal(ta[3].range_count, 0);
	om_policy_unload(file);
}

FILE_TEST(the_example)
{
	struct om_policy_file *file = NULL;
	struct om_policy_error error = { .text = "" };

	if (om_policy_load(OM_EXAMPLE, "alpha", &file, &error) != OM_POLICY_OK)
		fail_msg("%s", error.text);
	assert_int_equal(file->policy.ta_count, 2);
	assert_int_equal(file->policy.tas[0].sessions, 8);
	om_policy_unload(file);
}

FILE_TEST(a_file_that_allows_nothing)
{
	struct om_policy_file *file = good("tas: []\n");

	assert_int_equal(file->policy.ta_count, 0);
	assert_int_equal(file->workers, 0);
	assert_int_equal(file->sessions, 0);
	om_policy_unload(file);
	om_policy_unload(NULL);
}

FILE_TEST(unknown_keys_are_errors)
{
	bad("workers: 1\nworker: 2\ntas: []\n", 2, "'worker' is not known here; use tas, workers, "
	    "sessions");
	bad("tas:\n  - uuid: " STORAGE "\n    comands: all\n", 3,
	    "'comands' is not known here; use uuid, alias, login, commands, sessions");
	bad("tas: []\n[a, b]: c\n", 2, "'' is not known here");
	bad("\"tas\\0x\": []\n", 1, "'' is not known here");
}

FILE_TEST(duplicates_are_errors)
{
	bad("tas: []\nworkers: 1\n\ntas: []\n", 4, "'tas' is there twice");
	bad("tas:\n - uuid: " STORAGE "\n   uuid: " STORAGE "\n", 3, "'uuid' is there twice");
	bad("tas:\n  - uuid: " STORAGE "\n" REST "  - uuid: " OTHER "\n" REST
	    "  - uuid: B689F2A7-8ADF-477A-9F99-32E90C0AD0A2\n" REST, 8, "in the policy already");
	bad("tas:\n  - uuid: " STORAGE "\n    login: [user,\n public, user]\n", 4,
	    "'user' is there twice");
	bad("tas:\n  - uuid: " STORAGE "\n    login: user\n    commands: [1, 5-9,\n 2, 9-12]\n", 5,
	    "what '9-12' allows is allowed already");
	bad("tas:\n  - uuid: " STORAGE "\n    login: user\n    commands: [1, 1]\n", 4,
	    "what '1' allows");
}

FILE_TEST(two_tas_cannot_be_one_for_optee)
{
	bad("tas:\n  - uuid: " STORAGE "\n    alias: " OTHER "\n" REST "  - uuid: " OTHER "\n" REST,
	    6, "two TAs of the policy by the UUID of this one");
	bad("tas:\n  - uuid: " STORAGE "\n" REST "  - uuid: " OTHER "\n    alias: " STORAGE "\n"
	    REST, 5, "give each its own alias");
}

FILE_TEST(what_is_missing_is_named)
{
	bad("", 0, "is empty");
	bad("# nothing\n", 0, "is empty");
	bad("workers: 1\n", 1, "a policy has no 'tas'; add it");
	bad("tas:\n  - login: public\n    commands: all\n", 2, "a TA has no 'uuid'");
	bad("tas:\n  - uuid: " STORAGE "\n    commands: all\n", 2, "a TA has no 'login'");
	bad("tas:\n  - uuid: " STORAGE "\n    login: public\n", 2, "a TA has no 'commands'");
}

FILE_TEST(wrong_types_are_errors)
{
	bad("- tas\n", 1, "a policy is written as lines 'key: value'");
	bad("tas: all\n", 1, "'tas' is a list");
	bad("tas:\n", 1, "'tas' is a list");
	bad("tas:\n  - " STORAGE "\n", 2, "a TA is written as lines");
	bad("tas:\n  - uuid: [" STORAGE "]\n", 2, "'' is not the UUID of a TA");
	bad("tas: []\nworkers: [1]\n", 2, "not a number from 1 to 64");
	bad("tas:\n - uuid: " STORAGE "\n   login: {public: yes}\n", 3, "'' is no login");
	bad("tas:\n - uuid: " STORAGE "\n   login: Public\n", 3, "'Public' is no login; use public");
	bad("tas:\n - uuid: " STORAGE "\n   login: user\n   commands:\n    - [1]\n", 5, "no command");
	bad("tas:\n - uuid: " STORAGE "\n   login: user\n   commands:\n", 4, "'' is no command");
}

FILE_TEST(bad_uuids_are_errors)
{
	static const char *const uuids[] = {
		"b689f2a7-8adf-477a-9f99-32e90c0ad0a", "b689f2a7-8adf-477a-9f99-32e90c0ad0a22",
		"b689f2a78adf-477a-9f99-32e90c0ad0a2--", "b689f2a7-8adf-477a-9f99-32e90c0ad0ag",
		"b689f2a7_8adf_477a_9f99_32e90c0ad0a2", "00000000-0000-0000-0000-000000000000",
		"storage", "own", "\"" STORAGE "\\0\"",
	};
	char text[200];

	for (size_t i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++) {
		snprintf(text, sizeof(text), "tas:\n\n  - uuid: %s\n", uuids[i]);
		bad(text, 3, "is not the UUID of a TA; write it as in");
	}
	bad("tas:\n  - uuid: " STORAGE "\n    alias: his\n", 3, "'his' is not the UUID");
	bad("tas:\n  - uuid: " STORAGE "\n    alias: 00000000-0000-0000-0000-000000000000\n", 3,
	    "is not the UUID");
}

FILE_TEST(numbers_out_of_range_are_errors)
{
	static const char *const numbers[] = {
		"0", "65", "-1", "+1", "1.0", "1e1", "01", "0x", "0x41", "1 2", "4294967297",
		"18446744073709551617", "0x10000000000000001", "one", "''", "1_0", "0b1",
	};
	static const char *const commands[] = {
		"-1", "4294967296", "0x100000000", "1-", "2-1", "1-2-3", "1 - 2", "01", "7-0x",
		"1-4294967296", "every", "ALL", "18446744073709551616", "[all]",
	};
	char text[200];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(text, sizeof(text), "tas: []\nworkers: %s\n", numbers[i]);
		bad(text, 2, "is not a number from 1 to 64, such as 8");
	}
	bad("tas: []\nsessions: 4097\n", 2, "is not a number from 1 to 4096");
	bad("tas:\n  - sessions: 0\n", 2, "is not a number from 1 to 4096");
	bad("tas:\n  - sessions: 4097\n", 2, "is not a number from 1 to 4096");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(text, sizeof(text), "tas:\n  - uuid: " STORAGE "\n    commands: %s\n",
			 commands[i]);
		bad(text, 3, "is no command; write 7, 0x80000001 or 7-9");
	}
}

FILE_TEST(what_is_not_yaml_has_a_line)
{
	bad_as(OM_POLICY_ERR_SYNTAX, "tas: []\nworkers: [1\nsessions: 2\n", 3, "not YAML: ");
	bad_as(OM_POLICY_ERR_SYNTAX, "tas: []\n\tworkers: 1\n", 2, "indentation");
	bad_as(OM_POLICY_ERR_SYNTAX, "tas: []\n\nworkers: \xff\n", 3, "not text in UTF-8");
	bad_as(OM_POLICY_ERR_SYNTAX, "tas: []\n--- }\n", 2, "not YAML: ");
	bad("tas: []\n---\ntas: []\n", 3, "a second document begins");
	om_policy_unload(good("---\ntas: []\n...\n"));
}

FILE_TEST(what_is_no_file_is_said)
{
	struct om_policy_file *file = NULL;
	struct om_policy_error error;

	assert_int_equal(om_policy_load("/nowhere/policy", NULL, &file, &error),
			 OM_POLICY_ERR_FILE);
	assert_string_equal(error.text,
			    "/nowhere/policy: cannot be opened: No such file or directory");
	assert_int_equal(error.line, 0);
	assert_int_equal(om_policy_load("/", NULL, &file, &error), OM_POLICY_ERR_FILE);
	assert_non_null(strstr(error.text, "cannot be read"));
	assert_int_equal(om_policy_load("/", NULL, &file, NULL), OM_POLICY_ERR_FILE);
	assert_int_equal(om_policy_load(NULL, NULL, &file, &error), OM_POLICY_ERR_ARGUMENT);
	assert_int_equal(om_policy_load("/", NULL, NULL, &error), OM_POLICY_ERR_ARGUMENT);
	assert_null(file);
}

FILE_TEST(a_guests_name)
{
	static const char *const refused[] = {
		"", " ", "a b", "a/b", "a\n", "\xc3\xa4", ".-_0Zz$",
		"0123456789012345678901234567890123456789012345678901234567890123x",
	};
	static const uint8_t ta[16] = { 1 };
	uint8_t own[16] = { 0 }, other[16] = { 0 };
	struct om_policy_file *file = NULL;
	struct om_policy_error error;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(load("tas: []\n", refused[i], &file, &error),
				 OM_POLICY_ERR_ARGUMENT);
		assert_non_null(strstr(error.text, "cannot be a guest's name; use 1 to 64"));
		assert_int_equal(om_policy_own_uuid(refused[i], ta, own), OM_POLICY_ERR_ARGUMENT);
	}
	assert_null(file);
	bad("tas:\n  - uuid: " STORAGE "\n    alias: own\n", 3, "needs the guest's name");
	assert_int_equal(om_policy_own_uuid(NULL, ta, own), OM_POLICY_ERR_ARGUMENT);
	assert_int_equal(om_policy_own_uuid("a", NULL, own), OM_POLICY_ERR_ARGUMENT);
	assert_int_equal(om_policy_own_uuid("a", ta, NULL), OM_POLICY_ERR_ARGUMENT);
	assert_int_equal(om_policy_own_uuid("a", ta, own), OM_POLICY_OK);
	assert_int_equal(om_policy_own_uuid("b", ta, other), OM_POLICY_OK);
	assert_memory_not_equal(own, other, 16);
	assert_int_equal(own[6] >> 4, 5);
	/* Of 64 characters. */
	assert_int_equal(load("tas: []\n", refused[7] + 1, &file, &error), OM_POLICY_OK);
	om_policy_unload(file);
}

FILE_TEST(no_memory_is_said)
{
	static const char text[] = "tas:\n  - uuid: " STORAGE "\n" REST "  - uuid: " OTHER "\n" REST;
	int *const failures[] = { &calloc_fails, &initialize_fails, &load_fails };
	static const int calls[] = { 4, 1, 2 };
	struct om_policy_file *file;
	struct om_policy_error error;

	for (size_t i = 0; i < 3; i++) {
		for (int n = 1; n <= calls[i]; n++) {
			file = NULL;
			*failures[i] = n;
			assert_int_equal(load(text, NULL, &file, &error), OM_POLICY_ERR_NO_MEMORY);
			assert_non_null(strstr(error.text, "no memory"));
			assert_int_equal(*failures[i], 0);
			assert_null(file);
		}
	}
	om_policy_unload(good(text));
}
