# SPDX-License-Identifier: Apache-2.0
"""What is measured. Each part is a function of (lab, options) that returns a Result; docstrings are --help.

Two things are compared only when they ran in turns in the same run: this machine may be busy with something
else, and then both are. A rate is the median of its rounds.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import tempfile
import threading
import time

from floods import measure_floods
from servers import (BUILD, MASTER_KEY, REPO, SERVER_CORE, WORK, Bare, BenchError, Daemon, bench, load, pinned_to,
                     populate, run)

MIB = 1 << 20
MILLION = 1000000
TENANT_FILE_BYTES = 64 << 10
DRAIN_THREAD = "store-drain"
PYTHON_ROUNDS = 200
JOURNAL_LOOK_S = 0.5  # often enough to see it grow, too rare to be seen in the rate
OLD_DIRECTORY = REPO / "tests/fixtures/make_old_directory.py"


@dataclasses.dataclass
class Result:
    """A table for people, figures for programs, and which stated targets were met."""
    columns: list
    rows: list = dataclasses.field(default_factory=list)
    figures: dict = dataclasses.field(default_factory=dict)
    targets: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def target(self, what, value, limit, unit="", at_least=False):
        met = value >= limit if at_least else value <= limit
        self.targets.append({"what": what, "value": round(value, 3), "limit": limit, "unit": unit,
                             "at_least": at_least, "met": met})


def say(text):
    print(f"  … {text}", flush=True)


def median(reports, name):
    return statistics.median(report[name] for report in reports)


def in_turns(servers, rounds, measure):
    """{name: [report, …]}: every server once in each round, each round beginning with another one."""
    reports = {name: [] for name in servers}
    names = list(servers)
    for number in range(rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            reports[name].append(measure(name, servers[name]))
    return reports


def timed_load(server, namespace, keys, *words, **options):
    """A load's report with the server's CPU time for each answer beside it."""
    before, drain_before = server.cpu_ns(), server.cpu_ns(DRAIN_THREAD)
    report = load(namespace, keys, *words, **options)
    answers = max(report["answers"], 1)
    report["server_us"] = (server.cpu_ns() - before) / answers / 1000
    report["drain_us"] = (server.cpu_ns(DRAIN_THREAD) - drain_before) / answers / 1000
    return report


def expect(report, status):
    """A rate of the wrong answers is no figure."""
    if set(report["statuses"]) != {status} or report["errors"]:
        raise BenchError(f"expected only {status}: {report['statuses']}, {report['errors']} errors")


# How fast xdp-filter (IP) was where the budgets come from: the slowest of its figures there.
BUDGETS_FILTER_NS = 52
MANY_KEYS = "290-byte request among 1,000,000 keys, "
FEW_KEYS = "290-byte request among 1,000 keys, "


def measure_packets(rounds):
    """{packet: ns} and {packet: budget}: of each the quickest of the rounds, because a virtual machine has slow moments."""
    ns, budgets = {}, {}
    for _ in range(rounds):
        # Not in a namespace of ours: the program makes what it needs and removes it.
        for row in json.loads(run(*pinned_to(SERVER_CORE), BUILD / "bpf-tests", "--bench", limit_s=240))["rows"]:
            ns[row["packet"]] = min(row["ns"], ns.get(row["packet"], row["ns"]))
            if row.get("budget_ns"):
                budgets[row["packet"]] = row["budget_ns"]
    return ns, budgets


def packets(lab, options):
    """what the XDP and TC programs take for each kind of packet, beside xdp-filter (BPF_PROG_TEST_RUN)"""
    result = Result(["packet", "ns", "budget", "of budget", "of it here", "at TC", "after a refusal",
                     "xdp-filter, IP", "xdp-filter, all"])
    say(f"{options.rounds} rounds of half a minute")
    ns, budgets = measure_packets(options.rounds)
    result.figures["ns"] = ns
    slower = statistics.median(ns[name] for name in ns if name.endswith("(xdp-filter, IP)")) / BUDGETS_FILTER_NS
    kinds = (", at TC", ", after a refusal", " (xdp-filter, IP)", " (xdp-filter, all)")
    for name, budget in budgets.items():
        others = (ns.get(name + kind) for kind in kinds)
        result.rows.append([name, f"{ns[name]:.0f}", budget, f"{ns[name] / budget:.2f}",
                            f"{ns[name] / budget / slower:.2f}", *(f"{other:.0f}" if other else "-" for other in others)])
        result.target(name, ns[name], 1.5 * budget, "ns")
        result.target(f"{name}, at this machine's speed", ns[name] / slower, budget, "ns")
    for name in ns:
        if name not in budgets and not name.endswith(kinds):
            result.rows.append([name, f"{ns[name]:.0f}", *["-"] * 7])
    result.target("another port's packet to xdp-filter's cost", ns["other port"] / ns["other port (xdp-filter, IP)"], 1.2)
    result.target("a million keys to a thousand, one key asked for", ns[MANY_KEYS + "one key"] / ns[FEW_KEYS + "one key"],
                  1.25)
    another = "each time another, between system calls"
    result.target("a million keys to a thousand, each time another", ns[MANY_KEYS + another] / ns[FEW_KEYS + another], 1.25)
    result.notes += [
        "After a refusal, for a minute or more: each segment is looked up among the refused connections.",
        "xdp-filter (xdp-tools, allow mode) looks at no payload; it says how fast this machine is just now: "
        f"{slower:.2f} × the time it took where the budgets come from. Of it here: of the budget times that."]
    return result


def verdicts(lab, options):
    """verdicts/s and latency at 1 and 32 connections, beside libmicrohttpd alone"""
    result = Result(["connections", "server", "per second", "of bare", "p50 µs", "p99 µs", "of bare",
                     "CPU µs each", "bare's by CPU", "server busy"])
    keys, like = WORK / "verdicts.keys", WORK / "answer"
    for name in ("plain", "lo"):
        populate(WORK / f"store-{name}", 1, keys if name == "plain" else WORK / "lo.keys")
    key_files = {"axfwd": keys, "axfwd, XDP on lo": WORK / "lo.keys"}
    plain = Daemon(lab, "plain", lab.namespace("p"), WORK / "store-plain")
    servers = {"axfwd": plain,
               "axfwd, XDP on lo": Daemon(lab, "lo", lab.namespace("l"), WORK / "store-lo", interface="lo")}
    expect(load(plain.namespace, keys, "--save", like, seconds=0.3), "200")
    servers["bare"] = Bare(lab, lab.namespace("b"), like)
    servers["bare, one response"] = Bare(lab, lab.namespace("r"), like, reuse=True)

    def measure(name, server):
        report = timed_load(server, server.namespace, key_files.get(name, keys), "--connections",
                            connections, seconds=options.seconds)
        expect(report, "200")
        return report

    for connections in (1, 32):
        say(f"{connections} connection(s): {options.rounds} rounds of {options.seconds:g} s for each of "
            f"{len(servers)} servers")
        reports = in_turns(servers, options.rounds, measure)
        base_rate = median(reports["bare"], "per_second")
        base_p99 = median(reports["bare"], "p99_us")
        base_cpu = median(reports["bare"], "server_us")
        for name, rounds in reports.items():
            rate, p99, cpu = (median(rounds, what) for what in ("per_second", "p99_us", "server_us"))
            result.rows.append([connections, name, f"{rate:,.0f}", f"{rate / base_rate:.2f}",
                                f"{median(rounds, 'p50_us'):.0f}", f"{p99:.0f}", f"{p99 / base_p99:.2f}",
                                f"{cpu:.1f}", f"{base_cpu / cpu:.2f}", f"{rate * cpu / 1e4:.0f} %"])
        result.figures[f"connections_{connections}"] = reports
        for name in key_files:
            if connections == 32:
                result.target(f"{name}: rate at 32 connections to bare's",
                              median(reports[name], "per_second") / base_rate, 0.5, at_least=True)
                result.target(f"{name}: the same by CPU time", base_cpu / median(reports[name], "server_us"),
                              0.5, at_least=True)
            else:
                result.target(f"{name}: p99 at 1 connection to bare's",
                              median(reports[name], "p99_us") / base_p99, 3)
    result.notes.append("Of bare: libmicrohttpd with a handler that sends the same bytes, a response made for each "
                        "request; one response: made once. Where no server is busy for nearly 100 %, something "
                        "else had the core or the client was the limit: then only CPU time compares them.")
    for server in servers.values():
        server.end()
    return result


def refusals(lab, options):
    """what a wrong key costs: refused in the kernel beside userspace, a new connection each, over veth"""
    result = Result(["refused in", "per second", "p50 µs", "p99 µs", "axfwd µs each", "program µs each"])
    keys = WORK / "wrong.keys"
    keys.write_text("".join(f"axfw_{number:043d}\n" for number in range(1000)))
    lab.count_program_time()
    servers, clients = {}, {}
    for name, interface in (("kernel", "s0"), ("userspace", "none")):
        server_side, clients[name] = lab.cable(name[0])
        populate(WORK / f"store-{name}", 1, WORK / "unused.keys")
        servers[name] = Daemon(lab, name, server_side, WORK / f"store-{name}", interface=interface,
                               flags=["--penalty-refusals", "0"])  # each is to be answered
    state = servers["kernel"].ask("status")["kernel"]
    if state["mode"] != "enforcing":
        raise BenchError(f"the kernel doesn't enforce here: {state['reason']}")

    def measure(name, server):
        program = server.program_ns() if name == "kernel" else 0
        report = timed_load(server, clients[name], keys, "--fresh", "--connections", 32,
                            address="10.77.0.1", seconds=options.seconds)
        expect(report, "401")
        if name == "kernel":
            report["program_us"] = (server.program_ns() - program) / report["answers"] / 1000
            if report["kernel_answers"] != report["requests"]:
                raise BenchError("some refusals were userspace's")
        return report

    say(f"{options.rounds} rounds of {options.seconds:g} s each, 32 connections at a time")
    reports = in_turns(servers, options.rounds, measure)
    for name, rounds in reports.items():
        program = median(rounds, "program_us") if name == "kernel" else 0
        result.rows.append([name, f"{median(rounds, 'per_second'):,.0f}", f"{median(rounds, 'p50_us'):.0f}",
                            f"{median(rounds, 'p99_us'):.0f}", f"{median(rounds, 'server_us'):.2f}",
                            f"{program:.2f}" if name == "kernel" else "-"])
    result.figures = reports
    costs = {name: median(rounds, "server_us") for name, rounds in reports.items()}
    costs["kernel"] += median(reports["kernel"], "program_us")
    rates = {name: median(rounds, "per_second") for name, rounds in reports.items()}
    result.notes.append(f"Server CPU for each refusal, userspace to kernel: "
                        f"{costs['userspace'] / costs['kernel']:.1f} ×; rate, kernel to userspace: "
                        f"{rates['kernel'] / rates['userspace']:.2f} ×. The program's time covers every packet of "
                        f"a connection; the handshake, which both pay, is in neither.")
    for server in servers.values():
        server.end()
    return result


@contextlib.contextmanager
def memory_directory(tenants):
    """Where ten thousand files are made in a third of the time, if there is room for them."""
    memory = pathlib.Path("/dev/shm")
    room = memory.is_dir() and shutil.disk_usage(memory).free > tenants * 2 * TENANT_FILE_BYTES
    with tempfile.TemporaryDirectory(prefix="axfw-bench-", dir=memory if room else WORK) as directory:
        yield pathlib.Path(directory)


def store_of_many(options):
    """The store that the next two parts share; made once."""
    directory, keys = WORK / "store-many", WORK / "many.keys"
    if not keys.exists():
        say(f"making a store of {options.tenants:,} tenants")
        with memory_directory(options.tenants) as scratch:
            populate(scratch / "store", options.tenants, keys)
            shutil.copytree(scratch / "store", directory)
    return directory, keys


def count_rows(directory):
    """Every usage record in every tenant's file."""
    total = 0
    for path in directory.glob("*.db"):
        if path.name == "registry.db":
            continue
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        total += connection.execute("select count(*) from usage_records").fetchone()[0]
        connection.close()
    return total


