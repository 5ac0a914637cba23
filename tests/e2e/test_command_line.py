# SPDX-License-Identifier: Apache-2.0
"""The command lines: help fits a terminal of 80 columns, and a wrong word is answered with the right ones."""
import os
import pty
import re
import subprocess

import pytest

from lab import BUILD, PATIENCE_S

COLUMNS = 80
AXFW = str(BUILD / "axfw")


def run(*words, program=AXFW):
    return subprocess.run([program, *words], text=True, capture_output=True, timeout=PATIENCE_S, check=False)


def read_all(terminal):
    seen = b""
    while True:
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # nobody holds the other end any more
            return seen


def run_on_a_terminal(*words):
    """What a person sees: stdout and stderr are a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", str(COLUMNS)], stdin=theirs, check=True)
    with subprocess.Popen([AXFW, "--no-color", *words], stdin=theirs, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        seen = read_all(ours)
        child.wait(PATIENCE_S)
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")


def commands():
    listed = run("--help").stdout.split("Commands\n")[1].split("\n\n")[0]
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)", listed, re.MULTILINE)


def test_every_help_fits_a_terminal():
    assert len(commands()) > 10
    helps = {name: run(*name.split(), "--help") for name in commands()}
    helps[""] = run("--help")
    helps["axfwd"] = run("--help", program=str(BUILD / "axfwd"))
    for name, done in helps.items():
        assert done.returncode == 0, name
        wide = [line for line in done.stdout.splitlines() if len(line) > COLUMNS and not line.startswith("  axfw ")]
        assert not wide, f"{name}: {wide}"  # an example is one line, however long it is


@pytest.mark.parametrize("group", ["deny", "keys", "tenants"])
def test_half_a_command_is_told_the_other_half(group):
    done = run(group)
    assert done.returncode == 2
    assert f"axfw {group} --help" in done.stderr
    listed = run(group, "--help")
    assert listed.returncode == 0
    assert f"  {group} create" in listed.stdout or f"  {group} add" in listed.stdout
    assert "doctor" not in listed.stdout


@pytest.mark.parametrize("words, usage", [
    (("deny", "add"), "Usage: axfw deny add PREFIX"),
    (("keys", "create", "a", "b"), "Usage: axfw keys create [NAME] --tenant EMAIL|ID"),
    (("status", "--colour"), "Usage: axfw status"),
    (("trace", "--for"), "Usage: axfw trace"),
    (("deny", "nobody"), "axfw deny --help"),
    (("statu",), "axfw --help"),
])
def test_a_wrong_word_is_answered_with_the_usage(words, usage):
    done = run(*words)
    assert done.returncode == 2
    assert usage in done.stderr


def test_errors_are_broken_at_blanks_on_a_terminal():
    socket = "/nowhere/" + "x" * 40
    seen = run_on_a_terminal("status", "--socket", socket)
    assert max(len(line) for line in seen.splitlines()) <= COLUMNS
    assert f"axfw: no daemon: there is no socket at\n      {socket}\n" in seen
    piped = run("status", "--socket", socket)  # a script's line stays one
    assert piped.stderr.splitlines()[0].endswith(socket)
