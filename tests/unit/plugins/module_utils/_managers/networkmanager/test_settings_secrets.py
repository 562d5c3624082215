# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in NetworkManager's settings: whose they are, and that none is told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.settings import (
    EAP,
    SECURITY,
    describe,
    differing,
    keeps_secrets,
    merged,
    secret_texts,
    secrets_are_the_systems,
    wanted,
    with_secrets,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import NetworkProfile
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_declared import (
    CANARY,
    KEYLESS,
    PEAP,
    PSK,
    TLS,
    made,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import profile


def test_secrets_that_networkmanager_would_keep() -> None:
    assert keeps_secrets(wanted(KEYLESS, "wlan0"), made(TLS))
    assert keeps_secrets(wanted(NetworkProfile(b"x", "owe", pmf="required"), "wlan0"), made(PSK))
    # A setting that goes takes its secrets along, and one secret that is wanted lets all others go.
    assert not keeps_secrets(wanted(NetworkProfile(b"x", "open", pmf="disabled"), "wlan0"), made(PSK))
    assert not keeps_secrets(wanted(PEAP, "wlan0"), made(TLS))
    assert not keeps_secrets(wanted(KEYLESS, "wlan0"), made(KEYLESS))


@pytest.mark.parametrize(
    ("settings", "systems"),
    [
        (profile(), True),
        (profile(security={"psk-flags": ("u", 0)}), True),
        (profile(security={"psk-flags": ("u", 1)}), False),
        (profile(security={"wep-key-flags": ("u", 2)}), False),
        (profile(eap={"private-key-password-flags": ("u", 1)}), False),
        # A key without a password; of any other secret the flag says nothing.
        (profile(eap={"private-key-password-flags": ("u", 4)}), True),
        (profile(eap={"password-flags": ("u", 4)}), False),
        (profile(eap={"phase1-auth-flags": ("u", 32)}), True),
    ],
)
def test_whose_secrets_they_are(settings: Any, systems: bool) -> None:
    assert secrets_are_the_systems(settings) is systems


def test_no_secret_is_told() -> None:
    other = f"{CANARY}-of-another"
    settings = made(PEAP)
    settings[SECURITY].update({"wep-key0": ("s", other), "leap-password": ("s", other)})
    settings[EAP].update({"password-raw": ("ay", other.encode()), "pin": ("s", other)})
    settings[EAP]["private-key"] = ("ay", f"pkcs11:id=1?pin-value={other}".encode())
    settings[EAP]["client-cert"] = ("ay", f"file:///{other[:0]}x\0more".encode())
    told = describe(settings, [(EAP, "password")])
    assert CANARY not in str(told)
    assert told["802-1x.password"] == "(changed)"
    assert told["802-1x.pin"] == told["802-1x.private-key"] == told["802-1x.client-cert"] == "(set)"
    assert told["802-1x.ca-cert"] == "/ca.pem"
    assert CANARY not in repr(PEAP)
    assert set(secret_texts(settings)) == {CANARY, other}


def test_secrets_join_their_settings() -> None:
    settings = profile(security={"key-mgmt": ("s", "wpa-psk")})
    joined = with_secrets(settings, {SECURITY: {"psk": ("s", CANARY)}, EAP: {"password": ("s", CANARY)}})
    assert joined[SECURITY] == {"key-mgmt": ("s", "wpa-psk"), "psk": ("s", CANARY)}
    assert EAP not in joined


@pytest.mark.parametrize("flags", ["password-flags", "private-key-password-flags"])
def test_a_secret_that_somebody_else_keeps_is_taken_over(flags: str) -> None:
    settings = made(TLS)
    settings[EAP][flags] = ("u", 1)
    assert (EAP, flags) in differing(wanted(TLS, "wlan0"), settings)
    assert flags not in merged(settings, wanted(TLS, "wlan0"))[EAP]


def test_a_key_without_a_password_is_said_to_have_none_and_one_with_a_password_is_not() -> None:
    asked = made(KEYLESS)
    del asked[EAP]["private-key-password-flags"]  # NetworkManager asks an agent
    assert differing(wanted(KEYLESS, "wlan0"), asked) == ((EAP, "private-key-password-flags"),)
    assert merged(asked, wanted(KEYLESS, "wlan0")) == made(KEYLESS)
    assert set(differing(wanted(TLS, "wlan0"), made(KEYLESS))) == {
        (EAP, "private-key-password"),
        (EAP, "private-key-password-flags"),
    }
    assert merged(made(KEYLESS), wanted(TLS, "wlan0")) == made(TLS)
    assert describe(made(KEYLESS))["802-1x.private-key-password-flags"] == "4"
