/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At most TENANT_FILES_MAX files open: a list by last use, the oldest that nobody is using gives
 * way. A file belongs to whoever holds its tenant's lock, so a connection is never used by two
 * threads; a victim's lock is only tried, so that closing can't wait for a tenant whose user waits
 * for us.
 */
#include <errno.h>
#include "store/internal.h"

/* Both under files_lock. */
static void unlink_file(struct store *s, struct tenant_entry *t)
{
	*(t->newer ? &t->newer->older : &s->newest) = t->older;
	*(t->older ? &t->older->newer : &s->oldest) = t->newer;
	t->newer = t->older = NULL;
}

static void link_newest(struct store *s, struct tenant_entry *t)
{
	t->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = t;
	s->newest = t;
}

/* The oldest open file that isn't in use, locked and off the list; NULL when all are. */
static struct tenant_entry *take_victim(struct store *s)
{
	struct tenant_entry *t;

	pthread_mutex_lock(&s->files_lock);
	for (t = s->oldest; t; t = t->newer)
		if (pthread_mutex_trylock(&t->lock) == 0)
			break;
	if (t) {
		unlink_file(s, t);
		s->files_open--;
	}
	pthread_mutex_unlock(&s->files_lock);
	return t;
}

static bool reserve(struct store *s)
{
	bool room;

	pthread_mutex_lock(&s->files_lock);
	room = s->files_open < TENANT_FILES_MAX;
	s->files_open += room;
	pthread_mutex_unlock(&s->files_lock);
	return room;
}

static int open_file(struct store *s, struct tenant_entry *t)
{
	int r;

	while (!reserve(s)) {
		struct tenant_entry *victim = take_victim(s);

		if (!victim)
			return -EMFILE; /* more threads at work than files allowed */
		tenant_file_close(s, victim, &victim->file);
		pthread_mutex_unlock(&victim->lock);
	}
	r = tenant_file_open(s, t, &t->file);
	pthread_mutex_lock(&s->files_lock);
	if (r < 0)
		s->files_open--;
	else
		link_newest(s, t);
	pthread_mutex_unlock(&s->files_lock);
	if (r == 0)
		tenant_set_log(s, t, 0); /* open: its connection looks after the log */
	return r;
}

static void touch(struct store *s, struct tenant_entry *t)
{
	pthread_mutex_lock(&s->files_lock);
	unlink_file(s, t);
	link_newest(s, t);
	pthread_mutex_unlock(&s->files_lock);
}

int tenant_acquire(struct store *s, uint32_t number, struct tenant_entry **ret)
{
	struct tenant_entry *t = index_tenant(s, number);
	int r = 0;

	if (!t)
		return -ENOENT;
	pthread_mutex_lock(&t->lock);
	if (t->file)
		touch(s, t);
	else
		r = open_file(s, t);
	if (r < 0) {
		pthread_mutex_unlock(&t->lock);
		return r;
	}
	*ret = t;
	return 0;
}

void tenant_release(struct tenant_entry **t)
{
	if (*t)
		pthread_mutex_unlock(&(*t)->lock);
}

int tenant_acquire_alone(struct store *s, uint32_t number, struct tenant_entry **ret)
{
	struct tenant_entry *t = index_tenant(s, number);
	int r;

	if (!t)
		return -ENOENT;
	pthread_mutex_lock(&t->lock);
	r = t->file ? -EBUSY : tenant_file_open_alone(s, t, &t->file);
	if (r == 0) {
		tenant_set_log(s, t, 0);
		*ret = t;
		return 0;
	}
	pthread_mutex_unlock(&t->lock);
	/* In use here or elsewhere, or not there: the other way copes with all of them. */
	return tenant_acquire(s, number, ret);
}

void files_close_one(struct store *s, struct tenant_entry *t)
{
	if (!t->file)
		return;
	if (t->file->alone) {
		tenant_file_close(s, t, &t->file);
		return;
	}
	pthread_mutex_lock(&s->files_lock);
	unlink_file(s, t);
	s->files_open--;
	pthread_mutex_unlock(&s->files_lock);
	tenant_file_close(s, t, &t->file);
}

void files_close_all(struct store *s)
{
	struct tenant_entry *t;

	while ((t = take_victim(s))) {
		tenant_file_close(s, t, &t->file);
		pthread_mutex_unlock(&t->lock);
	}
}
