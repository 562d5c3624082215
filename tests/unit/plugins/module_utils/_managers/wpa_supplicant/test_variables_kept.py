# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a network's variables stays beside those of a profile, and what restricts the network."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.variables import (
    agrees,
    contradicting,
    fitting_form,
    in_effect,
    restricts,
    variants,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Eap, NetworkProfile

SSID = b"IEEE"


def psk(security: str = "psk", **changes: Any) -> NetworkProfile:
    return NetworkProfile(SSID, security, "password", **changes)


@pytest.mark.parametrize(
    ("profile", "found", "kept"),
    [
        (psk(), "FT-PSK", "WPA-PSK WPA-PSK-SHA256 FT-PSK"),
        (psk(pmf="disabled"), "WPA-PSK-SHA256 FT-PSK", "WPA-PSK WPA-PSK-SHA256 FT-PSK"),
        (psk(), "SAE FT-SAE FT-EAP OSEN", "WPA-PSK WPA-PSK-SHA256"),
        (psk(security="sae"), "FT-SAE SAE-EXT-KEY", "SAE FT-SAE SAE-EXT-KEY"),
        (psk(security="psk+sae"), "FT-PSK FT-SAE", "WPA-PSK WPA-PSK-SHA256 SAE FT-PSK FT-SAE"),
        (NetworkProfile(SSID, "eap", eap=Eap("peap", "me")), "FT-EAP NONE", "WPA-EAP WPA-EAP-SHA256 FT-EAP"),
        (NetworkProfile(SSID, "open", pmf="disabled"), "WPA-PSK NONE", "NONE"),
    ],
)
def test_further_key_managements_of_the_same_kind_stay(profile: NetworkProfile, found: str, kept: str) -> None:
    form = fitting_form(profile, {"key_mgmt": found})
    assert form["key_mgmt"] == kept
    assert agrees("key_mgmt", form, {"key_mgmt": kept})
    assert agrees("key_mgmt", variants(profile)[0], {"key_mgmt": kept}), "what the profile wants is a part of it"


@pytest.mark.parametrize(
    ("own", "above", "address"),
    [(None, None, "0"), (None, "1", "1"), ("-1", "2", "2"), ("0", "1", "0"), ("3", "0", "3")],
)
def test_whose_mac_address_a_network_has(own: Optional[str], above: Optional[str], address: str) -> None:
    found = {} if own is None else {"mac_addr": own}
    assert in_effect(found, {} if above is None else {"mac_addr": above})["mac_addr"] == address


@pytest.mark.parametrize(
    ("name", "value", "yes"),
    [
        ("freq_list", "5180", True),
        ("freq_list", " ", False),
        ("bssid_ignore", "02:00:00:00:01:00", True),
        ("bssid_accept", "02:00:00:00:01:00/ff:ff:ff:00:00:00", True),
        ("proto", "WPA", True),
        ("proto", "WPA RSN OSEN", False),
        ("pairwise", "TKIP", True),
        ("pairwise", "GCMP-256 CCMP-256", True),
        ("pairwise", "CCMP", False),
        ("group", "CCMP TKIP", False),
        ("group", "TKIP", True),
        ("auth_alg", "SHARED", True),
        ("auth_alg", "OPEN SHARED", False),
    ],
)
def test_what_restricts_a_running_network(name: str, value: str, yes: bool) -> None:
    assert restricts(name, value) is yes
    assert name in contradicting(variants(psk())[0]), "the file would keep it"
