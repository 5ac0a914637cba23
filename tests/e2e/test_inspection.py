# SPDX-License-Identifier: Apache-2.0
"""What an operator sees of the traffic: axfw top over a terminal and in a pipe, axfw trace."""
import contextlib
import json
import os
import pty
import signal
import subprocess
import termios

import pytest

from clients import UNKNOWN_KEY, check
from lab import BUILD, CLIENT4, PATIENCE_S, PORT, SERVER4, run, wait_until

ENTER, LEAVE = b"\033[?1049h", b"\033[?1049l"


def top(daemon):
    return daemon.axfw("top", "--interval", "0.2")


def trace_until(daemon):
    dump = json.loads(run("bpftool", "-j", "map", "dump", "pinned", daemon.pins / "config"))
    return dump[0]["formatted"]["value"]["trace"]["until_ns"]


def test_top_names_sources_and_keys(network, daemon, key):
    for _ in range(3):
        assert check(network, key).status == 200
    for _ in range(2):
        assert check(network, UNKNOWN_KEY).status == 401
    seen = wait_until(lambda: (lambda t: t if len(t["keys"]) == 2 else None)(top(daemon)), "both keys are seen")
    assert [source["source"] for source in seen["sources"]] == [CLIENT4]
    assert 0 < seen["sources"][0]["refused_per_second"] < seen["sources"][0]["per_second"]
    ours, = [k for k in seen["keys"] if k["id"]]
    assert (ours["tenant"], ours["name"], ours["reason"]) == ("ada@example.org", "test", "KEY_ADMITTED")
    assert ours["refused_per_second"] == 0
    counters = {row["reason"]: row["packets"] for row in seen["counters"]}
    assert (counters["KEY_ADMITTED"], counters["KEY_UNKNOWN"]) == (3, 2)
    text = run(BUILD / "axfw", "--socket", daemon.socket, "top", "--once", "--interval", "0.1")
    assert "KEY_UNKNOWN" in text and "ada@example.org: test" in text and "\033" not in text


def test_top_in_userspace_mode(network, make_daemon):
    daemon = make_daemon(interface="none").start()
    assert check(network, UNKNOWN_KEY).status == 401
    seen = top(daemon)
    assert seen["mode"] == "userspace" and seen["why"]
    assert [(s["source"], s["reason"]) for s in seen["sources"]] == [(CLIENT4, "KEY_UNKNOWN")]
    assert [k["tenant"] for k in seen["keys"]] == [None]
    assert seen["requests"]["refusals"]["key"] == 1


class Terminal:
    """axfw in a terminal of its own."""

    def __init__(self, daemon, *words):
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(theirs)
        self.theirs, self.shown = theirs, b""
        self.process = subprocess.Popen([BUILD / "axfw", "--socket", daemon.socket, *words], stdin=theirs,
                                        stdout=theirs, stderr=theirs, start_new_session=True,
                                        env={**os.environ, "TERM": "xterm"})
        os.set_blocking(self.ours, False)

    def shows(self, text):
        try:
            self.shown += os.read(self.ours, 65536)
        except BlockingIOError:
            pass
        return text in self.shown

    def is_as_before(self):
        return termios.tcgetattr(self.theirs) == self.before

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(daemon):
    t = Terminal(daemon, "top", "--interval", "0.2")
    yield t
    t.close()


@pytest.mark.parametrize("end", [b"q", b"\x03", signal.SIGTERM, signal.SIGHUP], ids=["q", "ctrl-c", "term", "hup"])
def test_top_gives_the_terminal_back(terminal, end):
    wait_until(lambda: terminal.shows(b"axfw top: enforcing"), "it draws")
    assert terminal.shown.startswith(ENTER) and not terminal.is_as_before()
    if end == b"\x03":
        os.kill(terminal.process.pid, signal.SIGINT)  # what the terminal would do, had it a foreground group
    elif isinstance(end, bytes):
        os.write(terminal.ours, end)
    else:
        os.kill(terminal.process.pid, end)
    wait_until(lambda: terminal.process.poll() is not None, "it ends")
    wait_until(lambda: terminal.shows(LEAVE), "the screen is given back")
    assert terminal.process.returncode == 0 and terminal.is_as_before()


def test_top_waits_for_a_daemon_that_is_away(daemon, terminal):
    wait_until(lambda: terminal.shows(b"axfw top: enforcing"), "it draws")
    daemon.stop()
    wait_until(lambda: terminal.shows(b"trying again"), "it says so")
    terminal.shown = b""
    daemon.start()
    wait_until(lambda: terminal.shows(b"axfw top: enforcing"), "it goes on")


