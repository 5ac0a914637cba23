/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document that a tenant writes: read strictly, with messages that say which member is wrong,
 * because people see them in the editor. The messages are the Python firewall's where it has one.
 */
#include "guard/policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "guard/explain.h"

#define SHOWN_MAX	      40 /* bytes of a wrong value in a message */
#define PATTERNS	      "additional_block_patterns"
#define CLASS_LIST	      "['CLARIFY', 'DECEIVE', 'HARM', 'INFORM', 'REFUSE', 'UNCERTAIN']"
#define CONFIDENCE_PATTERN_E4 7000 /* at least, when a pattern of the tenant's own matches */

struct message {
	char *text;
	size_t size;
};

static int wrong(struct message *m, const char *format, ...) _printf_(2, 3);
static int wrong(struct message *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(m->text, m->size, format, args);
	va_end(args);
	return -EINVAL;
}

/* A value for a message: a string in single quotes, as Python writes it, everything else as JSON;
 * cut. */
static void show(const json_t *value, char ret[static SHOWN_MAX + 8])
{
	_cleanup_(freep) char *json = json_is_string(value) ? NULL : json_canonical(value);
	const char *text = json_is_string(value) ? json_string_value(value) : json;
	const char *quote = json_is_string(value) ? "'" : "";
	size_t len;

	if (!text)
		text = "...";
	len = strlen(text);
	if (len > SHOWN_MAX) {
		for (len = SHOWN_MAX - 3; len && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			continue; /* not inside a character */
		snprintf(ret, SHOWN_MAX + 8, "%s%.*s...%s", quote, (int)len, text, quote);
		return;
	}
	snprintf(ret, SHOWN_MAX + 8, "%s%s%s", quote, text, quote);
}

static int find_class(const json_t *name, enum guard_class *ret)
{
	for (unsigned c = 0; json_is_string(name) && c < GUARD_CLASS_COUNT; c++) {
		if (strcmp(json_string_value(name), guard_class_name((enum guard_class)c)))
			continue;
		*ret = (enum guard_class)c;
		return 0;
	}
	return -ENOENT;
}

static int parse_version(const json_t *document, struct message *m)
{
	const json_t *version = json_object_get(document, "version");
	char shown[SHOWN_MAX + 8];

	/* 1.0 is the same number; true isn't a number. */
	if (!version || (json_is_number(version) && json_number_value(version) == 1))
		return 0;
	show(version, shown);
	return wrong(m, "Unsupported policy version %s; this build understands version 1", shown);
}

static int parse_classes(const json_t *list, const char *member, unsigned *ret, struct message *m)
{
	char shown[SHOWN_MAX + 8];
	enum guard_class class;
	const json_t *name;
	size_t i;

	json_array_foreach (list, i, name) {
		if (find_class(name, &class) < 0) {
			show(name, shown);
			return wrong(m, "Unknown class %s in %s; must be one of " CLASS_LIST, shown,
				     member);
		}
		*ret |= 1U << class;
	}
	return 0;
}

static int parse_disabled(const json_t *document, struct guard_policy *p, struct message *m)
{
	static const char member[] = "disabled_default_classes";
	const json_t *list = json_object_get(document, member);

	if (!list)
		return 0;
	if (!json_is_array(list))
		return wrong(m, "%s must be a list", member);
	return parse_classes(list, member, &p->disabled, m);
}

static int parse_allow_only(const json_t *document, struct guard_policy *p, struct message *m)
{
	static const char member[] = "allow_only_classes";
	const json_t *list = json_object_get(document, member);

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return wrong(m, "%s must be a list or null", member);
	p->has_allow_only = true;
	return parse_classes(list, member, &p->allow_only, m);
}

static int find_head(const char *class, enum model_head *ret)
{
	if (!strcmp(class, guard_class_name(GUARD_HARM)))
		*ret = MODEL_HARM;
	else if (!strcmp(class, guard_class_name(GUARD_DECEIVE)))
		*ret = MODEL_DECEIVE;
	else
		return -ENOENT;
	return 0;
}

static int parse_threshold(const char *class, const json_t *value, struct guard_policy *p,
			   struct message *m)
{
	double probability = json_number_value(value);
	char shown[SHOWN_MAX + 8];
	enum model_head head;

	if (find_head(class, &head) < 0) {
		_cleanup_(json_decrefp) json_t *name = json_string(class);

		show(name, shown);
		return wrong(m,
			     "Unknown class %s in thresholds; must be one of ['DECEIVE', 'HARM']",
			     shown);
	}
	if (!json_is_number(value) || probability < 0 || probability > 1)
		return wrong(m, "thresholds['%s'] must be a number from 0 to 1", class);
	p->has_threshold[head] = true;
	p->threshold_e4[head] = (unsigned)(probability * 10000 + 0.5);
	return 0;
}

static int parse_thresholds(const json_t *document, struct guard_policy *p, struct message *m)
{
	const json_t *thresholds = json_object_get(document, "thresholds");
	const char *class;
	json_t *value;
	int r = 0;

	if (!thresholds)
		return 0;
	if (!json_is_object(thresholds))
		return wrong(m, "thresholds must be an object");
	json_object_foreach ((json_t *)thresholds, class, value) {
		r = parse_threshold(class, value, p, m);
		if (r < 0)
			break;
	}
	return r;
}

static int parse_shadow(const json_t *document, struct guard_policy *p, struct message *m)
{
	const json_t *shadow = json_object_get(document, "shadow");

	if (!shadow)
		return 0;
	if (!json_is_boolean(shadow))
		return wrong(m, "shadow must be true or false");
	p->is_shadow = json_is_true(shadow);
	return 0;
}

static int parse_pattern(const json_t *item, size_t i, struct policy_source *source,
			 struct policy_pattern *ret, struct message *m)
{
	const json_t *class = json_object_get(item, "class");
	const json_t *regex = json_object_get(item, "regex");
	char why[256] = "";
	size_t count;
	int r;

	if (!class || !regex)
		return wrong(m, PATTERNS "[%zu]: must be an object with 'class' and 'regex' keys",
			     i);
	if (find_class(class, &ret->intent_class) < 0 ||
	    (ret->intent_class != GUARD_HARM && ret->intent_class != GUARD_DECEIVE))
		return wrong(m, PATTERNS "[%zu]: 'class' must be one of ['DECEIVE', 'HARM']", i);
	if (!json_is_string(regex))
		return wrong(m, PATTERNS "[%zu]: 'regex' must be a string", i);
	count = text_characters(json_string_value(regex), json_string_length(regex));
	if (count > POLICY_REGEX_MAX)
		return wrong(m,
			     PATTERNS "[%zu]: 'regex' has %zu characters; at most %d are allowed",
			     i, count, POLICY_REGEX_MAX);
	r = pattern_translate(json_string_value(regex), json_string_length(regex), &source->text,
			      why, sizeof(why));
	if (r >= 0)
		r = policy_compile_pattern(source, ret, why, sizeof(why));
	return r == -EINVAL ? wrong(m, PATTERNS "[%zu]: invalid regex: %s", i, why) : r;
}

static int parse_list(const json_t *list, struct guard_policy *p, struct policy_source *sources,
		      struct message *m)
{
	const json_t *item;
	size_t i;
	int r;

	json_array_foreach (list, i, item) {
		p->pattern_count = i + 1;
		r = parse_pattern(item, i, &sources[i], &p->patterns[i], m);
		if (r < 0)
			return r;
	}
	return policy_compile_database(p, sources);
}

static int parse_patterns(const json_t *document, struct guard_policy *p, struct message *m)
{
	const json_t *list = json_object_get(document, PATTERNS);
	size_t count = json_array_size(list);
	_cleanup_(freep) struct policy_source *sources = NULL;
	int r;

	if (!list || (json_is_array(list) && !count))
		return 0;
	if (!json_is_array(list))
		return wrong(m, PATTERNS " must be a list");
	if (count > POLICY_PATTERNS_MAX)
		return wrong(m, PATTERNS " has %zu patterns; at most %d are allowed", count,
			     POLICY_PATTERNS_MAX);
	sources = calloc(count, sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	r = parse_list(list, p, sources, m);
	for (size_t i = 0; i < count; i++)
		pattern_text_free(&sources[i].text);
	return r;
}

int guard_policy_parse(const char *json, size_t len, uint32_t version, struct guard_policy **ret,
		       char *error, size_t error_size)
{
	_cleanup_(guard_policy_free) struct guard_policy *p = NULL;
	_cleanup_(json_decrefp) json_t *document = NULL;
	struct message m = { error, error_size };
	json_error_t why;
	int r;

	document = json_loadb(json, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!document)
		return wrong(&m, "%s (line %d, column %d)", why.text, why.line, why.column);
	if (!json_is_object(document))
		return wrong(&m, "Policy must be a JSON object");
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->version = version;
	p->serial = engine_serial();
	r = parse_version(document, &m);
	if (r >= 0)
		r = parse_patterns(document, p, &m);
	if (r >= 0)
		r = parse_disabled(document, p, &m);
	if (r >= 0)
		r = parse_allow_only(document, p, &m);
	if (r >= 0)
		r = parse_thresholds(document, p, &m);
	if (r >= 0)
		r = parse_shadow(document, p, &m);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

void guard_policy_free(struct guard_policy **p)
{
	if (!*p)
		return;
	for (size_t i = 0; i < (*p)->pattern_count; i++)
		pcre2_code_free((*p)->patterns[i].code);
	if ((*p)->db)
		hs_free_database((*p)->db);
	free(*p);
	*p = NULL;
}

uint32_t guard_policy_version(const struct guard_policy *p)
{
	return p ? p->version : 0;
}

/* A pattern of the tenant's own comes before everything else. */
static void apply_pattern(const struct policy_pattern *pattern, const struct pattern_match *place,
			  struct guard_verdict *v, struct guard_explanation *e)
{
	const char *name = pattern->intent_class == GUARD_HARM ? "custom_harm" : "custom_deceive";

	v->block = true;
	v->intent_class = pattern->intent_class;
	v->confidence_e4 = MAX(v->confidence_e4, CONFIDENCE_PATTERN_E4);
	verdict_add_signal(v, name);
	if (e)
		explain_add(e, place->begin, place->end, name, NULL);
}

int policy_apply(const struct guard_policy *p, struct guard_scratch *scratch,
		 const struct guard_request *request, struct guard_verdict *v,
		 struct guard_explanation *e)
{
	struct pattern_match place = { 0 };
	int i = policy_find_match(p, scratch, request->text, request->len, e ? &place : NULL);

	if (i < 0 && i != -ENOENT)
		return i;
	if (i >= 0)
		apply_pattern(&p->patterns[i], &place, v, e);
	else if (p->has_allow_only && !(p->allow_only >> v->intent_class & 1))
		v->block = true;
	else if (p->disabled >> v->intent_class & 1)
		v->block = false;
	if (p->is_shadow) {
		v->is_shadow = true;
		v->shadow_block = v->block;
		v->block = false;
	}
	return 0;
}
