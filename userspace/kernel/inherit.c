/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map is inherited if it means to this daemon what it meant to the one that filled it: its row in
 * axfw/maps.h says that it hasn't changed since that daemon's version, it has our shape, and what
 * it depends on is the same. Entries of `admissions` and `unknown` depend on the admission key,
 * rings in `signups` on the sign-up rule; both are said by the old config, which may be of a layout
 * that we don't know. So it is asked by the names of its fields, through the type information that
 * it was made with; where that can't be had (BTF by number wants CAP_SYS_ADMIN on most kernels), a
 * config of another layout has said nothing.
 *
 * The old program goes on judging by the old maps until it is replaced, so nothing here changes
 * them: what can't be inherited is made anew beside it.
 */
#include "kernel/inherit.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <string.h>
#include "crypto/crypto.h"
#include "kernel/pins.h"
#include "kernel/sets.h"

DEFINE_CLEANUP(struct btf *, btf_freep, btf__free)

static const uint32_t since[MAP_COUNT] = {
#define X(name, version, writer, text) version,
	AXFW_MAPS(X)
#undef X
};

/* What a config says that decides about other maps. */
struct past {
	uint32_t abi_version; /* 0: there is none, or its writer died before it was done */
	uint32_t admissions_complete;
	uint64_t admission_key_check;
	struct axfw_signup_rule signup;
};

#define FIELD(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct past, name), sizeof(((struct past *)0)->name)               \
	}
static const struct {
	const char *name;
	size_t at, size;
} fields[] = {
	FIELD(abi_version),
	FIELD(admissions_complete),
	FIELD(admission_key_check),
	FIELD(signup),
};

uint64_t admission_key_check(const uint8_t key[static 16])
{
	static const char salt[] = "axfw-admission-key-check";
	uint8_t text[sizeof(salt) + 16], digest[CRYPTO_DIGEST_LEN];
	uint64_t check;

	memcpy(text, salt, sizeof(salt));
	memcpy(text + sizeof(salt), key, 16);
	crypto_sha256(text, sizeof(text), digest);
	wipe(text, sizeof(text));
	memcpy(&check, digest, sizeof(check));
	return check;
}

static void copy_member(const struct btf *btf, const struct btf_member *m, const uint8_t *value,
			size_t size, struct past *ret)
{
	const char *name = btf__name_by_offset(btf, m->name_off);
	size_t at = m->offset / 8;
	int64_t len = btf__resolve_size(btf, m->type);

	for (size_t i = 0; name && i < ARRAY_SIZE(fields); i++)
		if (!strcmp(name, fields[i].name) && len == (int64_t)fields[i].size &&
		    at + fields[i].size <= size)
			memcpy((uint8_t *)ret + fields[i].at, value + at, fields[i].size);
}

static void read_by_name(const struct bpf_map_info *info, const uint8_t *value, struct past *ret)
{
	_cleanup_(btf_freep) struct btf *btf = btf__load_from_kernel_by_id(info->btf_id);
	const struct btf_type *t = btf ? btf__type_by_id(btf, info->btf_value_type_id) : NULL;
	struct past past = {};

	if (!t || !btf_is_struct(t))
		return;
	for (unsigned i = 0; i < btf_vlen(t); i++)
		copy_member(btf, &btf_members(t)[i], value, info->value_size, &past);
	*ret = past;
}

static struct past read_past(int config_fd)
{
	struct bpf_map_info info = {};
	_cleanup_(freep) uint8_t *value = NULL;
	uint32_t len = sizeof(info), zero = 0;
	struct past past = {};

	if (config_fd < 0 || bpf_obj_get_info_by_fd(config_fd, &info, &len) < 0 ||
	    info.value_size < sizeof(past.abi_version))
		return past;
	value = calloc(1, info.value_size);
	if (!value || bpf_map_lookup_elem(config_fd, &zero, value) < 0)
		return past;
	memcpy(&past.abi_version, value, sizeof(past.abi_version)); /* first in every version */
	if (past.abi_version == AXFW_ABI_VERSION && info.value_size == sizeof(struct axfw_config)) {
		const struct axfw_config *c = (const void *)value;

		past.admissions_complete = c->admissions_complete;
		past.admission_key_check = c->admission_key_check;
		past.signup = c->signup;
	} else if (past.abi_version && past.abi_version < AXFW_ABI_VERSION) {
		read_by_name(&info, value, &past);
	}
	return past;
}

static bool is_same_rule(const struct axfw_signup_rule *a, const struct axfw_signup_rule *b)
{
	return a->window_ns == b->window_ns && a->limit == b->limit;
}

static void leave(struct inheritance *i, enum map_id map)
{
	closep(&i->map_fd[map]);
	i->map_fd[map] = -1;
}

/*
 * The config goes with what it vouches for: while the old program judges by the old admissions or
 * rings, the config that it reads must be the one that was true for them.
 */
static void leave_what_depends(struct inheritance *i, const struct past *past,
			       const struct kernel_options *options)
{
	bool same_key = past->admission_key_check == admission_key_check(options->admission_key);
	bool same_rule = is_same_rule(&past->signup, &options->signup);

	if (!same_key) {
		leave(i, MAP_admissions);
		leave(i, MAP_unknown);
	}
	if (!same_rule)
		leave(i, MAP_signups);
	if (i->map_fd[MAP_admissions] < 0 || i->map_fd[MAP_signups] < 0)
		leave(i, MAP_config);
}

void inherit(const char *pin_dir, const struct kernel_options *options,
	     const uint32_t entries[static MAP_COUNT], struct inheritance *ret)
{
	char set[PATH_MAX];
	struct past past = {};

	*ret = (struct inheritance)INHERITANCE_NONE;
	if (sets_find(pin_dir, set) < 0)
		return;
	for (int i = 0; i < MAP_COUNT; i++)
		ret->map_fd[i] = pins_get(set, map_names[i]);
	past = read_past(ret->map_fd[MAP_config]);
	ret->admissions_max = map_size(ret->map_fd[MAP_admissions]);
	for (int i = 0; i < MAP_COUNT; i++)
		if (past.abi_version < since[i] || past.abi_version > AXFW_ABI_VERSION)
			leave(ret, i);
	object_drop_misfits(entries, ret->map_fd);
	leave_what_depends(ret, &past, options);
	for (int i = 0; i < MAP_COUNT; i++)
		ret->count += ret->map_fd[i] >= 0;
	ret->complete = ret->map_fd[MAP_admissions] >= 0 && past.admissions_complete;
}

void inheritance_drop(struct inheritance *i)
{
	maps_close(i->map_fd);
}
