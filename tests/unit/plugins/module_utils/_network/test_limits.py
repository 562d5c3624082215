# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restriction means for CSME's connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, FrozenSet, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Limits, Obstacle, Target, target_of
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import PartialConnection

BSSID = "02:00:00:00:01:00"
PART = PartialConnection(b"corp", BSSID, None, (), "psk", None, (("channel", "There is no channel 255"),))
CSME = Target(b"corp", "psk", BSSID, (2437,), "ccmp")
LACKS = Obstacle("has no password", "Give it the password")


def first(limits: Limits, **changes: Any) -> Optional[str]:
    """Return the first obstacle's words; None: there is none."""
    connection = Target(**{**CSME.__dict__, **changes})
    return next((each.what for each in limits.obstacles(connection) if each is not None), None)


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(), None),
        (Limits(channels=frozenset({5220})), "is restricted to another band or channel than CSME's"),
        (Limits(channels=frozenset({5220, 2437})), None),
        (Limits(only_bssids=("02:00:00:00:09:01",)), f"is restricted to another access point than CSME's ({BSSID})"),
        (Limits(only_bssids=("02:00:00:00:09:01", BSSID)), None),
        (Limits(only_bssids=("02:00:00:00:00:00/ff:ff:ff:ff:00:00",)), None),
        (
            Limits(only_bssids=("02:00:00:01:00:00/ff:ff:ff:ff:00:00",)),
            f"is restricted to another access point than CSME's ({BSSID})",
        ),
        (Limits(never_bssids=(BSSID,)), f"excludes CSME's access point ({BSSID})"),
        (
            Limits(never_bssids=("02:00:00:00:02:00", "02:00:00:00:00:00/ff:ff:ff:ff:00:00")),
            f"excludes CSME's access point ({BSSID})",
        ),
        (Limits(never_bssids=("02:00:00:00:02:00",)), None),
        (Limits(ciphers=frozenset({"tkip"})), "does not use the cipher of CSME's connection (ccmp)"),
        (Limits(ciphers=frozenset({"gcmp-256"})), "does not use the cipher of CSME's connection (ccmp)"),
        (Limits(ciphers=frozenset({"ccmp", "tkip"})), None),
        (Limits(pmf=False), None),
        (Limits(eap=LACKS), None),
    ],
)
def test_a_restriction_and_csmes_connection(limits: Limits, what: Optional[str]) -> None:
    assert first(limits) == what


def test_profiles_are_compared_with_what_is_known() -> None:
    assert target_of(None) is None
    assert target_of(PART) == Target(b"corp", "psk", BSSID, (), None)
    assert target_of(replace(PART, ssid=None)) is target_of(replace(PART, auth=None)) is None


def test_what_is_not_known_of_the_connection_is_no_obstacle() -> None:
    narrow = Limits(frozenset({5220}), ("02:00:00:00:09:01",), (BSSID,), frozenset({"tkip"}))
    assert first(narrow, bssid=None, frequencies=(), cipher=None) is None
    # Nor is a cipher that no profile could name.
    assert first(Limits(ciphers=frozenset({"tkip"})), cipher="unknown(9)") is None
    assert first(Limits(ciphers=frozenset({"ccmp"})), auth="open", cipher="none") is None


OLD = frozenset({"wpa"})
OLDER = "does not use RSN, the protocol of WPA2 and WPA3 (proto=WPA), but CSME does"


@pytest.mark.parametrize(
    ("protocols", "connection", "what"),
    [
        (None, {}, None),
        (OLD, {}, OLDER),
        (OLD, {"auth": "eap"}, OLDER),
        (OLD, {"auth": "sae", "cipher": "gcmp-256"}, OLDER),
        (OLD, {"cipher": None}, OLDER),
        (frozenset({"rsn"}), {}, None),
        (frozenset({"wpa", "rsn"}), {}, None),
        # A network with TKIP may offer the older protocol too.
        (OLD, {"cipher": "tkip"}, None),
        (OLD, {"auth": "open", "cipher": "none"}, None),
        (OLD, {"auth": "unknown(4)"}, None),
        (OLD, {"auth": None}, None),
    ],
)
def test_csmes_authentications_are_those_of_rsn(
    protocols: Optional[FrozenSet[str]], connection: Dict[str, Optional[str]], what: Optional[str]
) -> None:
    assert first(Limits(protocols=protocols), **connection) == what


@pytest.mark.parametrize(
    ("cipher", "groups", "fits"),
    [
        ("tkip", "tkip", True),
        ("tkip", "ccmp", False),
        ("tkip", "ccmp wep104", True),
        ("ccmp", "ccmp", True),
        # The network may be a mixed one. Nobody knows that before the connection.
        ("ccmp", "tkip", True),
        ("ccmp", "gcmp", False),
        ("ccmp", "gcmp-256 ccmp-256", False),
        ("ccmp", "gcmp-256 tkip", True),
        ("gcmp", "ccmp", True),
        ("gcmp", "gcmp-256", False),
        ("gcmp-256", "gcmp-256", True),
        ("gcmp-256", "ccmp", True),
        ("ccmp", "gtk_not_used", True),
        ("ccmp", "", True),
        ("none", "gcmp", True),
        ("unknown(5)", "gcmp", True),
        (None, "gcmp", True),
    ],
)
def test_the_cipher_for_group_traffic_is_no_stronger_than_csmes(cipher: Optional[str], groups: str, fits: bool) -> None:
    told = first(Limits(groups=frozenset(groups.split()) or None), cipher=cipher)
    assert (told is None) == fits
    if told is not None:
        named = " ".join(sorted(groups.split())).upper()
        assert told == f"only allows a stronger cipher for group traffic ({named}) than CSME's ({cipher})"


@pytest.mark.parametrize(
    ("algorithms", "auth", "fits"),
    [
        ("", "psk", True),
        ("open", "psk", True),
        ("open shared", "psk", True),
        ("shared", "psk", False),
        ("shared", "eap", False),
        ("shared", "open", False),
        ("leap", "eap", False),
        # SAE takes its place.
        ("shared", "sae", True),
        ("shared", None, True),
        ("shared", "unknown(4)", True),
    ],
)
def test_all_but_sae_begin_with_open_system_authentication(algorithms: str, auth: Optional[str], fits: bool) -> None:
    told = first(Limits(algorithms=frozenset(algorithms.split()) or None), auth=auth)
    named = algorithms.upper()
    assert told == (None if fits else f"does not use open system authentication (auth_alg={named}), but CSME does")


@pytest.mark.parametrize(("pmf", "fits"), [(False, False), (True, True), (None, True)])
def test_sae_needs_protected_management_frames(pmf: Optional[bool], fits: bool) -> None:
    assert (first(Limits(pmf=pmf), auth="sae") is None) == fits


def test_what_eap_lacks_matters_to_eap_alone() -> None:
    assert first(Limits(eap=LACKS), auth="eap") == "has no password"
    assert first(Limits(eap=LACKS), auth="sae") is None
