// SPDX-License-Identifier: Apache-2.0
/* Writes and reads cases: see script.h. One line a fact; what is ordinary isn't mentioned. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "script.h"

#define LINE_MAX_LEN (4 * PAYLOAD_MAX + 64) /* every byte escaped */

static const char *const scene_names[] = {
#define X(name, text) #name,
	SCENE_NUMBERS(X)
#undef X
};

static const char *const segment_names[] = {
#define X(name, text) #name,
	SEGMENT_NUMBERS(X)
#undef X
};

static const struct {
	const char *name;
	size_t offset;
	uint32_t max;
} segment_bytes[] = {
#define X(name, max) { #name, offsetof(struct script_segment, name), max },
	SEGMENT_BYTES(X)
#undef X
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void write_numbers(const char *const *names, const uint32_t *numbers, unsigned count,
			  FILE *to)
{
	for (unsigned i = 0; i < count; i++) {
		if (numbers[i])
			fprintf(to, "%s 0x%x\n", names[i], numbers[i]);
	}
}

static void write_bytes(const char *name, const struct bytes *b, FILE *to)
{
	if (!b->len)
		return;
	fprintf(to, "%s \"", name);
	for (uint32_t i = 0; i < b->len; i++) {
		uint8_t c = b->at[i];

		if (c == '\r' || c == '\n')
			fputs(c == '\r' ? "\\r" : "\\n", to);
		else if (c == '"' || c == '\\' || c < ' ' || c > '~')
			fprintf(to, "\\x%02x", c);
		else
			fputc(c, to);
	}
	fputs("\"\n", to);
}

void script_write(const struct script *s, FILE *to)
{
	write_numbers(scene_names, (const uint32_t *)&s->scene, SCENE_NUMBER_COUNT, to);
	for (uint32_t i = 0; i < s->segment_count; i++) {
		const struct script_segment *segment = &s->segments[i];

		fputs("segment\n", to);
		write_numbers(segment_names, (const uint32_t *)segment, SEGMENT_NUMBER_COUNT, to);
		for (unsigned j = 0; j < COUNT(segment_bytes); j++)
			write_bytes(segment_bytes[j].name,
				    (const void *)((const char *)segment + segment_bytes[j].offset),
				    to);
	}
}

/* One character or escape; *at moves behind it. -1: neither. */
static int read_character(const char **at)
{
	const char *p = *at;
	char hex[3] = "";

	if (*p != '\\') {
		*at = p + 1;
		return *p ? (uint8_t)*p : -1;
	}
	*at = p + 2;
	if (p[1] == 'r' || p[1] == 'n')
		return p[1] == 'r' ? '\r' : '\n';
	if (p[1] != 'x' || !isxdigit((uint8_t)p[2]) || !isxdigit((uint8_t)p[3]))
		return -1;
	memcpy(hex, p + 2, 2);
	*at = p + 4;
	return (int)strtol(hex, NULL, 16);
}

static int read_bytes(const char *text, uint32_t max, struct bytes *ret)
{
	ret->len = 0;
	if (*text++ != '"')
		return -EINVAL;
	while (*text != '"') {
		int c = read_character(&text);

		if (c < 0 || ret->len == max)
			return -EINVAL;
		ret->at[ret->len++] = (uint8_t)c;
	}
	return strspn(text + 1, "\r\n") == strlen(text + 1) ? 0 : -EINVAL;
}

static int read_number(const char *name, const char *text, const char *const *names,
		       uint32_t *numbers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char *end;

		if (strcmp(name, names[i]))
			continue;
		numbers[i] = (uint32_t)strtoul(text, &end, 0);
		return end != text && strspn(end, "\r\n") == strlen(end) ? 0 : -EINVAL;
	}
	return -ENOENT;
}

static int read_fact(const char *name, const char *text, struct script *s)
{
	struct script_segment *segment = &s->segments[s->segment_count - 1];
	int r;

	if (!s->segment_count)
		return read_number(name, text, scene_names, (uint32_t *)&s->scene,
				   SCENE_NUMBER_COUNT);
	r = read_number(name, text, segment_names, (uint32_t *)segment, SEGMENT_NUMBER_COUNT);
	for (unsigned i = 0; r == -ENOENT && i < COUNT(segment_bytes); i++) {
		if (!strcmp(name, segment_bytes[i].name))
			return read_bytes(text, segment_bytes[i].max,
					  (void *)((char *)segment + segment_bytes[i].offset));
	}
	return r;
}

static int read_line(char *line, struct script *s)
{
	char *name = line + strspn(line, " \t"), *text;

	if (*name == '#' || *name == '\n' || !*name)
		return 0;
	text = name + strcspn(name, " \n");
	if (!strncmp(name, "segment\n", 8)) {
		if (s->segment_count == SEGMENTS_MAX)
			return -EINVAL;
		s->segment_count++;
		return 0;
	}
	if (*text != ' ')
		return -EINVAL;
	*text++ = 0;
	return read_fact(name, text, s);
}

int script_read(FILE *from, struct script *ret, unsigned *ret_line)
{
	static char line[LINE_MAX_LEN];

	memset(ret, 0, sizeof(*ret));
	for (*ret_line = 1; fgets(line, sizeof(line), from); ++*ret_line) {
		if (read_line(line, ret))
			return -EINVAL;
	}
	return ret->segment_count ? 0 : -EINVAL;
}
