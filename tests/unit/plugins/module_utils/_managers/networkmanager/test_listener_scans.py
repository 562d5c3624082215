# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scans of a pin that is carried out: those in the way, and those that find nothing."""

from __future__ import annotations

import time
from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    WPA,
    WPA_INTERFACE,
    WPA_PATH,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Connected, ScanStarted
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import (
    INTERFACE,
    Laptop,
    corp,
    heard,
    looking,
    until,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID


def test_a_refused_scan_is_followed_by_another(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def refuse(_options: object) -> None:
        laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = lambda _options: None
        raise DBusError(f"{WPA_INTERFACE}.ScanError", "busy")

    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = refuse
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.begin_anew()
    until(listener, lambda: bool(laptop.bus.called("AbortScan")))
    laptop.changed(Scanning=("b", False))
    until(listener, lambda: len(laptop.bus.called("Scan")) == 2)
    assert warnings == []
    listener.close()


@pytest.mark.parametrize(
    ("state", "looks"),
    [("scanning", 2), ("disconnected", 2), ("authenticating", 1), ("associating", 1), ("inactive", 1)],
)
def test_a_scan_that_finds_nothing_is_made_again(
    backend: NetworkManagerBackend, laptop: Laptop, state: str, looks: int
) -> None:
    warnings: List[str] = []
    listener, _pin = looking(backend, laptop, warnings.append)
    laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"] = ("s", state)
    laptop.changed(Scanning=("b", True))
    laptop.changed(Scanning=("b", False))
    # Its end is heard, and all that comes of it.
    until(listener, lambda: (WPA_INTERFACE, "State") in laptop.bus.called("Get"))
    laptop.changed(Scanning=("b", True))
    until(listener, lambda: len(laptop.bus.called("Scan") + laptop.bus.called("AbortScan")) == 2)
    assert len(laptop.bus.called("Scan")) == looks
    assert warnings == []
    listener.close()


def test_a_state_that_is_told_with_the_end_of_a_scan_is_not_asked_for(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    listener, _pin = looking(backend, laptop, print)
    laptop.changed(Scanning=("b", True))
    laptop.changed(Scanning=("b", False), State=("s", "associating"))
    laptop.connect()
    assert heard(listener, 2) == [ScanStarted(), Connected(BSSID)]
    assert (WPA_INTERFACE, "State") not in laptop.bus.called("Get")
    assert len(laptop.bus.called("Scan")) == 1
    listener.close()


def test_a_supplicant_that_goes_as_its_scan_ends_is_asked_no_more(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    warnings: List[str] = []
    listener, _pin = looking(backend, laptop, warnings.append)
    laptop.changed(Scanning=("b", True))
    laptop.changed(Scanning=("b", False))
    del laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"]
    laptop.connect()
    scan = [ScanStarted()]
    assert heard(listener, 2) == [*scan, Connected(BSSID)]
    assert (len(laptop.bus.called("Scan")), warnings) == (1, [])
    listener.close()


def test_a_scan_that_was_over_before_it_could_be_ended_is_followed_by_ours(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    def busy(_options: object) -> None:
        laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = lambda _options: None
        raise DBusError(f"{WPA_INTERFACE}.ScanError", "busy")

    def over() -> None:
        raise DBusError(f"{WPA_INTERFACE}.NoScan", "none runs")

    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = busy
    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.AbortScan"] = over
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.begin_anew()
    # Nothing is heard of a scan that ran unheard.
    until(listener, lambda: len(laptop.bus.called("Scan")) == 2)
    assert (len(laptop.bus.called("AbortScan")), warnings) == (1, [])
    listener.close()


def test_a_scan_that_an_interface_took_along_is_not_waited_for_on_the_next(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    listener, _pin = looking(backend, laptop, print)
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceRemoved", "o", (INTERFACE,))
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceAdded", "oa{sv}", (INTERFACE, {"Ifname": ("s", "wlan0")}))
    # It is NetworkManager's, of every channel.
    laptop.changed(Scanning=("b", True))
    until(listener, lambda: len(laptop.bus.called("AbortScan")) == 1)
    listener.close()


def test_a_long_scan_that_was_taken_for_ours_is_followed_by_ours(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    listener, _pin = looking(backend, laptop, print)
    now = [1000.0]
    listener._clock = lambda: now[0]
    # wpa_supplicant's own look at every channel goes before the one that it was asked for.
    laptop.changed(State=("s", "scanning"))
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.AbortScan"] = lambda: laptop.changed(Scanning=("b", False))
    assert listener.due == pytest.approx(1000.2)
    listener.expire()
    assert laptop.bus.called("AbortScan") == [], "it may still be ours"
    now[0] += 0.3
    listener.expire()
    assert listener.due is None
    until(listener, lambda: len(laptop.bus.called("Scan")) == 2)
    listener.close()


def test_a_scan_that_may_not_be_ended_is_told(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    warnings: List[str] = []
    listener, _pin = looking(backend, laptop, warnings.append)
    laptop.changed(State=("s", "scanning"))
    laptop.changed(Scanning=("b", True))
    heard(listener, 1)

    def refuse() -> None:
        raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no")

    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.AbortScan"] = refuse
    listener._clock = lambda: time.monotonic() + 1.0
    listener.expire()
    until(listener, lambda: bool(warnings))
    assert "did not end a scan that is in the way" in warnings[0]
    listener.close()
