# SPDX-License-Identifier: Apache-2.0
"""Whole connections over a cable that loses, repeats, delays, cuts and damages segments (tests/connections): a
request with a valid key always gets its verdict and is never refused, a refused one always ends, and nothing is
left behind on either side."""
import os
import re
import subprocess
import types

import pytest

from clients import UNKNOWN_KEY, Connection, guard_request
from lab import BUILD, CLIENT4, CLIENT6, SERVER4, SERVER6, Network, enter, run

SEED = int(os.environ.get("FUZZ_SEED", 1))
CONNECTIONS = int(os.environ.get("FUZZ_CONNECTIONS", 150))
AT_ONCE = 100
LOOPBACK = "127.0.0.1"
RUN_LIMIT_S = 280
LATE_MOST = CONNECTIONS // 50  # where nearly everything is lost, the daemon's 20 s may pass first
REFUSALS = ("key_unknown", "key_refused_before", "key_revoked", "quota_exhausted", "signup_limited")


class BadCable(Network):
    """What is the client's namespace elsewhere is the cable here: a program carries what comes in on c0 to m0,
    at whose other end, in a third namespace, the clients are."""

    def build(self):
        super().build()
        self.middle, self.client = self.client, f"{self.client}c"
        run("ip", "-n", self.middle, "address", "flush", "dev", "c0")
        run("ip", "netns", "add", self.client)
        run("ip", "-n", self.client, "link", "add", "o0", "type", "veth", "peer", "name", "m0", "netns", self.middle)
        for end in ("c0", "m0"):
            run(*enter(self.middle), "sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")
        self._address(self.client, "o0", CLIENT4, CLIENT6)
        run("ip", "-n", self.middle, "link", "set", "m0", "up")
        # Frames as on a wire: one segment each, complete.
        for namespace, device in ((self.server, "s0"), (self.client, "o0"), (self.middle, "c0"), (self.middle, "m0")):
            run(*enter(namespace), "ethtool", "-K", device, "tx", "off", "gro", "off")

    def answer_through(self, hook):
        """XDP answers only if the other end of the veth has a program, too; without one, TC answers."""
        attach = ["attach", "xdpdrv", "pinned", self.bpffs / "peer" / "pass", "dev", "c0", "overwrite"]
        run(*enter(self.middle), "bpftool", "net", *(attach if hook == "xdp" else ["detach", "xdpdrv", "dev", "c0"]))

    def remove(self):
        super().remove()
        subprocess.run(["ip", "netns", "del", self.middle], check=False, capture_output=True)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    built = BadCable(tmp_path_factory.mktemp("cable"), "bad")
    try:
        built.build()
        yield built
    finally:
        built.remove()


@pytest.fixture(params=["xdp", "tc"])
def hook(network, request):
    network.answer_through(request.param)
    yield request.param
    network.answer_through("xdp")


@pytest.fixture
def keys(network, daemon):
    """Active, unknown, revoked, exhausted."""
    tenant, free = daemon.create_tenant(), daemon.create_tenant("free@example.org", tier="free")
    active, (revoked, revoked_id), exhausted = (
        daemon.create_key(tenant)[0], daemon.create_key(tenant), daemon.create_key(free)[0])
    daemon.revoke_key(tenant, revoked_id)
    with Connection(types.SimpleNamespace(client=network.server), LOOPBACK) as connection:
        statuses = {connection.send(guard_request(exhausted)).reply().status for _ in range(1001)}
    assert 429 in statuses
    return active, UNKNOWN_KEY, revoked, exhausted


def fuzz(network, keys, *flags):
    """Runs connections and waits until no socket is left at either end; the numbers of what the program says."""
    done = subprocess.run(
        [BUILD / "connection-fuzz", "--cable", f"{network.middle},c0,m0", "--client", network.client,
         "--server", f"{network.server},{SERVER4},{SERVER6}", "--keys", ",".join(keys), "--seed", str(SEED),
         "--count", str(CONNECTIONS), "--at-once", str(AT_ONCE), *flags],
        capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: int(number) for number, name in re.findall(r"(\d+) (?:by the )?(\w+)", done.stdout)}


def refused(daemon):
    counters = daemon.counters()
    return {reason: counters[reason] for reason in REFUSALS if counters.get(reason)}


def test_valid_requests_are_served(network, daemon, keys):
    before = refused(daemon)
    seen = fuzz(network, keys, "--only-active")
    assert seen["served"] + seen["given"] + seen["late"] == CONNECTIONS
    assert seen["late"] <= LATE_MOST
    assert refused(daemon) == before


def test_refused_requests_end(network, hook, daemon, keys):
    assert [row["hook"] for row in daemon.status()["kernel"]["interfaces"]] == [hook]
    # Others than the tests before had: the ports of those are in TIME-WAIT.
    seen = fuzz(network, keys, "--first", str(CONNECTIONS * (1 if hook == "xdp" else 2)))
    assert seen["late"] <= LATE_MOST
    assert seen["served"] > CONNECTIONS / 3 and seen["kernel"] > CONNECTIONS / 8, seen
