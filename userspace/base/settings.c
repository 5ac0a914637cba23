/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of settings and what walks it. A row is the only place a setting is named; reading the
 * environment and argv, --help and docs/configuration.md all follow from it.
 */
#include "base/settings.h"

#include <errno.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"

enum kind { KIND_TEXT, KIND_SECRET, KIND_FLAG, KIND_NUMBER, KIND_PREFIXES, KIND_CHOICE };

/* What a choice may say; its value is the position. */
#define CHOICES_MAX 5

struct row {
	const char *flag; /* without the dashes; NULL: environment only (secrets: argv is public) */
	const char *variable; /* NULL: flag only */
	enum kind kind;
	size_t offset;
	const char *fallback; /* as text */
	uint64_t min, max;    /* numbers */
	const char *argument; /* for the help */
	const char *help;
	const char *choices[CHOICES_MAX];
};

#define FIELD(name) offsetof(struct settings, name)

/* clang-format off */
static const struct row rows[] = {
	{ "env", "AXIOM_ENV", KIND_CHOICE, FIELD(production), "development", 0, 0, "NAME",
	  "development or production; production refuses to start on weak settings", { "development", "production" } },
	{ NULL, "AXIOM_MASTER_KEY", KIND_SECRET, FIELD(master_key), "", 0, 0, "TEXT",
	  "what every other key is derived from; losing it makes stored keys and signatures useless", { 0 } },
	{ NULL, "AXIOM_FIREWALL_SESSION_SECRET", KIND_SECRET, FIELD(session_secret), "", 0, 0, "TEXT",
	  "signs session cookies; changing it logs everyone out", { 0 } },
	{ "tenant-dir", "AXIOM_FIREWALL_TENANT_DIR", KIND_TEXT, FIELD(tenant_dir), "tenants", 0, 0, "DIR",
	  "the store: registry.db and a file per tenant, on a local file system", { 0 } },
	{ "public-url", "AXIOM_FIREWALL_PUBLIC_URL", KIND_TEXT, FIELD(public_url), "", 0, 0, "URL",
	  "the address people type, for absolute links", { 0 } },
	{ "cors-origins", "AXIOM_FIREWALL_CORS_ORIGINS", KIND_TEXT, FIELD(cors_origins), "", 0, 0, "LIST",
	  "origins whose pages may call the API, comma-separated, or *; empty: CORS is off", { 0 } },
	{ "beta-feedback", "AXIOM_FIREWALL_BETA_FEEDBACK", KIND_TEXT, FIELD(beta_feedback), "", 0, 0, "URL",
	  "a feedback link for the pages; empty: none", { 0 } },
	{ "sales-email", "AXIOM_FIREWALL_SALES_EMAIL", KIND_TEXT, FIELD(sales_email), "sales@orivael.dev", 0, 0, "ADDR",
	  "who to ask about plans", { 0 } },
	{ "listen", "AXIOM_FIREWALL_LISTEN", KIND_TEXT, FIELD(listen), "127.0.0.1:8004", 0, 0, "ADDR:PORT",
	  "where to serve HTTP; several with commas, IPv6 in brackets", { 0 } },
	{ "forwarded-allow-ips", "AXIOM_FIREWALL_FORWARDED_ALLOW_IPS", KIND_PREFIXES, FIELD(forwarded_allow_ips), "", 0, 0, "LIST",
	  "proxies whose X-Forwarded-For, -Proto and -Host count; * trusts every direct peer", { 0 } },
	{ "proxy-protocol", "AXFW_PROXY_PROTOCOL", KIND_FLAG, FIELD(proxy_protocol), "0", 0, 0, NULL,
	  "connections of those proxies begin with a PROXY header, version 1 or 2", { 0 } },
	{ "allow-from", "AXFW_ALLOW_FROM", KIND_PREFIXES, FIELD(allow_from), "", 0, 0, "LIST",
	  "the only addresses that are served, besides loopback and the proxies; empty: everybody", { 0 } },
	{ "metrics-allow", "AXFW_METRICS_ALLOW", KIND_PREFIXES, FIELD(metrics_allow), "127.0.0.0/8,::1", 0, 0, "LIST",
	  "addresses that may read /metrics", { 0 } },
	{ "interface", "AXFW_INTERFACE", KIND_TEXT, FIELD(interfaces), "none", 0, 0, "LIST",
	  "network interfaces to attach to, comma-separated; none: everything in userspace", { 0 } },
	{ "pin-dir", "AXFW_PIN_DIR", KIND_TEXT, FIELD(pin_dir), "/sys/fs/bpf/axfw", 0, 0, "DIR",
	  "where maps, programs and links are pinned", { 0 } },
	{ "persist", "AXFW_PERSIST", KIND_FLAG, FIELD(persist), "0", 0, 0, NULL,
	  "leave the programs enforcing when the daemon ends", { 0 } },
	{ "refuse", "AXFW_REFUSE", KIND_CHOICE, FIELD(refuse), "answer", 0, 0, "HOW",
	  "what the kernel does with a refused request: answer it, pass it to userspace, reset or drop its connection",
	  { "answer", "pass", "reset", "drop" } },
	{ "syn-rate", "AXFW_SYN_RATE", KIND_NUMBER, FIELD(syn_rate), "0", 0, 1000000, "N",
	  "connections a second that one source may open (IPv6: one /64); more are dropped; 0: no limit", { 0 } },
	{ "syn-burst", "AXFW_SYN_BURST", KIND_NUMBER, FIELD(syn_burst), "100", 1, 1000000, "N",
	  "so many of them at once", { 0 } },
	{ "syn-cookies", "AXFW_SYN_COOKIES", KIND_FLAG, FIELD(syn_cookies), "0", 0, 0, NULL,
	  "answer SYNs with cookies in the kernel program while the stack is under pressure", { 0 } },
	{ "key-rate", "AXFW_KEY_RATE", KIND_NUMBER, FIELD(key_rate), "0", 0, 1000000, "N",
	  "calls a second with one API key, on the average; 0: no limit", { 0 } },
	{ "key-burst", "AXFW_KEY_BURST", KIND_NUMBER, FIELD(key_burst), "20", 1, 1000000, "N",
	  "so many of them at once", { 0 } },
	{ "socket", "AXFW_SOCKET", KIND_TEXT, FIELD(socket_path), "/run/axfw.sock", 0, 0, "PATH",
	  "local socket for axfw(1); empty: none", { 0 } },
	{ "cache-dir", "AXFW_CACHE_DIR", KIND_TEXT, FIELD(cache_dir), "/var/cache/axfw", 0, 0, "DIR",
	  "compiled pattern databases; empty: compile at every start", { 0 } },
	{ "durability", "AXFW_DURABILITY", KIND_CHOICE, FIELD(durability), "process", 0, 0, "WHAT",
	  "what a recorded call survives: the process (kill -9) or a power failure", { "process", "power" } },
	{ "signup-limit", "AXFW_SIGNUP_LIMIT", KIND_NUMBER, FIELD(signup_limit), "5", 1, 16, "N",
	  "sign-ups a client address may try within the window", { 0 } },
	{ "signup-window", "AXFW_SIGNUP_WINDOW", KIND_NUMBER, FIELD(signup_window_s), "3600", 60, 86400, "SECONDS",
	  "length of that window", { 0 } },
	{ "penalty-refusals", "AXFW_PENALTY_REFUSALS", KIND_NUMBER, FIELD(penalty_refusals), "100", 0, 1000000, "N",
	  "refused keys or log-ins of one client within the penalty window that put it into the penalty box; 0: no box", { 0 } },
	{ "penalty-window", "AXFW_PENALTY_WINDOW", KIND_NUMBER, FIELD(penalty_window_s), "10", 1, 3600, "SECONDS",
	  "length of that window", { 0 } },
	{ "penalty-time", "AXFW_PENALTY_TIME", KIND_NUMBER, FIELD(penalty_time_s), "60", 1, 600, "SECONDS",
	  "how long the box holds: packets of the source are dropped, in userspace mode its connections closed", { 0 } },
	{ "events-per-second", "AXFW_EVENTS_PER_SECOND", KIND_NUMBER, FIELD(events_per_second), "200", 0, 10000, "N",
	  "sampled decisions of the kernel for axfw top; 0: none", { 0 } },
	{ "threads", "AXFW_THREADS", KIND_NUMBER, FIELD(threads), "0", 0, 64, "N",
	  "threads that answer requests; 0: one per core", { 0 } },
	{ "connections", "AXFW_CONNECTIONS", KIND_NUMBER, FIELD(connections_max), "4096", 16, 65536, "N",
	  "connections open at once", { 0 } },
	{ "log-level", "AXFW_LOG_LEVEL", KIND_CHOICE, FIELD(log_level), "info", 0, 0, "LEVEL",
	  "error, warning, info or debug", { "error", "warning", "info", "debug" } },
	{ "check", NULL, KIND_FLAG, FIELD(check_only), "0", 0, 0, NULL,
	  "judge the configuration and exit", { 0 } },
	{ "print-settings", NULL, KIND_FLAG, FIELD(dump_settings), "0", 0, 0, NULL,
	  "print this table as Markdown and exit", { 0 } },
	{ "version", NULL, KIND_FLAG, FIELD(version), "0", 0, 0, NULL, "print the version and exit", { 0 } },
	{ "help", NULL, KIND_FLAG, FIELD(help), "0", 0, 0, NULL, "print this text and exit", { 0 } },
};
/* clang-format on */

