/* SPDX-License-Identifier: Apache-2.0 */
/* What axfw says of a revocation: a kernel that wasn't told is no small print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "../../tools/axfw/cli.h"

/* main.c's, which isn't linked: nothing fails here. */
enum cli_status cli_fail(const struct cli *cli, enum cli_status status, const char *hint,
			 const char *format, ...)
{
	fail_msg("%s", format);
	return status;
}

/* A daemon that knows one answer. */
struct daemon {
	char path[64];
	const char *body;
	int listener;
	pthread_t thread;
};

static void *answer_one(void *arg)
{
	struct daemon *d = arg;
	_cleanup_(closep) int fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
	char bytes[4096] = "";
	size_t len = 0;

	/* The request's body is an object that has nothing behind it. */
	while (fd >= 0 && !memchr(bytes, '}', len) && len < sizeof(bytes)) {
		ssize_t n = recv(fd, bytes + len, sizeof(bytes) - len, 0);

		if (n <= 0)
			return NULL;
		len += (size_t)n;
	}
	dprintf(fd,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		strlen(d->body), d->body);
	return NULL;
}

static void start(struct daemon *d, const char *body)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	*d = (struct daemon){ .path = "/tmp/axfw-cli-XXXXXX", .body = body };
	assert_non_null(mkdtemp(d->path));
	strcat(d->path, "/s");
	memcpy(at.sun_path, d->path, strlen(d->path));
	d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(d->listener, 1), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, answer_one, d), 0);
}

static void end(struct daemon *d)
{
	pthread_join(d->thread, NULL);
	close(d->listener);
	unlink(d->path);
	*strrchr(d->path, '/') = '\0';
	rmdir(d->path);
}

/* What `axfw keys revoke` prints for that answer. The caller frees it. */
static char *said_of(const char *body)
{
	struct daemon d;
	const struct cli cli = { .socket_path = d.path };
	const struct cli_arguments a = { .values = { "ada@example.org" },
					 .words = { "key-1" },
					 .word_count = 1 };
	FILE *out = stdout;
	char *text = NULL;
	size_t size;

	start(&d, body);
	stdout = open_memstream(&text, &size);
	assert_int_equal(command_keys_revoke(&cli, &a), CLI_DONE);
	fclose(stdout);
	stdout = out;
	end(&d);
	return text;
}

static void a_revocation_that_the_kernel_knows(void **state)
{
	_cleanup_(freep) char *text =
		said_of("{\"revoked\":true,\"id\":\"key-1\",\"kernel_told\":true}");

	assert_string_equal(text, "Revoked key-1: it is refused from now on, in the kernel too.\n");
}

static void a_revocation_that_it_does_not(void **state)
{
	_cleanup_(freep) char *text =
		said_of("{\"revoked\":true,\"id\":\"key-1\",\"kernel_told\":false}");

	assert_non_null(strstr(text, "Revoked key-1"));
	assert_non_null(strstr(text, "The kernel couldn't be told"));
	assert_null(strstr(text, "in the kernel too"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revocation_that_the_kernel_knows),
		cmocka_unit_test(a_revocation_that_it_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
