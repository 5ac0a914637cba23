/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw top's lines. Rates are differences of two answers, sources and keys are the daemon's
 * estimates. Where room is short, reasons get half of it, then sources, then keys.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include "top.h"

#define REASONS_MAX 64
#define RATE_LEN    HUMAN_LEN
#define ROWS_MAX    20 /* of a table, however high the screen is */

struct rate {
	const char *reason, *action;
	double per_second;
	unsigned long long packets;
};

struct rates {
	double seconds;
	struct rate rows[REASONS_MAX];
	unsigned count;
};

static double number_of(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static const char *string_of(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : "";
}

static double elapsed_seconds(const json_t *before, const json_t *now)
{
	double ms = number_of(now, "monotonic_ms") - number_of(before, "monotonic_ms");

	return ms > 0 ? ms / 1000 : 1;
}

/* A daemon that was restarted in between counts from nothing. */
static double rate_of(double before, double now, double seconds)
{
	return now >= before ? (now - before) / seconds : 0;
}

static void read_rates(const json_t *before, const json_t *now, struct rates *ret)
{
	const json_t *old = json_object_get(before, "counters"), *counter;
	size_t i;

	*ret = (struct rates){ .seconds = elapsed_seconds(before, now) };
	json_array_foreach (json_object_get(now, "counters"), i, counter) {
		if (ret->count == REASONS_MAX)
			return;
		ret->rows[ret->count++] = (struct rate){
			.reason = string_of(counter, "reason"),
			.action = string_of(counter, "action"),
			.packets = (unsigned long long)number_of(counter, "packets"),
			.per_second = rate_of(number_of(json_array_get(old, i), "packets"),
					      number_of(counter, "packets"), ret->seconds),
		};
	}
}

json_t *top_rates(const json_t *before, const json_t *now)
{
	json_t *out = json_deep_copy(now), *counters = json_object_get(out, "counters");
	struct rates rates;

	if (!out)
		return NULL;
	read_rates(before, now, &rates);
	for (unsigned i = 0; i < rates.count; i++)
		json_object_set_new(json_array_get(counters, i), "per_second",
				    json_real(rates.rows[i].per_second));
	json_object_set_new(out, "interval_seconds", json_real(rates.seconds));
	return out;
}

/* --- lines ----------------------------------------------------------------------------------- */

static void add(struct top_screen *s, enum style style, const char *format, ...) _printf_(3, 4);
static void add(struct top_screen *s, enum style style, const char *format, ...)
{
	struct top_line *line;
	va_list args;

	if (s->count == TOP_LINES_MAX)
		return;
	line = &s->lines[s->count++];
	line->style = style;
	va_start(args, format);
	vsnprintf(line->text, sizeof(line->text), format, args);
	va_end(args);
}

/* 0, 0.4, 12, 21,000 */
static const char *show_rate(double per_second, char ret[static RATE_LEN])
{
	if (per_second > 0 && per_second < 9.95)
		snprintf(ret, RATE_LEN, "%.1f", per_second);
	else
		human_count((unsigned long long)llround(per_second), ret);
	return ret;
}

static double sum_of(const struct rates *r, const char *action)
{
	double sum = 0;

	for (unsigned i = 0; i < r->count; i++)
		if (!strcmp(r->rows[i].action, action))
			sum += r->rows[i].per_second;
	return sum;
}

static double sum_members(const json_t *object)
{
	const char *name;
	json_t *value;
	double sum = 0;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value)
		sum += json_number_value(value);
	return sum;
}

static double request_rate(const json_t *before, const json_t *now, const char *group,
			   const char *name, double seconds)
{
	const json_t *old = json_object_get(json_object_get(before, "requests"), group);
	const json_t *new = json_object_get(json_object_get(now, "requests"), group);

	if (!name)
		return rate_of(sum_members(old), sum_members(new), seconds);
	return rate_of(number_of(old, name), number_of(new, name), seconds);
}

static void draw_head(struct top_screen *s, const json_t *before, const json_t *now,
		      const struct rates *r)
{
	const json_t *denied = json_object_get(now, "denied");
	const json_t *events = json_object_get(now, "events");
	bool enforcing = !strcmp(string_of(now, "mode"), "enforcing");
	char a[RATE_LEN], b[RATE_LEN], c[RATE_LEN], d[RATE_LEN];
	double seen = rate_of(number_of(json_object_get(before, "events"), "seen"),
			      number_of(events, "seen"), r->seconds);

	if (enforcing)
		add(s, STYLE_BOLD,
		    "axfw top: enforcing; %.0f denied, %.0f boxed; 1 of %.0f decisions sampled, %s "
		    "events/s",
		    number_of(denied, "operator"), number_of(denied, "boxed"),
		    fmax(number_of(events, "one_in"), 1), show_rate(seen, a));
	else
		add(s, STYLE_BOLD, "axfw top: userspace mode: %s; %.0f denied, %.0f boxed",
		    string_of(now, "why"), number_of(denied, "operator"),
		    number_of(denied, "boxed"));
	add(s, STYLE_PLAIN, "packets/s   pass %s   answer %s   close %s   drop %s",
	    show_rate(sum_of(r, "pass"), a), show_rate(sum_of(r, "answer"), b),
	    show_rate(sum_of(r, "close"), c), show_rate(sum_of(r, "drop"), d));
	add(s, STYLE_PLAIN, "userspace/s allow %s   block %s   refused %s",
	    show_rate(request_rate(before, now, "verdicts", "allow", r->seconds), a),
	    show_rate(request_rate(before, now, "verdicts", "block", r->seconds), b),
	    show_rate(request_rate(before, now, "refusals", NULL, r->seconds), c));
}

