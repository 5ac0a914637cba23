/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw maps dump: a table of what the daemon found in a map. The daemon names the columns, so a map
 * that changes needs no change here; a map with one entry is shown as lines.
 */
#include <string.h>
#include "client.h"
#include "output.h"

enum { OPTION_LIMIT };

#define VALUE_LEN 512

static void show_value(const json_t *value, char ret[static VALUE_LEN]);

static void show_list(const json_t *list, char ret[static VALUE_LEN])
{
	char item[VALUE_LEN];
	const json_t *value;
	size_t i, used = 0;

	ret[0] = '\0';
	json_array_foreach (list, i, value) {
		show_value(value, item);
		used += (size_t)snprintf(ret + used, VALUE_LEN - used, "%s%s", i ? ", " : "", item);
		if (used >= VALUE_LEN)
			return;
	}
	if (!i)
		snprintf(ret, VALUE_LEN, "none");
}

static void show_value(const json_t *value, char ret[static VALUE_LEN])
{
	if (json_is_string(value))
		snprintf(ret, VALUE_LEN, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(ret, VALUE_LEN, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(ret, VALUE_LEN, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(ret, VALUE_LEN, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		show_list(value, ret);
	else
		snprintf(ret, VALUE_LEN, "-");
}

/* "signup.limit  5" */
static void print_lines(const struct cli *cli, const json_t *object, const char *prefix)
{
	char shown[VALUE_LEN], name[128];
	const char *member;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, member, value) {
		_cleanup_(freep) char *clean = NULL;

		snprintf(name, sizeof(name), "%s%s", prefix, member);
		if (json_is_object(value)) {
			size_t len = strlen(name);

			snprintf(name + len, sizeof(name) - len, ".");
			print_lines(cli, value, name);
			continue;
		}
		show_value(value, shown);
		clean = display_copy(shown);
		printf("%s%-24s%s %s\n", style_on(cli, STYLE_DIM), name, style_off(cli),
		       clean ? clean : "");
	}
}

/* The first entry's members are the columns: titles in capitals, numbers to the right. */
static unsigned make_columns(const json_t *entry, struct table_column *ret,
			     char titles[static TABLE_COLUMNS_MAX][VALUE_LEN])
{
	unsigned count = 0;
	const char *member;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)entry, member, value) {
		size_t i = 0;

		if (count == TABLE_COLUMNS_MAX)
			break;
		for (; member[i] && i < VALUE_LEN - 1; i++)
			titles[count][i] = member[i] == '_' ? ' ' : (char)(member[i] & ~0x20);
		titles[count][i] = '\0';
		ret[count].title = titles[count];
		ret[count].right = json_is_number(value);
		count++;
	}
	return count;
}

static void add_row(struct table *t, const json_t *entry)
{
	char cells[TABLE_COLUMNS_MAX][VALUE_LEN];
	const char *row[TABLE_COLUMNS_MAX];
	unsigned count = 0;
	const char *member;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)entry, member, value) {
		if (count == t->column_count)
			break;
		show_value(value, cells[count]);
		row[count] = cells[count];
		count++;
	}
	while (count < t->column_count)
		row[count++] = NULL;
	table_add(t, STYLE_PLAIN, row);
}

static enum cli_status print_table(const struct cli *cli, const json_t *entries)
{
	struct table_column columns[TABLE_COLUMNS_MAX] = { 0 };
	char titles[TABLE_COLUMNS_MAX][VALUE_LEN];
	_cleanup_(table_free) struct table t = { .columns = columns };
	const json_t *entry;
	size_t i;

	t.column_count = make_columns(json_array_get(entries, 0), columns, titles);
	json_array_foreach (entries, i, entry)
		add_row(&t, entry);
	return table_print(cli, &t, stdout) < 0 ? cli_fail(cli, CLI_NO, NULL, "out of memory")
						: CLI_DONE;
}

static enum cli_status print_dump(const struct cli *cli, const json_t *dump)
{
	const json_t *entries = json_object_get(dump, "entries");
	const char *map = json_string_value(json_object_get(dump, "map"));
	json_int_t total = json_integer_value(json_object_get(dump, "total"));
	size_t shown = json_array_size(entries);
	enum cli_status status;

	if (!shown) {
		printf("%s %s.\n", map,
		       total ? "isn't empty; a higher --limit shows it" : "is empty");
		return CLI_DONE;
	}
	if (total == 1) {
		print_lines(cli, json_array_get(entries, 0), "");
		return CLI_DONE;
	}
	status = print_table(cli, entries);
	if (status == CLI_DONE && (json_int_t)shown < total)
		printf("%zu of %lld; --limit N shows more.\n", shown, (long long)total);
	return status;
}

enum cli_status command_maps_dump(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	_cleanup_(freep) char *name = client_escape(a->words[0]), *limit = NULL;
	_cleanup_(text_free) struct text path = { 0 };
	enum cli_status status;

	text_addf(&path, "/node/maps/%s", name ? name : "");
	if (a->values[OPTION_LIMIT]) {
		limit = client_escape(a->values[OPTION_LIMIT]);
		text_addf(&path, "?limit=%s", limit ? limit : "");
	}
	if (!name || text_failed(&path))
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	status = client_call(cli, "GET", path.data, NULL, &answer);
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	return print_dump(cli, answer.json);
}
