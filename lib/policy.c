/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy from a file, on libyaml. A library of its own, independent of the core.
 *
 * libyaml gives each value with its line and as text, so numbers and UUIDs are parsed here,
 * and nothing is rounded or guessed. Anything unknown is an error, so that a misspelt word in a
 * policy never becomes a permission.
 */
#include <optee_mediator/policy.h>

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>
#include <yaml.h>

/* The memory of one file, with its table. */
struct loaded {
	struct om_policy_file file;	/* first: the caller's pointer points here */
	struct om_policy_ta *tas;
};

struct reader {
	yaml_document_t document;
	const char *path;
	const char *guest;
	struct loaded *loaded;
	struct om_policy_error *error;
	enum om_policy_result result;
};

/* A key of a mapping, and the function that reads its value. to: the target of the mapping. */
struct key {
	const char *name;
	bool (*read)(struct reader *reader, const yaml_node_t *node, void *to);
	bool required;
};

/* Records the first error. line: 0 when it is about no line. Returns false. */
static bool fail(struct reader *reader, enum om_policy_result result, size_t line,
		 const char *format, ...)
{
	struct om_policy_error *error = reader->error;
	va_list arguments;
	char sentence[240];

	reader->result = result;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	error->line = (unsigned int)line;
	if (line)
		snprintf(error->text, sizeof(error->text), "%s:%zu: %s", reader->path, line,
			 sentence);
	else
		snprintf(error->text, sizeof(error->text), "%s: %s", reader->path, sentence);
	return false;
}

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

#define WRONG(reader, node, ...) \
	fail(reader, OM_POLICY_ERR_CONTENT, line_of(node), __VA_ARGS__)

static yaml_node_t *node_at(struct reader *reader, int index)
{
	return yaml_document_get_node(&reader->document, index);
}

/* The text of a scalar; NULL when the node is no scalar, or has a NUL in it. */
static const char *text_of(const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

/* The text of a node for messages and comparisons; never NULL. */
static const char *word_of(const yaml_node_t *node)
{
	const char *text = text_of(node);

	return text ? text : "";
}

static size_t length_of(const yaml_node_t *sequence)
{
	return (size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start);
}

static bool unknown_key(struct reader *reader, const yaml_node_t *name, const struct key *keys,
			size_t n)
{
	char list[120];
	size_t used = 0;

	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
					 keys[i].name);
	return WRONG(reader, name, "'%.40s' is not known here; use %s", word_of(name), list);
}

static size_t find_key(const struct key *keys, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(keys[i].name, name) != 0)
		i++;
	return i;
}

static bool read_pair(struct reader *reader, const yaml_node_pair_t *pair, const struct key *keys,
		      size_t n, uint32_t *seen, void *to)
{
	const yaml_node_t *name = node_at(reader, pair->key);
	size_t i = find_key(keys, n, word_of(name));

	if (i == n)
		return unknown_key(reader, name, keys, n);
	if (*seen >> i & 1)
		return WRONG(reader, name, "'%s' is there twice; keep one of them", keys[i].name);
	*seen |= 1u << i;
	return keys[i].read(reader, node_at(reader, pair->value), to);
}

static bool read_mapping(struct reader *reader, const yaml_node_t *node, const char *what,
			 const struct key *keys, size_t n, void *to)
{
	const yaml_node_pair_t *pair;
	uint32_t seen = 0;

	if (node->type != YAML_MAPPING_NODE)
		return WRONG(reader, node, "%s is written as lines 'key: value'", what);
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		if (!read_pair(reader, pair, keys, n, &seen, to))
			return false;
	for (size_t i = 0; i < n; i++)
		if (keys[i].required && !(seen >> i & 1))
			return WRONG(reader, node, "%s has no '%s'; add it", what, keys[i].name);
	return true;
}

/* The number of digits; 0 for a leading 0, which some would read as octal. */
static size_t count_digits(const char *digits, bool hexadecimal)
{
	size_t n = strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789");

	return !hexadecimal && n > 1 && digits[0] == '0' ? 0 : n;
}

/*
 * Parses a number, decimal or hexadecimal after 0x, from min to max. end: set to the text behind
 * it. False when there is none.
 */
static bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *number,
			 const char **end)
{
	bool hexadecimal = text[0] == '0' && text[1] == 'x';
	const char *digits = hexadecimal ? text + 2 : text;
	size_t n = count_digits(digits, hexadecimal);
	/* Saturates: a number that is too large for the type is out of range, too. */
	unsigned long long value = strtoull(digits, NULL, hexadecimal ? 16 : 10);

	if (n == 0 || value < min || value > max)
		return false;
	*number = (uint32_t)value;
	*end = digits + n;
	return true;
}

static bool read_number(struct reader *reader, const yaml_node_t *node, uint32_t max, uint32_t *to)
{
	const char *end = "";

	if (!parse_number(word_of(node), 1, max, to, &end) || *end)
		return WRONG(reader, node, "'%.40s' is not a number from 1 to %u, such as 8",
			     word_of(node), max);
	return true;
}

static bool read_uuid(struct reader *reader, const yaml_node_t *node, uint8_t *to)
{
	if (uuid_parse(word_of(node), to) != 0 || uuid_is_null(to))
		return WRONG(reader, node, "'%.40s' is not the UUID of a TA; write it as in "
			     "b689f2a7-8adf-477a-9f99-32e90c0ad0a2", word_of(node));
	return true;
}

/*
 * The keys of a TA.
 */

/* A TA that is partly read. */
struct draft {
	struct om_policy_ta *ta;
	bool own;	/* its alias is computed when its UUID is known */
};

static bool read_ta_uuid(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct draft *draft = to;

	return read_uuid(reader, node, draft->ta->uuid);
}

static bool read_alias(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct draft *draft = to;

	draft->own = strcmp(word_of(node), "own") == 0;
	if (!draft->own)
		return read_uuid(reader, node, draft->ta->alias);
	if (!reader->guest)
		return WRONG(reader, node, "a TA of the guest's own needs the guest's name, and "
			     "none was given; give it, or write a UUID");
	return true;
}

static bool read_login(struct reader *reader, const yaml_node_t *node, void *to)
{
	static const struct { const char *name; uint32_t bit; } logins[] = {
		{ "public", OM_POLICY_LOGIN_PUBLIC },
		{ "user", OM_POLICY_LOGIN_USER },
		{ "group", OM_POLICY_LOGIN_GROUP },
		{ "application", OM_POLICY_LOGIN_APPLICATION },
		{ "user-application", OM_POLICY_LOGIN_USER_APPLICATION },
		{ "group-application", OM_POLICY_LOGIN_GROUP_APPLICATION },
		{ "kernel", OM_POLICY_LOGIN_REE_KERNEL },
	};
	const size_t n = sizeof(logins) / sizeof(logins[0]);
	struct om_policy_ta *ta = to;
	size_t i = 0;

	while (i < n && strcmp(logins[i].name, word_of(node)) != 0)
		i++;
	if (i == n)
		return WRONG(reader, node, "'%.40s' is no login; use public, user, group, "
			     "application, user-application, group-application or kernel",
			     word_of(node));
	if (ta->logins & logins[i].bit)
		return WRONG(reader, node, "'%s' is there twice; keep one of them", logins[i].name);
	ta->logins |= logins[i].bit;
	return true;
}

/* Calls read for each element of a list, or once for a single value in place of a list. */
static bool read_each(struct reader *reader, const yaml_node_t *node,
		      bool (*read)(struct reader *reader, const yaml_node_t *node, void *to),
		      void *to)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return read(reader, node, to);
	for (size_t i = 0; i < length_of(node); i++)
		if (!read(reader, node_at(reader, node->data.sequence.items.start[i]), to))
			return false;
	return true;
}

static bool read_logins(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct draft *draft = to;

	return read_each(reader, node, read_login, draft->ta);
}

/* Reads a command, "7", or a range, "7-9". */
static bool parse_range(const char *text, struct om_policy_range *range)
{
	const char *end = "";

	if (!parse_number(text, 0, UINT32_MAX, &range->first, &end))
		return false;
	range->last = range->first;
	if (*end == '-' && !parse_number(end + 1, range->first, UINT32_MAX, &range->last, &end))
		return false;
	return !*end;
}

/* Appends to the ranges of a TA, which were allocated for it. */
static bool read_range(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct om_policy_ta *ta = to;
	struct om_policy_range range;

	if (!parse_range(word_of(node), &range))
		return WRONG(reader, node, "'%.40s' is no command; write 7, 0x80000001 or 7-9, "
			     "or 'commands: all'", word_of(node));
	for (uint32_t i = 0; i < ta->range_count; i++)
		if (range.first <= ta->ranges[i].last && range.last >= ta->ranges[i].first)
			return WRONG(reader, node, "what '%s' allows is allowed already; leave "
				     "it out", word_of(node));
	/* Not const: read_commands() has allocated it. */
	((struct om_policy_range *)(uintptr_t)ta->ranges)[ta->range_count++] = range;
	return true;
}

