# SPDX-License-Identifier: Apache-2.0
"""Fixtures. A test asks for what it needs: `network` (one for the run), `daemon` (serving, on a fresh store, with
the XDP program on s0), `make_daemon` for anything else, `key` for an API key without a quota."""
import pytest

from lab import Daemon, Network


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    built = Network(tmp_path_factory.mktemp("network"))
    try:
        built.build()
        yield built
    finally:
        built.remove()


@pytest.fixture(params=["xdp", "tc"])
def each_hook(request, network):
    """For tests of what is on the wire: once through XDP, once through TC ingress."""
    if request.param == "xdp":
        yield "xdp"
        return
    with network.foreign_program():
        yield "tc"


@pytest.fixture
def make_daemon(network, tmp_path):
    """Makes daemons that are not started yet; ends them all, whatever happens."""
    made = []

    def make(*flags, **options):
        made.append(Daemon(network, tmp_path, *flags, **options))
        return made[-1]
    yield make
    for daemon in made:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.stop()
    for daemon in made:
        assert "Sanitizer" not in daemon.output() and "runtime error:" not in daemon.output(), daemon.output()


@pytest.fixture
def daemon(make_daemon):
    return make_daemon().start()


@pytest.fixture
def key(daemon):
    return daemon.create_key(daemon.create_tenant())[0]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its daemons said."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed and "tmp_path" in item.funcargs:
        for log in sorted(item.funcargs["tmp_path"].glob("*.log")):
            report.sections.append((log.name, log.read_text(errors="replace")[-4000:]))
