# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import variables
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf import new_block, parse, render
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.variables import (
    agrees,
    contradicting,
    describe,
    differing,
    encode_text,
    fitting_form,
    is_station,
    pmk,
    variants,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Eap, NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import decode_value

CANARY = "canary-0f3e"
SSID = b"IEEE"


def psk(passphrase: str = "password", **changes: Any) -> NetworkProfile:
    return NetworkProfile(**{"ssid": SSID, "security": "psk", "passphrase": passphrase, **changes})


def present(form: Dict[str, Optional[str]]) -> Dict[str, str]:
    return {name: value for name, value in form.items() if value is not None}


# --- encoding ---

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(TEXT | st.text('#"\\ aP', min_size=1))
def test_a_text_survives_and_stays_on_its_line(text: str) -> None:
    value = encode_text(text)
    assert decode_value(value) == text.encode()
    assert value.isascii()
    assert value.isprintable()
    # It is read back from a file too, where a # may begin a comment.
    (block,) = parse(render((new_block({"identity": value, "x": "1"}),)))
    assert not isinstance(block, str)
    assert block.variables == {"identity": value, "x": "1"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("laptop@example.org", '"laptop@example.org"'),
        ("CORP\\bob smith", '"CORP\\bob smith"'),
        ('say "x"', "73617920227822".ljust(14, "2")),
        ("a#b", "612362"),
        ("ä", "c3a4"),
        ("a\nb", "610a62"),
    ],
)
def test_what_is_not_plain_becomes_hex(text: str, value: str) -> None:
    assert encode_text(text) == value


def test_the_key_that_a_passphrase_makes() -> None:
    # IEEE 802.11-2020 J.4.2, test vector 1.
    assert pmk("password", SSID) == "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63))
def test_a_passphrase_of_any_characters_gets_into_a_file_and_out(passphrase: str) -> None:
    for security in ("psk", "psk+sae"):
        for form in variants(psk(passphrase, security=security)):
            variables = present(form)
            (block,) = parse(render((new_block(variables),)))
            assert not isinstance(block, str)
            assert block.variables == variables
            value = block.variables["psk"]
            assert value in (f'"{passphrase}"', pmk(passphrase, SSID))


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (
            NetworkProfile(b"\n", "open", pmf="disabled", hidden=True),
            {"ssid": "0a", "scan_ssid": "1", "key_mgmt": "NONE", "ieee80211w": "0"},
        ),
        (
            NetworkProfile(b"x", "owe", pmf="required", priority=-3),
            {"ssid": "78", "key_mgmt": "OWE", "ieee80211w": "2", "priority": "-3"},
        ),
        (
            psk(bssid="02:00:00:00:01:00", enabled=False),
            {
                "bssid": "02:00:00:00:01:00",
                "key_mgmt": "WPA-PSK WPA-PSK-SHA256",
                "psk": '"password"',
                "disabled": "1",
            },
        ),
        (psk(pmf="disabled"), {"key_mgmt": "WPA-PSK", "ieee80211w": "0"}),
        (psk("ab" * 32), {"psk": "ab" * 32}),
        (psk("x", security="sae", pmf="required"), {"key_mgmt": "SAE", "sae_password": '"x"', "psk": None}),
        (psk(security="psk+sae"), {"key_mgmt": "WPA-PSK WPA-PSK-SHA256 SAE", "psk": '"password"'}),
        (
            psk('pass"word', security="psk+sae"),
            {"psk": pmk('pass"word', SSID), "sae_password": b'pass"word'.hex()},
        ),
        (
            NetworkProfile(b"x", "eap", eap=Eap("ttls", "me", "anon", "s", "pap", "/ca.pem", "example.org")),
            {
                "key_mgmt": "WPA-EAP WPA-EAP-SHA256",
                "eap": "TTLS",
                "identity": '"me"',
                "anonymous_identity": '"anon"',
                "password": '"s"',
                "phase2": '"auth=PAP"',
                "ca_cert": '"/ca.pem"',
                "domain_suffix_match": '"example.org"',
                "private_key": None,
            },
        ),
        (
            NetworkProfile(
                b"x", "eap", eap=Eap("tls", "me", client_cert="/c", private_key="/k", private_key_password="p")
            ),
            {
                "eap": "TLS",
                "phase2": None,
                "password": None,
                "client_cert": '"/c"',
                "private_key": '"/k"',
                "private_key_passwd": '"p"',
            },
        ),
    ],
)
def test_profiles_as_variables(profile: NetworkProfile, expected: Dict[str, Optional[str]]) -> None:
    form = variants(profile)[0]
    assert {name: form[name] for name in expected} == expected


