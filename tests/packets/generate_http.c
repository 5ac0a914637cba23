// SPDX-License-Identifier: Apache-2.0
/* Requests by grammar: see generate.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "../bpf/world.h"
#include "generate.h"

#define COUNT(array)	   (sizeof(array) / sizeof(*(array)))
#define ONE_OF(r, strings) ((strings)[random_below(r, COUNT(strings))])
#define HEADERS_MAX	   24
#define KEY_LEN_MOST	   140 /* around the longest key that is hashed */

static void add(struct bytes *b, const void *text, size_t len)
{
	if (len > PAYLOAD_MAX - b->len)
		len = PAYLOAD_MAX - b->len;
	memcpy(b->at + b->len, text, len);
	b->len += (uint32_t)len;
}

static void add_text(struct bytes *b, const char *text)
{
	add(b, text, strlen(text));
}

static void add_repeated(struct bytes *b, const char *text, uint32_t times)
{
	while (times--)
		add_text(b, text);
}

/* In any case, or as it is. */
static void add_cased(struct random *r, struct bytes *b, const char *text)
{
	uint32_t how = random_below(r, 4);

	for (; *text; text++) {
		char c = *text;

		if (how == 1)
			c = (char)tolower(c);
		else if (how == 2 && random_below(r, 2))
			c = (char)toupper(c);
		add(b, &c, 1);
	}
}

/* --- the line -------------------------------------------------------------------------------- */

static void add_line(struct random *r, uint32_t odd, struct bytes *b)
{
	static const char *const paths[] = { "/v1/guard/check", "/v1/guard/check",
					     "/v1/guard/check", "/v1/guard/output", "/signup" };
	static const char *const odd_paths[] = {
		"/",
		"/login",
		"/v1/guard/check/",
		"/v1/guard",
		"/v1/guard/check?a=b",
		"/v1/guard/check?",
		"/v1/guard/check?a=b?c#d",
		"/v1/guard/check?123456789012345678901234567890123456789012345678901234567890123",
		"/v1/guard/check?1234567890123456789012345678901234567890123456789012345678901234",
		"/v1/guard/check?a\xc3",
		"/v1/guard/check#a",
		"//v1/guard/check",
		"/v1/guard/chec%6b",
		"http://localhost:8004/v1/guard/check",
		"/v1/guard/other",
		"/signup?next=/",
		"http://localhost:8004/signup",
		"*",
		"",
		"/v1/guard/check /",
		"/v1/guard/output;a",
		"HTTP://localhost/v1/guard/output?a=/signup",
	};
	static const char *const methods[] = { "GET ",	   "HEAD ",    "PUT ",	 "post ",
					       "POST",	   "POST  ",   "POST\t", "PATCH ",
					       "DELETE ",  "OPTIONS ", "POSTX ", " POST ",
					       "\r\nPOST " };
	static const char *const ends[] = { " HTTP/1.0\r\n",  " HTTP/1.1\n",	" HTTP/1.1\r",
					    " HTTP/1.1 \r\n", "  HTTP/1.1\r\n", "\r\n",
					    " HTTP/2.0\r\n",  " http/1.1\r\n",	" HTTP/1.1\r\n\r\n",
					    " HTTP/1.10\r\n" };

	add_text(b, random_chance(r, odd / 3) ? ONE_OF(r, methods) : "POST ");
	add_text(b, random_chance(r, odd / 2) ? ONE_OF(r, odd_paths) : ONE_OF(r, paths));
	add_text(b, random_chance(r, odd / 3) ? ONE_OF(r, ends) : " HTTP/1.1\r\n");
}

/* --- headers --------------------------------------------------------------------------------- */