static int set_text(char **field, const char *value, const struct row *row)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	if (row->kind == KIND_SECRET)
		free_secretp(field);
	else
		free(*field);
	*field = copy;
	return 0;
}

static int set_flag(bool *field, const char *value)
{
	static const char *const yes[] = { "1", "true", "yes" };
	static const char *const no[] = { "0", "false", "no", "" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!strcasecmp(value, yes[i]))
			return *field = true, 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		if (!strcasecmp(value, no[i]))
			return *field = false, 0;
	}
	return -EINVAL;
}

static int set_number(uint64_t *field, const char *value, const struct row *row)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || n < row->min || n > row->max)
		return -EINVAL;
	*field = n;
	return 0;
}

static int set_choice(void *field, const char *value, const struct row *row)
{
	for (int i = 0; i < CHOICES_MAX && row->choices[i]; i++) {
		if (strcmp(value, row->choices[i]))
			continue;
		if (row->offset == FIELD(production))
			*(bool *)field = i;
		else
			*(int *)field = i; /* every other choice is an enum */
		return 0;
	}
	return -EINVAL;
}

static int set_prefixes(struct prefix_list *field, const char *value)
{
	struct prefix_list list;
	int r = prefix_list_parse(value, &list);

	if (r < 0)
		return r;
	prefix_list_free(field);
	*field = list;
	return 0;
}

