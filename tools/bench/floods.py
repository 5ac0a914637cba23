# SPDX-License-Identifier: Apache-2.0
"""Floods: what an attack costs the server, and what a well-behaved client keeps beside it.

The same open-loop flood runs against two daemons, one with the kernel path and one without. Packets are received by
kernel threads pinned to the server's core (threaded NAPI), so that the server pays for all it does, softirq and BPF
programs included, and the generator on the other core for none of it. A flood is as large as it takes: the smallest one
at which a client without the kernel path keeps no more than KEPT_WITHOUT, found by trying.
"""
import contextlib
import dataclasses
import os
import statistics
import threading
import time

from servers import (CLIENT_CORE, PORT, REPO, SERVER_CORE, WORK, BenchError, Daemon, bench, load, pinned_to,
                     populate, run, thread_cpu_ns)

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
FLOODERS = 8  # source addresses: 64 k ports each, so that the flood never runs out of them
FLOODER_FIRST = "10.77.1.1"
FORGED_FIRST, FORGED = "10.78.0.0", 65536
CLIENT_CONNECTIONS = 4
TENANTS = 500  # the well-behaved client's keys: enough that none of them is over the rate
SETTLE_S = 1  # until the penalty box has its sources
KEPT_WITHOUT = 0.25  # of its verdicts: a flood that leaves no more to a client is one
SEARCH_FROM, SEARCH_TO, SEARCH_STEP = 4000, 40000, 1.3  # attempts/s: ten tries at most
SEARCH_S = 1  # each
BOXING_S = 2
IDLE_S = 2
NO_BOX = ["--penalty-refusals", "0"]
SLOW_KEYS = [*NO_BOX, "--key-rate", "100", "--key-burst", "100"]


class Target:
    """A daemon in a namespace with its own cable, whose every cost falls on one core."""

    def __init__(self, lab, name, way):
        self.server, self.client = lab.cable(name)
        for namespace, device, address in ((self.server, "s0", SERVER), (self.client, "c0", CLIENT)):
            run("ip", "-n", namespace.name, "address", "replace", f"{address}/16", "dev", device)
        run("ip", "-n", self.server.name, "route", "add", "10.78.0.0/16", "dev", "s0")
        for number in range(1, FLOODERS + 1):
            run("ip", "-n", self.client.name, "address", "add", f"10.77.1.{number}/16", "dev", "c0")
        for setting in way.sysctls:
            run(*self.server.enter(), "sysctl", "-qw", setting)
        self.keys, abusive = WORK / f"{name}.keys", WORK / f"{name}.all"
        populate(WORK / f"store-{name}", TENANTS, abusive)
        self.abusive_key, *others = abusive.read_text().splitlines(keepends=True)
        self.keys.write_text("".join(others))
        self.daemon = Daemon(lab, name, self.server, WORK / f"store-{name}", interface=way.interface, flags=way.flags)
        if way.interface != "none" and self.daemon.ask("status")["kernel"]["mode"] != "enforcing":
            raise BenchError(f"the kernel doesn't enforce here: {self.daemon.ask('status')['kernel']['reason']}")
        # A veth hands to its peer's NAPI only what could be merged, and for that its sender may not have segmented.
        run("ip", "netns", "exec", self.client.name, "ethtool", "-K", "c0", "tso", "off")
        self.napi = self.server.receive_in_thread("s0", SERVER_CORE)
        self.server.coalesce("s0")
        self.client.receive_in_thread("c0", CLIENT_CORE)

    def cpu_ns(self):
        """(the daemon's, softirqs and BPF programs)"""
        return self.daemon.cpu_ns(), thread_cpu_ns(self.napi)

    def mac(self):
        return run("ip", "netns", "exec", self.server.name, "cat", "/sys/class/net/s0/address").strip()

    def client_rate(self, seconds, fresh=False):
        """Verdicts/s of the well-behaved client."""
        report = load(self.client, self.keys, "--connections", CLIENT_CONNECTIONS, *["--fresh"] * fresh,
                      address=SERVER, seconds=seconds)
        return report["per_second"]


def attacker(target):
    """On the client's core, but never in the client's way: it is the server that is to be attacked."""
    return [*target.client.enter(), *pinned_to(CLIENT_CORE), "chrt", "--idle", "0"]


def requests(path, key, body):
    """A flood of whole requests from FLOODERS addresses. key None: one that is a tenant's."""
    def run_flood(target, rate, seconds):
        return bench("flood", "--to", SERVER, "--port", PORT, "--rate", rate, "--seconds", seconds, "--path", path,
                     "--key", target.abusive_key.strip() if key is None else key, "--body", body,
                     "--sources-from", FLOODER_FIRST, "--sources", FLOODERS,
                     prefix=attacker(target), limit_s=seconds + 30)
    return run_flood


def syns(sources_from, sources):
    """A flood of SYNs that no stack has ever seen, from these sources."""
    def run_flood(target, rate, seconds):
        return send_syns(target, rate, seconds, sources_from, sources)
    return run_flood


def send_syns(target, rate, seconds, sources_from, sources):
    compiled = WORK / "syn.bpf.o"
    if not compiled.exists():
        run("clang", "-target", "bpf", "-O2", "-g", "-isystem", f"/usr/include/{os.uname().machine}-linux-gnu", "-c",
            REPO / "tools/bench/syn.bpf.c", "-o", compiled)
    report = bench("syn-flood", "--object", compiled, "--interface", "c0", "--to", SERVER, "--to-mac", target.mac(),
                   "--sources-from", sources_from, "--sources", sources, "--rate", rate, "--seconds", seconds,
                   prefix=attacker(target), limit_s=seconds + 30)
    return report | {"opened": report["sent"], "statuses": {}}


