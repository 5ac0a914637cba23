# SPDX-License-Identifier: Apache-2.0
"""One corpus of requests, ordinary and odd, goes to the kernel and to userspace and must be judged alike: what
the kernel answers, userspace would have answered with the same status. A request sent whole is a connection's
first payload, which the kernel may answer; one whose first byte comes in a segment of its own never is."""
import http.client
import time

import pytest

from clients import UNKNOWN_KEY, Browser, Connection
from lab import CLIENT4

CHECK = "POST /v1/guard/check HTTP/1.1"
BODY = '{"text":"What is the weather today?"}'
SEGMENT_S = 0.02  # so that the first byte is a segment of its own, and read


def request(*headers, line=CHECK, key=None, host="Host: a", length=None, body=BODY, end="\r\n"):
    lines = [line, *([host] if host else []), *([f"Authorization: Bearer {key}"] if key else []), *headers]
    if length != "":
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return (end.join(lines) + end + end + body).encode("latin-1")


def variants(key):
    """What can be odd about a request that carries this key."""
    bearer = f"Authorization: Bearer {key}"
    with_key = {"key": key}
    return {
        "plain": request(**with_key),
        "output": request(line="POST /v1/guard/output HTTP/1.1", **with_key),
        "x-api-key": request(f"x-api-key: {key}"),
        "X-API-KEY": request(f"X-API-KEY:{key}"),
        "bare": request(f"Authorization: {key}"),
        "bearer": request(f"authorization: bearer {key}"),
        "AUTHORIZATION": request(f"AUTHORIZATION:BEARER {key}"),
        "no blank": request(f"authorization:bearer {key}"),
        "key last": request("Accept: */*", "User-Agent: a/1", "Content-Type: application/json", bearer),
        "blank in x-api-key": request(f"x-api-key:  {key}"),
        "blank behind x-api-key": request(f"x-api-key: {key} "),
        "blanks before the length": request(length=f"   {len(BODY)}", **with_key),
        "seven blanks before": request(f"Authorization:{' ' * 7}Bearer {key}"),
        "eight blanks before": request(f"x-api-key:{' ' * 8}{key}"),
        "blanks around the length": request(length=f"   {len(BODY)}  ", **with_key),
        "tab before the length": request(length=f"\t{len(BODY)}", **with_key),
        "tab behind a name": request("Cookie\t: a", **with_key),
        "header without a value": request("Accept:", **with_key),
        "header of blanks": request("Accept:    ", **with_key),
        "odd X-Forwarded-For": request("X-Forwarded-For: (), 1.2.3", **with_key),
        "two X-Forwarded-Fors": request("X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", **with_key),
        "PROXY header": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + request(**with_key),
        "two blanks": request(f"Authorization: Bearer  {key}"),
        "tab": request(f"Authorization: Bearer\t{key}"),
        "blank behind": request(f"Authorization: Bearer {key} "),
        "blank before": request(f"Authorization:    Bearer {key}"),
        "Bearer in x-api-key": request(f"x-api-key: Bearer {key}"),
        "something behind": request(f"Authorization: Bearer {key} x"),
        "comma": request(f"Authorization: Bearer {key},{key}"),
        "Basic": request("Authorization: Basic YTpi"),
        "Basic and x-api-key": request("Authorization: Basic YTpi", f"x-api-key: {key}"),
        "both keys": request(bearer, f"x-api-key: {UNKNOWN_KEY}"),
        "two keys": request(bearer, f"Authorization: Bearer {UNKNOWN_KEY}"),
        "no key": request(),
        "no Host": request(host=None, **with_key),
        "two Hosts": request("Host: b", **with_key),
        "empty Host": request(host="Host:", **with_key),
        "two Content-Types": request("Content-Type: a/b", "Content-Type: a/b", **with_key),
        "two Origins": request("Origin: http://a", "Origin: http://a", **with_key),
        "Origin": request("Origin: http://a", **with_key),
        "another site": request("Sec-Fetch-Site: cross-site", **with_key),
        "X-Forwarded-For": request("X-Forwarded-For: 192.0.2.1", **with_key),
        "X-Request-ID": request("X-Request-ID: mine", **with_key),
        "Connection: close": request("Connection: close", **with_key),
        "cookie": request("Cookie: " + "a" * 600, **with_key),
        "two cookies": request("Cookie: a=b", "Cookie: a=b", **with_key),
        "two lengths": request(f"Content-Length: {len(BODY)}", **with_key),
        "length too large": request(length=262145, **with_key),
        "length far too large": request(length=99999999, **with_key),
        "length of nine digits": request(length=100000000, **with_key),
        "length of twenty digits": request(length=10 ** 20, **with_key),
        "length too large, no Host": request(length=262145, host=None, **with_key),
        "length too large, form route": request(length=1048577, line="POST /signup HTTP/1.1", **with_key),
        "length with a sign": request(length=f"+{len(BODY)}", **with_key),
        "length with zeros": request(length=f"000{len(BODY)}", **with_key),
        "length in hex": request(length="0x25", **with_key),
        "empty length": request(length="  ", **with_key),
        "no length": request(length="", body="", **with_key),
        "no body": request(body="", **with_key),
        "not JSON": request(body="{", **with_key),
        "both framings": request("Transfer-Encoding: chunked", **with_key),
        "odd coding": request("Transfer-Encoding: identity", length="", body="", **with_key),
        "blank before a colon": request("Cookie : a", **with_key),
        "no colon": request("Cookie", **with_key),
        "no name": request(": a", **with_key),
        "a parenthesis in a name": request("Coo(kie: a", **with_key),
        "a dot in a name": request("Coo.kie: a", **with_key),
        "a slash in a name": request("a/b: c", **with_key),
        "an umlaut in a name": request("\xe4: c", **with_key),
        "a long name": request("A" * 100 + ": a", **with_key),
        "folded": request("Cookie: a\r\n b", **with_key),
        "NUL": request("Cookie: a\0b", **with_key),
        "DEL": request("Cookie: a\x7fb", **with_key),
        "control": request("Cookie: a\x01b", **with_key),
        "bare LF": request("Cookie: a\nb: c", **with_key),
        "all LF": request(end="\n", **with_key),
        "bare CR": request("Cookie: a\rb", **with_key),
        "latin-1": request("Cookie: \xe4", **with_key),
        "HTTP/1.0": request(line="POST /v1/guard/check HTTP/1.0", **with_key),
        "query": request(line="POST /v1/guard/check?a=b HTTP/1.1", **with_key),
        "slash": request(line="POST /v1/guard/check/ HTTP/1.1", **with_key),
        "escaped": request(line="POST /v1/guard/%63heck HTTP/1.1", **with_key),
        "odd queries": request(line="POST /v1/guard/check?&&a=%zz&%00=;b?#c HTTP/1.1", **with_key),
        "half an escape": request(line="POST /v1/guard/check?a% HTTP/1.1", **with_key),
        "query of the other route": request(line="POST /v1/guard/output?text=x HTTP/1.1", **with_key),
        "long query": request(line="POST /v1/guard/check?" + "a" * 100 + " HTTP/1.1", **with_key),
        "query that isn't ASCII": request(line="POST /v1/guard/check?\xe4 HTTP/1.1", **with_key),
        "quoted query": request(line="POST /v1/guard/check?\"<>\\^`{|} HTTP/1.1", **with_key),
        "HTTP/1.0 with a query": request(line="POST /v1/guard/check?a HTTP/1.0", **with_key),
        "empty query": request(line="POST /v1/guard/check? HTTP/1.1", **with_key),
        "fragment": request(line="POST /v1/guard/check#a HTTP/1.1", **with_key),
        "two slashes": request(line="POST //v1/guard/check HTTP/1.1", **with_key),
        "dots": request(line="POST /v1/guard/./check HTTP/1.1", **with_key),
        "upper case": request(line="POST /V1/guard/check HTTP/1.1", **with_key),
        "two blanks in the line": request(line="POST  /v1/guard/check HTTP/1.1", **with_key),
        "absolute, https": request(line="POST https://b/v1/guard/check HTTP/1.1", **with_key),
        "absolute with a query": request(line="POST http://a/v1/guard/check?b HTTP/1.1", **with_key),
        "HTTP/1.2": request(line="POST /v1/guard/check HTTP/1.2", **with_key),
        "absolute": request(line="POST http://a/v1/guard/check HTTP/1.1", **with_key),
        "GET": request(line="GET /v1/guard/check HTTP/1.1", **with_key),
        "short key": request(key=key[:10]),
        "long key": request(key=key + "a" * 60),
        "very long key": request(key=key + "a" * 200),
        "upper-case key": request(key=key.upper()),
    }


