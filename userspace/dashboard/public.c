/* SPDX-License-Identifier: Apache-2.0 */
/* What anybody may see: the start page, error pages and static files. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "dashboard/assets.h"
#include "dashboard/dashboard.h"
#include "dashboard/page.h"

#define HTTP_DATE     "%a, %d %b %Y %H:%M:%S GMT"
#define HTTP_DATE_LEN sizeof("Sun, 06 Nov 1994 08:49:37 GMT")
/* Pages name files with their content's hash, so a copy is good for as long as it is asked for. */
#define CACHE_HASHED "public, max-age=31536000, immutable"
#define CACHE_PLAIN  "public, max-age=300"

void dashboard_landing(struct exchange *x)
{
	_cleanup_(text_free) struct text url = { 0 };

	page_base_url(x, &url);
	page_reply(x, 200, "landing", "Block harm",
		   text_failed(&url) ? NULL : json_pack("{s:s}", "base_url", url.data));
}

static const char *status_title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{ 400, "That request can't be read" },
		{ 403, "Not allowed" },
		{ 404, "Not found" },
		{ 405, "Not possible here" },
		{ 413, "Too large" },
		{ 429, "Too many requests" },
		{ 500, "Something went wrong here" },
		{ 503, "Busy at the moment" },
	};

	for (size_t n = 0; n < ARRAY_SIZE(titles); n++)
		if (titles[n].status == status)
			return titles[n].title;
	return "That didn't work";
}

/* What the API says in words that programs compare, as people want to read it. */
static const char *for_people(const char *sentence)
{
	static const struct {
		const char *said, *shown;
	} sentences[] = {
		{ "Not Found",
		  "There is no page at this address. It may have been mistyped, or the "
		  "link that led here is out of date." },
		{ "Method Not Allowed", "This address only takes what a form sends to it. Go back "
					"to the page with the form and send it from there." },
	};

	for (size_t n = 0; n < ARRAY_SIZE(sentences); n++)
		if (!strcmp(sentences[n].said, sentence))
			return sentences[n].shown;
	return sentence;
}

void dashboard_error_page(struct exchange *x, unsigned status, const char *sentence)
{
	page_reply(x, status, "error", status_title(status),
		   json_pack("{s:i, s:s, s:s}", "status", (int)status, "sentence",
			     for_people(sentence), "request_id", x->request_id));
}

/* Does the browser hold this very version? If-None-Match decides where both are sent (RFC
 * 9110, 13.2.2). */
static bool is_held(const struct exchange *x, const char *etag, time_t changed)
{
	const char *match = exchange_header(x, "If-None-Match");
	const char *since = exchange_header(x, "If-Modified-Since");
	struct tm tm = { 0 };

	if (match)
		return !strcmp(match, "*") || strstr(match, etag);
	return since && strptime(since, HTTP_DATE, &tm) && timegm(&tm) >= changed;
}

void dashboard_static(struct exchange *x)
{
	const struct asset *file = x->path_value ? asset_static(x->path_value) : NULL;
	time_t changed = (time_t)(x->services->started_us / US_PER_S); /* no file is younger */
	char hash[ASSET_ETAG_LEN + 1], etag[ASSET_ETAG_LEN + 3], date[HTTP_DATE_LEN];
	const char *asked = exchange_query(x, "v");
	struct tm tm;

	if (!file) {
		exchange_error(x, 404, "Not Found");
		return;
	}
	asset_etag(file, hash);
	snprintf(etag, sizeof(etag), "\"%s\"", hash);
	gmtime_r(&changed, &tm);
	strftime(date, sizeof(date), HTTP_DATE, &tm);
	if (is_held(x, etag, changed))
		exchange_reply_static(x, 304, file->type, "", 0);
	else
		exchange_reply_static(x, 200, file->type, file->data, asset_len(file));
	exchange_set_header(x, "ETag", etag);
	exchange_set_header(x, "Last-Modified", date);
	exchange_set_header(x, "Cache-Control",
			    asked && !strcmp(asked, hash) ? CACHE_HASHED : CACHE_PLAIN);
}