# --- comparing ---


@pytest.mark.parametrize(
    ("name", "want", "have", "same"),
    [
        ("identity", '"ab"', "6162", True),
        ("identity", '"ab"', 'P"a\\x62"', True),
        ("identity", '"ab"', '"AB"', False),
        ("identity", '"ab"', "NULL", False),
        ("identity", None, "NULL", True),
        ("identity", None, None, True),
        ("identity", None, '"x"', False),
        ("identity", '"ab"', "broken", False),
        ("scan_ssid", "0", None, True),
        ("scan_ssid", "1", None, False),
        ("priority", "16", "0x10", True),
        ("priority", "16", "x", False),
        ("ieee80211w", "1", None, False),
        ("bssid", None, "any", True),
        ("bssid", None, '""', True),
        ("bssid", "02:00:00:00:01:0a", "02:00:00:00:01:0A", True),
        ("key_mgmt", "WPA-PSK WPA-PSK-SHA256", "WPA-PSK", False),
        ("key_mgmt", "WPA-PSK WPA-PSK-SHA256", "WPA-PSK-SHA256", False),
        ("key_mgmt", "WPA-PSK WPA-PSK-SHA256", "FT-PSK WPA-PSK", False),
        ("key_mgmt", "WPA-PSK WPA-PSK-SHA256", "FT-PSK WPA-PSK-SHA256 WPA-PSK", True),
        ("key_mgmt", "WPA-PSK", "WPA-PSK WPA-PSK-SHA256", True),
        ("key_mgmt", "SAE", "FT-SAE", False),
        ("key_mgmt", "SAE", "FT-SAE SAE", True),
        ("key_mgmt", "SAE", "SAE FT-PSK", False),
        ("key_mgmt", "WPA-PSK WPA-PSK-SHA256 SAE", "WPA-PSK", False),
        ("key_mgmt", "WPA-EAP", "WPA-EAP IEEE8021X", False),
        ("key_mgmt", "NONE", None, False),
        ("eap", "PEAP", "peap", True),
        ("eap", "PEAP", "PEAP TTLS", False),
        ("mac_addr", "0", None, True),
        ("mac_addr", "0", "0", True),
        ("mac_addr", "0", "1", False),
        ("mac_addr", "0", "-1", False),
    ],
)
def test_values_are_compared_by_what_they_mean(name: str, want: Optional[str], have: Optional[str], same: bool) -> None:
    assert agrees(name, {name: want}, {} if have is None else {name: have}) is same


@pytest.mark.parametrize(
    ("profile", "have", "same"),
    [
        (psk(), '"password"', True),
        (psk(), '"Password"', False),
        (psk(), pmk("password", SSID), True),
        (psk(), pmk("password", SSID).upper(), True),
        (psk(), pmk("password", b"other"), False),
        (psk(pmk("password", SSID)), '"password"', True),
        (psk(pmk("password", SSID)), pmk("password", SSID).upper(), True),
        (psk("ab" * 32), '"password"', False),
        (psk(), "ext:thing", False),
        (psk(), '"', False),
        # SAE can't work with the key.
        (psk(security="psk+sae"), pmk("password", SSID), False),
    ],
)
def test_a_passphrase_and_the_key_that_it_makes_are_the_same(profile: NetworkProfile, have: str, same: bool) -> None:
    assert agrees("psk", variants(profile)[0], {"psk": have}) is same