def signups():
    form = {"line": "POST /signup HTTP/1.1", "body": "email=x%40example.org&password=12345678"}
    kind = "Content-Type: application/x-www-form-urlencoded"
    return {
        "plain": request(kind, **form),
        "no type": request(**form),
        "fields missing": request(kind, line=form["line"], body="email=x"),
        "empty": request(kind, line=form["line"], body=""),
        "another site": request(kind, "Sec-Fetch-Site: cross-site", **form),
        "same site": request(kind, "Sec-Fetch-Site: same-site", **form),
        "own page": request(kind, "Sec-Fetch-Site: same-origin", "Origin: http://a", **form),
        "another's Origin": request(kind, "Origin: http://b", **form),
        "own Origin": request(kind, "Origin: http://a", **form),
        "too large": request(kind, line=form["line"], body="", length=1048577),
        "forwarded": request(kind, "X-Forwarded-For: 192.0.2.1", **form),
        "query": request(kind, line="POST /signup?a HTTP/1.1", body=form["body"]),
    }


def forwarded(full):
    """Sign-ups through a proxy; `full` has a full window. Each of the others names a client of its own."""
    form = {"line": "POST /signup HTTP/1.1", "body": "email=x%40example.org&password=12345678"}
    lists = {
        "the client": full,
        "right-most": f"198.51.100.1, {full}",
        "left-most": f"{full}, 198.51.100.2",
        "behind a proxy": f"{full}, 10.77.0.2",
        "with a port": f"{full}:4711",
        "with an empty port": f"{full}:",
        "with half a port": f"{full}:47x",
        "mapped": f"::ffff:{full}",
        "in brackets": f"[{full}]",
        "blanks": f"   {full}  ",
        "tabs": f"\t{full}",
        "in quotes": f'"{full}"',
        "zero in front": "0" + full,
        "IPv6": "2001:db8:7::1",
        "IPv6, short": "2001:db8:8:0:1::",
        "IPv6 in brackets": "[2001:db8:9::1]:80",
        "unknown": "unknown",
        "unknown, then the client": f"unknown, {full}",
        "the client, then unknown": f"{full}, unknown",
        "empty": "",
        "comma": f"{full},",
        "many proxies": full + ", 10.77.0.2" * 40,
    }
    return {name: request(f"X-Forwarded-For: {value}", **form) for name, value in lists.items()}