static int set_row(struct settings *s, const struct row *row, const char *value)
{
	void *field = (char *)s + row->offset;

	switch (row->kind) {
	case KIND_TEXT:
	case KIND_SECRET:
		return set_text(field, value, row);
	case KIND_FLAG:
		return set_flag(field, value);
	case KIND_NUMBER:
		return set_number(field, value, row);
	case KIND_PREFIXES:
		return set_prefixes(field, value);
	case KIND_CHOICE:
		return set_choice(field, value, row);
	}
	return -EINVAL;
}

/* What a value of this row may be, for the error. */
static void describe_expected(const struct row *row, char *ret, size_t size)
{
	size_t n = 0;

	if (row->kind == KIND_NUMBER)
		snprintf(ret, size, "a number from %llu to %llu", (unsigned long long)row->min,
			 (unsigned long long)row->max);
	else if (row->kind == KIND_PREFIXES)
		snprintf(ret, size, "addresses or prefixes with commas, as 10.0.0.0/8,::1");
	else if (row->kind == KIND_FLAG)
		snprintf(ret, size, "1 or 0");
	else
		snprintf(ret, size, "text");
	for (int i = 0; row->kind == KIND_CHOICE && i < CHOICES_MAX && row->choices[i] && n < size;
	     i++)
		n += (size_t)snprintf(ret + n, size - n, "%s%s", i ? ", " : "one of ",
				      row->choices[i]);
}

static int take(struct settings *s, const struct row *row, const char *source, const char *value,
		char *error, size_t size)
{
	char expected[128];
	int r = set_row(s, row, value);

	if (r >= 0)
		return 0;
	describe_expected(row, expected, sizeof(expected));
	snprintf(error, size, "%s: '%.100s' isn't possible; give %s", source, value, expected);
	return r;
}

static const struct row *find_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].flag && strlen(rows[i].flag) == len && !memcmp(rows[i].flag, name, len))
			return &rows[i];
	}
	return NULL;
}

