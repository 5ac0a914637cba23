# SPDX-License-Identifier: Apache-2.0
"""Proxies that say in a PROXY header whose connection it is: believed from those that are trusted, from nobody else,
and by the kernel and userspace alike."""
import contextlib
import ipaddress
import struct

import pytest

from clients import UNKNOWN_KEY, Connection, build_request, guard_request
from lab import CLIENT4

V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
SIGNUP = build_request("POST", "/signup", b"email=x&password=short", content_type="application/x-www-form-urlencoded")
HEALTH = build_request("GET", "/healthz")


def v1(source, family="TCP4", destination="192.0.2.1"):
    return f"PROXY {family} {source} {destination} 4711 443\r\n".encode()


def v2(source, tlvs=b"", command=0x21):
    address = ipaddress.ip_address(source)
    family = 0x11 if address.version == 4 else 0x21
    body = address.packed + bytes(len(address.packed)) + struct.pack("!HH", 4711, 443) + tlvs
    return V2_SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


HEADERS = {
    "v1": v1("203.0.113.7"),
    "v1-ipv6": v1("2001:db8::7", "TCP6", "2001:db8::1"),
    "v2": v2("203.0.113.7"),
    "v2-ipv6": v2("2001:db8::7"),
    "v2-tlvs": v2("203.0.113.7", tlvs=b"\x04\x01\x00" + b"x" * 256),
}


@pytest.fixture
def proxied(make_daemon):
    """A daemon whose proxy is the laboratory's client."""
    return make_daemon("--proxy-protocol", "--forwarded-allow-ips", CLIENT4).start()


def speak(network, *parts, source=None):
    with Connection(network, source=source) as connection:
        for part in parts:
            connection.send(part)
        return connection.reply()


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_requests_behind_a_header_are_served(network, proxied, header):
    assert speak(network, header + HEALTH).status == 200
    assert speak(network, header, HEALTH).status == 200, "the header in a segment of its own"
    assert speak(network, header[:5], header[5:], HEALTH).status == 200, "the header in two"


@pytest.mark.parametrize("header", [v2("203.0.113.7", command=0x20), b"PROXY UNKNOWN\r\n"], ids=["local", "unknown"])
def test_the_proxys_own_connections(network, proxied, header):
    assert speak(network, header + HEALTH).status == 200


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_signups_count_for_the_client(network, proxied, header):
    """Five of one client are allowed; another client of the same proxy isn't meant."""
    for _ in range(5):
        assert speak(network, header + SIGNUP).status != 429
    assert speak(network, header + SIGNUP).status == 429
    assert speak(network, v1("198.51.100.9") + SIGNUP).status != 429


def test_the_kernel_reads_it_too(network, proxied):
    """In the request's own segment; in one before it, userspace answers the same."""
    for _ in range(5):
        speak(network, HEADERS["v2"] + SIGNUP)
    reply = speak(network, HEADERS["v2"] + SIGNUP)
    assert (reply.status, reply.by_kernel) == (429, True)
    reply = speak(network, HEADERS["v2"] + guard_request(UNKNOWN_KEY))
    assert (reply.status, reply.by_kernel) == (401, True)


def assert_turned_away(connection):
    """Without a byte. What it sent was never read, so TCP may say it with a reset."""
    with contextlib.suppress(ConnectionResetError):
        assert connection.stream.read(1) == b""


@pytest.mark.parametrize("start", [HEALTH, b"PROXY TCP9 1 2 3 4\r\n" + HEALTH, v2("203.0.113.7", command=0x22) + HEALTH,
                                   V2_SIGNATURE + b"\x21\x11\xff\xff", b"P" * 200],
                         ids=["none", "v1-broken", "v2-command", "v2-too-long", "garbage"])
def test_a_proxy_without_a_header_is_turned_away(network, proxied, start):
    with Connection(network) as connection:
        assert_turned_away(connection.send(start))
    assert speak(network, HEADERS["v1"] + HEALTH).status == 200


def test_a_header_that_never_comes(network, proxied):
    """It is waited for a few seconds, and others are served meanwhile."""
    with Connection(network) as connection:
        connection.send(b"PROXY TCP4 ")
        assert speak(network, HEADERS["v1"] + HEALTH).status == 200
        assert_turned_away(connection)


def test_nobody_else_is_believed(network, proxied):
    """From an address that is no trusted proxy it is just a bad request."""
    stranger = network.add_client_address(21)
    assert speak(network, HEADERS["v1"] + HEALTH, source=stranger).status == 400
    assert speak(network, HEALTH, source=stranger).status == 200


def test_off_by_default(network, make_daemon):
    make_daemon("--forwarded-allow-ips", CLIENT4).start()
    assert speak(network, HEALTH).status == 200
    assert speak(network, HEADERS["v1"] + HEALTH).status == 400
