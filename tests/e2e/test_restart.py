# SPDX-License-Identifier: Apache-2.0
"""Daemons come and go, enforcement and connections stay."""
import http.client
import signal
import threading

from clients import UNKNOWN_KEY, Browser, Connection, ask, check, guard_request
from lab import PATIENCE_S, SERVER4, run, wait_until


def attached(network):
    return "xdp" in run("ip", "-n", network.server, "link", "show", "dev", "s0").split("mtu")[1].split("qdisc")[0]


class Traffic:
    """Threads that call without pause and note every answer that isn't the right one.

    While `away` is set nobody serves: no answer is right, too, a wrong one never is."""

    def __init__(self, network, key):
        self.network, self.key = network, key
        self.wrong, self.served, self.refused = [], 0, 0
        self.away = False
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._guarded, args=(call,))
                        for call in (self._new_connections, self._kept_alive, self._refused)]

    def _guarded(self, call):
        while not self.ended.is_set():
            away = self.away
            try:
                call()
            except Exception as error:  # whatever it is, it is a finding
                if not (away or self.away) or not isinstance(error, (OSError, http.client.HTTPException)):
                    self.wrong.append(f"{call.__name__}: {error!r}")

    def _new_connections(self):
        self._expect(check(self.network, self.key), 200)
        self.served += 1

    def _kept_alive(self):
        """A client that keeps its connection for as long as the server does."""
        with Connection(self.network) as connection:
            while not self.ended.is_set():
                reply = connection.send(guard_request(self.key)).reply()
                self._expect(reply, 200)
                if reply.headers.get("Connection", "").lower() == "close":
                    assert connection.at_end()
                    return

    def _refused(self):
        self._expect(check(self.network, UNKNOWN_KEY), 401)
        self.refused += 1

    def _expect(self, reply, status):
        if reply.status != status:
            self.wrong.append(f"{reply.status} instead of {status}: {reply.body[:100]}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        for thread in self.threads:
            thread.join(PATIENCE_S)

    def flows(self):
        """Waits until some more answers have come in."""
        served, refused = self.served + 20, self.refused + 20
        wait_until(lambda: self.wrong or self.served > served and self.refused > refused, "traffic flows")


def test_restart_with_traffic_running(network, daemon, key):
    """A new daemon beside the old takes over: no wrong answer, no refused or reset connection."""
    with Traffic(network, key) as traffic:
        traffic.flows()
        for _ in range(3):
            daemon.replace()
            assert daemon.status()["kernel"]["adopted"]
            traffic.flows()
    assert not traffic.wrong, traffic.wrong[:10]
    assert traffic.served > 60


def test_killed_with_traffic_running(network, daemon, key):
    """Nobody is served for a moment, and nobody is answered wrongly: not before, not after, not meanwhile."""
    with Traffic(network, key) as traffic:
        for _ in range(3):
            traffic.flows()
            traffic.away = True
            daemon.stop(signal.SIGKILL)
            assert attached(network)
            daemon.start()
            traffic.away = False
            assert daemon.status()["kernel"]["adopted"]
        traffic.flows()
    assert not traffic.wrong, traffic.wrong[:10]


def test_stopped_with_traffic_running(network, daemon, key):
    """Who is refused is refused all the time; the others wait, and are served."""
    with Traffic(network, key) as traffic:
        traffic.flows()
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            refused = traffic.refused + 200
            wait_until(lambda: traffic.wrong or traffic.refused > refused, "the kernel goes on refusing")
            served = traffic.served
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        wait_until(lambda: traffic.wrong or traffic.served > served, "who waited is served")
        traffic.flows()
    assert not traffic.wrong, traffic.wrong[:10]


def test_a_replacement_that_cannot_serve_leaves_the_old_one_serving(network, daemon, key):
    """The new one's settings are judged before the old one is asked to let go."""
    old, daemon.environment["AXIOM_MASTER_KEY"] = daemon.process, "another" * 8
    try:
        assert daemon.launch().wait(PATIENCE_S) == 1
    finally:
        daemon.process = old
    assert "master key" in daemon.output()
    assert old.poll() is None
    assert check(network, key).status == 200


def test_two_daemons_on_the_same_pins(network, daemon, make_daemon, key, tmp_path):
    """The second has its own store and port, but the maps are the first's: it names the first and ends."""
    second = make_daemon("--listen", f"{SERVER4}:8005", store=tmp_path / "other")
    second.environment["AXFW_PIN_DIR"] = str(daemon.pins)
    assert second.launch().wait(PATIENCE_S) == 1
    second.process = None
    assert f"process {daemon.process.pid} holds {daemon.pins}" in second.output()
    assert "--pin-dir" in second.output()
    assert check(network, UNKNOWN_KEY).by_kernel and check(network, key).status == 200
    daemon.replace()  # and a handover isn't taken for one
    assert daemon.status()["kernel"]["adopted"]


def test_kernel_goes_on_refusing_when_the_daemon_is_killed(network, daemon, key):
    assert check(network, UNKNOWN_KEY).by_kernel
    daemon.stop(signal.SIGKILL)
    # No listener, no proof, no answer: but what is pinned stays, and the next daemon adopts it.
    assert attached(network)
    daemon.start()
    assert daemon.status()["kernel"]["adopted"]
    assert check(network, UNKNOWN_KEY).by_kernel
    assert check(network, key).status == 200


def test_ending_detaches_and_unpins(network, daemon):
    assert attached(network) and daemon.pins.exists()
    assert daemon.stop(signal.SIGINT) == 0
    assert not attached(network)
    assert not daemon.pins.exists() or not list(daemon.pins.iterdir())


def test_persist_leaves_the_programs_enforcing(network, make_daemon):
    daemon = make_daemon("--persist").start()
    assert (daemon.pins / "prog_xdp").exists()
    assert daemon.stop() == 0
    assert attached(network) and (daemon.pins / "prog_xdp").exists()
    daemon.flags.clear()
    daemon.start()
    assert daemon.status()["kernel"]["adopted"]
    assert daemon.stop() == 0
    assert not attached(network)


def test_what_changed_while_the_daemon_was_away_is_reconciled(network, make_daemon):
    """A key revoked by a daemon that couldn't tell the kernel is refused as soon as the next one serves."""
    daemon = make_daemon("--persist").start()
    tenant = daemon.create_tenant()
    key, number = daemon.create_key(tenant)
    assert check(network, key).status == 200
    daemon.stop()

    blind = make_daemon(interface="none", store=daemon.store).start()
    blind.revoke_key(tenant, number)
    blind.stop()

    daemon.flags.clear()
    daemon.start()
    assert check(network, key).status == 401


def test_signup_window_outlives_a_restart(network, daemon):
    for number in range(5):
        assert Browser(network).sign_up(f"u{number}@example.org").status == 303
    daemon.stop()
    daemon.start()
    assert ask(network, "POST", "/signup", b"email=x@example.org&password=12345678",
               content_type="application/x-www-form-urlencoded").status == 429
