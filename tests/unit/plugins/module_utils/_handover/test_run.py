# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a handover over transports that say what a test tells them to."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import Any, Callable, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Connected, ManagerGone, SupplicantGone
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    NotFound,
    SupplicantRefused,
    TransportFailed,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_transports import (
    BACK,
    BSSID,
    GONE,
    LEASE,
    POLICY,
    Laptop,
    rfkill,
)


def test_a_good_handover(laptop: Laptop) -> None:
    laptop.answers = [laptop.connects]
    report = laptop.run()
    assert report.outcome is Outcome.PROTECTED
    assert [step.name for step in report.steps] == [
        *("pinned", "requested", "granted", "scan", "connected", "address", "unpinned")
    ]
    assert report.request_to_connected_ms is not None
    assert report.request_to_address_ms is not None
    assert 0 <= report.request_to_connected_ms <= report.request_to_address_ms
    assert laptop.supplicant.told == ["pin", "unpin"]
    assert laptop.journal() is None
    assert laptop.rfkill.closed
    assert laptop.monitor.closed
    assert laptop.address.closed


def test_the_journal_is_there_while_the_pin_is(laptop: Laptop) -> None:
    seen: List[Any] = []
    laptop.answers = [lambda: (seen.append(laptop.journal()), laptop.connects())[0]]  # type: ignore[func-returns-value]
    laptop.run()
    assert seen[0]["pin"]["bssid"] == BSSID
    assert seen[0]["pin"]["ssid_hex"] == b"corp".hex()


def test_other_radios_do_not_count(laptop: Laptop) -> None:
    laptop.answers = [lambda: laptop.rfkill.say(rfkill(index=8))]
    report = laptop.run()
    assert report.outcome is Outcome.DENIED
    assert laptop.requests == 3


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (rfkill(soft=True, hard=True, reasons=frozenset({"not_owner"})), Outcome.AIRPLANE_MODE),
        (rfkill(hard=True, reasons=frozenset({"signal", "not_owner"})), Outcome.SWITCH_OFF),
        (RfkillEvent(7, "wlan", "del", False, False, frozenset()), Outcome.INTERFACE_GONE),
    ],
)
def test_a_switch_ends_it(laptop: Laptop, event: RfkillEvent, outcome: Outcome) -> None:
    laptop.answers = [lambda: laptop.rfkill.say(event)]
    assert laptop.run().outcome is outcome
    assert laptop.supplicant.told == ["pin", "unpin"]


def test_taken_back_after_a_grant(laptop: Laptop) -> None:
    def answer() -> None:
        laptop.rfkill.say(GONE)
        laptop.rfkill.say(BACK)

    laptop.answers = [answer]
    report = laptop.run()
    assert report.outcome is Outcome.TAKEN_BACK
    assert [step.name for step in report.steps][1:4] == ["requested", "granted", "taken_back"]


def test_the_time_for_the_whole_bounds_it(laptop: Laptop) -> None:
    report = laptop.run(replace(POLICY, pauses_seconds=(60.0,), timeout_seconds=1.0))
    assert report.outcome is Outcome.TIMED_OUT
    assert laptop.requests == 1
    assert laptop.journal() is None


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill it and return when it is dead; who made it still has to be told."""
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_a_supplicant_that_ends_ends_it(laptop: Laptop) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        laptop.monitor.supplicant_pid = process.pid
        laptop.answers = [lambda: end(process)]
        report = laptop.run(replace(POLICY, answer_seconds=20.0, timeout_seconds=60.0))
    assert report.outcome is Outcome.SUPPLICANT_GONE
    assert laptop.journal() is None
    laptop.pipes()
    laptop.answers = [lambda: laptop.monitor.say(SupplicantGone())]
    assert laptop.run().outcome is Outcome.SUPPLICANT_GONE


@pytest.mark.parametrize("asked", [1, 2], ids=["while the answer is waited for", "after a pause"])
def test_a_networkmanager_that_ends_ends_it_unpinned(laptop: Laptop, asked: int) -> None:
    def ends() -> None:
        laptop.monitor.say(ManagerGone())

    laptop.answers = [*([lambda: None] * (asked - 1)), ends]
    report = laptop.run()
    assert (report.outcome, report.owner) == (Outcome.MANAGER_GONE, "csme")
    assert laptop.requests == asked
    # The supplicant below may go on, with the pin.
    assert laptop.supplicant.told == ["pin", "unpin"]
    assert laptop.journal() is None
    assert report.steps[-2].name == "manager_gone"


def test_a_block_for_another_reason_is_no_grant(laptop: Laptop) -> None:
    laptop.answers = [lambda: laptop.rfkill.say(rfkill(hard=True, reasons=frozenset({"bit2"})))]
    report = laptop.run()
    assert (report.outcome, report.owner) == (Outcome.SWITCH_OFF, "csme")


def test_another_access_point_is_not_the_session(laptop: Laptop) -> None:
    def elsewhere() -> None:
        laptop.rfkill.say(GONE)
        laptop.monitor.say(Connected("02:00:00:00:09:00"))
        laptop.address.say(LEASE)

    laptop.answers = [elsewhere]
    report = laptop.run(replace(POLICY, pin=False))
    assert (report.outcome, report.owner) == (Outcome.NOT_CONNECTED, "host")


def test_the_owner_at_the_end_is_told(laptop: Laptop) -> None:
    def granted(last: RfkillEvent) -> Callable[[], None]:
        return lambda: (laptop.rfkill.say(GONE), laptop.rfkill.say(last))[0]  # type: ignore[func-returns-value]

    laptop.answers = [granted(BACK)]
    assert laptop.run().owner == "csme"
    laptop.pipes()
    laptop.answers = [granted(rfkill(soft=True))]
    report = laptop.run()
    assert (report.outcome, report.owner) == (Outcome.AIRPLANE_MODE, "host")


def test_a_failed_pin_is_told(laptop: Laptop) -> None:
    laptop.supplicant.refuse_pin = SupplicantRefused("no")
    report = laptop.run()
    assert report.outcome is Outcome.PIN_FAILED
    assert "no" in report.warnings[0]
    assert laptop.requests == 0
    assert laptop.journal() is None


@pytest.mark.parametrize("error", [AccessDenied("no right"), TransportFailed("gone"), KeyboardInterrupt()])
def test_whatever_ends_it_the_pin_is_undone(laptop: Laptop, error: BaseException) -> None:
    def answer() -> None:
        raise error

    laptop.answers = [answer]
    with pytest.raises(type(error)):
        laptop.run()
    assert laptop.supplicant.told == ["pin", "unpin"]
    assert laptop.journal() is None


def test_a_pin_that_can_not_be_undone_stays_in_the_journal(laptop: Laptop) -> None:
    laptop.answers = [laptop.connects]
    laptop.supplicant.refuse_unpin = SupplicantRefused("not now")
    report = laptop.run()
    assert "not now" in report.warnings[0]
    journal = laptop.journal()
    assert journal is not None
    assert Pin.from_dict(journal["pin"]).bssid == BSSID


def test_a_supplicant_that_is_gone_took_the_pin_with_it(laptop: Laptop) -> None:
    laptop.answers = [laptop.connects]
    laptop.supplicant.refuse_unpin = NotFound("no supplicant")
    report = laptop.run()
    assert report.warnings == ()
    assert laptop.journal() is None
