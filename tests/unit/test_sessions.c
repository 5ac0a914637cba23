/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: opened, found, shown something once, ended; what a copied cookie or registry is worth.
 */
#include "identity_fixture.h"

static uint32_t tenant;

static int setup_tenant(void **state)
{
	if (setup(state) < 0)
		return -1;
	tenant = add_tenant(*state, "me@example.org");
	return 0;
}

static struct session open_session(struct fixture *f, const struct session_flash *flash,
				   char cookie[static SESSION_COOKIE_MAX])
{
	struct session s;

	assert_int_equal(session_open(f->identity, tenant, flash, cookie), 0);
	assert_int_equal(session_find(f->identity, cookie, &s), 0);
	return s;
}

static void a_session_lasts_over_a_restart_and_ends_at_logout(void **state)
{
	struct fixture *f = *state;
	char cookie[SESSION_COOKIE_MAX];
	struct session s = open_session(f, NULL, cookie), again;

	assert_int_equal(s.tenant, tenant);
	assert_int_equal(strlen(s.csrf), SESSION_CSRF_LEN);
	reopen_node(f);
	assert_int_equal(session_find(f->identity, cookie, &again), 0);
	assert_string_equal(again.csrf, s.csrf);
	assert_int_equal(session_close(f->identity, &s), 0);
	assert_int_equal(session_find(f->identity, cookie, &again), -ENOENT);
	assert_int_equal(session_close(f->identity, &s), 0); /* again is no error */
	reopen_node(f);
	assert_int_equal(session_find(f->identity, cookie, &again), -ENOENT);
}

static void forged_cookies_open_nothing(void **state)
{
	static const char *const forged[] = { "", ".", "null", "a.b" };
	struct fixture *f = *state;
	char cookie[SESSION_COOKIE_MAX], changed[SESSION_COOKIE_MAX + 1];
	struct session s = open_session(f, NULL, cookie);

	for (size_t n = 0; n < ARRAY_SIZE(forged); n++)
		assert_int_equal(session_find(f->identity, forged[n], &s), -ENOENT);
	for (size_t n = 0; cookie[n]; n++) {
		memcpy(changed, cookie, sizeof(cookie));
		changed[n] = changed[n] == 'A' ? 'B' : 'A';
		assert_int_equal(session_find(f->identity, changed, &s), -ENOENT);
	}
	snprintf(changed, sizeof(changed), "%sx", cookie);
	assert_int_equal(session_find(f->identity, changed, &s), -ENOENT);
	assert_int_equal(session_find(f->identity, cookie, &s), 0);
}

static void a_csrf_token_is_no_cookie(void **state)
{
	struct fixture *f = *state;
	char cookie[SESSION_COOKIE_MAX], other_cookie[SESSION_COOKIE_MAX];
	struct session s = open_session(f, NULL, cookie), other;

	assert_null(strstr(cookie, s.csrf));
	other = open_session(f, NULL, other_cookie);
	assert_string_not_equal(s.csrf, other.csrf);
}

static void another_session_secret_logs_everyone_out(void **state)
{
	struct fixture *f = *state;
	char cookie[SESSION_COOKIE_MAX];
	struct session s = open_session(f, NULL, cookie);

	close_node(f);
	open_node_as(f, "another " SECRET, true);
	assert_int_equal(session_find(f->identity, cookie, &s), -ENOENT);
}

static void all_sessions_but_one_end(void **state)
{
	struct fixture *f = *state;
	char here[SESSION_COOKIE_MAX], there[SESSION_COOKIE_MAX];
	struct session s = open_session(f, NULL, here), t = open_session(f, NULL, there);

	assert_int_equal(session_close_all(f->identity, tenant, &s), 0);
	assert_int_equal(session_find(f->identity, here, &s), 0);
	assert_int_equal(session_find(f->identity, there, &t), -ENOENT);
	assert_int_equal(session_close_all(f->identity, tenant, NULL), 0);
	assert_int_equal(session_find(f->identity, here, &s), -ENOENT);
	reopen_node(f);
	assert_int_equal(session_find(f->identity, here, &s), -ENOENT);
	assert_int_equal(session_find(f->identity, there, &t), -ENOENT);
}

static void the_oldest_session_makes_room(void **state)
{
	struct fixture *f = *state;
	char cookies[SESSIONS_MAX + 1][SESSION_COOKIE_MAX];
	struct session s;

	for (size_t n = 0; n <= SESSIONS_MAX; n++)
		assert_int_equal(session_open(f->identity, tenant, NULL, cookies[n]), 0);
	assert_int_equal(session_find(f->identity, cookies[0], &s), -ENOENT);
	for (size_t n = 1; n <= SESSIONS_MAX; n++)
		assert_int_equal(session_find(f->identity, cookies[n], &s), 0);
}

/* --- what is shown once ---------------------------------------------------------------------- */

static void a_flash_is_taken_once(void **state)
{
	const struct session_flash flash = { .recovery_code = "ABCD-EFGH" };
	const struct session_flash more = { .new_secret = "axfw_x", .notice = "n" };
	struct fixture *f = *state;
	char cookie[SESSION_COOKIE_MAX];
	struct session s = open_session(f, &flash, cookie);
	struct session_flash got;

	assert_int_equal(session_set_flash(f->identity, &s, &more), 0);
	reopen_node(f);
	assert_int_equal(session_take_flash(f->identity, &s, &got), 0);
	assert_string_equal(got.recovery_code, "ABCD-EFGH");
	assert_string_equal(got.new_secret, "axfw_x");
	assert_string_equal(got.notice, "n");
	reopen_node(f); /* forgotten on disk by the first view already */
	assert_int_equal(session_take_flash(f->identity, &s, &got), 0);
	assert_string_equal(got.recovery_code, "");
	assert_string_equal(got.new_secret, "");
	assert_int_equal(session_set_flash(f->identity, &s, &more), 0);
	assert_int_equal(session_take_flash(f->identity, &s, &got), 0);
	assert_string_equal(got.recovery_code, "");
	assert_string_equal(got.new_secret, "axfw_x");
	assert_int_equal(session_take_flash(f->identity, &s, &got), 0);
	assert_string_equal(got.new_secret, "");
}

