# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a pin, over a backend that answers what a test says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.deferred import (
    DeferredUndo,
    journal_of,
    over_rest,
    radio_of,
    retried,
    tells_of_rest,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError, NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places

PIN = Pin("wlan0", 5, b"corp".hex(), "02:00:00:00:01:00", (2437,), None, (5180,), ((3, "00"),))
Answer = Union[bool, FleetError]


class Supplicant:
    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: List[bool] = []

    def end_rest(self, pin: Pin, *, now: bool = False) -> bool:
        assert pin == PIN
        self.asked.append(now)
        answer = self.answers.pop(0)
        if isinstance(answer, FleetError):
            raise answer
        return answer


def end(rest: DeferredUndo, supplicant: Supplicant, **options: bool) -> None:
    rest.end(supplicant, **options)  # type: ignore[arg-type]


def test_it_stands_until_it_is_ended(tmp_path: Path) -> None:
    rest, supplicant = DeferredUndo("phy0", Places(str(tmp_path))), Supplicant(False, False, True)
    end(rest, supplicant)
    assert (rest.stands, supplicant.asked) == (False, [])
    rest.keep(PIN)
    for _time in range(2):
        end(rest, supplicant)
        assert rest.stands
        told = (run_folder.read_journal("rest-phy0", Places(str(tmp_path))) or {})["pin"]
        assert Pin.from_dict(told) == PIN
    end(rest, supplicant)
    assert not rest.stands
    assert run_folder.journals(Places(str(tmp_path))) == []
    end(rest, supplicant)
    assert supplicant.asked == [False, False, False]


@pytest.mark.parametrize("answers", [[True], [NotFound("no socket"), NotFound("still none")]], ids=["told", "gone"])
def test_it_ends_at_once(tmp_path: Path, answers: List[Answer]) -> None:
    rest, supplicant = DeferredUndo("phy0", Places(str(tmp_path))), Supplicant(*answers)
    rest.keep(PIN)
    end(rest, supplicant, now=True)
    assert not rest.stands
    assert run_folder.journals(Places(str(tmp_path))) == []
    assert all(supplicant.asked)


def test_a_supplicant_that_can_not_be_told_has_it_still(tmp_path: Path) -> None:
    rest = DeferredUndo("phy0", Places(str(tmp_path)))
    rest.keep(PIN)
    with pytest.raises(TransportFailed):
        end(rest, Supplicant(TransportFailed("stuck")))
    assert rest.stands
    assert run_folder.journals(Places(str(tmp_path))) == ["rest-phy0"]


@pytest.mark.parametrize(
    ("answers", "given"),
    [([True], True), ([NotFound("no socket"), False], False), ([NotFound("no socket"), NotFound("none")], None)],
    ids=["at once", "its socket was made anew", "it is gone"],
)
def test_what_is_undone_is_tried_twice(answers: List[Answer], given: Optional[bool]) -> None:
    supplicant = Supplicant(*answers)
    assert retried(supplicant.end_rest, PIN) is given
    assert len(supplicant.asked) == len(answers)


@pytest.mark.parametrize(("journal", "radio"), [("phy0", "phy0"), ("rest-phy0", "phy0"), ("phy-rest-0", "phy-rest-0")])
def test_which_radio_a_journal_is_about(journal: str, radio: str) -> None:
    assert radio_of(journal) == radio
    assert tells_of_rest(journal) is (journal == journal_of(radio))


# What a pin finds that is made while the rest stands: its frequencies, and another access point.
OVER = replace(PIN, bssid="02:00:00:00:02:00", frequencies=(2412,), previous_scan_freq=PIN.frequencies)


def test_a_pin_over_it_is_undone_with_it(tmp_path: Path) -> None:
    places = Places(str(tmp_path))
    assert over_rest("phy0", OVER, places) == OVER
    DeferredUndo("phy0", places).keep(PIN)
    assert over_rest("phy0", OVER, places) == replace(OVER, previous_scan_freq=PIN.previous_scan_freq)
    assert over_rest("phy1", OVER, places) == OVER


@pytest.mark.parametrize(
    "changes",
    [{"interface": "wlan1"}, {"network_id": 3}, {"ssid_hex": "00"}, {"previous_scan_freq": (2412,)}],
)
def test_a_pin_of_something_else_is_none_over_it(tmp_path: Path, changes: Dict[str, Any]) -> None:
    DeferredUndo("phy0", Places(str(tmp_path))).keep(PIN)
    pin = replace(OVER, **changes)
    assert over_rest("phy0", pin, Places(str(tmp_path))) == pin


@pytest.mark.parametrize("entry", [{}, {"pin": "x"}])
def test_a_damaged_journal_stops_no_pin(tmp_path: Path, entry: Dict[str, Any]) -> None:
    run_folder.write_journal("rest-phy0", entry, Places(str(tmp_path)))
    assert over_rest("phy0", OVER, Places(str(tmp_path))) == OVER
