# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of the watcher's service: how it starts, what it waits for, and how it ends."""

from __future__ import annotations

import gc
import os
import signal
import weakref
from typing import Callable, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import Backend
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._system.directories import Directories
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import attachment, guarded, loop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_loop import (
    Machine,
    Service,
    names,
    radio,
    until,
)


def test_what_was_read_is_let_go_of_once_no_handover_waits_for_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = machine.watcher()
    monkeypatch.setattr(watcher._epoll, "poll", lambda timeout: [], raising=False)
    watched = watcher._radios["wlan0"]

    class Message:
        """As pyroute2's: it refers to itself."""

        def __init__(self) -> None:
            self.me = self

    gc.disable()  # Python's own collector might come before
    try:
        read = weakref.ref(Message())
        with monkeypatch.context() as patch:
            patch.setattr(type(watched), "state", property(lambda self: "handover"))
            watcher._wait(None)
            assert read() is not None
        watcher._wait(None)
        assert read() is None
    finally:
        gc.enable()


def test_signals(machine: Machine) -> None:
    watcher = machine.watcher()
    readable, writable = os.pipe()
    watcher._directories = Directories([])
    os.write(writable, bytes([signal.SIGIO, signal.SIGHUP]))
    watcher._heard_signals(readable)
    assert watcher._shutdown.due is None
    assert "read again" in machine.log.text
    os.write(writable, bytes([signal.SIGTERM]))
    watcher._heard_signals(readable)
    assert watcher._shutdown.is_now(asked=False)
    assert not watcher._shutdown.is_now(asked=True)
    os.close(readable)
    os.close(writable)


def test_the_service_from_its_start_to_its_end(
    machine: Machine, service: Service, systemd: Callable[[], List[str]]
) -> None:
    service.left = ["phy9"]
    told: List[str] = []

    def sign_of_life() -> bool:
        told.extend(systemd())
        return "WATCHDOG=1" in told

    service.run(lambda: until(sign_of_life))
    told += systemd()
    assert told[0] == "STATUS=wlan0: watching"
    assert told[1] == "READY=1\nSTATUS=wlan0: watching"
    assert told[-1] == "STOPPING=1"
    assert ("warning", "a pin that was left on phy9 is undone") in machine.log.lines


def test_the_service_starts_although_a_pin_can_not_be_undone(machine: Machine, service: Service) -> None:
    service.undo_error = TransportFailed("the supplicant does not answer")
    service.run()
    assert names(service.watcher) == ["wlan0"]
    assert [level for level, line in machine.log.lines if "can't be undone" in line] == ["error"]


def test_the_service_answers_what_it_waits_for(
    machine: Machine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: List[str] = []

    def no_supplicant(interface: str, ifindex: int, places: Places) -> Backend:
        looked.append(interface)
        raise NotFound("none")

    monkeypatch.setattr(attachment, "backend_from_within", no_supplicant)

    def radio_comes() -> None:
        assert looked == ["wlan0"]
        machine.radios = (radio(0), radio(1))
        service.rfkill.tell(RfkillEvent(8, "wlan", "add", False, False, frozenset()))
        until(lambda: looked == ["wlan0", "wlan1"])

    def supplicant_may_have_come() -> None:
        (service.watched_folder / "wlan0").touch()
        until(lambda: looked[2:4] == ["wlan0", "wlan1"])

    service.run(radio_comes, supplicant_may_have_come)
    assert names(service.watcher) == ["wlan0", "wlan1"]
    assert len(looked) >= 4


@pytest.mark.parametrize(
    ("due", "beat", "timeout"),
    [
        ([], None, None),
        ([], 7.0, 7.0),
        ([3.0], None, 3.0),
        ([3.0, 5.0], 7.0, 3.0),
        ([9.0], 7.0, 7.0),
        ([-5.0], 7.0, 0.0),
    ],
)
def test_it_sleeps_until_the_next_timer_or_sign_of_life(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, due: List[float], beat: Optional[float], timeout: Optional[float]
) -> None:
    machine.radios = tuple(radio(number) for number in range(len(due)))
    watcher = machine.watcher()
    waits: List[Optional[float]] = []

    def poll(timeout: Optional[float]) -> List[Tuple[int, int]]:
        waits.append(timeout)
        return []

    monkeypatch.setattr(watcher._epoll, "poll", poll, raising=False)
    monkeypatch.setattr(f"{loop.__name__}.time.monotonic", lambda: 100.0)
    dues = {f"wlan{number}": 100.0 + seconds for number, seconds in enumerate(due)}
    monkeypatch.setattr(guarded.Watched, "due", property(lambda watched: dues[watched.interface]))
    watcher._wait(beat)
    assert waits == [None if timeout is None else pytest.approx(timeout + 0.001)]


def test_what_an_earlier_answer_closed_is_not_answered(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = machine.watcher()
    answered: List[int] = []

    def first() -> None:
        answered.append(71)
        watcher._ignore(72)

    watcher._listen(71, first)
    watcher._listen(72, lambda: answered.append(72))
    monkeypatch.setattr(watcher._epoll, "poll", lambda timeout: [(71, 1), (72, 1)], raising=False)
    watcher._wait(None)
    assert answered == [71]


def test_a_listing_that_is_wanted_is_made_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = machine.watcher()
    monkeypatch.setattr(watcher._epoll, "poll", lambda timeout: [], raising=False)
    machine.radios = (radio(0), radio(1))
    watcher._wait(None)
    assert names(watcher) == ["wlan0"]
    watcher._scan_wanted = True
    watcher._wait(None)
    assert names(watcher) == ["wlan0", "wlan1"]
    assert not watcher._scan_wanted