def load_and_watch(daemon, keys, words, seconds):
    """A load's report with the largest journal on disk meanwhile."""
    largest, done = 0, threading.Event()

    def watch():
        nonlocal largest
        while not done.wait(JOURNAL_LOOK_S):
            largest = max(largest, daemon.ask("status")["store"]["journal"]["bytes"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        report = timed_load(daemon, daemon.namespace, keys, *words, seconds=seconds, warm_up=1)
    finally:
        done.set()
        watcher.join()
    return report | {"journal_bytes": largest}


def tenants(lab, options):
    """many tenants asked by Zipf's law beside one tenant; the journal; the time until rows are in files"""
    result = Result(["load", "per second", "of one tenant", "p99 µs", "CPU µs each", "drain's part",
                     "one's by CPU", "journal MiB", "in files after s"])
    directory, keys = store_of_many(options)
    one = WORK / "one.keys"
    one.write_text(keys.read_text().splitlines(keepends=True)[0])
    daemon = Daemon(lab, "many", lab.namespace("m"), directory, interface="lo")
    loads = {"one tenant": (one, []), f"{options.tenants:,} tenants": (keys, ["--zipf", 1])}
    answered = 0

    def measure(name, words):
        nonlocal answered
        key_file, extra = words
        say(f"{name}: {options.load_seconds:g} s of load, then until the journal is empty")
        report = load_and_watch(daemon, key_file, ["--connections", 32, *extra], options.load_seconds)
        expect(report, "200")
        waited, largest, left = daemon.wait_drained(120)
        report |= {"drained_s": waited, "journal_bytes": max(largest, report["journal_bytes"]), "left": left}
        answered += report["answers"]
        return report

    reports = in_turns(loads, options.load_rounds, measure)
    base, base_cpu = (median(reports["one tenant"], what) for what in ("per_second", "server_us"))
    for name, rounds in reports.items():
        rate, cpu = median(rounds, "per_second"), median(rounds, "server_us")
        result.rows.append([name, f"{rate:,.0f}", f"{rate / base:.2f}", f"{median(rounds, 'p99_us'):.0f}",
                            f"{cpu:.1f}", f"{median(rounds, 'drain_us'):.1f}", f"{base_cpu / cpu:.2f}",
                            f"{max(r['journal_bytes'] for r in rounds) / MIB:.0f}",
                            f"{max(r['drained_s'] for r in rounds):.1f}"])
    many = reports[f"{options.tenants:,} tenants"]
    result.target("many tenants' rate to one's", median(many, "per_second") / base, 0.85, at_least=True)
    result.target("journal", max(r["journal_bytes"] for rs in reports.values() for r in rs) / MIB, 256, "MiB")
    result.target("until every row is in its file", max(r["drained_s"] for r in many), 60, "s")
    memory, maps = daemon.memory(), sum(m["bytes"] for m in daemon.ask("maps")["maps"])
    result.target("memory under load with maps", (memory["VmHWM"] + maps) / MIB, 256, "MB")
    daemon.end()
    rows = count_rows(directory)
    # A connection that the load generator closed at its end had one more request in flight.
    in_flight = 32 * 2 * options.load_rounds
    result.notes.append(f"{answered:,} answers were read, {rows:,} rows are in the files (up to {in_flight} "
                        f"answers were in flight when a load ended).")
    if not answered <= rows <= answered + in_flight:
        raise BenchError(f"{answered} answers, but {rows} rows")
    result.figures = {"loads": reports, "rows": rows, "answers": answered, "memory": memory, "maps": maps}
    return result


def start(lab, options):
    """start to serving and enforcing with many tenants; memory at rest"""
    result = Result(["start", "ms", "kernel", "resident MiB", "maps MiB"])
    directory, _ = store_of_many(options)
    namespace = lab.namespace("s")
    starts = []
    for number in range(options.rounds + 1):
        daemon = Daemon(lab, "start", namespace, directory, interface="lo")
        mode = daemon.ask("status")["kernel"]["mode"]
        time.sleep(0.5)  # at rest: past what starting took
        maps = sum(m["bytes"] for m in daemon.ask("maps")["maps"])
        starts.append({"ms": daemon.start_ms, "mode": mode, "rss": daemon.memory()["VmRSS"], "maps": maps})
        daemon.end()
        # The first one compiles the patterns and fills the page cache.
        result.rows.append(["first" if not number else "again", f"{daemon.start_ms:.0f}", mode,
                            f"{starts[-1]['rss'] / MIB:.1f}", f"{maps / MIB:.1f}"])
    result.figures["starts"] = starts
    result.target("start to serving", statistics.median(s["ms"] for s in starts[1:]), 500, "ms")
    result.target("resident at rest", max(s["rss"] for s in starts) / MIB, 64, "MiB")
    return result


def keys(lab, options):
    """loading and attaching the programs, and holding a million API keys in the kernel"""
    result = Result(["round", "load and attach ms", "adopt ms", "a million new keys s", "CPU s", "all known s", "CPU s"])
    namespace = lab.namespace("k")
    rounds = []
    for number in range(options.rounds):
        pins = f"/sys/fs/bpf/axfw-bench-{os.getpid()}-keys"
        seen = json.loads(run(*namespace.enter(), *pinned_to(SERVER_CORE), BUILD / "axfw-bench", "kernel",
                              "--keys", MILLION, "--pin-dir", pins, limit_s=120))
        rounds.append(seen)
        result.rows.append([number + 1, f"{seen['start_ms']:.0f}", f"{seen['adopt_ms']:.0f}",
                            *(f"{seen[name]:.2f}" for name in ("new_s", "new_cpu_s", "same_s", "same_cpu_s"))])
    result.figures["rounds"] = rounds
    result.target("load and attach", median(rounds, "start_ms"), 300, "ms")
    result.target("a million new keys", median(rounds, "new_s"), 3, "s")
    result.target("a million known keys", median(rounds, "same_s"), 3, "s")
    return result


def takeover(lab, options):
    """an old directory of the Python firewall's is taken over"""
    result = Result(["tenants", "first start s", "next start ms"])
    directory = WORK / "store-old"
    say(f"making an old directory of {options.tenants:,} tenants")
    run("/usr/bin/python3", OLD_DIRECTORY, directory, "--tenants", options.tenants, "--master-key", MASTER_KEY,
        limit_s=600)
    namespace = lab.namespace("o")
    taken = []
    for _ in range(2):
        daemon = Daemon(lab, "old", namespace, directory, interface="lo")
        taken.append({"ms": daemon.start_ms, "tenants": daemon.ask("status")["tenants"]})
        daemon.end()
    if taken[0]["tenants"] != options.tenants:
        raise BenchError(f"{taken[0]['tenants']} of {options.tenants} tenants are there")
    result.rows.append([f"{options.tenants:,}", f"{taken[0]['ms'] / 1000:.2f}", f"{taken[1]['ms']:.0f}"])
    result.figures["starts"] = taken
    result.target("an old directory is taken over", taken[0]["ms"] / 1000, 5, "s")
    return result


def time_in_python(prompt, regexes):
    """Microseconds that Python's re takes for the same rules, and how many of them it understands."""
    compiled = []
    for regex in regexes:
        with contextlib.suppress(re.error):
            compiled.append(re.compile(regex.encode(), re.IGNORECASE | re.DOTALL))
    took = []
    for _ in range(PYTHON_ROUNDS):
        began = time.perf_counter_ns()
        for pattern in compiled:
            pattern.search(prompt.encode())
        took.append((time.perf_counter_ns() - began) / 1000)
    return statistics.median(took), len(compiled)


def intent(lab, options):
    """what an evaluation takes: a prompt, a long text, texts made to be hard, a policy; beside Python's re"""
    result = Result(["what", "figure", ""])
    cache = tempfile.mkdtemp(dir=WORK)
    seen = bench("intent", "--cache", cache, prefix=pinned_to(SERVER_CORE))
    rules = bench("intent", "--regexes")
    python_us, understood = time_in_python(rules["prompt"], rules["regexes"])
    prompt, policy = seen["prompt"], seen["policy"]
    added = policy["with_ns"] / policy["without_ns"] - 1
    result.rows += [
        [f"a prompt of {prompt['bytes']} bytes, median", f"{prompt['median_ns'] / 1000:.1f}", "µs"],
        ["the same, 99th percentile", f"{prompt['p99_ns'] / 1000:.1f}", "µs"],
        [f"Python's re, {understood} of the {len(rules['regexes'])} expressions alone", f"{python_us:,.0f}", "µs"],
        ["a text of 4 MiB", f"{seen['long_mb_per_s']:.0f}", "MB/s"],
        ["a policy of 100 patterns adds", f"{100 * added:.0f}", "%"],
        *([f"256 KiB of {name}", f"{ms:.1f}", "ms"] for name, ms in seen["worst_ms"].items())]
    result.figures = seen | {"python_us": python_us, "python_regexes": understood}
    result.target("a prompt, median", prompt["median_ns"] / 1000, 10, "µs")
    result.target("a prompt, 99th percentile", prompt["p99_ns"] / 1000, 50, "µs")
    result.target("a long text", seen["long_mb_per_s"], 25, "MB/s", at_least=True)
    result.target("256 KiB of the worst text", max(seen["worst_ms"].values()), 30, "ms")
    result.target("what a policy of 100 patterns adds", added, 0.2)
    return result


def floods(lab, options):
    """what a flood costs the server and leaves to a well-behaved client, with and without the kernel path"""
    result = Result(["flood", "met by", "attempts/s", "axfwd µs each", "softirq µs each", "client/s alone",
                     "beside it", "kept"])
    result.figures = measure_floods(lab, max(options.seconds, 2), say)
    for flood, ways in result.figures.items():
        for way, seen in ways.items():
            result.rows.append([flood, way, f"{seen['attempts_per_second']:,.0f}", f"{seen['daemon_us']:.2f}",
                                f"{seen['softirq_us']:.2f}", f"{seen['client_alone']:,.0f}",
                                f"{seen['client_beside']:,.0f}", f"{100 * seen['kept']:.0f} %"])
    result.notes.append("Bad keys come as fast as it takes to leave a client a quarter of its verdicts without the kernel "
                        "path. axfwd's part is beyond what it takes idle, which is "
                        f"{max(w['daemon_idle'] for ws in result.figures.values() for w in ws.values()):.2%} of a core "
                        "at most. Boxed sources get no answers, so a SYN is an attempt. Beside the SYNs the client opens a connection for each call.")
    bad = result.figures["bad keys"]
    answered, boxed, userspace = bad["401 in the kernel"], bad["penalty box"], bad["userspace"]
    result.target("axfwd's CPU for a bad key answered in the kernel", answered["daemon_us"], 0.1, "µs")
    result.target("server's CPU for it to userspace's", answered["cost_us"] / userspace["cost_us"], 0.5)
    fast = result.figures["boxed sources"]["penalty box"]
    result.target("the same once its source is boxed, and sends at that rate",
                  boxed["cost_us"] / userspace["cost_us"], 0.05)
    result.target("and sends as fast as a boxed source can", fast["cost_us"] / userspace["cost_us"], 0.05)
    result.target("the client keeps without the kernel path", userspace["kept"], 0.25)
    result.target("the client keeps with it", boxed["kept"], 0.8, at_least=True)
    syns = result.figures["SYNs"]
    result.target("new connections beside SYNs, with the program's cookies to without any",
                  syns["the program's cookies"]["kept"] / max(syns["the stack, no cookies"]["kept"], 0.01), 1,
                  at_least=True)
    return result


PARTS = {"packets": packets, "verdicts": verdicts, "refusals": refusals, "tenants": tenants, "start": start, "keys": keys,
         "takeover": takeover, "floods": floods, "intent": intent}
