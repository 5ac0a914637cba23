# SPDX-License-Identifier: Apache-2.0
"""A 200 that a client has seen is in the store, once, whatever happens to the daemon."""
import random
import signal
import sqlite3
import threading
import time

from clients import Connection, guard_request
from lab import PATIENCE_S

KILLS = 50
CLIENTS = 3


def call_until_it_dies(network, key, ids):
    """Notes the decision id of each 200 it has received whole."""
    try:
        with Connection(network) as connection:
            while True:
                reply = connection.send(guard_request(key)).reply()
                assert reply.status == 200, reply
                ids.append(reply.json()["decision_id"])
    except (OSError, ValueError):
        pass  # killed: what this answer says no client has seen
    except Exception as error:
        if type(error).__module__ != "http.client":
            raise


def stored_ids(daemon, tenant):
    with sqlite3.connect(f"file:{daemon.store / tenant}.db?mode=ro", uri=True) as database:
        return [row[0] for row in database.execute("select record_id from usage_records")]


def test_records_equal_the_answers_over_50_kills(network, make_daemon):
    daemon = make_daemon(interface="none").start()
    tenant = daemon.create_tenant()
    key, _ = daemon.create_key(tenant)
    seed = time.time_ns()
    print(f"seed {seed}")
    pause = random.Random(seed)
    received = []
    for round_number in range(KILLS):
        if round_number:
            daemon.start()
        threads = [threading.Thread(target=call_until_it_dies, args=(network, key, received)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        time.sleep(pause.uniform(0, 0.15))  # the moment of the kill is what is random here
        daemon.stop(signal.SIGKILL)
        for thread in threads:
            thread.join(PATIENCE_S)
    daemon.start()
    assert daemon.stop() == 0

    stored = stored_ids(daemon, tenant)
    assert len(received) > KILLS
    assert len(stored) == len(set(stored)), "a record is there twice"
    assert len(received) == len(set(received)), "an id was given twice"
    assert set(received) <= set(stored), "an answered call is not recorded"
    # Recorded, then killed before the client had the answer: at most one per connection and kill.
    assert len(stored) - len(received) <= KILLS * CLIENTS


def test_stop_loses_nothing(network, make_daemon):
    daemon = make_daemon(interface="none").start()
    tenant = daemon.create_tenant()
    key, _ = daemon.create_key(tenant)
    with Connection(network) as connection:
        received = [connection.send(guard_request(key)).reply().json()["decision_id"] for _ in range(500)]
    assert daemon.stop() == 0
    assert sorted(stored_ids(daemon, tenant)) == sorted(received)
