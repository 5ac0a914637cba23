/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request each, by libcurl. What can go wrong is turned into what to do about it here, so that
 * no command has to: the socket isn't there, isn't ours, nobody listens, the daemon says no.
 */
#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 5L
#define ANSWER_TIMEOUT_S                                                                           \
	30L /* a new account waits for the password hash, maybe behind a login burst */
#define ANSWER_MAX (16U << 20) /* a tenant's keys, generously; bounds what we hold */

DEFINE_CLEANUP(CURL *, curl_easyp, curl_easy_cleanup)
DEFINE_CLEANUP(struct curl_slist *, curl_slistp, curl_slist_free_all)

struct call {
	const char *method, *url, *path;
	const char *socket_path; /* NULL: by the network */
	const char *body;
	struct text answer;
	long status;
	long os_error;
};

void answer_free(struct answer *a)
{
	free(a->text);
	json_decref(a->json);
	*a = (struct answer){ 0 };
}

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
	struct text *answer = arg;

	if (answer->len + size * count > ANSWER_MAX)
		return 0; /* makes curl end with CURLE_WRITE_ERROR */
	text_add_n(answer, data, size * count);
	return text_failed(answer) ? 0 : size * count;
}

static CURLcode perform(struct call *call)
{
	_cleanup_(curl_easyp) CURL *curl = curl_easy_init();
	_cleanup_(curl_slistp) struct curl_slist *headers = NULL;
	CURLcode r;

	if (!curl)
		return CURLE_OUT_OF_MEMORY;
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (!headers)
		return CURLE_OUT_OF_MEMORY;
	curl_easy_setopt(curl, CURLOPT_URL, call->url);
	if (call->socket_path)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, call->socket_path);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
	if (call->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	}
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "axfw/" AXFW_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &call->answer);
	r = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &call->status);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &call->os_error);
	return r;
}

static enum cli_status explain_socket(const struct cli *cli, CURLcode code, long os_error)
{
	const char *path = cli->socket_path;

	switch (os_error) {
	case ENOENT:
		return cli_fail(cli, CLI_UNREACHABLE,
				"Start it with 'systemctl start axfwd' or 'make run'; if it uses "
				"another socket, say --socket PATH.",
				"no daemon: there is no socket at %s", path);
	case ECONNREFUSED:
		return cli_fail(cli, CLI_UNREACHABLE,
				"The daemon that made this socket has ended; start it again.",
				"nobody listens at %s", path);
	case EACCES:
	case EPERM:
		return cli_fail(cli, CLI_UNREACHABLE,
				"Only root and the daemon's own user may: try again with sudo.",
				"permission denied at %s", path);
	}
	return cli_fail(cli, CLI_UNREACHABLE,
			"Is axfwd stopped or overloaded? Its log says more: journalctl -u axfwd.",
			"the daemon at %s didn't answer: %s", path, curl_easy_strerror(code));
}

static enum cli_status explain_refusal(const struct cli *cli, const struct call *call,
				       const struct answer *a)
{
	const char *detail = json_string_value(json_object_get(a->json, "detail"));

	if (detail && strcmp(detail, "Not Found"))
		return cli_fail(cli, CLI_NO, NULL, "%s", detail);
	if (call->status == 404)
		return cli_fail(
			cli, CLI_NO,
			"Either you are neither root nor the daemon's user, or axfw and axfwd "
			"are of different versions.",
			"the daemon has nothing at %s for you", call->path);
	return cli_fail(cli, CLI_NO, "The daemon's log says more.", "the daemon answered %ld",
			call->status);
}

static enum cli_status take_answer(const struct cli *cli, struct call *call, struct answer *ret)
{
	_cleanup_(answer_free) struct answer a = { .status = call->status };

	a.text = text_take(&call->answer);
	a.json = json_loads(a.text ? a.text : "", 0, NULL);
	if (call->socket_path && (a.status < 200 || a.status > 299))
		return explain_refusal(cli, call, &a);
	if (a.status != 200 && !call->socket_path)
		return cli_fail(cli, CLI_NO, "Is this the right address?", "%s answered %ld",
				call->url, a.status);
	if (!json_is_object(a.json))
		return cli_fail(cli, CLI_NO, "Is this an axfwd, of the same version?",
				"the answer isn't JSON");
	*ret = a;
	a = (struct answer){ 0 };
	return CLI_DONE;
}

enum cli_status client_call(const struct cli *cli, const char *method, const char *path,
			    json_t *body, struct answer *ret)
{
	_cleanup_(json_decrefp) json_t *owned = body;
	_cleanup_(free_secretp) char *text = body ? json_text(body) : NULL;
	_cleanup_(text_free) struct text url = { 0 };
	struct call call = {
		.method = method, .path = path, .socket_path = cli->socket_path, .body = text
	};
	enum cli_status status;
	CURLcode code;

	text_addf(&url, "http://localhost%s", path);
	if ((body && !text) || text_failed(&url))
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	call.url = url.data;
	code = perform(&call);
	if (code != CURLE_OK)
		status = explain_socket(cli, code, call.os_error);
	else
		status = take_answer(cli, &call, ret);
	text_free(&call.answer);
	return status;
}

enum cli_status client_fetch(const struct cli *cli, const char *url, struct answer *ret)
{
	struct call call = { .method = "GET", .url = url };
	CURLcode code = perform(&call);
	enum cli_status status;

	if (code != CURLE_OK)
		status = cli_fail(cli, CLI_UNREACHABLE, "Is this the right address?",
				  "can't fetch %s: %s", url, curl_easy_strerror(code));
	else
		status = take_answer(cli, &call, ret);
	text_free(&call.answer);
	return status;
}

char *client_escape(const char *value)
{
	_cleanup_(curl_easyp) CURL *curl = curl_easy_init();
	char *escaped = curl ? curl_easy_escape(curl, value, 0) : NULL;
	char *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}

enum cli_status client_print(const struct answer *a)
{
	puts(a->text);
	return CLI_DONE;
}