@contextlib.contextmanager
def beside(flood, target, rate, seconds):
    """The flood runs in the background; its report is in the list that this yields, once it is over."""
    reports = []
    thread = threading.Thread(target=lambda: reports.append(flood.send(target, rate, seconds)))
    thread.start()
    time.sleep(SETTLE_S)
    try:
        yield reports
    finally:
        thread.join()


def find_rate(flood, target, say):
    """The smallest flood, in steps, at which the client keeps no more than KEPT_WITHOUT: the attempts/s."""
    calm, rate = statistics.median(target.client_rate(SEARCH_S / 2) for _ in range(3)), SEARCH_FROM
    while True:
        with beside(flood, target, rate, SEARCH_S + SETTLE_S) as reports:
            kept = target.client_rate(SEARCH_S) / calm
        say(f"{reports[0]['per_second']:,.0f}/s leave {100 * kept:.0f} % to a client without the kernel path")
        if kept <= KEPT_WITHOUT or rate * SEARCH_STEP > SEARCH_TO:
            return rate
        rate = round(rate * SEARCH_STEP, -2)


def idle_share(target):
    """What axfwd takes without anything to do, per ns: the ticks of its threads."""
    before = target.daemon.cpu_ns()
    time.sleep(IDLE_S)
    return (target.daemon.cpu_ns() - before) / (IDLE_S * 1e9)


def get_boxed(target):
    """Bad keys from every flooder, until the penalty box has them all."""
    BAD_KEYS(target, SEARCH_FROM, BOXING_S)


def measure(flood, target, rate, seconds):
    """What the flood costs alone (first, while nothing of a client's is left to do), what the client has alone, and
    what it keeps beside the flood. axfwd's part is what it takes beyond what it takes idle."""
    flood.prepare(target)
    idle, before, began = idle_share(target), target.cpu_ns(), time.monotonic()
    alone = flood.send(target, rate, 2 * seconds)
    daemon, rest = (after - start for after, start in zip(target.cpu_ns(), before))
    daemon = max(daemon - idle * (time.monotonic() - began) * 1e9, 0)
    calm = statistics.median(target.client_rate(seconds / 2, flood.fresh) for _ in range(3))
    with beside(flood, target, rate, seconds + 2 * SETTLE_S + 1) as reports:
        stormy = target.client_rate(seconds, flood.fresh)
    each = max(alone["opened"], 1) * 1000
    return {"daemon_us": daemon / each, "daemon_idle": idle, "softirq_us": rest / each, "cost_us": (daemon + rest) / each,
            "attempts_per_second": reports[0]["per_second"], "statuses": alone["statuses"],
            "client_alone": calm, "client_beside": stormy, "kept": stormy / calm}


@dataclasses.dataclass
class Way:
    """One of the ways to meet a flood. The last of each flood's is what the others are compared with."""
    name: str
    interface: str = "s0"
    flags: list = dataclasses.field(default_factory=list)
    sysctls: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Flood:
    """An attack, and the ways to meet it. Beside it a client asks on connections that it has, or on fresh ones."""
    send: callable
    rate: int  # attempts/s; None: to be found
    ways: list
    fresh: bool = False
    prepare: callable = lambda target: None


BAD_KEYS = requests("/v1/guard/check", "axfw_" + "0" * 43, '{"text":"flood"}')
FLOODS = {
    "bad keys": Flood(BAD_KEYS, None, [
        Way("401 in the kernel", flags=NO_BOX), Way("penalty box"), Way("userspace", "none", NO_BOX)]),
    "sign-ups": Flood(requests("/signup", "", "email=nobody&password=short"), 12000, [
        Way("429 in the kernel", flags=NO_BOX), Way("penalty box"), Way("userspace", "none", NO_BOX)]),
    "one key": Flood(requests("/v1/guard/check", None, '{"text":"flood"}'), 12000, [
        Way("429 in the kernel", flags=SLOW_KEYS), Way("userspace", "none", SLOW_KEYS)]),
    # Who has a connection hardly hears of forged SYNs: whether a new one comes about is the question.
    # Who is boxed gets no answer, so more than SYNs can't come of him; that many of them can.
    "boxed sources": Flood(syns(FLOODER_FIRST, FLOODERS), 200000, [Way("penalty box")], prepare=get_boxed),
    "SYNs": Flood(syns(FORGED_FIRST, FORGED), 400000, [
        Way("the program's cookies", flags=["--syn-cookies"], sysctls=["net.ipv4.tcp_syncookies=2"]),
        Way("the stack's cookies", "none"),
        Way("the stack, no cookies", "none", sysctls=["net.ipv4.tcp_syncookies=0"])], fresh=True),
}


def measure_floods(lab, seconds, say):
    """{flood: {way: figures}}."""
    results = {}
    for number, (name, flood) in enumerate(FLOODS.items()):
        rate = flood.rate
        if rate is None:
            rate = find_rate(flood, Target(lab, f"f{number}", flood.ways[-1]), say)
            lab.rest()
        say(f"{name}: {rate:,.0f}/s against {len(flood.ways)} ways to meet it")
        results[name] = {}
        for i, way in enumerate(flood.ways):
            target = Target(lab, f"f{number}{i}", way)
            results[name][way.name] = measure(flood, target, rate, seconds)
            lab.rest()
    return results
