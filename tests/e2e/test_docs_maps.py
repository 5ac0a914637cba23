# SPDX-License-Identifier: Apache-2.0
"""docs/maps.md tells the truth: its recipes are run and what they print has the shape the page shows; its tables have
the fields that bpftool shows, no more and no fewer."""
import json
import re

import pytest

from clients import UNKNOWN_KEY, ask, check
from lab import REPO, run, wait_until

PAGE = (REPO / "docs/maps.md").read_text()
RECIPES = re.findall(r"```console\n\$ (.*?)\n```", PAGE, re.S)
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M))
MAPS = re.findall(r"^\tX\((\w+), \d+, \"(\w+)\"", (REPO / "include/axfw/maps.h").read_text(), re.M)
PIN_DIR = "/sys/fs/bpf/axfw"


@pytest.fixture(scope="module")
def node(network, tmp_path_factory):
    """A daemon in whose maps there is something of everything that traffic leaves behind."""
    from lab import Daemon
    daemon = Daemon(network, tmp_path_factory.mktemp("maps"), "--forwarded-allow-ips", "192.0.2.0/24").start()
    try:
        tenant = daemon.create_tenant()
        key = daemon.create_key(tenant)[0]
        daemon.create_key(tenant)
        daemon.revoke_key(tenant, daemon.create_key(tenant)[1])
        daemon.axfw("deny", "add", "203.0.113.0/24")
        daemon.axfw("deny", "add", "198.51.100.7")
        assert ask(network, "POST", "/signup", b"email=x&password=12345678",
                   content_type="application/x-www-form-urlencoded").status == 400
        assert check(network, key).status == 200
        assert check(network, UNKNOWN_KEY).by_kernel
        wait_until(lambda: all(f["acknowledged"] for f in daemon.axfw("maps", "dump", "flows")["entries"]),
                   "the client has confirmed the answer")
        yield daemon
    finally:
        daemon.stop()


def shape(line):
    return re.sub(r"\d+", "N", line)


@pytest.mark.parametrize("recipe", RECIPES, ids=[re.search(r"axfw/(\w+)", r).group(1) + str(i)
                                                 for i, r in enumerate(RECIPES)])
def test_recipes(node, recipe):
    lines = recipe.split("\n")
    end = next(i for i, line in enumerate(lines) if not line.endswith("|") and not
               (i + 1 < len(lines) and lines[i + 1].startswith("    ")))
    command, shown = "\n".join(lines[:end + 1]), lines[end + 1:]
    printed = run("bash", "-c", "set -o pipefail; " + command.replace(PIN_DIR, str(node.pins))).splitlines()
    assert shown and {shape(line) for line in printed} == {shape(line) for line in shown}


def fields(node, name):
    """(part, field) of a map as bpftool shows its first entry, which is made where there is none."""
    pin = node.pins / name
    entries = json.loads(run("bpftool", "-j", "map", "dump", "pinned", pin))
    if not entries:
        info = json.loads(run("bpftool", "-j", "map", "show", "pinned", pin))
        run("bpftool", "map", "update", "pinned", pin, "key", "hex", *["00"] * info["bytes_key"],
            "value", "hex", *["00"] * info["bytes_value"])
        entries = json.loads(run("bpftool", "-j", "map", "dump", "pinned", pin))
    shown = entries[0]["formatted"]
    value = shown["values"][0]["value"] if "values" in shown else shown["value"]
    key = shown["key"] if isinstance(shown["key"], dict) else {}
    return {("key", field) for field in key} | {("value", field) for field in value} - {("value", "pad")} - \
        {("key", "pad")}


def test_every_map_has_its_section_and_no_other():
    assert [name for name, _ in MAPS] == [name for name in SECTIONS if name not in ("Recipes", "Limits")]


LIMITS = re.findall(r"^\| [^|]+ \| `(--)?([\w-]+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \|$", SECTIONS["Limits"], re.M)


def constants():
    """Names and texts of what is #defined in what the kernel path is made of."""
    sources = [*(REPO / "include/axfw").glob("*.h"), *(REPO / "bpf").glob("*.h"),
               *(REPO / "userspace/kernel").glob("*.h")]
    return dict(re.findall(r"^#define[ \t]+(\w+)[ \t]+(.*?)\s*(?:/\*.*)?$",
                           "\n".join(source.read_text() for source in sources), re.M))


def value_of(text, known):
    """A constant expression's value, in seconds where it is a time."""
    text = re.sub(r"\b[A-Z]\w+\b", lambda name: str(value_of(known[name[0]], known)), text)
    value = eval(re.sub(r"(?<=\d)U?L*\b|(?<=\d)u\b", "", text.replace("/", "//")))  # our own headers
    return value // 10 ** 9 if value >= 10 ** 9 else value


@pytest.mark.parametrize("flag, name, value, shown", LIMITS, ids=[name for _, name, _, _ in LIMITS])
def test_limits(flag, name, value, shown):
    """Each is what the sources say, and what shows that it is hit exists."""
    if flag:
        settings = (REPO / "docs/configuration.md").read_text()
        assert re.search(rf"`--{name} \w+` \| `?{value}`? \|", settings)
    else:
        assert value_of(constants()[name], constants()) == int(value.removesuffix(" s"))
    reasons = re.findall(r"^\| `(\w+)` \|", (REPO / "docs/kernel.md").read_text(), re.M)
    metrics = re.findall(r"^\| `(\w+)` \|", (REPO / "docs/metrics.md").read_text(), re.M)
    names = re.findall(r"`(\w+)`", shown)
    assert names and set(names) <= {*reasons, *metrics, *(name for name, _ in MAPS)}


@pytest.mark.parametrize("name, writer", MAPS)
def test_sections_say_who_writes(name, writer):
    assert f"ritten by the {writer}" in SECTIONS[name]


@pytest.mark.parametrize("name", [name for name, _ in MAPS if name != "events"])
def test_every_field_has_its_row(node, name):
    rows = set(re.findall(r"^\| (key|value) \| `(\w+)` \| \S", SECTIONS[name], re.M))
    assert rows == {(part, field) for part, field in fields(node, name) if field != "pad"}
