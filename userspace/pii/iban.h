/* SPDX-License-Identifier: Apache-2.0 */
/* International bank account numbers. */
#ifndef PII_IBAN_H
#define PII_IBAN_H

#include "pii/scan.h"

/* The country's two letters are at this place. */
bool iban_at(const struct scan *s, size_t begin, struct pii_span *ret);

#endif
