# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interface is brought up again, and which one somebody set down."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, FleetError
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import closed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.account import Account
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.closed import Closed, Era, era_of
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import FREE, Book, radio
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

BOUND, ANEW, UNBOUND, SLEPT = Era(70, 0.0), Era(71, 0.0), Era(None, 0.0), Era(70, 12.5)


class Interface:
    """An interface whose eras a test makes up."""

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine = machine
        self.era = BOUND
        self.error: Optional[FleetError] = None
        self.brought_up: List[int] = []
        self.log = Book()
        account = Account(radio(FREE), self.log, lambda: 0.0)  # type: ignore[arg-type]
        self.blocked = False
        self.closed = Closed("wlan0", 3, account, machine.places, lambda: self.blocked, lambda: self.era)
        monkeypatch.setattr(f"{closed.__name__}.rtnetlink.bring_up", self._bring_up)

    def _bring_up(self, ifindex: int) -> None:
        self.brought_up.append(ifindex)
        if self.error is not None:
            raise self.error

    def look(self, *, up: bool, era: Era = BOUND, blocked: bool = False) -> List[int]:
        """Return which interfaces were brought up when it was looked at."""
        self.machine.write("sys/class/net/wlan0/flags", "0x1003\n" if up else "0x1002\n")
        self.era = era
        del self.brought_up[:]
        self.blocked = blocked
        self.closed.look()
        return self.brought_up


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """The files of a laptop."""
    return Machine(tmp_path)


@pytest.fixture
def interface(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Interface:
    return Interface(machine, monkeypatch)


@pytest.mark.parametrize(
    ("era", "why"), [(ANEW, "iwlmei was bound"), (UNBOUND, "iwlmei was bound"), (SLEPT, "the laptop slept")]
)
def test_what_the_driver_closed_is_brought_up_once(interface: Interface, era: Era, why: str) -> None:
    assert interface.look(up=True) == []
    assert interface.look(up=False, era=era) == [3]
    assert [level for level, line in interface.log.lines if why in line] == ["warning"]
    assert interface.look(up=False, era=era) == [], "somebody sets it down now"


def test_what_somebody_set_down_stays_down_whatever_comes_later(interface: Interface) -> None:
    interface.look(up=True)
    assert interface.look(up=False) == []
    for era in (ANEW, SLEPT, BOUND):
        assert interface.look(up=False, era=era) == []
    # Once it is up again, all begins anew.
    assert interface.look(up=True, era=ANEW) == []
    assert interface.look(up=False, era=BOUND) == [3]


def test_one_that_was_never_up_is_left_alone(interface: Interface) -> None:
    assert interface.look(up=False) == []
    assert interface.look(up=False, era=ANEW) == []


def test_a_block_is_waited_for(interface: Interface) -> None:
    interface.look(up=True)
    for era in (BOUND, ANEW):
        assert interface.look(up=False, era=era, blocked=True) == []
    assert interface.look(up=False, era=ANEW) == [3]


def test_what_can_not_be_brought_up_is_told_once(interface: Interface) -> None:
    interface.error = AccessDenied("no")
    for era in (ANEW, BOUND):
        interface.look(up=True, era=BOUND if era is ANEW else ANEW)
        assert interface.look(up=False, era=era) == [3]
    assert len([line for _level, line in interface.log.lines if "can't be brought up again: no" in line]) == 2


def test_an_interface_that_is_gone_is_no_interface_that_was_up(interface: Interface, tmp_path: Path) -> None:
    interface.look(up=True)
    (interface.machine.path / "sys/class/net/wlan0/flags").unlink()
    (interface.machine.path / "sys/class/net/wlan0").rmdir()
    interface.closed.look()
    assert interface.look(up=False, era=ANEW) == []


def test_the_era_changes_with_the_binding_alone(machine: Machine) -> None:
    before = era_of(machine.places)
    assert before.binding is None
    name = "0000:00:16.0-13280904-7792-4fcb-a1aa-5e70cbb1e865"
    link = machine.path / "sys/bus/mei/drivers/iwlmei" / name
    link.parent.mkdir(parents=True)
    assert era_of(machine.places).is_same(before)
    link.symlink_to(machine.path)
    bound = era_of(machine.places)
    assert bound.binding is not None
    assert era_of(machine.places).is_same(bound)
    assert not bound.is_same(before)
    link.unlink()
    (link.parent / "kept").touch()  # so that the inode is another one
    link.symlink_to(machine.path)
    assert not era_of(machine.places).is_same(bound)


def test_the_present_machine_has_an_era() -> None:
    assert era_of().is_same(era_of(Places("/")))


def test_a_new_era_is_told_once_whatever_the_interface_does(interface: Interface) -> None:
    told = []
    for era in (BOUND, BOUND, ANEW, ANEW, SLEPT, Era(70, 12.500004)):
        interface.era = era
        told.append(interface.closed.look())
    assert told == [False, False, True, False, True, False]
