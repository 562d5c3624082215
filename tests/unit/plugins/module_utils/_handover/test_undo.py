# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undoing the pin that a killed handover left."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.undo import undo_journal
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, SupplicantRefused
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_transports import (
    BSSID,
    Laptop,
)


def left_behind(laptop: Laptop) -> None:
    pin = Pin("wlan0", 5, b"corp".hex(), BSSID, (2437,), None, (), ())
    run_folder.write_journal("phy0", {"pin": pin.as_dict()}, laptop.places)


def test_an_old_journal_is_undone(laptop: Laptop) -> None:
    assert undo_journal("phy0", laptop.supplicant, laptop.places) is False
    left_behind(laptop)
    assert undo_journal("phy0", laptop.supplicant, laptop.places) is True
    assert laptop.supplicant.told == ["unpin"]
    assert laptop.journal() is None


@pytest.mark.parametrize("supplicant", [None, "gone"])
def test_an_old_journal_without_a_supplicant_is_cleared(laptop: Laptop, supplicant: Optional[str]) -> None:
    left_behind(laptop)
    laptop.supplicant.refuse_unpin = NotFound("no supplicant")
    assert undo_journal("phy0", laptop.supplicant if supplicant else None, laptop.places) is False
    assert laptop.journal() is None


@pytest.mark.parametrize("there", [True, False])
def test_a_pin_that_somebody_else_has_keeps_its_journal(laptop: Laptop, there: bool) -> None:
    pin = Pin("wlan0", 7, b"corp".hex(), BSSID, (2437,), None, (), (), "networkmanager")
    run_folder.write_journal("phy0", {"pin": pin.as_dict()}, laptop.places)
    assert undo_journal("phy0", laptop.supplicant if there else None, laptop.places) is False
    assert laptop.supplicant.told == []
    assert laptop.journal() is not None


def test_an_old_journal_that_can_not_be_undone_stays(laptop: Laptop) -> None:
    left_behind(laptop)
    laptop.supplicant.refuse_unpin = SupplicantRefused("not now")
    with pytest.raises(SupplicantRefused):
        undo_journal("phy0", laptop.supplicant, laptop.places)
    assert laptop.journal() is not None
