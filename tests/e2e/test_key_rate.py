# SPDX-License-Identifier: Apache-2.0
"""--key-rate and --key-burst: a key that is used too fast waits, and is told for how long."""
import time

from clients import Connection, check, guard_request

BURST = 3


def fast_key(make_daemon, *flags):
    daemon = make_daemon("--key-burst", str(BURST), *flags).start()
    tenant = daemon.create_tenant()
    return daemon, tenant, daemon.create_key(tenant)[0]


def test_a_burst_passes_and_the_next_call_waits(network, make_daemon):
    daemon, tenant, key = fast_key(make_daemon, "--key-rate", "1")
    other, _ = daemon.create_key(tenant)
    with Connection(network) as connection:
        replies = [connection.send(guard_request(key)).reply() for _ in range(BURST + 1)]
    assert [reply.status for reply in replies] == [200] * BURST + [429]
    assert replies[-1].headers["Retry-After"] == "1"
    assert replies[-1].json()["retry_after_seconds"] == 1
    assert check(network, other).status == 200, "each key has its own rate"


def test_the_kernel_refuses_meanwhile(network, make_daemon):
    daemon, _, key = fast_key(make_daemon, "--key-rate", "1")
    for _ in range(BURST):
        assert check(network, key).status == 200
    first, second = check(network, key), check(network, key)
    assert (first.status, first.by_kernel) == (429, False)
    assert (second.status, second.by_kernel) == (429, True)
    assert second.headers["Retry-After"].strip() == "1"
    assert second.json() == first.json()
    assert daemon.counters()["RATE_EXCEEDED"] >= 1


def test_retry_after_keeps_its_word(network, make_daemon):
    _, _, key = fast_key(make_daemon, "--key-rate", "1")
    for _ in range(BURST):
        assert check(network, key).status == 200
    reply = check(network, key)
    assert reply.status == 429
    time.sleep(int(reply.headers["Retry-After"]))
    assert check(network, key).status == 200


def test_no_rate_by_default(network, make_daemon):
    _, _, key = fast_key(make_daemon)
    for _ in range(10 * BURST):
        assert check(network, key).status == 200
