// SPDX-License-Identifier: Apache-2.0
/*
 * Keys and tokens that say what they are: a prefix that their issuer gives them, a JSON web token,
 * a private key in PEM. And long random strings that a word before them calls a key.
 */
#include "pii/scan.h"

#define TOKEN_MAX     512 /* bytes of the longest key in the table, with room */
#define RANDOM_MIN    16  /* bytes of a token that a word before it can make a secret */
#define RANDOM_WINDOW 32  /* bytes in which that word is looked for */
#define DISTINCT_MIN  6	  /* different characters: "sk-xxxxxxxx" stands for a key */
#define DIGITS_MIN    3
#define TURNS_EACH    6	 /* bytes in which something random turns from letter to digit or case */
#define CLEAR_PREFIX  4	 /* bytes of a prefix that no word begins with */
#define JWT_PART_MIN  10 /* {"alg":"x"} in base64 is longer */

enum rest { ALNUM, UPPER, HEX, TOKEN };

/* What comes behind the prefix: which characters, and how many of them at least and at most. */
static const struct issuer {
	const char *prefix;
	enum rest rest;
	uint16_t min, max;
} issuers[] = {
	{ "AKIA", UPPER, 16, 16 },    /* AWS, lasting */
	{ "ASIA", UPPER, 16, 16 },    /* AWS, for a session */
	{ "ABIA", UPPER, 16, 16 },    /* AWS, bearer */
	{ "AIza", TOKEN, 35, 35 },    /* Google */
	{ "GOCSPX-", TOKEN, 28, 28 }, /* Google OAuth */
	{ "AGE-SECRET-KEY-1", UPPER, 58, 58 },
	{ "PMAK-", TOKEN, 50, 64 },	/* Postman */
	{ "ATATT3", TOKEN, 60, 400 },	/* Atlassian */
	{ "EAAC", ALNUM, 60, 400 },	/* Facebook */
	{ "SK", HEX, 32, 32 },		/* Twilio */
	{ "axfw_", TOKEN, 43, 43 },	/* ours */
	{ "dckr_pat_", TOKEN, 27, 40 }, /* Docker */
	{ "dop_v1_", HEX, 64, 64 },	/* DigitalOcean */
	{ "figd_", TOKEN, 40, 60 },	/* Figma */
	{ "ghp_", ALNUM, 36, 255 },	/* GitHub */
	{ "gho_", ALNUM, 36, 255 },
	{ "ghu_", ALNUM, 36, 255 },
	{ "ghs_", ALNUM, 36, 255 },
	{ "ghr_", ALNUM, 36, 255 },
	{ "github_pat_", TOKEN, 40, 255 },
	{ "glpat-", TOKEN, 20, 64 },   /* GitLab */
	{ "glsa_", TOKEN, 32, 64 },    /* Grafana */
	{ "gsk_", ALNUM, 40, 80 },     /* Groq */
	{ "hf_", ALNUM, 30, 64 },      /* Hugging Face */
	{ "key-", HEX, 32, 32 },       /* Mailgun */
	{ "lin_api_", ALNUM, 32, 64 }, /* Linear */
	{ "npm_", ALNUM, 36, 36 },
	{ "nvapi-", TOKEN, 40, 100 }, /* NVIDIA */
	{ "ntn_", ALNUM, 40, 64 },    /* Notion */
	{ "pplx-", ALNUM, 32, 80 },   /* Perplexity */
	{ "pypi-", TOKEN, 50, 400 },
	{ "r8_", ALNUM, 36, 40 },	/* Replicate */
	{ "rk_live_", ALNUM, 16, 200 }, /* Stripe */
	{ "rk_test_", ALNUM, 16, 200 },
	{ "rubygems_", HEX, 48, 48 },
	{ "shpat_", HEX, 32, 32 }, /* Shopify */
	{ "shpca_", HEX, 32, 32 },
	{ "shppa_", HEX, 32, 32 },
	{ "shpss_", HEX, 32, 32 },
	{ "sk-", TOKEN, 20, 400 },	/* OpenAI, Anthropic and those who followed */
	{ "sk_live_", ALNUM, 16, 200 }, /* Stripe */
	{ "sk_test_", ALNUM, 16, 200 },
	{ "sq0atp-", TOKEN, 22, 64 }, /* Square */
	{ "sq0csp-", TOKEN, 43, 64 },
	{ "whsec_", ALNUM, 24, 100 }, /* Stripe */
	{ "xai-", ALNUM, 40, 100 },
	{ "xapp-", TOKEN, 20, 300 }, /* Slack */
	{ "xoxa-", TOKEN, 16, 300 },
	{ "xoxb-", TOKEN, 16, 300 },
	{ "xoxe-", TOKEN, 16, 300 },
	{ "xoxp-", TOKEN, 16, 300 },
	{ "xoxr-", TOKEN, 16, 300 },
	{ "xoxs-", TOKEN, 16, 300 },
};

/* The same for those whose prefix ends with what isn't of a token. */
static const struct issuer dotted[] = {
	{ "SG.", TOKEN, 20, 70 },    /* SendGrid */
	{ "hvs.", TOKEN, 24, 300 },  /* HashiCorp Vault */
	{ "ya29.", TOKEN, 20, 400 }, /* Google OAuth */
};

