# SPDX-License-Identifier: Apache-2.0
"""refuse = reset and drop: no answer, and yet both ends are rid of the connection."""
import socket

import pytest

from capture import Capture
from clients import UNKNOWN_KEY, Connection, check, guard_request
from lab import wait_until

pytestmark = pytest.mark.usefixtures("each_hook")
SILENCE_S = 2  # longer than the first retransmissions, at 0.2 and 0.6 s


def gone(network, namespace):
    wait_until(lambda: not network.sockets(namespace), f"the sockets in {namespace} are gone")


def test_reset_ends_both_ends(network, make_daemon, tmp_path):
    daemon = make_daemon("--refuse", "reset").start()
    key, _ = daemon.create_key(daemon.create_tenant())
    capture = Capture(network, tmp_path)
    with capture.running():
        with Connection(network) as connection:
            connection.send(guard_request(UNKNOWN_KEY))
            with pytest.raises(ConnectionResetError):
                connection.stream.read(1)
        for namespace in (network.server, network.client):
            gone(network, namespace)
    assert not capture.bad_checksums()
    assert len(capture.resets_to_client()) == 1
    assert check(network, key).status == 200


def test_drop_says_nothing(network, make_daemon):
    daemon = make_daemon("--refuse", "drop").start()
    key, _ = daemon.create_key(daemon.create_tenant())
    with Connection(network) as connection:
        connection.send(guard_request(UNKNOWN_KEY))
        gone(network, network.server)
        connection.socket.settimeout(SILENCE_S)
        with pytest.raises(socket.timeout):
            connection.socket.recv(1)
        assert not network.sockets(network.server), "what it sends again brings nothing back"
    assert check(network, key).status == 200
    assert daemon.counters()["KEY_UNKNOWN"] == 1


def test_pass_leaves_it_to_userspace(network, make_daemon):
    make_daemon("--refuse", "pass").start()
    reply = check(network, UNKNOWN_KEY)
    assert (reply.status, reply.by_kernel) == (401, False)
