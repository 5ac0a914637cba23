/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers to names, in memory. Arrays, because numbers are dense: the registry gives them out in
 * order and never again. Entries stay until the store is closed, so a pointer needs no reference
 * count.
 */
#include <errno.h>
#include <string.h>
#include "store/internal.h"

/* Makes room for element `number` in an array of `size` elements of `width` bytes; new ones are
 * zero. */
static int grow(void **array, size_t *size, size_t width, uint32_t number)
{
	size_t wanted = *size ? *size : 64;
	void *bigger;

	if (number < *size)
		return 0;
	while (wanted <= number)
		wanted *= 2;
	bigger = reallocarray(*array, wanted, width);
	if (!bigger)
		return -ENOMEM;
	memset((char *)bigger + *size * width, 0, (wanted - *size) * width);
	*array = bigger;
	*size = wanted;
	return 0;
}

struct tenant_entry *index_tenant(struct store *s, uint32_t number)
{
	struct tenant_entry *t;

	pthread_mutex_lock(&s->index_lock);
	t = number < s->tenants_size ? s->tenants[number] : NULL;
	pthread_mutex_unlock(&s->index_lock);
	return t;
}

uint32_t index_tenants_end(struct store *s)
{
	uint32_t end;

	pthread_mutex_lock(&s->index_lock);
	end = (uint32_t)s->tenants_size;
	pthread_mutex_unlock(&s->index_lock);
	return end;
}

struct tenant_entry *tenant_entry_new(uint32_t number, const char *id)
{
	struct tenant_entry *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->number = number;
	memcpy(t->id, id, strnlen(id, sizeof(t->id) - 1));
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void tenant_entry_free(struct tenant_entry *t)
{
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int index_add_tenant(struct store *s, struct tenant_entry *t)
{
	int r;

	pthread_mutex_lock(&s->index_lock);
	r = grow((void **)&s->tenants, &s->tenants_size, sizeof(struct tenant_entry *), t->number);
	if (r == 0)
		s->tenants[t->number] = t;
	pthread_mutex_unlock(&s->index_lock);
	return r;
}

int index_add_key(struct store *s, uint32_t number, uint32_t tenant, const char *id)
{
	int r;

	pthread_mutex_lock(&s->index_lock);
	r = grow((void **)&s->keys, &s->keys_size, sizeof(*s->keys), number);
	if (r == 0) {
		s->keys[number] = (struct key_entry){ .tenant = tenant };
		memcpy(s->keys[number].id, id, strnlen(id, UUID_TEXT_LEN - 1));
	}
	pthread_mutex_unlock(&s->index_lock);
	return r;
}

bool index_key(struct store *s, uint32_t number, struct key_entry *ret)
{
	bool known;

	pthread_mutex_lock(&s->index_lock);
	known = number < s->keys_size && s->keys[number].tenant;
	if (known)
		*ret = s->keys[number];
	pthread_mutex_unlock(&s->index_lock);
	return known;
}

void index_free(struct store *s)
{
	for (size_t i = 0; i < s->tenants_size; i++)
		if (s->tenants[i])
			tenant_entry_free(s->tenants[i]);
	free(s->tenants);
	free(s->keys);
}
