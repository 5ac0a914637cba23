/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text: lower-case hex, and base64 and base64url without padding (RFC 4648). */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len digits and a NUL. */
void hex_encode(const uint8_t *bytes, size_t len, char *ret);
/* Exactly 2 * len digits of either case; -EINVAL else. */
int hex_decode(const char *text, size_t len, uint8_t *ret);

#define BASE64URL_LEN(n) (((n)*4 + 2) / 3)
/* Writes BASE64URL_LEN(len) characters and a NUL. */
void base64url_encode(const uint8_t *bytes, size_t len, char *ret);
/* Returns the number of bytes, at most size; -EINVAL, -ENOSPC. */
int base64url_decode(const char *text, size_t text_len, uint8_t *ret, size_t size);

/* A UUID in its canonical text form with a NUL. */
#define UUID_TEXT_LEN 37
void uuid_format(const uint8_t bytes[static 16], char ret[static UUID_TEXT_LEN]);
int uuid_parse(const char *text, uint8_t ret[static 16]);
/* Random (version 4), as Python's uuid.uuid4(). */
int uuid_random(uint8_t ret[static 16]);

#endif
