/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions as tenants write them (Python's re) in the words of PCRE2 and Vectorscan. */
#ifndef GUARD_PATTERN_H
#define GUARD_PATTERN_H

#include "base/base.h"

#define PATTERN_NESTING_MAX 100 /* groups in groups: more is nobody's pattern */

struct pattern_text {
	struct text regex; /* for PCRE2, exact; owned */
	struct text wide;  /* for Vectorscan: matches at least what regex does; owned */
	bool beyond;	   /* and perhaps more: what matches has to be confirmed */
	bool ascii;	   /* (?a): \w, \d, \s and \b know ASCII only */
	uint64_t cost;	   /* about how many states its automaton has: what compiling it takes */
};

/* -EINVAL: what Python would say is in error. UTF-8 in, may hold NUL. */
int pattern_translate(const char *regex, size_t len, struct pattern_text *ret, char *error,
		      size_t error_size);
void pattern_text_free(struct pattern_text *p);

#endif
