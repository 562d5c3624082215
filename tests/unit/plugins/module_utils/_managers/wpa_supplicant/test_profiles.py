# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's networks as profiles."""

from __future__ import annotations

from typing import Dict, Set

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import profiles as wpa_profiles
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import MAC_ADDRESS, Limits, Obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp_identity import OtherIdentity
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_pinning import (
    FakeNetwork,
    FakeSupplicant,
    profile_of,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import OTHER_BSSID


def test_status(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    assert supplicant.interface == "wlan0"
    assert supplicant.status() == SupplicantStatus()


def test_profiles(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.current = 1
    profiles = supplicant.profiles()
    assert [profile.id for profile in profiles] == [0, 1, 2, 3, 5]
    assert profiles[1] == Profile(
        id=1,
        ssid=b"home",
        key_mgmt=frozenset({"WPA-PSK"}),
        enabled=True,
        bssid=None,
        scan_freq=(2412, 2437),
        current=True,
        priority=0,
        credentials=frozenset({"psk"}),
        limits=Limits(pmf=False),
    )
    assert [profile.enabled for profile in profiles] == [True, True, False, True, True]
    assert (profiles[3].priority, profiles[4].ssid, profiles[4].bssid) == (5, b'\n"\xff', OTHER_BSSID)
    assert fake.changes == []


@pytest.mark.parametrize(
    ("variables", "credentials"),
    [
        ({"key_mgmt": "NONE"}, set()),
        ({"key_mgmt": "NONE", "wep_key2": "*"}, {"wep_key"}),
        ({"key_mgmt": "WPA-PSK WPA-EAP", "psk": "*"}, {"psk"}),
        ({"key_mgmt": "SAE", "sae_password": "*"}, {"sae_password"}),
        ({"key_mgmt": "WPA-EAP", "identity": '"u"', "eap": "PEAP"}, {"identity", "eap"}),
        ({"key_mgmt": "WPA-EAP", "identity": '""'}, set()),
        ({"key_mgmt": "WPA-PSK SAE", "psk": "*", "sae_password": "*"}, {"psk", "sae_password"}),
        # Those of another key management do not count.
        ({"key_mgmt": "NONE", "psk": "*", "sae_password": "*", "identity": '"u"'}, set()),
        ({"key_mgmt": "WPA-PSK", "psk": "*", "sae_password": "*", "wep_key0": "*"}, {"psk"}),
    ],
)
def test_credentials_are_named_and_never_read(
    fake: FakeSupplicant, supplicant: WpaSupplicant, variables: Dict[str, str], credentials: Set[str]
) -> None:
    fake.networks = {0: FakeNetwork(b"x", variables)}
    assert profile_of(supplicant, 0).credentials == credentials


def test_a_priority_that_is_no_number_is_the_usual_one(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.networks[0].variables["priority"] = "high"
    assert profile_of(supplicant, 0).priority == 0


def test_profiles_of_one_network_alone(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    assert [profile.id for profile in supplicant.profiles(b"home")] == [1, 3]
    assert supplicant.profiles(b"nowhere") == ()


def test_a_network_that_goes_away_while_being_asked_about_is_left_out(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    del fake.networks[3].variables["key_mgmt"]  # wpa_supplicant answers FAIL for a network that it does not have
    assert [profile.id for profile in supplicant.profiles()] == [0, 1, 2, 5]


@pytest.mark.parametrize("value", ["2412 x", "-1", "2412,2437", "x" * 100])
def test_a_scan_freq_that_is_no_list(fake: FakeSupplicant, supplicant: WpaSupplicant, value: str) -> None:
    fake.networks[0].variables["scan_freq"] = value
    with pytest.raises(DecodeFailed, match="scan_freq is not a list of frequencies") as caught:
        supplicant.profiles()
    assert caught.value.where == ascii(value.split())[:80]


# --- another IP address ---


@pytest.mark.parametrize(("fixed", "code"), [(True, "fixed_address"), (False, "dhcp_identity_differs")])
def test_an_address_that_may_be_another_than_csmes_is_a_doubt(
    supplicant: WpaSupplicant, monkeypatch: pytest.MonkeyPatch, fixed: bool, code: str
) -> None:
    other = OtherIdentity("it is somebody else", "Be the same", fixed=fixed)
    monkeypatch.setattr(f"{wpa_profiles.__name__}.sysfs.index_of", {"wlan0": 3}.__getitem__)
    monkeypatch.setattr(wpa_profiles, "other_identity", lambda name, index: {("wlan0", 3): other}[name, index])
    doubt = Obstacle(other.what, other.remedy, code=code)
    assert [profile.doubt for profile in supplicant.profiles()] == [doubt] * 5


# --- another MAC address ---


def test_an_interface_with_another_address_is_in_the_way_of_every_network(
    supplicant: WpaSupplicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    obstacle = Obstacle("can't be used", "Mend it", code=MAC_ADDRESS)
    monkeypatch.setattr(wpa_profiles, "changed_address", lambda _ctrl, name, _settings: {"wlan0": obstacle}[name])
    assert [profile.obstacle for profile in supplicant.profiles()] == [obstacle] * 5


def test_what_a_network_is_restricted_to_is_asked_for(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.networks[0].variables.update({"mac_addr": "1", "freq_list": "5220", "bssid_ignore": OTHER_BSSID})
    profile = profile_of(supplicant, 0)
    assert profile.obstacle is not None
    assert profile.obstacle.code == "mac_address_differs"
    assert (profile.limits.channels, profile.limits.never_bssids) == (frozenset({5220}), (OTHER_BSSID,))
    fake.networks[0].variables["mac_addr"] = "-1"
    assert profile_of(supplicant, 0).obstacle is None
    fake.settings["mac_addr"] = "2"
    assert profile_of(supplicant, 0).obstacle is not None
