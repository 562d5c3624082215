# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of frequencies that wait for the end of a link, and undoing what a supplicant is missing for."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Dict, List, Optional, Union

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import pinning
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.pinning import retried
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    DecodeFailed,
    FleetError,
    NotFound,
    SupplicantRefused,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_pinning import (
    FakeSupplicant,
    profile_of,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID

PIN = Pin("wlan0", 5, b"corp".hex(), "02:00:00:00:01:00", (2437,), None, (5180,), ((3, "00"),))
#: What is recorded of it: the frequencies alone.
ALONE = replace(PIN, previous_bssid=PIN.bssid, disabled=())


@pytest.fixture
def deferred(places: Places) -> Deferred:
    return Deferred("phy0", places)


def test_a_pin_is_kept_until_it_is_cleared(deferred: Deferred, places: Places) -> None:
    assert deferred.pin() is None
    deferred.keep(PIN)
    assert deferred.pin() == ALONE
    assert run_folder.journals(places) == ["rest-phy0"]
    deferred.clear()
    assert deferred.pin() is None
    assert run_folder.journals(places) == []
    deferred.clear()


def wait(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    """Have the frequencies of network 1 wait for the end of its link, which is by SAE."""
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [5180])
    fake.state, fake.link = "COMPLETED", {"bssid": BSSID, "ssid": "home", "id": "1", "key_mgmt": "SAE"}
    assert supplicant.loosen(pin)


def test_they_wait_in_the_journal_until_they_are_given_back(
    fake: FakeSupplicant, supplicant: WpaSupplicant, places: Places
) -> None:
    wait(fake, supplicant)
    assert not supplicant.settle()
    assert run_folder.journals(places) == ["rest-phy0"]
    # Another process may give them back.
    assert WpaSupplicant("wlan0", fake.path, Deferred("phy0", places)).settle(now=True)
    assert run_folder.journals(places) == []
    assert profile_of(supplicant, 1).scan_freq == (2412, 2437)


def test_a_supplicant_that_is_gone_has_none(fake: FakeSupplicant, supplicant: WpaSupplicant, places: Places) -> None:
    wait(fake, supplicant)
    fake.stop()
    assert supplicant.settle()
    assert run_folder.journals(places) == []


def test_a_supplicant_that_refuses_has_them_still(
    fake: FakeSupplicant, supplicant: WpaSupplicant, places: Places
) -> None:
    wait(fake, supplicant)
    fake.hook = lambda change: "FAIL\n" if change.startswith("SET_NETWORK 1 scan_freq") else None
    with pytest.raises(SupplicantRefused):
        supplicant.settle(now=True)
    assert run_folder.journals(places) == ["rest-phy0"]


def test_frequencies_that_can_not_be_recorded_are_told(
    fake: FakeSupplicant, supplicant: WpaSupplicant, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: Any) -> None:
        raise TransportFailed("no space left")

    monkeypatch.setattr(f"{Deferred.__module__}.write_journal", fails)
    with pytest.raises(TransportFailed, match="no space left"):
        wait(fake, supplicant)
    assert run_folder.journals(places) == []


@pytest.mark.parametrize(
    ("answers", "given"),
    [([True], True), ([NotFound("no socket"), False], False), ([NotFound("no socket"), NotFound("none")], None)],
    ids=["at once", "its socket was made anew", "it is gone"],
)
def test_what_is_undone_is_tried_twice(answers: List[Union[bool, FleetError]], given: Optional[bool]) -> None:
    asked = iter(answers)

    def undo(pin: Pin) -> bool:
        assert pin == PIN
        answer = next(asked)
        if isinstance(answer, FleetError):
            raise answer
        return answer

    if given is None:
        with pytest.raises(NotFound, match="none"):
            retried(undo, PIN)
    else:
        assert retried(undo, PIN) is given
    assert next(asked, None) is None


@pytest.mark.parametrize("undo", ["unpin", "loosen", "settle"])
def test_a_socket_that_is_made_anew_is_not_a_supplicant_that_is_gone(
    fake: FakeSupplicant, supplicant: WpaSupplicant, monkeypatch: pytest.MonkeyPatch, undo: str
) -> None:
    wait(fake, supplicant)
    pin = supplicant.stay(profile_of(supplicant, 1), BSSID)
    os.rename(fake.path, f"{fake.path}.kept")
    back: List[float] = []

    def sleep(seconds: float) -> None:
        back.append(seconds)
        os.rename(f"{fake.path}.kept", fake.path)

    monkeypatch.setattr(f"{pinning.__name__}.time", SimpleNamespace(sleep=sleep))
    fake.state, fake.link = "DISCONNECTED", {}
    if undo == "settle":
        assert supplicant.settle()
    else:
        getattr(supplicant, undo)(pin)
    assert back == [0.0]
    assert profile_of(supplicant, 1).scan_freq == (2412, 2437)


# What a pin finds that is made while frequencies wait: these frequencies, and another access point.
OVER = replace(PIN, bssid="02:00:00:00:02:00", frequencies=(2412,), previous_scan_freq=PIN.frequencies)


def test_a_pin_over_them_gives_them_back(deferred: Deferred, places: Places) -> None:
    assert deferred.covered_by(OVER) == OVER
    deferred.keep(PIN)
    assert deferred.covered_by(OVER) == replace(OVER, previous_scan_freq=PIN.previous_scan_freq)
    assert Deferred("phy1", places).covered_by(OVER) == OVER


def test_both_kinds_of_pin_are_made_over_them(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    wait(fake, supplicant)
    for pin in (
        supplicant.stay(profile_of(supplicant, 1), BSSID),
        supplicant.pin(profile_of(supplicant, 1), BSSID, [2437]),
    ):
        assert pin.previous_scan_freq == (2412, 2437)


@pytest.mark.parametrize(
    "changes",
    [{"interface": "wlan1"}, {"network_id": 3}, {"ssid_hex": "00"}, {"previous_scan_freq": (2412,)}],
)
def test_a_pin_of_something_else_is_none_over_them(deferred: Deferred, changes: Dict[str, Any]) -> None:
    deferred.keep(PIN)
    pin = replace(OVER, **changes)
    assert deferred.covered_by(pin) == pin


@pytest.mark.parametrize("entry", [{}, {"pin": "x"}])
def test_a_damaged_journal_stops_no_pin(deferred: Deferred, places: Places, entry: Dict[str, Any]) -> None:
    run_folder.write_journal("rest-phy0", entry, places)
    assert deferred.covered_by(OVER) == OVER
    with pytest.raises(DecodeFailed):
        deferred.pin()
