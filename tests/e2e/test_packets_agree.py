# SPDX-License-Identifier: Apache-2.0
"""What the kernel refuses, userspace would have refused with the same status: generated requests, thousands of
them, go through the program in the kernel's dry run and over real connections to an axfwd without a kernel path."""
import re
import types

from clients import Browser, Connection, guard_request
from lab import BUILD, PORT, enter, run

CASES = 20000
REFUSED_AT_LEAST = 1000  # or the cases aren't what they should be
LOOPBACK = "127.0.0.1"


def spend_quota(network, key):
    with Connection(network, LOOPBACK) as connection:
        statuses = {connection.send(guard_request(key)).reply().status for _ in range(1001)}
    assert 429 in statuses


def test_userspace_refuses_what_the_kernel_refuses(network, make_daemon):
    daemon = make_daemon(interface="none").start()
    here = types.SimpleNamespace(client=network.server)  # a client on the server's loopback
    tenant, free = daemon.create_tenant(), daemon.create_tenant("free@example.org", tier="free")
    active, (revoked, revoked_id), exhausted = (
        daemon.create_key(tenant)[0], daemon.create_key(tenant), daemon.create_key(free)[0])
    daemon.revoke_key(tenant, revoked_id)
    spend_quota(here, exhausted)
    for number in range(5):
        assert Browser(here, LOOPBACK).sign_up(f"u{number}@example.org").status == 303
    said = run(*enter(network.server), BUILD / "packet-fuzz", "--agree", PORT, "--cases", CASES,
               "--active", active, "--revoked", revoked, "--exhausted", exhausted)
    assert int(re.search(r"^(\d+) refusals compared$", said, re.M)[1]) >= REFUSED_AT_LEAST
