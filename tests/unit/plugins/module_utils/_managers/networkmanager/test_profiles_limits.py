# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How NetworkManager's profiles are restricted: ciphers, protocols, authentication, and what EAP needs."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.connection import read_connection
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.profiles import profile_of
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Obstacle, Target
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import find_obstacle, find_profile
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    EAP,
    PATH,
    PSK,
    settings,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import MAC


def test_the_ciphers_of_a_profile() -> None:
    for security, ciphers in (
        (PSK, None),
        ({**PSK, "pairwise": ["tkip"]}, frozenset({"tkip"})),
        ({**EAP, "key-mgmt": "wpa-eap-suite-b-192"}, frozenset({"gcmp-256"})),
    ):
        connection = read_connection(
            PATH, settings(security, {"eap": ["tls"]} if security["key-mgmt"] != "wpa-psk" else {})
        )
        assert connection is not None
        assert profile_of(connection, "wlan0").limits.ciphers == ciphers


def test_the_protocols_and_the_ciphers_for_group_traffic() -> None:
    for security, protocols, groups in (
        (PSK, None, None),
        ({**PSK, "proto": [], "group": []}, None, None),
        ({**PSK, "proto": ["wpa"], "group": ["ccmp", "tkip"]}, frozenset({"wpa"}), frozenset({"ccmp", "tkip"})),
        ({**PSK, "proto": ["rsn"]}, frozenset({"rsn"}), None),
        (None, None, None),
    ):
        connection = read_connection(PATH, settings(security))
        assert connection is not None
        limits = profile_of(connection, "wlan0").limits
        assert (limits.protocols, limits.groups) == (protocols, groups)


@pytest.mark.parametrize(("algorithm", "fits"), [("", True), ("open", True), ("shared", False)])
def test_shared_keys_are_not_for_csmes_networks(algorithm: str, fits: bool) -> None:
    connection = read_connection(PATH, settings({**PSK, "auth-alg": algorithm}))
    assert connection is not None
    found = find_profile([profile_of(connection, "wlan0", MAC)], Target(b"corp", "psk"))
    assert (found is not None) == fits


@pytest.mark.parametrize("there", [True, False, None])
def test_a_file_that_eap_needs_has_to_be_there(there: Optional[bool]) -> None:
    eap = {"eap": ["tls"], "private-key": b"file:///k.pem\0", "private-key-password-flags": 4}
    connection = read_connection(PATH, settings(EAP, eap))
    assert connection is not None
    profile = profile_of(connection, "wlan0", MAC, exists={"/k.pem": there}.__getitem__)
    assert (find_profile([profile], Target(b"corp", "eap")) is None) == (there is False)
    found = find_obstacle([profile], Target(b"corp", "eap"))
    missing = Obstacle("names a file that does not exist (private-key: /k.pem)", "Copy the file to that path")
    assert found == (missing if there is False else None)


def test_a_key_that_eap_needs_has_to_be_there() -> None:
    connection = read_connection(PATH, settings(EAP, {"eap": ["tls"]}))
    assert connection is not None
    found = find_obstacle([profile_of(connection, "wlan0", MAC)], Target(b"corp", "eap"))
    assert found == Obstacle("has no private-key, which EAP-TLS needs", "Give it the key, and its certificate")