/* "--name value", "--name=value" or, for switches, "--name". Returns how many words it took. */
static int take_argument(struct settings *s, char **argv, char *error, size_t size)
{
	const char *word = argv[0], *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct row *row = NULL;
	const char *value = equals ? equals + 1 : argv[1];
	int r;

	if (len > 2 && !strncmp(word, "--", 2))
		row = find_flag(word + 2, len - 2);
	else if (!strcmp(word, "-h"))
		row = find_flag("help", 4);
	if (!row) {
		snprintf(error, size, "unknown argument '%.100s'; axfwd --help lists them", word);
		return -EINVAL;
	}
	if (row->kind == KIND_FLAG && !equals)
		value = "1";
	if (!value) {
		snprintf(error, size, "--%s needs a value: %s", row->flag, row->help);
		return -EINVAL;
	}
	r = take(s, row, word, value, error, size);
	if (r < 0)
		return r;
	return row->kind == KIND_FLAG || equals ? 1 : 2;
}

static int load_environment(struct settings *s, char *error, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = rows[i].variable ? getenv(rows[i].variable) : NULL;
		int r = set_row(s, &rows[i], rows[i].fallback);

		/* An empty variable of a .env file means "not set", but for a text it is a value.
		 */
		if (r >= 0 && value &&
		    (*value || rows[i].kind == KIND_TEXT || rows[i].kind == KIND_SECRET))
			r = take(s, &rows[i], rows[i].variable, value, error, size);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "https://host/" and "https://host" are the same address; links are built with the latter. */
static void trim_slash(char *url)
{
	size_t len = strlen(url);

	while (len && url[len - 1] == '/')
		url[--len] = '\0';
}

int settings_load(int argc, char **argv, struct settings **ret, char *error, size_t size)
{
	_cleanup_(settings_free) struct settings *s = calloc(1, sizeof(*s));
	int r;

	snprintf(error, size, "out of memory");
	if (!s)
		return -ENOMEM;
	r = load_environment(s, error, size);
	for (int i = 1; r >= 0 && i < argc; i += r)
		r = take_argument(s, argv + i, error, size);
	if (r < 0)
		return r;
	trim_slash(s->public_url);
	*ret = TAKE_PTR(s);
	return 0;
}

void settings_free(struct settings **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		void *field = (char *)*s + rows[i].offset;

		if (rows[i].kind == KIND_SECRET)
			free_secretp(field);
		else if (rows[i].kind == KIND_TEXT)
			free(*(char **)field);
		else if (rows[i].kind == KIND_PREFIXES)
			prefix_list_free(field);
	}
	free(*s);
	*s = NULL;
}

#define HELP_INDENT 6  /* below the flag */
#define HELP_WIDTH  80 /* everybody's terminal */

static void print_row_help(const struct row *row, FILE *to)
{
	_cleanup_(text_free) struct text line = { 0 }, out = { 0 };

	text_add(&line, row->help);
	if (*row->fallback && row->kind != KIND_FLAG)
		text_addf(&line, " [%s]", row->fallback);
	if (!text_failed(&line))
		text_add_wrapped(&out, line.data, HELP_INDENT, HELP_INDENT, HELP_WIDTH);
	fprintf(to, "%*s%s\n", HELP_INDENT, "",
		text_failed(&out) || !out.len ? row->help : out.data);
}

void settings_print_help(FILE *to)
{
	fprintf(to, "axfwd: an intent firewall for LLM applications, with its hot path in the "
		    "kernel.\n\n"
		    "  axfwd --listen 0.0.0.0:8004 --interface eth0 --tenant-dir /var/lib/axfw\n\n"
		    "Each setting is a flag or an environment variable; a flag wins.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (row->flag)
			fprintf(to, "  --%s%s%s", row->flag, row->argument ? " " : "",
				row->argument ? row->argument : "");
		if (row->variable)
			fprintf(to, "%s%s", row->flag ? "  or  " : "  ", row->variable);
		fputc('\n', to);
		print_row_help(row, to);
	}
	fprintf(to,
		"\nSIGTERM and SIGINT end it; answers in flight are finished first.\n"
		"axfw status shows what a running one does; axfw doctor what this machine can.\n");
}

void settings_print_markdown(FILE *to)
{
	fprintf(to, "| Variable | Flag | Default | What it is for |\n|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		const char *q = row->variable ? "`" : "", *f = row->flag ? "`" : "";
		const char *d = *row->fallback && row->kind != KIND_FLAG ? "`" : "";

		fprintf(to, "| %s%s%s | %s%s%s%s%s%s | %s%s%s | %s |\n", q,
			row->variable ? row->variable : "", q, f, row->flag ? "--" : "",
			row->flag ? row->flag : "", row->flag && row->argument ? " " : "",
			row->flag && row->argument ? row->argument : "", f, d,
			*d ? row->fallback : "", d, row->help);
	}
}
