# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undoing all that an earlier life left, whatever radio it was for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import undo
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_effects import PIN, Supplicant


def test_what_an_earlier_life_left_is_told_by_radio_and_notes_stay(tmp_path: Path) -> None:
    places = Places(str(tmp_path))
    run_folder.write_journal(run_folder.deferred_name("phy1"), {"pin": PIN.as_dict()}, places)
    run_folder.write_journal("phy0", {"pin": PIN.as_dict()}, places)
    run_folder.write_journal(run_folder.note_name("wlan0"), {"file": [1, 2]}, places)
    supplicant: Any = Supplicant()
    assert undo.undo_journals(lambda manager, interface: supplicant, places) == ["phy0", "phy1"]
    assert supplicant.asked == ["unpin", "unpin"]
    assert run_folder.journals(places) == []
    assert run_folder.read_journal("profiles-wlan0", places) == {"file": [1, 2]}


def test_a_journal_that_can_not_be_undone_is_in_no_others_way(tmp_path: Path) -> None:
    places = Places(str(tmp_path))
    for radio in ("phy0", "phy1", "phy2"):
        run_folder.write_journal(radio, {"pin": PIN.as_dict()}, places)
    supplicant: Any = Supplicant(TransportFailed("the first"), None, TransportFailed("the last"))
    with pytest.raises(TransportFailed, match="the first"):
        undo.undo_journals(lambda manager, interface: supplicant, places)
    assert run_folder.journals(places) == ["phy0", "phy2"]
    for radio in ("phy0", "phy2"):
        with run_folder.lock(radio, 0.0, places):  # nobody works on it any more
            pass


def test_the_rest_of_a_pin_is_left_alone_while_another_handover_works_on_its_radio(tmp_path: Path) -> None:
    places = Places(str(tmp_path))
    run_folder.write_journal(run_folder.deferred_name("phy0"), {"pin": PIN.as_dict()}, places)
    other = run_folder.Lock("phy0", places)
    assert other.acquire()
    supplicant: Any = Supplicant()
    assert undo.undo_journals(lambda manager, interface: supplicant, places) == []
    assert (supplicant.asked, run_folder.journals(places)) == ([], ["rest-phy0"])


def test_a_journal_that_another_handover_works_on_is_left_alone(tmp_path: Path) -> None:
    places = Places(str(tmp_path))
    for radio in ("phy0", "phy1"):
        run_folder.write_journal(radio, {"pin": PIN.as_dict()}, places)
    other = run_folder.Lock("phy0", places)
    assert other.acquire()
    supplicant: Any = Supplicant()
    assert undo.undo_journals(lambda manager, interface: supplicant, places) == ["phy1"]
    assert run_folder.journals(places) == ["phy0"]
    other.release()
    assert undo.undo_journals(lambda manager, interface: supplicant, places) == ["phy0"]


@pytest.mark.parametrize("entry", [{}, {"pin": None}, {"pin": "x"}, {"pin": {"interface": 5}}])
def test_a_journal_without_a_pin_is_cleared_and_nobody_is_asked(tmp_path: Path, entry: Any) -> None:
    run_folder.write_journal("phy0", entry, Places(str(tmp_path)))

    def nobody(manager: str, interface: str) -> None:
        raise AssertionError("there is no interface to ask about")

    assert undo.undo_journals(nobody, Places(str(tmp_path))) == []
    assert run_folder.journals(Places(str(tmp_path))) == []


def test_a_journal_of_networkmanagers_waits_for_networkmanager(tmp_path: Path) -> None:
    pin = PIN.as_dict()
    run_folder.write_journal("phy0", {"pin": {**pin, "manager": "networkmanager"}}, Places(str(tmp_path)))
    supplicant: Any = Supplicant()
    for who in (supplicant, None):
        assert undo.undo_journal("phy0", who, Places(str(tmp_path))) is False
        assert run_folder.journals(Places(str(tmp_path))) == ["phy0"]
    assert supplicant.asked == []


def test_a_journal_stays_while_the_supplicant_can_not_be_told(tmp_path: Path) -> None:
    run_folder.write_journal("phy0", {"pin": PIN.as_dict()}, Places(str(tmp_path)))
    supplicant: Any = Supplicant(TransportFailed("not now"))
    with pytest.raises(TransportFailed):
        undo.undo_journals(lambda manager, interface: supplicant, Places(str(tmp_path)))
    assert run_folder.journals(Places(str(tmp_path))) == ["phy0"]
    held = run_folder.Lock("phy0", Places(str(tmp_path)))
    assert held.acquire(), "its lock is free again"
    held.release()