static bool is_rest(const uint8_t *rest, size_t len, enum rest kind)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = rest[i];

		if ((kind == ALNUM && !is_alnum(c)) || (kind == HEX && !is_hex(c)) ||
		    (kind == UPPER && !(is_digit(c) || byte_kinds[c] & BYTE_UPPER)))
			return false;
	}
	return true;
}

static unsigned distinct(const uint8_t *token, size_t len)
{
	uint64_t seen[4] = { 0 };
	int count = 0;

	for (size_t i = 0; i < len; i++)
		seen[token[i] / 64] |= 1ull << (token[i] % 64);
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		count += __builtin_popcountll(seen[i]);
	return (unsigned)count;
}

/* Letters and digits in turns, as no word and no name has them. */
static bool is_random(const uint8_t *token, size_t len)
{
	size_t digits = 0, turns = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t kind = BYTE_DIGIT | BYTE_UPPER | BYTE_LOWER;

		digits += is_digit(token[i]);
		turns += i && ((byte_kinds[token[i]] ^ byte_kinds[token[i - 1]]) & kind) != 0;
	}
	return digits >= DIGITS_MIN && digits < len && turns >= len / TURNS_EACH &&
	       distinct(token, len) >= DISTINCT_MIN;
}

static bool is_issued(const uint8_t *token, size_t len, const struct issuer *by)
{
	size_t prefix = strlen(by->prefix), rest = len - prefix;
	const uint8_t *t = token + prefix;

	if (len <= prefix || memcmp(token, by->prefix, prefix) || rest < by->min ||
	    rest > by->max || !is_rest(t, rest, by->rest))
		return false;
	/* The short prefixes begin words, too: "sk-learn-…". */
	return prefix < CLEAR_PREFIX ? is_random(t, rest) : distinct(t, rest) >= DISTINCT_MIN;
}

/* Remembers the last one's end, so that many places of one long token cost its length once. */
static size_t token_end(struct scan *s, size_t begin)
{
	size_t end = begin < s->token_end ? s->token_end : begin;

	while (byte_kinds[byte_at(s, end)] & BYTE_TOKEN)
		end++;
	s->token_end = end;
	return end;
}

/* header.payload.signature, each base64url of what begins with {" */
static bool jwt_at(struct scan *s, size_t begin, size_t end, struct pii_span *ret)
{
	size_t payload, signature;

	if (!text_has(s, begin, "eyJ", 3) || byte_at(s, end) != '.')
		return false;
	payload = token_end(s, end + 1);
	if (payload - end <= JWT_PART_MIN || byte_at(s, payload) != '.')
		return false;
	signature = token_end(s, payload + 1);
	span_set(ret, PII_SECRET, begin, signature);
	return true;
}

/* Everything from -----BEGIN … PRIVATE KEY----- to its end, or as far as it goes. */
static bool pem_at(struct scan *s, size_t begin, struct pii_span *ret)
{
	static const char private_key[] = "PRIVATE KEY", dashes[] = "-----";
	const uint8_t *head, *end;
	size_t at = begin + sizeof("-----BEGIN") - 1;

	if (begin < s->pem_end || !text_has(s, begin, "-----BEGIN ", 11))
		return false;
	head = memmem(s->text + at, MIN(s->len - at, 40), private_key, sizeof(private_key) - 1);
	if (!head)
		return false;
	at = (size_t)(head - s->text) + sizeof(private_key) - 1;
	at += text_has(s, at, dashes, 5) ? 5 : 0;
	/* A second BEGIN ends the search: no byte is searched twice. */
	end = memmem(s->text + at, s->len - at, dashes, 5);
	at = end ? (size_t)(end - s->text) : s->len;
	if (text_has(s, at, "-----END ", 9)) {
		end = memmem(s->text + at + 5, MIN(s->len - at - 5, 60), dashes, 5);
		at = end ? (size_t)(end - s->text) + 5 : at + 9;
	}
	s->pem_end = at;
	span_set(ret, PII_SECRET, begin, at);
	return true;
}

static bool dotted_at(struct scan *s, size_t begin, size_t end, struct pii_span *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(dotted); i++) {
		size_t prefix = strlen(dotted[i].prefix), len = end - begin;

		if (begin < prefix || !text_has(s, begin - prefix, dotted[i].prefix, prefix) ||
		    !is_edge_before(s, begin - prefix) || len < dotted[i].min ||
		    len > dotted[i].max)
			continue;
		if (byte_at(s, end) == '.' && token_end(s, end + 1) > end + RANDOM_MIN)
			end = token_end(s, end + 1);
		span_set(ret, PII_SECRET, begin - prefix, end);
		return true;
	}
	return false;
}

bool token_at(struct scan *s, size_t begin, struct pii_span *ret)
{
	size_t end = token_end(s, begin), len = end - begin;
	const uint8_t *token = s->text + begin;

	if (token[0] == '-' && pem_at(s, begin, ret))
		return true;
	if (len > TOKEN_MAX || len < RANDOM_MIN)
		return jwt_at(s, begin, end, ret);
	if (jwt_at(s, begin, end, ret) || dotted_at(s, begin, end, ret))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(issuers); i++) {
		if (token[0] == (uint8_t)issuers[i].prefix[0] &&
		    is_issued(token, len, &issuers[i])) {
			span_set(ret, PII_SECRET, begin, end);
			return true;
		}
	}
	if (!is_random(token, len) || !words_before(s, begin, RANDOM_WINDOW, WORD_SECRET))
		return false;
	span_set(ret, PII_SECRET, begin, end);
	return true;
}
