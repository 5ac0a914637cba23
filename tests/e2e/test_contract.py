# SPDX-License-Identifier: Apache-2.0
"""Bad input gets the contract's status, an error that says what is wrong, and nothing about the inside."""
import concurrent.futures
import re
import socket

import pytest

from clients import UNKNOWN_KEY, Browser, Connection, ask, build_request, check, guard_request
from lab import wait_until

FORM = {"content_type": "application/x-www-form-urlencoded"}
EVERY_ANSWER = ("X-Request-ID", "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options",
                "Referrer-Policy", "Cache-Control")
LEAKS = re.compile(rb"userspace/|\.c:\d|sqlite|errno|Traceback|/tmp/|0x[0-9a-f]{6}", re.I)


def one(network, raw):
    """The answer to these bytes."""
    with Connection(network) as connection:
        return connection.send(raw).reply()


@pytest.fixture(params=["s0", "none"], ids=["kernel", "userspace"])
def served(request, make_daemon):
    """Both halves have to judge alike."""
    daemon = make_daemon(interface=request.param).start()
    return daemon.create_key(daemon.create_tenant())[0]


BODIES = [
    (b"", 400, "Body must be valid JSON"),
    (b"{", 400, "Body must be valid JSON"),
    (b'{"text":"\xff\xfe"}', 400, "Body must be valid JSON"),
    (b'{"text":"\xed\xa0\x80"}', 400, "Body must be valid JSON"),
    (b"[" * 100000, 400, "Body must be valid JSON"),
    (b'{"text":"a"} x', 400, "Body must be valid JSON"),
    (b"{}", 400, "Field 'text' must be a string"),
    (b'{"text":1}', 400, "Field 'text' must be a string"),
    (b'{"text":null}', 400, "Field 'text' must be a string"),
    (b"[]", 400, None),
    (b'"text"', 400, None),
    (b"null", 400, None),
]


@pytest.mark.parametrize("path", ["/v1/guard/check", "/v1/guard/output"])
def test_bodies_of_guard_calls(network, served, path):
    for body, status, detail in BODIES:
        reply = ask(network, "POST", path, body, key=served)
        assert reply.status == status, (body[:40], reply)
        assert isinstance(reply.json()["detail"], str)
        assert detail is None or reply.json()["detail"] == detail, body[:40]
        assert not LEAKS.search(reply.body)


@pytest.mark.parametrize("body", [
    b'{"text":"hi","other":[1,{}]}',
    b'\xef\xbb\xbf{"text":"hi"}',
    '{"text":"hi"}'.encode("utf-16"),
    '{"text":"hi"}'.encode("utf-32"),
    '{"text":"\u00e4\U0001f600"}'.encode(),
    b'{"text":"a\\u0000b"}',
    b'{"text":""}',
    b'{"text":"a","text":"b"}',
    b'{"text":"half an emoji \\ud83d"}',
], ids=["members", "bom", "utf-16", "utf-32", "utf-8", "nul", "empty", "twice", "half"])
def test_bodies_that_are_fine(network, daemon, key, body):
    assert ask(network, "POST", "/v1/guard/check", body, key=key).status == 200


def test_empty_text_is_uncertain(network, daemon, key):
    intent = check(network, key, " \n ").json()["intent"]
    assert (intent["class"], intent["confidence"], intent["signals"]) == ("UNCERTAIN", 0.3, ["empty_input"])


def test_keys_that_are_none(network, served):
    body = b'{"text":"x"}'
    for headers in ({}, {"authorization": ""}, {"authorization": "Bearer"}, {"authorization": "Bearer "},
                    {"authorization": "Basic " + served}, {"authorization": "Bearer axfw_"},
                    {"authorization": "Bearer " + served[:-1]}, {"authorization": "Bearer " + served + "x"},
                    {"authorization": "Bearer " + UNKNOWN_KEY}, {"authorization": "Bearer " + served.upper()},
                    {"x_api_key": UNKNOWN_KEY}, {"cookie": "session=" + served},
                    {"authorization": "Bearer axfw_" + "\u00e4" * 20}, {"authorization": "Bearer " + "a" * 4000}):
        with Connection(network) as connection:
            raw = build_request("POST", "/v1/guard/check", body, **headers)
            reply = connection.send(raw).reply()
        assert reply.status == 401, headers
        assert reply.json() == {"detail": "Invalid or missing API key"}
        assert "WWW-Authenticate" not in reply.headers


