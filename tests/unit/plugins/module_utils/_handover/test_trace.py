# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened when in a handover: which notes are taken, and the report that is made of them."""

from __future__ import annotations

import re
from typing import Any, List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    AddressArrived,
    BlockBack,
    BlockGone,
    Expired,
    InterfaceGone,
    Pinned,
    RoamingForbidden,
    SoftBlocked,
    SwitchedOff,
    Timer,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._handover.trace import Report, Step, Trace
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    ManagerGone,
    ScanStarted,
    SupplicantGone,
)

BSSID = "02:00:00:00:01:00"


class Noted:
    """A trace, and the clock that it goes by."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.trace = Trace(lambda: self.now)

    def hear(self, *events: Any) -> None:
        """Hear events, 0.1 s after each other."""
        for event in events:
            self.now += 0.1
            self.trace.note(event)

    def ask(self) -> None:
        """Ask for the radio, 0.1 s later."""
        self.now += 0.1
        self.trace.mark("requested")

    def report(self, outcome: Outcome = Outcome.PROTECTED) -> Report:
        return self.trace.report(outcome)

    @property
    def names(self) -> List[str]:
        return [step.name for step in self.report().steps]


@pytest.fixture
def noted() -> Noted:
    """A trace that is begun."""
    made = Noted()
    made.trace.begin()
    return made


def test_a_handover_from_the_block_to_the_address(noted: Noted) -> None:
    noted.hear(Pinned())
    noted.ask()
    noted.hear(BlockGone(), ScanStarted(), Connected(BSSID), AddressArrived())
    report = noted.report()
    assert report.steps == (
        Step("pinned", -100),
        Step("requested", 0),
        Step("granted", 100),
        Step("scan", 200),
        Step("connected", 300),
        Step("address", 400),
    )
    assert (report.request_to_connected_ms, report.request_to_address_ms) == (300, 400)
    assert (report.outcome, report.owner, report.session_kept) == (Outcome.PROTECTED, "host", None)
    assert noted.trace.ms("requested", "blocked") == 200


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (Disconnected(), "disconnected"),
        (SoftBlocked(), "airplane_mode"),
        (SwitchedOff(), "switch_off"),
        (SupplicantGone(), "supplicant_gone"),
        (ManagerGone("it ended"), "manager_gone"),
        (InterfaceGone(), "interface_gone"),
    ],
)
def test_an_event_that_is_a_step(noted: Noted, event: Any, name: str) -> None:
    noted.hear(event)
    assert noted.names == [name]


@pytest.mark.parametrize("event", [RoamingForbidden(), Expired(Timer.ANSWER)])
def test_an_event_that_is_none(noted: Noted, event: Any) -> None:
    noted.hear(event)
    assert noted.names == []


def test_notes_are_taken_from_the_begin_to_the_end() -> None:
    noted = Noted()
    assert not noted.trace.open
    noted.hear(BlockGone())
    assert noted.names == []
    noted.trace.begin()
    assert noted.trace.open
    noted.hear(BlockGone())
    noted.trace.end()
    assert not noted.trace.open
    noted.hear(Connected(BSSID))
    noted.ask()
    assert noted.names == ["granted"]
    # The next handover knows nothing of it.
    noted.trace.begin()
    assert noted.names == []
    assert not noted.trace.seen("granted")


def test_a_block_that_stands_is_no_news(noted: Noted) -> None:
    noted.hear(BlockBack())
    assert noted.names == []
    noted.hear(BlockGone(), BlockBack())
    assert noted.names == ["granted", "taken_back"]


def test_a_grant_is_news_once_and_again_after_the_radio_was_taken_back(noted: Noted) -> None:
    noted.hear(BlockGone(), BlockGone(), ScanStarted(), BlockGone())
    assert noted.names == ["granted", "scan"]
    noted.hear(BlockBack(), BlockGone(), BlockGone())
    assert noted.names == ["granted", "scan", "taken_back", "granted"]


@pytest.mark.parametrize(
    ("events", "owner"),
    [
        ((), "csme"),
        ((ScanStarted(), Connected(BSSID)), "csme"),
        ((BlockGone(), Connected(BSSID)), "host"),
        ((BlockGone(), BlockBack(), Disconnected()), "csme"),
        ((BlockGone(), BlockBack(), BlockGone()), "host"),
    ],
)
def test_who_owns_the_radio_at_the_end(noted: Noted, events: Tuple[Any, ...], owner: str) -> None:
    noted.hear(*events)
    assert noted.report().owner == owner


def test_the_time_is_from_the_first_request_to_the_first_that_follows(noted: Noted) -> None:
    noted.hear(Connected(BSSID))
    assert noted.trace.ms("connected") is None, "nobody asked yet"
    noted.ask()
    assert noted.trace.ms("connected") is None, "that one was before"
    noted.ask()
    noted.hear(Connected(BSSID), Disconnected(), Connected(BSSID))
    assert noted.trace.ms("connected") == 200
    assert noted.trace.ms("connected", "blocked") == 100
    assert noted.trace.ms("address") is None
    assert noted.trace.ms("requested") == 0


def test_an_address_without_a_connection_is_not_told(noted: Noted) -> None:
    noted.ask()
    noted.hear(AddressArrived())
    report = noted.report(Outcome.NOT_CONNECTED)
    assert (report.request_to_connected_ms, report.request_to_address_ms) == (None, None)
    assert noted.names == ["requested", "address"]


def test_without_a_request_steps_are_told_from_the_block(noted: Noted) -> None:
    noted.hear(Pinned(), SoftBlocked())
    assert noted.report().steps == (Step("pinned", 100), Step("airplane_mode", 200))


def test_times_are_whole_milliseconds(noted: Noted) -> None:
    noted.ask()
    noted.now += 20.0004
    noted.trace.note(Connected(BSSID))
    report = noted.report()
    assert (report.request_to_connected_ms, report.steps[-1], report.requests) == (20000, Step("connected", 20000), 0)


@pytest.mark.parametrize("outcome", Outcome)
def test_no_outcome_shows_whether_the_session_lives(noted: Noted, outcome: Outcome) -> None:
    assert noted.report(outcome).session_kept is None


def test_what_the_trace_can_not_know_is_passed_on() -> None:
    report = Noted().trace.report(Outcome.DENIED, 3, ("it said no",))
    assert (report.outcome, report.requests, report.warnings, report.steps) == (Outcome.DENIED, 3, ("it said no",), ())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report.at or "")
