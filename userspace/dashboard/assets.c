/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeds dashboard/pages and dashboard/static, so that the daemon is one file and a page can't be
 * missing. Paths are relative to the tree's root, where the compiler runs.
 */
#include <string.h>
#include "base/base.h"
#include "crypto/crypto.h"
#include "dashboard/assets.h"

#define PAGES(X)                                                                                   \
	X(head, "head", NULL)                                                                      \
	X(foot, "foot", NULL)                                                                      \
	X(landing, "landing", NULL)                                                                \
	X(signup, "signup", NULL)                                                                  \
	X(login, "login", NULL)                                                                    \
	X(overview, "overview", NULL)                                                              \
	X(error, "error", NULL)

#define STATICS(X)                                                                                 \
	X(style, "axfw.css", "text/css; charset=utf-8")                                            \
	X(script, "axfw.js", "text/javascript; charset=utf-8")                                     \
	X(favicon, "favicon.svg", "image/svg+xml")

#define EMBED(folder, symbol, file)                                                                \
	__asm__(".pushsection .rodata\n"                                                           \
		"axfw_asset_" #symbol ":\n"                                                        \
		".incbin \"userspace/dashboard/" folder "/" file "\"\n"                            \
		"axfw_asset_" #symbol "_end:\n"                                                    \
		".popsection\n");                                                                  \
	extern const unsigned char axfw_asset_##symbol[], axfw_asset_##symbol##_end[];

#define X(symbol, name, type) EMBED("pages", symbol, name ".html")
PAGES(X)
#undef X
#define X(symbol, file, type) EMBED("static", symbol, file)
STATICS(X)
#undef X

#define X(symbol, file, type) { file, type, axfw_asset_##symbol, axfw_asset_##symbol##_end },
static const struct asset pages[] = { PAGES(X) };
static const struct asset statics[] = { STATICS(X) };
#undef X

static const struct asset *find(const struct asset *list, size_t count, const char *name)
{
	for (size_t n = 0; n < count; n++)
		if (!strcmp(list[n].name, name))
			return &list[n];
	return NULL;
}

const struct asset *asset_page(const char *name)
{
	return find(pages, ARRAY_SIZE(pages), name);
}

const struct asset *asset_static(const char *name)
{
	return find(statics, ARRAY_SIZE(statics), name);
}

void asset_etag(const struct asset *a, char ret[static ASSET_ETAG_LEN + 1])
{
	uint8_t digest[CRYPTO_DIGEST_LEN];

	crypto_sha256(a->data, asset_len(a), digest);
	hex_encode(digest, ASSET_ETAG_LEN / 2, ret);
}
