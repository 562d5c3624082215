# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom the watcher listens to on an interface: who it is, when that ends, and who can't be used or is about to come."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.who import OverIwd
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import NAMES
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    ManagerGone,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    LibraryMissing,
    NotFound,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import PLACES, Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import attachment
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.account import Account
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.attachment import Attachment
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    FREE,
    Book,
    Heard,
    Laptop,
    radio,
)


@pytest.mark.parametrize("error", [AccessDenied("not for this user"), OverIwd("through iwd"), NotFound("none")])
def test_a_supplicant_that_can_not_be_used_is_told_once(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refused(interface: str, ifindex: int, places: Places) -> WpaSupplicant:
        raise error

    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", refused)
    watched = laptop.watched()
    assert not watched.attach()
    assert not watched.attach()
    assert laptop.log.text.count("can't be used") == isinstance(error, (AccessDenied, OverIwd))


def test_networkmanager_that_is_about_to_come_is_looked_for_a_while(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(interface: str, ifindex: int, places: Places) -> WpaSupplicant:
        raise NotFound("none")

    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", nobody)
    watched = laptop.watched(FREE)
    watched.attach()
    assert watched.due is None, "where it never ran there is nothing to wait for"
    monkeypatch.setattr(f"{attachment.__name__}.networkmanager_was_here", lambda places: True)
    begun = laptop.now
    watched.attach()
    looks = 0
    while looks < 6:
        assert not watched.attachment.due_to_attach
        assert watched.due is not None
        laptop.now = watched.due
        assert watched.attachment.due_to_attach
        watched.attach(anew=False)
        looks += 1
    assert laptop.now - begun == 31.5
    assert watched.due == laptop.now + 60.0, "from then on slowly"


# -- by itself ---------------------------------------------------------------------------------------------------------


class Source(Heard):
    """A source of events that may come to its end by a timer."""

    def expire(self) -> None:
        if self.error is not None:
            raise self.error


class Backend:
    """Who runs the interface, with two sources of events."""

    def __init__(self, manager: str) -> None:
        self.manager = manager
        self.sources = (Source(), Source())

    def listen(self, warn: Callable[[str], None]) -> Tuple[Source, ...]:
        warn("something was refused")
        return self.sources


class Attached:
    """An attachment to a backend, its account, and the clock that they go by."""

    def __init__(self, manager: str) -> None:
        self.now = 100.0
        self.log = Book()
        self.account = Account(radio(), self.log, lambda: self.now)  # type: ignore[arg-type]
        self.attachment = Attachment(radio(), self.account, PLACES, lambda: self.now)
        self.backend = Backend(manager)
        self.first, self.second = self.backend.sources

    def found(self, interface: str, ifindex: Optional[int], places: Places) -> Backend:
        assert (interface, ifindex) == ("wlan0", 3)
        return self.backend


@pytest.fixture(params=["wpa_supplicant", "networkmanager"])
def attached(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Attached:
    made = Attached(request.param)
    monkeypatch.setattr(attachment, "backend_from_within", made.found)
    monkeypatch.setattr(attachment, "networkmanager_was_here", lambda places: False)
    return made


def test_who_runs_the_interface_is_named_while_somebody_does(attached: Attached) -> None:
    mine = attached.attachment
    assert (mine.manager, mine.who, mine.sources, mine.since) == (None, None, (), 100.0)
    attached.now += 5.0
    assert mine.attach()
    names = {"wpa_supplicant": "wpa_supplicant", "networkmanager": "NetworkManager"}
    assert (mine.manager, mine.who) == (attached.backend.manager, names[attached.backend.manager])
    assert mine.sources == attached.backend.sources
    assert attached.log.lines == [("info", f"wlan0: listening to {mine.who}")]
    assert attached.account.warnings == ["something was refused"]
    assert not mine.attach(), "somebody is listened to"
    mine.detach()
    assert (mine.manager, mine.who, mine.since) == (None, None, 105.0)
    assert not mine.sources
    assert all(source.closed for source in attached.backend.sources)


def test_the_first_timer_of_all_sources_counts(attached: Attached) -> None:
    mine = attached.attachment
    assert mine.due is None
    mine.attach()
    assert mine.due is None
    attached.second.due = 107.0
    assert mine.due == 107.0
    attached.first.due = 103.0
    assert mine.due == 103.0
    assert not mine.due_to_attach
    mine.detach()
    assert mine.due is None


def test_nothing_is_heard_after_the_end(attached: Attached) -> None:
    mine = attached.attachment
    mine.attach()
    for end in (SupplicantGone(), ManagerGone("it has it no more")):
        attached.first.events = [ScanStarted(), end, Connected("02:00:00:00:01:00")]
        assert mine.read(attached.first) == (ScanStarted(), end)
    attached.first.events = [ScanStarted()]
    assert mine.read(attached.first) == (ScanStarted(),)


def test_a_source_that_breaks_is_the_end_of_who_it_is_about(attached: Attached) -> None:
    mine = attached.attachment
    mine.attach()
    end = ManagerGone("it hung up") if attached.backend.manager == "networkmanager" else SupplicantGone()
    attached.second.error = TransportFailed("it hung up")
    assert mine.read(attached.first) == ()
    assert mine.read(attached.second) == (end,)


def test_a_source_that_breaks_at_its_timer_is_an_end_too(attached: Attached) -> None:
    mine = attached.attachment
    assert mine.expire() is None
    mine.attach()
    assert mine.expire() is None
    end = ManagerGone("it hung up") if attached.backend.manager == "networkmanager" else SupplicantGone()
    attached.second.error = TransportFailed("it hung up")
    assert mine.expire() == end


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (AccessDenied("it said no"), "warning"),
        (LibraryMissing("jeepney is missing"), "warning"),
        (OverIwd("through iwd"), "warning"),
        (TransportFailed("it hung up"), "info"),
        (NotFound("none"), None),
    ],
)
def test_how_loud_it_is_told_that_nobody_can_be_used(
    attached: Attached, monkeypatch: pytest.MonkeyPatch, error: FleetError, level: Optional[str]
) -> None:
    def refused(interface: str, ifindex: Optional[int], places: Places) -> Backend:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(attachment, "backend_from_within", refused)
        assert not attached.attachment.attach()
        # Nothing may report that a library was installed, or a right given. Somebody who comes is heard.
        pauses: List[float] = []
        while attached.attachment.due is not None and len(pauses) < 6:
            pauses.append(attached.attachment.due - attached.now)
            attached.now = attached.attachment.due
            assert attached.attachment.due_to_attach
            assert not attached.attachment.attach(anew=False)
        assert pauses == ([] if isinstance(error, NotFound) else [60.0, 120.0, 240.0, 480.0, 600.0, 600.0])
    told = [] if level is None else [(level, f"wlan0: the supplicant can't be used: {error}")]
    assert attached.log.lines == told
    # Once somebody can be used, the next trouble is news.
    assert attached.attachment.attach()
    attached.attachment.detach()
    monkeypatch.setattr(attachment, "backend_from_within", refused)
    assert not attached.attachment.attach()
    assert attached.log.lines == [*told, ("info", f"wlan0: listening to {NAMES[attached.backend.manager]}"), *told]


def test_a_networkmanager_that_does_not_come_back_is_told_and_looked_for_slowly(
    attached: Attached, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(interface: str, ifindex: Optional[int], places: Places) -> Backend:
        raise NotFound("no wpa_supplicant runs")

    monkeypatch.setattr(attachment, "backend_from_within", nobody)
    monkeypatch.setattr(attachment, "networkmanager_was_here", lambda places: True)
    mine = attached.attachment
    assert not mine.attach()
    pauses: List[float] = []
    for _look in range(9):
        assert mine.due is not None
        pauses.append(mine.due - attached.now)
        attached.now = mine.due
        assert not mine.attach(anew=False)
        assert (attached.log.lines == []) is (len(pauses) < 6), "it may only be slow with its start"
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 60.0, 120.0, 240.0]
    gone = "NetworkManager ran here before, but is not on the system's bus now"
    assert attached.log.lines == [("info", f"wlan0: the supplicant can't be used: {gone}, and no wpa_supplicant runs")]


def test_news_begin_the_looks_for_networkmanager_anew(attached: Attached, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(interface: str, ifindex: Optional[int], places: Places) -> Backend:
        raise NotFound("none")

    monkeypatch.setattr(attachment, "backend_from_within", nobody)
    monkeypatch.setattr(attachment, "networkmanager_was_here", lambda places: True)
    mine = attached.attachment
    pauses = []
    for news in (True, False, False, True, False):
        assert not (mine.attach() if news else mine.attach(anew=False))
        assert mine.due is not None
        pauses.append(mine.due - attached.now)
    assert pauses == [0.5, 1.0, 2.0, 0.5, 1.0]
    assert not mine.due_to_attach
    attached.now += 1.0
    assert mine.due_to_attach
    mine.detach()
    assert (mine.due, mine.due_to_attach) == (None, False)
