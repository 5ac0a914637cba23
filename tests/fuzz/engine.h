/* SPDX-License-Identifier: Apache-2.0 */
/* What targets that judge texts share: one engine, and a word for what must hold. */
#ifndef FUZZ_ENGINE_H
#define FUZZ_ENGINE_H

#include <stdint.h>
#include <stdlib.h>
#include "guard/guard.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct guard *guard;
static struct guard_scratch *scratch;

static inline void require(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(guard_new(NULL, &guard) == 0 && guard_scratch_new(guard, &scratch) == 0);
	return 0;
}

#endif