static void add_key(struct random *r, uint32_t odd, struct bytes *b)
{
	static const char *const keys[] = { KEY_ADMITTED_TEXT, KEY_ADMITTED_TEXT, KEY_REVOKED_TEXT,
					    KEY_QUOTA_TEXT,    KEY_UNKNOWN_TEXT,  KEY_UNKNOWN_TEXT,
					    KEY_FAST_TEXT,     KEY_SLOWED_TEXT,	  KEY_RENEWED_TEXT,
					    KEY_SEEN_TEXT };
	static const char *const odd_keys[] = {
		"axfw_",	 "axfw",
		"AXFW_a",	 "sk-1234",
		"axfw_1",	 "",
		"axfw_a,axfw_b", KEY_ADMITTED_TEXT "a",
		"axfw_\xc3\xa4", KEY_ADMITTED_TEXT "," KEY_UNKNOWN_TEXT
	};

	if (!random_chance(r, odd / 2)) {
		add_text(b, ONE_OF(r, keys));
	} else if (random_below(r, 3)) {
		add_text(b, ONE_OF(r, odd_keys));
	} else {
		add_text(b, "axfw_");
		add_repeated(b, "k", random_below(r, KEY_LEN_MOST));
	}
}

static void add_length(struct random *r, uint32_t odd, struct bytes *b, uint32_t body_len)
{
	static const char *const lengths[] = {
		"0",	      "00000002", "000000002", "262144",    "262145",
		"1048576",    "1048577",  "+2",	       "-1",	    "2 ",
		"0x2",	      "2,2",	  "99999999",  "100000000", "18446744073709551618",
		"4294967298", "two",	  "",	       "1e1",	    "2147483648"
	};
	char text[16];

	if (random_chance(r, odd / 2)) {
		add_text(b, ONE_OF(r, lengths));
		return;
	}
	if (random_chance(r, odd / 4))
		body_len += random_below(r, 40) - 20;
	snprintf(text, sizeof(text), "%u", body_len);
	add_text(b, text);
}

static void add_colon(struct random *r, uint32_t odd, struct bytes *b)
{
	static const char *const colons[] = { " : ", " :", ":  ", ":\t",   ": \t",
					      "",    " ",  "::",  ":\r\n " };

	if (random_chance(r, odd / 4))
		add_text(b, ONE_OF(r, colons));
	else
		add_text(b, random_below(r, 4) ? ": " : ":");
}

static void add_end(struct random *r, uint32_t odd, struct bytes *b)
{
	static const char *const ends[] = { "\n",    "\r", "\r\r\n", " \r\n", "\t\r\n",
					    "\r\n ", "",   "\n\r",   "\r\n\t" };

	add_text(b, random_chance(r, odd / 6) ? ONE_OF(r, ends) : "\r\n");
}

static void add_authorization(struct random *r, uint32_t odd, struct bytes *b)
{
	static const char *const schemes[] = { "Bearer ", "Bearer ", "Bearer ",
					       "bearer ", "BEARER ", "" };
	static const char *const odd_schemes[] = { "Bearer  ", "Basic ",	 "Bearer",
						   "Bearer\t", "Bearer:",	 "Token ",
						   " Bearer ", "Bearer Bearer ", "Bearer axfw_ " };

	add_cased(r, b, "Authorization");
	add_colon(r, odd, b);
	add_text(b, random_chance(r, odd / 3) ? ONE_OF(r, odd_schemes) : ONE_OF(r, schemes));
	add_key(r, odd, b);
	add_end(r, odd, b);
}

static void add_api_key(struct random *r, uint32_t odd, struct bytes *b)
{
	add_cased(r, b, "x-api-key");
	add_colon(r, odd, b);
	if (random_chance(r, odd / 6))
		add_text(b, "Bearer ");
	add_key(r, odd, b);
	add_end(r, odd, b);
}

