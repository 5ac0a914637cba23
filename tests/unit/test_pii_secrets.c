// SPDX-License-Identifier: Apache-2.0
/* Keys, tokens and passwords, and what only looks like them. The keys are examples from their
 * issuers' documentation or made up, and written in two pieces: others look through repositories
 * for them. */
#include "pii_fixture.h"

static const struct row secrets[] = {
	{ PII_SECRET, "{{AKIA"
		      "IOSFODNN7EXAMPLE}}" },
	{ PII_SECRET, "token {{ghp_"
		      "16C7e42F292c6912E7710c838347Ae178B4a}}" },
	{ PII_SECRET, "{{github_"
		      "pat_11ABCDEFG0aBcDeFgHiJkL_mN0pQrStUvWxYz1234567890abcdefghijklmnop}}" },
	{ PII_SECRET, "{{xoxb"
		      "-263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1}}" },
	{ PII_SECRET, "stripe: {{sk_"
		      "live_4eC39HqLyjWDarjtT1zdp7dc}}," },
	{ PII_SECRET, "OPENAI_API_KEY={{sk-"
		      "proj-a8Xk29sLq0PzR4mTn6Vb7WcY3eUd1fGh}}" },
	{ PII_SECRET, "{{sk-"
		      "ant-api03-Zx81kQp0Lm4nB7vC2aS9dF3gH6jK5lW8eR}}" },
	{ PII_SECRET, "{{AIza"
		      "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe}}" },
	{ PII_SECRET, "x-api-key: {{axfw_"
		      "k3Jq9vX0aB7cD2eF5gH8iJ1kL4mN6oP9qR2sT5uV8wX}}" },
	{ PII_SECRET, "{{hf_"
		      "aBcD3fGhIjKlMn0pQrStUvWxYz12345678}}" },
	{ PII_SECRET, "{{glpat-"
		      "a1B2c3D4e5F6g7H8i9J0}}" },
	{ PII_SECRET, "{{SG."
		      "ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr}}" },
	{ PII_SECRET,
	  "Bearer {{eyJ"
	  "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P}}" },
	{ PII_SECRET, "key:\n{{-----BEGIN RSA PRIVATE"
		      " KEY-----\nMIIEow+/=\nabc\n-----END RSA PRIVATE KEY-----}}\nend" },
	{ PII_SECRET, "{{-----BEGIN PRIVATE"
		      " KEY-----\nMIIEow}}" },
	{ PII_SECRET, "password: {{Hunter2!}}" },
	{ PII_SECRET, "my password is {{hunter2}}, don't tell" },
	{ PII_SECRET, "Passwort: {{P4ssw0rd}}" },
	{ PII_SECRET, "DB_PASSWORD=\"{{s3cr3t_Value}}\"" },
	{ PII_SECRET, "aws_secret_access_key = {{wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}}" },
	{ PII_SECRET, "\"api_key\": \"{{8f14e45fceea167a5a36dedd4bea2543}}\"" },
	{ PII_SECRET, "Authorization: Basic {{dXNlcjpwYXNzd29yZA==}}" },
	{ PII_SECRET, "пароль: {{123456}}" },
	{ PII_SECRET, "my API key is {{a8Xk29sLq0PzR4mTn6Vb7WcY}}" },
	{ PII_SECRET, "{{postgres://app:s3cr3t@db.example.com/app}}" },
	{ PII_SECRET, "{{https://example.com/cb?token=a8Xk29sLq0PzR4mT&x=1}}" },
};

static const struct row others[] = {
	{ PII_SECRET, "password = getpass(); password: string; password=self.password" },
	{ PII_SECRET, "token = tokens[0]; token: null; \"password\": \"your_password1\"" },
	{ PII_SECRET, "secret santa, the secret of success: hard work; password: ********" },
	{ PII_SECRET,
	  "max tokens: 4096; token = \"access_token\"; api_key = os.environ[\"KEY1\"]" },
	{ PII_SECRET, "AKIAIOSFODNN7EXAMPL, ghp_short1, sk-learn-is-a-library-for-python" },
	{ PII_SECRET, "sk-xxxxxxxxxxxxxxxxxxxxxxxx ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ PII_SECRET, "if password == other.password123; how to get to 100%; the key is 12345" },
	{ PII_SECRET, "commit 9fceb02d0ae598e95dc970b74767f19372d61af8" },
	{ PII_SECRET, "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----" },
	{ PII_SECRET, "getElementById2WithAVeryLongName, a_long_identifier_2" },
	{ PII_SECRET, "eyJhbGciOiJIUzI1NiJ9 alone, eyJx.y.z" },
};

static void finds_secrets(void **state)
{
	check_rows(secrets, ARRAY_SIZE(secrets));
}

static void leaves_others(void **state)
{
	check_rows(others, ARRAY_SIZE(others));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_secrets),
		cmocka_unit_test(leaves_others),
	};

	return cmocka_run_group_tests(tests, pii_setup, pii_teardown);
}
