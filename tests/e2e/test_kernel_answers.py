# SPDX-License-Identifier: Apache-2.0
"""The kernel answers in the server's name: clients must see a clean HTTP answer and a clean close, nobody a
leftover socket, and requests that are fine must never be touched."""
import fcntl
import json
import re
import signal
import struct
import termios

import pytest

from clients import UNKNOWN_KEY, Browser, Connection, ask, build_request, check, curl, guard_request
from lab import SERVER4, SERVER6, enter, run, wait_until


pytestmark = pytest.mark.usefixtures("each_hook")


@pytest.fixture
def no_leftovers(network):
    """After the test no socket is left on either side, in whatever state."""
    yield
    for namespace in (network.server, network.client):
        wait_until(lambda: not network.sockets(namespace), f"the sockets in {namespace} are gone")


def spend_signups(network, source=None):
    for number in range(5):
        assert Browser(network, source=source).sign_up(f"u{number}@example.org").status == 303


@pytest.mark.parametrize("host", [SERVER4, SERVER6], ids=["ipv4", "ipv6"])
def test_curl_sees_a_clean_close_after_401(network, daemon, host, no_leftovers):
    status, notes, answer = curl(network, "-d", '{"text":"x"}', "-H", f"Authorization: Bearer {UNKNOWN_KEY}", host=host)
    assert status == 0, notes
    assert "x-axfw-path: kernel" in answer.lower()
    assert "Closing connection" in notes and not re.search("reset|error|left intact", notes, re.I), notes


def test_curl_sees_a_clean_close_after_429(network, daemon, no_leftovers):
    spend_signups(network)
    status, notes, answer = curl(network, "-d", "email=x@example.org&password=12345678", path="/signup")
    assert status == 0, notes
    assert "429" in answer and "x-axfw-path: kernel" in answer.lower()
    assert not re.search("reset|error|left intact", notes, re.I), notes


def test_answer_is_a_whole_http_answer(network, daemon):
    with Connection(network) as connection:
        reply = connection.send(guard_request(UNKNOWN_KEY)).reply()
        assert connection.at_end()
    assert (reply.status, reply.by_kernel) == (401, True)
    assert reply.json() == {"detail": "Invalid or missing API key"}
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Connection"] == "close"
    assert re.fullmatch("[0-9a-f]{16}", reply.headers["X-Request-ID"])


def test_loopback_in_generic_mode(network, make_daemon):
    """What `make run` attaches to."""
    daemon = make_daemon(interface="lo").start()
    interface, = daemon.status()["kernel"]["interfaces"]
    assert (interface["name"], interface["mode"], interface["answers"]) == ("lo", "generic", True)
    key, _ = daemon.create_key(daemon.create_tenant())
    for secret, status, by_kernel in ((key, 200, False), (UNKNOWN_KEY, 401, True)):
        with Connection(network, "127.0.0.1", namespace=network.server) as connection:
            reply = connection.send(guard_request(secret)).reply()
            assert (reply.status, reply.by_kernel) == (status, by_kernel)


SHORTEST = {
    "/v1/guard/check": b"POST /v1/guard/check HTTP/1.1\r\nHost:a\r\nx-api-key:axfw_1\r\nContent-Length:0\r\n\r\n",
    "/signup": b"POST /signup HTTP/1.1\r\nHost:localhost:8004\r\nContent-Length:0\r\n\r\n",
}


@pytest.mark.parametrize("path", SHORTEST)
def test_answer_longer_than_its_request(network, daemon, path, no_leftovers):
    """At XDP a veth's frame has its head and what was rounded up at its tail: neither alone is room enough for
    the shortest of requests, of whatever length in 64 bytes."""
    shortest = SHORTEST[path]
    spend_signups(network)
    for padding in range(4, 72, 4):
        request = shortest.replace(b"\r\n\r\n", b"\r\na:" + b"x" * (padding - 4) + b"\r\n\r\n", 1)
        with Connection(network) as connection:
            reply = connection.send(request).reply()
            assert reply.status in (401, 429) and reply.by_kernel, len(request)


def test_request_ids_differ(network, daemon):
    assert len({check(network, UNKNOWN_KEY).headers["X-Request-ID"] for _ in range(20)}) == 20


def test_x_api_key_is_judged_too(network, daemon):
    reply = ask(network, "POST", "/v1/guard/output", b'{"text":"x"}', x_api_key=UNKNOWN_KEY)
    assert (reply.status, reply.by_kernel) == (401, True)


def test_wrong_key_with_a_64_kib_body(network, daemon, no_leftovers):
    status, notes, answer = curl(network, "-d", json.dumps({"text": "a" * 65536}), "-H", "Expect:", "-H",
                                 f"Authorization: Bearer {UNKNOWN_KEY}")
    assert status == 0, notes
    assert "401" in answer and "x-axfw-path: kernel" in answer.lower()


