/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling the rules takes five to ten seconds, loading the result some milliseconds. The
 * cached file is named after everything that the result depends on, so a stale one is never found;
 * it is believed only if its checksum is right and nobody but us (or root) could have written it,
 * because Vectorscan trusts what it deserialises. Whatever is wrong with it, the rules are compiled
 * instead.
 */
#include "guard/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Raise it when the flags below change, or the file's form. */
#define CACHE_FORMAT	"axfwhs2"
#define CACHE_BYTES_MAX (64 << 20) /* today's database is 10 MB: more is not one of ours */
#define CACHE_NAME_LEN	32	   /* hex digits of the key in the file's name */
/* Not HS_FLAG_UTF8: it is undefined on text that isn't, and a firewall must not believe that. */
#define RULE_FLAGS	(HS_FLAG_CASELESS | HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH)
#define EXPRESSIONS_MAX 1024

struct cache_header {
	char format[sizeof(CACHE_FORMAT)];
	uint8_t key[CRYPTO_DIGEST_LEN];
	uint8_t digest[CRYPTO_DIGEST_LEN]; /* of what follows */
	uint64_t len;			   /* of what follows */
};
_Static_assert(sizeof(struct cache_header) == 80, "no holes");

int from_hs(hs_error_t r)
{
	switch (r) {
	case HS_SUCCESS:
	case HS_SCAN_TERMINATED:
		return 0;
	case HS_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/*
 * For any x86-64 processor with SSE4.2, not for this one with whatever more it has: a database for
 * fewer features runs everywhere, so it can be made where programs are packed.
 */
static const hs_platform_info_t any_processor = { .tune = HS_TUNE_FAMILY_GENERIC };

/* --- compiling ------------------------------------------------------------------------------- */

struct expressions {
	const char *regex[EXPRESSIONS_MAX];
	unsigned id[EXPRESSIONS_MAX];
	unsigned flags[EXPRESSIONS_MAX];
	unsigned count;
};

static int collect(const struct rules *rules, struct expressions *e)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct strings *regexes = &rules->items[i].regexes;

		for (size_t k = 0; k < regexes->count; k++) {
			if (e->count == EXPRESSIONS_MAX)
				return -E2BIG;
			e->regex[e->count] = regexes->items[k];
			e->id[e->count] = (unsigned)i;
			e->flags[e->count++] = RULE_FLAGS;
		}
	}
	return 0;
}

static int compile(const struct rules *rules, hs_database_t **ret, char *error, size_t error_size)
{
	_cleanup_(freep) struct expressions *e = calloc(1, sizeof(*e));
	hs_compile_error_t *why = NULL;
	int r = e ? collect(rules, e) : -ENOMEM;

	if (r < 0)
		return r;
	if (hs_compile_multi(e->regex, e->flags, e->id, e->count, HS_MODE_BLOCK, &any_processor,
			     ret, &why) == HS_SUCCESS)
		return 0;
	snprintf(error, error_size, "%s: %s",
		 why->expression < 0 ? "rules" : rules->items[e->id[why->expression]].id,
		 why->message);
	hs_free_compile_error(why);
	*ret = NULL;
	return -EINVAL;
}

/* --- the cache ------------------------------------------------------------------------------- */

/* What the compiled form depends on. */
static int cache_key(const uint8_t rules_digest[static CRYPTO_DIGEST_LEN],
		     uint8_t ret[static CRYPTO_DIGEST_LEN])
{
	_cleanup_(text_free) struct text t = { 0 };

	text_addf(&t, "%s %s ", CACHE_FORMAT, hs_version());
	text_add_n(&t, (const char *)rules_digest, CRYPTO_DIGEST_LEN);
	if (text_failed(&t))
		return -ENOMEM;
	crypto_sha256(t.data, t.len, ret);
	return 0;
}

static char *cache_path(const char *dir, const uint8_t key[static CRYPTO_DIGEST_LEN])
{
	char name[CACHE_NAME_LEN + 1], *path;

	hex_encode(key, CACHE_NAME_LEN / 2, name);
	return asprintf(&path, "%s/rules-%s.hs", dir, name) < 0 ? NULL : path;
}

