# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant below NetworkManager: its networks, and what it is asked."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    WPA,
    WPA_INTERFACE,
    WPA_NETWORK,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.supplicant import (
    Supplicant,
    SupplicantNetwork,
    network_of,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import PROPERTIES
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import Bus

BSS = "/bss/1"


@pytest.mark.parametrize(
    ("properties", "ssid", "bssid"),
    [
        ({"ssid": '"corp wifi"', "bssid": "02:00:00:00:01:00"}, b"corp wifi", "02:00:00:00:01:00"),
        ({"ssid": "ff00", "bssid": "any"}, b"\xff\x00", None),
        ({"ssid": '"a"b"'}, b'a"b', None),
        ({"ssid": "nonsense"}, None, None),
        ({}, None, None),
    ],
)
def test_networks_of_the_supplicant(properties: Dict[str, str], ssid: Optional[bytes], bssid: Optional[str]) -> None:
    assert network_of("/n/0", properties) == SupplicantNetwork("/n/0", ssid, bssid)


def test_a_network_that_is_gone_does_not_hide_the_others() -> None:
    properties = (WPA_NETWORK, "Properties")
    answers: Dict[Tuple[Any, ...], Any] = {
        (WPA, "/i/0", WPA_INTERFACE, "Networks"): ["/n/0", "/n/1"],
        (WPA, "/n/0", *properties): NotFound("it is gone"),
        (WPA, "/n/1", *properties): {"ssid": '"corp"'},
    }
    assert supplicant(answers)[0].networks("/i/0") == (SupplicantNetwork("/n/1", b"corp", None),)


def supplicant(answers: Dict[Tuple[Any, ...], Any]) -> Tuple[Supplicant, Bus]:
    bus = Bus(answers)
    return Supplicant(bus), bus  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"SSID": b"corp", "BSSID": bytes.fromhex("020000000100")}, (b"corp", "02:00:00:00:01:00")),
        ({"SSID": "corp"}, (None, None)),
        ({}, (None, None)),
        (NotFound("it is gone"), (None, None)),
    ],
)
def test_the_network_in_use_is_the_one_of_the_access_point(told: Any, expected: Any) -> None:
    one, _bus = supplicant({(WPA, "/i/0", WPA_INTERFACE, "CurrentBSS"): BSS, (WPA, BSS, f"{WPA}.BSS"): told})
    assert one.network_in_use("/i/0") == expected
    assert one.bssid("/i/0") == expected[1]


@pytest.mark.parametrize("told", ["/", NotFound("the interface is gone")])
def test_without_an_access_point_no_network_is_in_use(told: Any) -> None:
    one, _bus = supplicant({(WPA, "/i/0", WPA_INTERFACE, "CurrentBSS"): told})
    assert one.network_in_use("/i/0") == (None, None)


def test_what_the_supplicant_is_asked_to_do() -> None:
    one, bus = supplicant({})
    one.scan("/i/0", b"corp", (2437, 5180))
    one.abort_scan("/i/0")
    one.reassociate("/i/0")
    one.keep_to("/n/0", "02:00:00:00:01:00")
    asked = {"Type": ("s", "active"), "SSIDs": ("aay", [b"corp"]), "Channels": ("a(uu)", [(2437, 20), (5180, 20)])}
    kept = ("a{sv}", {"bssid": ("s", "02:00:00:00:01:00")})
    assert bus.begun == [
        (WPA, "/i/0", WPA_INTERFACE, "Scan", "a{sv}", (asked,)),
        (WPA, "/i/0", WPA_INTERFACE, "AbortScan"),
        (WPA, "/i/0", WPA_INTERFACE, "Reassociate"),
        (WPA, "/n/0", PROPERTIES, "Set", "ssv", (WPA_NETWORK, "Properties", kept)),
    ]
