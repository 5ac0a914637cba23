/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A refusable request line may carry a query, which its routes don't look at: "POST
 * /v1/guard/check?a HTTP/1.1". A short one is read past, so that a question mark isn't a way round
 * the kernel; of a longer one, or one with a character that userspace might stumble over, userspace
 * judges.
 */
#ifndef AXFW_BPF_QUERY_H
#define AXFW_BPF_QUERY_H

#include "http.h"
#include "maps.h"

#define QUERY_MAX 64 /* bytes with the blank behind it, a multiple of eight */

/* " HTTP/1.1\r\n", which ends every line of the route table */
#define LINE_END_LEN  11
#define LINE_END_HEAD NAME8(' ', 'H', 'T', 'T', 'P', '/', '1', '.')
#define LINE_END_TAIL NAME8('1', '\r', '\n', 0, 0, 0, 0, 0)

/* Where the first question mark stands, 0: too far away, or behind a character that isn't ASCII
 * (hits_byte() takes those for hits, too). */
static __always_inline __u32 find_question_mark(const struct scratch *s)
{
#pragma clang loop unroll(full)
	for (__u32 at = 0; at < AXFW_ROUTE_LINE_MAX; at += 8) {
		__u64 hits = hits_byte(axfw_load64(s->bytes + at), '?') & HIT_BITS;

		if (!hits)
			continue;
		at += first_hit(hits);
		return s->bytes[at & SCAN_MASK] == '?' ? at : 0;
	}
	return 0;
}

/* Is what stands before `end` the route's line without its end? */
static __always_inline bool is_path(const struct scratch *s, const volatile struct axfw_route *r,
				    __u32 end)
{
	__u64 differ = 0;

	if (r->line_len != end + LINE_END_LEN)
		return false;
#pragma clang loop unroll(full)
	for (int at = 0; at < AXFW_ROUTE_LINE_MAX; at += 8) {
		int left = (int)end - at;
		__u64 mask = left >= 8 ? ~0ULL : left <= 0 ? 0 : FIRST(left & 7);

		differ |= (axfw_load64(s->bytes + at) ^ *(const volatile __u64 *)(r->line + at)) &
			  mask;
	}
	return !differ;
}

/* The end of the line whose query begins at `at`, 0: not one that is read here. */
static __always_inline __u32 find_line_end(const struct scratch *s, __u32 at)
{
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < QUERY_MAX; i += 8) {
		__u64 word = word_at(s, at + i);
		__u64 hits = (hits_byte(word, ' ') | raw_hits_not_text(word)) & HIT_BITS;

		if (!hits)
			continue;
		at += i + first_hit(hits);
		if (word_at(s, at) != LINE_END_HEAD ||
		    (word_at(s, at + 8) & FIRST(3)) != LINE_END_TAIL)
			return 0;
		return at + LINE_END_LEN;
	}
	return 0;
}

/* The row of the daemon's table that the request line is, and the line's length. NULL: none. */
static __always_inline const volatile struct axfw_route *read_line(const struct scratch *s,
								   __u32 *ret_len)
{
	const volatile struct axfw_route *r = find_route(s);
	__u32 end;

	if (r) {
		*ret_len = r->line_len;
		return r;
	}
	end = find_question_mark(s);
	if (!end)
		return NULL;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < AXFW_ROUTES_MAX; i++) {
		if (i >= axfw_route_count)
			break;
		if (!is_path(s, &axfw_routes[i], end))
			continue;
		*ret_len = find_line_end(s, end + 1);
		return *ret_len ? &axfw_routes[i] : NULL;
	}
	return NULL;
}

#endif