@pytest.mark.parametrize(
    ("security", "found", "expected"),
    [
        ("sae", {}, {"psk": None, "sae_password": '"password"'}),
        ("sae", {"psk": '"password"'}, {"psk": '"password"', "sae_password": None}),
        ("sae", {"psk": '"other678"'}, {"psk": None, "sae_password": '"password"'}),
        ("psk+sae", {"psk": '"password"', "sae_password": "70617373776f7264"}, {"sae_password": '"password"'}),
        ("psk+sae", {"sae_password": '"password"'}, {"psk": '"password"', "sae_password": None}),
    ],
)
def test_a_secret_may_stay_where_it_means_the_same(security: str, found: Dict[str, str], expected: Any) -> None:
    form = fitting_form(psk(security=security, pmf="required"), found)
    assert {name: form[name] for name in expected} == expected


@given(st.sampled_from([psk(), psk(security="sae"), psk(security="psk+sae")]))
def test_a_profile_agrees_with_itself(profile: NetworkProfile) -> None:
    for form in variants(profile):
        assert differing(form, present(form)) == ()
        assert fitting_form(profile, present(form)) == form


def test_what_contradicts_a_profile() -> None:
    unwanted = contradicting(variants(psk())[0])
    assert {"wep_key0", "ca_path", "proto", "identity", "password", "private_key2_passwd"} <= unwanted
    assert not unwanted & {"psk", "sae_password", "id_str", "bgscan", "scan_freq", "phase1", "altsubject_match"}


@pytest.mark.parametrize(
    ("found", "station"),
    [({}, True), ({"mode": "0"}, True), ({"mode": "2"}, False), ({"disabled": "1"}, True), ({"disabled": "2"}, False)],
)
def test_which_networks_are_to_be_joined(found: Dict[str, str], station: bool) -> None:
    assert is_station(found) is station


# --- describing ---


def test_a_description_has_no_secret_of_anybody() -> None:
    found = {
        "ssid": "00ff0a",
        "identity": '"me"',
        "psk": f'"{CANARY}"',
        "sae_password": CANARY.encode().hex(),
        "password": f'"{CANARY}"',
        "machine_password": f'"{CANARY}"',
        "wep_key0": f'"{CANARY}"',
        "pin": f'"{CANARY}"',
        **dict.fromkeys(("private_key", "client_cert", "ca_cert"), f'"pkcs11:token=x;pin-value={CANARY}"'),
        "unheard_of": CANARY,
    }
    shown = describe(found, ["psk"])
    assert CANARY not in str(shown)
    assert CANARY.encode().hex() not in str(shown)
    assert shown["ssid"] == "\\x00\\xff\\n"
    assert (shown["identity"], shown["psk"], shown["password"]) == ("me", "(changed)", "(set)")
    assert describe({"private_key": '"/etc/key.pem"'}) == {"private_key": "/etc/key.pem"}


@given(st.sampled_from(sorted(variables.SECRETS | variables.SUPERSEDED)))
def test_no_secret_variable_is_ever_shown(name: str) -> None:
    if name not in {"proto", "pairwise", "group", "auth_alg", "freq_list", "bssid_ignore", "bssid_accept"}:
        assert CANARY not in str(describe({name: CANARY}, [name]))


# --- what changed code showed ---


@pytest.mark.parametrize("yes", [False, True])
def test_what_is_on_or_off_is_a_number(yes: bool) -> None:
    (form,) = variants(NetworkProfile(b"corp", "open", hidden=yes, enabled=not yes))
    assert (form["scan_ssid"], form["disabled"]) == (("1", "1") if yes else ("0", "0"))


@pytest.mark.parametrize(("pmf", "key_mgmt"), [("disabled", "WPA-EAP"), ("optional", "WPA-EAP WPA-EAP-SHA256")])
def test_802_1x_without_management_frame_protection(pmf: str, key_mgmt: str) -> None:
    (form,) = variants(NetworkProfile(b"corp", "eap", eap=Eap("peap", "me"), pmf=pmf))
    assert form["key_mgmt"] == key_mgmt


