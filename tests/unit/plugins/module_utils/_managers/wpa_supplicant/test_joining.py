# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining through wpa_supplicant: what follows from what it says."""

from __future__ import annotations

from typing import List

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.joining import (
    Action,
    Heard,
    Joining,
    LookAgain,
    NothingFound,
    NotSearching,
    WidenScan,
    step,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Connected, Disconnected, ScanStarted


def follow(*heard: Heard) -> List[Action]:
    """Return what is done by a pin that hears that."""
    joining = Joining()
    done: List[Action] = []
    for each in heard:
        joining, actions = step(joining, each)
        done += actions
    return done


def test_the_scan_is_widened_once() -> None:
    assert follow(ScanStarted(), ScanStarted(), Connected("02:00:00:00:03:00")) == [WidenScan()]


def test_a_scan_that_found_nothing_is_made_again() -> None:
    assert follow(ScanStarted(), NothingFound(), ScanStarted(), NothingFound()) == [
        WidenScan(),
        LookAgain(),
        LookAgain(),
    ]


def test_who_is_connected_looks_for_nothing() -> None:
    assert follow(Connected("02:00:00:00:03:00"), ScanStarted(), NothingFound()) == []
    lost = (ScanStarted(), Connected("02:00:00:00:03:00"), Disconnected())
    assert follow(*lost, NothingFound()) == [WidenScan(), LookAgain()]


def test_a_scan_from_before_the_pin_does_not_count() -> None:
    """Its news may be read after the pin, while the radio is blocked."""
    assert follow(NothingFound()) == []
    assert follow(ScanStarted(), NotSearching(), NothingFound()) == [WidenScan()]
    assert follow(ScanStarted(), NotSearching(), ScanStarted(), NothingFound()) == [
        WidenScan(),
        WidenScan(),
        LookAgain(),
    ]
