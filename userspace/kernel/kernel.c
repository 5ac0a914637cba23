/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start, stop, state. Starting is a list of steps that each either succeeds or says why not; then
 * the daemon runs in userspace mode, which is a state like any other. What was pinned by an earlier
 * daemon goes on enforcing through all of it, until its links are switched to the new program.
 */
#include "kernel/kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kernel/adopt.h"
#include "kernel/answers.h"
#include "kernel/internal.h"
#include "kernel/pins.h"
#include "kernel/sets.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
/* A daemon that is being replaced has let go of its pins before it lets go of the store, and one
 * that was killed within milliseconds; one that still holds them isn't being replaced. */
#define LOCK_WAIT_MS 2000

struct starting {
	struct kernel *kernel;
	const struct kernel_options *options;
	struct axfw_response_template answers[AXFW_RESPONSE_COUNT];
	struct inheritance inherited;
};

static int say(struct kernel *k, int r, const char *what)
{
	snprintf(k->reason, sizeof(k->reason), "%s: %s", what, strerror(-r));
	return r;
}

static int check_interfaces(struct starting *s)
{
	struct kernel *k = s->kernel;
	int r = 0;

	if (!is_interface_list_empty(s->options->interfaces))
		r = interfaces_parse(k, s->options->interfaces);
	if (r == 0 && !k->interface_count) {
		snprintf(k->reason, sizeof(k->reason), "no interface is configured");
		r = -ENODEV;
	}
	return r;
}

static int check_privileges(struct starting *s)
{
	return privileges_check(s->kernel->reason, sizeof(s->kernel->reason));
}

static int check_btf(struct starting *s)
{
	if (!access(BTF_PATH, R_OK))
		return 0;
	snprintf(s->kernel->reason, sizeof(s->kernel->reason),
		 "the kernel has no BTF (" BTF_PATH
		 "): it was built without CONFIG_DEBUG_INFO_BTF");
	return -ENOENT;
}

static int build_answers(struct starting *s)
{
	struct kernel *k = s->kernel;
	int r;

	for (int i = 0; i < AXFW_RESPONSE_COUNT; i++) {
		r = answer_build(s->options->answers[i].status, s->options->answers[i].head,
				 s->options->answers[i].body, &s->answers[i]);
		if (r == 0)
			continue;
		snprintf(k->reason, sizeof(k->reason),
			 "the answer %u doesn't fit the kernel's %d bytes: %s",
			 s->options->answers[i].status, AXFW_ANSWER_MAX, strerror(-r));
		return r;
	}
	return 0;
}

static void say_holder(struct kernel *k)
{
	pid_t pid = pins_holder(k->pin_dir);
	char who[32] = "another process";

	if (pid > 0)
		snprintf(who, sizeof(who), "process %d", (int)pid);
	snprintf(k->reason, sizeof(k->reason),
		 "%s holds %.60s: stop it, or set another pin directory (--pin-dir)", who,
		 k->pin_dir);
}

static int take_pin_dir(struct starting *s)
{
	struct kernel *k = s->kernel;
	int r;

	r = pins_prepare(k->pin_dir, k->reason, sizeof(k->reason));
	if (r < 0)
		return r;
	r = pins_lock(k->pin_dir, LOCK_WAIT_MS, &k->lock_fd);
	if (r == -EBUSY)
		say_holder(k);
	else if (r < 0)
		say(k, r, "the pin directory can't be locked");
	return r;
}

static int recall_interfaces(struct starting *s)
{
	interfaces_recall(s->kernel);
	return 0;
}

/* What only the callers can fill: while one of these is new and an earlier daemon's programs
 * enforce, they go on until kernel_reconcile_end(). */
static const enum map_id filled_by_callers[] = { MAP_admissions, MAP_signups, MAP_denied,
						 MAP_denied_hosts };

static bool lacks_entries(const struct inheritance *i)
{
	for (size_t j = 0; j < ARRAY_SIZE(filled_by_callers); j++)
		if (i->map_fd[filled_by_callers[j]] < 0)
			return true;
	return false;
}

static int load(struct starting *s)
{
	struct kernel *k = s->kernel;
	struct inheritance *i = &s->inherited;
	char missing[KERNEL_REASON_MAX - 40];
	int r;

	inherit(k->pin_dir, s->options, k->entries, i);
	if (i->admissions_max > AXFW_ADMISSIONS_MAX) /* as many keys are to come */
		k->entries[MAP_admissions] = MIN(i->admissions_max, ADMISSIONS_GROWN_MAX);
	k->adopted = i->count > 0;
	k->waiting = lacks_entries(i) && interfaces_are_attached(k);
	r = object_load(&k->constants, i->map_fd, k->entries, HOOK_BIT(HOOK_XDP), &k->object,
			k->reason, sizeof(k->reason));
	if (r < 0 && features_missing(missing, sizeof(missing)))
		snprintf(k->reason, sizeof(k->reason), "the kernel is too old: it lacks %s",
			 missing);
	return r;
}

