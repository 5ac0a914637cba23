/* SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"

#include <errno.h>
#include <stdlib.h>

#define DURATION_MAX (100ull * 365 * 86400) /* what the daemon takes: a hundred years */

static uint64_t unit_of(char letter)
{
	switch (letter) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	}
	return 0;
}

int duration_parse(const char *text, uint64_t *ret_seconds)
{
	uint64_t sum = 0;

	while (*text) {
		char *end;
		unsigned long long n;
		uint64_t unit = 1;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = strtoull(text, &end, 10);
		if (*end || sum)
			unit = unit_of(*end++);
		if (!unit || n > DURATION_MAX / unit)
			return -EINVAL;
		sum += n * unit;
		if (sum > DURATION_MAX)
			return -EINVAL;
		text = end;
	}
	if (!sum)
		return -EINVAL;
	*ret_seconds = sum;
	return 0;
}
