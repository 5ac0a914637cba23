# SPDX-License-Identifier: Apache-2.0
"""Tier 0: who the operator denies, who is put into the penalty box, and who never is. In userspace mode connections
are closed at once."""
import contextlib
import json
import select
import signal
import socket
import sqlite3
import subprocess

import pytest

from clients import UNKNOWN_KEY, Connection, check
from lab import BUILD, CLIENT4, PORT, SERVER4, SERVER6, inside, run, wait_until

REQUEST = ("GET", "/healthz")
BAD_CALL = ("POST", "/v1/guard/check", b'{"text":"hi"}')


def is_served(network, source=CLIENT4, host=None):
    """Does a new connection from that address get an answer?"""
    try:
        with Connection(network, *([host] if host else []), source=source) as c:
            return c.ask(*REQUEST).status == 200
    except (ConnectionError, TimeoutError):
        return False


def call(network, source, key):
    with Connection(network, source=source) as c:
        return c.ask(*BAD_CALL, key=key).status


def complaint(daemon, *words):
    """What axfw says when the answer is no."""
    done = subprocess.run([BUILD / "axfw", "--json", "--socket", daemon.socket, *words],
                          capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2), done
    return json.loads(done.stdout)["error"]


def entries(daemon):
    return {entry["prefix"]: entry for entry in daemon.axfw("deny", "list")["entries"]}


def boxed(daemon):
    return [prefix for prefix, entry in entries(daemon).items() if entry["cause"] == "penalty"]


@pytest.fixture
def userspace(make_daemon):
    return make_daemon("--penalty-refusals", "5", "--penalty-time", "2", interface="none").start()


def test_a_denied_network_is_not_served(network, userspace):
    other = network.add_client_address(77)
    assert is_served(network) and is_served(network, other)
    userspace.axfw("deny", "add", f"{other}/31", "--reason", "scans")
    assert not is_served(network, other)
    assert is_served(network)
    assert userspace.metrics()["axfw_denied_connections_total"] == 1
    userspace.axfw("deny", "del", f"{other}/31")
    assert is_served(network, other)


def test_the_list_outlives_a_restart(network, userspace):
    other = network.add_client_address(78)
    userspace.axfw("deny", "add", other, "--for", "1h", "--reason", "scans")
    userspace.stop()
    userspace.start()
    assert not is_served(network, other)
    assert entries(userspace)[other]["reason"] == "scans"


def test_an_end_is_kept(network, userspace):
    other = network.add_client_address(79)
    userspace.axfw("deny", "add", other, "--for", "2s")
    assert not is_served(network, other)
    wait_until(lambda: not entries(userspace), "the entry is taken out")
    assert is_served(network, other)


def test_ipv6(network, userspace):
    assert is_served(network, "fd77::2", SERVER6)
    userspace.axfw("deny", "add", "fd77::/120")
    assert not is_served(network, "fd77::2", SERVER6)


def test_mistakes_are_explained(userspace):
    assert "loopback" in complaint(userspace, "deny", "add", "127.0.0.1")
    assert "isn't an address" in complaint(userspace, "deny", "add", "10.77.0.300")
    assert "past" in complaint(userspace, "deny", "add", "10.9.9.9", "--until", "2020-01-01T00:00:00")
    assert "isn't on the list" in complaint(userspace, "deny", "del", "10.9.9.9")
    assert "length of time" in complaint(userspace, "deny", "add", "10.9.9.9", "--for", "soon")
    assert not entries(userspace)


def test_who_keeps_being_refused_is_boxed_for_a_while(network, userspace):
    other = network.add_client_address(80)
    for _ in range(5):
        assert call(network, other, UNKNOWN_KEY) == 401
    wait_until(lambda: boxed(userspace) == [other], "it is in the box")
    assert not is_served(network, other)
    assert is_served(network)
    assert other in userspace.output() and "penalty box" in userspace.output()
    wait_until(lambda: is_served(network, other), "it is let out")
    assert userspace.metrics()["axfw_penalty_boxed_total"] == 1


def test_a_customer_is_never_boxed(network, userspace):
    key = userspace.create_key(userspace.create_tenant())[0]
    customer = network.add_client_address(81)
    assert call(network, customer, key) == 200
    for _ in range(20):
        assert call(network, customer, UNKNOWN_KEY) == 401
    wait_until(lambda: userspace.metrics()["axfw_penalty_spared_total"] >= 4, "the limit was reached four times")
    assert call(network, customer, key) == 200
    assert not boxed(userspace)


