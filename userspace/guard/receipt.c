/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written by hand and not through jansson: it is in the way of every call, and its members' names
 * are known, so they stand here in their order. Whatever could need an escape in it is refused
 * instead.
 */
#include "guard/receipt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/base.h"

static bool is_plain(const char *s)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
			return false;
	}
	return true;
}

static void add_string(struct text *t, const char *before, const char *value)
{
	text_add(t, before);
	text_add_n(t, "\"", 1);
	text_add(t, value);
	text_add_n(t, "\"", 1);
}

static void add_number(struct text *t, unsigned long n)
{
	char digits[24], *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	text_add_n(t, at, (size_t)(digits + sizeof(digits) - at));
}

/* As Python and json_canonical() print it: 0.55, 0.7, 1.0. */
static void add_confidence(struct text *t, unsigned e4)
{
	unsigned fraction = e4 % 10000, digit = 1000;

	add_number(t, e4 / 10000);
	text_add_n(t, ".", 1);
	do {
		char c = (char)('0' + fraction / digit % 10);

		text_add_n(t, &c, 1);
		fraction %= digit;
		digit /= 10;
	} while (fraction);
}

static void add_signals(struct text *t, const struct guard_verdict *v)
{
	text_add(t, ",\"signals\":[");
	for (unsigned i = 0; i < v->signal_count; i++)
		add_string(t, i ? "," : "", v->signals[i]);
	text_add(t, "]");
}

void guard_pii_canonical(const struct guard_pii *pii, struct text *ret)
{
	const char *comma = "";

	add_string(ret, "{\"level\":", pii_level_name(pii->level));
	text_add(ret, ",\"types\":[");
	for (unsigned i = 0; i < PII_TYPE_COUNT; i++) {
		if (!(pii->types >> i & 1))
			continue;
		add_string(ret, comma, pii_type_name((enum pii_type)i));
		comma = ",";
	}
	text_add(ret, "]}");
}

static const char *verdict_name(bool block)
{
	return block ? "block" : "allow";
}

int guard_receipt_canonical(const struct guard_receipt *r, struct text *ret)
{
	char digest[2 * GUARD_TEXT_DIGEST_LEN + 1], time[CLOCK_ISO_LEN];

	if (!is_plain(r->manifest_id) || !is_plain(r->engine_version) ||
	    !is_plain(r->decision_id) || !is_plain(r->tenant))
		return -EINVAL;
	hex_encode(r->text_sha256, sizeof(r->text_sha256), digest);
	clock_format_iso(r->time_us, time);
	add_string(ret, "{\"class\":", guard_class_name(r->verdict->intent_class));
	text_add(ret, ",\"confidence\":");
	add_confidence(ret, r->verdict->confidence_e4);
	add_string(ret, ",\"decision_id\":", r->decision_id);
	add_string(ret, ",\"engine_version\":", r->engine_version);
	add_string(ret, ",\"manifest_id\":", r->manifest_id);
	if (r->pii) {
		text_add(ret, ",\"pii\":");
		guard_pii_canonical(r->pii, ret);
	}
	text_add(ret, ",\"policy_version\":");
	add_number(ret, r->policy_version);
	if (r->verdict->is_shadow)
		add_string(ret, ",\"shadow_verdict\":", verdict_name(r->verdict->shadow_block));
	add_signals(ret, r->verdict);
	if (r->request->is_document || r->request->is_output)
		add_string(ret, ",\"source\":", r->request->is_output ? "output" : "document");
	add_string(ret, ",\"tenant\":", r->tenant);
	add_string(ret, ",\"text_sha256\":", digest);
	add_string(ret, ",\"time\":", time);
	add_string(ret, ",\"verdict\":", verdict_name(r->verdict->block));
	text_add_n(ret, "}", 1);
	return text_failed(ret) ? -ENOMEM : 0;
}
