/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership that can be proved without reading callees: a local that owns something is initialised,
 * tagged with _cleanup_, and escapes only through TAKE_PTR or TAKE_FD. After systemd's practice.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f)	    __attribute__((cleanup(f)))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _unused_	    __attribute__((unused))
#define ARRAY_SIZE(a)	    (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	    ((a) < (b) ? (a) : (b))
#define MAX(a, b)	    ((a) > (b) ? (a) : (b))

#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__auto_type taken_from_ = &(p);                                                    \
		__auto_type taken_ = *taken_from_;                                                 \
		*taken_from_ = NULL;                                                               \
		taken_;                                                                            \
	})

#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int *taken_from_ = &(fd);                                                          \
		int taken_ = *taken_from_;                                                         \
		*taken_from_ = -1;                                                                 \
		taken_;                                                                            \
	})

/* _cleanup_(freep) char *s = NULL; */
static inline void freep(void *p)
{
	free(*(void **)p);
}

/* _cleanup_(closep) int fd = -1; keeps errno */
void closep(int *fd);

/* Makes `name` usable with _cleanup_ for a pointer of type `type`: calls func on what isn't NULL.
 */
#define DEFINE_CLEANUP(type, name, func)                                                           \
	static inline void name(type *p)                                                           \
	{                                                                                          \
		if (*p)                                                                            \
			func(*p);                                                                  \
	}

/* Overwrites secrets; the compiler may not remove it. */
void wipe(void *p, size_t len);

/* _cleanup_(free_secretp) char *s = NULL; wipes the string before it is freed */
void free_secretp(char **s);

#endif