static bool read_commands(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct om_policy_ta *ta = ((struct draft *)to)->ta;
	bool all = strcmp(word_of(node), "all") == 0;
	size_t n = node->type == YAML_SEQUENCE_NODE ? length_of(node) : 1;
	struct om_policy_range *ranges = calloc(n ? n : 1, sizeof(*ranges));

	if (!ranges)
		return fail(reader, OM_POLICY_ERR_NO_MEMORY, 0, "there is no memory to load it");
	ta->ranges = ranges;
	if (!all)
		return read_each(reader, node, read_range, ta);
	ranges[0].last = UINT32_MAX;
	ta->range_count = 1;
	return true;
}

/* Reads the alias of a TA. */
static const uint8_t *known_as(const struct om_policy_ta *ta)
{
	return uuid_is_null(ta->alias) ? ta->uuid : ta->alias;
}

static bool check_ta(struct reader *reader, const yaml_node_t *node, const struct om_policy_ta *ta)
{
	const struct om_policy_ta *other;

	for (other = reader->loaded->tas; other < ta; other++) {
		if (memcmp(other->uuid, ta->uuid, sizeof(ta->uuid)) == 0)
			return WRONG(reader, node, "this TA is in the policy already; keep one "
				     "of them");
		if (memcmp(known_as(other), known_as(ta), sizeof(ta->uuid)) == 0)
			return WRONG(reader, node, "OP-TEE would know two TAs of the policy by "
				     "the UUID of this one; give each its own alias");
	}
	return true;
}

static bool read_ta_sessions(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct draft *draft = to;

	return read_number(reader, node, OM_LIMIT_SESSIONS, &draft->ta->sessions);
}

static bool read_ta(struct reader *reader, const yaml_node_t *node, void *to)
{
	static const struct key keys[] = {
		{ "uuid", read_ta_uuid, true },
		{ "alias", read_alias, false },
		{ "login", read_logins, true },
		{ "commands", read_commands, true },
		{ "sessions", read_ta_sessions, false },
	};
	struct loaded *loaded = to;
	/* Counted first, so that om_policy_unload() frees its commands. */
	struct draft draft = { .ta = &loaded->tas[loaded->file.policy.ta_count++] };

	if (!read_mapping(reader, node, "a TA", keys, sizeof(keys) / sizeof(keys[0]), &draft))
		return false;
	if (draft.own)
		om_policy_own_uuid(reader->guest, draft.ta->uuid, draft.ta->alias);
	return check_ta(reader, node, draft.ta);
}

/*
 * The keys of a file.
 */

static bool read_tas(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct loaded *loaded = to;

	if (node->type != YAML_SEQUENCE_NODE)
		return WRONG(reader, node, "'tas' is a list: begin each TA with '- uuid: ...', "
			     "and write [] for none");
	loaded->tas = calloc(length_of(node) + 1, sizeof(*loaded->tas));
	if (!loaded->tas)
		return fail(reader, OM_POLICY_ERR_NO_MEMORY, 0, "there is no memory to load it");
	loaded->file.policy.tas = loaded->tas;
	return read_each(reader, node, read_ta, loaded);
}

static bool read_workers(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct loaded *loaded = to;

	return read_number(reader, node, 64, &loaded->file.workers);
}

static bool read_sessions(struct reader *reader, const yaml_node_t *node, void *to)
{
	struct loaded *loaded = to;

	return read_number(reader, node, OM_LIMIT_SESSIONS, &loaded->file.sessions);
}

static bool read_document(struct reader *reader)
{
	static const struct key keys[] = {
		{ "tas", read_tas, true },
		{ "workers", read_workers, false },
		{ "sessions", read_sessions, false },
	};
	const yaml_node_t *root = yaml_document_get_root_node(&reader->document);

	if (!root)
		return fail(reader, OM_POLICY_ERR_CONTENT, 0, "the file is empty; a policy that "
			    "allows nothing is 'tas: []'");
	return read_mapping(reader, root, "a policy", keys, sizeof(keys) / sizeof(keys[0]),
			    reader->loaded);
}

