# SPDX-License-Identifier: Apache-2.0
"""Without BPF everything still works, and says why it is without."""
import html

import pytest

from clients import UNKNOWN_KEY, Browser, ask, check

NO_CAPABILITIES = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs")


def main_job(network):
    person = Browser(network)
    assert person.sign_up().status == 303
    key = person.create_key()
    reply = check(network, key)
    assert (reply.status, reply.json()["verdict"]) == (200, "allow")
    reply = check(network, UNKNOWN_KEY)
    assert (reply.status, reply.by_kernel) == (401, False)
    assert reply.json() == {"detail": "Invalid or missing API key"}
    for number in range(4):
        assert Browser(network).sign_up(f"user{number}@example.org").status == 303
    reply = ask(network, "POST", "/signup", b"email=six@example.org&password=12345678",
                content_type="application/x-www-form-urlencoded")
    assert (reply.status, reply.by_kernel) == (429, False)
    assert 3500 <= int(reply.headers["Retry-After"]) <= 3600
    assert "Too many signup attempts from this IP" in reply.text()


@pytest.mark.parametrize("interface, prefix, word", [
    ("none", (), "interface"),
    ("s0", NO_CAPABILITIES, "CAP_"),
    ("nosuch0", (), "nosuch0"),
], ids=["none", "no-capabilities", "no-such-interface"])
def test_everything_works_and_the_reason_is_shown(network, make_daemon, interface, prefix, word):
    daemon = make_daemon(interface=interface).start(*prefix)
    kernel = daemon.status()["kernel"]
    assert kernel["mode"] == "userspace"
    assert word in kernel["reason"], kernel["reason"]
    assert kernel["reason"] in daemon.output()
    assert f'axfw_kernel_info{{mode="userspace",reason="{kernel["reason"]}"}}' in daemon.metrics()
    main_job(network)
    person = Browser(network)
    person.log_in()
    assert html.escape(kernel["reason"]) in person.get("/dashboard").text()


def test_one_good_interface_of_two_is_enough(network, make_daemon):
    daemon = make_daemon(interface="s0,nosuch0").start()
    kernel = daemon.status()["kernel"]
    assert kernel["mode"] == "enforcing"
    missing, = [i for i in kernel["interfaces"] if i["name"] == "nosuch0"]
    assert missing["mode"] == "none" and missing["reason"]
    assert check(network, UNKNOWN_KEY).by_kernel
