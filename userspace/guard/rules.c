/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A format of lines and not JSON: a regex stands here as it is, without a second layer of
 * backslashes, and fragments keep inflected verbs readable. Nothing in it is optional that a reader
 * of a rule would miss: a rule without a purpose or without examples doesn't parse.
 */
#include "guard/rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/base.h"

#define FRAGMENTS_MAX 64
#define GROW	      16 /* items are allocated this many at a time */

/* The files are one text: fragments come before what uses them, and each ends with a line break. */
__asm__(".section .rodata\n"
	".balign 16\n"
	".type axfw_rules_start, @object\n"
	"axfw_rules_start:\n"
	".incbin \"userspace/guard/data/rules/fragments.txt\"\n"
	".incbin \"userspace/guard/data/rules/harm_things.txt\"\n"
	".incbin \"userspace/guard/data/rules/harm_people.txt\"\n"
	".incbin \"userspace/guard/data/rules/harm_money.txt\"\n"
	".incbin \"userspace/guard/data/rules/override.txt\"\n"
	".incbin \"userspace/guard/data/rules/persona.txt\"\n"
	".incbin \"userspace/guard/data/rules/extraction.txt\"\n"
	".incbin \"userspace/guard/data/rules/claims.txt\"\n"
	".incbin \"userspace/guard/data/rules/injection.txt\"\n"
	".incbin \"userspace/guard/data/rules/documents.txt\"\n"
	".incbin \"userspace/guard/data/rules/languages.txt\"\n"
	".incbin \"userspace/guard/data/rules/answers.txt\"\n"
	".incbin \"userspace/guard/data/rules/output.txt\"\n"
	".type axfw_rules_end, @object\n"
	"axfw_rules_end:\n"
	".byte 0\n"
	".previous\n");
extern const char axfw_rules_start[], axfw_rules_end[];

struct fragment {
	char *name;
	char *regex;
};

struct parser {
	const char *at, *end;
	unsigned line, next_line; /* the first of the current entry, the first behind it */
	struct rules *rules;
	struct rule *rule; /* the one that lines are added to */
	struct fragment fragments[FRAGMENTS_MAX];
	size_t fragment_count;
	char *error;
	size_t error_size;
};

const char *rules_text(size_t *ret_len)
{
	/* cppcheck-suppress comparePointers; both ends of one .incbin */
	*ret_len = (size_t)(axfw_rules_end - axfw_rules_start);
	return axfw_rules_start;
}

static int wrong(struct parser *p, const char *format, ...) _printf_(2, 3);
static int wrong(struct parser *p, const char *format, ...)
{
	int n = snprintf(p->error, p->error_size, "line %u: ", p->line);
	va_list args;

	va_start(args, format);
	if (n > 0 && (size_t)n < p->error_size)
		vsnprintf(p->error + n, p->error_size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

/* Takes the string, also when it fails. */
static int strings_add(struct strings *s, char *item)
{
	char **items = s->items;

	if (item && s->count % GROW == 0)
		items = reallocarray(s->items, s->count + GROW, sizeof(*items));
	if (!item || !items) {
		free(item);
		return -ENOMEM;
	}
	s->items = items;
	s->items[s->count++] = item;
	return 0;
}

static void strings_free(struct strings *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->items[i]);
	free(s->items);
}

/* --- regexes: fragments, and spaces ---------------------------------------------------------- */

/* The regex of the fragment whose name stands at *at, which moves behind the closing bracket; NULL:
 * there is none, and that has been said. */
static const char *take_fragment(struct parser *p, const char **at, char close)
{
	const char *name = *at + strlen("${");
	size_t len = strcspn(name, (const char[]){ close, '\0' });

	for (size_t i = 0; i < p->fragment_count; i++) {
		if (strlen(p->fragments[i].name) != len ||
		    strncmp(p->fragments[i].name, name, len) != 0 || !name[len])
			continue;
		*at = name + len + 1;
		return p->fragments[i].regex;
	}
	wrong(p, "no fragment is called '%.*s'", (int)len, name);
	return NULL;
}

/* The end of the alternative that begins here: a bar outside groups and classes, or the regex's
 * end. */
static const char *alternative_end(const char *at)
{
	bool class = false;
	int depth = 0;

	for (; *at && (*at != '|' || class || depth); at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '[' || *at == ']')
			class = *at == '[';
		else if (!class && (*at == '(' || *at == ')'))
			depth += *at == '(' ? 1 : -1;
	}
	return at;
}

/* A regex on its way from a line to Vectorscan. */
struct writer {
	struct text text;
	size_t each; /* which alternative of a $[fragment] this one takes */
	bool more;   /* there is another */
};

