/* SPDX-License-Identifier: Apache-2.0 */
/* Check digits. All take ASCII digits. */
#ifndef PII_CHECKSUM_H
#define PII_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

bool checksum_luhn(const char *digits, size_t len);
bool checksum_verhoeff(const char *digits, size_t len);
/* ISO 7064 MOD 11,10, the last digit being the check digit. */
bool checksum_mod11_10(const char *digits, size_t len);
/* The digits times these weights, summed. */
unsigned checksum_weigh(const char *digits, const unsigned char *weights, size_t len);
unsigned checksum_mod97(const char *digits, size_t len);

#endif
