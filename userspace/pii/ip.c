// SPDX-License-Identifier: Apache-2.0
/* IP addresses: four numbers of a version and the "::" of a program are not one. */
#include <arpa/inet.h>
#include "pii/number.h"

#define V6_TEXT_MAX   45 /* with an IPv4 tail */
#define V6_DIGITS_MIN 4	 /* hex digits in all: "a[1::2]" and "std::a" are no addresses */

bool ipv4_in(const struct scan *s, const struct number *n, struct pii_span *ret)
{
	if (n->count < 4 || n->plus || n->bracket)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		const struct group *g = &n->groups[i];
		size_t len = g->end - g->begin;
		unsigned value = 0;

		if (len > 3 || (len > 1 && s->text[g->begin] == '0') ||
		    (i && g->separator != '.') || (i && g->begin != n->groups[i - 1].end + 1))
			return false;
		for (size_t k = g->begin; k < g->end; k++)
			value = value * 10 + (s->text[k] - '0');
		if (value > 255)
			return false;
	}
	if (n->count > 4 && n->groups[4].separator == '.')
		return false;
	if (byte_before(s, n->begin) == '.' || !is_edge_before(s, n->begin) ||
	    !is_edge_after(s, n->groups[3].end))
		return false;
	if (words_before(s, n->begin, 24, WORD_VERSION | WORD_IP) & WORD_VERSION)
		return false;
	span_set(ret, PII_IP, n->groups[0].begin, n->groups[3].end);
	return true;
}

static bool is_v6(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, text, &address) == 1;
}

bool ipv6_at(struct scan *s, size_t colon, struct pii_span *ret)
{
	char text[V6_TEXT_MAX + 1];
	size_t begin = colon, end, colons = 0, digits = 0;

	if (colon < s->ipv6_end)
		return false;
	while (colon - begin < 4 && is_hex(byte_before(s, begin)))
		begin--;
	end = begin;
	while (end - begin < V6_TEXT_MAX &&
	       (is_hex(byte_at(s, end)) || byte_at(s, end) == ':' || byte_at(s, end) == '.')) {
		colons += s->text[end] == ':';
		digits += s->text[end] != ':';
		end++;
	}
	s->ipv6_end = end;
	while (end > begin &&
	       (s->text[end - 1] == '.' ||
		(s->text[end - 1] == ':' && end - begin > 2 && s->text[end - 2] != ':')))
		end--;
	if (colons < 2 || !is_edge_before(s, begin) || byte_before(s, begin) == ':' ||
	    !is_edge_after(s, end) || byte_at(s, end) == ':')
		return false;
	if (digits < V6_DIGITS_MIN && !(end - begin == 3 && text_has(s, begin, "::1", 3) &&
					!is_alnum(byte_before(s, begin - (begin > 0)))))
		return false;
	memcpy(text, s->text + begin, end - begin);
	text[end - begin] = 0;
	if (!is_v6(text))
		return false;
	span_set(ret, PII_IP, begin, end);
	return true;
}
