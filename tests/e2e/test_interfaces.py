# SPDX-License-Identifier: Apache-2.0
"""Which hook refuses: XDP where its answers can leave, TC where they can't, and what changes meanwhile."""
from clients import UNKNOWN_KEY, check
from lab import enter, run, wait_until


def interface(daemon, name="s0"):
    return next(i for i in daemon.status()["kernel"]["interfaces"] if i["name"] == name)


def hook(daemon):
    return interface(daemon)["hook"]


def expect_refusals(network, key):
    reply = check(network, UNKNOWN_KEY)
    assert reply.status == 401 and reply.by_kernel
    assert check(network, key).status == 200


def test_tc_while_the_peer_has_no_program(network, daemon, key):
    assert hook(daemon) == "xdp"
    run(*enter(network.client), "bpftool", "net", "detach", "xdpdrv", "dev", "c0")
    try:
        wait_until(lambda: hook(daemon) == "tc", "TC takes over")
        assert "peer (c0)" in interface(daemon)["reason"]
        expect_refusals(network, key)
        daemon.replace()  # the next daemon finds the filter and goes on with it
        assert hook(daemon) == "tc"
        expect_refusals(network, key)
        filters = run(*enter(network.server), "tc", "filter", "show", "dev", "s0", "ingress")
        assert filters.count("handle 0xaf axfw_tc") == 1
    finally:
        network.attach_peer("pass")
    wait_until(lambda: hook(daemon) == "xdp", "XDP is back")
    expect_refusals(network, key)
    assert "clsact" not in run(*enter(network.server), "tc", "qdisc", "show", "dev", "s0")