def status_of(network, data, *, split):
    """(status, by the kernel?); None when the connection ends without an answer."""
    with Connection(network) as connection:
        if split:
            connection.send(data[:1])
            time.sleep(SEGMENT_S)
        try:
            reply = connection.send(data[split:]).reply()
        except (http.client.HTTPException, ConnectionError, TimeoutError):
            return None, False
        return reply.status, reply.by_kernel


def judge(network, corpus):
    """Everything that isn't judged alike, and how many the kernel answered."""
    unlike, answered = {}, 0
    for name, data in corpus.items():
        (whole, by_kernel), (split, split_by_kernel) = (status_of(network, data, split=s) for s in (False, True))
        answered += by_kernel
        if whole != split or split_by_kernel:
            unlike[name] = (whole, by_kernel, split)
    return unlike, answered


@pytest.mark.parametrize("kind", ["unknown", "active", "revoked", "exhausted"])
def test_keys_are_judged_alike(network, daemon, kind):
    tenant = daemon.create_tenant(tier="free" if kind == "exhausted" else "indie")
    secret, key_id = daemon.create_key(tenant)
    if kind == "unknown":
        secret = UNKNOWN_KEY
    if kind == "revoked":
        daemon.revoke_key(tenant, key_id)
    if kind == "exhausted":
        with Connection(network) as connection:
            statuses = {connection.send(request(key=secret)).reply().status for _ in range(1001)}
        assert 429 in statuses
    unlike, answered = judge(network, variants(secret))
    assert not unlike
    assert answered >= (3 if kind == "active" else 15), answered  # an active key, damaged, is unknown


def test_signups_are_judged_alike(network, daemon):
    for number in range(5):
        assert Browser(network).sign_up(f"u{number}@example.org").status == 303
    unlike, answered = judge(network, signups())
    assert not unlike
    assert answered >= 4, answered


def fill_window(network, client):
    for _ in range(5):
        sent = request("Content-Type: application/x-www-form-urlencoded", f"X-Forwarded-For: {client}",
                       line="POST /signup HTTP/1.1", body="email=x%40example.org&password=12345678")
        assert status_of(network, sent, split=True)[0] in (303, 400)  # made, then taken


def test_clients_of_proxies_are_judged_alike(network, make_daemon):
    make_daemon("--forwarded-allow-ips", f"{CLIENT4},10.77.0.0/24").start()
    fill_window(network, "192.0.2.7")
    fill_window(network, CLIENT4)  # whose the sign-ups are that name nobody readable
    unlike, answered = judge(network, forwarded("192.0.2.7"))
    assert not unlike
    assert answered >= 8, answered
