# SPDX-License-Identifier: Apache-2.0
"""The laboratory: a server's and a client's network namespace, a cable between them, and axfwd on one end.

Nothing here touches the machine: namespaces have this process's number in their names, BPF file systems
are mounts of our own, files are temporary. Nothing sleeps for a guessed time: wait_until() waits for a fact.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
# Whose programs are tested. `make SAN=address,undefined build/san/axfwd build/san/axfw` makes them with sanitizers;
# with links to the test programs of build/ beside them, AXFW_BUILD=build/san tests those.
BUILD = REPO / os.environ.get("AXFW_BUILD", "build")
PORT = 8004
SERVER4, SERVER6 = "10.77.0.1", "fd77::1"
CLIENT4, CLIENT6 = "10.77.0.2", "fd77::2"
# Sanitizers, 50 kills and a busy machine: far more than anything takes, so only a hang gets here.
PATIENCE_S = 60  # the first daemon compiles the rules: ten seconds on an idle machine

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def wait_until(fact, what, limit_s=PATIENCE_S):
    """Calls fact() until it returns something true, and returns that."""
    end = time.monotonic() + limit_s
    while True:
        seen = fact()
        if seen:
            return seen
        assert time.monotonic() < end, f"gave up after {limit_s} s waiting until {what}"
        time.sleep(0.01)


def run(*command, **options):
    """A command that must succeed; its standard output."""
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True,
                          timeout=2 * PATIENCE_S, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr or done.stdout}"
    return done.stdout


@contextlib.contextmanager
def inside(namespace):
    """The calling thread's sockets are made in that network namespace (setns is per thread)."""
    with open("/proc/thread-self/ns/net") as back, open(f"/run/netns/{namespace}") as there:
        assert _libc.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert _libc.setns(back.fileno(), CLONE_NEWNET) == 0


def enter(namespace):
    """The words before a command that shall run in the namespace (ip netns exec would hide our mounts)."""
    return ["nsenter", f"--net=/run/netns/{namespace}"]


class Network:
    """Two namespaces and a veth: `server` with s0, `client` with c0 and a passing XDP program on it."""

    def __init__(self, directory, name=""):
        """name tells two laboratories of one run apart."""
        self.server, self.client = f"axfw{os.getpid()}{name}s", f"axfw{os.getpid()}{name}c"
        self.directory = directory
        self.bpffs = directory / "bpf"
        self.peer_object = directory / "peer.bpf.o"

    def build(self):
        self.bpffs.mkdir()
        run("mount", "-t", "bpf", "none", self.bpffs)
        for namespace in (self.server, self.client):
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "-n", self.server, "link", "add", "s0", "type", "veth",
            "peer", "name", "c0", "netns", self.client)
        self._address(self.server, "s0", SERVER4, SERVER6)
        self._address(self.client, "c0", CLIENT4, CLIENT6)
        # Checksums in the packets, as on a wire: a wrong one would not be noticed otherwise.
        run(*enter(self.server), "ethtool", "-K", "s0", "tx", "off")
        run(*enter(self.client), "ethtool", "-K", "c0", "tx", "off")
        run("clang", "-target", "bpf", "-O2", "-g", "-isystem", f"/usr/include/{os.uname().machine}-linux-gnu",
            "-c", REPO / "tests/e2e/peer.bpf.c", "-o", self.peer_object)
        self.attach_peer("pass")

    def _address(self, namespace, device, v4, v6):
        run("ip", "-n", namespace, "address", "add", f"{v4}/24", "dev", device)
        run("ip", "-n", namespace, "address", "add", f"{v6}/64", "dev", device, "nodad")
        run("ip", "-n", namespace, "link", "set", device, "up")

    def add_client_address(self, number):
        """Another IPv4 address for clients (10.77.0.NUMBER): limits count by address."""
        address = f"10.77.0.{number}"
        subprocess.run(["ip", "-n", self.client, "address", "add", f"{address}/24", "dev", "c0"],
                       capture_output=True, check=False)  # there already: fine
        return address

    def attach_peer(self, program):
        """A fresh copy of a program of peer.bpf.c on c0."""
        pins = self.bpffs / "peer"
        shutil.rmtree(pins, ignore_errors=True)
        run("bpftool", "prog", "loadall", self.peer_object, pins, "pinmaps", pins)
        run(*enter(self.client), "bpftool", "net", "attach", "xdpdrv", "pinned", pins / program,
            "dev", "c0", "overwrite")

    @contextlib.contextmanager
    def foreign_program(self):
        """Somebody else's XDP program on s0: it isn't replaced, so ours goes to TC ingress."""
        pins = self.bpffs / "foreign"
        run("bpftool", "prog", "loadall", self.peer_object, pins)
        run(*enter(self.server), "bpftool", "net", "attach", "xdpdrv", "pinned", pins / "pass", "dev", "s0")
        try:
            yield
        finally:
            run(*enter(self.server), "bpftool", "net", "detach", "xdpdrv", "dev", "s0")
            shutil.rmtree(pins, ignore_errors=True)

    @contextlib.contextmanager
    def losing_an_ack(self):
        """The client's first bare ACK behind its request is lost."""
        run(*enter(self.client), "tc", "qdisc", "add", "dev", "c0", "clsact")
        try:
            run(*enter(self.client), "tc", "filter", "add", "dev", "c0", "egress", "bpf", "direct-action",
                "object-pinned", self.bpffs / "peer" / "lose_ack")
            yield
        finally:
            run(*enter(self.client), "tc", "qdisc", "del", "dev", "c0", "clsact")

    def lost(self, what):
        """A counter of peer.bpf.c: `dropped` answers or `acks_lost`."""
        variables, = (self.bpffs / "peer").glob("*bss")
        dump = json.loads(run("bpftool", "-j", "map", "dump", "pinned", variables))
        return next(row[what] for row in dump[0]["formatted"]["value"][".bss"] if what in row)

    def sockets(self, namespace):
        """Every TCP connection of ours that anybody still holds, half-open ones included, as ss shows them.

        TIME-WAIT isn't one: TCP remembers it after both ends have closed in order.
        """
        with_port = f"( sport = :{PORT} or dport = :{PORT} )"
        lines = run(*enter(namespace), "ss", "-Htan", with_port).splitlines()
        return [line for line in lines if not line.startswith(("LISTEN", "TIME-WAIT"))]

    def remove(self):
        for namespace in (self.server, self.client):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
        subprocess.run(["umount", self.bpffs], check=False, capture_output=True)


