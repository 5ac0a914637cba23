// SPDX-License-Identifier: Apache-2.0
/*
 * Secrets that a name gives away: password = "…", API_KEY: …, "Authorization: Bearer …", "my
 * password is …". Programs are full of such names with no secret behind them (a call, a variable, a
 * type, a placeholder), so the value has to look like one.
 */
#include "pii/scan.h"

#define JUDGED_MAX    64 /* bytes of a value that say whether it is a secret */
#define PASSWORD_MIN  4
#define TOKEN_MIN     8
#define SAID_BACK_MAX 32 /* bytes of a password before its first digit */
#define SAID_WINDOW   32

/* What names of secrets end with, without case. */
static const struct {
	const char *ending;
	uint8_t len;
	bool password; /* that people choose: short, or digits only */
} names[] = {
#define PASSWORD(s)                                                                                \
	{                                                                                          \
		s, sizeof(s) - 1, true                                                             \
	}
#define KEY(s)                                                                                     \
	{                                                                                          \
		s, sizeof(s) - 1, false                                                            \
	}
	PASSWORD("password"),	PASSWORD("passwd"),
	PASSWORD("pwd"),	PASSWORD("passphrase"),
	PASSWORD("passcode"),	PASSWORD("passwort"),
	PASSWORD("kennwort"),	PASSWORD("contraseña"),
	PASSWORD("senha"),	PASSWORD("mot de passe"),
	PASSWORD("wachtwoord"), PASSWORD("пароль"),
	PASSWORD("密码"),	KEY("secret"),
	KEY("token"),		KEY("apikey"),
	KEY("api_key"),		KEY("api-key"),
	KEY("api key"),		KEY("access_key"),
	KEY("access-key"),	KEY("accesskey"),
	KEY("access key"),	KEY("secret_key"),
	KEY("secretkey"),	KEY("secret-key"),
	KEY("secret key"),	KEY("private_key"),
	KEY("privatekey"),	KEY("auth_key"),
	KEY("account_key"),	KEY("accountkey"),
	KEY("credentials"),	KEY("authorization"),
#undef PASSWORD
#undef KEY
};

/* What stands where a secret would. */
static const char *const placeholders[] = {
	"password", "your",  "example", "xxx",	"***",	"changeme", "placeholder",
	"insert",   "enter", "<",	"${",	"{{",	"%",	    "...",
	"process.", "os.",   "env",	"none", "null", "sha256",   "sha1",
	"sha512",   "md5",   "base64",	"utf",	"aes",	"bcrypt"
};

static bool same_letters(const uint8_t *text, const char *lower, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (to_lower(text[i]) != (uint8_t)lower[i])
			return false;
	}
	return true;
}

/* Index of the name that ends at this place, or -1. */
static int name_before(const struct scan *s, size_t end)
{
	uint8_t last = to_lower(byte_before(s, end));

	if (!is_letter(last) && last < 0x80)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = names[i].len;

		if ((uint8_t)names[i].ending[len - 1] == last && len <= end &&
		    same_letters(s->text + end - len, names[i].ending, len))
			return (int)i;
	}
	return -1;
}

static bool is_placeholder(const uint8_t *value, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++) {
		size_t n = strlen(placeholders[i]);

		if (len >= n && same_letters(value, placeholders[i], n))
			return true;
	}
	return false;
}

