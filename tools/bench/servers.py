# SPDX-License-Identifier: Apache-2.0
"""What is measured and what measures it: namespaces, daemons, the bare handler, the load generator.

Everything started here is ended by Lab.close(), whatever happens; nothing outside our own namespaces, pin
directories and build/bench/ is touched.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPO / "build"
WORK = BUILD / "bench"
PORT = 8004
MASTER_KEY = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
SESSION_SECRET = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
CORES = os.cpu_count() or 1
SERVER_CORE, CLIENT_CORE = 0, CORES - 1
NAPI_NICE = -10  # softirqs don't wait for their turn either
COALESCE_NS = 50000  # about what drivers of NICs come with: packets that arrive within it are one interrupt
LOG_TAIL = 2000  # characters of a log that say why
END_LIMIT_S = 60  # a daemon drains its journal before it ends


class BenchError(Exception):
    """A sentence for the person who ran it."""


def run(*command, env=None, limit_s=300):
    """A command's standard output; its own words when it fails."""
    done = subprocess.run([str(w) for w in command], text=True, capture_output=True, env=env, timeout=limit_s,
                          check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def pinned_to(core):
    """Server and client apart, where there are cores for both."""
    return ["taskset", "-c", str(core)] if CORES > 1 else []


def bench(*words, prefix=(), env=None, limit_s=300):
    """One of axfw-bench's programs; its report."""
    return json.loads(run(*prefix, BUILD / "axfw-bench", *words, env=env, limit_s=limit_s))


class Namespace:
    """A network of its own: its loopback and its ports are nobody else's."""

    def __init__(self, lab, name):
        self.name = f"axfwbench{os.getpid()}{name}"
        run("ip", "netns", "add", self.name)
        lab.on_close(lambda: subprocess.run(["ip", "netns", "delete", self.name], check=False))
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        # A client that opens 20,000 connections a second runs out of ports in three.
        run(*self.enter(), "sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535",
            "net.ipv4.tcp_tw_reuse=1")

    def receive_in_thread(self, device, core):
        """From here on packets for the device are received by a kernel thread on that core, whoever sends them; its
        pid. Otherwise a veth's packets are received on the sender's core and time, and nobody could say whose."""
        before = napi_threads()
        run("ip", "netns", "exec", self.name, "ethtool", "-K", device, "gro", "on")  # a veth has NAPI only then
        run("ip", "netns", "exec", self.name, "sh", "-c", f"echo 1 > /sys/class/net/{device}/threaded")
        ours = [pid for name, pid in napi_threads().items() if name not in before]
        if not ours:
            raise BenchError(f"no NAPI thread for {device}")
        for pid in ours:
            run("taskset", "-pc", core, pid)
            run("renice", "-n", NAPI_NICE, "-p", pid)
        return ours[0]

    def coalesce(self, device):
        """Packets are received together, as by a NIC: a veth otherwise wakes its thread for every single one."""
        run("ip", "netns", "exec", self.name, "sh", "-c",
            f"cd /sys/class/net/{device} && echo 1 > napi_defer_hard_irqs && echo {COALESCE_NS} > gro_flush_timeout")

    def enter(self):
        """Not ip netns exec: that mounts a /sys without our BPF file system."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]


def thread_cpu_ns(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def napi_threads():
    """{name: pid} of the kernel's threads that receive packets (only where somebody asked for threads)."""
    found = {}
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            name = comm.read_text().strip()
        except OSError:
            continue  # it ended
        if name.startswith("napi/"):
            found[name] = int(comm.parent.name)
    return found


class Process:
    """A server: its CPU time and memory while it runs."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_ns(self, thread=None):
        """Of all its threads, or of those with this name."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            if thread in (None, (task / "comm").read_text().strip()):
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def memory(self):
        """Bytes by the names of proc(5)'s status file."""
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        words = (line.split() for line in lines if line.startswith(("VmRSS", "VmHWM", "RssAnon")))
        return {w[0].rstrip(":"): int(w[1]) * 1024 for w in words}

    def is_alive(self):
        try:
            state = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        return state != "Z"

    def end(self):
        if self.is_alive():
            os.kill(self.pid, signal.SIGTERM)
        end = time.monotonic() + END_LIMIT_S
        while self.is_alive():
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.01)


