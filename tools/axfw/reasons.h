/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REASONS_H
#define REASONS_H

/* What "KEY_UNKNOWN" means, in a sentence; "" for one that we don't know. */
const char *reason_text(const char *name);

#endif
