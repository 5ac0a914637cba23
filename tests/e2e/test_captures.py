# SPDX-License-Identifier: Apache-2.0
"""Every way in which a refused connection may go, as tshark sees it on the wire: no bad checksum, no RST to the
client, nothing sent twice but what the test made somebody send twice, and no socket left on either side."""
import json
import socket
import struct

import pytest

from capture import Capture
from clients import UNKNOWN_KEY, Browser, Connection, build_request, check, guard_request
from lab import SERVER4, SERVER6, enter, run, wait_until

pytestmark = pytest.mark.usefixtures("each_hook")
FAMILIES = {"ipv4": SERVER4, "ipv6": SERVER6}


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES.keys())
def host(request):
    return request.param


@pytest.fixture
def capture(network, tmp_path):
    return Capture(network, tmp_path)


@pytest.fixture
def sysctl(network):
    """Sets a sysctl in a namespace and puts the old value back."""
    changed = []

    def change(namespace, name, value):
        old = run(*enter(namespace), "sysctl", "-n", name).strip()
        changed.append((namespace, name, old))
        run(*enter(namespace), "sysctl", "-qw", f"{name}={value}")
    yield change
    for namespace, name, old in reversed(changed):
        run(*enter(namespace), "sysctl", "-qw", f"{name}={old}")


def assert_all_gone(network):
    for namespace in (network.server, network.client):
        wait_until(lambda: not network.sockets(namespace), f"the sockets in {namespace} are gone")


def assert_clean(capture, expected=()):
    """expected: the (sender, anomaly) pairs that the test itself provokes; each may come more than once."""
    assert capture.packets, "nothing was captured"
    assert not capture.bad_checksums()
    assert not capture.resets_to_client()
    surprising = [seen for seen in capture.anomalies() if seen not in expected]
    assert not surprising, capture.packets


def acknowledge_at_once(connection):
    """The answer's ACK is a segment of its own, before the close. (Otherwise the FIN may carry it.)"""
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def refused(network, capture, request, status, host=SERVER4, after_send=acknowledge_at_once, expected=()):
    """Sends the request, reads the kernel's answer to its end, closes; then looks at the wire."""
    with capture.running():
        with Connection(network, host) as connection:
            connection.send(request)
            after_send(connection)
            reply = connection.reply()
            assert (reply.status, reply.by_kernel) == (status, True)
            assert connection.at_end()
        assert_all_gone(network)
    assert_clean(capture, expected)
    return reply


def test_the_hook_is_the_one_meant(daemon, each_hook):
    interface, = daemon.status()["kernel"]["interfaces"]
    assert (interface["hook"], interface["answers"]) == (each_hook, True)


def test_401(network, daemon, capture, host):
    refused(network, capture, guard_request(UNKNOWN_KEY), 401, host)


def test_401_of_a_revoked_key(network, daemon, capture):
    tenant = daemon.create_tenant()
    secret, number = daemon.create_key(tenant)
    daemon.revoke_key(tenant, number)
    refused(network, capture, guard_request(secret), 401)


def test_429_of_signups(network, daemon, capture, host):
    for number in range(5):
        assert Browser(network, host).sign_up(f"u{number}@example.org").status == 303
    body = b"email=x@example.org&password=12345678"
    head = (f"POST /signup HTTP/1.1\r\nHost: {host if ':' not in host else f'[{host}]'}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n")
    reply = refused(network, capture, head.encode() + body, 429, host)
    assert 0 < int(reply.headers["Retry-After"]) <= 3600


def test_429_of_a_rate(network, make_daemon, capture, host):
    daemon = make_daemon("--key-rate", "1", "--key-burst", "1").start()
    secret, _ = daemon.create_key(daemon.create_tenant())
    assert [check(network, secret).status for _ in range(2)] == [200, 429]
    reply = refused(network, capture, guard_request(secret), 429, host)
    assert reply.headers["Retry-After"].strip() == "1"


def test_429_of_a_quota(network, daemon, capture):
    """The free tier's thousand calls, spent."""
    secret, _ = daemon.create_key(daemon.create_tenant(tier="free"))
    with Connection(network) as connection:
        for _ in range(1000):
            assert connection.send(guard_request(secret)).reply().status == 200
    reply = refused(network, capture, guard_request(secret), 429)
    assert int(reply.headers["Retry-After"]) > 0


def test_413(network, daemon, capture, host):
    """Of the body no more than a segment was sent; the client gives up on the rest."""
    request = build_request("POST", "/v1/guard/check", b"{", host=f"[{host}]" if ":" in host else host, key=UNKNOWN_KEY,
                            content_length=300000)
    refused(network, capture, request, 413, host)


