/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees first. Plain lines: it also ends up in journals. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "node.h"

static void print_interface(const struct kernel_interface *i)
{
	printf("  %-12s %s: %s", "attached", i->name, i->hook && *i->mode ? i->hook : "");
	if (strcmp(i->mode, "none"))
		printf(", %s mode%s", i->mode,
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

/* As the daemon was called, so is its command line: "build/axfwd" stands beside "build/axfw". */
static void print_axfw(const char *words)
{
	size_t len = strlen(program_invocation_name) - strlen(program_invocation_short_name);

	printf("%.*saxfw %s\n", (int)len, program_invocation_name, words);
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
	struct kernel_state state;

	kernel_state(services->kernel, &state);
	printf("axfwd %s, started in %llu ms\n", services->version,
	       (unsigned long long)node_start_ms(n));
	print_url(services->settings);
	print_kernel(&state);
	printf("  %-12s %s (%llu tenants, %llu active keys)\n", "store",
	       services->settings->tenant_dir,
	       (unsigned long long)identity_tenant_count(services->identity),
	       (unsigned long long)identity_key_count(services->identity));
	print_commands(services->settings, &state);
	fflush(stdout);
}
