# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles as NetworkManager's settings: made, compared and told."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.settings import (
    CONNECTION,
    EAP,
    IPV4,
    MATCH,
    MATCHES,
    SECURITY,
    WIRELESS,
    describe,
    differing,
    merged,
    same_kind,
    settings_of,
    unfit,
    wanted,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Eap, NetworkProfile
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_declared import (
    CANARY,
    KEYLESS,
    PEAP,
    PSK,
    TLS,
    made,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import profile

HEX = "AB" * 32


def test_a_new_profile_is_the_interfaces_and_leaves_the_rest_to_networkmanager() -> None:
    assert made(NetworkProfile(b"a\xff", "open", pmf="disabled")) == {
        CONNECTION: {
            "id": ("s", "name"),
            "uuid": ("s", "uuid"),
            "type": ("s", "802-11-wireless"),
            "interface-name": ("s", "wlan0"),
            "autoconnect": ("b", True),
            "autoconnect-priority": ("i", 0),
        },
        WIRELESS: {
            "ssid": ("ay", b"a\xff"),
            "hidden": ("b", False),
            "assigned-mac-address": ("s", "permanent"),
        },
        IPV4: {"method": ("s", "auto"), "dhcp-client-id": ("s", "mac")},
    }


def test_everything_that_is_no_security() -> None:
    declared = NetworkProfile(
        b"corp", "open", hidden=True, priority=-7, pmf="disabled", bssid="02:00:00:00:01:00", enabled=False
    )
    settings = made(declared)
    assert settings[CONNECTION]["autoconnect"] == ("b", False)
    assert settings[CONNECTION]["autoconnect-priority"] == ("i", -7)
    assert settings[WIRELESS]["hidden"] == ("b", True)
    assert settings[WIRELESS]["bssid"] == ("ay", b"\x02\x00\x00\x00\x01\x00")


@pytest.mark.parametrize(
    ("declared", "security"),
    [
        (NetworkProfile(b"x", "owe", pmf="required"), {"key-mgmt": ("s", "owe"), "pmf": ("i", 3)}),
        (PSK, {"key-mgmt": ("s", "wpa-psk"), "psk": ("s", CANARY), "pmf": ("i", 2)}),
        (
            NetworkProfile(b"x", "psk", CANARY, pmf="disabled"),
            {"key-mgmt": ("s", "wpa-psk"), "psk": ("s", CANARY), "pmf": ("i", 1)},
        ),
        (
            NetworkProfile(b"x", "sae", "pässword", pmf="required"),
            {"key-mgmt": ("s", "sae"), "psk": ("s", "pässword"), "pmf": ("i", 3)},
        ),
        (
            NetworkProfile(b"x", "psk+sae", CANARY),
            {"key-mgmt": ("s", "wpa-psk"), "psk": ("s", CANARY), "pmf": ("i", 2)},
        ),
        (PEAP, {"key-mgmt": ("s", "wpa-eap"), "pmf": ("i", 2)}),
    ],
)
def test_each_security(declared: NetworkProfile, security: Dict[str, Any]) -> None:
    assert made(declared)[SECURITY] == security


@pytest.mark.parametrize(
    ("eap", "setting"),
    [
        (
            PEAP.eap,
            {
                "eap": ("as", ["peap"]),
                "identity": ("s", "me"),
                "anonymous-identity": ("s", "anon"),
                "ca-cert": ("ay", b"file:///ca.pem\0"),
                "domain-suffix-match": ("s", "a.org;b.org"),
                "phase2-auth": ("s", "mschapv2"),
                "password": ("s", CANARY),
            },
        ),
        (
            Eap("ttls", "me", password=CANARY, phase2="pap"),
            {
                "eap": ("as", ["ttls"]),
                "identity": ("s", "me"),
                "phase2-auth": ("s", "pap"),
                "password": ("s", CANARY),
            },
        ),
        (
            TLS.eap,
            {
                "eap": ("as", ["tls"]),
                "identity": ("s", "me"),
                "client-cert": ("ay", b"file:///c\0"),
                "private-key": ("ay", b"file:///k\0"),
                "private-key-password": ("s", CANARY),
            },
        ),
        (
            Eap("tls", "me", private_key="/ä.p12"),
            {
                "eap": ("as", ["tls"]),
                "identity": ("s", "me"),
                "client-cert": ("ay", "file:///ä.p12\0".encode()),
                "private-key": ("ay", "file:///ä.p12\0".encode()),
                "private-key-password-flags": ("u", 4),
            },
        ),
    ],
)
def test_each_eap_method(eap: Eap, setting: Dict[str, Any]) -> None:
    assert made(NetworkProfile(b"x", "eap", eap=eap))[EAP] == setting


@pytest.mark.parametrize(
    "declared",
    [
        NetworkProfile(b"x", "open", pmf="disabled"),
        NetworkProfile(b"x", "owe", pmf="required", hidden=True, bssid="02:00:00:00:01:00"),
        PSK,
        NetworkProfile(b"x", "sae", CANARY, pmf="required", priority=9, enabled=False),
        PEAP,
        TLS,
        KEYLESS,
    ],
)
def test_what_was_written_is_as_wanted(declared: NetworkProfile) -> None:
    want = wanted(declared, "wlan0")
    settings = made(declared)
    assert differing(want, settings) == ()
    # NetworkManager leaves out what is the default, and adds what is neither here nor there.
    settings[CONNECTION].update({"timestamp": ("t", 7)})
    for name, key in ((CONNECTION, "autoconnect"), (CONNECTION, "autoconnect-priority"), (WIRELESS, "hidden")):
        if settings[name][key][1] == (key == "autoconnect"):
            del settings[name][key]
    settings[WIRELESS].setdefault("bssid", ("ay", b""))
    assert differing(want, settings) == ()
    assert merged(made(declared), want) == made(declared)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        (CONNECTION, "interface-name", ("s", "wlan1")),
        (CONNECTION, "autoconnect", ("b", False)),
        (WIRELESS, "hidden", ("b", True)),
        (WIRELESS, "bssid", ("ay", b"\x02\x00\x00\x00\x01\x00")),
        (SECURITY, "psk-flags", ("u", 1)),
        (SECURITY, "pmf", ("i", 0)),
        (WIRELESS, "band", ("s", "a")),
        (WIRELESS, "channel", ("u", 36)),
        (SECURITY, "key-mgmt", ("s", "wpa-eap-suite-b-192")),
        (SECURITY, "key-mgmt", ("s", "ieee8021x")),
        (SECURITY, "pmf", ("i", 3)),
        (SECURITY, "pairwise", ("as", ["tkip"])),
        (SECURITY, "group", ("as", ["tkip"])),
        (SECURITY, "proto", ("as", ["wpa"])),
        (SECURITY, "auth-alg", ("s", "leap")),
        (EAP, "eap", ("as", ["peap", "ttls"])),
        (EAP, "phase2-auth", ("s", "gtc")),
        (EAP, "password", ("s", "another")),
        (EAP, "password-flags", ("u", 1)),
        (EAP, "ca-cert", ("ay", b"file:///cb.pem\0")),
        (EAP, "ca-path", ("s", "/etc/ssl/certs")),
        (EAP, "system-ca-certs", ("b", True)),
        (EAP, "phase2-autheap", ("s", "gtc")),
        (EAP, "identity", ("s", "you")),
    ],
)
def test_what_differs_is_set_and_what_contradicts_is_removed(name: str, key: str, value: Any) -> None:
    want = wanted(PEAP, "wlan0")
    settings = made(PEAP)
    settings[name][key] = value
    assert differing(want, settings) == ((name, key),)
    assert merged(settings, want) == made(PEAP)


