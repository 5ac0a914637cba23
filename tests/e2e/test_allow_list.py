# SPDX-License-Identifier: Apache-2.0
"""--allow-from: nobody else is served, in the kernel and, where there is no kernel half, in userspace."""
import pytest

from clients import Connection, ask, build_request
from lab import CLIENT4, CLIENT6, PORT, SERVER4, SERVER6, enter, run

HEALTH = build_request("GET", "/healthz")
SECONDS = 2  # how long nothing is waited for


@pytest.fixture(params=["s0", "none"], ids=["kernel", "userspace"])
def interface(request):
    return request.param


def is_served(network, source=None, host=SERVER4):
    """Whether a connection gets an answer: in the kernel its SYN is dropped, in userspace it is closed."""
    words = ["curl", "-sg", "-o", "/dev/null", "-m", SECONDS, *(["--interface", source] if source else [])]
    where = f"[{host}]" if ":" in host else host
    done = run(*enter(network.client), "sh", "-c",
               " ".join(map(str, [*words, f"http://{where}:{PORT}/healthz"])) + "; echo $?")
    return done.strip() == "0"


def test_only_the_listed_are_served(network, make_daemon, interface):
    stranger = network.add_client_address(31)
    daemon = make_daemon("--allow-from", CLIENT4, interface=interface).start()
    assert is_served(network)
    assert not is_served(network, stranger)
    assert not is_served(network, host=SERVER6)
    assert run(*enter(network.server), "curl", "-sf", f"http://127.0.0.1:{PORT}/healthz"), "loopback always is"
    if interface != "none":
        assert daemon.counters()["NOT_ALLOWED"] > 0


def test_prefixes_of_both_families(network, make_daemon, interface):
    stranger = network.add_client_address(31)
    make_daemon("--allow-from", f"{stranger}/32,{CLIENT6}/64", interface=interface).start()
    assert is_served(network, stranger)
    assert is_served(network, host=SERVER6)
    assert not is_served(network)


def test_who_is_behind_a_proxy(network, make_daemon, interface):
    """A proxy may connect; whom it speaks for must be on the list."""
    make_daemon("--allow-from", "203.0.113.0/24", "--forwarded-allow-ips", CLIENT4, interface=interface).start()
    assert ask(network, "GET", "/healthz", x_forwarded_for="203.0.113.9").status == 200
    assert ask(network, "GET", "/healthz", x_forwarded_for="198.51.100.9").status == 403


def test_everybody_is_served_by_default(network, daemon):
    with Connection(network) as connection:
        assert connection.send(HEALTH).reply().status == 200