static int configure(struct starting *s)
{
	struct kernel *k = s->kernel;
	int r;

	k->config = mmap(NULL, sizeof(*k->config), PROT_READ | PROT_WRITE, MAP_SHARED,
			 k->object.map_fd[MAP_config], 0);
	if (k->config == MAP_FAILED) {
		k->config = NULL;
		return say(k, -errno, "the config map can't be mapped");
	}
	k->admissions_max = map_size(k->object.map_fd[MAP_admissions]);
	r = adopt_configuration(k, s->options, &s->inherited);
	if (r == 0)
		r = adopt_answers(k, s->answers);
	if (r == -E2BIG)
		return r; /* said already: a list is too long */
	return r < 0 ? say(k, r, "the maps can't be written") : 0;
}

/*
 * Maps before the links: a program that enforces can always be found and looked into, and a daemon
 * that dies in between leaves a set that the next one can go on with.
 */
static int replace_pins(struct kernel *k)
{
	int r = sets_publish(k->pin_dir, &k->object);

	return r < 0 ? say(k, r, "the maps can't be pinned") : 0;
}

static int attach(struct kernel *k)
{
	int r = replace_pins(k);

	if (r < 0)
		return r;
	interfaces_attach(k);
	interfaces_drop_unlisted(k);
	return 0;
}

void take_over(struct kernel *k)
{
	pthread_mutex_lock(&k->interface_lock);
	k->waiting = false;
	if (attach(k) < 0) {
		/* What enforces now nobody will keep in step: better nothing does. */
		pins_remove_all(k);
		k->unattachable = true;
	}
	pthread_mutex_unlock(&k->interface_lock);
}

static int attach_now(struct starting *s)
{
	return s->kernel->waiting ? 0 : attach(s->kernel);
}

static int start_watching(struct starting *s)
{
	int r = watch_start(s->kernel);

	return r < 0 ? say(s->kernel, r, "the kernel thread can't be started") : 0;
}

static int (*const steps[])(struct starting *s) = {
	check_interfaces, check_privileges,  check_btf, build_answers,
	take_pin_dir,	  recall_interfaces, load,	configure,
	attach_now,	  start_watching,
};

/* Everything that start made; with `pins` also what outlives the process. */
static void take_down(struct kernel *k, bool pins)
{
	watch_stop(k);
	if (pins && k->lock_fd >= 0)
		pins_remove_all(k);
	interfaces_close(k);
	reconcile_free(&k->reconcile);
	free(k->pending);
	k->pending = NULL;
	if (k->config)
		munmap(k->config, sizeof(*k->config));
	k->config = NULL;
	object_close(&k->object);
	closep(&k->lock_fd); /* last: the next daemon may begin */
	k->lock_fd = -1;
}

static void fall_back(struct starting *s)
{
	struct kernel *k = s->kernel;

	take_down(k, k->config != NULL);
	rmdir(k->pin_dir); /* made for nothing, if it is empty */
	for (unsigned i = 0; i < k->interface_count; i++) {
		k->interfaces[i].mode = ATTACH_NONE;
		k->interfaces[i].answers = false;
		memcpy(k->interfaces[i].reason, k->reason, sizeof(k->reason));
	}
	adopt_nothing(s->options);
}

static int new_kernel(const struct kernel_options *options, struct kernel **ret)
{
	struct kernel *k;

	if (options->port_count > AXFW_PORTS_MAX || options->route_count > AXFW_ROUTES_MAX ||
	    strlen(options->pin_dir) >= sizeof(k->pin_dir))
		return -EINVAL;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->object = (struct object)OBJECT_NONE;
	k->lock_fd = k->wake_fd = k->links_fd = k->clock_fd = -1;
	k->keep = options->persist;
	k->refuse = options->refuse;
	if (!options->syn_rate.interval_ns)
		k->entries[MAP_syn_budget] = 1; /* nobody looks: no memory for it */
	snprintf(k->pin_dir, sizeof(k->pin_dir), "%s", options->pin_dir);
	k->constants.route_count = options->route_count;
	if (options->route_count) /* none may be NULL, which memcpy() doesn't take */
		memcpy(k->constants.routes, options->routes,
		       options->route_count * sizeof(*options->routes));
	memcpy(k->constants.admission_key, options->admission_key,
	       sizeof(k->constants.admission_key));
	pthread_mutex_init(&k->sync_lock, NULL);
	pthread_mutex_init(&k->interface_lock, NULL);
	pthread_mutex_init(&k->events.lock, NULL);
	*ret = k;
	return 0;
}

