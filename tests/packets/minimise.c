// SPDX-License-Identifier: Apache-2.0
/*
 * Smaller cases: fewer segments, numbers that are 0, bytes that are gone (Zeller's ddmin, with
 * halves of what is left), each change kept only if the case still fails.
 */
#include <stdlib.h>
#include <string.h>
#include "minimise.h"

static bool still_fails(struct stage *s, const struct script *script)
{
	const char *problem;

	return script->segment_count && !stage_play(s, script, &problem);
}

static bool drop_segments(struct stage *s, struct script *script, struct script *spare)
{
	bool changed = false;

	for (uint32_t i = script->segment_count; i-- > 0 && script->segment_count > 1;) {
		*spare = *script;
		memmove(&script->segments[i], &script->segments[i + 1],
			(--script->segment_count - i) * sizeof(script->segments[0]));
		if (still_fails(s, script))
			changed = true;
		else
			*script = *spare;
	}
	return changed;
}

static bool zero_numbers(struct stage *s, struct script *script, uint32_t *numbers, unsigned count)
{
	bool changed = false;

	for (unsigned i = 0; i < count; i++) {
		uint32_t was = numbers[i];

		if (!was)
			continue;
		numbers[i] = 0;
		if (still_fails(s, script))
			changed = true;
		else
			numbers[i] = was;
	}
	return changed;
}

static bool cut_bytes(struct stage *s, struct script *script, struct bytes *b)
{
	struct bytes was;
	bool changed = false;

	for (uint32_t len = b->len; len; len /= 2) {
		for (uint32_t at = 0; at + len <= b->len;) {
			was = *b;
			memmove(b->at + at, b->at + at + len, b->len - at - len);
			b->len -= len;
			if (still_fails(s, script)) {
				changed = true;
				continue;
			}
			*b = was;
			at += len;
		}
	}
	return changed;
}

static bool simplify_segment(struct stage *s, struct script *script, struct script_segment *segment)
{
	bool changed = zero_numbers(s, script, (uint32_t *)segment, SEGMENT_NUMBER_COUNT);

	changed |= cut_bytes(s, script, &segment->ip_options);
	changed |= cut_bytes(s, script, &segment->tcp_options);
	changed |= cut_bytes(s, script, &segment->payload);
	return changed;
}

void minimise(struct stage *s, struct script *script)
{
	struct script *spare = malloc(sizeof(*spare));
	bool changed = spare != NULL;

	while (changed) {
		changed = drop_segments(s, script, spare);
		changed |= zero_numbers(s, script, (uint32_t *)&script->scene, SCENE_NUMBER_COUNT);
		for (uint32_t i = 0; i < script->segment_count; i++)
			changed |= simplify_segment(s, script, &script->segments[i]);
	}
	free(spare);
}
