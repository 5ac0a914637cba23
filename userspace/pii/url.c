// SPDX-License-Identifier: Apache-2.0
/*
 * Links: scheme://…, www.…, and bare domains whose top level leaves no doubt. A dot between two
 * words is mostly code or a missing blank, so a bare domain is believed only with a generic top
 * level, or with a country's and a path.
 */
#include "pii/scan.h"

#define SCHEME_MAX 20 /* bytes; the longest of IANA's that people use is shorter */
#define LABEL_MAX  63 /* RFC 1035 */
#define NAME_MIN   4  /* letters before a country's top level: "is.no" is a missing blank */

static bool is_url_byte(uint8_t c)
{
	/* Two-byte letters occur in names; what is longer is CJK, written without a blank. */
	return c > ' ' && c < 0xe0 && c != 0x7f && !strchr("<>\"'{}|\\^`", c);
}

/* Where the link that began at `begin` ends: without the punctuation of the sentence around it. */
static size_t link_end(const struct scan *s, size_t begin)
{
	size_t end = begin;
	bool brackets = false; /* around an IPv6 address; otherwise ']' is the text's */
	int open = 0;

	while (is_url_byte(byte_at(s, end)) && (s->text[end] != ']' || brackets)) {
		brackets |= s->text[end] == '[';
		open += (s->text[end] == '(') - (s->text[end] == ')');
		end++;
	}
	while (end > begin && strchr(".,;:!?'*)]", s->text[end - 1])) {
		if (s->text[end - 1] == ')' && open >= 0)
			break;
		open += s->text[end - 1] == ')';
		end--;
	}
	return end;
}

/* user:password@ before the host */
static bool has_password(const struct scan *s, size_t begin, size_t end)
{
	bool colon = false;

	for (size_t i = begin; i < end && !strchr("/?#", s->text[i]); i++) {
		if (s->text[i] == '@')
			return colon && s->text[i - 1] != ':';
		colon |= s->text[i] == ':';
	}
	return false;
}

bool url_at(struct scan *s, size_t colon, struct pii_span *ret)
{
	size_t begin = colon, end;

	if (colon < s->url_end || !text_has(s, colon, "://", 3))
		return false;
	while (colon - begin < SCHEME_MAX &&
	       (is_alnum(byte_before(s, begin)) || byte_before(s, begin) == '+'))
		begin--;
	while (begin < colon && !is_letter(s->text[begin]))
		begin++;
	if (colon - begin < 2)
		return false;
	end = link_end(s, colon + 3);
	s->url_end = end;
	if (end <= colon + 3 || !(is_alnum(s->text[colon + 3]) || strchr("[/", s->text[colon + 3])))
		return false;
	span_set(ret, has_password(s, colon + 3, end) ? PII_SECRET : PII_URL, begin, end);
	return true;
}

static bool in_list(const char *list, const uint8_t *word, size_t len)
{
	for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ') {
		if (strcspn(p, " ") == len && !memcmp(p, word, len))
			return true;
	}
	return false;
}

static const char generic[] = "com org net edu gov mil info biz";
/* Of the countries, those that aren't also a word, a file's ending or a method's name. */
static const char countries[] =
	"ac ae ar au be bg br ca ch cl cn cz de dk ee es eu fi fr gr hk hu ie "
	"il jp kr lt lu lv mx nl nz pe pl pt ro ru se sg si sk tw ua uk us uy "
	"za co io ai app dev me tv cc in it no at tech online site shop xyz";
static const char second_levels[] = "co com org net ac edu gov";

/* Is the host at [begin, end), whose last label begins at `top`, one that is believed? */
static bool is_host(const struct scan *s, size_t begin, size_t end, size_t top)
{
	const uint8_t *t = s->text;
	size_t before = top - 1, len = end - top;

	if (text_has(s, begin, "www.", 4))
		return top > begin + 4 && len >= 2;
	if (byte_at(s, end) == '(' || byte_at(s, end) == '=' || byte_at(s, end) == '_')
		return false;
	if (in_list(generic, t + top, len))
		return !text_has(s, end, ".*", 2);
	if (!in_list(countries, t + top, len))
		return false;
	while (before > begin && t[before - 1] != '.')
		before--;
	if (before > begin && len == 2 && in_list(second_levels, t + before, top - 1 - before))
		return true;
	return byte_at(s, end) == '/' && top - 1 - before >= NAME_MIN;
}

bool host_at(struct scan *s, size_t dot, struct pii_span *ret)
{
	size_t begin = dot, end = dot, top;

	if (dot < s->host_end || dot < s->url_end || !is_letter(byte_at(s, dot + 1)) ||
	    !is_alnum(byte_before(s, dot)))
		return false;
	while (dot - begin < LABEL_MAX && byte_kinds[byte_before(s, begin)] & BYTE_TOKEN)
		begin--;
	while (is_alnum(byte_at(s, end)) || byte_at(s, end) == '-' || byte_at(s, end) == '.')
		end++;
	while (!is_alnum(s->text[end - 1]))
		end--;
	s->host_end = end;
	top = end;
	while (s->text[top - 1] != '.')
		top--;
	if (strchr("@./\\$", byte_before(s, begin)) && begin > 0)
		return false;
	if (byte_at(s, end) == '@' || !is_host(s, begin, end, top))
		return false;
	if (byte_at(s, end) == '/' || byte_at(s, end) == '?' || byte_at(s, end) == ':') {
		end = MAX(end, link_end(s, end));
		s->url_end = end;
	}
	span_set(ret, PII_URL, begin, end);
	return true;
}