@pytest.mark.parametrize("timestamps", [0, 1])
@pytest.mark.parametrize("scaling", [0, 1])
def test_tcp_options(network, daemon, capture, sysctl, host, timestamps, scaling):
    sysctl(network.client, "net.ipv4.tcp_timestamps", timestamps)
    sysctl(network.client, "net.ipv4.tcp_window_scaling", scaling)
    refused(network, capture, guard_request(UNKNOWN_KEY), 401, host)


def test_small_mss(network, daemon, capture):
    """536 bytes are what everybody must take; the answer fits them."""
    run("ip", "-n", network.client, "route", "add", f"{SERVER4}/32", "dev", "c0", "advmss", "536")
    try:
        refused(network, capture, guard_request(UNKNOWN_KEY), 401)
    finally:
        run("ip", "-n", network.client, "route", "del", f"{SERVER4}/32", "dev", "c0")


def test_syn_cookies(network, daemon, capture, sysctl, host):
    """The server keeps nothing until the client's ACK, and then has an established socket at once."""
    sysctl(network.server, "net.ipv4.tcp_syncookies", 2)
    refused(network, capture, guard_request(UNKNOWN_KEY), 401, host)


def test_syn_cookies_of_the_program(network, make_daemon, capture, sysctl, host):
    """Made before the stack sees the SYN, and taken by it."""
    sysctl(network.server, "net.ipv4.tcp_syncookies", 2)
    daemon = make_daemon("--syn-cookies").start()
    refused(network, capture, guard_request(UNKNOWN_KEY), 401, host)
    assert daemon.counters()["SYN_COOKIE"] >= 1


def test_64_kib_of_late_body(network, daemon, capture, host):
    body = json.dumps({"text": "a" * 65536}).encode()
    request = guard_request(UNKNOWN_KEY, text="a" * 65536)
    assert request.endswith(body)
    # What was sent before the answer was there is acknowledged only with the answer's acknowledgement.
    refused(network, capture, request, 401, host, expected=[
        ("client", "retransmission"), ("client", "fast_retransmission"), ("client", "spurious_retransmission"),
        ("client", "out_of_order"), ("client", "window_full")])


def test_half_closed_client(network, daemon, capture, host):
    """The client's FIN comes behind the request, and it still reads."""
    refused(network, capture, guard_request(UNKNOWN_KEY), 401, host,
            after_send=lambda connection: connection.socket.shutdown(socket.SHUT_WR),
            expected=[("client", "retransmission")])


def test_fin_in_the_request(network, daemon, capture, host):
    """Corked, so that the last of the request and the FIN are one segment."""
    with capture.running():
        with Connection(network, host) as connection:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            connection.send(guard_request(UNKNOWN_KEY))
            connection.socket.shutdown(socket.SHUT_WR)
            reply = connection.reply()
            assert (reply.status, reply.by_kernel) == (401, True)
            assert connection.at_end()
        assert_all_gone(network)
    assert any(packet.fin and packet.payload_len for packet in capture.packets if not packet.from_server)
    assert_clean(capture)


def test_fin_with_the_first_ack(network, daemon, capture, host):
    """One segment can't become both the server's RST and the client's ACK: its FIN comes again and is acknowledged
    then. That is the one retransmission which the kernel's answers cost an ordinary client."""
    refused(network, capture, guard_request(UNKNOWN_KEY), 401, host, after_send=lambda connection: None,
            expected=[("client", "retransmission")])
    sent_again = [packet for packet in capture.packets if packet.anomalies]
    assert all(packet.fin for packet in sent_again), sent_again


def test_lost_answer(network, daemon, capture):
    network.attach_peer("drop_once")
    try:
        refused(network, capture, guard_request(UNKNOWN_KEY), 401, expected=[
            ("client", "retransmission"), ("client", "spurious_retransmission"), ("client", "fast_retransmission")])
        assert network.lost("dropped") == 1
    finally:
        network.attach_peer("pass")


def test_lost_acknowledgement(network, daemon, capture):
    """It would have become the RST that frees the server's socket: the client's FIN becomes it instead."""
    network.attach_peer("pass")
    with network.losing_an_ack():
        refused(network, capture, guard_request(UNKNOWN_KEY), 401, expected=[
            ("client", "retransmission"), ("client", "ack_lost_segment")])
    assert network.lost("acks_lost") == 1


def test_client_that_resets(network, daemon, capture):
    """It goes without reading: its RST reaches the server's socket."""
    with capture.running():
        with Connection(network) as connection:
            connection.send(guard_request(UNKNOWN_KEY))
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert_all_gone(network)
    assert_clean(capture)


def test_admitted_requests_beside_it(network, daemon, key, capture):
    """Ours isn't the only traffic: what passes isn't touched."""
    with capture.running():
        for secret, status in ((key, 200), (UNKNOWN_KEY, 401), (key, 200)):
            with Connection(network) as connection:
                connection.send(guard_request(secret))
                acknowledge_at_once(connection)
                assert connection.reply().status == status
        assert_all_gone(network)
    assert_clean(capture)
