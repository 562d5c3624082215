# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network's variables mean, as wpa_supplicant tells them and as a file has them."""

from __future__ import annotations

from typing import Dict, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.fitness import limits_of, obstacle_of
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import MAC_ADDRESS, Limits


def limits(settings: Optional[Dict[str, str]] = None, there: Optional[bool] = True, **network: str) -> Limits:
    return limits_of(network, settings or {}, lambda _path: there)


@pytest.mark.parametrize(
    ("network", "settings", "fits"),
    [
        ({}, {}, True),
        ({"mac_addr": "-1"}, {"mac_addr": "0"}, True),
        ({"mac_addr": "0"}, {"mac_addr": "1"}, True),
        ({"mac_addr": "-1"}, {"mac_addr": "1"}, False),
        ({}, {"mac_addr": "2"}, False),
        ({"mac_addr": "1"}, {"mac_addr": "0"}, False),
        ({"mac_addr": "2"}, {}, False),
        ({"mac_addr": "3"}, {}, False),
        # What it has before it is associated alone does not count.
        ({"mac_addr": "0"}, {"preassoc_mac_addr": "1"}, True),
    ],
)
def test_another_mac_address_than_csmes(network: Dict[str, str], settings: Dict[str, str], fits: bool) -> None:
    obstacle = obstacle_of(network, settings)
    assert (obstacle is None) == fits
    if obstacle is not None:
        assert obstacle.code == MAC_ADDRESS
        assert "another MAC address than CSME's (mac_addr=" in obstacle.what
        assert obstacle.remedy == "Set mac_addr=0 in the network"


@pytest.mark.parametrize(
    ("network", "settings", "words"),
    [({}, {"ap_scan": "0"}, "ap_scan=0"), ({}, {"ap_scan": "2"}, "ap_scan=2"), ({"mode": "2"}, {}, "mode=2")],
)
def test_what_is_never_joined(network: Dict[str, str], settings: Dict[str, str], words: str) -> None:
    obstacle = obstacle_of(network, settings)
    assert obstacle is not None
    assert words in obstacle.what
    assert obstacle.code is None


def test_a_network_without_restrictions_has_none() -> None:
    assert limits() == Limits()
    assert obstacle_of({"mode": "0"}, {"ap_scan": "1"}) is None


def test_lists_of_channels_and_access_points() -> None:
    found = limits(
        freq_list="5220 2412",
        bssid_ignore="02:00:00:00:01:00 02:00:00:00:02:00/FF:FF:FF:FF:00:00",
        bssid_accept="02:00:00:00:09:01",
        pairwise="CCMP GCMP-256",
        group="CCMP WEP104",
        proto="WPA",
    )
    assert found.channels == frozenset({5220, 2412})
    assert found.never_bssids == ("02:00:00:00:01:00", "02:00:00:00:02:00/ff:ff:ff:ff:00:00")
    assert found.only_bssids == ("02:00:00:00:09:01",)
    assert found.ciphers == frozenset({"ccmp", "gcmp-256"})
    assert found.groups == frozenset({"ccmp", "wep104"})
    assert found.protocols == frozenset({"wpa"})
    assert limits(auth_alg="OPEN SHARED").algorithms == frozenset({"open", "shared"})
    assert limits(proto="WPA2 OSEN").protocols == limits(proto="RSN OSEN").protocols == frozenset({"rsn", "osen"})
    # The names of before 2.10.
    old = limits(bssid_blacklist="02:00:00:00:01:00", bssid_whitelist="02:00:00:00:09:01")
    assert (old.never_bssids, old.only_bssids) == (("02:00:00:00:01:00",), ("02:00:00:00:09:01",))


def test_a_list_of_channels_above_the_networks_is_no_limit() -> None:
    """It is for scans without channels of their own, and the scan for a pinned network has some."""
    assert limits({"freq_list": "2412"}).channels is None
    assert limits({"freq_list": "2412"}, freq_list="5220").channels == frozenset({5220})


@pytest.mark.parametrize(
    ("network", "settings", "pmf"),
    [
        ({"ieee80211w": "0"}, {"pmf": "2"}, False),
        ({"ieee80211w": "1"}, {"pmf": "0"}, True),
        ({"ieee80211w": "2"}, {}, True),
        ({"ieee80211w": "3"}, {"pmf": "0"}, False),
        ({"ieee80211w": "3"}, {"pmf": "1"}, True),
        ({}, {}, None),
    ],
)
def test_whether_management_frames_are_protected(
    network: Dict[str, str], settings: Dict[str, str], pmf: Optional[bool]
) -> None:
    assert limits(settings, True, **network).pmf is pmf


@pytest.mark.parametrize(
    ("network", "there", "words"),
    [
        ({"eap": "PEAP"}, True, "has no password, which EAP-PEAP needs"),
        ({"eap": "TTLS", "password": "*"}, True, None),
        ({"eap": "PEAP", "private_key2": '"/a"'}, True, None),
        ({"eap": "PEAP TTLS"}, True, "has no password, which EAP-TTLS needs"),
        ({"eap": "PEAP SIM"}, True, None),
        ({"eap": "TLS"}, True, "has no private_key, which EAP-TLS needs"),
        ({"eap": "TLS", "private_key": '"/a.key"'}, True, None),
        ({"eap": "TLS", "private_key": '"/a.key"'}, None, None),
        ({"eap": "TLS", "private_key": '"/a.key"'}, False, "names a file that does not exist (private_key: /a.key)"),
        ({"eap": "TLS", "private_key": '"pkcs11:a"'}, False, None),
        (
            {"eap": "PEAP", "password": "*", "ca_cert": '"/ca"'},
            False,
            "names a file that does not exist (ca_cert: /ca)",
        ),
        ({"eap": "PEAP", "password": "*", "client_cert": '"/a"'}, False, None),
        # The other forms of a text: hex, in which a # is written, and with escapes.
        ({"eap": "TLS", "private_key": "2f612362"}, False, "names a file that does not exist (private_key: /a#b)"),
        ({"eap": "TLS", "private_key": 'P"/a\\x22"'}, False, 'names a file that does not exist (private_key: /a")'),
        ({"eap": "TLS", "private_key": '"/a""'}, False, 'names a file that does not exist (private_key: /a")'),
        ({"eap": "TLS", "private_key": "/a"}, False, None),
        # The method within has a key and no password.
        (
            {"eap": "PEAP", "private_key2": '"/k"', "ca_cert": '"blob://a"'},
            False,
            "names a file that does not exist (private_key2: /k)",
        ),
        ({"eap": "PEAP", "private_key2": '"/k"', "password": "*"}, False, None),
        ({}, True, None),
    ],
)
def test_what_eap_lacks(network: Dict[str, str], there: Optional[bool], words: Optional[str]) -> None:
    found = limits(None, there, **network).eap
    assert (None if found is None else found.what) == words


def test_numbers_of_a_file_may_be_in_any_notation() -> None:
    assert obstacle_of({"mac_addr": "0x0", "mode": "00"}, {"ap_scan": "01"}) is None
    assert obstacle_of({"mac_addr": "-01"}, {"mac_addr": "00"}) is None
    assert obstacle_of({"mac_addr": "01"}, {}) is not None
    assert obstacle_of({"mode": "02"}, {}) is not None
    assert limits(ieee80211w="00").pmf is False
    assert limits({"pmf": "02"}, ieee80211w="03").pmf is True
