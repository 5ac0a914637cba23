# SPDX-License-Identifier: Apache-2.0
"""Floods: what an attack costs the server, and what a well-behaved client keeps beside it.

The same open-loop flood runs against two daemons, one with the kernel path and one without. Packets are received by
kernel threads pinned to the server's core (threaded NAPI), so that the server pays for all it does, softirq and BPF
programs included, and the generator on the other core for none of it.
"""
import contextlib
import subprocess
import threading
import time

from servers import (BUILD, CLIENT_CORE, PORT, REPO, SERVER_CORE, WORK, BenchError, Daemon, bench, load, pinned_to,
                     populate, run, thread_cpu_ns)

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
FLOODERS = 8  # source addresses: 64 k ports each, so that the flood never runs out of them
FLOODER_FIRST = "10.77.1.1"
FORGED_FIRST, FORGED = "10.78.0.0", 65536
CLIENT_CONNECTIONS = 4
SETTLE_S = 0.5


class Target:
    """A daemon in a namespace with its own cable, whose every cost falls on one core."""

    def __init__(self, lab, name, interface, flags=()):
        self.name = name
        self.server, self.client = lab.cable(name)
        run("ip", "-n", self.server.name, "route", "add", "10.78.0.0/16", "dev", "s0")
        run("ip", "-n", self.server.name, "address", "replace", f"{SERVER}/16", "dev", "s0")
        for number in range(1, FLOODERS + 1):
            run("ip", "-n", self.client.name, "address", "add", f"10.77.1.{number}/16", "dev", "c0")
        self.keys = WORK / f"{name}.keys"
        populate(WORK / f"store-{name}", 1, self.keys)
        self.daemon = Daemon(lab, name, self.server, WORK / f"store-{name}", interface=interface, flags=flags)
        self.napi = self.server.receive_in_thread("s0", SERVER_CORE)
        self.client.receive_in_thread("c0", CLIENT_CORE)

    def cpu_ns(self):
        return self.daemon.cpu_ns() + thread_cpu_ns(self.napi)

    def mac(self):
        return run("ip", "netns", "exec", self.server.name, "cat", "/sys/class/net/s0/address").strip()

    def client_rate(self, seconds):
        """Verdicts/s of the well-behaved client."""
        report = load(self.client, self.keys, "--connections", CLIENT_CONNECTIONS, address=SERVER, seconds=seconds)
        return report["per_second"]


def requests(path, key, body):
    """A flood of whole requests from FLOODERS addresses."""
    def run_flood(target, rate, seconds):
        return bench("flood", "--to", SERVER, "--port", PORT, "--rate", rate, "--seconds", seconds, "--path", path,
                     "--key", key, "--body", body, "--sources-from", FLOODER_FIRST, "--sources", FLOODERS,
                     prefix=[*target.client.enter(), *pinned_to(CLIENT_CORE)], limit_s=seconds + 30)
    return run_flood


def syns(target, rate, seconds):
    """A flood of SYNs with forged sources."""
    compiled = BUILD / "bench" / "syn.bpf.o"
    if not compiled.exists():
        run("clang", "-target", "bpf", "-O2", "-g", "-isystem", "/usr/include/x86_64-linux-gnu", "-c",
            REPO / "tools/bench/syn.bpf.c", "-o", compiled)
    report = bench("syn-flood", "--object", compiled, "--interface", "c0", "--to", SERVER, "--to-mac", target.mac(),
                   "--sources-from", FORGED_FIRST, "--sources", FORGED, "--rate", rate, "--seconds", seconds,
                   prefix=[*target.client.enter(), *pinned_to(CLIENT_CORE)], limit_s=seconds + 30)
    return report | {"opened": report["sent"], "statuses": {}}


@contextlib.contextmanager
def beside(flood, target, rate, seconds):
    """The flood runs in the background; its report is in the list that this yields, once it is over."""
    reports, began = [], threading.Event()

    def attack():
        began.set()
        reports.append(flood(target, rate, seconds))

    thread = threading.Thread(target=attack)
    thread.start()
    began.wait()
    time.sleep(SETTLE_S)
    try:
        yield reports
    finally:
        thread.join()


def measure(flood, target, rate, seconds):
    """What the flood costs alone, and what the client keeps beside it."""
    before = target.cpu_ns()
    alone = flood(target, rate, seconds)
    cost_us = (target.cpu_ns() - before) / max(alone["opened"], 1) / 1000
    calm = target.client_rate(seconds)
    with beside(flood, target, rate, seconds + 2 * SETTLE_S + 1) as reports:
        stormy = target.client_rate(seconds)
    return {"cost_us": cost_us, "attempts_per_second": reports[0]["per_second"], "statuses": alone["statuses"],
            "client_alone": calm, "client_beside": stormy, "kept": stormy / calm}


# name: (flood, attempts/s, flags of the daemon, what the kernel path has against it)
FLOODS = {
    "bad keys": (requests("/v1/guard/check", "axfw_" + "0" * 43, '{"text":"flood"}'), 12000, [], "401 in the kernel"),
    "sign-ups": (requests("/signup", "", "email=nobody&password=short"), 12000, [], "429 in the kernel"),
    "SYNs": (syns, 400000, [], "SYN cookies"),
}


def measure_floods(lab, seconds, say):
    """{flood: {"kernel": figures, "userspace": figures}}."""
    results = {}
    for name, (flood, rate, flags, _) in FLOODS.items():
        results[name] = {}
        for path, interface in (("kernel", "s0"), ("userspace", "none")):
            say(f"{name}: {rate:,}/s for {seconds:g} s, refused in {'the kernel' if interface != 'none' else path}")
            target = Target(lab, f"{name[:2].lower()}{path[0]}", interface, flags)
            results[name][path] = measure(flood, target, rate, seconds)
            lab.rest()
    return results
