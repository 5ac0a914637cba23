# SPDX-License-Identifier: Apache-2.0
"""Sessions live on the server: they end when they should, and nothing secret rides in the cookie."""
import base64
import re

from clients import Browser, check, find_recovery_code, find_secret, page_forms


def logged_in(person):
    reply = person.get("/dashboard")
    if reply.status == 303:
        assert reply.headers["Location"] == "/login"
    return reply.status == 200


def copy_of(person):
    other = Browser(person.network, person.host)
    other.cookies = dict(person.cookies)
    return other


def test_log_in_and_out(network, daemon):
    person = Browser(network)
    person.sign_up()
    thief = copy_of(person)
    assert logged_in(person) and logged_in(thief)
    reply = person.submit("/dashboard", "/logout")
    assert (reply.status, reply.headers["Location"]) == (303, "/")
    assert not logged_in(person)
    assert not logged_in(thief), "a copied cookie ends with the session"

    assert person.log_in(password="wrong horse").status == 401
    assert not logged_in(person)
    reply = person.log_in()
    assert (reply.status, reply.headers["Location"]) == (303, "/dashboard")
    assert logged_in(person)


def test_unknown_account_and_wrong_password_look_alike(network, daemon):
    Browser(network).sign_up()
    wrong = Browser(network).log_in(password="wrong horse")
    unknown = Browser(network).log_in(email="nobody@example.org")
    assert wrong.status == unknown.status == 401
    assert "Invalid email or password." in wrong.text() and "Invalid email or password." in unknown.text()


def test_e_mail_is_trimmed_and_lower_cased(network, daemon):
    Browser(network).sign_up("  Ada@Example.ORG ")
    assert Browser(network).log_in("ada@example.org").status == 303
    assert "already exists" in Browser(network).sign_up("ADA@example.org").text()


def test_rotating_the_session_secret_logs_everyone_out(network, daemon):
    people = [Browser(network) for _ in range(3)]
    for number, person in enumerate(people):
        assert person.sign_up(f"u{number}@example.org").status == 303
    daemon.stop()
    daemon.start()
    assert all(logged_in(person) for person in people), "a restart alone ends no session"
    daemon.stop()
    daemon.environment["AXIOM_FIREWALL_SESSION_SECRET"] = "another secret, as long as it has to be"
    daemon.start()
    assert not any(logged_in(person) for person in people)
    assert people[0].log_in("u0@example.org").status == 303


def test_nothing_secret_is_in_the_cookie(network, daemon):
    """The recovery code and a new key wait on the server for the next page, and are shown once."""
    person = Browser(network)
    cookies = person.sign_up().headers.get_all("Set-Cookie")
    code = find_recovery_code(copy_of(person).get("/dashboard").text())
    assert code
    cookies += person.submit("/dashboard", "/dashboard/keys", name="k").headers.get_all("Set-Cookie") or []
    secret = find_secret(person.get("/dashboard").text())
    for cookie in cookies:
        value = cookie.split(";")[0].split("=", 1)[1]
        shown = value.encode() + b"".join(base64.urlsafe_b64decode(part + "===") for part in re.split(r"[.~]", value)
                                          if len(part) % 4 != 1)
        assert code.encode() not in shown and secret.encode() not in shown


def test_cookie_attributes(network, daemon):
    cookie = Browser(network).sign_up().headers["Set-Cookie"].lower()
    assert cookie.startswith("session=")
    for attribute in ("path=/", "max-age=1209600", "httponly", "samesite=lax"):
        assert attribute in cookie
    assert "secure" not in cookie


def test_forms_need_their_token(network, daemon):
    person = Browser(network)
    person.sign_up()
    assert person.post("/dashboard/keys", name="forged").status == 403
    assert person.post("/dashboard/keys", name="forged", csrf="0" * 43, csrf_token="0" * 43).status == 403
    assert person.create_key("real")
    page = person.get("/dashboard").text()
    assert "real" in page and "forged" not in page


def test_revoking_wants_the_keys_name(network, daemon):
    person = Browser(network)
    person.sign_up()
    key = person.create_key("precious")
    action, = person.revoke_actions()
    person.submit("/dashboard", action, confirm="another")
    assert person.revoke_actions() == [action] and check(network, key).status == 200
    person.submit("/dashboard", action, confirm="precious")
    assert person.revoke_actions() == [] and check(network, key).status == 401


def test_key_names_are_escaped(network, daemon):
    person = Browser(network)
    person.sign_up()
    person.create_key("<script>alert(1)</script>")
    page = person.get("/dashboard").text()
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page


def test_nobody_revokes_anothers_key(network, daemon):
    owner, other = Browser(network), Browser(network)
    owner.sign_up("owner@example.org")
    other.sign_up("other@example.org")
    owner.create_key()
    other.create_key()
    action, = owner.revoke_actions()
    # Other's own token, owner's key.
    mine, = other.revoke_actions()
    hidden = page_forms(other.get("/dashboard").text())[mine]
    assert other.post(action, confirm="test", **hidden).status == 303
    assert "already revoked or doesn&#39;t belong" in other.get("/dashboard").text().replace("'", "&#39;")
    assert owner.revoke_actions() == [action]


def test_pages_carry_security_headers(network, daemon):
    reply = Browser(network).get("/login")
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src" in policy and "unsafe-inline" not in policy.split("style-src")[0]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in policy or reply.headers["X-Frame-Options"] == "DENY"
    assert reply.headers["Referrer-Policy"]
    assert "Strict-Transport-Security" not in reply.headers, "plain http"
    assert not re.search(r"<script(?![^>]*\bsrc=)", reply.text()), "no inline script"
