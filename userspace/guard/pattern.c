/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tenants' documents were written for Python's re, whose syntax is nearly PCRE's. Where the two
 * read the same text differently ("\Z", "\v", "{,3}", "[[:x:]]", "(*...)"), it is rewritten or
 * refused here, so that a pattern never silently means something else; everything that only PCRE
 * has is refused as Python does. Verbose mode is resolved here too. The walk also adds up what an
 * automaton of the pattern would take, because compiling (\w{1,200}\s){1,20} keeps Vectorscan busy
 * for twelve seconds before it gives up.
 */
#include "guard/pattern.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COST_CLASS 8 /* \w, [...] or "." as UTF-8: several bytes, several ways */
#define COST_MAX   (1ULL << 40)
#define REPEAT_MAX 65535 /* PCRE2's */
#define COST_STAR  2	 /* an unlimited repeat is one copy and a loop */

struct walk {
	const char *start, *at, *end;
	struct pattern_text *out;
	char *error;
	size_t error_size;
	unsigned depth;
	uint64_t sum[PATTERN_NESTING_MAX + 1]; /* of the groups that are open */
	bool verbose[PATTERN_NESTING_MAX + 1];
	uint64_t last; /* the item that a quantifier would repeat; 0: none */
};

static int wrong(struct walk *w, const char *format, ...) _printf_(2, 3);
static int wrong(struct walk *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->error, w->error_size, format, args);
	va_end(args);
	return -EINVAL;
}

static size_t left(const struct walk *w)
{
	return (size_t)(w->end - w->at);
}

static bool starts_with(const struct walk *w, const char *s)
{
	return left(w) >= strlen(s) && !memcmp(w->at, s, strlen(s));
}

static void emit_n(struct walk *w, const char *s, size_t len)
{
	text_add_n(&w->out->regex, s, len);
	text_add_n(&w->out->wide, s, len);
}

static void emit(struct walk *w, const char *s)
{
	emit_n(w, s, strlen(s));
}