/* The files of the directory, searched as bytes. */
static const char *needle;

static int search_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	_cleanup_(freep) char *data = malloc((size_t)st->st_size + 1);
	FILE *file = kind == FTW_F ? fopen(path, "r") : NULL;
	size_t len;
	bool found;

	if (!file)
		return 0;
	assert_non_null(data);
	len = fread(data, 1, (size_t)st->st_size, file);
	fclose(file);
	found = memmem(data, len, needle, strlen(needle)) != NULL;
	return found ? 1 : 0;
}

static bool is_on_disk(struct fixture *f, const char *text)
{
	bool found;

	needle = text;
	found = nftw(f->dir, search_file, 16, FTW_PHYS) == 1;
	needle = NULL;
	return found;
}

static void neither_token_nor_secret_is_on_disk(void **state)
{
	const struct session_flash flash = { .new_secret = "axfw_find-me-if-you-can" };
	struct fixture *f = *state;
	char cookie[SESSION_COOKIE_MAX];

	open_session(f, &flash, cookie);
	assert_true(is_on_disk(f, "me@example.org")); /* the search does find things */
	assert_false(is_on_disk(f, "axfw_find-me"));
	*strchr(cookie, '.') = '\0';
	assert_false(is_on_disk(f, cookie));
}

static void put_back(struct fixture *f, const struct session *s, uint64_t expires_us,
		     const uint8_t *flash, size_t flash_len)
{
	struct store_session row = {
		.tenant = s->tenant,
		.created_us = clock_wall_us(),
		.expires_us = expires_us,
		.flash = (uint8_t *)(uintptr_t)flash,
		.flash_len = flash_len,
	};

	memcpy(row.id, s->id, sizeof(row.id));
	assert_int_equal(store_put_session(f->store, &row), 0);
	reopen_node(f);
}

static void a_damaged_flash_is_none(void **state)
{
	static const uint8_t damaged[238] = { 1, 2, 3 };
	struct fixture *f = *state;
	char cookie[SESSION_COOKIE_MAX];
	struct session s = open_session(f, NULL, cookie);
	struct session_flash got = { .notice = "old" };

	put_back(f, &s, clock_wall_us() + 3600 * US_PER_S, damaged, sizeof(damaged));
	assert_int_equal(session_take_flash(f->identity, &s, &got), 0);
	assert_string_equal(got.notice, "");
	put_back(f, &s, clock_wall_us() + 3600 * US_PER_S, damaged, 3);
	assert_int_equal(session_take_flash(f->identity, &s, &got), 0);
}

/* --- age ------------------------------------------------------------------------------------- */

struct found {
	const uint8_t *id;
	uint64_t expires_us;
};

static void look(void *arg, const struct store_session *row)
{
	struct found *found = arg;

	if (!memcmp(row->id, found->id, sizeof(row->id)))
		found->expires_us = row->expires_us;
}

static uint64_t expires_on_disk(struct fixture *f, const struct session *s)
{
	struct found found = { .id = s->id };

	assert_int_equal(store_each_session(f->store, look, &found), 0);
	return found.expires_us;
}

static void an_expiry_slides_once_an_hour(void **state)
{
	struct fixture *f = *state;
	uint64_t age_us = SESSION_MAX_AGE_S * US_PER_S, soon_us = clock_wall_us() + 60 * US_PER_S;
	char cookie[SESSION_COOKIE_MAX];
	struct session s = open_session(f, NULL, cookie);
	uint64_t first_us = expires_on_disk(f, &s);

	assert_in_range(first_us, clock_wall_us() + age_us - 60 * US_PER_S,
			clock_wall_us() + age_us);
	identity_tick(f->identity);
	assert_int_equal(expires_on_disk(f, &s), first_us);
	put_back(f, &s, soon_us, NULL, 0);
	assert_int_equal(session_find(f->identity, cookie, &s), 0);
	assert_int_equal(expires_on_disk(f, &s), soon_us); /* a request doesn't write */
	identity_tick(f->identity);
	assert_true(expires_on_disk(f, &s) >= first_us);
}

static void an_expired_session_is_none_and_goes(void **state)
{
	struct fixture *f = *state;
	char cookie[SESSION_COOKIE_MAX];
	struct session s = open_session(f, NULL, cookie);

	put_back(f, &s, clock_wall_us() - 1, NULL, 0);
	assert_int_equal(session_find(f->identity, cookie, &s), -ENOENT);
	identity_tick(f->identity);
	assert_int_equal(expires_on_disk(f, &s), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup_tenant, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_session_lasts_over_a_restart_and_ends_at_logout),
		TEST(forged_cookies_open_nothing),
		TEST(a_csrf_token_is_no_cookie),
		TEST(another_session_secret_logs_everyone_out),
		TEST(all_sessions_but_one_end),
		TEST(the_oldest_session_makes_room),
		TEST(a_flash_is_taken_once),
		TEST(neither_token_nor_secret_is_on_disk),
		TEST(a_damaged_flash_is_none),
		TEST(an_expiry_slides_once_an_hour),
		TEST(an_expired_session_is_none_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
