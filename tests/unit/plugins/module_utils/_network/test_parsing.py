# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles made of a task's parameters, and what is said of parameters that are wrong."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._network import declared, parsing
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Eap, InvalidProfiles, NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._network.parsing import parse_profile, parse_profiles
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._network.fake_parameters import (
    CANARY,
    PEAP,
    TLS,
    no_problem,
    parse,
)


@pytest.mark.parametrize(
    ("parameters", "pmf"),
    [
        ({"security": "open"}, "disabled"),
        ({"security": "owe"}, "required"),
        ({"security": "psk", "passphrase": "12345678"}, "optional"),
        ({"security": "sae", "passphrase": "ä"}, "required"),
        ({"security": "psk+sae", "passphrase": "x" * 63}, "optional"),
        ({"security": "eap", "eap": PEAP}, "optional"),
        ({"security": "psk", "passphrase": "12345678", "pmf": "disabled"}, "disabled"),
        ({"security": "psk+sae", "passphrase": "12345678", "pmf": "required"}, "required"),
    ],
)
def test_each_kind_and_its_protection_of_management_frames(parameters: Dict[str, Any], pmf: str) -> None:
    profile, _problems = parse(**parameters)
    assert profile is not None
    assert (profile.security, profile.pmf) == (parameters["security"], pmf)


def test_everything_is_taken_over() -> None:
    profile, _problems = parse(
        security="eap",
        eap={**PEAP, "anonymous_identity": "anon", "domain_suffix_match": "a.example;b.example", "phase2": None},
        hidden=True,
        priority=-7,
        bssid="02:AA:00:00:01:00",
        enabled=False,
    )
    assert profile == NetworkProfile(
        ssid=b"corp",
        security="eap",
        eap=Eap("peap", "me", "anon", CANARY, "mschapv2", "/ca.pem", "a.example;b.example"),
        hidden=True,
        priority=-7,
        pmf="optional",
        bssid="02:aa:00:00:01:00",
        enabled=False,
    )


