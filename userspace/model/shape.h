/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The learned model's shape: what the weights file, the evaluation and the trainer have to agree
 * about.
 *
 *   score(head) = text part + word part
 *   text part:  every word has a row of contributions to CHANNELS detectors, one for each place it
 *               may take among three neighbours (a convolution of width 3 over word embeddings,
 *               multiplied out). What a detector says of three neighbours is max(0, sum); the
 *               greatest over the window and the mean over it go into the head (Kim, 2014).
 *   word part:  the sum of the weights of the hashed n-grams, of words and of bytes apart, each
 *               divided by the root of their number.
 */
#ifndef MODEL_SHAPE_H
#define MODEL_SHAPE_H

#define MODEL_PLACES   3
#define MODEL_CHANNELS 48

/* A text is judged by windows of so many tokens, each begun half a window after the last, so that
 * no amount of harmless text dilutes an attack; the worst window counts. */
#define MODEL_BLOCK_TOKENS  64
#define MODEL_WINDOW_TOKENS (2 * MODEL_BLOCK_TOKENS)

/* Words that aren't in the vocabulary share these rows, by hash. */
#define MODEL_UNKNOWN_ROWS 2048
#define MODEL_WORDS_MAX	   45000

#endif
