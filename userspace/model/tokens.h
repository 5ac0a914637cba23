/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A normal view cut into tokens: words, numbers, characters of scripts that write no spaces, and
 * signs. What the model was trained on is cut by the same code. Inside model/ and for the trainer.
 */
#ifndef MODEL_TOKENS_H
#define MODEL_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_kind { TOKEN_WORD, TOKEN_NUMBER, TOKEN_CHARACTER, TOKEN_SIGN };

struct token {
	enum token_kind kind;
	uint32_t begin, end; /* bytes of the text */
	uint64_t hash;	     /* of its bytes */
};

struct tokens {
	const char *text;
	size_t len, at;
};

/* The next token; false at the end. The text is valid UTF-8 in lower case. */
bool tokens_next(struct tokens *t, struct token *ret);
/* The hash of a word as a token of these bytes has it. */
uint64_t token_hash(const char *word, size_t len);

#endif