/* Has it a password's or a key's mixture? */
static bool is_secret(const uint8_t *value, size_t len, bool password, bool quoted)
{
	size_t digits = 0, letters = 0, marks = 0;

	if (len < (password ? PASSWORD_MIN : TOKEN_MIN) || is_placeholder(value, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		digits += is_digit(value[i]);
		letters += is_letter(value[i]) || value[i] >= 0x80;
		marks += value[i] && strchr("!@#$%^&*+?", value[i]);
		/* calls, subscripts and members are programs */
		if (!quoted && strchr("([{", value[i]))
			return false;
		if (!quoted && i && value[i] == '.' && i + 1 < len && is_letter(value[i + 1]) &&
		    !password)
			return false;
	}
	if (digits == len)
		return password;
	return digits ? letters || marks : password && marks && letters && marks < letters;
}

/* Ends a value that isn't quoted. */
static bool is_stop(uint8_t c)
{
	switch (c) {
	case '"':
	case '\'':
	case '`':
	case ',':
	case ';':
	case '<':
	case '>':
	case ')':
		return true;
	default:
		return false;
	}
}

static size_t value_end(const struct scan *s, size_t begin, uint8_t quote, size_t max)
{
	size_t end = begin;

	while (end - begin < max && byte_at(s, end) > ' ') {
		uint8_t c = s->text[end];

		if (quote ? c == quote : is_stop(c) || (c == '&' && end < s->url_end))
			break;
		end++;
	}
	while (!quote && end > begin && strchr(".:?", s->text[end - 1]))
		end--;
	return end;
}

static size_t skip_blanks(const struct scan *s, size_t at)
{
	for (unsigned i = 0; i < 3 && (byte_at(s, at) == ' ' || byte_at(s, at) == '\t'); i++)
		at++;
	return at;
}

/* The scheme of an Authorization header. */
static size_t skip_scheme(const struct scan *s, size_t at)
{
	if (text_has(s, at, "Bearer ", 7))
		return at + 7;
	return text_has(s, at, "Basic ", 6) ? at + 6 : at;
}

bool assigned_at(const struct scan *s, size_t sign, struct pii_span *ret)
{
	size_t end = sign, begin = sign + 1;
	bool compared;
	uint8_t quote;
	int name;

	while (end > 0 && sign - end < 3 && strchr(" \"'`]*", s->text[end - 1]) && s->text[end - 1])
		end--;
	name = name_before(s, end);
	if (name < 0)
		return false;
	compared = byte_at(s, begin) == '=';
	if (byte_at(s, begin) == '=' || byte_at(s, begin) == '>' || byte_at(s, begin) == '*')
		begin++;
	begin = skip_scheme(s, skip_blanks(s, begin));
	quote = byte_at(s, begin);
	quote = quote == '"' || quote == '\'' || quote == '`' ? quote : 0;
	begin = skip_scheme(s, begin + (quote != 0));
	end = value_end(s, begin, quote, JUDGED_MAX);
	/* "password == other" names no value */
	if (compared && !quote)
		return false;
	if (!is_secret(s->text + begin, end - begin, names[name].password, quote != 0))
		return false;
	if (end - begin == JUDGED_MAX)
		end = value_end(s, begin, quote, s->len);
	if (quote && byte_at(s, end) != quote)
		return false;
	span_set(ret, PII_SECRET, begin, end);
	return true;
}

bool said_at(const struct scan *s, size_t digit, struct pii_span *ret)
{
	static const char *const verbs[] = { " is ", " was ", " ist ", " es ", " est " };
	size_t begin = digit, end;
	bool said = false;

	while (digit - begin < SAID_BACK_MAX && byte_before(s, begin) > ' ')
		begin--;
	if (byte_before(s, begin) != ' ' || begin < 2 || !is_letter(s->text[begin - 2]))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(verbs) && !said; i++) {
		size_t len = strlen(verbs[i]);

		said = begin >= len && !memcmp(s->text + begin - len, verbs[i], len);
	}
	if (!said ||
	    !(words_before(s, begin, SAID_WINDOW, WORD_PASSWORD | WORD_NUMBER) & WORD_PASSWORD))
		return false;
	begin += byte_at(s, begin) == '"' || byte_at(s, begin) == '\'' || byte_at(s, begin) == '`';
	end = value_end(s, begin, 0, JUDGED_MAX);
	if (!is_secret(s->text + begin, end - begin, true, true))
		return false;
	span_set(ret, PII_SECRET, begin, end);
	return true;
}
