/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads a request's head as strictly as it takes to be sure that userspace reads the same. Anything
 * that two readers could see differently (folded or bare-LF lines, control or 8-bit characters, a
 * name without a colon or with a space in it, a header twice, two framings) is "odd" and passes.
 *
 * The segment's first bytes are copied to per-CPU memory: there an offset needs a mask and no
 * comparison with the packet's end, and 32 bytes are looked at in one step (a byte at a time cost
 * five times as much).
 */
#ifndef AXFW_BPF_HTTP_H
#define AXFW_BPF_HTTP_H

#include "maps.h"
#include "parse.h"
#include "axfw/siphash.h"

/* Bytes looked at: a segment on an Ethernet, and a browser's longest head. */
#define SCAN_MAX	  2048
#define SCAN_MASK	  (SCAN_MAX - 1)
#define SCAN_STEP	  32
#define SCAN_STEPS	  (SCAN_MAX / SCAN_STEP + 64) /* each step ends a line or takes 32 bytes */
#define SCAN_TAKES	  4   /* steps that take, in one call: calling is as dear as a step */
#define KEY_LEN_MAX	  127 /* a mask, too. Ours have 48; longer values are userspace's to refuse */
#define LENGTH_DIGITS_MAX 8
#define LENGTH_ODD	  (~0ULL) /* no number, or one of too many digits */
/* Read behind the last byte that counts: a step, a header's name, a key. */
#define SCAN_SLACK (KEY_LEN_MAX + 1 + SCAN_STEP)
_Static_assert(SCAN_TAKES *SCAN_STEP <= SCAN_SLACK, "and several steps");
/* No request that could be refused is shorter: the line, Host, Content-Length, the empty line. */
#define REQUEST_LEN_MIN 64

enum header {
	HEADER_HOST = 1 << 0,
	HEADER_KEY = 1 << 1, /* Authorization or x-api-key: the two together count as a duplicate */
	HEADER_LENGTH = 1 << 2,
	HEADER_ORIGIN = 1 << 3,
	HEADER_FORWARDED_FOR = 1 << 4,
	HEADER_AUTHORIZATION = 1 << 5, /* beside HEADER_KEY: may say Bearer */
	HEADER_TYPE = 1 << 6,	       /* read only to be there once */
	HEADER_SITE = 1 << 7,	       /* Sec-Fetch-Site: whose page sent a form */
	HEADER_ODD = 1 << 8,	       /* one that only userspace honours, or something malformed */
};

struct value {
	__u32 at;
	__u32 len;
};

/* What a scan found. Lives in the scratch map: as unknown memory it keeps the verifier from telling
 * every number of lines apart. */
struct scan {
	__u32 len; /* bytes copied */
	__u32 pos;
	__u32 line; /* where the line being read starts */
	__u32 seen; /* enum header */
	__u32 end;  /* of the head, empty line included; 0: not found */
	__u32 steps;
	struct value key;
	struct value length;
	struct value forwarded; /* X-Forwarded-For, as it stands */
	struct value site;
};

struct scratch {
	struct scan scan;
	__u8 bytes[SCAN_MAX + SCAN_SLACK];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch __weak SEC(".maps");

/* --- eight bytes at once: bit 7 of a byte that hits; the lowest hit is exact ---------------- */

#define EACH_BYTE(b) (0x0101010101010101ULL * (b))
#define HIT_BITS     EACH_BYTE(0x80)

/* Control characters, DEL and everything that isn't ASCII, not masked yet: several words can be
 * or-ed before HIT_BITS are looked at. */
static __always_inline __u64 raw_hits_not_text(__u64 w)
{
	return (w - EACH_BYTE(0x20)) | w | (w + EACH_BYTE(0x01));
}

static __always_inline __u64 hits_byte(__u64 w, __u8 byte)
{
	return ~((w ^ EACH_BYTE(byte)) + EACH_BYTE(0x7f));
}

/* The end of a header's name: whatever isn't a letter, a digit, '-' or '_'. The other characters
 * that RFC 9110 allows there are so rare that they count as odd. */
static __always_inline __u64 hits_not_name(__u64 w)
{
	__u64 lower = w | EACH_BYTE(0x20);
	__u64 letters = (lower + EACH_BYTE(0x80 - 'a')) & ~(lower + EACH_BYTE(0x7f - 'z'));
	__u64 digits = (w + EACH_BYTE(0x80 - '0')) & ~(w + EACH_BYTE(0x7f - '9'));

	return ~(letters | digits | hits_byte(w, '-') | hits_byte(w, '_')) & HIT_BITS;
}

/* 0..7; there is a hit. The lowest one's bit, moved to its byte's bit 0, picks the byte's number
 * out of the constant. */
static __always_inline __u32 first_hit(__u64 hits)
{
	return (((hits & -hits) >> 7) * 0x0001020304050607ULL) >> 56;
}

/* or-ed: letters to lower case; '-' stays (there are no control characters here) */
#define LOWER EACH_BYTE(0x20)

/* The up to eight characters of a name as a word. */
#define NAME8(a, b, c, d, e, f, g, h)                                                              \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#define FIRST(n) ((1ULL << (8 * (n))) - 1)

static __always_inline __u64 word_at(const struct scratch *s, __u32 at)
{
	return axfw_load64(s->bytes + (at & SCAN_MASK));
}

/* Whatever isn't that byte; exact in every byte. */
static __always_inline __u64 hits_not_byte(__u64 w, __u8 byte)
{
	__u64 x = w ^ EACH_BYTE(byte);

	return (((x & ~HIT_BITS) + EACH_BYTE(0x7f)) | x) & HIT_BITS;
}

/* A value without the spaces before it; odd if there are more than seven, or one behind it, or
 * nothing. */
static __always_inline __u32 read_value(const struct scratch *s, __u32 colon, __u32 eol,
					struct value *ret)
{
	__u64 hits = hits_not_byte(word_at(s, colon + 1), ' ');
	__u32 at = colon + 1 + first_hit(hits);

