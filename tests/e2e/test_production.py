# SPDX-License-Identifier: Apache-2.0
"""Production refuses each weak setting by its name; development starts."""
import subprocess

import pytest

from clients import Browser
from lab import PATIENCE_S

GOOD = {"AXIOM_ENV": "production", "AXIOM_FIREWALL_PUBLIC_URL": "https://firewall.example.org"}
WEAK = [
    ("AXIOM_MASTER_KEY", ""),
    ("AXIOM_MASTER_KEY", "short"),
    ("AXIOM_FIREWALL_SESSION_SECRET", ""),
    ("AXIOM_FIREWALL_SESSION_SECRET", "a" * 31),
    ("AXIOM_FIREWALL_SESSION_SECRET", "dev-session-secret-change-in-production"),
    ("AXIOM_FIREWALL_SESSION_SECRET", "0123456789abcdef" * 4),  # the master key
    ("AXIOM_FIREWALL_CORS_ORIGINS", "*"),
    ("AXIOM_FIREWALL_CORS_ORIGINS", "https://a.example.org/"),
    ("AXIOM_FIREWALL_CORS_ORIGINS", "https://a.example.org/ , https://b.example.org"),
    ("AXIOM_FIREWALL_PUBLIC_URL", ""),
    ("AXIOM_FIREWALL_PUBLIC_URL", "https://"),
    ("AXIOM_FIREWALL_PUBLIC_URL", "http://firewall.example.org"),
    ("AXFW_LOG_LEVEL", "debug"),
]


def judge(daemon, *flags):
    return subprocess.run([*daemon.command, *flags], env=daemon.environment, text=True, capture_output=True,
                          timeout=PATIENCE_S, check=False)


@pytest.mark.parametrize("variable, value", WEAK)
@pytest.mark.parametrize("flags", [("--check",), ()], ids=["check", "start"])
def test_weak_setting_is_refused_by_name(make_daemon, variable, value, flags):
    done = judge(make_daemon(interface="none", environment={**GOOD, variable: value}), *flags)
    assert done.returncode == 1
    assert variable in done.stderr
    assert not value or value == "*" or len(value) < 8 or value not in done.stderr or "SECRET" not in variable


@pytest.mark.parametrize("value", ["nowhere", "127.0.0.1", "127.0.0.1:99999", ","])
def test_an_address_that_cant_be_served_fails_the_check(make_daemon, value):
    done = judge(make_daemon(interface="none", environment=GOOD), "--check", "--listen", value)
    assert done.returncode == 2
    assert "--listen" in done.stderr


def test_good_settings_pass_the_check(make_daemon):
    done = judge(make_daemon(interface="none", environment=GOOD), "--check")
    assert done.returncode == 0, done.stderr


def test_production_starts_and_cookies_are_secure(network, make_daemon):
    make_daemon(environment=GOOD).start()
    reply = Browser(network).sign_up()
    assert reply.status == 303
    assert "secure" in reply.headers["Set-Cookie"].lower()


def test_unknown_argument_is_named(make_daemon):
    done = judge(make_daemon(interface="none"), "--no-such-thing")
    assert done.returncode == 2 and "--no-such-thing" in done.stderr