@pytest.mark.parametrize("key", MATCHES)
def test_a_profile_is_bound_to_its_interface_and_to_nothing_else(key: str) -> None:
    settings = made(PSK)
    settings[MATCH] = {key: ("as", ["x"])}
    want = wanted(PSK, "wlan0")
    assert differing(want, settings) == ((MATCH, key),)
    assert merged(settings, want) == made(PSK)
    assert describe(settings)[f"match.{key}"] == "x"


def test_what_the_profile_does_not_decide_on_stays() -> None:
    want = wanted(PEAP, "wlan0")
    settings = made(PEAP)
    settings[EAP]["altsubject-matches"] = ("as", ["DNS:radius"])
    settings[WIRELESS]["powersave"] = ("u", 2)
    settings[IPV4]["method"] = ("s", "manual")
    assert differing(want, settings) == ()
    kept = merged(settings, want)
    assert (kept[EAP]["altsubject-matches"], kept[WIRELESS]["powersave"]) == (("as", ["DNS:radius"]), ("u", 2))
    assert kept["ipv4"] == settings["ipv4"]


def test_what_is_no_setting_is_not_handed_back() -> None:
    told = profile(wireless={"security": ("s", SECURITY), "seen-bssids": ("as", [])})
    assert settings_of(told) == profile()


def test_another_kind_of_security_takes_the_old_one_out() -> None:
    assert merged(made(PEAP), wanted(PSK, "wlan0")) == made(PSK)
    open_ = NetworkProfile(b"corp", "open", pmf="disabled")
    assert merged(made(PEAP), wanted(open_, "wlan0")) == made(open_)
    assert {name for name, _key in differing(wanted(open_, "wlan0"), made(PEAP))} == {SECURITY, EAP}
    assert same_kind(wanted(PSK, "wlan0"), made(NetworkProfile(b"x", "psk+sae", "another")))
    assert not same_kind(wanted(PSK, "wlan0"), made(open_))
    assert not same_kind(wanted(PSK, "wlan0"), made(PEAP))
    assert same_kind(wanted(open_, "wlan0"), made(open_))


def test_a_key_in_hex_has_no_case_and_a_password_has() -> None:
    raw = wanted(NetworkProfile(b"x", "psk", HEX.lower()), "wlan0")
    assert differing(raw, made(NetworkProfile(b"x", "psk", HEX))) == ()
    sae = wanted(NetworkProfile(b"x", "sae", HEX.lower(), pmf="required"), "wlan0")
    assert differing(sae, made(NetworkProfile(b"x", "sae", HEX, pmf="required"))) == ((SECURITY, "psk"),)


