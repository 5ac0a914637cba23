/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw trace: asks the kernel, through the daemon, to report every decision about a client or a
 * key. The wish is a lease that is renewed while this runs, so nothing stays on after a kill -9.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include "client.h"
#include "duration.h"
#include "output.h"
#include "reasons.h"

enum { OPTION_IP, OPTION_KEY, OPTION_KEY_HASH, OPTION_FOR };

#define TIME_WIDTH 16	/* "12:00:00.123456 " */
#define LOOK_MS	   200	/* a person watches */
#define RENEW_MS   1500 /* the lease is 5 s */
#define KEY_MAX	   256

static volatile sig_atomic_t interrupted;

static void on_signal(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

struct trace {
	const struct cli *cli;
	char *client, *key_hash; /* owned; NULL: any */
	json_int_t next;
	uint64_t seen;
};

static void trace_free(struct trace *t)
{
	free(t->client);
	free(t->key_hash);
}

static json_t *make_body(const struct trace *t, const char *key, bool on)
{
	return json_pack("{s:b, s:s*, s:s*, s:s*}", "on", on, "client", t->client, "key", key,
			 "key_hash", key ? NULL : t->key_hash);
}

/* Turns it on, renews it, turns it off. key: only the first time, then its hash is known. */
static enum cli_status request_trace(struct trace *t, const char *key, bool on)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	json_t *body = make_body(t, key, on);
	const char *hash;
	enum cli_status status;

	if (!body)
		return cli_fail(t->cli, CLI_USAGE, NULL, "address and key must be UTF-8");
	status = client_call(t->cli, "POST", "/node/trace", body, &answer);
	if (status != CLI_DONE)
		return status;
	hash = json_string_value(json_object_get(answer.json, "key_hash"));
	if (hash && !t->key_hash)
		t->key_hash = strdup(hash);
	if (!t->next)
		t->next = json_integer_value(json_object_get(answer.json, "next"));
	return hash && !t->key_hash ? cli_fail(t->cli, CLI_NO, NULL, "out of memory") : CLI_DONE;
}

static const char *string_of(const json_t *object, const char *name, const char *fallback)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : fallback;
}

static enum style style_of(const char *action)
{
	if (!strcmp(action, "pass"))
		return STYLE_GOOD;
	return !strcmp(action, "close") ? STYLE_DIM : STYLE_WARN;
}

static void print_event(const struct cli *cli, const json_t *e)
{
	const char *reason = string_of(e, "reason", "?"), *action = string_of(e, "action", "?");
	const char *time = strchr(string_of(e, "time", "T?"), 'T') + 1;
	const char *key = string_of(e, "key", NULL), *id = string_of(e, "request_id", NULL);

	print_wrapped(stdout, TIME_WIDTH,
		      "%s %s port %lld, %s %s, %lld bytes: %s%s %s%s: %s%s%.8s%s%s%s%s", time,
		      string_of(e, "client", "?"),
		      (long long)json_integer_value(json_object_get(e, "port")),
		      string_of(e, "interface", "?"), string_of(e, "hook", "?"),
		      (long long)json_integer_value(json_object_get(e, "bytes")),
		      style_on(cli, style_of(action)), action, reason, style_off(cli),
		      reason_text(reason), key ? " [key " : "", key ? key : "", key ? "]" : "",
		      id ? " [request " : "", id ? id : "", id ? "]" : "");
}

static void print_line(const struct trace *t, json_t *e)
{
	_cleanup_(freep) char *text = NULL;

	if (!t->cli->json) {
		print_event(t->cli, e);
		return;
	}
	json_object_set_new(e, "why", json_string(reason_text(string_of(e, "reason", ""))));
	text = json_text(e);
	puts(text ? text : "{\"error\":\"out of memory\"}");
}