/* What proxies write, and what strangers do. */
static void add_forwarded(struct random *r, uint32_t odd, struct bytes *b)
{
	static const char *const hops[] = { "192.0.2.1",
					    "2001:db8::1",
					    "10.1.2.3",
					    "198.51.100.7",
					    "[2001:db8:ff00::9]:443",
					    "192.0.2.1:8080",
					    "[2001:db8::1]",
					    "::ffff:192.0.2.1",
					    "127.0.0.1",
					    "2001:DB8:0:0:0:0:0:1",
					    "10.0.0.1:1" };
	static const char *const odd_hops[] = { "unknown",
						"",
						"192.0.2",
						"010.0.0.1",
						"192.0.2.256",
						"2001:db8::1::2",
						"[2001:db8::1",
						"2001:db8::1]",
						"1.2.3.4.5",
						"12345::",
						"::",
						"192.0.2.1:",
						"[::1]x",
						"0x7f.1",
						"192.0.2.1 1",
						"_hidden",
						"1:2:3:4:5:6:7:8:9",
						"::1.2.3.4",
						"1:2:3:4:5:6:7:1.2.3.4" };
	static const char *const commas[] = { ", ", ",", " , ", ",  " };
	uint32_t count = 1 + random_below(r, random_below(r, 8) ? 4 : 30);

	add_cased(r, b, "X-Forwarded-For");
	add_colon(r, odd, b);
	while (count--) {
		add_text(b, random_chance(r, odd) ? ONE_OF(r, odd_hops) : ONE_OF(r, hops));
		if (count)
			add_text(b, ONE_OF(r, commas));
	}
	add_end(r, odd, b);
}

/* Headers that make a request odd, or that a proxy or a browser adds. */
static void add_special(struct random *r, uint32_t odd, struct bytes *b)
{
	static const char *const specials[][2] = {
		{ "Origin", "https://a.example" },
		{ "Origin", "http://localhost:8004" },
		{ "X-Forwarded-For", "192.0.2.1" },
		{ "X-Forwarded-For", "192.0.2.1, 10.0.0.1" },
		{ "X-Forwarded-For", "2001:db8::1" },
		{ "X-Forwarded-For", "" },
		{ "Sec-Fetch-Site", "same-origin" },
		{ "Sec-Fetch-Site", "cross-site" },
		{ "Sec-Fetch-Site", "none" },
		{ "Sec-Fetch-Site", "same-origin2" },
		{ "Transfer-Encoding", "chunked" },
		{ "Expect", "100-continue" },
		{ "X-Request-ID", "mine" },
		{ "Content-Type", "application/json" },
		{ "Host", "b" },
		{ "Content-Length", "2" },
		{ "Authorization", "Basic YTpi" },
		{ "x-api-key", "axfw_other" },
	};
	const char *const *special = specials[random_below(r, COUNT(specials))];

	add_cased(r, b, special[0]);
	add_colon(r, odd, b);
	add_text(b, special[1]);
	add_end(r, odd, b);
}

static void add_any_byte(struct random *r, struct bytes *b)
{
	static const char telling[] = "\r\n\t :\0\x7f\xff\x80,;=aA0-_/(~!\x1f";
	uint8_t c = random_below(r, 2) ? (uint8_t)telling[random_below(r, sizeof(telling) - 1)]
				       : (uint8_t)random_next(r);

	add(b, &c, 1);
}

/* Headers nobody judges by, short and long. (A few hundred cookies of five bytes would be 431 in
 * userspace, whose parser has to keep each.) */
static void add_common(struct random *r, uint32_t odd, struct bytes *b)
{
	static const char *const commons[][2] = {
		{ "User-Agent", "curl/7.88.1" },
		{ "Accept", "*/*" },
		{ "Content-Type", "application/json" },
		{ "Accept-Encoding", "gzip, deflate" },
		{ "Connection", "keep-alive" },
		{ "X_Under_Score", "1" },
		{ "Authorizatio", "axfw_x" },
		{ "Authorizations", "axfw_x" },
		{ "x-api-key2", "axfw_x" },
		{ "Hosts", "a" },
		{ "Content-Lengt", "7" },
		{ "Abcdefghijklmnopqrstuvwxyzabcde", "a" },
		{ "Abcdefghijklmnopqrstuvwxyzabcdef", "a" },
		{ "a", "" },
		{ "Coo.kie", "a" },
		{ "\xe4", "a" },
	};
	const char *const *common =
		commons[random_below(r, random_chance(r, odd) ? COUNT(commons) : 6)];

	if (random_below(r, 3)) {
		add_cased(r, b, common[0]);
		add_colon(r, odd, b);
		add_text(b, common[1]);
	} else {
		add_text(b, "Cookie: ");
		add_repeated(b, "cookie=0123456789abcdef; ",
			     random_below(r, random_below(r, 8) ? 4 : 40));
		if (random_chance(r, odd / 4))
			add_any_byte(r, b);
		add_repeated(b, "z", random_below(r, 40));
	}
	add_end(r, odd, b);
}

