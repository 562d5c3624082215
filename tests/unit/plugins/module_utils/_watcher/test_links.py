# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hearing of links, and noticing another era."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import WordGone
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import EventsLost, MalformedEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import LinkEvent
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import links
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.closing import Era
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.links import Links, era_of, slept
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_loop import Events
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine


class Watched:
    """What is told to one radio, in order."""

    def __init__(self) -> None:
        self.told: List[Any] = []
        self.closed = self

    def feed(self, event: Any) -> None:
        self.told.append(event)

    def new_era(self, why: str) -> None:
        self.told.append(why)

    def heard(self, ifindex: int, *, up: bool) -> None:
        self.told.append((ifindex, up))

    def read(self) -> None:
        self.told.append("read")


class Both:
    """Two radios and the reports about them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.era = Era(70, 0.0)
        self.events = Events()
        monkeypatch.setattr(links, "LinkEvents", lambda: self.events)
        monkeypatch.setattr(links, "era_of", lambda places: self.era)
        self.watched = Watched(), Watched()
        radios: Any = dict(zip(("wlan0", "wlan1"), self.watched))
        self.links = Links(radios, Places("/nowhere"))

    def told(self) -> List[Any]:
        """Return what both radios were told, which is the same."""
        one, other = ([*watched.told] for watched in self.watched)
        for watched in self.watched:
            del watched.told[:]
        assert one == other
        return one


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    made = Both(monkeypatch)
    yield made
    made.events.close()


def test_a_new_era_is_told_once(both: Both) -> None:
    assert both.links.fileno() == both.events.fileno()
    both.links.look()
    both.links.look()
    assert both.told() == []
    both.era = Era(71, 0.0)
    both.links.look()
    assert both.told() == ["iwlmei was bound to CSME anew", WordGone()]
    both.links.look()
    assert both.told() == []


def test_what_is_heard_reaches_the_radios(both: Both) -> None:
    both.events.heard = [LinkEvent(3, True), MalformedEvent("short"), LinkEvent(4, False)]
    both.links.read()
    assert both.told() == [(3, True), (4, False)]


def test_what_may_have_been_lost_is_read(both: Both) -> None:
    both.events.heard = [EventsLost("overrun")]
    both.links.read()
    assert both.told() == ["read"]


def test_the_binding_is_a_number_of_its_own_each_time(tmp_path: Path) -> None:
    files = Machine(tmp_path)
    folder = files.path / "sys/bus/mei/drivers/iwlmei"
    assert era_of(files.places).binding is None
    folder.mkdir(parents=True)
    (folder / "module").touch()
    assert era_of(files.places).binding is None
    link = folder / "0000:00:16.0-13280904-7792-4fcb-a1aa-5e70cbb1e865"
    link.symlink_to(files.path)
    bound = era_of(files.places).binding
    assert bound is not None
    assert era_of(files.places).binding == bound
    # Both are there for a moment, so the inode is another one.
    anew = folder / "anew"
    anew.symlink_to(files.path)
    anew.rename(link)
    assert era_of(files.places).binding not in (None, bound)


def test_a_sleep_is_the_difference_of_two_clocks() -> None:
    assert slept(lambda: 100.0, lambda: 130.0) == 30.0
    assert abs(era_of(Places()).slept - era_of(Places()).slept) < 1.0


def test_a_pause_between_the_clocks_is_no_sleep() -> None:
    awake, always = iter([100.0, 105.0, 105.0, 105.001]), iter([135.0, 135.0005])
    assert slept(lambda: next(awake), lambda: next(always)) == pytest.approx(30.0, abs=0.01)


def test_on_a_machine_that_is_always_busy_it_is_read_all_the_same() -> None:
    awake = iter(range(100, 200))
    assert slept(lambda: next(awake), lambda: 150.0) == pytest.approx(41.0)