int kernel_start(const struct kernel_options *options, struct kernel **ret, char *error,
		 size_t size)
{
	_cleanup_(freep) struct starting *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->options = options;
	s->inherited = (struct inheritance)INHERITANCE_NONE;
	r = new_kernel(options, &s->kernel);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++)
		r = steps[i](s);
	inheritance_drop(&s->inherited);
	if (r == -EBUSY) { /* nothing of ours is there, and what is there is somebody's */
		snprintf(error, size, "%s", s->kernel->reason);
		kernel_stop(&s->kernel);
		return r;
	}
	s->kernel->loaded = r == 0;
	if (r < 0)
		fall_back(s);
	*ret = s->kernel;
	return 0;
}

void kernel_keep(struct kernel *k)
{
	atomic_store(&k->keep, true);
}

void kernel_stop(struct kernel **kernel)
{
	struct kernel *k = *kernel;

	if (!k)
		return;
	take_down(k, !atomic_load(&k->keep));
	pthread_mutex_destroy(&k->sync_lock);
	pthread_mutex_destroy(&k->interface_lock);
	pthread_mutex_destroy(&k->events.lock);
	wipe(&k->constants, sizeof(k->constants));
	free(k);
	*kernel = NULL;
}

/* --- state ----------------------------------------------------------------------------------- */

static void copy_interface(const struct interface *it, struct kernel_interface *ret)
{
	static const char *const modes[] = {
		[ATTACH_NONE] = "none",
		[ATTACH_GENERIC] = "generic",
		[ATTACH_NATIVE] = "native",
		[ATTACH_CLSACT] = "clsact",
	};
	static const char *const hooks[] = {
		[ATTACH_NONE] = "none",
		[ATTACH_GENERIC] = "xdp",
		[ATTACH_NATIVE] = "xdp",
		[ATTACH_CLSACT] = "tc",
	};

	memcpy(ret->name, it->name, sizeof(ret->name));
	ret->index = it->index;
	ret->hook = hooks[it->mode];
	ret->mode = modes[it->mode];
	ret->answers = it->answers;
	ret->added = it->added;
	memcpy(ret->reason, it->reason, sizeof(ret->reason));
}

/* The first interface that can't, in a sentence that names it. */
static void explain(struct kernel *k, char ret[static KERNEL_REASON_MAX])
{
	const struct interface *it = &k->interfaces[0];

	if (!k->loaded || k->unattachable)
		memcpy(ret, k->reason, KERNEL_REASON_MAX);
	else if (k->waiting)
		snprintf(ret, KERNEL_REASON_MAX,
			 "an earlier daemon's programs enforce until these have their keys");
	else if (k->refuse == REFUSE_PASS)
		snprintf(ret, KERNEL_REASON_MAX, "the setting refuse is pass: it only counts");
	else if (!k->interface_count)
		snprintf(ret, KERNEL_REASON_MAX, "no interface is attached");
	else
		snprintf(ret, KERNEL_REASON_MAX, "%s: %.*s", it->name,
			 KERNEL_REASON_MAX - IFNAMSIZ - 3, it->reason);
}

void kernel_state(struct kernel *k, struct kernel_state *ret)
{
	bool any = false;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->pin_dir, k->pin_dir, sizeof(ret->pin_dir));
	pthread_mutex_lock(&k->interface_lock);
	ret->interface_count = k->interface_count;
	for (unsigned i = 0; i < k->interface_count; i++) {
		copy_interface(&k->interfaces[i], &ret->interfaces[i]);
		any |= k->interfaces[i].answers;
	}
	ret->enforcing = k->loaded && any && k->refuse != REFUSE_PASS;
	if (!ret->enforcing)
		explain(k, ret->reason);
	pthread_mutex_unlock(&k->interface_lock);
	ret->sync_failures = atomic_load(&k->sync_failures);
	if (!k->loaded)
		return;
	ret->adopted = k->adopted;
	ret->complete = __atomic_load_n(&k->config->admissions_complete, __ATOMIC_ACQUIRE);
	ret->generation = kernel_generation(k);
}
