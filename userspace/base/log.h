/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on stderr, one per event, with the journal's priority prefix when stderr is a journal.
 * A function logs or returns, never both; modules log at debug only, callers at the edge say the
 * rest. Never a secret, never a prompt. Any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/memory.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
int log_level_from_name(const char *name, enum log_level *ret_level);
void log_line(enum log_level level, const char *format, ...) _printf_(2, 3);
/* Logs an error with ": <strerror(-r)>" behind it and returns r. */
int log_error_r(int r, const char *format, ...) _printf_(2, 3);

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
