# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A watcher that is told to end goes on only for a handover for which CSME was asked, and not for ever."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import guarded
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.shutdown import SECONDS, Shutdown
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    Laptop,
    hand_over,
    refuse_once,
    rfkill,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_loop import Machine, Service, until

UNIT = Path(__file__).parents[5] / "roles/watcher/files/amt-wifi-watcher.service"


@pytest.fixture
def now() -> List[float]:
    return [100.0]


@pytest.fixture
def ending(now: List[float]) -> Shutdown:
    return Shutdown(lambda: now[0])


def test_nobody_told_it_to_end(ending: Shutdown) -> None:
    assert ending.due is None
    assert not ending.is_now(asked=False)
    assert not ending.is_now(asked=True)


def test_a_handover_under_way_is_waited_for_within_bounds(ending: Shutdown, now: List[float]) -> None:
    ending.want()
    assert (ending.due, ending.is_now(asked=False), ending.is_now(asked=True)) == (100.0 + SECONDS, True, False)
    now[0] += SECONDS
    assert ending.is_now(asked=True)


def test_who_is_told_twice_ends_at_once(ending: Shutdown, now: List[float]) -> None:
    ending.want()
    now[0] += 1.0
    ending.want()
    assert ending.is_now(asked=True)


def test_it_may_be_told_to_end_at_once(ending: Shutdown) -> None:
    ending.want(0.0)
    assert ending.is_now(asked=True)


def test_systemd_waits_longer_than_that_and_the_undoing_of_a_pin() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert int(seconds) > 2 * SECONDS


def test_it_is_waited_for_from_the_request_to_the_outcome(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    assert not watched.asked
    watched.look()
    assert (watched.asked, laptop.requests) == (True, 1)
    watched.heard_rfkill(rfkill(False))
    assert watched.asked, "the host is not connected yet"
    hand_over(watched)
    assert (watched.state, watched.asked) == ("staying", False)
    watched.stop()


def test_nothing_is_lost_between_two_requests(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    laptop.now += 1.0  # ``Policy.answer_seconds``
    watched.expire()
    assert (watched.state, watched.asked) == ("handover", False)
    refuse_once(laptop, watched)
    watched.stop()
    assert laptop.as_before


def test_the_service_carries_a_handover_through(
    machine: Machine, service: Service, monkeypatch: pytest.MonkeyPatch, systemd: Callable[[], List[str]]
) -> None:
    asked = [True]
    monkeypatch.setattr(Shutdown.want, "__defaults__", (60.0,))  # a busy machine may need more than it waits
    monkeypatch.setattr(guarded.Watched, "asked", property(lambda watched: asked[0]))
    heard: List[RfkillEvent] = []
    monkeypatch.setattr(guarded.Watched, "heard_rfkill", lambda watched, event: heard.append(event))
    granted = RfkillEvent(7, "wlan", "change", False, False, frozenset())

    def end() -> None:
        until(lambda: "ends when" in machine.log.text)
        service.rfkill.tell(granted)
        until(lambda: granted in heard)
        assert "STOPPING=1" not in systemd()
        asked[0] = False
        service.rfkill.tell(granted)

    service.after.append(end)
    service.run()
    assert systemd()[-1] == "STOPPING=1"


def test_a_handover_that_goes_on_for_ever_is_not_waited_for(
    machine: Machine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded.Watched, "asked", property(lambda watched: True))
    monkeypatch.setattr(Shutdown.want, "__defaults__", (0.1,))
    service.run()
    assert "ends when" in machine.log.text
