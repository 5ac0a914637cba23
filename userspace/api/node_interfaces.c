/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces at run time, for the operator at the local socket. The JSON is described in
 * docs/cli.md. */
#include <errno.h>
#include <string.h>
#include "api/api.h"
#include "api/json_body.h"
#include "api/names.h"

/* What the kernel module says of an interface; else the error's own words. */
static void refuse(struct exchange *x, int r, const char *name, const char *reason)
{
	static const struct {
		int r;
		unsigned status;
	} statuses[] = {
		{ -EEXIST, 409 }, { -ENODEV, 404 },	{ -ENOENT, 404 },
		{ -ENOSPC, 409 }, { -EOPNOTSUPP, 409 }, { -EINVAL, 400 },
	};
	bool names_it = strstr(reason, name);

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (statuses[i].r != r)
			continue;
		exchange_error(x, statuses[i].status, "%s%s%s", names_it ? "" : name,
			       names_it ? "" : ": ", *reason ? reason : strerror(-r));
		return;
	}
	exchange_fail(x, r, "an interface can't be changed");
}

/* The name in the body; NULL: an answer stands. */
static const char *read_name(struct exchange *x, const json_t *body)
{
	const char *name = json_string_value(json_object_get(body, "name"));

	if (body && (!name || !*name)) {
		exchange_error(x, 400, "Which interface? 'ip link' lists them.");
		return NULL;
	}
	return name;
}

static json_t *describe(struct kernel *k, const char *name)
{
	struct kernel_state state;

	kernel_state(k, &state);
	for (unsigned i = 0; i < state.interface_count; i++)
		if (!strcmp(state.interfaces[i].name, name))
			return json_of_interface(&state.interfaces[i]);
	return json_null(); /* detached again meanwhile */
}

typedef int change_fn(struct kernel *k, const char *name, char *reason, size_t size);
typedef void answer_fn(struct exchange *x, const char *name);

static void change_interface(struct exchange *x, change_fn *change, answer_fn *answer)
{
	_cleanup_(json_decrefp) json_t *body = json_body_object(x);
	const char *name = read_name(x, body);
	char reason[KERNEL_REASON_MAX] = "";
	int r;

	if (!name)
		return;
	r = change(x->services->kernel, name, reason, sizeof(reason));
	if (r < 0)
		refuse(x, r, name, reason);
	else
		answer(x, name);
}

static void answer_attached(struct exchange *x, const char *name)
{
	exchange_reply_json(x, 201,
			    json_pack("{s:o}", "interface", describe(x->services->kernel, name)));
}

static void answer_detached(struct exchange *x, const char *name)
{
	exchange_reply_json(x, 200, json_pack("{s:b, s:s}", "detached", 1, "name", name));
}

void api_node_attach(struct exchange *x)
{
	change_interface(x, kernel_attach, answer_attached);
}

void api_node_detach(struct exchange *x)
{
	change_interface(x, kernel_detach, answer_detached);
}
