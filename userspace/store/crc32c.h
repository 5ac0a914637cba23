/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli, RFC 3720 B.4): SSE4.2's instruction where the processor has it. */
#ifndef STORE_CRC32C_H
#define STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t len);
/* The same by table: for processors without the instruction. */
uint32_t crc32c_portable(const void *data, size_t len);

#endif