static int add_fragment(struct parser *p, const char **at, struct writer *w)
{
	const char *regex = take_fragment(p, at, '}');

	if (!regex)
		return -EINVAL;
	text_add(&w->text, "(?:");
	text_add(&w->text, regex);
	text_add(&w->text, ")");
	return 0;
}

static int add_alternative(struct parser *p, const char **at, struct writer *w)
{
	const char *regex = take_fragment(p, at, ']'), *end;

	if (!regex)
		return -EINVAL;
	end = alternative_end(regex);
	for (size_t i = 0; i < w->each && *end; i++) {
		regex = end + 1;
		end = alternative_end(regex);
	}
	w->more = *end;
	text_add(&w->text, "(?:");
	text_add_n(&w->text, regex, (size_t)(end - regex));
	text_add(&w->text, ")");
	return 0;
}

/* A space is \s; in a character class it is itself. */
static int write_out(struct parser *p, const char *regex, struct writer *w)
{
	bool class = false;
	int r = 0;

	while (*regex && r >= 0) {
		if (!strncmp(regex, "${", 2)) {
			r = add_fragment(p, &regex, w);
			continue;
		}
		if (!strncmp(regex, "$[", 2)) {
			r = add_alternative(p, &regex, w);
			continue;
		}
		if (*regex == ' ' && !class) {
			text_add(&w->text, "\\s");
			regex++;
			continue;
		}
		if (*regex == '\\' && regex[1])
			text_add_n(&w->text, regex++, 1);
		else if (*regex == '[' || *regex == ']')
			class = *regex == '[';
		text_add_n(&w->text, regex++, 1);
	}
	return r < 0 ? r : text_failed(&w->text) ? -ENOMEM : 0;
}

/* --- lines ----------------------------------------------------------------------------------- */

static int parse_let(struct parser *p, char *value)
{
	struct fragment *f = &p->fragments[p->fragment_count];
	char *equals = strstr(value, " = ");
	struct writer w = { 0 };
	int r;

	if (!equals)
		return wrong(p, "write it as: let NAME = REGEX");
	if (p->fragment_count == FRAGMENTS_MAX)
		return wrong(p, "more than %d fragments", FRAGMENTS_MAX);
	*equals = '\0';
	if (strstr(value + strlen(value) + 1, "$["))
		return wrong(p, "$[...] is for regexes");
	r = write_out(p, equals + strlen(" = "), &w);
	f->regex = text_take(&w.text);
	f->name = strdup(value);
	p->fragment_count++; /* freed with the others, whole or not */
	return r < 0 ? r : f->name && f->regex ? 0 : -ENOMEM;
}

/* A rule is complete when the next one begins, or the file ends. */
static int finish_rule(struct parser *p)
{
	const struct rule *rule = p->rule;

	if (!rule)
		return 0;
	if (rule->intent_class == GUARD_CLASS_COUNT || !rule->weight || !rule->purpose ||
	    !rule->regexes.count || !rule->match.count || !rule->no_match.count)
		return wrong(p,
			     "the rule '%s' above lacks a class, weight, purpose, regex, match or "
			     "no-match line",
			     rule->id);
	return 0;
}

static int parse_rule(struct parser *p, char *value)
{
	struct rules *rules = p->rules;
	int r = finish_rule(p);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rules->count; i++) {
		if (!strcmp(rules->items[i].id, value))
			return wrong(p, "there is a rule '%s' already", value);
	}
	if (rules->count == RULES_MAX)
		return wrong(p, "more than %d rules", RULES_MAX);
	if (rules->count % GROW == 0) {
		struct rule *items =
			reallocarray(rules->items, rules->count + GROW, sizeof(*items));

		if (!items)
			return -ENOMEM;
		rules->items = items;
	}
	p->rule = &rules->items[rules->count];
	*p->rule = (struct rule){ .id = strdup(value), .intent_class = GUARD_CLASS_COUNT };
	if (!p->rule->id)
		return -ENOMEM;
	rules->count++;
	return 0;
}

static int parse_class(struct parser *p, char *value)
{
	static const enum guard_class classes[] = { GUARD_HARM, GUARD_DECEIVE, GUARD_REFUSE,
						    GUARD_CLARIFY };

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (strcmp(value, guard_class_name(classes[i])))
			continue;
		p->rule->intent_class = classes[i];
		return 0;
	}
	return wrong(p, "no rule can have the class '%s'", value);
}

static int parse_weight(struct parser *p, char *value)
{
	char *end;
	unsigned long weight = strtoul(value, &end, 10);

	if (!isdigit((unsigned char)*value) || *end || !weight || weight > RULES_WEIGHT_MAX)
		return wrong(p, "a weight is a number from 1 to %d", RULES_WEIGHT_MAX);
	p->rule->weight = (unsigned)weight;
	return 0;
}

