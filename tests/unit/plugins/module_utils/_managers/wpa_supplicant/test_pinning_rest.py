# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left of a pin: frequencies whose change would drop the link stay until it ends."""

from __future__ import annotations

from typing import Dict, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import NARROW
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_pinning import (
    FakeNetwork,
    FakeSupplicant,
    profile_of,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID

#: What STATUS says of the link of network 1.
MINE = {"bssid": BSSID, "ssid": "home", "id": "1"}
BY_SAE = {**MINE, "key_mgmt": "SAE"}


def pinned_with_a_link(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str = "COMPLETED", link: Optional[Dict[str, str]] = None
) -> Pin:
    """Network 1, whose frequencies were not given back before there was a link (by SAE), or what *state* says."""
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [5180])
    fake.state, fake.link = state, BY_SAE if link is None else link
    return pin


@pytest.mark.parametrize(
    ("state", "link"),
    [
        ("COMPLETED", BY_SAE),
        ("COMPLETED", {**MINE, "key_mgmt": "WPA2/IEEE 802.1X/EAP"}),
        ("4WAY_HANDSHAKE", {**MINE, "key_mgmt": "FT-SAE"}),
        ("COMPLETED", MINE),
    ],
    ids=["sae", "eap", "keys on their way", "it does not tell by what"],
)
def test_a_link_that_the_frequencies_would_drop_keeps_them_to_its_end(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str, link: Dict[str, str]
) -> None:
    fake.networks[5].temp_disabled = False
    before = fake.snapshot()
    pin = pinned_with_a_link(fake, supplicant, state, link)
    assert supplicant.loosen(pin) == NARROW
    assert fake.networks[1].variables.pop("scan_freq") == "5180"
    assert before[1].variables.pop("scan_freq") == "2412 2437"
    assert fake.networks == before, "all the rest is as it was"
    fake.networks[1].variables["scan_freq"] = "5180"
    # What somebody does meanwhile stays.
    fake.networks[1].disabled = fake.networks[3].disabled = True
    fake.networks[1].variables["bssid"] = BSSID
    del fake.changes[:]
    assert not supplicant.settle()
    assert fake.changes == []
    fake.state, fake.link = "DISCONNECTED", {}
    assert supplicant.settle()
    assert fake.changes == ["SET_NETWORK 1 scan_freq 2412 2437"]
    assert supplicant.settle()
    assert len(fake.changes) == 1


@pytest.mark.parametrize(
    ("state", "link"),
    [
        ("COMPLETED", {**MINE, "key_mgmt": "WPA2-PSK"}),
        ("COMPLETED", {**MINE, "key_mgmt": "FT-PSK"}),
        ("COMPLETED", {**MINE, "key_mgmt": "NONE"}),
        ("COMPLETED", {**BY_SAE, "id": "3"}),
        ("AUTHENTICATING", {}),
        ("ASSOCIATED", BY_SAE),
        ("DISCONNECTED", {}),
        ("SCANNING", {}),
        ("INTERFACE_DISABLED", {}),
    ],
    ids=["psk", "psk, fast", "open", "another network's", "a beginning", "no key", "none", "a search", "no interface"],
)
def test_no_other_link_keeps_them(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str, link: Dict[str, str]
) -> None:
    fake.networks[5].temp_disabled = False
    before = fake.snapshot()
    pin = pinned_with_a_link(fake, supplicant, state, link)
    assert supplicant.loosen(pin) == ""
    assert fake.networks == before


def test_the_state_is_asked_for_right_before_the_frequencies_change(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [5180])

    def connects(change: str) -> Optional[str]:
        if change.startswith("ENABLE_NETWORK 3"):
            fake.state, fake.link = "COMPLETED", BY_SAE
        return None

    fake.hook = connects
    assert supplicant.loosen(pin) == NARROW


def test_frequencies_that_were_given_back_in_time_do_not_wait(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [5180])
    fake.state = "SCANNING"
    assert supplicant.widen(pin)
    fake.state, fake.link = "COMPLETED", BY_SAE
    assert supplicant.loosen(pin) == ""


def test_a_network_that_is_gone_has_no_frequencies_to_wait_for(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = pinned_with_a_link(fake, supplicant)
    assert supplicant.loosen(pin) == NARROW
    fake.networks[1] = FakeNetwork(b"other", {"scan_freq": "5180"})
    assert supplicant.settle()
    assert fake.networks[1].variables == {"scan_freq": "5180"}


def test_what_waits_can_be_undone_at_once(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = pinned_with_a_link(fake, supplicant)
    assert supplicant.loosen(pin) == NARROW
    del fake.changes[:]
    assert supplicant.settle(now=True)
    assert fake.changes == ["SET_NETWORK 1 scan_freq 2412 2437"]


def test_a_stay_hands_on_the_frequencies_that_wait(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = pinned_with_a_link(fake, supplicant)
    assert supplicant.loosen(pin) == NARROW
    stay = supplicant.stay(profile_of(supplicant, 1), BSSID)
    assert supplicant.loosen(stay) == NARROW
    assert (profile_of(supplicant, 1).bssid, profile_of(supplicant, 1).scan_freq) == (None, (5180,))
    fake.state = "DISCONNECTED"
    assert supplicant.settle()
    assert profile_of(supplicant, 1).scan_freq == pin.previous_scan_freq
