/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds an HTTP answer that the BPF program can complete without formatting: every variable number
 * has a fixed width and an even offset, so that patching it changes neither the length nor the
 * alignment of the checksum, and the sum of the rest is known beforehand.
 *
 * Evenness is bought with spaces where HTTP ignores them: before a header's value (RFC 9110, 5.5)
 * and before a number in the body. A template holds zero bytes where digits go, so its sum is the
 * sum of its bytes.
 */
#include "kernel/answers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"

#define REQUEST_ID_DIGITS 16
#define SECONDS_DIGITS	  8 /* three years */
#define UNIT_DIGITS	  4 /* 9,999 minutes are seven days */
#define MINUTE_S	  60
#define DAY_S		  86400

struct builder {
	char text[AXFW_ANSWER_MAX];
	size_t len;
	bool overflow;
};

/* What is nice to have, in order of use; each is added if the answer stays short enough to take a
 * short request's place: on native veth a frame grows by 216 bytes at most. */
#define ANSWER_WITH_EXTRAS_MAX 320
static const char *const extras[] = {
	"Cache-Control: no-store\r\n",
	"X-Content-Type-Options: nosniff\r\n",
	"Referrer-Policy: no-referrer\r\n",
	"X-Frame-Options: DENY\r\n",
};

static void put(struct builder *b, const char *text, size_t len)
{
	if (len > sizeof(b->text) - b->len) {
		b->overflow = true;
		return;
	}
	memcpy(b->text + b->len, text, len);
	b->len += len;
}

static void put_text(struct builder *b, const char *text)
{
	put(b, text, strlen(text));
}

/* Room for digits at an even offset; returns the offset. */
static uint16_t put_digits(struct builder *b, size_t digits)
{
	static const char zeros[REQUEST_ID_DIGITS];
	uint16_t at;

	if (b->len % 2)
		put_text(b, " ");
	at = b->len;
	put(b, zeros, digits);
	return at;
}

static const struct placeholder {
	const char *token;
	uint32_t unit_s; /* 0: the seconds themselves */
} placeholders[] = {
	{ "{seconds}", 0 },
	{ "{minutes}", MINUTE_S },
	{ "{days}", DAY_S },
};

static const struct placeholder *find_placeholder(const char *at)
{
	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
		if (!strncmp(at, placeholders[i].token, strlen(placeholders[i].token)))
			return &placeholders[i];
	return NULL;
}

static int put_placeholder(struct builder *b, const struct placeholder *p,
			   struct axfw_response_template *t)
{
	if (p->unit_s ? t->body_unit_at : t->body_seconds_at)
		return -EINVAL; /* there is one place for each in the template */
	if (!p->unit_s) {
		t->body_seconds_at = put_digits(b, SECONDS_DIGITS);
		return 0;
	}
	t->body_unit_at = put_digits(b, UNIT_DIGITS);
	t->body_unit_s = p->unit_s;
	return 0;
}

/* The body alone, with offsets from its own start plus 2: 0 means "not there", and a body may start
 * with a number. Its length is even. */
#define BODY_BIAS 2
static int build_body(const char *body, struct builder *b, struct axfw_response_template *t)
{
	const struct placeholder *p;
	int r;

	put(b, "\0\0", BODY_BIAS);
	for (const char *c = body; *c;) {
		p = *c == '{' ? find_placeholder(c) : NULL;
		if (!p) {
			put(b, c++, 1);
			continue;
		}
		r = put_placeholder(b, p, t);
		if (r < 0)
			return r;
		c += strlen(p->token);
	}
	if (b->len % 2)
		put_text(b, "\n");
	return b->overflow ? -E2BIG : 0;
}

static void put_header(struct builder *b, unsigned status, const char *head, unsigned extra_mask,
		       size_t body_len, struct axfw_response_template *t)
{
	char length[48];

	put_text(b, head);
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", body_len);
	put_text(b, length);
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++)
		if (extra_mask & (1u << i))
			put_text(b, extras[i]);
	if (status == 429) {
		put_text(b, "Retry-After: ");
		t->retry_after_at = put_digits(b, SECONDS_DIGITS);
		put_text(b, "\r\n");
	}
	put_text(b, "X-Request-ID: ");
	t->request_id_at = put_digits(b, REQUEST_ID_DIGITS);
	put_text(b, "\r\nx-axfw-path: kernel\r\nConnection: ");
	if ((b->len + strlen("close\r\n\r\n")) % 2)
		put_text(b, " "); /* the body starts at an even offset */
	put_text(b, "close\r\n\r\n");
}

static uint32_t sum_words(const uint8_t *text, size_t len)
{
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, text + i, sizeof(word));
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static int build(unsigned status, const char *head, const char *body, unsigned extra_mask,
		 struct axfw_response_template *ret)
{
	struct axfw_response_template t = {};
	struct builder text = {}, content = {};
	size_t body_at;
	int r;

	r = build_body(body, &content, &t);
	if (r < 0)
		return r;
	put_header(&text, status, head, extra_mask, content.len - BODY_BIAS, &t);
	body_at = text.len;
	put(&text, content.text + BODY_BIAS, content.len - BODY_BIAS);
	if (text.overflow)
		return -E2BIG;
	if (t.body_seconds_at)
		t.body_seconds_at += body_at - BODY_BIAS;
	if (t.body_unit_at)
		t.body_unit_at += body_at - BODY_BIAS;
	t.len = text.len;
	memcpy(t.text, text.text, text.len);
	t.sum = sum_words(t.text, t.len);
	*ret = t;
	return 0;
}

static bool has_header(const char *head, const char *line)
{
	size_t name_len = strcspn(line, ":") + 1;

	for (const char *at = strstr(head, "\r\n"); at; at = strstr(at + 2, "\r\n"))
		if (!strncasecmp(at + 2, line, name_len))
			return true;
	return false;
}

int answer_build(unsigned status, const char *head, const char *body,
		 struct axfw_response_template *ret)
{
	struct axfw_response_template longer;
	size_t head_len = strlen(head);
	unsigned mask = 0;
	int r;

	if (strncmp(head, "HTTP/1.1 ", 9) || head_len < 2 || strcmp(head + head_len - 2, "\r\n") ||
	    strstr(head, "\r\n\r\n"))
		return -EINVAL;
	r = build(status, head, body, 0, ret);
	for (size_t i = 0; i < ARRAY_SIZE(extras) && r == 0; i++) {
		if (has_header(head, extras[i]) ||
		    build(status, head, body, mask | (1u << i), &longer) < 0 ||
		    longer.len > ANSWER_WITH_EXTRAS_MAX)
			continue;
		mask |= 1u << i;
		*ret = longer;
	}
	return r;
}