static int by_rate(const void *a, const void *b)
{
	const struct rate *x = a, *y = b;

	if (x->per_second != y->per_second)
		return x->per_second < y->per_second ? 1 : -1;
	return x->packets < y->packets ? 1 : x->packets > y->packets ? -1 : 0;
}

static enum style style_of(const char *action)
{
	if (!strcmp(action, "answer") || !strcmp(action, "drop"))
		return STYLE_WARN;
	return !strcmp(action, "close") ? STYLE_DIM : STYLE_PLAIN;
}

static void draw_reasons(struct top_screen *s, const struct rates *r, unsigned rows)
{
	char rate[RATE_LEN], total[HUMAN_LEN];

	add(s, STYLE_PLAIN, "%s", "");
	add(s, STYLE_DIM, "%-22s %-8s %12s %16s", "REASON", "VERDICT", "PER SECOND", "TOTAL");
	for (unsigned i = 0; i < rows; i++) {
		human_count(r->rows[i].packets, total);
		add(s, r->rows[i].per_second > 0 ? style_of(r->rows[i].action) : STYLE_DIM,
		    "%-22s %-8s %12s %16s", r->rows[i].reason, r->rows[i].action,
		    show_rate(r->rows[i].per_second, rate), total);
	}
}

static void draw_sources(struct top_screen *s, const json_t *now, unsigned rows)
{
	const json_t *sources = json_object_get(now, "sources");
	char rate[RATE_LEN], refused[RATE_LEN];

	add(s, STYLE_PLAIN, "%s", "");
	add(s, STYLE_DIM, "%-26s %12s %12s  %s", "SOURCE", "PER SECOND", "REFUSED/s", "LAST");
	for (unsigned i = 0; i < rows; i++) {
		const json_t *h = json_array_get(sources, i);
		bool denied = json_is_true(json_object_get(h, "denied"));

		add(s, denied ? STYLE_BAD : STYLE_PLAIN, "%-26s %12s %12s  %-22s %s",
		    string_of(h, "source"), show_rate(number_of(h, "per_second"), rate),
		    show_rate(number_of(h, "refused_per_second"), refused), string_of(h, "reason"),
		    denied ? "denied" : "");
	}
}

/* What 80 columns leave; what came last, which top shows of sources too, is for wider terminals. */
#define WHOSE_WIDTH 24u

static void draw_keys(struct top_screen *s, const json_t *now, unsigned rows)
{
	const json_t *keys = json_object_get(now, "keys");
	char rate[RATE_LEN], refused[RATE_LEN], whose[2 * CELL_MAX + sizeof(": ")];

	add(s, STYLE_PLAIN, "%s", "");
	add(s, STYLE_DIM, "%-32s %10s %9s  %-24s %s", "KEY HASH", "PER SECOND", "REFUSED/s",
	    "WHOSE", "LAST");
	for (unsigned i = 0; i < rows; i++) {
		const json_t *h = json_array_get(keys, i);
		_cleanup_(freep) char *name = display_copy(string_of(h, "name"));
		_cleanup_(freep) char *tenant = display_copy(string_of(h, "tenant"));
		bool known = json_is_string(json_object_get(h, "id"));

		snprintf(whose, sizeof(whose), "%s%s%s", known && tenant ? tenant : "nobody's",
			 known ? ": " : "", known && name ? name : "");
		add(s, STYLE_PLAIN, "%-32s %10s %9s  %s%*s %s", string_of(h, "hash"),
		    show_rate(number_of(h, "per_second"), rate),
		    show_rate(number_of(h, "refused_per_second"), refused), whose,
		    (int)(WHOSE_WIDTH - MIN(WHOSE_WIDTH, display_width(whose))), "",
		    string_of(h, "reason"));
	}
}

/* Those with any packets, the busiest first. */
static void sort_reasons(struct rates *r)
{
	unsigned used = 0;

	for (unsigned i = 0; i < r->count; i++)
		if (r->rows[i].packets)
			r->rows[used++] = r->rows[i];
	r->count = used;
	qsort(r->rows, used, sizeof(*r->rows), by_rate);
}

#define HEAD_LINES  3
#define TITLE_LINES 2 /* and the empty line before it */

void top_draw(const json_t *before, const json_t *now, unsigned height, struct top_screen *ret)
{
	unsigned sources = (unsigned)json_array_size(json_object_get(now, "sources"));
	unsigned keys = (unsigned)json_array_size(json_object_get(now, "keys"));
	unsigned room = MAX(height, HEAD_LINES + 3 * TITLE_LINES) - HEAD_LINES - 3 * TITLE_LINES;
	unsigned reasons;
	struct rates r;

	ret->count = 0;
	read_rates(before, now, &r);
	draw_head(ret, before, now, &r);
	sort_reasons(&r);
	/* what the other two don't use is the reasons' */
	sources = MIN(sources, ROWS_MAX);
	keys = MIN(keys, ROWS_MAX);
	reasons = MIN(r.count, MAX(room / 2, room - MIN(room, sources + keys)));
	sources = MIN(sources,
		      MAX((room - reasons + 1) / 2, room - reasons - MIN(room - reasons, keys)));
	keys = MIN(keys, room - reasons - sources);
	draw_reasons(ret, &r, reasons);
	draw_sources(ret, now, sources);
	draw_keys(ret, now, keys);
	ret->count = MIN(ret->count, height);
}
