/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms: application/x-www-form-urlencoded and multipart/form-data, decoded in place. Values become
 * C strings, so a NUL or bytes that aren't UTF-8 are an error and not a shorter value. A percent
 * sign that starts no escape stands for itself, as browsers and the Python firewall have it.
 */
#include "http/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX   70 /* RFC 2046, 5.1.1 */
#define DASHES	       "--"
#define CRLF	       "\r\n"
#define DELIMITER_SIZE (sizeof(CRLF DASHES) + BOUNDARY_MAX)
#define URLENCODED     "application/x-www-form-urlencoded"
#define MULTIPART      "multipart/form-data"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t form_decode(char *text, size_t len, bool plus)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		int high = -1, low = -1;

		if (text[i] == '%' && len - i > 2) {
			high = hex_digit(text[i + 1]);
			low = hex_digit(text[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			text[out++] = (char)(high << 4 | low);
			i += 2;
		} else {
			text[out++] = plus && text[i] == '+' ? ' ' : text[i];
		}
	}
	return out;
}

struct fields {
	struct exchange_field *items;
	size_t count;
};

static bool is_text(const char *s, size_t len)
{
	return !memchr(s, '\0', len) && text_is_utf8(s, len);
}

/* Both are terminated in place: behind each stands a delimiter that has been read. */
static int add_field(struct fields *f, char *name, size_t name_len, char *value, size_t value_len)
{
	if (!is_text(name, name_len) || !is_text(value, value_len) || f->count == FORM_FIELDS_MAX)
		return -EBADMSG;
	name[name_len] = '\0';
	value[value_len] = '\0';
	f->items[f->count++] = (struct exchange_field){ name, value };
	return 0;
}

static int parse_urlencoded(struct fields *f, char *body, size_t len)
{
	char *end = body + len;

	while (body < end) {
		char *stop = memchr(body, '&', (size_t)(end - body));
		char *equals;
		int r = 0;

		if (!stop)
			stop = end;
		equals = memchr(body, '=', (size_t)(stop - body));
		if (equals)
			r = add_field(f, body, form_decode(body, (size_t)(equals - body), true),
				      equals + 1,
				      form_decode(equals + 1, (size_t)(stop - equals - 1), true));
		if (r < 0)
			return r;
		body = stop + 1;
	}
	return 0;
}

/* --- multipart ------------------------------------------------------------------------------- */

/* The delimiter, "\r\n--" and the boundary, into ret; returns its length. */
static int read_delimiter(const char *content_type, char ret[static DELIMITER_SIZE])
{
	const char *at = strcasestr(content_type, "boundary=");
	size_t len;

	if (!at)
		return -EBADMSG;
	at += strlen("boundary=");
	if (*at == '"')
		len = strcspn(++at, "\"");
	else
		len = strcspn(at, "; \t");
	if (!len || len > BOUNDARY_MAX)
		return -EBADMSG;
	return snprintf(ret, DELIMITER_SIZE, CRLF DASHES "%.*s", (int)len, at);
}

/* The value of name="…" in a part's Content-Disposition; NULL without one, or for a file. */
static char *part_name(char *headers, size_t len, size_t *ret_len)
{
	char *at, *name, *end;

	headers[len] = '\0'; /* the CR of the blank line */
	at = strcasestr(headers, "Content-Disposition:");
	if (!at)
		return NULL;
	at[strcspn(at, "\r\n")] = '\0';
	if (strcasestr(at, "filename"))
		return NULL;
	name = strcasestr(at, "; name=\"");
	if (!name)
		return NULL;
	name += strlen("; name=\"");
	end = strchr(name, '"');
	if (!end)
		return NULL;
	*ret_len = (size_t)(end - name);
	return name;
}

static int parse_part(struct fields *f, char *part, size_t len)
{
	char *blank = memmem(part, len, "\r\n\r\n", 4), *name;
	size_t name_len;

	if (!blank || memchr(part, '\0', (size_t)(blank - part)))
		return -EBADMSG;
	name = part_name(part, (size_t)(blank - part), &name_len);
	if (!name)
		return 0;
	return add_field(f, name, name_len, blank + 4, len - (size_t)(blank + 4 - part));
}

/* The first delimiter may stand at the very start, without its CRLF. */
static char *first_delimiter(char *body, size_t len, const char *delimiter, size_t delimiter_len)
{
	if (len >= delimiter_len - 2 && !memcmp(body, delimiter + 2, delimiter_len - 2))
		return body - 2;
	return memmem(body, len, delimiter, delimiter_len);
}

static int parse_multipart(struct fields *f, const char *content_type, char *body, size_t len)
{
	char delimiter[DELIMITER_SIZE], *end = body + len, *at, *next;
	int r = read_delimiter(content_type, delimiter);
	size_t delimiter_len;

	if (r < 0)
		return r;
	delimiter_len = (size_t)r;
	for (at = first_delimiter(body, len, delimiter, delimiter_len); at; at = next) {
		at += delimiter_len;
		if (end - at < 2)
			return -EBADMSG;
		if (!memcmp(at, DASHES, 2))
			return 0; /* the last one */
		if (memcmp(at, CRLF, 2))
			return -EBADMSG;
		at += 2;
		next = memmem(at, (size_t)(end - at), delimiter, delimiter_len);
		r = next ? parse_part(f, at, (size_t)(next - at)) : -EBADMSG;
		if (r < 0)
			return r;
	}
	return len ? -EBADMSG : 0;
}

static bool is_type(const char *content_type, const char *type)
{
	size_t len = strlen(type);

	return !strncasecmp(content_type, type, len) && strchr("; \t", content_type[len]);
}

int form_parse(const char *content_type, char *body, size_t len,
	       struct exchange_field fields[static FORM_FIELDS_MAX], size_t *ret_count)
{
	struct fields f = { .items = fields };
	int r = 0;

	if (!content_type || is_type(content_type, URLENCODED))
		r = parse_urlencoded(&f, body, len);
	else if (is_type(content_type, MULTIPART))
		r = parse_multipart(&f, content_type, body, len);
	if (r >= 0)
		*ret_count = f.count;
	return r;
}