def test_a_psk_of_64_digits_is_the_key_itself() -> None:
    profile, _problems = parse(security="psk", passphrase="AB" * 32)
    assert profile is not None
    assert profile.is_raw_psk
    assert profile.passphrase == "ab" * 32
    # For SAE the same text is a password like any other.
    profile, _problems = parse(security="sae", passphrase="AB" * 32)
    assert profile is not None
    assert (profile.is_raw_psk, profile.passphrase) == (False, "AB" * 32)


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        ({}, "security", "is missing"),
        ({"security": "wep"}, "security", "must be one of open"),
        ({"security": "psk"}, "passphrase", "is missing, but security psk"),
        ({"security": "psk", "passphrase": "1234567"}, "passphrase", "has 7 characters"),
        ({"security": "psk", "passphrase": "g" * 64}, "passphrase", "has 64 characters"),
        ({"security": "psk", "passphrase": "1234567ä"}, "passphrase", "is not printable ASCII"),
        ({"security": "psk", "passphrase": "12345678\n"}, "passphrase", "ends with a line break"),
        ({"security": "psk", "passphrase": "1234\x005678"}, "passphrase", "control character"),
        ({"security": "psk", "passphrase": "1234567\udc80"}, "passphrase", "can't be encoded as UTF-8"),
        ({"security": "psk", "passphrase": ""}, "passphrase", "is empty"),
        ({"security": "psk", "passphrase": 12345678}, "passphrase", "is not text"),
        ({"security": "psk+sae", "passphrase": "ab" * 32}, "passphrase", "SAE needs the passphrase"),
        ({"security": "sae", "passphrase": "x" * 129}, "passphrase", "has 129 bytes"),
        ({"security": "open", "passphrase": "12345678"}, "passphrase", "is not used with security open"),
        ({"security": "open", "eap": PEAP}, "eap", "is not used with security open"),
        ({"security": "open", "pmf": "optional"}, "pmf", "is optional, but security open allows only disabled"),
        ({"security": "sae", "passphrase": "x", "pmf": "optional"}, "pmf", "allows only required"),
        ({"security": "open", "pmf": "no"}, "pmf", "must be one of"),
        ({"security": "open", "bssid": "02:00:00:00:01"}, "bssid", "is not the MAC address"),
        ({"security": "open", "bssid": "02:00:00:00:01:00\n"}, "bssid", "is not the MAC address"),
        ({"security": "open", "bssid": "01:00:5e:00:00:01"}, "bssid", "is not the MAC address"),
        ({"security": "open", "bssid": "00:00:00:00:00:00"}, "bssid", "is not the MAC address"),
        ({"security": "open", "priority": 2**31}, "priority", "is not a number"),
        ({"security": "open", "priority": "1\n"}, "priority", "is not a number"),
        ({"security": "open", "ssid": "x" * 33}, "ssid", "has 33 bytes, but an SSID has 1 to 32"),
        ({"security": "open", "ssid": "ä" * 17}, "ssid", "has 34 bytes"),
        ({"security": "open", "ssid": ""}, "ssid", "has 0 bytes"),
        ({"security": "open", "ssid": "\udc80"}, "ssid", "Give ssid_hex"),
        ({"security": "open", "ssid": None}, "ssid", "is missing"),
        ({"security": "open", "ssid_hex": "00"}, "ssid", "not both"),
        ({"security": "open", "ssid": None, "ssid_hex": "0"}, "ssid_hex", "pairs of hex digits"),
        ({"security": "open", "ssid": None, "ssid_hex": "00\n"}, "ssid_hex", "pairs of hex digits"),
        ({"security": "open", "ssid": None, "ssid_hex": "00" * 33}, "ssid_hex", "has 33 bytes"),
        ({"security": "eap"}, "eap", "is missing"),
        ({"security": "eap", "eap": {**PEAP, "method": "md5"}}, "eap.method", "must be one of"),
        ({"security": "eap", "eap": {**PEAP, "identity": None}}, "eap.identity", "is missing"),
        ({"security": "eap", "eap": {**PEAP, "identity": "x" * 254}}, "eap.identity", "has 254 bytes"),
        ({"security": "eap", "eap": {**PEAP, "identity": "a\nb"}}, "eap.identity", "control character"),
        ({"security": "eap", "eap": {**PEAP, "password": None}}, "eap.password", "is missing"),
        ({"security": "eap", "eap": {**PEAP, "phase2": "pap"}}, "eap.phase2", "only method ttls"),
        ({"security": "eap", "eap": {**PEAP, "phase2": "md5"}}, "eap.phase2", "must be one of"),
        ({"security": "eap", "eap": {**PEAP, "client_cert": "/c"}}, "eap.client_cert", "is not used with method peap"),
        ({"security": "eap", "eap": {**PEAP, "ca_cert": None}}, "eap.ca_cert", "is missing"),
        ({"security": "eap", "eap": {**PEAP, "ca_cert": "ca.pem"}}, "eap.ca_cert", "is not the absolute path"),
        ({"security": "eap", "eap": {**PEAP, "ca_cert": "/" + "x" * 900}}, "eap.ca_cert", "at most 900"),
        ({"security": "eap", "eap": {**PEAP, "validate_server": False}}, "eap.ca_cert", "contradicts"),
        (
            {"security": "eap", "eap": {**PEAP, "domain_suffix_match": "a b"}},
            "eap.domain_suffix_match",
            "is not a DNS name",
        ),
        ({"security": "eap", "eap": {**PEAP, "domain_suffix_match": "a.b\n"}}, "eap.domain_suffix_match", "line break"),
        ({"security": "eap", "eap": {**TLS, "private_key": None}}, "eap.private_key", "is missing"),
        ({"security": "eap", "eap": {**TLS, "client_cert": None}}, "eap.client_cert", "PKCS#12"),
        ({"security": "eap", "eap": {**TLS, "password": CANARY}}, "eap.password", "is not used with method tls"),
        ({"security": "eap", "eap": {**TLS, "phase2": "pap"}}, "eap.phase2", "is not used with method tls"),
    ],
)
def test_what_is_wrong_is_named(parameters: Dict[str, Any], field: str, message: str) -> None:
    _profile, problems = parse(**parameters)
    assert len(problems) == 1, problems
    assert problems[0][0] == field
    assert message in problems[0][1]
    assert CANARY not in problems[0][1]