static int parse_context(struct parser *p, char *value)
{
	static const char *const names[] = {
		[RULE_ON_OUTPUT] = "output",
		[RULE_ON_DOCUMENTS] = "document",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!names[i] || strcmp(value, names[i]))
			continue;
		p->rule->context = (enum rule_context)i;
		return 0;
	}
	return wrong(p, "a context is 'output' or 'document'");
}

static int parse_purpose(struct parser *p, char *value)
{
	if (p->rule->purpose)
		return wrong(p, "a second purpose");
	p->rule->purpose = strdup(value);
	return p->rule->purpose ? 0 : -ENOMEM;
}

static int parse_regex(struct parser *p, char *value)
{
	bool more = true;
	int r = 0;

	for (size_t each = 0; more && r >= 0; each++) {
		struct writer w = { .each = each };

		r = write_out(p, value, &w);
		if (r < 0)
			text_free(&w.text);
		else
			r = strings_add(&p->rule->regexes, text_take(&w.text));
		more = w.more;
	}
	return r;
}

static int parse_match(struct parser *p, char *value)
{
	return strings_add(&p->rule->match, strdup(value));
}

static int parse_no_match(struct parser *p, char *value)
{
	return strings_add(&p->rule->no_match, strdup(value));
}

static const struct keyword {
	const char *name;
	bool in_rule;
	int (*parse)(struct parser *p, char *value);
} keywords[] = {
	{ "let", false, parse_let },	      { "rule", false, parse_rule },
	{ "class", true, parse_class },	      { "weight", true, parse_weight },
	{ "context", true, parse_context },   { "purpose", true, parse_purpose },
	{ "regex", true, parse_regex },	      { "match", true, parse_match },
	{ "no-match", true, parse_no_match },
};

static int parse_entry(struct parser *p, char *entry)
{
	char *value = strchr(entry, ' ');

	if (!value)
		return wrong(p, "'%s' has no value", entry);
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (strcmp(keywords[i].name, entry))
			continue;
		if (keywords[i].in_rule && !p->rule)
			return wrong(p, "'%s' stands outside a rule", entry);
		return keywords[i].parse(p, text_trim(value));
	}
	return wrong(p, "'%s' isn't a keyword", entry);
}

/* Steps over one line; false at the end of the file. */
static bool next_line(struct parser *p, const char **ret, size_t *ret_len)
{
	const char *newline;

	if (p->at >= p->end)
		return false;
	newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
	*ret = p->at;
	*ret_len = (size_t)((newline ? newline : p->end) - p->at);
	p->at = newline ? newline + 1 : p->end;
	p->next_line++;
	return true;
}

static void add_trimmed(struct text *t, const char *line, size_t len)
{
	while (len && isspace((unsigned char)line[len - 1]))
		len--;
	while (len && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	text_add_n(t, line, len);
}

/* A line with those that continue it. */
static bool next_entry(struct parser *p, struct text *ret)
{
	const char *line;
	size_t len;

	do {
		p->line = p->next_line;
		if (!next_line(p, &line, &len))
			return false;
	} while (!len || *line == '#' || isspace((unsigned char)*line));
	text_clear(ret);
	add_trimmed(ret, line, len);
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t') && next_line(p, &line, &len))
		add_trimmed(ret, line, len);
	return true;
}

static int parse_all(struct parser *p)
{
	_cleanup_(text_free) struct text entry = { 0 };
	int r;

	while (next_entry(p, &entry)) {
		if (text_failed(&entry))
			return -ENOMEM;
		if (strlen(entry.data) != entry.len)
			return wrong(p, "a NUL");
		r = parse_entry(p, entry.data);
		if (r < 0)
			return r;
	}
	return finish_rule(p);
}

int rules_parse(const char *text, size_t len, struct rules **ret, char *error, size_t error_size)
{
	_cleanup_(rules_free) struct rules *rules = calloc(1, sizeof(*rules));
	struct parser p = {
		.at = text,
		.end = text + len,
		.next_line = 1,
		.rules = rules,
		.error = error,
		.error_size = error_size,
	};
	int r;

	if (!rules)
		return -ENOMEM;
	r = parse_all(&p);
	for (size_t i = 0; i < p.fragment_count; i++) {
		free(p.fragments[i].name);
		free(p.fragments[i].regex);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(rules);
	return 0;
}

void rules_free(struct rules **rules)
{
	if (!*rules)
		return;
	for (size_t i = 0; i < (*rules)->count; i++) {
		struct rule *rule = &(*rules)->items[i];

		free(rule->id);
		free(rule->purpose);
		strings_free(&rule->regexes);
		strings_free(&rule->match);
		strings_free(&rule->no_match);
	}
	free((*rules)->items);
	free(*rules);
	*rules = NULL;
}
