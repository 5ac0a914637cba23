/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees first. Plain lines: it also ends up in journals. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "node.h"

static void print_interface(const struct kernel_interface *i)
{
	bool attached = strcmp(i->mode, "none");

	printf("  %-12s %s", attached ? "attached" : "NOT attached", i->name);
	if (attached)
		printf(": %s, %s mode%s", i->hook, i->mode,
		       i->answers ? ", refusals are answered in the kernel" : "");
	if (i->added)
		printf(", added by axfw attach");
	if (*i->reason)
		printf(" (%s)", i->reason);
	putchar('\n');
}

static void print_kernel(const struct kernel_state *state)
{
	if (state->enforcing)
		printf("  %-12s enforcing%s\n", "kernel",
		       state->adopted ? ", adopted what was pinned" : "");
	else
		printf("  %-12s userspace only: %s\n", "kernel", state->reason);
	for (unsigned i = 0; i < state->interface_count; i++)
		print_interface(&state->interfaces[i]);
	if (state->enforcing)
		printf("  %-12s %s\n", "maps", state->pin_dir);
}

/* What stays when it ends, so that nobody has to look for it. */
static void print_end(const struct settings *s, const struct kernel_state *state)
{
	if (state->enforcing)
		printf("  %-12s %s\n", "at the end",
		       s->persist ? "the programs stay and go on enforcing (--persist)"
				  : "detaches and unpins; --persist leaves it enforcing");
}

/* The first address served, as people type it. */
static void print_address(const struct settings *s)
{
	printf("http://%.*s", (int)strcspn(s->listen, ","), s->listen);
}

static void print_url(const struct settings *s)
{
	printf("  %-12s ", "serving");
	if (*s->public_url)
		printf("%s", s->public_url);
	else
		print_address(s);
	putchar('\n');
}

/* "build/axfwd" stands beside "build/axfw"; where none does (/usr/sbin and /usr/bin), it is in the
 * PATH. */
static void print_axfw(const char *words)
{
	size_t len = strlen(program_invocation_name) - strlen(program_invocation_short_name);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.*saxfw", (int)len, program_invocation_name);
	printf("%s %s\n", access(path, X_OK) == 0 ? path : "axfw", words);
}

/* Three commands; the middle one is about the kernel, or about why it isn't in use. */
static void print_commands(const struct settings *s, const struct kernel_state *state)
{
	printf("\n  have a look  ");
	print_axfw("status");
	printf("               ");
	if (state->enforcing)
		printf("bpftool map dump pinned %s/admissions\n", state->pin_dir);
	else
		print_axfw("doctor");
	printf("               curl -s ");
	print_address(s);
	printf("/metrics\n\n");
}

void banner_print(const struct node *n)
{
	const struct services *services = node_services(n);
	unsigned long long tenants = identity_tenant_count(services->identity);
	unsigned long long keys = identity_key_count(services->identity);
	struct kernel_state state;

	kernel_state(services->kernel, &state);
	printf("axfwd %s, started in %llu ms\n", services->version,
	       (unsigned long long)node_start_ms(n));
	print_url(services->settings);
	print_kernel(&state);
	printf("  %-12s %s (%llu tenant%s, %llu active key%s)\n", "store",
	       services->settings->tenant_dir, tenants, tenants == 1 ? "" : "s", keys,
	       keys == 1 ? "" : "s");
	print_end(services->settings, &state);
	print_commands(services->settings, &state);
	fflush(stdout);
}
