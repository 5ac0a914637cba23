/* SPDX-License-Identifier: Apache-2.0 */
/* Text that reads as English only when it is turned: rot13, or backwards. Inside views/ only. */
#ifndef VIEWS_TURNED_H
#define VIEWS_TURNED_H

#include "views/decode.h"

/* Before anything else; again does nothing. */
void turned_load(void);
/* Which of the two views a normal view could have, as bits. */
unsigned turned_hints(const char *text, size_t len);

/* Of a normal view. */
extern const struct codec rot13_codec, reversed_codec;

#endif
