# SPDX-License-Identifier: Apache-2.0
"""A packet's source can be forged. Nothing is answered, counted against an address or remembered on a packet's
word, and nobody's connection can be ended by one who doesn't see it."""
import socket

import pytest

from clients import UNKNOWN_KEY, Browser, Connection, build_request, guard_request
from lab import CLIENT4, PORT, SERVER4, inside, wait_until
from packets import ACK, PSH, RST, SYN, Attacker

SIGNUP = build_request("POST", "/signup", b"email=x@example.org&password=12345678",
                       content_type="application/x-www-form-urlencoded")
REFUSALS = ("KEY_UNKNOWN", "KEY_REFUSED_BEFORE", "KEY_REVOKED", "SIGNUP_LIMITED", "FLOW_ANSWER_AGAIN", "FLOW_LATE_DATA")


@pytest.fixture
def attacker(network):
    made = Attacker(network)
    yield made
    made.close()


def refused(daemon):
    counters = daemon.counters()
    return {reason: counters[reason] for reason in REFUSALS}


def unproven(daemon):
    return daemon.counters()["NO_PROOF"]


def is_answer(to, port, seq, ack, flags, payload):
    return bool(payload)


def test_request_out_of_nowhere_is_not_answered(network, daemon, attacker):
    before = refused(daemon)
    for port in range(2000, 2050):
        attacker.send(port, 1000, 1, PSH | ACK, guard_request(UNKNOWN_KEY))
    wait_until(lambda: unproven(daemon) >= 50, "the forged requests were seen")
    assert refused(daemon) == before
    assert not attacker.sees(is_answer, 0.3)


def test_request_on_a_half_open_connection_needs_the_servers_number(network, daemon, attacker):
    """The attacker opened the connection in the victim's name but can't know the SYN-ACK's sequence number."""
    before = refused(daemon)
    attacker.send(3000, 1000, 0, SYN)
    answered = attacker.sees(lambda to, port, seq, ack, flags, payload: port == 3000 and flags == SYN | ACK, 5)
    assert answered, "the half-open connection exists"
    for wrong in (2, 1000, 1 << 31):
        attacker.send(3000, 1001, answered[2] + wrong, PSH | ACK, guard_request(UNKNOWN_KEY))
    wait_until(lambda: unproven(daemon) >= 3, "the guesses were seen")
    assert refused(daemon) == before
    assert not attacker.sees(is_answer, 0.3)
    # The right number would have been answered: the test can fail.
    attacker.send(3000, 1001, answered[2] + 1, PSH | ACK, guard_request(UNKNOWN_KEY))
    assert attacker.sees(is_answer, 5)


def test_forged_signups_spend_nobodys_window(network, daemon, attacker):
    for port in range(4000, 4020):
        attacker.send(port, 1000, 1, PSH | ACK, SIGNUP, source=CLIENT4)
    wait_until(lambda: unproven(daemon) + daemon.counters()["SIGNUP_ALLOWED"] >= 20, "the forged signups were seen")
    for number in range(5):
        assert Browser(network).sign_up(f"user{number}@example.org").status == 303


def test_connection_of_somebody_else_is_not_ended(network, daemon, key, attacker):
    with Connection(network) as connection:
        assert connection.send(guard_request(key)).reply().status == 200
        _, port = connection.socket.getsockname()
        seen = unproven(daemon)
        for seq in range(0, 1 << 32, 1 << 27):
            attacker.send(port, seq, seq ^ 0x5A5A5A5A, PSH | ACK, guard_request(UNKNOWN_KEY), source=CLIENT4)
        wait_until(lambda: unproven(daemon) >= seen + 32, "the forged requests were seen")
        assert connection.send(guard_request(key)).reply().status == 200


def test_fresh_connection_of_somebody_else_is_not_refused(network, daemon, key, attacker):
    """Before its first byte too: the window in which a proof is possible at all."""
    with Connection(network) as connection:
        _, port = connection.socket.getsockname()
        seen = unproven(daemon)
        for seq in range(0, 1 << 32, 1 << 27):
            attacker.send(port, seq, seq ^ 0x5A5A5A5A, PSH | ACK, guard_request(UNKNOWN_KEY), source=CLIENT4)
        wait_until(lambda: unproven(daemon) >= seen + 32, "the forged requests were seen")
        reply = connection.send(guard_request(key)).reply()
        assert (reply.status, reply.by_kernel) == (200, False)


def test_refused_flow_is_not_ended_for_a_later_connection(network, daemon, key, attacker):
    """Stale or forged segments on a 4-tuple that was refused a moment ago do not hurt the next one on it."""
    with Connection(network) as connection:
        _, port = connection.socket.getsockname()
        assert connection.send(guard_request(UNKNOWN_KEY)).reply().by_kernel
    for seq in range(0, 1 << 32, 1 << 28):
        attacker.send(port, seq, 1, PSH | ACK, b"x", source=CLIENT4)
        attacker.send(port, seq, 1, RST, source=CLIENT4)
    wait_until(lambda: not network.sockets(network.client), "the client's port is free")
    with inside(network.client):
        again = socket.create_connection((SERVER4, PORT), 10, (CLIENT4, port))
    with again:
        again.sendall(guard_request(key))
        assert again.recv(15) == b"HTTP/1.1 200 OK"
