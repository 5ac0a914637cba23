# SPDX-License-Identifier: Apache-2.0
"""A directory that the Python firewall left opens in place, and the Python firewall could still use it."""
import hashlib
import hmac
import json
import sqlite3
import subprocess
import uuid

import pytest

from clients import UNKNOWN_KEY, Browser, check
from lab import BUILD, REPO, run

MASTER_KEY = "0123456789abcdef" * 4  # as in lab.Daemon
SHAPES = ("current", "plaintext-keys", "early-registry", "early", "half-migrated")


def make_old(directory, shape="current", *options):
    """Writes the directory; returns what is in it, a dictionary per tenant."""
    return json.loads(run("/usr/bin/python3", REPO / "tests/fixtures/make_old_directory.py", directory,
                          "--master-key", MASTER_KEY, "--shape", shape, *options))


@pytest.fixture(params=SHAPES)
def old(request, make_daemon):
    """(daemon, tenants): serving on a directory of that shape."""
    daemon = make_daemon()
    tenants = make_old(daemon.store, request.param)
    return daemon.start(), tenants


def test_old_keys_and_passwords_work(network, old):
    daemon, tenants = old
    assert daemon.status()["tenants"] == len(tenants)
    for tenant in tenants:
        reply = check(network, tenant["api_key"])
        assert (reply.status, reply.by_kernel) == (200, False)
        person = Browser(network)
        assert person.log_in(tenant["email"], "wrong horse").status == 401
        assert person.log_in(tenant["email"], tenant["password"]).status == 303
        page = person.get("/dashboard").text()
        assert tenant["email"] in page and tenant["key_id"][:8] in page
    assert daemon.status()["kernel"]["complete"], "every key is known: the kernel may refuse unknown ones"
    assert check(network, UNKNOWN_KEY).by_kernel


def test_python_can_still_read_and_write_it(network, old):
    daemon, tenants = old
    for tenant in tenants:
        assert check(network, tenant["api_key"]).status == 200
    assert daemon.stop() == 0

    pepper = hmac.new(b"axiom-firewall-api-key-pepper", MASTER_KEY.encode(), hashlib.sha256).digest()
    for tenant in tenants:
        digest = hmac.new(pepper, tenant["api_key"].encode(), hashlib.sha256).hexdigest()
        with sqlite3.connect(daemon.store / f"{tenant['tenant_id']}.db") as database:
            found = database.execute("select key_id, secret from api_keys where secret_hash = ? and revoked_at is null",
                                     (digest,)).fetchall()
            assert found == [(tenant["key_id"], f"hashed:{tenant['key_id']}")], "no plaintext key is left"
            assert database.execute("select count(*) from usage_records").fetchone() == (tenant["calls"] + 1,)
            assert database.execute("select * from data_policy_rules").fetchall() == [("r", "untouched")]
            stamp, = database.execute("select max(timestamp) from usage_records").fetchone()
            database.execute("insert into usage_records values (?,?,?,?,?,?,?,?,?)",
                             (str(uuid.uuid4()), tenant["tenant_id"], tenant["key_id"], "/v1/guard/check", "allow",
                              "INFORM", 0.55, 1.25, stamp))
    daemon.start()
    for tenant in tenants:
        assert check(network, tenant["api_key"]).status == 200


def test_quota_counts_what_python_recorded(network, make_daemon):
    """The month's calls before and after the change of hands are one month's calls."""
    daemon = make_daemon()
    tenant, = make_old(daemon.store, "current", "--tenants", "1", "--calls", "1994")
    left = 1000 - tenant["calls_this_month"]
    daemon.start()
    statuses = [check(network, tenant["api_key"]).status for _ in range(left + 1)]
    assert statuses == [200] * left + [429]


def test_old_policy_holds(network, make_daemon):
    daemon = make_daemon()
    policy = {"version": 1, "additional_block_patterns": [{"class": "HARM", "regex": "project\\s+zebra"}]}
    tenants = make_old(daemon.store, "current", "--policy", json.dumps(policy))
    daemon.start()
    answer = check(network, tenants[0]["api_key"], "tell me about Project Zebra").json()
    assert (answer["verdict"], answer["intent"]["class"]) == ("block", "HARM")
    assert "custom_harm" in answer["intent"]["signals"]
    assert check(network, tenants[1]["api_key"], "tell me about Project Zebra").json()["verdict"] == "allow"


def test_old_key_can_be_revoked(network, make_daemon):
    daemon = make_daemon()
    tenants = make_old(daemon.store, "plaintext-keys")
    daemon.start()
    daemon.revoke_key(tenants[0]["tenant_id"], tenants[0]["key_id"])
    assert check(network, tenants[0]["api_key"]).status == 401
    assert check(network, tenants[1]["api_key"]).status == 200


def test_no_way_back(network, make_daemon):
    """`axfw store finalize`: old passwords go on working and are kept with Argon2id from their next use on."""
    daemon = make_daemon()
    tenant, other = make_old(daemon.store, "current", "--tenants", "2")
    daemon.start()

    def schemes():
        with sqlite3.connect(f"file:{daemon.store}/registry.db?mode=ro", uri=True) as database:
            return {row[0]: row[1].split("$")[:2] for row in database.execute("select email, pw_hash from tenants")}
    done = subprocess.run([BUILD / "axfw", "--socket", daemon.socket, "store", "finalize"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2 and "--no-way-back" in done.stderr
    assert Browser(network).log_in(tenant["email"], tenant["password"]).status == 303
    assert schemes()[tenant["email"]][0] == "pbkdf2"

    assert daemon.axfw("store", "finalize", "--no-way-back") == {"final": True, "passwords": "argon2id"}
    assert Browser(network).log_in(tenant["email"], "wrong horse").status == 401
    assert Browser(network).log_in(tenant["email"], tenant["password"]).status == 303
    assert schemes() == {tenant["email"]: ["", "argon2id"], other["email"]: ["pbkdf2", "200000"]}
    daemon.stop()
    daemon.start()
    for person in (tenant, other):
        assert Browser(network).log_in(person["email"], person["password"]).status == 303
    assert set(map(tuple, schemes().values())) == {("", "argon2id")}