def test_keys_in_all_their_forms(network, served):
    body = b'{"text":"x"}'
    for headers in ({"authorization": "Bearer " + served}, {"authorization": "bearer " + served},
                    {"authorization": "Bearer    " + served + "  "}, {"authorization": served}, {"x_api_key": served}):
        assert ask(network, "POST", "/v1/guard/check", body, **headers).status == 200, headers


def raw_request(*lines, body=b""):
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def malformed(key):
    """Requests that must be 400 (or what (status, bytes) says) and the end of the connection, whoever looks at
    them first."""
    line, host, auth = "POST /v1/guard/check HTTP/1.1", "Host: a", f"Authorization: Bearer {key}"
    body = b'{"text":"x"}'
    length = f"Content-Length: {len(body)}"
    return {
        "both framings": raw_request(line, host, auth, length, "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        "two lengths": raw_request(line, host, auth, length, "Content-Length: 3", body=body),
        "the same length twice": raw_request(line, host, auth, length, length, body=body),
        "two hosts": raw_request(line, host, "Host: b", auth, length, body=body),
        "no host": raw_request(line, auth, length, body=body),
        "two keys": raw_request(line, host, auth, auth, length, body=body),
        "two x-api-keys": raw_request(line, host, f"x-api-key: {key}", f"X-API-Key: {key}", length, body=body),
        "a NUL in a value": raw_request(line, host, auth + "\0", length, body=body),
        "a NUL in a name": raw_request(line, host, auth, "X\0Y: z", length, body=body),
        "length not a number": raw_request(line, host, auth, "Content-Length: abc", body=body),
        "length negative": raw_request(line, host, auth, "Content-Length: -1", body=body),
        "length with a plus": raw_request(line, host, auth, f"Content-Length: +{len(body)}", body=body),
        "a space before the colon": raw_request(line, host, auth, f"Content-Length : {len(body)}", body=body),
        "no such line": b"complete nonsense\r\n\r\n",
        "no blank in the line": b"garbage\r\n\r\n",
        "no version": b"GET /healthz\r\n\r\n",
        "HTTP/0.9": (505, b"GET /healthz HTTP/0.9\r\n\r\n"),
        "HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\n\r\n",
        "a header without a colon": raw_request(line, host, auth, "nonsense"),
        "a chunk size that is none": raw_request(line, host, auth, "Transfer-Encoding: chunked", body=b"zz\r\n"),
        "a target of 20 KiB": (414, raw_request("GET /" + "a" * 20480 + " HTTP/1.1", host)),
        "a header of 40 KiB": (431, raw_request(line, host, auth, "X: " + "a" * 40960)),
    }


@pytest.mark.parametrize("name", malformed("").keys())
def test_malformed_http(network, served, name):
    with Connection(network) as connection:
        row = malformed(served)[name]
        status, raw = row if isinstance(row, tuple) else (400, row)
        reply = connection.send(raw).reply()
        assert reply.status == status, reply
        assert isinstance(reply.json()["detail"], str)
        assert set(EVERY_ANSWER) <= set(reply.headers), "an answer of the library's own"
        assert not LEAKS.search(reply.body)
        assert connection.at_end(), "the connection ends: what follows can't be told apart"


def test_nothing_is_smuggled(network, served):
    """The bytes that one reading takes for a second request are never answered as one."""
    inner = guard_request(served)
    raw = raw_request("POST /v1/guard/check HTTP/1.1", "Host: a", f"Authorization: Bearer {served}",
                      f"Content-Length: {5 + len(inner)}", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + inner)
    with Connection(network) as connection:
        reply = connection.send(raw).reply()
        assert reply.status == 400
        assert connection.at_end()


def test_size_limits(network, served):
    def sized(length, **parts):
        body = b'{"text":"' + b"a" * (length - 11) + b'"}'
        return ask(network, "POST", "/v1/guard/check", body, **parts)
    assert sized(262144, key=served).status == 200
    for key in (served, UNKNOWN_KEY, None):  # size comes before the key
        reply = sized(262145, key=key)
        assert reply.status == 413
        assert reply.json() == {"error": "request body too large", "limit_bytes": 262144}
    assert ask(network, "POST", "/no/such/path", b"a" * 1048577).status == 413


def test_size_limit_of_chunked_bodies(network, served):
    head = raw_request("POST /v1/guard/check HTTP/1.1", "Host: a", f"Authorization: Bearer {served}",
                       "Transfer-Encoding: chunked")
    with Connection(network) as connection:
        connection.send(head + b"d\r\n" + b'{"text":"hi"}' + b"\r\n0\r\n\r\n")
        assert connection.reply().status == 200
        connection.send(head)
        try:
            for _ in range(300):
                connection.send(b"400\r\n" + b"a" * 1024 + b"\r\n")
        except OSError:
            pass  # refused in the middle, as it may
        else:
            assert connection.reply().status == 413


def test_paths_and_methods(network, served):
    reply = ask(network, "GET", "/no/such/path")
    assert (reply.status, reply.json()) == (404, {"detail": "Not Found"})
    reply = ask(network, "GET", "/v1/guard/check")
    assert (reply.status, reply.json(), reply.headers["Allow"]) == (405, {"detail": "Method Not Allowed"}, "POST")
    assert ask(network, "DELETE", "/healthz").status == 405
    assert ask(network, "OPTIONS", "/healthz").status == 405
    reply = ask(network, "POST", "/v1/guard/check/", b"{}", key=served)
    assert reply.status == 307 and reply.headers["Location"].endswith("/v1/guard/check")


def test_a_half_closed_client_is_answered_and_let_go(network, daemon, key):
    """It ends its side with the request: it is served, and nobody keeps its connection until the idle limit."""
    for _ in range(5):
        with Connection(network) as connection:
            connection.send(guard_request(key))
            connection.socket.shutdown(socket.SHUT_WR)
            assert connection.reply().status == 200
            assert connection.at_end()
    wait_until(lambda: not network.sockets(network.server), "the server's sockets are gone")


def test_health(network, served):
    assert ask(network, "GET", "/healthz").json() == {"status": "ok"}
    assert ask(network, "GET", "/readyz").json() == {"status": "ready"}


def test_request_ids(network, served):
    assert re.fullmatch("[0-9a-f]{16}", ask(network, "GET", "/healthz").headers["X-Request-ID"])
    assert ask(network, "GET", "/healthz", x_request_id="abc-1").headers["X-Request-ID"] == "abc-1"
    # A request that brings its own is userspace's: only it can echo.
    reply = ask(network, "POST", "/v1/guard/check", b'{"text":"x"}', key=UNKNOWN_KEY, x_request_id="mine")
    assert (reply.status, reply.by_kernel, reply.headers["X-Request-ID"]) == (401, False, "mine")
    assert "X-Request-ID" in ask(network, "GET", "/no/such/path").headers


def test_forms_with_missing_fields(network, served):
    reply = ask(network, "POST", "/signup", b"password=12345678", **FORM)
    assert reply.status == 422
    assert [entry["loc"] for entry in reply.json()["detail"]] == [["body", "email"]]
    reply = ask(network, "POST", "/login", b"email=&password=", **FORM)
    assert reply.status == 422
    assert [entry["loc"][1] for entry in reply.json()["detail"]] == ["email", "password"]
    assert ask(network, "POST", "/signup", b'{"email":"a@b.c","password":"12345678"}',
               content_type="application/json").status == 422


def test_multipart_forms(network, daemon):
    body = b"".join(b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % field
                    for field in ((b"email", b"ada@example.org"), (b"password", b"correct horse"))) + b"--B--\r\n"
    reply = ask(network, "POST", "/signup", body, content_type="multipart/form-data; boundary=B")
    assert (reply.status, reply.headers["Location"]) == (303, "/dashboard")


@pytest.mark.parametrize("body, sentence", [
    (b"email=ada@example.org&password=short", "Password must be at least 8 characters."),
    (b"email=ada@example.org&password=" + b"%C3%A4" * 7, "Password must be at least 8 characters."),
    (b"email=not-an-address&password=12345678", None),
    (b"email=%ff%fe@example.org&password=12345678", None),
    (b"email=a%00b@example.org&password=12345678", None),
    (b"email=" + b"a" * 300 + b"@example.org&password=12345678", None),
    (b"email=a@example.org&password=" + b"a" * 2000, None),
    (b"email=%zz&password=12345678", None),
])
def test_bad_signup_forms(network, daemon, body, sentence):
    reply = ask(network, "POST", "/signup", body, **FORM)
    assert reply.status in (400, 422), reply
    assert sentence is None or sentence in reply.text()
    assert not LEAKS.search(reply.body)
    assert daemon.status()["tenants"] == 0


def test_full_window_comes_before_missing_fields(network, daemon):
    for number in range(5):
        Browser(network).sign_up(f"u{number}@example.org")
    reply = ask(network, "POST", "/signup", b"", x_request_id="userspace", **FORM)
    assert (reply.status, reply.by_kernel) == (429, False)


def test_sixth_of_twenty_at_once(network, daemon):
    with concurrent.futures.ThreadPoolExecutor(20) as many:
        statuses = list(many.map(lambda n: Browser(network).post("/signup", email=f"u{n}@example.org",
                                                                 password="correct horse").status, range(20)))
    assert (statuses.count(303), statuses.count(429)) == (5, 15)


@pytest.mark.parametrize("cookie", ["session=", "session=null", "session=AAAA", "session=" + "A" * 4000,
                                    "session=%00", "session=\xff", "=;;=", "session=a; session=b"])
def test_bad_cookies_are_logged_out(network, daemon, cookie):
    raw = f"GET /dashboard HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n".encode("latin-1")
    reply = one(network, raw)
    assert (reply.status, reply.headers["Location"]) == (303, "/login")


def test_client_address_is_nobodys_word(network, daemon):
    """X-Forwarded-For counts from trusted proxies only."""
    for number in range(5):
        assert ask(network, "POST", "/signup", b"email=u%d@example.org&password=12345678" % number,
                   x_forwarded_for=f"192.0.2.{number}", **FORM).status == 303
    reply = ask(network, "POST", "/signup", b"email=x@example.org&password=12345678", x_forwarded_for="192.0.2.9", **FORM)
    assert reply.status == 429


def test_cors_is_off_by_default(network, daemon):
    reply = ask(network, "GET", "/healthz", origin="https://a.example.org")
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]