def test_a_trace_ends_with_who_asked_for_it(daemon):
    assert trace_until(daemon) == 0
    asking = subprocess.Popen([BUILD / "axfw", "--socket", daemon.socket, "trace", "--ip", CLIENT4],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = wait_until(lambda: trace_until(daemon), "the kernel is told")
    wait_until(lambda: trace_until(daemon) > first, "the lease is renewed")
    asking.send_signal(signal.SIGINT)
    _, said = asking.communicate(timeout=30)
    assert asking.returncode == 0 and "Nothing was judged" in said
    assert trace_until(daemon) == 0


def test_a_trace_wants_a_kernel(make_daemon):
    daemon = make_daemon(interface="none").start()
    done = subprocess.run([BUILD / "axfw", "--socket", daemon.socket, "trace", "--for", "1s"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no interface" in done.stderr


def test_a_trace_says_why(network, daemon, key):
    asking = subprocess.Popen([BUILD / "axfw", "--json", "--socket", daemon.socket, "trace", "--ip", CLIENT4],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: trace_until(daemon), "the kernel is told")
    assert check(network, UNKNOWN_KEY).by_kernel
    assert check(network, key).status == 200
    lines = []
    while not any(line["reason"] == "KEY_ADMITTED" for line in lines):
        lines.append(json.loads(asking.stdout.readline()))
    asking.send_signal(signal.SIGINT)
    asking.communicate(timeout=30)
    refused, = [line for line in lines if line["reason"] == "KEY_UNKNOWN"]
    assert (refused["action"], refused["client"], refused["interface"]) == ("answer", CLIENT4, "s0")
    assert "every active key is in the map" in refused["why"] and len(refused["request_id"]) == 16


def test_a_trace_of_one_key(network, daemon, key):
    asking = subprocess.Popen([BUILD / "axfw", "--socket", daemon.socket, "trace", "--key", "-"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    asking.stdin.write(key + "\n")
    asking.stdin.flush()
    wait_until(lambda: trace_until(daemon), "the kernel is told")
    assert check(network, UNKNOWN_KEY).by_kernel
    assert check(network, key).status == 200
    line = asking.stdout.readline()
    asking.send_signal(signal.SIGINT)
    shown, _ = asking.communicate(timeout=30)
    assert "pass KEY_ADMITTED: the key is active" in line and "KEY_UNKNOWN" not in line + shown


@contextlib.contextmanager
def unread():
    """A pipe that nobody reads, as `| head` leaves it."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("words", ["trace", "top --once --interval 0.1", "deny list", "maps", "maps dump counters",
                                   "status", "--help"])
def test_a_closed_pipe_is_a_normal_end(daemon, words):
    for options in ((), ("--json",)):
        with unread() as pipe:
            done = subprocess.run([BUILD / "axfw", *options, "--socket", daemon.socket, *words.split()], stdout=pipe,
                                  stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0 and done.stderr in ("", "Tracing; Ctrl-C ends.\n")
    assert trace_until(daemon) == 0


def test_a_trace_ends_with_its_reader(network, daemon):
    """One line is read, then nobody reads any more; nothing else happens that could be written."""
    asking = subprocess.Popen([BUILD / "axfw", "--socket", daemon.socket, "trace", "--ip", CLIENT4],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: trace_until(daemon), "the kernel is told")
    assert check(network, UNKNOWN_KEY).by_kernel
    assert CLIENT4 in asking.stdout.readline()
    asking.stdout.close()
    assert asking.wait(PATIENCE_S) == 0
    assert asking.stderr.read() == "Tracing; Ctrl-C ends.\n"
    assert trace_until(daemon) == 0


def test_output_that_cannot_be_written(daemon):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BUILD / "axfw", "--socket", daemon.socket, "status"], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "can't write" in done.stderr


def test_interfaces_at_run_time(network, make_daemon):
    daemon = make_daemon(interface="lo").start()
    assert not check(network, UNKNOWN_KEY).by_kernel
    interface = daemon.axfw("attach", "s0")["interface"]
    assert (interface["name"], interface["answers"]) == ("s0", True)
    assert check(network, UNKNOWN_KEY).by_kernel
    for words, reason in ((("attach", "s0"), "already"), (("attach", "nosuch0"), "no such interface"),
                          (("detach", "nosuch0"), "not attached")):
        done = subprocess.run([BUILD / "axfw", "--socket", daemon.socket, *words], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 1 and reason in done.stderr and words[1] in done.stderr
    assert daemon.axfw("detach", "s0")["detached"]
    assert not check(network, UNKNOWN_KEY).by_kernel
    assert [i["name"] for i in daemon.status()["kernel"]["interfaces"]] == ["lo"]


def test_an_added_interface_outlives_the_daemon(network, make_daemon):
    """Killed, or ended with --persist: the next one goes on with what axfw attach added; without, it is gone."""
    daemon = make_daemon("--persist", interface="lo").start()
    daemon.axfw("attach", "s0")
    for how in (signal.SIGKILL, signal.SIGTERM):
        daemon.stop(how)
        daemon.start()
        assert check(network, UNKNOWN_KEY).by_kernel
        interfaces = daemon.status()["kernel"]["interfaces"]
        assert [(i["name"], i["added"]) for i in interfaces] == [("lo", False), ("s0", True)]
    text = run(BUILD / "axfw", "--socket", daemon.socket, "status")
    assert "s0: xdp native, refuses by itself, added by axfw attach" in text
    assert "s0: xdp, native mode, refusals are answered in the kernel, added by axfw attach" in daemon.output()
    daemon.flags.remove("--persist")
    daemon.replace()
    daemon.stop()
    daemon.start()
    assert [i["name"] for i in daemon.status()["kernel"]["interfaces"]] == ["lo"]


def dump(daemon, name):
    return daemon.axfw("maps", "dump", name, "--limit", "1000")["entries"]


def test_every_map_can_be_read_in_words(network, make_daemon):
    daemon = make_daemon("--forwarded-allow-ips", "192.0.2.0/24", "--penalty-refusals", "100").start()
    tenant = daemon.create_tenant()
    key, key_id = daemon.create_key(tenant, "ci")
    assert check(network, key).status == 200
    assert check(network, UNKNOWN_KEY).by_kernel
    daemon.axfw("deny", "add", "203.0.113.0/24", "--for", "1h")
    ours, = dump(daemon, "admissions")
    assert (ours["state"], ours["tenant"], ours["name"], ours["hits"]) == ("admitted", "ada@example.org", "ci", 1)
    denied, = dump(daemon, "denied")
    assert (denied["prefix"], denied["cause"]) == ("203.0.113.0/24", "operator")
    assert 3590 < denied["seconds_left"] <= 3600
    assert dump(daemon, "proxies") == [{"prefix": "192.0.2.0/24"}]
    flow, = dump(daemon, "flows")
    assert flow["client"].startswith(f"{CLIENT4}:") and flow["server"] == f"{SERVER4}:{PORT}"
    assert (flow["reason"], flow["response"]) == ("KEY_UNKNOWN", "unauthorized (401)")
    refused, = dump(daemon, "refusals")
    assert (refused["client"], refused["count"]) == (CLIENT4, 1)
    config, = dump(daemon, "config")
    assert config["ports"] == [PORT] and set(config["tiers"]) == {"denied", "proxies", "penalty"}
    assert {row["reason"]: row["packets"] for row in dump(daemon, "counters")}["KEY_UNKNOWN"] == 1
    assert len(dump(daemon, "responses")) >= 3 and "HTTP/1.1 401" in dump(daemon, "responses")[0]["text"]
    assert dump(daemon, "event_budget")[0]["ring_full"] == 0
    for name in ("unknown", "allowed", "syn_budget", "signups"):
        assert dump(daemon, name) == []
    daemon.revoke_key(tenant, key_id)
    assert dump(daemon, "admissions")[0]["state"] == "revoked"
    text = run(BUILD / "axfw", "--socket", daemon.socket, "maps", "dump", "counters", "--limit", "2")
    assert text.startswith("REASON") and "--limit N shows more" in text


def test_maps_that_cannot_be_dumped(daemon, make_daemon):
    for words, reason in ((("events",), "ring buffer"), (("nosuch",), "no map 'nosuch'")):
        done = subprocess.run([BUILD / "axfw", "--socket", daemon.socket, "maps", "dump", *words],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1 and reason in done.stderr
    daemon.stop()
    userspace = make_daemon(interface="none").start()
    for name in ("admissions", "counters"):
        done = subprocess.run([BUILD / "axfw", "--socket", userspace.socket, "maps", "dump", name],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "userspace mode" in done.stderr
