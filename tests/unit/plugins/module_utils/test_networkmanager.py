# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's profiles and wpa_supplicant's networks, as D-Bus gives them."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._errors import DecodeFailed
from ansible_collections.vpro.fleet.plugins.module_utils._networkmanager import (
    Device,
    SupplicantNetwork,
    connection_of,
    is_asked_for,
    network_of,
)
from ansible_collections.vpro.fleet.plugins.module_utils._nm_backend import profile_of

PATH = "/org/freedesktop/NetworkManager/Settings/7"


def settings(
    security: Optional[Dict[str, Any]] = None,
    eap: Optional[Dict[str, Any]] = None,
    wireless: Optional[Dict[str, Any]] = None,
    general: Optional[Dict[str, Any]] = None,
) -> Dict[str, Dict[str, Any]]:
    """Return a profile as GetSettings gives it."""
    made: Dict[str, Dict[str, Any]] = {
        "connection": {"id": "Corp", "uuid": "u", "type": "802-11-wireless", "permissions": [], **(general or {})},
        "802-11-wireless": {"mode": "infrastructure", "ssid": b"corp", **(wireless or {})},
        "ipv4": {"method": "auto"},
    }
    if security is not None:
        made["802-11-wireless-security"] = security
    if eap is not None:
        made["802-1x"] = eap
    return made


PSK = {"key-mgmt": "wpa-psk"}
EAP = {"key-mgmt": "wpa-eap"}


@pytest.mark.parametrize(
    ("security", "eap", "auth"),
    [
        (None, None, "open"),
        (PSK, None, "psk"),
        (PSK, None, "sae"),
        ({"key-mgmt": "sae"}, None, "sae"),
        (EAP, {"eap": ["peap"], "identity": "me"}, "eap"),
        ({"key-mgmt": "wpa-eap-suite-b-192"}, {"eap": ["tls"]}, "eap"),
        # The key has no password, whoever would have it.
        (EAP, {"eap": ["tls"], "private-key-password-flags": 4}, "eap"),
        (EAP, {"eap": ["tls"], "private-key-password-flags": 5}, "eap"),
        (EAP, {"eap": ["peap"], "phase2-auth": "tls", "phase2-private-key-password-flags": 4}, "eap"),
        # A certificate in a file has no password, whatever is said of it; one on a token may have none.
        (EAP, {"eap": ["tls"], "client-cert": b"file:///c\0", "client-cert-password-flags": 1}, "eap"),
        (EAP, {"eap": ["tls"], "client-cert": b"pkcs11:x\0", "client-cert-password-flags": 4}, "eap"),
    ],
)
def test_what_a_profile_can_join(security: Optional[Dict[str, Any]], eap: Optional[Dict[str, Any]], auth: str) -> None:
    connection = connection_of(PATH, settings(security, eap))
    assert connection is not None
    assert profile_of(connection, "wlan0").can_join(auth)


@pytest.mark.parametrize(
    ("security", "eap", "auth"),
    [
        ({"key-mgmt": "none", "wep-key-type": 1}, None, "open"),  # WEP
        ({"key-mgmt": "owe"}, None, "open"),
        ({"key-mgmt": "ieee8021x"}, {"eap": ["peap"]}, "eap"),
        ({"key-mgmt": "news"}, None, "psk"),
        ({"key-mgmt": "sae"}, None, "psk"),
        # The secret is with somebody's session, or nobody's.
        ({**PSK, "psk-flags": 1}, None, "psk"),
        ({**PSK, "psk-flags": 2}, None, "psk"),
        (EAP, {"eap": ["pwd"], "password-raw-flags": 1}, "eap"),
        (EAP, {"eap": ["peap"], "password-flags": 1}, "eap"),
        (EAP, {"eap": ["tls"], "private-key-password-flags": 2}, "eap"),
        (EAP, {"eap": ["peap"], "password-flags": 4}, "eap"),
        ({**PSK, "psk-flags": 4}, None, "psk"),
        (EAP, {"eap": ["tls"], "client-cert": b"pkcs11:x\0", "client-cert-password-flags": 1}, "eap"),
        (EAP, {"eap": ["tls"], "phase2-ca-cert": b"pkcs11:x\0", "phase2-ca-cert-password-flags": 2}, "eap"),
        (EAP, {}, "eap"),
    ],
)
def test_what_it_can_not(security: Dict[str, Any], eap: Optional[Dict[str, Any]], auth: str) -> None:
    connection = connection_of(PATH, settings(security, eap))
    assert connection is not None
    assert not profile_of(connection, "wlan0").can_join(auth)


TLS: Dict[str, Any] = {"eap": ["tls"]}
TOKEN = b"pkcs11:x\0"