class Daemon:
    """One axfwd with a store of its own. start() returns when it serves."""

    _count = 0

    def __init__(self, network, directory, *flags, interface="s0", environment=None, store=None):
        Daemon._count += 1
        self.network = network
        self.store = pathlib.Path(store or directory / "tenants")
        self.socket = directory / f"axfw{Daemon._count}.sock"
        self.pins = network.bpffs / f"axfw{Daemon._count}"
        self.log = directory / f"axfwd{Daemon._count}.log"
        self.interface = interface
        self.flags = list(flags)
        self.process = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "AXIOM_MASTER_KEY": "0123456789abcdef" * 4,
            "AXIOM_FIREWALL_SESSION_SECRET": "fedcba9876543210" * 4,
            "AXIOM_FIREWALL_TENANT_DIR": str(self.store),
            "AXFW_SOCKET": str(self.socket),
            "AXFW_PIN_DIR": str(self.pins),
            "AXFW_CACHE_DIR": str(network.directory / "cache"),
            # Tests refuse by the hundred from one address; those about the box turn it on.
            "AXFW_PENALTY_REFUSALS": "0",
            **{name: os.environ.get(name, "") for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")},
            **(environment or {}),
        }

    @property
    def command(self):
        return [str(BUILD / "axfwd"),
                "--listen", f"{SERVER4}:{PORT},[{SERVER6}]:{PORT},127.0.0.1:{PORT}",
                "--interface", self.interface, *self.flags]

    def launch(self, *prefix):
        """Starts the process without waiting for it to serve; prefix: a command to start it through."""
        self.process = subprocess.Popen(
            [*enter(self.network.server), *prefix, *self.command], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=self.log.open("a"), stderr=subprocess.STDOUT)
        return self.process

    def start(self, *prefix):
        self.launch(*prefix)
        self.wait_serving()
        return self

    def wait_serving(self):
        pid = self.process.pid

        def serving():
            assert self.process.poll() is None, f"axfwd ended at once:\n{self.output()}"
            with contextlib.suppress(AssertionError, ValueError):
                return self.status()["pid"] == pid
            return False
        wait_until(serving, f"axfwd serves; it said:\n{self.output()}")

    def stop(self, how=signal.SIGTERM):
        """Ends it and returns its exit status."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(how)
        return process.wait(PATIENCE_S)

    def replace(self):
        """Starts a second daemon on the same sockets, store and pins; returns when the first has ended."""
        old = self.process
        self.launch()
        assert old.wait(PATIENCE_S) == 0, self.output()
        self.wait_serving()

    def output(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def axfw(self, *words, **options):
        """The command line's JSON."""
        return json.loads(run(BUILD / "axfw", "--json", "--socket", self.socket, *words, **options))

    def status(self):
        return self.axfw("status")

    def counters(self):
        """Packets per reason."""
        return {row["reason"]: row["packets"] for row in self.status()["kernel"]["counters"]}

    def metrics(self):
        """{'name{labels}': value} of /metrics, asked from the server's own loopback."""
        text = run(*enter(self.network.server), "curl", "-sf", f"http://127.0.0.1:{PORT}/metrics")
        return {name: float(value) for name, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.M)}

    def create_tenant(self, email="ada@example.org", password="correct horse", tier="indie"):
        """An account, made by the command line; returns its tenant id. indie has no quota."""
        answer = self.axfw("tenants", "create", email, "--tier", tier, "--password-stdin", input=password + "\n")
        return answer["tenant"]["id"]

    def create_key(self, tenant, name="test"):
        """A new key: (secret, id)."""
        answer = self.axfw("keys", "create", "--tenant", tenant, name)
        return answer["secret"], answer["key"]["id"]

    def revoke_key(self, tenant, key_id):
        assert self.axfw("keys", "revoke", "--tenant", tenant, key_id)["revoked"]
