/* SPDX-License-Identifier: Apache-2.0 */
/* The deny list, for the operator at the local socket. The JSON is described in docs/cli.md. */
#include <errno.h>
#include <string.h>
#include "api/api.h"
#include "api/json_body.h"
#include "api/names.h"

/* A hundred years: an end is a time, not a way to say "for good". */
#define SECONDS_MAX (100ull * 365 * 86400)

static json_t *describe(const struct denial *d, uint64_t now_us)
{
	char prefix[PREFIX_TEXT_LEN];
	uint64_t left_s = d->until_us > now_us ? (d->until_us - now_us) / US_PER_S : 0;

	prefix_format(&d->prefix, prefix);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:b, s:s}", "prefix", prefix, "cause",
			 name_of_cause(d->cause), "created", json_time(d->created_us), "until",
			 json_time(d->until_us), "seconds_left",
			 d->until_us ? json_integer((json_int_t)left_s) : json_null(), "packets",
			 (json_int_t)d->packets, "in_kernel", d->in_kernel, "reason", d->reason);
}

void api_node_denials(struct exchange *x)
{
	_cleanup_(freep) struct denial *list = NULL;
	json_t *entries = json_array();
	struct denials_counts c;
	size_t count;
	int r = denials_list(x->services->denials, &list, &count);

	if (r < 0) {
		json_decref(entries);
		exchange_fail(x, r, "the deny list can't be listed");
		return;
	}
	denials_count(x->services->denials, &c);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(entries, describe(&list[i], x->now_us));
	exchange_reply_json(x, 200,
			    json_pack("{s:o, s:{s:I, s:I, s:I, s:I}, s:{s:i, s:i}}", "entries",
				      entries, "counts", "boxed", (json_int_t)c.boxed, "spared",
				      (json_int_t)c.spared, "box_full", (json_int_t)c.box_full,
				      "connections_refused", (json_int_t)c.refused, "limits",
				      "operator", DENIALS_OPERATOR_MAX, "penalty",
				      DENIALS_PENALTY_MAX));
}

/* The prefix of a body; false: an answer stands. */
static bool read_prefix(struct exchange *x, const json_t *body, struct prefix *ret)
{
	const char *text = json_string_value(json_object_get(body, "prefix"));

	if (text && prefix_parse(text, ret) == 0)
		return true;
	exchange_error(x, 400,
		       "'%s' isn't an address or a network: 203.0.113.7, 203.0.113.0/24 or "
		       "2001:db8::/32",
		       text ? text : "");
	return false;
}

static bool read_seconds(struct exchange *x, const json_t *value, uint64_t *ret_until_us)
{
	double seconds = json_number_value(value); /* bodies are read with reals for integers */

	if (!(seconds >= 1 && seconds <= SECONDS_MAX)) {
		exchange_error(x, 400, "seconds must be a number, 1 to %llu", SECONDS_MAX);
		return false;
	}
	*ret_until_us = x->now_us + (uint64_t)(seconds * US_PER_S);
	return true;
}

static bool read_end(struct exchange *x, const json_t *body, uint64_t *ret_until_us)
{
	const json_t *seconds = json_object_get(body, "seconds");
	const json_t *until = json_object_get(body, "until");
	const char *text = json_string_value(until);

	*ret_until_us = 0;
	if (seconds && until) {
		exchange_error(x, 400, "Either seconds or until, not both.");
		return false;
	}
	if (seconds)
		return read_seconds(x, seconds, ret_until_us);
	if (!until || (text && clock_parse_iso(text, ret_until_us) == 0))
		return true;
	exchange_error(x, 400, "'%s' isn't a time like 2026-01-31T18:00:00 (UTC)",
		       text ? text : "");
	return false;
}

static bool read_reason(struct exchange *x, const json_t *body,
			char ret[static DENIALS_REASON_MAX + 1])
{
	const char *text = json_string_value(json_object_get(body, "reason"));

	if (snprintf(ret, DENIALS_REASON_MAX + 1, "%s", text ? text : "") <= DENIALS_REASON_MAX)
		return true;
	exchange_error(x, 400, "The reason is longer than %d bytes.", DENIALS_REASON_MAX);
	return false;
}

static void refuse(struct exchange *x, int r, const struct prefix *p)
{
	char text[PREFIX_TEXT_LEN];

	prefix_format(p, text);
	switch (r) {
	case -EPERM:
		exchange_error(x, 409,
			       "%s holds loopback or a trusted proxy, so it would shut out those "
			       "behind it too; say --force if that is meant",
			       text);
		return;
	case -ENOSPC:
		exchange_error(x, 409,
			       "The deny list is full: %d entries of the operator's. Take some "
			       "out, or deny a wider network instead.",
			       DENIALS_OPERATOR_MAX);
		return;
	case -ETIME:
		exchange_error(x, 400, "The end is in the past (times are UTC).");
		return;
	case -EINVAL:
		exchange_error(x, 400, "The reason must be one line of printable UTF-8.");
		return;
	case -ENOENT:
		exchange_error(x, 404, "%s isn't on the list; axfw deny list shows what is", text);
		return;
	}
	exchange_fail(x, r, "the deny list can't be changed");
}

void api_node_deny(struct exchange *x)
{
	_cleanup_(json_decrefp) json_t *body = json_body_object(x);
	struct denial wanted = { 0 }, done;
	int r;

	if (!body || !read_prefix(x, body, &wanted.prefix) ||
	    !read_end(x, body, &wanted.until_us) || !read_reason(x, body, wanted.reason))
		return;
	r = denials_add(x->services->denials, &wanted, json_is_true(json_object_get(body, "force")),
			&done);
	if (r < 0)
		refuse(x, r, &wanted.prefix);
	else
		exchange_reply_json(x, 201,
				    json_pack("{s:o}", "entry", describe(&done, x->now_us)));
}

void api_node_undeny(struct exchange *x)
{
	_cleanup_(json_decrefp) json_t *body = json_body_object(x);
	char text[PREFIX_TEXT_LEN];
	struct prefix p;
	int r;

	if (!body || !read_prefix(x, body, &p))
		return;
	r = denials_remove(x->services->denials, &p);
	if (r < 0) {
		refuse(x, r, &p);
		return;
	}
	prefix_format(&p, text);
	exchange_reply_json(x, 200, json_pack("{s:b, s:s}", "removed", 1, "prefix", text));
}