def test_cors(network, make_daemon):
    make_daemon(environment={"AXIOM_FIREWALL_CORS_ORIGINS": "https://a.example.org"}).start()

    def preflight(origin):
        return ask(network, "OPTIONS", "/v1/guard/check", origin=origin, access_control_request_method="POST")
    reply = preflight("https://a.example.org")
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, "https://a.example.org")
    reply = preflight("https://b.example.org")
    assert reply.status == 400 and "Access-Control-Allow-Origin" not in reply.headers
    # A browser has to be able to read a refusal too, so it is userspace's.
    reply = ask(network, "POST", "/v1/guard/check", b'{"text":"x"}', key=UNKNOWN_KEY, origin="https://a.example.org")
    assert (reply.status, reply.by_kernel) == (401, False)
    assert reply.headers["Access-Control-Allow-Origin"] == "https://a.example.org"


def test_quota_of_the_free_tier(network, daemon):
    """The thousandth call is served, the next is not; soon the kernel says so itself."""
    key, _ = daemon.create_key(daemon.create_tenant(tier="free"))
    with Connection(network) as connection:
        for _ in range(1000):
            assert connection.send(guard_request(key)).reply().status == 200
        reply = connection.send(guard_request(key)).reply()
        assert (reply.status, reply.by_kernel) == (429, False)
        said = reply.json()
        assert (said["used"], said["limit"]) == (1000, 1000)
        assert said["retry_after_seconds"] == int(reply.headers["Retry-After"])
        assert said["detail"].startswith("Monthly quota exhausted for the free tier (1000/1000 calls).")
    reply = check(network, key)
    assert (reply.status, reply.by_kernel) == (429, True)
    assert reply.json().keys() == said.keys() and reply.json()["limit"] == 1000
    assert daemon.counters()["QUOTA_EXHAUSTED"] == 1


def test_quota_is_exact_when_calls_are_parallel(network, make_daemon):
    daemon = make_daemon(interface="none").start()
    key, _ = daemon.create_key(daemon.create_tenant(tier="free"))

    def calls(_):
        with Connection(network) as connection:
            return [connection.send(guard_request(key)).reply().status for _ in range(150)]
    with concurrent.futures.ThreadPoolExecutor(8) as many:
        statuses = sum(many.map(calls, range(8)), [])
    assert (statuses.count(200), statuses.count(429)) == (1000, 200)
