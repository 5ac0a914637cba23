// SPDX-License-Identifier: Apache-2.0
/*
 * The model's reader of requests, a byte at a time. docs/kernel.md, "What is refused, and only
 * that": a head is plain or it is userspace's.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "model.h"

#define UNDECIDED AXFW_REASON_COUNT

#define HEAD_MAX    2048 /* bytes that are looked at */
#define SEGMENT_MIN 64	 /* what is shorter holds no request that could be refused */
#define NAME_MAX    31
#define SPACES_MAX  7
#define QUERY_MAX   64
#define STEP_BYTES  32 /* of a line, read in one step */
#define STEPS_MAX   128

/* A line of the head. A reader stands at `at` and knows no more than the byte there. */
struct reader {
	const uint8_t *bytes;
	uint32_t at, len, steps;
};

enum meaning {
	HOST,
	KEY, /* twice under either name is a duplicate */
	LENGTH,
	ORIGIN,
	FORWARDED_FOR,
	TYPE,
	SITE,
	USERSPACES, /* one that only userspace honours */
	UNREAD,
};

static const struct {
	const char *name;
	enum meaning meaning;
} known[] = {
	{ "Host", HOST },
	{ "Authorization", KEY },
	{ "x-api-key", KEY },
	{ "Content-Length", LENGTH },
	{ "Origin", ORIGIN },
	{ "X-Forwarded-For", FORWARDED_FOR },
	{ "Content-Type", TYPE },
	{ "Sec-Fetch-Site", SITE },
	{ "Transfer-Encoding", USERSPACES },
	{ "Expect", USERSPACES },
	{ "X-Request-ID", USERSPACES },
};

static enum meaning find_meaning(const char *name)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcasecmp(known[i].name, name))
			return known[i].meaning;
	}
	return UNREAD;
}

static bool is_text(uint8_t c)
{
	return c >= ' ' && c <= '~';
}

/* One line without its CRLF. UNDECIDED; ODD: it ends in something else; INCOMPLETE: it doesn't end
 * in what is looked at. */
static enum axfw_reason read_line(struct reader *r, char ret[HEAD_MAX + 1])
{
	uint32_t len = 0;

	while (r->at + len < r->len && is_text(r->bytes[r->at + len])) {
		ret[len] = (char)r->bytes[r->at + len];
		len++;
	}
	ret[len] = 0;
	r->steps += 1 + len / STEP_BYTES;
	if (r->at + len + 2 > r->len || r->steps > STEPS_MAX)
		return AXFW_REASON_HEADERS_INCOMPLETE;
	if (r->bytes[r->at + len] != '\r' || r->bytes[r->at + len + 1] != '\n')
		return AXFW_REASON_HEADERS_ODD;
	r->at += len + 2;
	return UNDECIDED;
}

/* Everything up to the first character that isn't of an ordinary name has to be a name and that
 * character a colon. *ret_value is what stands behind it. */
static bool split(char *line, const char **ret_value)
{
	size_t len = 0;

	while (isalnum((unsigned char)line[len]) || line[len] == '-' || line[len] == '_')
		len++;
	if (!len || len > NAME_MAX || line[len] != ':')
		return false;
	line[len] = 0;
	*ret_value = line + len + 1;
	return true;
}

/* A value that is read stands behind up to seven spaces, and isn't empty. */
static bool take_value(const char *value, char *ret)
{
	size_t len;

	for (int i = 0; i < SPACES_MAX && *value == ' '; i++)
		value++;
	len = strlen(value);
	if (!len || *value == ' ' || value[len - 1] == ' ')
		return false;
	strcpy(ret, value);
	return true;
}

static bool take_once(bool *seen)
{
	bool first = !*seen;

	*seen = true;
	return first;
}

/* Is the line one that a plain head may have here? */
static bool take_header(char *line, bool *has_type, struct request *ret)
{
	const char *value;

	if (!split(line, &value))
		return false;
	switch (find_meaning(line)) {
	case HOST:
		return take_once(&ret->has_host);
	case KEY:
		ret->authorization = !strcasecmp(line, "Authorization");
		return take_value(value, ret->key_value) && take_once(&ret->has_key);
	case LENGTH:
		return take_value(value, ret->length) && take_once(&ret->has_length);
	case SITE:
		return take_value(value, ret->site) && take_once(&ret->has_site);
	case ORIGIN:
		return take_once(&ret->origin);
	case FORWARDED_FOR:
		strcpy(ret->forwarded, value);
		return take_once(&ret->forwarded_for);
	case TYPE:
		return take_once(has_type);
	case USERSPACES:
		return false;
	case UNREAD:
		return true;
	}
	return false;
}

bool model_starts_request(const struct knowledge *k, const struct segment *s)
{
	static const char *const methods[] = { "POST", "GET ", "HEAD", "PUT ",
					       "DELE", "OPTI", "PATC" };

	if (s->payload_len < SEGMENT_MIN)
		return false;
	for (unsigned i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (!memcmp(s->payload, methods[i], 4))
			return true;
	}
	return k->proxy_protocol &&
	       (!memcmp(s->payload, "PROX", 4) || !memcmp(s->payload, "\r\n\r\n", 4));
}

static bool starts_with(const struct reader *r, const char *line)
{
	return r->len >= strlen(line) && !memcmp(r->bytes, line, strlen(line));
}

/* Behind the path a query of printable characters may stand, up to 63 of them. */
static bool read_query(struct reader *r)
{
	uint32_t len = 0;

	if (r->at >= r->len || r->bytes[r->at] != '?')
		return true;
	r->at++;
	while (r->at < r->len && len < QUERY_MAX && r->bytes[r->at] > ' ' && r->bytes[r->at] <= '~')
		r->at++, len++;
	return len < QUERY_MAX;
}

static bool read_request_line(struct reader *r, struct request *ret)
{
	static const struct {
		const char *line;
		int route;
	} refusable[] = {
		{ "POST /v1/guard/check", ROUTE_GUARD },
		{ "POST /v1/guard/output", ROUTE_GUARD },
		{ "POST /signup", ROUTE_SIGNUP },
	};
	static const char version[] = " HTTP/1.1\r\n";

	for (unsigned i = 0; i < sizeof(refusable) / sizeof(*refusable); i++) {
		if (!starts_with(r, refusable[i].line))
			continue;
		ret->route = refusable[i].route;
		r->at = (uint32_t)strlen(refusable[i].line);
		if (!read_query(r) || r->len - r->at < strlen(version) ||
		    memcmp(r->bytes + r->at, version, strlen(version)))
			return false;
		r->at += (uint32_t)strlen(version);
		return true;
	}
	return false;
}

enum axfw_reason model_request(const uint8_t *bytes, uint32_t len, struct request *ret)
{
	struct reader r = { bytes, .len = len < HEAD_MAX ? len : HEAD_MAX };
	static char line[HEAD_MAX + 1];
	bool has_type = false;

	memset(ret, 0, offsetof(struct request, forwarded));
	ret->forwarded[0] = ret->key_value[0] = ret->length[0] = ret->site[0] = 0;
	if (!read_request_line(&r, ret))
		return AXFW_REASON_NOT_REFUSABLE;
	for (;;) {
		enum axfw_reason why = read_line(&r, line);

		if (why != UNDECIDED)
			return why;
		if (!*line)
			break;
		if (!take_header(line, &has_type, ret))
			return AXFW_REASON_HEADERS_ODD;
	}
	ret->head_len = r.at;
	return UNDECIDED;
}