/* For invalid text libyaml gives no line, only the number of bytes before it. */
static size_t line_at(FILE *file, size_t offset)
{
	size_t line = 1;

	rewind(file);
	while (offset--)
		line += getc(file) == '\n';
	return line;
}

static bool parser_failed(struct reader *reader, const yaml_parser_t *parser, FILE *file)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return fail(reader, OM_POLICY_ERR_NO_MEMORY, 0, "there is no memory to load it");
	if (ferror(file))
		return fail(reader, OM_POLICY_ERR_FILE, 0, "cannot be read; name a file");
	if (parser->error == YAML_READER_ERROR)
		return fail(reader, OM_POLICY_ERR_SYNTAX, line_at(file, parser->problem_offset),
			    "not text in UTF-8; write it with a text editor");
	return fail(reader, OM_POLICY_ERR_SYNTAX, parser->problem_mark.line + 1,
		    "not YAML: %s; look at the indentation, brackets and quotes of this line "
		    "and the one before", parser->problem);
}

/* Accepts one document only: a second one would be ignored. */
static bool parse_document(struct reader *reader, yaml_parser_t *parser, FILE *file)
{
	yaml_document_t second;
	const yaml_node_t *root;
	size_t line;
	bool ok;

	if (!yaml_parser_load(parser, &reader->document))
		return parser_failed(reader, parser, file);
	ok = read_document(reader);
	yaml_document_delete(&reader->document);
	if (!ok)
		return false;
	if (!yaml_parser_load(parser, &second))
		return parser_failed(reader, parser, file);
	root = yaml_document_get_root_node(&second);
	line = root ? line_of(root) : 0;
	yaml_document_delete(&second);
	if (line)
		fail(reader, OM_POLICY_ERR_CONTENT, line,
		     "a second document begins; a file is one policy, remove the '---'");
	return !line;
}

static bool parse(struct reader *reader)
{
	FILE *file = fopen(reader->path, "rbe");
	yaml_parser_t parser;
	bool ok = false;

	if (!file)
		return fail(reader, OM_POLICY_ERR_FILE, 0, "cannot be opened: %s",
			    strerror(errno));
	if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_file(&parser, file);
		ok = parse_document(reader, &parser, file);
		yaml_parser_delete(&parser);
	} else {
		fail(reader, OM_POLICY_ERR_NO_MEMORY, 0, "there is no memory to load it");
	}
	fclose(file);
	return ok;
}

static bool is_name(const char *guest)
{
	size_t n = strspn(guest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			  "0123456789._-");

	return n && n <= OM_POLICY_NAME_MAX && !guest[n];
}

static void unload(struct loaded *loaded)
{
	if (!loaded)
		return;
	for (uint32_t i = 0; i < loaded->file.policy.ta_count; i++)
		free((void *)(uintptr_t)loaded->tas[i].ranges);
	free(loaded->tas);
	free(loaded);
}

enum om_policy_result om_policy_load(const char *path, const char *guest,
				     struct om_policy_file **out, struct om_policy_error *error)
{
	struct om_policy_error ignored = { 0 };
	struct reader reader = { .path = path, .guest = guest,
				 .error = error ? error : &ignored };

	if (!path || !out) {
		reader.path = "policy";
		fail(&reader, OM_POLICY_ERR_ARGUMENT, 0, "no file was named");
	} else if (guest && !is_name(guest)) {
		fail(&reader, OM_POLICY_ERR_ARGUMENT, 0, "'%.70s' cannot be a guest's name; use "
		     "1 to %u letters, digits, '.', '_' and '-'", guest, OM_POLICY_NAME_MAX);
	} else if (!(reader.loaded = calloc(1, sizeof(*reader.loaded)))) {
		fail(&reader, OM_POLICY_ERR_NO_MEMORY, 0, "there is no memory to load it");
	} else if (parse(&reader)) {
		*out = &reader.loaded->file;
		return OM_POLICY_OK;
	}
	unload(reader.loaded);
	return reader.result;
}

void om_policy_unload(struct om_policy_file *file)
{
	unload((struct loaded *)file);
}

enum om_policy_result om_policy_own_uuid(const char *guest, const uint8_t ta[16], uint8_t own[16])
{
	uuid_t name_space = { 0 };

	if (!guest || !ta || !own || !is_name(guest))
		return OM_POLICY_ERR_ARGUMENT;
	memcpy(name_space, ta, sizeof(name_space));
	uuid_generate_sha1(own, name_space, guest, strlen(guest));
	return OM_POLICY_OK;
}