static enum cli_status show_new(struct trace *t)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	json_int_t lost;
	char path[64];
	enum cli_status status;
	json_t *event;
	size_t i;

	snprintf(path, sizeof(path), "/node/events?limit=1000&since=%lld", (long long)t->next);
	status = client_call(t->cli, "GET", path, NULL, &answer);
	if (status != CLI_DONE)
		return status;
	lost = json_integer_value(json_object_get(answer.json, "lost"));
	if (lost)
		fprintf(stderr, "axfw: %lld events came faster than they could be shown\n",
			(long long)lost);
	t->next = json_integer_value(json_object_get(answer.json, "next"));
	json_array_foreach (json_object_get(answer.json, "events"), i, event) {
		if (strcmp(string_of(event, "kind", ""), "traced"))
			continue;
		print_line(t, event);
		t->seen++;
	}
	fflush(stdout); /* main() says what went wrong */
	return CLI_DONE;
}

static enum cli_status follow(struct trace *t, uint64_t end_ns)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * (long)NS_PER_MS };
	uint64_t renew_ns = clock_monotonic_ns() + RENEW_MS * NS_PER_MS, now_ns;
	enum cli_status status = CLI_DONE;

	while (status == CLI_DONE && !interrupted && !ferror(stdout) && !output_is_unread()) {
		nanosleep(&pause, NULL);
		status = show_new(t);
		now_ns = clock_monotonic_ns();
		if (now_ns >= end_ns)
			break;
		if (status == CLI_DONE && now_ns >= renew_ns) {
			status = request_trace(t, NULL, true);
			renew_ns = now_ns + RENEW_MS * NS_PER_MS;
		}
	}
	return status;
}

/* "-": one line of standard input, so that the key isn't in the process list. */
static enum cli_status read_key(const struct cli *cli, const char *option, char ret[static KEY_MAX])
{
	if (!option || strcmp(option, "-")) {
		snprintf(ret, KEY_MAX, "%s", option ? option : "");
		return CLI_DONE;
	}
	if (!fgets(ret, KEY_MAX, stdin))
		return cli_fail(cli, CLI_USAGE, NULL, "no key on standard input");
	ret[strcspn(ret, "\r\n")] = '\0';
	return CLI_DONE;
}

static enum cli_status read_end(const struct cli *cli, const char *text, uint64_t *ret_end_ns)
{
	uint64_t seconds;

	*ret_end_ns = UINT64_MAX;
	if (!text)
		return CLI_DONE;
	if (duration_parse(text, &seconds) < 0)
		return cli_fail(cli, CLI_USAGE, "Write 90s, 10m, 2h, 7d or 1h30m.",
				"'%s' isn't a length of time", text);
	*ret_end_ns = clock_monotonic_ns() + seconds * NS_PER_S;
	return CLI_DONE;
}

static void catch_signals(void)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &action, NULL);
}

static void say_end(const struct trace *t)
{
	if (t->seen)
		fprintf(stderr, "%llu decision%s.\n", (unsigned long long)t->seen,
			t->seen == 1 ? "" : "s");
	else
		fprintf(stderr,
			"Nothing was judged. Does the client reach a protected port through "
			"an attached interface? 'axfw status' shows them.\n");
}

static enum cli_status run_trace(struct trace *t, const char *key, uint64_t end_ns)
{
	enum cli_status status = request_trace(t, *key ? key : NULL, true), off;

	if (status != CLI_DONE)
		return status;
	if (!t->cli->json)
		fprintf(stderr, "Tracing; Ctrl-C ends.\n");
	catch_signals();
	status = follow(t, end_ns);
	off = request_trace(t, NULL, false);
	if (!t->cli->json && !output_is_unread())
		say_end(t);
	return status == CLI_DONE ? off : status;
}

enum cli_status command_trace(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(trace_free) struct trace t = { .cli = cli };
	char key[KEY_MAX];
	uint64_t end_ns;
	enum cli_status status = read_key(cli, a->values[OPTION_KEY], key);

	if (status == CLI_DONE)
		status = read_end(cli, a->values[OPTION_FOR], &end_ns);
	if (status != CLI_DONE)
		return status;
	t.client = a->values[OPTION_IP] ? strdup(a->values[OPTION_IP]) : NULL;
	t.key_hash = a->values[OPTION_KEY_HASH] ? strdup(a->values[OPTION_KEY_HASH]) : NULL;
	status = run_trace(&t, key, end_ns);
	wipe(key, sizeof(key));
	return status;
}