class Daemon(Process):
    """axfwd with a store of its own, in a namespace."""

    def __init__(self, lab, name, namespace, store, interface="none", threads=1, flags=()):
        self.directory = WORK / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.namespace = namespace
        self.socket = self.directory / "axfw.sock"
        self.pins = pathlib.Path(f"/sys/fs/bpf/axfw-bench-{os.getpid()}-{name}")
        self.log = self.directory / "axfwd.log"
        env = dict(os.environ, AXIOM_MASTER_KEY=MASTER_KEY, AXIOM_FIREWALL_SESSION_SECRET=SESSION_SECRET)
        try:
            started = bench(
                "start", "--port", PORT, "--log", self.log, "--", *pinned_to(SERVER_CORE), BUILD / "axfwd",
                "--listen", f"0.0.0.0:{PORT}", "--interface", interface, "--tenant-dir", store,
                "--pin-dir", self.pins, "--socket", self.socket, "--cache-dir", WORK / "cache",
                "--threads", threads, "--log-level", "warning", *flags, prefix=namespace.enter(), env=env)
        except BenchError as error:
            log = self.log.read_text(errors="replace")[-LOG_TAIL:] if self.log.exists() else ""
            raise BenchError(f"{error}\n{log}") from error
        super().__init__(started["pid"])
        self.start_ms = started["ms"]
        lab.on_close(self.end)

    def ask(self, command):
        return json.loads(run(BUILD / "axfw", command, "--json", "--socket", self.socket))

    def program_ns(self):
        """What the XDP program has run for; counted while bpf_stats_enabled is 1."""
        shown = json.loads(run("bpftool", "-j", "prog", "show", "pinned", self.pins / "prog_xdp"))
        return shown.get("run_time_ns", 0)

    def wait_drained(self, limit_s):
        """Seconds until every recorded call is in its tenant's file, and the largest journal seen."""
        began, largest = time.monotonic(), 0
        while True:
            journal = self.ask("status")["store"]["journal"]
            largest = max(largest, journal["bytes"])
            waited = time.monotonic() - began
            if not journal["records_pending"] or waited > limit_s:
                return waited, largest, journal["records_pending"]
            time.sleep(0.1)


class Bare(Process):
    """libmicrohttpd alone, sending what axfwd sent."""

    def __init__(self, lab, namespace, like, reuse=False):
        words = [*namespace.enter(), *pinned_to(SERVER_CORE), BUILD / "axfw-bench", "bare", "--port", PORT,
                 "--threads", 1, "--like", like, *(["--reuse"] if reuse else [])]
        self.process = subprocess.Popen([str(w) for w in words])
        super().__init__(self.process.pid)
        self.namespace = namespace
        lab.on_close(self.end)

    def end(self):
        super().end()
        self.process.wait()


def load(namespace, keys, *words, address="127.0.0.1", seconds=2, warm_up=0.3):
    """The load generator's report, from inside a namespace and on the other core."""
    return bench("load", "--connect", f"{address}:{PORT}", "--keys", keys, "--seconds", seconds,
                 "--warm-up", warm_up, *words, prefix=[*namespace.enter(), *pinned_to(CLIENT_CORE)],
                 limit_s=seconds + 60)


def populate(directory, tenants, keys):
    """A store with that many tenants of one key each."""
    env = dict(os.environ, AXIOM_MASTER_KEY=MASTER_KEY)
    bench("populate", "--dir", directory, "--tenants", tenants, "--keys", keys, env=env, limit_s=600)


class Lab:
    """Everything that has to be undone, in reverse order."""

    def __init__(self):
        self.undo = []
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)

    def on_close(self, action):
        self.undo.append(action)

    def rest(self):
        """Undoes everything but the files: between two parts."""
        while self.undo:
            try:
                self.undo.pop()()
            except (OSError, BenchError) as error:
                print(f"  clean-up: {error}", flush=True)

    def close(self):
        self.rest()
        shutil.rmtree(WORK, ignore_errors=True)

    def namespace(self, name):
        return Namespace(self, name)

    def cable(self, name):
        """Two namespaces and a veth between them; the client's end has an XDP program, as answers need."""
        server, client = Namespace(self, f"{name}s"), Namespace(self, f"{name}c")
        run("ip", "-n", server.name, "link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns",
            client.name)
        for namespace, device, address in ((server, "s0", "10.77.0.1"), (client, "c0", "10.77.0.2")):
            run("ip", "-n", namespace.name, "address", "add", f"{address}/24", "dev", device)
            run("ip", "-n", namespace.name, "link", "set", device, "up")
        bench("xdp-pass", "c0", prefix=client.enter())
        return server, client

    def count_program_time(self):
        """The kernel counts what BPF programs take only when asked to; costs each run some 20 ns."""
        path = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
        before = path.read_text()
        path.write_text("1")
        self.on_close(lambda: path.write_text(before))
