/* SPDX-License-Identifier: Apache-2.0 */
/* axfw doctor: what the fast path needs, tried on this machine, with what to do about each lack. */
#include "axfw/maps.h"
#include "kernel/kernel.h"
#include "output.h"

enum { OPTION_INTERFACE, OPTION_PIN_DIR };

/* The option, else the variable axfwd would read, else its default. */
static const char *choose(const char *option, const char *variable, const char *fallback)
{
	const char *value = option ? option : getenv(variable);

	return value && *value ? value : fallback;
}

static enum cli_status print_json(const struct cli *cli, const struct kernel_check *checks,
				  unsigned count, bool ok)
{
	_cleanup_(json_decrefp) json_t *list = json_array(), *whole = NULL;
	_cleanup_(freep) char *text = NULL;

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "name",
						      checks[i].name, "ok", checks[i].ok, "found",
						      checks[i].found, "advice", checks[i].advice));
	whole = json_pack("{s:b, s:O}", "ok", ok, "checks", list);
	text = whole ? json_text(whole) : NULL;
	if (!text || json_array_size(list) != count)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	puts(text);
	return ok ? CLI_DONE : CLI_NO;
}

static void print_check(const struct cli *cli, const struct kernel_check *check, int width)
{
	size_t column = (size_t)width + 7;

	print_wrapped(stdout, column, "%s%s%s  %-*s  %s",
		      style_on(cli, check->ok ? STYLE_GOOD : STYLE_BAD), check->ok ? "ok " : "NO ",
		      style_off(cli), width, check->name, check->found);
	if (!check->ok && *check->advice)
		print_wrapped(stdout, column, "%*s%s%s%s", (int)column, "",
			      style_on(cli, STYLE_WARN), check->advice, style_off(cli));
}

enum cli_status command_doctor(const struct cli *cli, const struct cli_arguments *a)
{
	struct kernel_check checks[KERNEL_CHECKS_MAX];
	unsigned count =
		kernel_doctor(choose(a->values[OPTION_INTERFACE], "AXFW_INTERFACE", "lo"),
			      choose(a->values[OPTION_PIN_DIR], "AXFW_PIN_DIR", AXFW_PIN_DIR),
			      checks, KERNEL_CHECKS_MAX);
	unsigned failed = 0;
	int width = 0;

	for (unsigned i = 0; i < count; i++) {
		failed += !checks[i].ok;
		width = MAX(width, (int)display_width(checks[i].name));
	}
	if (cli->json)
		return print_json(cli, checks, count, !failed);
	for (unsigned i = 0; i < count; i++)
		print_check(cli, &checks[i], width);
	if (failed)
		printf("\n%u of %u checks failed. The node still serves: userspace then answers\n"
		       "what the kernel can't, with the same verdicts.\n",
		       failed, count);
	else
		printf("\nAll %u checks passed: this machine can enforce in the kernel.\n", count);
	return failed ? CLI_NO : CLI_DONE;
}
