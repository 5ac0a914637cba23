/* SPDX-License-Identifier: Apache-2.0 */
/* axfw maps: how full the pinned maps are, and the command that shows what is in them. */
#include "axfw/maps.h"

#include <string.h>
#include "client.h"
#include "output.h"

#define NEARLY_FULL_PERCENT 75 /* where the daemon grows `admissions`; the others only fill up */

static const struct {
	const char *name, *writer, *holds;
} known[] = {
#define X(name, since, writer, holds) { #name, writer, holds },
	AXFW_MAPS(X)
#undef X
};

static const char *column_of(const char *name, bool writer)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!strcmp(known[i].name, name))
			return writer ? known[i].writer : known[i].holds;
	}
	return "";
}

static void add_map(struct table *t, const json_t *map)
{
	const char *name = json_string_value(json_object_get(map, "name"));
	const json_t *entries = json_object_get(map, "entries");
	double filled = json_number_value(entries);
	double capacity = json_number_value(json_object_get(map, "capacity"));
	bool is_list = capacity > 1 && json_is_number(entries) && filled < capacity;
	char count[HUMAN_LEN], size[HUMAN_LEN], bytes[HUMAN_LEN], percent[HUMAN_LEN];

	human_count((unsigned long long)filled, count);
	human_count((unsigned long long)capacity, size);
	human_bytes((unsigned long long)json_number_value(json_object_get(map, "bytes")), bytes);
	snprintf(percent, sizeof(percent), "%.1f %%", is_list ? 100 * filled / capacity : 0);
	table_add(t,
		  is_list && 100 * filled >= NEARLY_FULL_PERCENT * capacity ? STYLE_WARN
									    : STYLE_PLAIN,
		  (const char *[]){ name, json_is_number(entries) ? count : NULL, size,
				    is_list ? percent : NULL, bytes,
				    column_of(name ? name : "", true),
				    column_of(name ? name : "", false) });
}

enum cli_status command_maps(const struct cli *cli, const struct cli_arguments *a)
{
	static const struct table_column columns[] = {
		{ "MAP", false },   { "ENTRIES", true }, { "CAPACITY", true }, { "FULL", true },
		{ "MEMORY", true }, { "WRITER", false }, { "HOLDS", false },
	};
	_cleanup_(table_free) struct table t = { .columns = columns,
						 .column_count = ARRAY_SIZE(columns) };
	_cleanup_(answer_free) struct answer answer = { 0 };
	enum cli_status status = client_call(cli, "GET", "/node/maps", NULL, &answer);
	const char *pin_dir;
	const json_t *map;
	size_t i;

	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	json_array_foreach (json_object_get(answer.json, "maps"), i, map)
		add_map(&t, map);
	if (!t.row_count) {
		puts("No maps: the node runs in userspace mode. 'axfw status' says why.");
		return CLI_DONE;
	}
	if (table_print(cli, &t, stdout) < 0)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	pin_dir = json_string_value(json_object_get(answer.json, "pin_dir"));
	printf("\nWhat is in one:\n  axfw maps dump admissions\n"
	       "  bpftool map dump pinned %s/admissions\n",
	       pin_dir ? pin_dir : AXFW_PIN_DIR);
	return CLI_DONE;
}