	if (!hits || at >= eol || s->bytes[(eol - 1) & SCAN_MASK] == ' ')
		return HEADER_ODD;
	ret->at = at;
	ret->len = eol - at;
	return 0;
}

/* Which header is it, by length and then by its words? 0: one that nobody judges by. */
static __always_inline __u32 name_header(__u32 len, const __u8 *name)
{
	__u64 a = axfw_load64(name) | LOWER, b = axfw_load64(name + 8) | LOWER;

	switch (len) {
	case 4:
		return (a & FIRST(4)) == NAME8('h', 'o', 's', 't', 0, 0, 0, 0) ? HEADER_HOST : 0;
	case 6:
		if ((a & FIRST(6)) == NAME8('o', 'r', 'i', 'g', 'i', 'n', 0, 0))
			return HEADER_ORIGIN;
		return (a & FIRST(6)) == NAME8('e', 'x', 'p', 'e', 'c', 't', 0, 0) ? HEADER_ODD : 0;
	case 9:
		return a == NAME8('x', '-', 'a', 'p', 'i', '-', 'k', 'e') && (b & FIRST(1)) == 'y'
			       ? HEADER_KEY
			       : 0;
	case 12:
		if (a == NAME8('x', '-', 'r', 'e', 'q', 'u', 'e', 's') &&
		    (b & FIRST(4)) == NAME8('t', '-', 'i', 'd', 0, 0, 0, 0))
			return HEADER_ODD;
		return a == NAME8('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
				       (b & FIRST(4)) == NAME8('t', 'y', 'p', 'e', 0, 0, 0, 0)
			       ? HEADER_TYPE
			       : 0;
	case 13:
		return a == NAME8('a', 'u', 't', 'h', 'o', 'r', 'i', 'z') &&
				       (b & FIRST(5)) == NAME8('a', 't', 'i', 'o', 'n', 0, 0, 0)
			       ? HEADER_KEY | HEADER_AUTHORIZATION
			       : 0;
	case 14:
		if (a == NAME8('s', 'e', 'c', '-', 'f', 'e', 't', 'c') &&
		    (b & FIRST(6)) == NAME8('h', '-', 's', 'i', 't', 'e', 0, 0))
			return HEADER_SITE;
		return a == NAME8('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
				       (b & FIRST(6)) == NAME8('l', 'e', 'n', 'g', 't', 'h', 0, 0)
			       ? HEADER_LENGTH
			       : 0;
	case 15:
		return a == NAME8('x', '-', 'f', 'o', 'r', 'w', 'a', 'r') &&
				       (b & FIRST(7)) == NAME8('d', 'e', 'd', '-', 'f', 'o', 'r', 0)
			       ? HEADER_FORWARDED_FOR
			       : 0;
	case 17:
		return a == NAME8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r') &&
				       b == NAME8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n') &&
				       (name[16] | 0x20) == 'g'
			       ? HEADER_ODD
			       : 0;
	default:
		return 0;
	}
}

/* Takes in the line from scan.line to eol, which is not empty. */
static __always_inline void read_header(struct scratch *s, __u32 eol)
{
	struct scan *scan = &s->scan;
	__u32 line = scan->line, len = 0, header, odd = 0;
	const __u8 *name = s->bytes + (line & SCAN_MASK);
	__u64 word, hits;

#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++) {
		word = axfw_load64(name + 8 * i);
		hits = hits_not_name(word);
		if (hits) {
			len = 8 * i + first_hit(hits);
			goto found;
		}
	}
	scan->seen |= HEADER_ODD; /* a name of more than 31 characters, or none */
	return;
found:
	if (!len || line + len >= eol || s->bytes[(line + len) & SCAN_MASK] != ':') {
		scan->seen |= HEADER_ODD;
		return;
	}
	header = name_header(len, name);
	if (!header)
		return;
	if (header & HEADER_KEY)
		odd = read_value(s, line + len, eol, &scan->key);
	else if (header == HEADER_LENGTH)
		odd = read_value(s, line + len, eol, &scan->length);
	else if (header == HEADER_FORWARDED_FOR)
		scan->forwarded = (struct value){ line + len + 1, eol - (line + len + 1) };
	else if (header == HEADER_SITE)
		odd = read_value(s, line + len, eol, &scan->site);
	if (scan->seen & header)
		odd = HEADER_ODD;
	scan->seen |= header | odd;
}

struct scan_ctx {
	struct scratch *s;
};

/* Where in the next 32 bytes is the first that isn't text? There is one. */
static __always_inline __u32 first_not_text(const __u8 *at)
{
	__u64 hits = 0;
	__u32 i;

#pragma clang loop unroll(full)
	for (i = 0; i < SCAN_STEP / 8; i++) {
		hits = raw_hits_not_text(axfw_load64(at + 8 * i)) & HIT_BITS;
		if (hits)
			break;
	}
	return (8 * i + first_hit(hits)) & (SCAN_STEP - 1);
}

static __always_inline bool are_text(const __u8 *at)
{
	__u64 hits = 0;

#pragma clang loop unroll(full)
	for (int i = 0; i < SCAN_STEP / 8; i++)
		hits |= raw_hits_not_text(axfw_load64(at + 8 * i));
	return !(hits & HIT_BITS);
}

/* bpf_loop callback: takes 32 bytes a few times, up to a line's end. 1 stops. */
static long scan_step(__u32 step __attribute__((unused)), struct scan_ctx *c)
{
	struct scratch *s = c->s;
	struct scan *scan = &s->scan;
	__u32 pos = scan->pos & SCAN_MASK, taken, eol;
	const __u8 *at = s->bytes + pos;

#pragma clang loop unroll(full)
	for (taken = 0; taken < SCAN_TAKES; taken++) {
		if (!are_text(at))
			break;
		at += SCAN_STEP;
	}
	pos += taken * SCAN_STEP;
	scan->pos = pos;
	scan->steps += taken;
	if (taken == SCAN_TAKES)
		return pos >= scan->len;
	if (scan->steps++ >= SCAN_STEPS)
		return 1;
	asm volatile(""
		     : "+r"(at)); /* load the words again: kept, they would be spilled every time */
	eol = pos + first_not_text(at);
	if (eol + 2 > scan->len)
		return 1;
	if (s->bytes[eol & SCAN_MASK] != '\r' || s->bytes[(eol + 1) & SCAN_MASK] != '\n') {
		scan->seen |= HEADER_ODD;
		return 1;
	}
	if (eol == scan->line) {
		scan->end = eol + 2;
		return 1;
	}
	read_header(s, eol);
	scan->pos = eol + 2;
	scan->line = eol + 2;
	return scan->pos >= scan->len || (scan->seen & HEADER_ODD);
}

/* --- the request line ------------------------------------------------------------------------ */

#define METHOD4(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

/* The question that most segments end at, so it is asked in the packet and before any copy. */
static __always_inline bool starts_request(struct hook_ctx *ctx, const struct axfw_config *settings,
					   const struct axfw_packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u32 *first = data + (p->payload_at & HEADERS_MASK);
	__u32 method;

	if (p->payload_len < REQUEST_LEN_MIN)
		return false;
	if ((void *)(first + 1) <= end)
		method = *first;
	else if (!load_bytes(ctx, p->payload_at, &method, sizeof(method)))
		return false;
	switch (method) {
	case METHOD4('P', 'O', 'S', 'T'):
	case METHOD4('G', 'E', 'T', ' '):
	case METHOD4('H', 'E', 'A', 'D'):
	case METHOD4('P', 'U', 'T', ' '):
	case METHOD4('D', 'E', 'L', 'E'):
	case METHOD4('O', 'P', 'T', 'I'):
	case METHOD4('P', 'A', 'T', 'C'):
		return true;
	case METHOD4('P', 'R', 'O', 'X'):
	case METHOD4('\r', '\n', '\r', '\n'): /* a PROXY header, text or binary */
		return settings->tiers & AXFW_TIER_PROXY_PROTOCOL;
	default:
		return false;
	}
}

/* Do eight bytes of the line differ, of those that it has from `at` on? A line's length is constant
 * to the verifier, which leaves only those comparisons that it needs. */
static __always_inline bool differs(const struct scratch *s, const volatile struct axfw_route *r,
				    __u32 at)
{
	__u32 len = r->line_len;
	__u64 diff;

	if (at >= len)
		return false;
	diff = axfw_load64(s->bytes + at) ^ *(const volatile __u64 *)(r->line + at);
	return len - at < 8 ? diff << (64 - 8 * (len - at)) : diff;
}

static __always_inline bool is_line(const struct scratch *s, const volatile struct axfw_route *r)
{
#pragma clang loop unroll(full)
	for (__u32 at = 0; at < AXFW_ROUTE_LINE_MAX; at += 8) {
		if (differs(s, r, at))
			return false;
	}
	return true;
}

/* Exactly a line of the daemon's table, to the CRLF. NULL: none of them. */
static __always_inline const volatile struct axfw_route *find_route(const struct scratch *s)
{
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < AXFW_ROUTES_MAX; i++) {
		if (i >= axfw_route_count)
			break;
		if (is_line(s, &axfw_routes[i]))
			return &axfw_routes[i];
	}
	return NULL;
}

/* Copies what is to be scanned, of `len` bytes that are there (never 0); what lies behind it reads
 * as NUL, which ends a scan. */
static __always_inline bool copy_head(struct hook_ctx *ctx, __u32 at, __u32 len, struct scratch *s)
{
	len = len > SCAN_MAX ? SCAN_MAX : len;

	len = ((len - 1) & SCAN_MASK) + 1; /* what 6.1 needs to see that it isn't 0 */
	if (!load_bytes(ctx, at, s->bytes, len))
		return false;
#pragma clang loop unroll(full)
	for (int i = 0; i < SCAN_STEP / 8; i++)
		axfw_store64(s->bytes + len + 8 * i, 0);
	s->scan.len = len;
	return true;
}

/* Scans what copy_head() copied, from behind the request line. AXFW_UNDECIDED: a head that
 * userspace reads the same way; its values are in s->scan. */
static __always_inline __u32 scan_head(struct scratch *s, __u32 line_len)
{
	struct scan *scan = &s->scan;
	struct scan_ctx c = { .s = s };

	scan->pos = scan->line = line_len;
	scan->seen = scan->end = scan->steps = 0;
	bpf_loop(SCAN_STEPS, scan_step, &c, 0);
	if (scan->seen & HEADER_ODD)
		return AXFW_REASON_HEADERS_ODD;
	if (!scan->end)
		return AXFW_REASON_HEADERS_INCOMPLETE;
	return AXFW_UNDECIDED;
}

/* Does the browser, if it is one, say that the form is our own page's? (A form of another site is
 * 403 before it is 429; a browser that sends only an Origin is left to userspace.) */
static __always_inline bool is_own_form(const struct scratch *s)
{
	struct value v = s->scan.site;
	__u64 a = word_at(s, v.at), b = word_at(s, v.at + 8);

	if (!(s->scan.seen & HEADER_SITE))
		return !(s->scan.seen & HEADER_ORIGIN);
	if (v.len == 4)
		return (a & FIRST(4)) == NAME8('n', 'o', 'n', 'e', 0, 0, 0, 0);
	return v.len == 11 && a == NAME8('s', 'a', 'm', 'e', '-', 'o', 'r', 'i') &&
	       (b & FIRST(3)) == NAME8('g', 'i', 'n', 0, 0, 0, 0, 0);
}

/* Content-Length: digits only, else LENGTH_ODD. */
static __always_inline __u64 read_length(const struct scratch *s)
{
	struct value v = s->scan.length;
	__u64 length = 0;

	if (!v.len || v.len > LENGTH_DIGITS_MAX)
		return LENGTH_ODD;
	for (__u32 i = 0; i < LENGTH_DIGITS_MAX && i < v.len; i++) {
		__u32 digit = s->bytes[(v.at + i) & SCAN_MASK] - '0';

		if (digit > 9)
			return LENGTH_ODD;
		length = length * 10 + digit;
	}
	return length;
}

/* The key in an Authorization ("Bearer", any case, or bare) or x-api-key value. len 0: not of our
 * form. */
static __always_inline struct value find_key(const struct scratch *s)
{
	const __u64 ours = NAME8('a', 'x', 'f', 'w', '_', 0, 0, 0);
	struct value v = s->scan.key, none = {};
	__u64 word = word_at(s, v.at);

	if ((word & FIRST(5)) != ours) {
		if (!(s->scan.seen & HEADER_AUTHORIZATION) || v.len <= 7 ||
		    ((word | LOWER) & FIRST(7)) != NAME8('b', 'e', 'a', 'r', 'e', 'r', ' ', 0) ||
		    s->bytes[(v.at + 6) & SCAN_MASK] != ' ')
			return none;
		v.at += 7;
		v.len -= 7;
		word = word_at(s, v.at);
	}
	if ((word & FIRST(5)) != ours || v.len <= 5 || v.len > KEY_LEN_MAX)
		return none;
	return v;
}

#endif
