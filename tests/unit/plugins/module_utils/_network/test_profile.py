# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which profile is for a network, and what is in the way."""

from __future__ import annotations

from typing import Optional, Set

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import HOST_LINK, Limits, Obstacle, Target
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import (
    find_obstacle,
    find_profile,
    find_profile_or_obstacle,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._network.fake_profile import make
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, OTHER_BSSID


@pytest.mark.parametrize(
    ("key_mgmt", "credentials", "joins"),
    [
        ("NONE", "", {"open"}),
        ("NONE", "wep_key", set()),
        ("OWE", "", set()),
        ("IEEE8021X", "identity", set()),
        ("WPA-PSK", "psk", {"psk"}),
        ("WPA-PSK-SHA256", "psk", {"psk"}),
        ("FT-PSK", "psk", {"psk"}),
        ("WPA-PSK", "", set()),
        ("SAE", "psk", {"sae"}),
        ("SAE", "sae_password", {"sae"}),
        ("FT-SAE", "sae_password", {"sae"}),
        ("SAE-EXT-KEY", "sae_password", {"sae"}),
        ("SAE", "", set()),
        ("WPA-PSK SAE", "psk", {"psk", "sae"}),
        ("WPA-PSK SAE", "sae_password", {"sae"}),
        ("WPA-PSK WPA-EAP", "psk", {"psk"}),
        ("WPA-PSK WPA-EAP", "identity", set()),
        ("WPA-PSK WPA-EAP", "sae_password identity", set()),
        ("WPA-PSK WPA-EAP", "psk identity", {"psk", "eap"}),
        ("WPA-EAP", "identity", {"eap"}),
        ("WPA-EAP", "eap", {"eap"}),
        ("WPA-EAP", "", set()),
        ("WPA-EAP-SHA256", "identity eap", {"eap"}),
        ("FT-EAP", "identity eap", {"eap"}),
        ("WPA-EAP-SUITE-B-192", "identity eap", {"eap"}),
        ("DPP", "", set()),
        ("", "psk", set()),
    ],
)
def test_which_authentication_fits_which_profile(key_mgmt: str, credentials: str, joins: Set[str]) -> None:
    profile = make(key_mgmt=key_mgmt, credentials=credentials)
    for auth in ("open", "psk", "sae", "eap", "unknown(3)", ""):
        assert profile.can_join(auth) == (auth in joins), auth
        assert (find_profile([profile], Target(b"home", auth)) is profile) == (auth in joins), auth


@pytest.mark.parametrize("ssid", [b"Home", b"home\0", b"home ", b"", "home\u200b".encode()])
def test_the_ssid_is_compared_byte_by_byte(ssid: bytes) -> None:
    assert find_profile([make()], Target(ssid, "psk")) is None


def test_of_several_the_priority_then_the_lowest_id() -> None:
    profiles = [
        make(9, priority=2),
        make(4, priority=2),
        make(1, priority=1),
        make(0, priority=9, enabled=False),
        make(2, priority=9, ssid=b"x"),
    ]
    for order in (profiles, profiles[::-1]):
        found = find_profile(order, Target(b"home", "psk"))
        assert found is not None
        assert found.id == 4
    assert find_profile([], Target(b"home", "psk")) is None


def test_of_equal_ones_the_interfaces_own_comes_first() -> None:
    free, own = make(0), make(1, own=True)
    assert find_profile([free, own], Target(b"home", "psk")) is own
    preferred = make(2, priority=1)
    assert find_profile([free, own, preferred], Target(b"home", "psk")) is preferred


def test_one_that_is_bound_to_another_access_point_is_none() -> None:
    bound = make(0, priority=9, bssid=BSSID, limits=Limits(only_bssids=(BSSID,)))
    pinned = make(1, bssid=BSSID)  # by its configuration: a pin changes that
    elsewhere = "02:00:00:00:09:00"
    assert find_profile([bound, pinned], Target(b"home", "psk", BSSID)) is bound
    assert find_profile([bound, pinned], Target(b"home", "psk", elsewhere)) is pinned
    assert find_profile([bound], Target(b"home", "psk", elsewhere)) is None
    assert find_profile([bound], Target(b"home", "psk")) is bound


def test_one_that_is_for_other_channels_is_none() -> None:
    narrow, free = make(0, priority=9, limits=Limits(channels=frozenset({2412, 2437}))), make(1)
    assert find_profile([narrow, free], Target(b"home", "psk", BSSID, (2437,))) is narrow
    assert find_profile([narrow, free], Target(b"home", "psk", BSSID, (5180,))) is free
    assert find_profile([narrow], Target(b"home", "psk", BSSID, (5180,))) is None
    # A number that may be the one or the other.
    assert find_profile([narrow], Target(b"home", "psk", BSSID, (2412, 5955))) is narrow
    assert find_profile([narrow], Target(b"home", "psk")) is narrow


def test_of_what_is_in_the_way_the_least_is_told() -> None:
    disabled, unfit = make(0, enabled=False), make(1, key_mgmt="SAE")
    for order in ([disabled, unfit], [unfit, disabled]):
        assert find_obstacle(order, Target(b"home", "psk")) == Obstacle("is disabled", "Enable it", disabled=True)
    own = make(2, enabled=False, obstacle=Obstacle("is somebody's", "Share it"))
    assert find_obstacle([own, unfit], Target(b"home", "psk")) == own.obstacle
    # Not what it has nothing to do with.
    told = find_obstacle([own], Target(b"home", "eap"))
    assert told == Obstacle(
        "can't join the network: it has key management WPA-PSK, or lacks a credential",
        "Give it a key management and credentials that fit the network",
    )
    assert find_obstacle([disabled, own], Target(b"other", "psk")) is None


def test_what_is_in_the_way_may_be_the_access_point_or_the_channel() -> None:
    bound, narrow = (
        make(0, bssid=BSSID, limits=Limits(only_bssids=(BSSID,))),
        make(1, limits=Limits(channels=frozenset({2412}))),
    )
    remedy = "Remove that from the profile"
    assert find_obstacle([bound], Target(b"home", "psk", OTHER_BSSID)) == Obstacle(
        f"is restricted to another access point than CSME's ({OTHER_BSSID})", remedy
    )
    assert find_obstacle([narrow], Target(b"home", "psk", OTHER_BSSID, (5180,))) == Obstacle(
        "is restricted to another band or channel than CSME's", remedy
    )
    # What has nothing in its way is no nearer than what has little.
    assert find_obstacle([make(2), make(3, enabled=False)], Target(b"home", None)) == Obstacle(
        "is disabled", "Enable it", disabled=True
    )


@pytest.mark.parametrize(
    ("key_mgmt", "ciphers"),
    [
        ("WPA-EAP-SUITE-B-192", {"gcmp-256"}),
        ("WPA-EAP-SUITE-B", {"gcmp"}),
        ("WPA-EAP-SUITE-B WPA-EAP-SUITE-B-192", {"gcmp", "gcmp-256"}),
        ("WPA-EAP WPA-EAP-SUITE-B-192", {"tkip", "ccmp", "gcmp", "gcmp-256"}),
    ],
)
def test_key_managements_of_suite_b_have_a_cipher_of_their_own(key_mgmt: str, ciphers: Set[str]) -> None:
    profile = make(key_mgmt=key_mgmt, credentials="identity eap")
    for cipher in ("tkip", "ccmp", "gcmp", "gcmp-256"):
        csme = Target(b"home", "eap", cipher=cipher)
        assert (find_profile([profile], csme) is not None) == (cipher in ciphers), cipher
    # What is not known of CSME's connection is no obstacle.
    for unknown in (None, "unknown(9)"):
        assert find_profile([profile], Target(b"home", "eap", cipher=unknown)) is profile


def test_that_cipher_is_named() -> None:
    profile = make(key_mgmt="WPA-EAP-SUITE-B-192", credentials="identity eap")
    assert find_obstacle([profile], Target(b"home", "eap", cipher="ccmp")) == Obstacle(
        "does not use the cipher of CSME's connection (ccmp), by its key management (WPA-EAP-SUITE-B-192)",
        "Give it a key management that fits the network",
    )


def test_either_a_profile_is_found_or_what_keeps_the_best_one_from_it() -> None:
    fits, disabled = make(2), make(3, enabled=False)
    home, other = Target(b"home", "psk"), Target(b"other", "psk")
    assert find_profile_or_obstacle(iter((disabled, fits)), home) == (fits, None)
    assert find_profile_or_obstacle(iter((disabled,)), home) == (None, find_obstacle([disabled], home))
    assert find_profile_or_obstacle((disabled, fits), other) == (None, None)


@pytest.mark.parametrize(
    ("cipher", "ciphers", "doubted"),
    [
        ("ccmp", None, False),
        ("ccmp", {"ccmp", "tkip"}, False),
        (None, {"gcmp-256", "gcmp", "ccmp"}, False),
        ("tkip", None, True),
        ("tkip", {"ccmp", "tkip"}, True),
        ("ccmp", {"ccmp", "ccmp-256"}, True),
        (None, {"ccmp", "ccmp-256"}, True),
    ],
)
def test_a_host_of_which_csme_may_not_hear_is_doubted(
    cipher: Optional[str], ciphers: Optional[Set[str]], doubted: bool
) -> None:
    limits = Limits(ciphers=None if ciphers is None else frozenset(ciphers))
    found = find_profile([make(limits=limits)], Target(b"home", "psk", cipher=cipher))
    assert found is not None
    assert (found.doubt is not None and found.doubt.code == HOST_LINK) is doubted
    # A doubt of the profile's own goes first.
    own = Obstacle("it is somebody else", "Be the same")
    found = find_profile([make(limits=limits, doubt=own)], Target(b"home", "psk", cipher=cipher))
    assert found is not None
    assert found.doubt is own
