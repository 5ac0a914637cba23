# SPDX-License-Identifier: Apache-2.0
"""Tiers 0 and 1 in the kernel, and what it answers for clients of proxies: with real sockets and the daemon's own
maps. What the verdict table can't see: that a connection begun with a cookie works, that a dropped SYN comes
again, that an address in the box is really silent."""
import contextlib
import socket

import pytest

from clients import UNKNOWN_KEY, Connection, build_request, check, guard_request
from lab import CLIENT4, PORT, SERVER4, SERVER6, enter, inside, run, wait_until

SIGNUP = ("POST", "/signup", b"email=x%40example.org&password=12345678")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def always_cookies(network):
    """net.ipv4.tcp_syncookies = 2 on the server."""
    run(*enter(network.server), "sysctl", "-qw", "net.ipv4.tcp_syncookies=2")
    yield
    run(*enter(network.server), "sysctl", "-qw", "net.ipv4.tcp_syncookies=1")


@pytest.mark.parametrize("host", [SERVER4, SERVER6], ids=["ipv4", "ipv6"])
def test_connections_begun_with_a_cookie(network, make_daemon, always_cookies, host):
    daemon = make_daemon("--syn-cookies").start()
    tenant = daemon.create_tenant()
    key, key_id = daemon.create_key(tenant)
    assert check(network, key, host=host).status == 200
    with Connection(network, host) as connection:  # more than a segment, twice
        for _ in range(2):
            assert connection.send(guard_request(key, "a" * 60_000)).reply().status == 200
    refused = check(network, UNKNOWN_KEY, host=host)
    assert refused.status == 401 and refused.by_kernel
    daemon.revoke_key(tenant, key_id)
    assert check(network, key, host=host).by_kernel
    assert daemon.counters()["SYN_COOKIE"] >= 4
    wait_until(lambda: not network.sockets(network.server), "every socket is gone")


def test_without_pressure_the_stack_answers(network, make_daemon):
    daemon = make_daemon("--syn-cookies").start()
    assert check(network, UNKNOWN_KEY).status == 401
    assert daemon.counters()["SYN_COOKIE"] == 0


def test_a_source_that_connects_too_fast_waits(network, make_daemon):
    daemon = make_daemon("--syn-rate", "2", "--syn-burst", "3").start()
    fast, slow = network.add_client_address(101), network.add_client_address(102)
    with contextlib.ExitStack() as kept:
        for _ in range(3):
            kept.enter_context(Connection(network, source=fast))
        assert daemon.counters()["SYN_BUDGET"] == 0
        for _ in range(3):  # dropped, and sent again after a second
            kept.enter_context(Connection(network, source=fast))
        assert daemon.counters()["SYN_BUDGET"] > 0
        before = daemon.counters()["SYN_BUDGET"]
        assert check(network, UNKNOWN_KEY, source=slow).status == 401
        assert daemon.counters()["SYN_BUDGET"] == before


def is_silent(network, source):
    """Does a SYN of that address go unanswered, not even by a reset?"""
    with inside(network.client), socket.socket() as client:
        client.bind((source, 0))
        client.settimeout(0.3)
        try:
            client.connect((SERVER4, PORT))
        except TimeoutError:
            return True
        return False


def test_the_box_is_silent(network, make_daemon):
    daemon = make_daemon("--penalty-refusals", "5", "--penalty-time", "2").start()
    bad = network.add_client_address(103)
    for _ in range(5):
        assert check(network, UNKNOWN_KEY, source=bad).by_kernel
    wait_until(lambda: is_silent(network, bad), "it is in the box")
    assert not is_silent(network, CLIENT4)
    assert daemon.counters()["DENIED_BY_PENALTY"] > 0
    wait_until(lambda: not is_silent(network, bad), "it is let out")


def test_events_beyond_the_budget_are_counted(network, make_daemon):
    daemon = make_daemon("--events-per-second", "100").start()
    key, _ = daemon.create_key(daemon.create_tenant())

    def left_out():
        with Connection(network) as connection:
            for _ in range(500):
                assert connection.send(guard_request(key)).reply().status == 200
        return daemon.metrics()["axfw_events_left_out_total"]
    wait_until(left_out, "more came than are told")
    assert daemon.metrics()["axfw_events_ring_full_total"] == 0


def test_the_operator_denies(network, make_daemon):
    daemon = make_daemon().start()
    denied = network.add_client_address(104)
    with Connection(network, source=denied) as connection:
        daemon.axfw("deny", "add", f"{denied}/32")
        assert is_silent(network, denied)
        assert daemon.counters()["DENIED_BY_OPERATOR"] > 0
        daemon.axfw("deny", "del", f"{denied}/32")
        assert connection.ask("GET", "/healthz").status == 200, "what was begun before goes on"


def test_an_allow_list_is_silent_to_others(network, make_daemon):
    daemon = make_daemon("--allow-from", CLIENT4).start()
    assert is_silent(network, network.add_client_address(105))
    assert check(network, UNKNOWN_KEY).by_kernel
    assert daemon.counters()["NOT_ALLOWED"] > 0


def sign_up(network, forwarded_for, split=False):
    data = build_request(*SIGNUP, content_type=FORM, x_forwarded_for=forwarded_for)
    with Connection(network) as connection:
        return connection.send(data).reply()


def test_a_proxys_clients_have_windows_of_their_own(network, make_daemon):
    make_daemon("--forwarded-allow-ips", CLIENT4).start()
    replies = [sign_up(network, "203.0.113.5") for _ in range(6)]
    assert [reply.status for reply in replies[:2]] == [303, 400]  # made, then taken
    assert replies[5].status == 429 and replies[5].by_kernel
    assert sign_up(network, "198.51.100.9, 203.0.113.5").by_kernel
    assert sign_up(network, "203.0.113.5, 203.0.113.6").status == 400
    assert sign_up(network, f"203.0.113.5, {CLIENT4}").by_kernel


def test_nobody_elses_header_counts(network, make_daemon):
    make_daemon("--forwarded-allow-ips", "10.77.0.99").start()
    for number in range(5):
        assert sign_up(network, f"203.0.113.{number}").status in (303, 400)
    reply = sign_up(network, "203.0.113.77")
    assert reply.status == 429 and reply.by_kernel


def test_too_large_is_the_answer_that_userspace_gives(network, daemon):
    data = build_request("POST", "/v1/guard/check", key=UNKNOWN_KEY, content_length=262145)
    with Connection(network) as connection:
        by_kernel = connection.send(data).reply()
    with Connection(network) as connection:
        connection.ask("GET", "/healthz")  # so that it isn't the connection's first request
        by_userspace = connection.send(data).reply()
    assert by_kernel.by_kernel and not by_userspace.by_kernel
    assert by_kernel.status == by_userspace.status == 413
    assert by_kernel.json() == by_userspace.json()
    for header in ("Content-Type", "Connection"):
        assert by_kernel.headers[header] == by_userspace.headers[header]
    assert daemon.counters()["TOO_LARGE"] == 1


def test_a_fast_key_waits_in_the_kernel(network, make_daemon):
    daemon = make_daemon("--key-rate", "1", "--key-burst", "2").start()
    key, _ = daemon.create_key(daemon.create_tenant())
    statuses = [check(network, key).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    again = check(network, key)
    assert again.status == 429 and again.by_kernel
    assert again.json() == {"detail": "This API key is used faster than its rate. Slow down.",
                            "retry_after_seconds": int(again.headers["Retry-After"])}
    wait_until(lambda: check(network, key).status == 200, "the key may be used again")
