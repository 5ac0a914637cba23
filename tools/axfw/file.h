/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILE_H
#define FILE_H

#include "base/text.h"

/* All of a file, "-" is standard input. -EFBIG: more than max bytes. */
int file_read(const char *path, size_t max, struct text *ret);

#endif