static void emitf(struct walk *w, const char *format, ...) _printf_(2, 3);
static void emitf(struct walk *w, const char *format, ...)
{
	char s[64]; /* a group's name is at most half of it */
	va_list args;

	va_start(args, format);
	vsnprintf(s, sizeof(s), format, args);
	va_end(args);
	emit(w, s);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* An item has ended; a quantifier may follow. */
static void add_item(struct walk *w, uint64_t cost)
{
	w->last = cost;
	w->sum[w->depth] = MIN(w->sum[w->depth] + cost, COST_MAX);
}

/* One byte of what stands for itself. */
static void emit_literal(struct walk *w, unsigned char c)
{
	if (c < ' ' || c == 0x7f)
		emitf(w, "\\x%02x", c);
	else if (strchr("\\^$.|?*+()[]{}", c))
		emitf(w, "\\%c", c);
	else
		emit_n(w, (const char *)&c, 1);
}

/* --- escapes, outside and inside classes ----------------------------------------------------- */

/* Exactly `digits` of them. */
static int take_hex(struct walk *w, char letter, unsigned digits)
{
	unsigned long code = 0;

	for (unsigned i = 0; i < digits; i++) {
		const char *all = "0123456789abcdefABCDEF", *at;

		at = left(w) && *w->at ? strchr(all, *w->at) : NULL;
		if (!at)
			return wrong(w, "incomplete escape \\%c", letter);
		code = code << 4 | (unsigned long)(at - all < 16 ? at - all : at - all - 6);
		w->at++;
	}
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return wrong(w, "bad escape \\%c: not a character", letter);
	emitf(w, "\\x{%lx}", code);
	return 0;
}

/* At most three octal digits, of which *w->at is the first. */
static int take_octal(struct walk *w)
{
	unsigned code = 0;

	for (unsigned i = 0; i < 3 && left(w) && is_octal(*w->at); i++)
		code = code * 8 + (unsigned)(*w->at++ - '0');
	if (code > 0377)
		return wrong(w, "octal escape value outside of range 0-0o377");
	emitf(w, "\\x{%x}", code);
	return 0;
}

/* Where an escape stands: what is wide outside would be narrow in a negated class. */
enum place { OUTSIDE, IN_CLASS, IN_NEGATED, PLACE_COUNT };
#define BEYOND_ASCII "\\x{80}-\\x{10ffff}"

static void emit_class_escape(struct walk *w, char c, enum place place)
{
	static const struct {
		char letter;
		const char *wide[PLACE_COUNT];
	} rows[] = {
		{ 'w', { "[\\w" BEYOND_ASCII "]", "\\w" BEYOND_ASCII, "\\w" } },
		{ 'd', { "[\\d" BEYOND_ASCII "]", "\\d" BEYOND_ASCII, "\\d" } },
		{ 's',
		  { "[\\x09-\\x0d\\x1c-\\x20" BEYOND_ASCII "]",
		    "\\x09-\\x0d\\x1c-\\x20" BEYOND_ASCII, "\\x09-\\x0d\\x20" } },
		{ 'W', { "\\W", "\\W", "\\x00-\\x2f\\x3a-\\x40\\x5b-\\x5e\\x60\\x7b-\\x7f" } },
		{ 'D', { "\\D", "\\D", "\\x00-\\x2f\\x3a-\\x7f" } },
		{ 'S', { "\\S", "\\S", "\\x00-\\x08\\x0e-\\x1b\\x21-\\x7f" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].letter != c)
			continue;
		text_addf(&w->out->regex, "\\%c", c);
		if (w->out->ascii)
			text_addf(&w->out->wide, "\\%c", c);
		else
			text_add(&w->out->wide, rows[i].wide[place]);
		w->out->beyond |= !w->out->ascii;
	}
}

/* What means the same inside and outside a class. 1: it wasn't one of those. */
static int common_escape(struct walk *w, char c, enum place place)
{
	static const char letters[] = "afnrtv", codes[] = "\a\f\n\r\t\v";
	const char *at = c ? strchr(letters, c) : NULL;

	if (at) {
		emit_literal(w, (unsigned char)codes[at - letters]);
		return 0;
	}
	switch (c) {
	case 'w':
	case 'W':
	case 'd':
	case 'D':
	case 's':
	case 'S':
		emit_class_escape(w, c, place);
		return 0;
	case 'x':
		return take_hex(w, c, 2);
	case 'u':
		return take_hex(w, c, 4);
	case 'U':
		return take_hex(w, c, 8);
	case 'N':
		return wrong(w, "\\N{...} isn't supported; write the character itself");
	}
	if (is_letter(c) || is_digit(c))
		return 1;
	emit_literal(w, (unsigned char)c);
	return 0;
}

/* A reference to a group, or an octal character. w->at is behind the first digit. */
static int number_escape(struct walk *w, char first)
{
	unsigned group = (unsigned)(first - '0');

	if (first == '0' ||
	    (left(w) >= 2 && is_octal(first) && is_octal(w->at[0]) && is_octal(w->at[1]))) {
		w->at--;
		return take_octal(w);
	}
	if (left(w) && is_digit(*w->at))
		group = group * 10 + (unsigned)(*w->at++ - '0');
	emitf(w, "\\g{%u}", group);
	w->out->beyond = true;
	return 0;
}

/* Vectorscan's \b knows ASCII letters only, so it goes by another's edges: its text does without.
 */
static void emit_anchor(struct walk *w, char c)
{
	bool edge = (c == 'b' || c == 'B') && !w->out->ascii;

	text_addf(&w->out->regex, "\\%c", c);
	if (edge)
		text_add(&w->out->wide, "(?:)");
	else
		text_addf(&w->out->wide, "\\%c", c);
	w->out->beyond |= edge;
	add_item(w, 1);
}

static int take_escape(struct walk *w)
{
	char c;
	int r;

	if (++w->at == w->end)
		return wrong(w, "bad escape (end of pattern)");
	c = *w->at++;
	if (c == 'A' || c == 'b' || c == 'B' || c == 'Z') {
		emit_anchor(w, c == 'Z' ? 'z' : c);
		return 0;
	}
	add_item(w, c == 'w' || c == 'W' || c == 'd' || c == 'D' || c == 's' || c == 'S'
			    ? COST_CLASS
			    : 1);
	if (is_digit(c))
		return number_escape(w, c);
	r = common_escape(w, c, OUTSIDE);
	return r > 0 ? wrong(w, "bad escape \\%c", c) : r;
}

/* --- classes --------------------------------------------------------------------------------- */

static int class_escape(struct walk *w, enum place place)
{
	char c;
	int r;

	if (++w->at == w->end)
		return wrong(w, "unterminated character set");
	c = *w->at++;
	if (c == 'b') {
		emit(w, "\\x08");
		return 0;
	}
	if (is_octal(c)) {
		w->at--;
		return take_octal(w);
	}
	r = common_escape(w, c, place);
	return r > 0 ? wrong(w, "bad escape \\%c", c) : r;
}

static int take_class(struct walk *w)
{
	enum place place = IN_CLASS;
	bool first = true;
	int r;

	emit(w, "[");
	w->at++;
	if (left(w) && *w->at == '^') {
		emit(w, "^");
		w->at++;
		place = IN_NEGATED;
	}
	for (; w->at < w->end && (*w->at != ']' || first); first = false) {
		char c = *w->at;

		if (c == '\\') {
			r = class_escape(w, place);
			if (r < 0)
				return r;
			continue;
		}
		/* "-" alone has a meaning here, for both. */
		if (c == '-')
			emit(w, "-");
		else
			emit_literal(w, (unsigned char)c);
		w->at++;
	}
	if (w->at == w->end)
		return wrong(w, "unterminated character set");
	w->at++;
	emit(w, "]");
	add_item(w, COST_CLASS);
	return 0;
}

/* --- quantifiers ----------------------------------------------------------------------------- */

/* "{2}", "{2,}", "{,3}" or "{2,3}"; anything else is a brace that stands for itself. */
static bool parse_braces(const struct walk *w, unsigned long *low, unsigned long *high,
			 const char **behind)
{
	const char *at = w->at + 1;
	unsigned long bounds[2] = { 0, ~0UL };
	bool digits[2] = { false, false }, comma = false;

	for (; at < w->end && (is_digit(*at) || (*at == ',' && !comma)); at++) {
		if (*at == ',') {
			comma = true;
			continue;
		}
		if (!digits[comma])
			bounds[comma] = 0;
		digits[comma] = true;
		bounds[comma] = MIN(bounds[comma] * 10 + (unsigned long)(*at - '0'), 1UL << 32);
	}
	if (at == w->end || *at != '}' || !(digits[0] || comma))
		return false;
	*low = bounds[0];
	*high = comma ? bounds[1] : bounds[0];
	*behind = at + 1;
	return true;
}

static void emit_bounds(struct walk *w, unsigned long low, unsigned long high)
{
	if (high == ~0UL)
		emitf(w, "{%lu,}", low);
	else
		emitf(w, "{%lu,%lu}", low, high);
}

/* Repeats the last item. */
static int take_quantifier(struct walk *w)
{
	unsigned long low = 0, high = ~0UL;
	const char *behind = w->at + 1;
	uint64_t copies;

	if (*w->at == '{' && !parse_braces(w, &low, &high, &behind)) {
		emit(w, "\\{");
		add_item(w, 1);
		w->at++;
		return 0;
	}
	if (!w->last)
		return wrong(w, "nothing to repeat");
	if (low > high)
		return wrong(w, "min repeat greater than max repeat");
	if (low > REPEAT_MAX || (high != ~0UL && high > REPEAT_MAX))
		return wrong(w, "a repeat of more than %d", REPEAT_MAX);
	if (*w->at == '{')
		emit_bounds(w, low, high);
	else
		emit_n(w, w->at, 1);
	low += *w->at == '+';
	w->at = behind;
	if (left(w) && (*w->at == '?' || *w->at == '+')) {
		w->out->beyond |= *w->at == '+';
		emit_n(w, w->at++, 1);
	}
	copies = high == ~0UL ? low + COST_STAR : high;
	w->sum[w->depth] = MIN(w->sum[w->depth] + w->last * copies, COST_MAX);
	w->last = 0;
	return 0;
}

/* --- groups ---------------------------------------------------------------------------------- */

static int open_group(struct walk *w, const char *as, bool verbose)
{
	if (w->depth == PATTERN_NESTING_MAX)
		return wrong(w, "more than %d groups inside each other", PATTERN_NESTING_MAX);
	emit(w, as);
	w->depth++;
	w->sum[w->depth] = 1;
	w->verbose[w->depth] = verbose;
	w->last = 0;
	return 0;
}

static int close_group(struct walk *w)
{
	uint64_t cost = w->sum[w->depth];

	if (!w->depth)
		return wrong(w, "unbalanced parenthesis");
	w->at++;
	w->depth--;
	emit(w, ")");
	add_item(w, cost);
	return 0;
}

static int skip_comment(struct walk *w)
{
	const char *close = memchr(w->at, ')', left(w));

	if (!close)
		return wrong(w, "missing ), unterminated comment");
	w->at = close + 1;
	return 0;
}

/* What stands between "(?P<" or the like and `close`; letters, digits and _. */
static int take_name(struct walk *w, char close, char *ret, size_t size)
{
	size_t n = 0;

	while (w->at < w->end && *w->at != close) {
		char c = *w->at++;

		if (!is_letter(c) && !is_digit(c) && c != '_')
			return wrong(w, "bad character in group name");
		if (n + 1 >= size)
			return wrong(w, "a group name is longer than %zu characters", size - 1);
		ret[n++] = c;
	}
	if (!left(w) || !n)
		return wrong(w, n ? "missing %c, unterminated name" : "missing group name", close);
	w->at++;
	ret[n] = '\0';
	return 0;
}

#define NAME_SIZE 33 /* PCRE2's longest, and a NUL */

static int named_group(struct walk *w)
{
	char name[NAME_SIZE] = "", as[NAME_SIZE + 8];
	int r;

	w->at += strlen("(?P<");
	r = take_name(w, '>', name, sizeof(name));
	if (r < 0)
		return r;
	snprintf(as, sizeof(as), "(?P<%s>", name);
	return open_group(w, as, w->verbose[w->depth]);
}

static int named_reference(struct walk *w)
{
	char name[NAME_SIZE];
	int r;

	w->at += strlen("(?P=");
	r = take_name(w, ')', name, sizeof(name));
	if (r < 0)
		return r;
	emitf(w, "(?P=%s)", name);
	w->out->beyond = true;
	add_item(w, 1);
	return 0;
}

static int conditional(struct walk *w)
{
	char name[NAME_SIZE] = "", as[NAME_SIZE + 8];
	int r;

	w->at += strlen("(?(");
	r = take_name(w, ')', name, sizeof(name));
	if (r < 0)
		return r;
	snprintf(as, sizeof(as), is_digit(*name) ? "(?(%s)" : "(?(<%s>)", name);
	w->out->beyond = true;
	return open_group(w, as, w->verbose[w->depth]);
}

/* "(?i)" at the very start, "(?i-s:...)" anywhere. */
static int flags_group(struct walk *w)
{
	char flags[16] = "", c;
	bool verbose = w->verbose[w->depth], off = false, ascii = false;
	bool at_start = w->at == w->start;
	size_t n = 0;

	for (w->at += strlen("(?"); left(w) && strchr("aimsux-", *w->at) && *w->at; w->at++) {
		c = *w->at;
		if (c == '-' && off)
			return wrong(w, "missing flag");
		off |= c == '-';
		if (c == 'x')
			verbose = !off;
		ascii |= c == 'a';
		if (!strchr("aux", c) && n < sizeof(flags) - 1)
			flags[n++] = c;
	}
	c = left(w) ? *w->at++ : '\0';
	if (c == ':') {
		char as[sizeof(flags) + 4];

		snprintf(as, sizeof(as), "(?%s:", flags);
		return open_group(w, as, verbose);
	}
	if (c != ')' || off)
		return wrong(w, c ? "unknown flag" : "missing -, : or )");
	if (!at_start)
		return wrong(w, "global flags not at the start of the expression");
	w->verbose[w->depth] = verbose;
	w->out->ascii |= ascii; /* of a group alone it is ignored: \w takes more then, not less */
	if (n)
		emitf(w, "(?%s)", flags);
	return 0;
}

static int take_group(struct walk *w)
{
	static const char *const plain[] = { "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>" };

	if (!starts_with(w, "(?")) {
		if (starts_with(w, "(*"))
			return wrong(w, "nothing to repeat");
		w->at++;
		return open_group(w, "(", w->verbose[w->depth]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (!starts_with(w, plain[i]))
			continue;
		w->at += strlen(plain[i]);
		w->out->beyond |= i > 0;
		return open_group(w, plain[i], w->verbose[w->depth]);
	}
	if (starts_with(w, "(?#"))
		return skip_comment(w);
	if (starts_with(w, "(?P<"))
		return named_group(w);
	if (starts_with(w, "(?P="))
		return named_reference(w);
	if (starts_with(w, "(?("))
		return conditional(w);
	if (left(w) > 2 && w->at[2] && strchr("aimsux-", w->at[2]))
		return flags_group(w);
	if (left(w) == 2)
		return wrong(w, "unexpected end of pattern");
	return wrong(w, "unknown extension ?%c", w->at[2]);
}

/* --- the walk -------------------------------------------------------------------------------- */

/* White space and comments of verbose mode. */
static bool skip_verbose(struct walk *w)
{
	if (!w->verbose[w->depth])
		return false;
	if (*w->at == '#') {
		const char *newline = memchr(w->at, '\n', left(w));

		w->at = newline ? newline + 1 : w->end;
		return true;
	}
	if (*w->at && strchr(" \t\n\r\f\v", *w->at)) {
		w->at++;
		return true;
	}
	return false;
}

static void take_plain(struct walk *w)
{
	char c = *w->at++;

	if (c == '|') {
		emit(w, "|");
		w->last = 0;
	} else if (c == '.' || c == '^' || c == '$') {
		emit_n(w, &c, 1);
		add_item(w, c == '.' ? COST_CLASS : 1);
	} else {
		emit_literal(w, (unsigned char)c);
		add_item(w, 1);
	}
}

static int take_item(struct walk *w)
{
	if (skip_verbose(w))
		return 0;
	switch (*w->at) {
	case '\\':
		return take_escape(w);
	case '[':
		return take_class(w);
	case '(':
		return take_group(w);
	case ')':
		return close_group(w);
	case '*':
	case '+':
	case '?':
	case '{':
		return take_quantifier(w);
	default:
		take_plain(w);
		return 0;
	}
}

int pattern_translate(const char *regex, size_t len, struct pattern_text *ret, char *error,
		      size_t error_size)
{
	_cleanup_(pattern_text_free) struct pattern_text out = { 0 };
	struct walk w = {
		.start = regex,
		.at = regex,
		.end = regex + len,
		.out = &out,
		.error = error,
		.error_size = error_size,
	};
	int r;

	text_add(&out.regex, "");
	text_add(&out.wide, "");
	while (w.at < w.end) {
		r = take_item(&w);
		if (r < 0)
			return r;
	}
	if (w.depth)
		return wrong(&w, "missing ), unterminated subpattern");
	if (text_failed(&out.regex) || text_failed(&out.wide))
		return -ENOMEM;
	out.cost = w.sum[0];
	*ret = out;
	out.regex = out.wide = (struct text){ 0 };
	return 0;
}

void pattern_text_free(struct pattern_text *p)
{
	text_free(&p->regex);
	text_free(&p->wide);
}