def test_what_a_proxy_forwards_boxes_nobody(network, make_daemon):
    proxy = network.add_client_address(82)
    daemon = make_daemon("--penalty-refusals", "5", "--forwarded-allow-ips", proxy, interface="none").start()
    with Connection(network, source=proxy) as c:
        for _ in range(20):
            assert c.ask(*BAD_CALL, key=UNKNOWN_KEY, x_forwarded_for="203.0.113.5").status == 401
    assert not boxed(daemon)
    assert daemon.axfw("deny", "list")["counts"]["boxed"] == 0


def test_a_kept_connection_ends_when_its_client_is_boxed(network, userspace):
    other = network.add_client_address(83)
    with Connection(network, source=other) as c:
        for _ in range(4):
            assert c.ask(*BAD_CALL, key=UNKNOWN_KEY).status == 401
        reply = c.ask(*BAD_CALL, key=UNKNOWN_KEY)
        wait_until(lambda: boxed(userspace), "it is in the box")
        if reply.headers["Connection"] != "close":  # unless the box was as quick as the fifth answer
            reply = c.ask(*BAD_CALL, key=UNKNOWN_KEY)
        assert reply.status == 401 and reply.headers["Connection"] == "close"


def test_guessed_passwords_count(network, userspace):
    other = network.add_client_address(84)
    for _ in range(5):
        with Connection(network, source=other) as c:
            assert c.ask("POST", "/login", b"email=ada%40example.org&password=guessing",
                         content_type="application/x-www-form-urlencoded").status == 401
    wait_until(lambda: boxed(userspace) == [other], "it is in the box")


# --- in the kernel -----------------------------------------------------------------------------------------------


class Knock:
    """A connection attempt whose SYNs go out whether or not somebody answers."""

    def __init__(self, network, source):
        with inside(network.client):
            self.socket = socket.socket()
            self.socket.setblocking(False)
            self.socket.bind((source, 0))
            self.socket.connect_ex((SERVER4, PORT))

    def is_open(self):
        return bool(select.select([], [self.socket], [], 0)[1])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()


def is_dropped(network, daemon, source, reason):
    """The kernel drops its SYN, and counts it with that reason."""
    before = daemon.counters()[reason]
    with Knock(network, source) as knock:
        wait_until(lambda: knock.is_open() or daemon.counters()[reason] > before, "the SYN is judged")
        return not knock.is_open()


@pytest.fixture
def enforcing(make_daemon):
    return make_daemon("--penalty-refusals", "5", "--penalty-time", "2").start()


def test_the_kernel_drops_a_denied_source(network, enforcing):
    other = network.add_client_address(85)
    assert is_served(network, other)
    entry = enforcing.axfw("deny", "add", other, "--for", "1h")["entry"]
    assert entry["in_kernel"]
    assert is_dropped(network, enforcing, other, "DENIED_BY_OPERATOR")
    assert is_served(network)
    assert entries(enforcing)[other]["packets"] >= 1
    enforcing.axfw("deny", "add", other, "--for", "2h")  # another end: what was dropped is still known
    assert entries(enforcing)[other]["packets"] >= 1
    enforcing.axfw("deny", "del", other)
    assert is_served(network, other)


def test_a_wider_prefix_counts_when_the_narrower_one_ends(network, enforcing):
    other = network.add_client_address(86)
    enforcing.axfw("deny", "add", other, "--for", "1s")
    enforcing.axfw("deny", "add", "10.77.0.86/31")
    dumps = [json.loads(run("bpftool", "-j", "map", "dump", "pinned", enforcing.pins / name))
             for name in ("denied", "denied_hosts")]
    ends = [[element["formatted"]["value"]["until_ns"] for element in dump] for dump in dumps]
    assert ends == [[2 ** 64 - 1]] * 2, "a longer prefix hides a shorter one, so both must end as late"
    wait_until(lambda: list(entries(enforcing)) == ["10.77.0.86/31"], "the narrower one is taken out")
    assert is_dropped(network, enforcing, other, "DENIED_BY_OPERATOR")


