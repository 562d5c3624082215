# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's profiles, as D-Bus gives them."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Set, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.connection import (
    Connection,
    is_asked_for,
    matches,
    read_connection,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.profiles import profile_of
from ansible_collections.vpro.fleet.plugins.module_utils._network.eap import EapMethod
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    EAP,
    PATH,
    PSK,
    TLS,
    settings,
)


@pytest.mark.parametrize(
    ("security", "eap", "auth"),
    [
        (None, None, "open"),
        (PSK, None, "psk"),
        (PSK, None, "sae"),
        ({"key-mgmt": "sae"}, None, "sae"),
        ({**PSK, "pmf": 1}, None, "psk"),
        ({**PSK, "pmf": 2}, None, "sae"),
        # By WPA-PSK-SHA256 or SAE, where the access point has it: nothing tells.
        ({**PSK, "pmf": 3}, None, "psk"),
        ({**PSK, "pmf": 3}, None, "sae"),
        ({"key-mgmt": "sae", "pmf": 3}, None, "sae"),
        ({**EAP, "pmf": 3}, {"eap": ["peap"], "identity": "me"}, "eap"),
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
    connection = read_connection(PATH, settings(security, eap))
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
        ({**PSK, "pmf": 1}, None, "sae"),
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
    connection = read_connection(PATH, settings(security, eap))
    assert connection is not None
    assert not profile_of(connection, "wlan0").can_join(auth)


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
        (EAP, {**TLS, "ca-cert": TOKEN}, ("private-key-password",), True),
        (EAP, {"eap": ["sim"]}, (), True),
        (EAP, {"eap": ["sim"]}, ("pin",), False),
        (EAP, {"eap": ["tls", "pwd"], "private-key-password-flags": 4}, (), True),
        (EAP, {"eap": ["news"]}, (), False),
        (EAP, {"eap": ["peap"]}, (), False),
    ],
)
def test_what_networkmanager_would_have_to_ask_for(
    security: Optional[Dict[str, Any]], eap: Optional[Dict[str, Any]], held: Tuple[str, ...], asked: bool
) -> None:
    assert is_asked_for(settings(security, eap), frozenset(held)) is asked


def test_everything_that_a_profile_says_is_told() -> None:
    given = settings(
        EAP,
        {"eap": ["tls"], "private-key-password-flags": 1},
        wireless={
            "bssid": bytes.fromhex("020000000100"),
            "mac-address": bytes.fromhex("020000000200"),
            "band": "a",
            "channel": 36,
            "mac-address-blacklist": ["02:00:00:00:0A:00"],
            "mac-address-denylist": ["02:00:00:00:0B:00"],
            "assigned-mac-address": "Stable",
        },
        general={
            "autoconnect": False,
            "autoconnect-priority": -5,
            "interface-name": "wlan0",
            "permissions": ["user:alice:"],
        },
        match={"interface-name": ["wl*", "!wlan1"], "driver": ["iwlwifi"], "path": [], "kernel-command-line": ["x"]},
    )
    assert read_connection(PATH, given) == Connection(
        number=7,
        path=PATH,
        name="Corp",
        ssid=b"corp",
        key_mgmt=frozenset({"WPA-EAP"}),
        bssid="02:00:00:00:01:00",
        mac="02:00:00:00:02:00",
        band="a",
        channel=36,
        autoconnect=False,
        priority=-5,
        interface="wlan0",
        owned=True,
        credentials=frozenset(),
        denied=frozenset({"02:00:00:00:0a:00", "02:00:00:00:0b:00"}),
        address="stable",
        names=("wl*", "!wlan1"),
        conditions=("match.driver", "match.kernel-command-line"),
        elsewhere=(("private-key-password-flags", 1),),
        eap=(EapMethod("TLS", None, "private-key"),),
    )


KEY = {"private-key": b"file:///k.pem\0"}


