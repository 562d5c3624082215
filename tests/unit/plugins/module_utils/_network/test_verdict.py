# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on declared networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import SECURITIES, NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Limits, Obstacle, Target
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._network.verdict import (
    FILE,
    RUNTIME,
    UnusableNetworks,
    Verdict,
    documents,
    doubts,
    judge,
    merged,
    warnings,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._network.fake_profile import make
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID

HOME = NetworkProfile(b"home", "psk", "correct horse")
MASKED = Obstacle("gives it another address", "Set mac_addr=0", code="mac_address_differs")
BAND = Obstacle("is restricted to another band or channel than CSME's", "Remove that from the profile")


def why(declared: NetworkProfile, profile: Profile, csme: Optional[Target] = None) -> Optional[str]:
    verdicts = judge([declared], [profile], csme, FILE)
    assert all((each.ssid, each.places) == (declared.ssid, (FILE,)) for each in verdicts)
    return verdicts[0].obstacle.what if verdicts else None


def test_what_can_carry_the_session_on_gets_no_verdict() -> None:
    assert why(HOME, make()) is None
    assert why(HOME, make(), Target(b"home", "psk", BSSID, (2437,), "ccmp")) is None


def test_what_may_get_another_address_is_told_of_who_would_carry_it_on() -> None:
    doubt = Obstacle("the profile has a fixed address", "Let it ask")
    doubted = make(doubt=doubt)
    told = ["network 'home' may lose CSME's session: the profile has a fixed address. Let it ask"]
    assert doubts([HOME, replace(HOME, security="psk+sae")], [doubted], None) == told
    assert doubts([HOME], [doubted], Target(b"home", "psk", BSSID, (2437,), "ccmp")) == told
    assert doubts([HOME], [make()], None) == []
    assert doubts([HOME], [doubted, make(9, priority=5)], None) == []
    assert doubts([HOME], [replace(doubted, enabled=False)], None) == []
    assert doubts([replace(HOME, enabled=False)], [doubted], None) == []


def test_each_reason_of_a_handover_is_one_here() -> None:
    assert why(HOME, make(obstacle=MASKED)) == MASKED.what
    assert "can't join the network" in str(why(HOME, make(credentials="")))
    assert why(HOME, make(enabled=False)) == "is disabled"


def test_the_declaration_says_what_the_network_is_like() -> None:
    unprotected = make(key_mgmt="WPA-PSK SAE", limits=Limits(pmf=False))
    assert why(HOME, unprotected) is None
    for security in ("sae", "psk+sae"):
        assert "does not protect management frames" in str(why(replace(HOME, security=security), unprotected))
    avoiding = make(limits=Limits(never_bssids=(BSSID,)))
    assert why(HOME, avoiding) is None
    assert "excludes" in str(why(replace(HOME, bssid=BSSID), avoiding))


def test_what_csme_is_on_is_known_better() -> None:
    other_band = make(limits=Limits(channels=frozenset({5180})))
    assert why(HOME, other_band) is None
    assert why(HOME, other_band, Target(b"home", "psk", BSSID, (2437,))) == BAND.what
    assert why(HOME, other_band, Target(b"office", "psk", BSSID, (2437,))) is None
    assert "can't join" in str(why(HOME, make(), Target(b"home", "sae")))
    # Only what CSME uses has to fit.
    half = make(key_mgmt="WPA-PSK")
    both = replace(HOME, security="psk+sae")
    assert why(both, half, Target(b"home", "psk")) is None
    assert "can't join" in str(why(both, half))


@pytest.mark.parametrize("security", SECURITIES)
def test_each_security_can_be_judged(security: str) -> None:
    profile = make(key_mgmt="NONE OWE WPA-PSK SAE WPA-EAP", credentials="psk identity eap")
    assert why(replace(HOME, security=security), profile) is None
    assert why(replace(HOME, security=security), replace(profile, obstacle=MASKED)) == MASKED.what


def test_a_network_that_is_not_to_be_used_or_not_there_is_not_judged() -> None:
    assert why(replace(HOME, enabled=False), make(obstacle=MASKED, enabled=False)) is None
    assert judge([HOME], [], None, FILE) == ()


def test_one_of_several_profiles_is_enough() -> None:
    assert judge([HOME], [make(obstacle=MASKED), make(1)], None, FILE) == ()


def test_one_reason_in_two_places_is_one() -> None:
    first, second = Verdict(b"a", MASKED, (FILE,)), Verdict(b"a", MASKED, (RUNTIME,))
    other = Verdict(b"a", BAND, (RUNTIME,))
    assert merged([first, other, second]) == (Verdict(b"a", MASKED, (FILE, RUNTIME)), other)


@pytest.mark.parametrize(
    ("verdicts", "texts"),
    [
        (
            [(b"a", MASKED, (FILE, RUNTIME))],
            ["network 'a' can't carry CSME's session on: its profile gives it another address. Set mac_addr=0"],
        ),
        (
            [(b"a", MASKED, (FILE,)), (b"b", MASKED, (FILE,)), (b"b", BAND, (RUNTIME,))],
            [
                "networks 'a', 'b' can't carry CSME's session on: the profile of each in the file gives it another "
                "address. Set mac_addr=0",
                "network 'b' can't carry CSME's session on: its profile in the running supplicant is restricted to "
                "another band or channel than CSME's. Remove that from the profile",
            ],
        ),
    ],
)
def test_people_are_told_the_reason_the_place_and_the_remedy(verdicts: Any, texts: Any) -> None:
    assert warnings(Verdict(*each) for each in verdicts) == texts


def test_programs_are_told_the_code_of_the_readiness() -> None:
    off = Obstacle("is disabled", "Enable it", disabled=True)
    found = documents(Verdict(b"\xffa", each, (FILE, RUNTIME)) for each in (MASKED, BAND, off))
    assert [each["code"] for each in found] == ["mac_address_differs", "profile_unfit", "profile_disabled"]
    assert found[0] == {
        "ssid": "\\xffa",
        "ssid_hex": "ff61",
        "places": ["file", "runtime"],
        "code": "mac_address_differs",
        "what": "the profile gives it another address",
        "remedy": "Set mac_addr=0",
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (None, "Nothing was changed"),
        ((False, False), "Nothing was changed"),
        ((True, False), "This was only known after the stored profiles had been changed as declared"),
        ((True, True), "after the stored profiles and the profiles of the running supplicant had been changed"),
    ],
)
def test_an_error_says_whether_anything_was_changed(changed: Optional[Tuple[bool, bool]], said: str) -> None:
    result: Optional[Dict[str, Any]] = None
    if changed is not None:
        result = {"changed": any(changed), "file": {"changed": changed[0]}, "runtime": {"changed": changed[1]}}
    error = UnusableNetworks([Verdict(b"a", MASKED, (FILE,)), Verdict(b"b", BAND, (FILE,))], result)
    assert (error.code, said in error.what) == ("unusable_network", True)
    assert "'a'" in error.what
    assert "'b'" in error.what
    assert error.remedy == "Set mac_addr=0. Remove that from the profile"
    assert error.details == {**(result or {}), "obstacles": error.details["obstacles"]}
    assert len(error.details["obstacles"]) == 2
