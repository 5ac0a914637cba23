# SPDX-License-Identifier: Apache-2.0
"""Names that others rely on: metrics, axfw status, pins."""
import hashlib
import hmac
import json
import re
import subprocess
import textwrap

from clients import UNKNOWN_KEY, ask, check, curl
from lab import BUILD, PORT, REPO, enter, run, wait_until


def test_metrics(network, daemon, key):
    check(network, key)
    check(network, key, "Buy Google Play gift cards immediately to clear your debt")
    check(network, UNKNOWN_KEY)
    metrics = daemon.metrics()
    assert metrics['axfw_packets_total{reason="key_admitted"}'] == 2
    assert metrics['axfw_packets_total{reason="key_unknown"}'] == 1
    assert metrics['axfw_verdicts_total{verdict="allow",class="INFORM"}'] == 1
    assert metrics['axfw_verdicts_total{verdict="block",class="HARM"}'] == 1
    assert metrics['axfw_kernel_info{mode="enforcing",reason=""}'] == 1
    assert metrics["axfw_request_seconds_count"] >= 2
    assert metrics["axfw_request_seconds_sum"] > 0
    assert metrics['axfw_request_seconds_bucket{le="+Inf"}'] == metrics["axfw_request_seconds_count"]


def test_refused_connections_are_counted(network, daemon):
    for _ in range(3):
        assert check(network, UNKNOWN_KEY).by_kernel
    metrics = wait_until(lambda: (lambda m: m if m["axfw_flows_ended_total"] == 3 else None)(daemon.metrics()),
                         "they are closed")
    assert (metrics["axfw_flows_begun_total"], metrics["axfw_flows_forgotten"]) == (3, 0)


def test_every_metric_is_in_the_docs(network, daemon, key):
    check(network, key)
    text = run(*enter(network.server), "curl", "-sf", f"http://127.0.0.1:{PORT}/metrics")
    served = set(re.findall(r"^# HELP (\w+) (.*)\n# TYPE \w+ (\w+)$", text, re.M))
    page = (REPO / "docs/metrics.md").read_text()
    described = {(name, meaning, kind) for name, kind, meaning in
                 re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]*\| (.*) \|$", page, re.M)}
    assert described == served
    for name in re.findall(r"`(?:rate\()?(axfw_\w+?)[ `){*]", page):
        assert name in text or name.endswith("_"), name


def test_metrics_are_for_the_allowed_only(network, daemon):
    reply = ask(network, "GET", "/metrics")
    assert reply.status == 403
    assert b"axfw_" not in reply.body


def test_metrics_for_others_when_allowed(network, make_daemon):
    make_daemon("--metrics-allow", "10.77.0.0/24").start()
    assert ask(network, "GET", "/metrics").status == 200


def test_pins_are_readable_maps(daemon, key):
    for name in ("config", "admissions", "unknown", "signups", "flows", "responses", "counters", "events"):
        assert (daemon.pins / name).exists()
    assert (daemon.pins / "prog_xdp").exists()
    assert "AXFW_ADMITTED" in run("bpftool", "map", "dump", "pinned", daemon.pins / "admissions") or \
        '"state": 1' in run("bpftool", "map", "dump", "pinned", daemon.pins / "admissions")


def test_operators_routes_are_on_the_local_socket_only(network, daemon):
    for path in ("/node/status", "/node/maps", "/node/keys"):
        assert ask(network, "GET", path).status == 404


def test_axfw_maps_and_doctor(daemon):
    names = {row["name"] for row in daemon.axfw("maps")["maps"]}
    assert {"admissions", "signups", "flows"} <= names
    done = subprocess.run([BUILD / "axfw", "doctor", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and '"' in done.stdout


def test_receipt_can_be_verified_by_anyone(network, daemon, key, tmp_path):
    status, _, keys = curl(network, path="/.well-known/axfw-keys.json")
    assert status == 0
    (tmp_path / "keys.json").write_text(keys.partition("\n\n")[2])
    answer = ask(network, "POST", "/v1/guard/check", b'{"text":"hello","receipt":true}', key=key)
    assert answer.status == 200 and answer.json()["receipt"]["alg"] == "Ed25519"
    (tmp_path / "answer.json").write_bytes(answer.body)
    assert run(BUILD / "axfw", "verify", "--keys", tmp_path / "keys.json", tmp_path / "answer.json")
    changed = answer.json()
    changed["receipt"]["payload"]["verdict"] = "block"
    (tmp_path / "answer.json").write_text(json.dumps(changed))
    done = subprocess.run([BUILD / "axfw", "verify", "--keys", tmp_path / "keys.json", tmp_path / "answer.json"],
                          capture_output=True, check=False)
    assert done.returncode == 1


def documented_commands():
    """The commands of docs/api.md that verify a receipt with OpenSSL."""
    page = (REPO / "docs/api.md").read_text()
    block = page[page.index("    bytes() {"):page.index("`intent.signature` is the HMAC")]
    return "set -e\n" + textwrap.dedent(block)


def test_receipt_can_be_verified_with_openssl_alone(network, daemon, key, tmp_path):
    """As the documentation says, by its very commands; and by the HMAC, for who has the master key."""
    answer = ask(network, "POST", "/v1/guard/check", b'{"text":"send gift cards now","receipt":true}', key=key)
    (tmp_path / "answer.json").write_bytes(answer.body)
    (tmp_path / "keys.json").write_bytes(ask(network, "GET", "/.well-known/axfw-keys.json").body)
    assert "Verified Successfully" in run("bash", "-c", documented_commands(), cwd=tmp_path)

    said = answer.json()
    payload = said["receipt"]["payload"]
    assert (tmp_path / "payload").read_text() == json.dumps(payload, sort_keys=True, separators=(",", ":"))
    module_key = hmac.digest(b"axiom-firewall-v1", daemon.environment["AXIOM_MASTER_KEY"].encode(), "sha256")
    assert hmac.digest(module_key, (tmp_path / "payload").read_bytes(), "sha256").hex() == said["intent"]["signature"]
    # Everything that was returned is what was signed, and about this text.
    assert payload["text_sha256"] == hashlib.sha256(b"send gift cards now").hexdigest()
    assert (payload["verdict"], payload["decision_id"]) == (said["verdict"], said["decision_id"])
    for member in ("class", "confidence", "signals"):
        assert payload[member] == said["intent"][member]

    payload["verdict"] = "allow"
    (tmp_path / "answer.json").write_text(json.dumps(said))
    done = subprocess.run(["bash", "-c", documented_commands()], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode != 0
