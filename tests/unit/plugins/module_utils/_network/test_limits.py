# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restriction means for CSME's connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

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


@pytest.mark.parametrize(("pmf", "fits"), [(False, False), (True, True), (None, True)])
def test_sae_needs_protected_management_frames(pmf: Optional[bool], fits: bool) -> None:
    assert (first(Limits(pmf=pmf), auth="sae") is None) == fits


def test_what_eap_lacks_matters_to_eap_alone() -> None:
    assert first(Limits(eap=LACKS), auth="eap") == "has no password"
    assert first(Limits(eap=LACKS), auth="sae") is None