def test_all_errors_of_all_profiles_at_once() -> None:
    with pytest.raises(InvalidProfiles) as caught:
        parse_profiles(
            [
                {"ssid": "good", "security": "open"},
                {"ssid": "short", "security": "psk", "passphrase": CANARY[:7], "pmf": "never"},
                {"ssid": "x" * 33, "security": "open"},
                {"ssid_hex": "676f6f64", "security": "open"},
            ],
            no_problem,
        )
    text = str(caught.value)
    assert text.startswith("4 errors: ")
    assert "profiles[1] 'short': passphrase: " in text
    assert "profiles[1] 'short': pmf: " in text
    assert f"profiles[2] '{'x' * 33}': ssid: " in text
    assert "profiles[3] '676f6f64': ssid: the SSID is declared twice, first by profiles[0]" in text
    assert CANARY[:7] not in text
    assert [problem["field"] for problem in caught.value.details["problems"]] == ["passphrase", "pmf", "ssid", "ssid"]
    assert caught.value.code == "invalid_profile"


def test_good_profiles_in_their_order() -> None:
    names = ["b", "a", "c"]
    profiles = parse_profiles([{"ssid": name, "security": "open"} for name in names], no_problem)
    assert [profile.ssid.decode() for profile in profiles] == names


def test_secrets_are_in_no_repr() -> None:
    profile, _problems = parse(security="psk", passphrase=CANARY)
    assert CANARY not in repr(profile)
    for eap in (PEAP, TLS):
        profile, _problems = parse(security="eap", eap=eap)
        assert profile is not None
        assert CANARY not in repr(profile) + str(profile)


ANYTHING = st.none() | st.booleans() | st.integers() | st.text(max_size=70) | st.sampled_from(declared.SECURITIES)
OPTIONS = ("ssid", "ssid_hex", "security", "passphrase", "hidden", "priority", "pmf", "bssid", "enabled")
EAP_OPTIONS = ("method", "identity", "password", "phase2", "ca_cert", "domain_suffix_match", "validate_server")


@given(
    st.dictionaries(st.sampled_from(OPTIONS), ANYTHING),
    st.none() | ANYTHING | st.dictionaries(st.sampled_from(EAP_OPTIONS), ANYTHING),
)
def test_any_parameters_are_a_profile_or_named_problems(options: Dict[str, Any], eap: Any) -> None:
    profile, problems = parse_profile({**options, "eap": eap}, "p", no_problem)
    assert (profile is None) == bool(problems)
    if profile is not None:
        assert 1 <= len(profile.ssid) <= 32
        assert profile.security in declared.SECURITIES
        assert profile.pmf in declared.PMF_MODES


SECRET_BEARING = st.sampled_from(
    [
        {"security": "psk", "passphrase": "{}"},
        {"security": "sae", "passphrase": "{}" * 30},
        {"security": "psk+sae", "passphrase": "{}\n"},
        {"security": "open", "passphrase": "{}"},
        {"security": "eap", "passphrase": "{}", "eap": {"method": "ttls", "password": "{}\n"}},
        {"security": "eap", "eap": {"method": "tls", "private_key_password": "{}" * 99, "password": "{}"}},
    ]
)


@given(SECRET_BEARING, st.sampled_from(["", "x" * 5, "ä", "\x00", "\udc80"]))
def test_no_problem_tells_a_secret(template: Dict[str, Any], tail: str) -> None:
    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: fill(inner) for name, inner in value.items()}
        return value.replace("{}", CANARY + tail)

    problems = parse_profile({"ssid": "x", **fill(template)}, "p", no_problem)[1]
    assert CANARY not in " ".join(map(str, problems)) + repr(problems)


@pytest.mark.parametrize(
    ("parameters", "fields"),
    [
        ({"ssid": "x" * 32}, []),
        ({"ssid": "x" * 33}, ["ssid"]),
        ({"ssid": ""}, ["ssid"]),
        ({"ssid": None, "ssid_hex": "aF" * 32}, []),
        ({"ssid": None, "ssid_hex": "Af" * 33}, ["ssid_hex"]),
        ({"ssid": None, "ssid_hex": "AG"}, ["ssid_hex"]),
        ({"security": "sae", "passphrase": "x" * parsing._SAE_PASSWORD_MAX}, []),
        ({"security": "sae", "passphrase": "x" * (parsing._SAE_PASSWORD_MAX + 1)}, ["passphrase"]),
        ({"security": "sae", "passphrase": "a\x7f"}, ["passphrase"]),
        ({"security": "sae", "passphrase": "a\x80"}, []),
        ({"security": "psk", "passphrase": "x" * 7}, ["passphrase"]),
        ({"security": "psk", "passphrase": "x" * 64}, ["passphrase"]),
    ],
)
def test_the_limits(parameters: Dict[str, Any], fields: List[str]) -> None:
    assert [field for field, _message in parse(**{"security": "open", **parameters})[1]] == fields