@pytest.mark.parametrize(
    ("security", "eap", "held", "asked"),
    [
        (None, None, (), False),
        (PSK, None, (), True),
        (PSK, None, ("psk",), False),
        ({"key-mgmt": "sae"}, None, (), True),
        ({"key-mgmt": "owe"}, None, (), False),
        (EAP, {"eap": ["pwd"]}, (), True),
        (EAP, {"eap": ["pwd"]}, ("password-raw",), False),
        (EAP, {"eap": ["peap"], "phase2-auth": "mschapv2"}, (), True),
        (EAP, {"eap": ["peap"], "phase2-auth": "mschapv2"}, ("password",), False),
        (EAP, {"eap": ["ttls"], "phase2-autheap": "gtc"}, (), True),
        (EAP, {"eap": ["ttls"], "phase2-autheap": "tls"}, ("private-key-password",), True),
        (EAP, {"eap": ["ttls"], "phase2-autheap": "tls"}, ("phase2-private-key-password",), False),
        (EAP, TLS, (), True),
        (EAP, TLS, ("private-key-password",), False),
        (EAP, {**TLS, "private-key-password-flags": 4}, (), False),
        (EAP, {**TLS, "client-cert": TOKEN}, ("private-key-password",), True),
        (EAP, {**TLS, "client-cert": TOKEN}, ("private-key-password", "client-cert-password"), False),
        (EAP, {"eap": ["peap"], "phase2-auth": "tls", "phase2-private-key-password-flags": 4}, (), False),
        (EAP, {"eap": ["sim"]}, (), True),
        (EAP, {"eap": ["tls", "pwd"], "private-key-password-flags": 4}, (), True),
        (EAP, {"eap": ["news"]}, (), False),
        (EAP, {"eap": ["peap"]}, (), False),
    ],
)
def test_what_networkmanager_would_have_to_ask_for(
    security: Optional[Dict[str, Any]], eap: Optional[Dict[str, Any]], held: Tuple[str, ...], asked: bool
) -> None:
    assert is_asked_for(settings(security, eap), frozenset(held)) is asked


def test_what_is_told_of_a_profile() -> None:
    connection = connection_of(
        PATH,
        settings(
            PSK,
            wireless={"ssid": b"\xff\x00", "bssid": bytes.fromhex("020000000100")},
            general={"autoconnect-priority": 5, "interface-name": "wlan0"},
        ),
    )
    assert connection is not None
    profile = profile_of(connection, "wlan0")
    assert (profile.id, profile.ssid, profile.bssid, profile.priority) == (7, b"\xff\x00", "02:00:00:00:01:00", 5)
    assert profile.enabled
    assert not profile_of(connection, "wlan1").enabled


@pytest.mark.parametrize("general", [{"autoconnect": False}, {"permissions": ["user:alice:"]}])
def test_what_is_of_no_use_when_a_laptop_boots(general: Dict[str, Any]) -> None:
    connection = connection_of(PATH, settings(PSK, general=general))
    assert connection is not None
    assert not profile_of(connection, "wlan0").enabled


def test_what_else_a_profile_is_bound_to_is_told() -> None:
    mac = bytes.fromhex("020000000000")
    connection = connection_of(PATH, settings(PSK, wireless={"mac-address": mac, "band": "a", "channel": 36}))
    assert connection is not None
    assert (connection.mac, connection.band, connection.channel) == ("02:00:00:00:00:00", "a", 36)


@pytest.mark.parametrize(
    ("can_6_ghz", "wanted", "frequencies"),
    [
        (False, (2412, 5955), (2412,)),
        (True, (2412, 5955), (2412, 5955)),
        (False, (5180,), (5180,)),
        (False, (5955,), (5955,)),  # better an attempt than none
    ],
)
def test_frequencies_that_the_device_does_not_have_go(
    can_6_ghz: bool, wanted: Tuple[int, ...], frequencies: Tuple[int, ...]
) -> None:
    assert Device("/d/1", None, can_6_ghz).frequencies(wanted) == frequencies


def test_other_kinds_are_no_profiles() -> None:
    assert connection_of(PATH, {"connection": {"id": "eth0", "type": "802-3-ethernet"}}) is None
    assert connection_of(PATH, settings(wireless={"mode": "ap"})) is None


@pytest.mark.parametrize("spoilt", [{"802-11-wireless": {"ssid": 7}}, {"connection": {}}])
def test_a_malformed_profile_is_named(spoilt: Dict[str, Any]) -> None:
    with pytest.raises(DecodeFailed, match="Settings/7"):
        connection_of(PATH, {**settings(), **spoilt})


@pytest.mark.parametrize(
    ("properties", "ssid", "bssid"),
    [
        ({"ssid": '"corp wifi"', "bssid": "02:00:00:00:01:00"}, b"corp wifi", "02:00:00:00:01:00"),
        ({"ssid": "ff00", "bssid": "any"}, b"\xff\x00", None),
        ({"ssid": '"a"b"'}, b'a"b', None),
        ({"ssid": "nonsense"}, None, None),
        ({}, None, None),
    ],
)
def test_networks_of_the_supplicant(properties: Dict[str, str], ssid: Optional[bytes], bssid: Optional[str]) -> None:
    assert network_of("/n/0", properties) == SupplicantNetwork("/n/0", ssid, bssid)


@pytest.mark.parametrize(
    ("key_mgmt", "expected"), [("wpa-psk", frozenset({"WPA-PSK", "SAE"})), ("owe", frozenset({"OWE"}))]
)
def test_key_managements_are_in_wpa_supplicants_words(key_mgmt: str, expected: FrozenSet[str]) -> None:
    connection = connection_of(PATH, settings({"key-mgmt": key_mgmt}))
    assert connection is not None
    assert connection.key_mgmt == expected