def test_the_kernel_boxes_who_keeps_being_refused(network, enforcing):
    other = network.add_client_address(87)
    for _ in range(5):
        assert check(network, UNKNOWN_KEY, source=other).by_kernel
    wait_until(lambda: boxed(enforcing) == [other], "it is in the box")
    assert is_dropped(network, enforcing, other, "DENIED_BY_PENALTY")
    assert is_served(network)
    wait_until(lambda: not boxed(enforcing), "it is let out")
    assert is_served(network, other)


def test_the_kernel_boxes_no_customer(network, enforcing):
    key = enforcing.create_key(enforcing.create_tenant())[0]
    customer = network.add_client_address(88)
    assert check(network, key, source=customer).status == 200
    for _ in range(10):
        assert check(network, UNKNOWN_KEY, source=customer).by_kernel
    wait_until(lambda: enforcing.metrics()["axfw_penalty_spared_total"] >= 1, "the limit was reached")
    assert check(network, key, source=customer).status == 200


def test_a_killed_daemons_list_goes_on(network, make_daemon):
    daemon = make_daemon("--penalty-refusals", "5", "--penalty-time", "600").start()
    ordered, caught = network.add_client_address(89), network.add_client_address(90)
    daemon.axfw("deny", "add", ordered)
    for _ in range(5):
        check(network, UNKNOWN_KEY, source=caught)
    wait_until(lambda: boxed(daemon) == [caught], "it is in the box")
    daemon.stop(signal.SIGKILL)
    daemon.start()
    assert boxed(daemon) == [caught] and ordered in entries(daemon)
    assert is_dropped(network, daemon, ordered, "DENIED_BY_OPERATOR")
    assert is_dropped(network, daemon, caught, "DENIED_BY_PENALTY")
    daemon.axfw("deny", "del", caught)
    assert is_served(network, caught)


def is_stored(daemon, address):
    with contextlib.closing(sqlite3.connect(f"file:{daemon.store / 'registry.db'}?mode=ro", uri=True)) as store:
        return (bytes(10) + b"\xff\xff" + socket.inet_aton(address),) in store.execute("SELECT address FROM axfw_boxed")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("interface", ["none", None])
def test_both_lists_survive_a_restart(network, make_daemon, interface, ending):
    options = {} if interface is None else {"interface": interface}
    daemon = make_daemon("--penalty-refusals", "5", "--penalty-time", "600", **options).start()
    ordered, forgiven, caught = (network.add_client_address(n) for n in (93, 94, 95))
    daemon.axfw("deny", "add", ordered, "--for", "1h", "--reason", "scans")
    daemon.axfw("deny", "add", forgiven)
    daemon.axfw("deny", "del", forgiven)
    for _ in range(5):
        check(network, UNKNOWN_KEY, source=caught)
    wait_until(lambda: boxed(daemon) == [caught], "it is in the box")
    before = entries(daemon)
    wait_until(lambda: ending == signal.SIGTERM or is_stored(daemon, caught), "the store knows")
    daemon.stop(ending)
    daemon.start()
    after = entries(daemon)
    assert set(after) == {ordered, caught}
    assert after[ordered]["reason"] == "scans" and after[ordered]["until"] == before[ordered]["until"]
    assert before[caught]["seconds_left"] - 60 < after[caught]["seconds_left"] <= before[caught]["seconds_left"]
    for source, cause in ((ordered, "DENIED_BY_OPERATOR"), (caught, "DENIED_BY_PENALTY")):
        if interface is None:
            assert is_dropped(network, daemon, source, cause)
        else:
            assert not is_served(network, source)
    assert is_served(network, forgiven)


def test_a_denied_client_behind_a_proxy_is_told(network, make_daemon):
    proxy = network.add_client_address(91)
    daemon = make_daemon("--forwarded-allow-ips", proxy).start()
    key = daemon.create_key(daemon.create_tenant())[0]
    daemon.axfw("deny", "add", "203.0.113.5")
    for client, status in (("203.0.113.5", 403), ("203.0.113.6", 200)):
        with Connection(network, source=proxy) as c:
            assert c.ask(*BAD_CALL, key=key, x_forwarded_for=client).status == status


def test_a_stopped_daemons_list_is_in_the_next_ones_kernel(network, make_daemon):
    daemon = make_daemon().start()
    other = network.add_client_address(92)
    daemon.axfw("deny", "add", other)
    daemon.stop()
    assert not (daemon.pins / "denied").exists()
    daemon.start()
    assert is_dropped(network, daemon, other, "DENIED_BY_OPERATOR")