@pytest.mark.parametrize("nothing", ["", '""', "any", "NULL"])
def test_no_access_point_has_many_spellings(nothing: str) -> None:
    assert agrees("bssid", {"bssid": None}, {"bssid": nothing})
    assert not agrees("bssid", {"bssid": "02:00:00:00:01:00"}, {"bssid": nothing})
    assert agrees("bssid", {"bssid": "02:00:00:00:01:0a"}, {"bssid": "02:00:00:00:01:0A"})


def test_key_managements_without_a_kind_are_kinds_of_their_own() -> None:
    assert variables.kinds("FILS-SHA256 OSEN NONE") == {"FILS-SHA256", "OSEN", "open"}
    assert not agrees("key_mgmt", {"key_mgmt": "OSEN"}, {"key_mgmt": "FILS-SHA256"})


@pytest.mark.parametrize(
    ("found", "ssid"),
    [({"ssid": '"corp"'}, b"corp"), ({"ssid": "ff00"}, b"\xff\0"), ({"ssid": "corp"}, None), ({}, None)],
)
def test_the_ssid_of_a_network(found: Dict[str, str], ssid: Optional[bytes]) -> None:
    assert variables.ssid_of(found) == ssid


def test_where_sae_has_a_password_of_its_own_the_key_is_as_good_as_the_passphrase() -> None:
    """Only where SAE would use the passphrase is the key that it makes not enough."""
    key = pmk("correct horse", b"corp")
    for password, enough in (('"correct horse"', True), (None, False)):
        wanted = {"ssid": '"corp"', "key_mgmt": "SAE WPA-PSK", "psk": '"correct horse"', "sae_password": password}
        assert agrees("psk", wanted, {"psk": key}) == enough
    assert agrees("psk", {"ssid": '"corp"', "psk": '"correct horse"'}, {"psk": key.upper()})
    assert not agrees("psk", {"psk": '"correct horse"'}, {"psk": key}), "without an SSID there is no key"


def test_what_can_not_be_read_is_like_nothing_else() -> None:
    assert not agrees("identity", {"identity": "garbage!"}, {"identity": "rubbish!"})
    assert not agrees("priority", {"priority": "much"}, {"priority": "more"})
    assert agrees("priority", {"priority": "16"}, {"priority": "0x10"})


def test_texts_are_shown_as_people_write_them() -> None:
    found = {"ssid": "636f7270", "private_key": '"/etc/key.pem"', "key_mgmt": "NONE", "identity": "garbage!"}
    assert describe(found) == {
        "ssid": "corp",
        "private_key": "/etc/key.pem",
        "key_mgmt": "NONE",
        "identity": "garbage!",
    }
    assert describe({"private_key": '"pkcs11:pin-value=1"'}) == {"private_key": "(set)"}
    assert describe({"private_key": "garbage!"}, ["private_key"]) == {"private_key": "(changed)"}


@pytest.mark.parametrize(
    ("security", "passphrase", "forms"),
    [
        ("psk", "correct horse", [("psk",)]),
        ("psk", "ab" * 32, [("psk",)]),
        ("sae", "correct horse", [("sae_password",), ("psk",), ("psk", "sae_password")]),
        ("sae", 'a "quoted" one', [("sae_password",)]),
        ("sae", "short", [("sae_password",)]),
        ("psk+sae", "correct horse", [("psk",), ("psk", "sae_password")]),
        ("psk+sae", 'a "quoted" one', [("psk", "sae_password")]),
    ],
)
def test_in_which_variables_a_passphrase_may_stand(security: str, passphrase: str, forms: Any) -> None:
    made = variants(NetworkProfile(SSID, security, passphrase))
    assert [tuple(name for name in ("psk", "sae_password") if form[name] is not None) for form in made] == forms