@pytest.mark.parametrize(
    ("eap", "methods"),
    [
        ({}, []),
        ({"eap": ["peap"], "phase2-auth": "mschapv2", **KEY}, [EapMethod("PEAP", None, "private-key", True)]),
        (
            {"eap": ["tls"], "ca-cert": b"file:///ca\0", "client-cert": b"file:///c\xff", **KEY},
            [
                EapMethod(
                    "TLS",
                    None,
                    "private-key",
                    True,
                    (("ca-cert", b"/ca"), ("client-cert", b"/c\xff"), ("private-key", b"/k.pem")),
                )
            ],
        ),
        # A URI of a token, and the certificate itself.
        (
            {"eap": ["tls"], "ca-cert": b"\x30\x82", "client-cert": b"pkcs11:c\0", "private-key": b"pkcs11:k\0"},
            [EapMethod("TLS", None, "private-key", True)],
        ),
        # The method within has credentials of its own, but the certificate of the outer one counts too.
        (
            {
                "eap": ["ttls", "tls"],
                "phase2-autheap": "tls",
                "ca-cert": b"file:///ca\0",
                "phase2-ca-cert": b"x",
                **KEY,
            },
            [
                EapMethod("TLS", None, "phase2-private-key", False, (("ca-cert", b"/ca"),)),
                EapMethod("TLS", None, "private-key", True, (("ca-cert", b"/ca"), ("private-key", b"/k.pem"))),
            ],
        ),
        (
            {"eap": ["peap"], "phase2-auth": "tls", "phase2-private-key": b"file:///p\0"},
            [EapMethod("TLS", None, "phase2-private-key", True, (("phase2-private-key", b"/p"),))],
        ),
    ],
)
def test_what_eap_has(eap: Dict[str, Any], methods: List[EapMethod]) -> None:
    connection = read_connection(PATH, settings(EAP, eap))
    assert connection is not None
    assert [*connection.eap] == methods


def test_what_a_profile_does_not_say_is_networkmanagers_default() -> None:
    assert read_connection(PATH, settings()) == Connection(
        number=7,
        path=PATH,
        name="Corp",
        ssid=b"corp",
        key_mgmt=frozenset({"NONE"}),
        bssid=None,
        mac=None,
        band=None,
        channel=0,
        autoconnect=True,
        priority=0,
        interface=None,
        owned=False,
        credentials=frozenset(),
    )


@pytest.mark.parametrize(
    ("security", "credentials"),
    [(PSK, {"psk"}), (EAP, {"identity", "eap"}), ({"key-mgmt": "none"}, {"wep_key"})],
)
def test_what_the_system_holds_is_in_wpa_supplicants_words(security: Dict[str, Any], credentials: Set[str]) -> None:
    connection = read_connection(PATH, settings(security, {"eap": ["peap"]}))
    assert connection is not None
    assert connection.credentials == credentials


@pytest.mark.parametrize(
    ("patterns", "is_one"),
    [
        ((), True),
        (("wlan0",), True),
        (("wlan",), False),
        (("eth*", "wl*"), True),
        (("!wlan0",), False),
        (("!wlan1",), True),
        (("wl*", "!wlan0"), False),
        (("eth*", "!wlan1"), False),
        (("&wl*", "&!wlan1"), True),
        (("&wl*", "&eth*"), False),
        (("|!wlan0", "wl*"), True),
        (("\\wlan0",), True),
    ],
)
def test_interfaces_that_patterns_name(patterns: Tuple[str, ...], is_one: bool) -> None:
    assert matches("wlan0", patterns) is is_one


def test_other_kinds_are_no_profiles() -> None:
    assert read_connection(PATH, {"connection": {"id": "eth0", "type": "802-3-ethernet"}}) is None
    assert read_connection(PATH, settings(wireless={"mode": "ap"})) is None


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [({"802-11-wireless": {"ssid": 7}}, "an SSID is bytes"), ({"connection": {}}, r"KeyError\('id'\)")],
)
def test_a_malformed_profile_is_named(spoilt: Dict[str, Any], words: str) -> None:
    with pytest.raises(DecodeFailed, match=rf"not a Wi-Fi profile of NetworkManager: .*{words}.*Settings/7"):
        read_connection(PATH, {**settings(), **spoilt})


@pytest.mark.parametrize(
    ("key_mgmt", "pmf", "expected"),
    [
        ("wpa-psk", 0, {"WPA-PSK", "SAE"}),
        ("wpa-psk", 1, {"WPA-PSK"}),
        ("wpa-psk", 3, {"WPA-PSK-SHA256", "SAE"}),
        ("wpa-eap", 3, {"WPA-EAP-SHA256"}),
        ("owe", 0, {"OWE"}),
    ],
)
def test_key_managements_are_in_wpa_supplicants_words(key_mgmt: str, pmf: int, expected: Set[str]) -> None:
    connection = read_connection(PATH, settings({"key-mgmt": key_mgmt, "pmf": pmf}))
    assert connection is not None
    assert connection.key_mgmt == expected
