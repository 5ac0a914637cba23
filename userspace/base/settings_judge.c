/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which settings are too weak to serve with. A table: each row is one sentence an operator can act
 * on. Production refuses to start on the fatal ones; development warns of the same.
 */
#include "base/settings.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"

#define SECRET_MIN 32 /* characters: 128 bits even as hex */

/* What people leave in a .env file copied from an example. */
static const char *const placeholder_secrets[] = {
	"dev-secret", "dev-session-secret",
	"change-me",  "changeme",
	"secret",     "dev-session-secret-change-in-production",
};

static bool is_placeholder(const char *secret)
{
	for (size_t i = 0; i < ARRAY_SIZE(placeholder_secrets); i++) {
		if (!strcmp(secret, placeholder_secrets[i]))
			return true;
	}
	return false;
}

static bool master_key_unset(const struct settings *s)
{
	return !*s->master_key;
}

static bool master_key_short(const struct settings *s)
{
	return *s->master_key && strlen(s->master_key) < SECRET_MIN;
}

static bool session_secret_weak(const struct settings *s)
{
	return strlen(s->session_secret) < SECRET_MIN || is_placeholder(s->session_secret);
}

static bool secrets_equal(const struct settings *s)
{
	return *s->master_key && !strcmp(s->master_key, s->session_secret);
}

static bool cors_any(const struct settings *s)
{
	return strchr(s->cors_origins, '*');
}

/* Of any origin of the list, which may have blanks around its commas. */
static bool cors_slash(const struct settings *s)
{
	const char *at = s->cors_origins;

	while ((at = strchr(at, '/'))) {
		at++;
		if (!at[strspn(at, " \t")] || at[strspn(at, " \t")] == ',')
			return true;
	}
	return false;
}

static bool url_not_https(const struct settings *s)
{
	return strncmp(s->public_url, "https://", 8);
}

static bool debug_logging(const struct settings *s)
{
	return s->log_level == LOG_LEVEL_DEBUG;
}

static bool proxies_any(const struct settings *s)
{
	return s->forwarded_allow_ips.any;
}

enum when { ALWAYS_FATAL, PRODUCTION_FATAL, WARN };

static const struct {
	bool (*is_weak)(const struct settings *s);
	enum when when;
	const char *sentence;
} rules[] = {
	{ master_key_unset, ALWAYS_FATAL,
	  "AXIOM_MASTER_KEY is not set: make one with 'openssl rand -hex 32' and keep it safe" },
	{ master_key_short, PRODUCTION_FATAL,
	  "AXIOM_MASTER_KEY is shorter than 32 characters: make one with 'openssl rand -hex 32'" },
	{ session_secret_weak, PRODUCTION_FATAL,
	  "AXIOM_FIREWALL_SESSION_SECRET is unset, an example's or shorter than 32 characters: "
	  "make one with "
	  "'openssl rand -hex 32'" },
	{ secrets_equal, PRODUCTION_FATAL,
	  "AXIOM_FIREWALL_SESSION_SECRET equals AXIOM_MASTER_KEY: give each its own" },
	{ cors_any, PRODUCTION_FATAL,
	  "AXIOM_FIREWALL_CORS_ORIGINS holds '*': name the origins whose pages may call the API" },
	{ cors_slash, PRODUCTION_FATAL,
	  "AXIOM_FIREWALL_CORS_ORIGINS has an origin that ends in '/': browsers never send one, so "
	  "it would "
	  "match nothing" },
	{ url_not_https, PRODUCTION_FATAL,
	  "AXIOM_FIREWALL_PUBLIC_URL isn't an https:// address: give the one people type" },
	{ debug_logging, PRODUCTION_FATAL,
	  "AXFW_LOG_LEVEL is debug: production logs at info or less" },
	{ proxies_any, WARN,
	  "AXIOM_FIREWALL_FORWARDED_ALLOW_IPS is '*': every direct peer may say who its client "
	  "is" },
};

/* What only production minds: development has no public URL and no proxies to name. */
static bool concerns(const struct settings *s, size_t i)
{
	return s->production ||
	       (rules[i].is_weak != url_not_https && rules[i].is_weak != debug_logging);
}

unsigned settings_judge(const struct settings *s,
			void (*complain)(void *arg, bool fatal, const char *sentence), void *arg)
{
	unsigned fatal = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		bool stops = rules[i].when == ALWAYS_FATAL ||
			     (rules[i].when == PRODUCTION_FATAL && s->production);

		if (!concerns(s, i) || !rules[i].is_weak(s))
			continue;
		fatal += stops;
		complain(arg, stops, rules[i].sentence);
	}
	return fatal;
}