def test_pmf_need_not_be_said_where_there_is_no_choice() -> None:
    for security in ("owe", "sae"):
        declared = NetworkProfile(b"x", security, CANARY if security == "sae" else None, pmf="required")
        settings = made(declared)
        del settings[SECURITY]["pmf"]
        assert differing(wanted(declared, "wlan0"), settings) == ()


def test_what_is_told() -> None:
    told = describe(made(NetworkProfile(b"\xff\n", "psk", CANARY, bssid="02:00:00:00:01:00", enabled=False)))
    assert told == {
        "connection.interface-name": "wlan0",
        "connection.autoconnect": "false",
        "connection.autoconnect-priority": "0",
        "802-11-wireless.ssid": "\\xff\\n",
        "802-11-wireless.hidden": "false",
        "802-11-wireless.bssid": "02:00:00:00:01:00",
        "802-11-wireless-security.key-mgmt": "wpa-psk",
        "802-11-wireless-security.psk": "(set)",
        "802-11-wireless-security.pmf": "2",
    }
    assert describe(made(PEAP))["802-1x.eap"] == "peap"
    # What other people's settings are is nobody's business here.
    assert not any(name.startswith(("ipv4", "connection.id")) for name in describe(profile()))


def test_what_networkmanager_cannot_have() -> None:
    fit = [NetworkProfile(b"a", "open", priority=999), NetworkProfile(b"b", "open", priority=-999)]
    assert unfit("wlan0", None, fit) == ()
    wrong = [NetworkProfile(b"a", "open", priority=1000), NetworkProfile(b"b\xff", "open", priority=-1000)]
    problems = unfit("wlan0", "/etc/x.conf", [*fit, *wrong])
    assert [(problem.profile, problem.field) for problem in problems] == [
        ("", "path"),
        ("profile 'a'", "priority"),
        ("profile 'b\\xff'", "priority"),
    ]
    assert "-999 to 999" in problems[1].message


@pytest.mark.parametrize("name", ["ca-cert", "client-cert", "private-key"])
def test_the_zero_byte_of_a_files_name_may_be_missing(name: str) -> None:
    declared = NetworkProfile(
        b"corp",
        "eap",
        eap=Eap("tls", "me", ca_cert="/ca", client_cert="/c", private_key="/k", private_key_password="x"),
    )
    settings = made(declared)
    kind, value = settings[EAP][name]
    settings[EAP][name] = (kind, value.rstrip(b"\0"))
    assert differing(wanted(declared, "wlan0"), settings) == ()
    settings[EAP][name] = (kind, b"\0" + value)
    assert differing(wanted(declared, "wlan0"), settings) == ((EAP, name),)


def test_a_zero_byte_of_an_ssid_is_one_of_its_bytes() -> None:
    settings = made(NetworkProfile(b"corp\0", "psk", CANARY))
    assert differing(wanted(NetworkProfile(b"corp", "psk", CANARY), "wlan0"), settings) == ((WIRELESS, "ssid"),)


@pytest.mark.parametrize("key", ["anonymous-identity", "domain-suffix-match"])
def test_an_empty_text_is_none(key: str) -> None:
    declared = NetworkProfile(b"corp", "eap", eap=Eap("peap", "me", password=CANARY, phase2="mschapv2"))
    settings = made(declared)
    settings[EAP][key] = ("s", "")
    assert differing(wanted(declared, "wlan0"), settings) == ()


def test_what_is_shown_of_files_and_switches() -> None:
    told = describe(
        {
            CONNECTION: {"autoconnect": ("b", False), "autoconnect-priority": ("i", 5)},
            EAP: {"ca-cert": ("ay", b"file:///\xff.pem\0"), "private-key": ("s", "pkcs11:pin-value=1")},
        }
    )
    assert told == {
        "connection.autoconnect": "false",
        "connection.autoconnect-priority": "5",
        "802-1x.ca-cert": "/\\xff.pem",
        "802-1x.private-key": "(set)",
    }


def test_a_path_is_for_the_other_backend() -> None:
    (problem,) = unfit("wlan0", "/etc/x.conf", ())
    assert str(problem).startswith("path: is only for wpa_supplicant, but NetworkManager runs wlan0")


def test_what_follows_from_a_word_for_an_address_is_no_setting() -> None:
    """GetSettings gives both beside ``permanent``, as a real NetworkManager does."""
    declared = NetworkProfile(b"corp", "open", pmf="disabled")
    made_of = made(declared)
    told = {**made_of, WIRELESS: {**made_of[WIRELESS], "cloned-mac-address": ("ay", b"")}}
    told[WIRELESS]["mac-address-randomization"] = ("u", 1)
    assert differing(wanted(declared, "wlan0"), settings_of(told)) == ()
    old = {**made_of, WIRELESS: {**made_of[WIRELESS], "assigned-mac-address": ("s", "random")}}
    assert differing(wanted(declared, "wlan0"), settings_of(old)) == ((WIRELESS, "assigned-mac-address"),)
