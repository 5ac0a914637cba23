/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and the calendar of the store (naive ISO 8601 in UTC with microseconds). Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL
#define US_PER_S  1000000ULL

uint64_t clock_boot_ns(void);	   /* as bpf_ktime_get_boot_ns(): deny-until times, windows */
uint64_t clock_monotonic_ns(void); /* durations */
uint64_t clock_wall_us(void);	   /* what is stored and shown */

#define CLOCK_ISO_LEN sizeof("2026-01-31T23:59:59.123456")
/* "2026-01-31T23:59:59.123456", as Python's datetime.isoformat() writes it. */
void clock_format_iso(uint64_t wall_us, char ret[static CLOCK_ISO_LEN]);
/* Also accepts a missing fraction and a trailing Z. -EINVAL. */
int clock_parse_iso(const char *text, uint64_t *ret_wall_us);

/* Months since year 0 in UTC: what quotas count by. */
uint32_t clock_month(uint64_t wall_us);
uint64_t clock_month_start_us(uint32_t month);

#endif