def test_lost_answer_is_sent_again(network, daemon, no_leftovers):
    network.attach_peer("drop_once")
    try:
        reply = check(network, UNKNOWN_KEY)
        assert network.lost("dropped") == 1
    finally:
        network.attach_peer("pass")
    assert (reply.status, reply.by_kernel) == (401, True)
    assert daemon.counters()["FLOW_ANSWER_AGAIN"] >= 1


def test_valid_keys_pass(network, daemon, key, no_leftovers):
    for _ in range(10):
        reply = check(network, key)
        assert (reply.status, reply.by_kernel) == (200, False)
    assert daemon.counters()["KEY_ADMITTED"] == 10


def bad_request(escaped=False):
    text = guard_request(UNKNOWN_KEY).decode()
    return json.dumps(text).strip('"').encode() if escaped else text.encode()


def send_in_segments(connection, *segments):
    """Each part as a segment of its own: the next goes out when the last is acknowledged."""
    for part in segments:
        connection.send(part)
        wait_until(lambda: unacknowledged(connection) == 0, "the segment is acknowledged")


def unacknowledged(connection):
    return struct.unpack("i", fcntl.ioctl(connection.socket, termios.TIOCOUTQ, b"\0\0\0\0"))[0]


def test_bad_request_as_the_text_of_a_prompt(network, daemon, key):
    """A prompt may quote a request, and the quote may begin a segment."""
    start, end = b'{"text":"', b'"}'
    quote = bad_request(escaped=True)
    head = build_request("POST", "/v1/guard/check", key=key, content_length=len(start + quote + end))
    with Connection(network) as connection:
        send_in_segments(connection, head + start, quote, end)
        reply = connection.reply()
    assert (reply.status, reply.by_kernel) == (200, False)


def test_bad_request_verbatim_in_a_body(network, daemon, key):
    """Byte for byte a request at a segment's start: still a body. (Not JSON, so userspace says 400.)"""
    head = build_request("POST", "/v1/guard/check", key=key, content_length=len(bad_request()))
    with Connection(network) as connection:
        send_in_segments(connection, head, bad_request())
        reply = connection.reply()
        assert (reply.status, reply.by_kernel) == (400, False)
        assert connection.ask("GET", "/healthz").status == 200
    assert daemon.counters()["NO_PROOF"] >= 1


def test_slow_valid_request_followed_by_a_pipelined_bad_one(network, daemon, key):
    good = guard_request(key)
    with Connection(network) as connection:
        send_in_segments(connection, good[:20], good[20:-5], good[-5:] + bad_request())
        first, second = connection.reply(), connection.reply()
    assert (first.status, first.by_kernel) == (200, False)
    assert (second.status, second.by_kernel) == (401, False)


def test_pipelined_bad_request_at_a_segment_boundary(network, daemon, key):
    with Connection(network) as connection:
        send_in_segments(connection, guard_request(key), bad_request())
        first, second = connection.reply(), connection.reply()
    assert (first.status, first.by_kernel) == (200, False)
    assert (second.status, second.by_kernel) == (401, False)


def test_request_that_comes_byte_by_byte(network, daemon, key):
    with Connection(network) as connection:
        for byte in guard_request(key):
            connection.send(bytes([byte]))
        assert connection.reply().status == 200
    with Connection(network) as connection:
        for byte in bad_request():
            connection.send(bytes([byte]))
        assert connection.reply().status == 401


def test_refusing_goes_on_while_the_daemon_is_stopped(network, daemon):
    listening = run(*enter(network.server), "ss", "-Htln", f"src {SERVER4}")
    backlog = int(listening.split()[2])
    assert check(network, UNKNOWN_KEY).by_kernel
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(backlog + 100):
            reply = check(network, UNKNOWN_KEY)
            assert (reply.status, reply.by_kernel) == (401, True)
        assert not network.sockets(network.server)
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert ask(network, "GET", "/healthz").status == 200


def test_revoke_then_call(network, daemon):
    person = Browser(network)
    person.sign_up()
    key = person.create_key()
    assert check(network, key).status == 200
    action, = person.revoke_actions()
    assert person.submit("/dashboard", action, confirm="test").status == 303
    reply = check(network, key)
    assert (reply.status, reply.by_kernel) == (401, True)
    assert daemon.counters()["KEY_REVOKED"] == 1


def test_revoked_by_the_command_line_then_call(network, daemon):
    tenant = daemon.create_tenant()
    key, number = daemon.create_key(tenant)
    assert check(network, key).status == 200
    daemon.revoke_key(tenant, number)
    assert check(network, key).status == 401


def test_new_keys_work_at_once(network, daemon):
    """Refusing unknown keys goes on beside keys that come to life; each is used the moment it exists."""
    tenant = daemon.create_tenant()
    for number in range(30):
        assert check(network, UNKNOWN_KEY).status == 401
        key, _ = daemon.create_key(tenant, f"key {number}")
        assert check(network, key).status == 200
