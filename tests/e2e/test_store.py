# SPDX-License-Identifier: Apache-2.0
"""The store: when it can't be written nothing is served unrecorded, and what Python wrote opens in place."""
import sqlite3
import subprocess
import threading

import pytest

from clients import Connection, ask, check, guard_request
from lab import run, wait_until


@pytest.fixture
def small_disk(tmp_path):
    """A file system that can be filled up."""
    where = tmp_path / "small"
    where.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=128m", "none", where)
    yield where
    subprocess.run(["umount", "-l", where], check=True)


def refused(reply):
    """The reply if it is a 503; a 200 must be recorded, anything else must not be."""
    assert reply.status in (200, 503)
    return reply.status == 503 and reply


def test_full_disk_is_503_and_never_an_unrecorded_200(network, make_daemon, small_disk):
    daemon = make_daemon(store=small_disk / "tenants").start()
    tenant = daemon.create_tenant()
    key, _ = daemon.create_key(tenant)
    assert check(network, key).status == 200
    ballast = small_disk / "ballast"
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=1M"], check=False, capture_output=True)

    wait_until(lambda: ask(network, "GET", "/readyz").status == 503, "/readyz notices the full disk")
    reply = ask(network, "GET", "/readyz")
    assert reply.json()["status"] == "unready"
    assert str(small_disk) not in reply.text(), "nothing about the inside"
    # A call may still fit into the journal's room; when the drain fails there is none any more.
    reply = wait_until(lambda: refused(check(network, key)), "calls are refused")
    assert reply.headers["Retry-After"] and "detail" in reply.json()
    assert ask(network, "GET", "/healthz").status == 200

    ballast.unlink()
    wait_until(lambda: ask(network, "GET", "/readyz").status == 200, "/readyz notices the room")
    wait_until(lambda: not refused(check(network, key)), "calls are served again")


def test_full_disk_under_traffic(network, make_daemon, small_disk):
    """Whatever the moment: as many records as 200s."""
    daemon = make_daemon(interface="none", store=small_disk / "tenants").start()
    tenant = daemon.create_tenant()
    key, _ = daemon.create_key(tenant)
    served, refused, ended = [], [], threading.Event()

    def call():
        while not ended.is_set():
            reply = check(network, key)
            assert reply.status in (200, 503)
            (served if reply.status == 200 else refused).append(reply)
    thread = threading.Thread(target=call)
    thread.start()
    wait_until(lambda: len(served) > 50, "traffic flows")
    ballast = small_disk / "ballast"
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=1M"], check=False, capture_output=True)
    wait_until(lambda: len(refused) > 5, "calls are refused")
    ballast.unlink()
    before = len(served)
    wait_until(lambda: len(served) > before + 20, "calls are served again")
    ended.set()
    thread.join()
    assert daemon.stop() == 0
    with sqlite3.connect(small_disk / "tenants" / f"{tenant}.db") as database:
        stored = {row[0] for row in database.execute("select record_id from usage_records")}
    assert stored == {reply.json()["decision_id"] for reply in served}


def test_second_daemon_on_the_store_is_refused_with_the_holders_name(network, daemon, make_daemon):
    second = make_daemon(interface="none", store=daemon.store, environment={"AXFW_SOCKET": ""})
    second.flags = ["--listen", "127.0.0.1:8010"]
    process = second.launch()
    assert process.wait(30) == 1
    assert str(daemon.process.pid) in second.output()


def test_wrong_master_key_is_noticed(network, daemon, make_daemon):
    daemon.create_tenant()
    daemon.stop()
    other = make_daemon(store=daemon.store, environment={"AXIOM_MASTER_KEY": "another" * 8})
    assert other.launch().wait(30) == 1
    assert "master key" in other.output().lower()


def test_records_are_in_the_tenants_file_soon(network, daemon):
    tenant = daemon.create_tenant()
    key, _ = daemon.create_key(tenant)
    with Connection(network) as connection:
        ids = {connection.send(guard_request(key)).reply().json()["decision_id"] for _ in range(20)}

    def stored():
        with sqlite3.connect(f"file:{daemon.store / tenant}.db?mode=ro", uri=True) as database:
            return {row[0] for row in database.execute("select record_id from usage_records")} == ids
    wait_until(stored, "the journal is drained", 60)