static int read_all(int fd, void *ret, size_t len)
{
	for (uint8_t *at = ret; len;) {
		ssize_t n = read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_all(int fd, const void *data, size_t len)
{
	for (const uint8_t *at = data; len;) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Could only we, or root, have written it, and is it of a believable size? */
static int judge_file(int fd, size_t *ret_len)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_mode & (S_IWGRP | S_IWOTH) ||
	    (st.st_uid && st.st_uid != geteuid()))
		return -EPERM;
	if (st.st_size <= (off_t)sizeof(struct cache_header) || st.st_size > CACHE_BYTES_MAX)
		return -EBADMSG;
	*ret_len = (size_t)st.st_size - sizeof(struct cache_header);
	return 0;
}

static int check_digest(const struct cache_header *h, const void *data, size_t len)
{
	uint8_t digest[CRYPTO_DIGEST_LEN];

	crypto_sha256(data, len, digest);
	return memcmp(digest, h->digest, sizeof(digest)) ? -EBADMSG : 0;
}

static int cache_load(const char *path, const uint8_t key[static CRYPTO_DIGEST_LEN],
		      hs_database_t **ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(freep) char *data = NULL;
	struct cache_header h;
	size_t len = 0;
	int r = fd < 0 ? -errno : judge_file(fd, &len);

	if (r < 0)
		return r;
	r = read_all(fd, &h, sizeof(h));
	if (r < 0)
		return r;
	if (memcmp(h.format, CACHE_FORMAT, sizeof(h.format)) || memcmp(h.key, key, sizeof(h.key)) ||
	    h.len != len || !len)
		return -EBADMSG;
	data = malloc(len);
	if (!data)
		return -ENOMEM;
	r = read_all(fd, data, len);
	if (r < 0)
		return r;
	r = check_digest(&h, data, len);
	return r < 0 ? r : from_hs(hs_deserialize_database(data, len, ret));
}

/* Whole or not at all: another daemon may read it at this moment. */
static int write_file(const char *dir, const char *path, const struct cache_header *h,
		      const char *data)
{
	_cleanup_(freep) char *temporary = NULL;
	_cleanup_(closep) int fd = -1;
	int r;

	if (asprintf(&temporary, "%s/.rules-XXXXXX", dir) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, h, sizeof(*h));
	if (r >= 0)
		r = write_all(fd, data, h->len);
	if (r >= 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

static int cache_save(const char *dir, const char *path,
		      const uint8_t key[static CRYPTO_DIGEST_LEN], const hs_database_t *db)
{
	struct cache_header h = { .format = CACHE_FORMAT };
	_cleanup_(freep) char *data = NULL;
	size_t len;
	int r = from_hs(hs_serialize_database(db, &data, &len));

	if (r < 0)
		return r;
	memcpy(h.key, key, sizeof(h.key));
	crypto_sha256(data, len, h.digest);
	h.len = len;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	return write_file(dir, path, &h, data);
}

bool database_is_cached(const char *cache_dir, const uint8_t rules_digest[static CRYPTO_DIGEST_LEN])
{
	_cleanup_(freep) char *path = NULL;
	uint8_t key[CRYPTO_DIGEST_LEN];

	if (!cache_dir || !*cache_dir || cache_key(rules_digest, key) < 0)
		return false;
	path = cache_path(cache_dir, key);
	return path && access(path, R_OK) == 0;
}

int database_open(const char *cache_dir, const struct rules *rules,
		  const uint8_t rules_digest[static CRYPTO_DIGEST_LEN], hs_database_t **ret,
		  char *error, size_t error_size)
{
	_cleanup_(freep) char *path = NULL;
	uint8_t key[CRYPTO_DIGEST_LEN];
	int r;

	if (!cache_dir || !*cache_dir)
		return compile(rules, ret, error, error_size);
	r = cache_key(rules_digest, key);
	if (r < 0)
		return r;
	path = cache_path(cache_dir, key);
	if (!path)
		return -ENOMEM;
	r = cache_load(path, key, ret);
	if (r >= 0)
		return 0;
	log_debug("the rules are compiled; no cached form at %s: %s", path, strerror(-r));
	r = compile(rules, ret, error, error_size);
	if (r < 0)
		return r;
	r = cache_save(cache_dir, path, key, *ret);
	if (r < 0)
		log_debug("the compiled rules can't be kept at %s: %s", path, strerror(-r));
	return 0;
}