enum part { HOST, AUTHORIZATION, API_KEY, LENGTH, SPECIAL, FORWARDED, COMMON };

static void add_part(struct random *r, uint32_t odd, struct bytes *b, enum part part,
		     uint32_t body_len)
{
	switch (part) {
	case HOST:
		add_cased(r, b, "Host");
		add_colon(r, odd, b);
		add_text(b, "localhost:8004");
		add_end(r, odd, b);
		break;
	case AUTHORIZATION:
		add_authorization(r, odd, b);
		break;
	case API_KEY:
		add_api_key(r, odd, b);
		break;
	case LENGTH:
		add_cased(r, b, "Content-Length");
		add_colon(r, odd, b);
		add_length(r, odd, b, body_len);
		add_end(r, odd, b);
		break;
	case SPECIAL:
		add_special(r, odd, b);
		break;
	case FORWARDED:
		add_forwarded(r, odd, b);
		break;
	case COMMON:
		add_common(r, odd, b);
		break;
	}
}

static unsigned choose_parts(struct random *r, uint32_t odd, enum part ret[HEADERS_MAX])
{
	unsigned count = 0;
	uint32_t more = random_below(r, random_chance(r, odd / 8) ? HEADERS_MAX - 8 : 4);

	if (!random_chance(r, odd / 8))
		ret[count++] = HOST;
	if (!random_chance(r, odd / 8))
		ret[count++] = random_below(r, 4) ? AUTHORIZATION : API_KEY;
	if (!random_chance(r, odd / 8))
		ret[count++] = LENGTH;
	if (random_chance(r, odd / 10))
		ret[count++] = AUTHORIZATION;
	if (random_chance(r, odd / 4))
		ret[count++] = SPECIAL;
	if (random_chance(r, 100))
		ret[count++] = SPECIAL;
	if (random_chance(r, 200))
		ret[count++] = FORWARDED;
	while (more-- && count < HEADERS_MAX)
		ret[count++] = COMMON;
	for (unsigned i = count; i > 1; i--) {
		unsigned j = random_below(r, i);
		enum part swap = ret[i - 1];

		ret[i - 1] = ret[j];
		ret[j] = swap;
	}
	return count;
}

/* --- the request ----------------------------------------------------------------------------- */

static void add_body(struct random *r, uint32_t odd, struct bytes *b, uint32_t body_len)
{
	static const char *const next[] = { "POST /v1/guard/check HTTP/1.1\r\nHost: a\r\n",
					    "GET / HTTP/1.1\r\n", "0\r\n\r\n", "x" };

	if (random_chance(r, odd / 8))
		return;
	add_repeated(b, "b", body_len);
	if (random_chance(r, odd / 8))
		add_text(b, ONE_OF(r, next));
}

void generate_request(struct random *r, uint32_t odd, struct bytes *ret)
{
	enum part parts[HEADERS_MAX];
	unsigned count;
	uint32_t body_len = random_below(r, random_below(r, 8) ? 60 : 1000);

	ret->len = 0;
	add_line(r, odd, ret);
	count = choose_parts(r, odd, parts);
	for (unsigned i = 0; i < count; i++)
		add_part(r, odd, ret, parts[i], body_len);
	if (!random_chance(r, odd / 8))
		add_text(ret, "\r\n");
	add_body(r, odd, ret, body_len);
	if (random_chance(r, odd / 6) && ret->len)
		ret->len = random_below(r, ret->len);
	while (random_chance(r, odd / 3) && ret->len) {
		struct bytes one = { .len = 0 };

		add_any_byte(r, &one);
		ret->at[random_below(r, ret->len)] = one.at[0];
	}
}