@pytest.mark.parametrize(
    ("passphrase", "message"),
    [
        ("x\r\n", "ends with a line break, but it must be one line"),
        ("x\n", "ends with a line break, but it must be one line"),
        ("x\ny", "has a control character in it, but it must be one line"),
        (5, "is not text but a number; quote it"),
        (1.5, "is not text but a number; quote it"),
        (False, "is not text but a boolean (true or false); quote it"),
        (["x"], "is not text"),
        ("", "is empty"),
    ],
)
def test_what_is_no_line_of_text(passphrase: Any, message: str) -> None:
    assert parse(security="sae", passphrase=passphrase)[1] == [("passphrase", message)]


@pytest.mark.parametrize(
    ("security", "message"),
    [
        ("psk", "has 3 characters, but a passphrase has 8 to 63 characters, or 64 hex digits"),
        ("psk+sae", "has 3 characters, but a passphrase has 8 to 63 characters"),
    ],
)
def test_a_length_that_is_wrong_is_told_with_those_that_are_right(security: str, message: str) -> None:
    assert parse(security=security, passphrase="abc")[1] == [("passphrase", message)]


def test_an_ssid_that_is_missing_or_twice_is_told_apart() -> None:
    assert parse(ssid=None, security="open")[1] == [("ssid", "is missing. Give ssid or ssid_hex")]
    assert parse(ssid_hex="61", security="open")[1] == [("ssid", "give ssid or ssid_hex, not both")]


def test_one_problem_is_told_as_it_is_and_several_are_counted() -> None:
    with pytest.raises(InvalidProfiles) as caught:
        parse_profiles([{"ssid": "corp"}], no_problem)
    assert str(caught.value).startswith("profiles[0] 'corp': security: is missing")
    with pytest.raises(InvalidProfiles) as caught:
        parse_profiles([{"ssid": "corp"}, {"ssid": "home"}], no_problem)
    assert str(caught.value).startswith("2 errors: profiles[0] 'corp': security: is missing")
    assert len(caught.value.details["problems"]) == 2


@pytest.mark.parametrize(
    ("priority", "right"),
    [
        (parsing._PRIORITY_MAX, True),
        (-parsing._PRIORITY_MAX, True),
        (parsing._PRIORITY_MAX + 1, False),
        (-parsing._PRIORITY_MAX - 1, False),
        ("5", False),
    ],
)
def test_priorities(priority: Any, right: bool) -> None:
    profile, problems = parse(security="open", priority=priority)
    assert [field for field, _message in problems] == ([] if right else ["priority"])
    assert profile is None or profile.priority == priority


def test_what_is_not_declared_has_its_default() -> None:
    assert parse(security="open")[0] == NetworkProfile(b"corp", "open", pmf="disabled")


@pytest.mark.parametrize(
    ("bssid", "right"),
    [
        ("0A:00:00:00:01:0F", True),
        ("0b:00:00:00:01:00", False),  # a group's
        ("ff:ff:ff:ff:ff:ff", False),
        ("00:00:00:00:00:00", False),
    ],
)
def test_access_points(bssid: str, right: bool) -> None:
    profile, problems = parse(security="open", bssid=bssid)
    assert [field for field, _message in problems] == ([] if right else ["bssid"])
    assert profile is None or profile.bssid == bssid.lower()


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"ssid": False}, "ssid"),
        ({"ssid": 511}, "ssid"),
        ({"ssid": None, "ssid_hex": 3132}, "ssid_hex"),
        ({"bssid": 559744}, "bssid"),
        ({"security": True}, "security"),
        ({"pmf": False}, "pmf"),
    ],
)
def test_what_yaml_made_of_text_is_not_text(parameters: Dict[str, Any], field: str) -> None:
    ((where, message),) = parse(**{"security": "open", **parameters})[1]
    assert where == field
    assert message.startswith("is not text but a ")
    assert message.endswith("; quote it")


def test_true_is_no_priority() -> None:
    assert parse(security="open", priority=True)[1] == [("priority", "is not a number from -2147483647 to 2147483647")]
