/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refuses what libmicrohttpd 0.9.75 lets through: two framings, repeated headers, NUL, bare LF,
 * folded lines, blanks in names. Each is a way to make two readers of the same bytes see different
 * requests.
 *
 * Its parser works in place and leaves C strings, so a NUL in a value silently cuts it. But it also
 * leaves every byte where it was: CR and LF become NULs, the first colon becomes a NUL, nothing is
 * moved. So if the headers it reports tile the region exactly - each name starts two bytes after
 * the end of the last value, and the last value ends four bytes before the end of the region, whose
 * length it tells - then between them there was nothing but CRLFs. A NUL in a value leaves bytes
 * over; a bare LF leaves one byte too few; a folded line is assembled elsewhere in memory; a NUL in
 * a name hides the colon, which is refused by the parser itself. The one thing that can't be told
 * from CRLF is NUL LF, which ends the line just the same.
 *
 * The other ways (a proxy in front of the parser, reading the socket twice) copy every request for
 * it.
 */
#include "http/internal.h"

#include <string.h>
#include <strings.h>

#define VERSION_LEN 8 /* "HTTP/1.1" */
#define CRLF_LEN    2

#define MALFORMED     "Malformed request header"
#define NO_HOST	      "Host is missing"
#define REPEATED      "A header that may occur once is repeated"
#define BOTH_FRAMINGS "Content-Length and Transfer-Encoding together"
#define BAD_CODING    "Transfer-Encoding must be chunked"

/* RFC 9110, 5.6.2: what a field name is made of. */
static const bool is_token[256] = {
	['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,	    ['&'] = 1,	       ['\''] = 1,
	['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,	    ['^'] = 1,	       ['_'] = 1,
	['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

static bool is_name(const char *s, size_t len)
{
	bool ok = len > 0;

	for (size_t i = 0; i < len; i++)
		ok &= is_token[(unsigned char)s[i]];
	return ok;
}

/* No control characters but the tab; bytes above ASCII are left to whoever reads the value. */
static bool is_value(const char *s, size_t len)
{
	bool ok = true;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		ok &= (c >= ' ' && c != 0x7f) || c == '\t';
	}
	return ok;
}

bool strict_is_target(const char *uri)
{
	for (; *uri; uri++) {
		if (*uri <= ' ' || *uri >= 0x7f)
			return false;
	}
	return true;
}

static const struct known {
	const char *name;
	size_t len, offset;
	bool once;
} known[] = {
#define X(field, name, once)                                                                       \
	{ name, sizeof(name) - 1, offsetof(struct strict_headers, field), once },
	HTTP_HEADERS(X)
#undef X
};

struct walk {
	struct strict_headers *headers;
	const char *expected; /* where the next name must start */
	const char *wrong;
};

static void note(struct walk *w, const char *name, size_t len, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const char **field = (const char **)((char *)w->headers + known[i].offset);

		if (known[i].len != len || strncasecmp(known[i].name, name, len))
			continue;
		if (*field && known[i].once)
			w->wrong = REPEATED;
		*field = value;
		return;
	}
}

static enum MHD_Result look(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
			    const char *value, size_t value_len)
{
	struct walk *w = arg;

	if (name != w->expected || !is_name(name, name_len) || !is_value(value, value_len))
		w->wrong = MALFORMED;
	else
		note(w, name, name_len, value);
	w->expected = value + value_len + CRLF_LEN;
	return w->wrong ? MHD_NO : MHD_YES;
}

static const char *judge_framing(const struct strict_headers *h, const char *version)
{
	if (!h->transfer_encoding)
		return NULL;
	if (h->content_length)
		return BOTH_FRAMINGS;
	/* Anything but exactly this is read until the end of the connection, or differently by
	 * others; HTTP/1.0 doesn't know it. */
	if (strcasecmp(h->transfer_encoding, "chunked") || version[VERSION_LEN - 1] == '0')
		return BAD_CODING;
	return NULL;
}

const char *strict_read(struct MHD_Connection *connection, const char *method, const char *url,
			const char *uri_end, const char *version, struct strict_headers *ret)
{
	const union MHD_ConnectionInfo *size =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct walk w = { .headers = ret, .expected = version + VERSION_LEN + CRLF_LEN };

	*ret = (struct strict_headers){ 0 };
	/* One blank on either side of the target, and no NUL before them. */
	if (!size || url != method + strlen(method) + 1 || uri_end != version - 1 ||
	    !is_name(method, strlen(method)))
		return MALFORMED;
	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look, &w);
	if (w.wrong)
		return w.wrong;
	if (w.expected + CRLF_LEN != method + size->header_size)
		return MALFORMED;
	if (!ret->host && version[VERSION_LEN - 1] != '0')
		return NO_HOST;
	return judge_framing(ret, version);
}
