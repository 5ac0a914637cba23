/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

uint64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
	return read_ns(CLOCK_REALTIME) / 1000;
}

static struct tm calendar(uint64_t wall_us)
{
	time_t s = (time_t)(wall_us / US_PER_S);
	struct tm tm = { 0 };

	gmtime_r(&s, &tm);
	return tm;
}

void clock_format_iso(uint64_t wall_us, char ret[static CLOCK_ISO_LEN])
{
	struct tm tm = calendar(wall_us);
	size_t n = strftime(ret, CLOCK_ISO_LEN, "%Y-%m-%dT%H:%M:%S", &tm);

	snprintf(ret + n, CLOCK_ISO_LEN - n, ".%06u", (unsigned)(wall_us % US_PER_S));
}

/* Up to six digits of a fraction; what is finer is dropped. */
static const char *parse_fraction(const char *p, uint64_t *ret_us)
{
	uint64_t us = 0, scale = US_PER_S / 10;

	for (; *p >= '0' && *p <= '9'; p++, scale /= 10)
		us += (uint64_t)(*p - '0') * scale;
	*ret_us = us;
	return p;
}

int clock_parse_iso(const char *text, uint64_t *ret_wall_us)
{
	struct tm tm = { 0 };
	uint64_t us = 0;
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t s;

	if (!p)
		p = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	if (!p)
		return -EINVAL;
	if (*p == '.')
		p = parse_fraction(p + 1, &us);
	if (!strcmp(p, "+00:00"))
		p += strlen(p);
	else if (*p == 'Z')
		p++;
	s = timegm(&tm);
	if (*p || s < 0)
		return -EINVAL;
	*ret_wall_us = (uint64_t)s * US_PER_S + us;
	return 0;
}

uint32_t clock_month(uint64_t wall_us)
{
	struct tm tm = calendar(wall_us);

	return (uint32_t)(tm.tm_year + 1900) * 12 + (uint32_t)tm.tm_mon;
}

uint64_t clock_month_start_us(uint32_t month)
{
	struct tm tm = { .tm_year = (int)(month / 12) - 1900,
			 .tm_mon = (int)(month % 12),
			 .tm_mday = 1 };

	return (uint64_t)timegm(&tm) * US_PER_S;
}
