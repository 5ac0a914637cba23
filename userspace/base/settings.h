/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every setting of the daemon, from one table (settings.c): its flag, its environment variable, its
 * default, what it is for. --help and docs/configuration.md are printed from the same rows. A flag
 * wins over the environment. The struct is immutable after settings_load().
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/address.h"
#include "base/log.h"

enum durability { DURABILITY_PROCESS, DURABILITY_POWER };
enum refuse_mode { REFUSE_ANSWER, REFUSE_PASS, REFUSE_RESET, REFUSE_DROP };

struct settings {
	/* the Python firewall's names */
	bool production;      /* AXIOM_ENV=production */
	char *master_key;     /* wiped on free */
	char *session_secret; /* wiped on free */
	char *tenant_dir;
	char *public_url;    /* without a trailing slash; "" unset */
	char *cors_origins;  /* comma list, "*", or "" for off */
	char *beta_feedback; /* URL or "" */
	char *sales_email;
	/* ours */
	char *listen;	  /* ADDR:PORT, several with commas */
	char *interfaces; /* comma list; "none" or "": userspace only */
	char *pin_dir;
	char *socket_path; /* local control socket; "" for none */
	char *cache_dir;   /* compiled pattern databases; "" for none */
	bool persist;
	bool check_only;
	bool help;
	bool version;
	bool dump_settings; /* prints the table as Markdown and exits */
	enum log_level log_level;
	enum durability durability;
	enum refuse_mode refuse;
	struct prefix_list forwarded_allow_ips;
	bool proxy_protocol;
	struct prefix_list metrics_allow;
	struct prefix_list allow_from; /* empty: everybody */
	uint64_t syn_rate, syn_burst;  /* per source and second; 0: tier 1 is off */
	bool syn_cookies;
	uint64_t key_rate, key_burst; /* per API key and second; 0: no limit */
	uint64_t threads;	      /* epoll threads; 0: one per core */
	uint64_t signup_limit;
	uint64_t signup_window_s;
	uint64_t connections_max;
	uint64_t penalty_refusals; /* 0: no box */
	uint64_t penalty_window_s;
	uint64_t penalty_time_s;
	uint64_t events_per_second;
};

/* Reads the environment, then argv. On failure writes one line naming the setting and what to do
 * into error (size bytes) and returns -EINVAL. Caller frees with settings_free(). */
int settings_load(int argc, char **argv, struct settings **ret, char *error, size_t size);
void settings_free(struct settings **s);

/* What production refuses and development warns of, one sentence each through complain(); returns
 * the number of sentences that must stop a start. */
unsigned settings_judge(const struct settings *s,
			void (*complain)(void *arg, bool fatal, const char *sentence), void *arg);

void settings_print_help(FILE *to);
void settings_print_markdown(FILE *to);

#endif
