# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals by the real jeepney, over a socket whose other end a test speaks for."""

from __future__ import annotations

import select
import threading
from typing import List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import SystemBus
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus_values import Signal
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._system.conftest import (
    INTERFACE,
    PATH,
    SERVICE,
    call,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import BUS, FakeBus


def next_signals(bus: SystemBus, count: int) -> List[Signal]:
    """Return the next signals, of which so many have to come."""
    signals: List[Signal] = []
    while len(signals) < count:
        assert select.select([bus], [], [], 5)[0], f"nothing more after {signals}"
        signals += bus.read()
    return signals


def test_signals_give_a_silent_service_no_more_time(fake_bus: FakeBus) -> None:
    fake_bus.silent.append("Sleep")
    over = threading.Event()

    def chatter() -> None:
        while not over.wait(0.1):
            fake_bus.signal(PATH, INTERFACE, "Begun", "s", ("it",))

    with SystemBus(Patience(60.0)) as bus:
        bus.watch(SERVICE)
        bus.subscribe(SERVICE, path=PATH)
        bus._patience = Patience(3.0)  # not for what is answered
        thread = threading.Thread(target=chatter)
        thread.start()
        # A bus that waits on is given up by the test.
        give_up = threading.Timer(20, over.set)
        give_up.start()
        try:
            with pytest.raises(TimedOut):
                list(bus.call_each(SERVICE, ["/a"], INTERFACE, "Sleep"))
            assert not over.is_set()
        finally:
            give_up.cancel()
            over.set()
            thread.join()


def test_signals_that_come_during_a_call_are_kept_in_order(fake_bus: FakeBus, bus: SystemBus) -> None:
    def begin() -> None:
        fake_bus.signal(PATH, INTERFACE, "Begun", "sv", ("it", ("u", 1)))

    fake_bus.methods[PATH, f"{INTERFACE}.Begin"] = begin
    bus.watch(SERVICE)
    bus.subscribe(SERVICE, path=PATH)
    call(bus, "Begin")
    fake_bus.signal(PATH, INTERFACE, "Ended")
    assert next_signals(bus, 2) == [
        Signal(PATH, INTERFACE, "Begun", ("it", 1)),
        Signal(PATH, INTERFACE, "Ended", ()),
    ]
    assert bus.read() == ()


def test_only_what_was_subscribed_to_comes(fake_bus: FakeBus, bus: SystemBus) -> None:
    bus.watch(SERVICE)
    bus.subscribe(SERVICE, interface=INTERFACE, member="Wanted", arg0="me")
    fake_bus.signal(PATH, INTERFACE, "Other", "s", ("me",))
    fake_bus.signal(PATH, INTERFACE, "Wanted", "s", ("you",))
    fake_bus.signal(PATH, INTERFACE, "Wanted", "s", ("me",))
    assert [signal.member for signal in next_signals(bus, 1)] == ["Wanted"]


def test_what_somebody_else_sends_is_not_believed(fake_bus: FakeBus, bus: SystemBus) -> None:
    bus.watch(SERVICE)
    bus.subscribe(SERVICE)
    # A service has a new owner, whose signals count from then on.
    fake_bus.signal(PATH, INTERFACE, "Forged", sender=":1.66")
    fake_bus.signal("/org/freedesktop/DBus", BUS, "NameOwnerChanged", "sss", (SERVICE, ":1.7", ""), sender=":1.66")
    fake_bus.owner_changed(SERVICE, ":1.66")
    fake_bus.signal(PATH, INTERFACE, "True", sender=":1.66")
    fake_bus.signal(PATH, INTERFACE, "Old")
    fake_bus.owner_changed(SERVICE, "")
    assert [(signal.member, signal.body[2:]) for signal in next_signals(bus, 3)] == [
        *(("NameOwnerChanged", (":1.66",)), ("True", ()), ("NameOwnerChanged", ("",)))
    ]


def test_what_the_bus_says_of_names_that_nobody_watches_is_left_out(fake_bus: FakeBus, bus: SystemBus) -> None:
    def told(member: str, signature: str, body: Tuple[str, ...]) -> None:
        fake_bus.signal("/org/freedesktop/DBus", BUS, member, signature, body, sender=BUS)

    bus.watch(SERVICE)
    bus.subscribe(SERVICE)
    told("NameOwnerChanged", "sss", ("org.example.Other", "", ":1.66"))
    told("NameLost", "s", (SERVICE,))
    fake_bus.signal(PATH, INTERFACE, "Forged", sender=":1.66")
    fake_bus.signal(PATH, INTERFACE, "True")
    assert [signal.member for signal in next_signals(bus, 1)] == ["True"]


def test_a_service_that_does_not_run_yet_can_be_watched(fake_bus: FakeBus, bus: SystemBus) -> None:
    fake_bus.absent.append(SERVICE)
    bus.watch(SERVICE)
    bus.subscribe(SERVICE)
    fake_bus.signal(PATH, INTERFACE, "Early")
    fake_bus.owner_changed(SERVICE, ":1.7")
    fake_bus.signal(PATH, INTERFACE, "Now")
    assert [signal.member for signal in next_signals(bus, 2)] == ["NameOwnerChanged", "Now"]
