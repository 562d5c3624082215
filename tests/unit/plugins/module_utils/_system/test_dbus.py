# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls and their answers by the real jeepney, over a socket whose other end a test speaks for."""

from __future__ import annotations

import os
import select
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Optional, Tuple, Type

import pytest
from jeepney.low_level import HeaderFields

from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus, patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import SystemBus
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus_values import Signal
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    SupplicantRefused,
    TimedOut,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._system.conftest import (
    INTERFACE,
    PATH,
    SERVICE,
    call,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.clock import Clock
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError, FakeBus


def test_a_call_and_properties(fake_bus: FakeBus, bus: SystemBus) -> None:
    fake_bus.methods[PATH, f"{INTERFACE}.Add"] = lambda a, b: ("ua{sv}", (a + b, {"more": ("s", "yes")}))
    fake_bus.properties[PATH, INTERFACE] = {"State": ("u", 30), "Name": ("s", "x")}
    assert call(bus, "Add", "uu", (2, 3)) == (5, {"more": "yes"})
    assert bus.get(SERVICE, PATH, INTERFACE, "State") == 30
    assert bus.get_all(SERVICE, PATH, INTERFACE) == {"State": 30, "Name": "x"}


def test_what_is_to_be_handed_back_keeps_its_variants(fake_bus: FakeBus, bus: SystemBus) -> None:
    told = {
        "ipv4": {"dns": ("au", [1]), "addresses": ("aa{sv}", [{"prefix": ("u", 24)}])},
        "x": {"raw": ("ay", b"\xff")},
    }
    fake_bus.methods[PATH, f"{INTERFACE}.Get"] = lambda: ("a{sa{sv}}", (told,))
    fake_bus.methods[PATH, f"{INTERFACE}.Put"] = lambda _settings: None
    settings = bus.call(SERVICE, PATH, INTERFACE, "Get", variants=True)[0]
    assert settings == told
    call(bus, "Put", "a{sa{sv}}", (settings,))
    assert fake_bus.called("Put") == [(told,)]


def test_many_objects_are_asked_at_a_time_and_answer_in_order(fake_bus: FakeBus, bus: SystemBus) -> None:
    def tell(number: int) -> Tuple[str, Tuple[Any]]:
        if number == 20:
            fake_bus.signal(PATH, INTERFACE, "Begun", "s", ("it",))
        return "a{sv}", ({"number": ("u", number)},)

    paths = [f"{PATH}/{number}" for number in range(40)]
    for number, path in enumerate(paths):
        if number != 30:  # this one is gone
            fake_bus.methods[path, f"{INTERFACE}.Get"] = lambda number=number: tell(number)
    bus.watch(SERVICE)
    bus.subscribe(SERVICE, path=PATH)
    told = bus.call_each(SERVICE, paths, INTERFACE, "Get")
    first = next(told)
    assert first == (paths[0], {"number": 0})
    # They were on their way together.
    assert len(fake_bus.called("Get")) > 8
    expected = [(path, {"number": number}) for number, path in enumerate(paths) if number != 30]
    assert [first, *told] == expected
    assert bus.read() == (Signal(PATH, INTERFACE, "Begun", ("it",)),)
    raw = list(bus.call_each(SERVICE, paths[:1], INTERFACE, "Get", variants=True))
    assert raw == [(paths[0], {"number": ("u", 0)})]
    assert list(bus.call_each(SERVICE, [], INTERFACE, "Get")) == []


def test_of_many_objects_one_that_refuses_or_is_silent_ends_it_and_the_bus_goes_on(
    fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise DBusError("org.example.Busy", "not now")

    for name in ("Get", "Sleep", "Work"):
        for path in ("/a", "/b"):
            fake_bus.methods[path, f"{INTERFACE}.{name}"] = lambda: ("u", (1,))
    fake_bus.methods["/a", f"{INTERFACE}.Get"] = refuse
    fake_bus.silent.append("Sleep")
    clock = Clock(monkeypatch, patience, dbus)
    # Both objects are silent. The second one may be so as late as the last call, for which no time may pass.
    passes = [60.0]
    fake_bus.when_silent = lambda: clock.passes(passes.pop() if passes else 0.0)
    with SystemBus(Patience(60.0)) as bus:
        with pytest.raises(SupplicantRefused, match="not now") as refused:
            list(bus.call_each(SERVICE, ["/a", "/b"], INTERFACE, "Get"))
        assert refused.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Get"
        skipped = bus.call_each(SERVICE, ["/a", "/b"], INTERFACE, "Get", skip=(SupplicantRefused,))
        assert list(skipped) == [("/b", 1)]
        with pytest.raises(TimedOut) as silent:
            list(bus.call_each(SERVICE, ["/a", "/b"], INTERFACE, "Sleep"))
        assert silent.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Sleep"
        assert bus.call(SERVICE, "/b", INTERFACE, "Work") == (1,)


def test_what_is_begun_is_not_waited_for_and_its_failure_is_told_once(fake_bus: FakeBus, bus: SystemBus) -> None:
    def fail() -> None:
        raise DBusError("org.example.Busy", "not now")

    fake_bus.methods[PATH, f"{INTERFACE}.Fail"] = fail
    fake_bus.methods[PATH, f"{INTERFACE}.Work"] = lambda: None
    fake_bus.methods[PATH, f"{INTERFACE}.Take"] = lambda _number, _word: None
    bus.begin(SERVICE, PATH, INTERFACE, "Fail")
    bus.begin(SERVICE, PATH, INTERFACE, "Take", "us", (7, "it"))
    call(bus, "Work")  # the answers come in order
    assert fake_bus.called("Take") == [(7, "it")]
    ((member, error),) = bus.failures()
    assert member == "Fail"
    assert isinstance(error, SupplicantRefused)
    assert str(error) == f"Busy: not now (D-Bus, {SERVICE} {INTERFACE}.Fail)"
    assert bus.failures() == ()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("org.freedesktop.DBus.Error.ServiceUnknown", NotFound),
        ("org.freedesktop.DBus.Error.UnknownMethod", NotFound),
        ("org.freedesktop.DBus.Error.AccessDenied", AccessDenied),
        ("org.freedesktop.NetworkManager.PermissionDenied", AccessDenied),
        ("org.freedesktop.NetworkManager.AgentManager.NotAuthorized", AccessDenied),
        ("org.freedesktop.DBus.Error.NoReply", TimedOut),
        ("fi.w1.wpa_supplicant1.Interface.ScanError", SupplicantRefused),
    ],
)
def test_an_answer_that_is_an_error_is_named(
    fake_bus: FakeBus, bus: SystemBus, name: str, kind: Type[FleetError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise DBusError(name, "it says why")

    fake_bus.methods[PATH, f"{INTERFACE}.Fail"] = fail
    for user, remedy in ((1000, "Run this as root"), (0, "does not let root do this")):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        with pytest.raises(kind, match=r"it says why.*org\.example\.Thing\.Fail") as caught:
            call(bus, "Fail")
        assert caught.value.what == f"{name.rpartition('.')[2]}: it says why"
        assert (remedy in caught.value.remedy) == (kind is AccessDenied)


@pytest.mark.parametrize("text", ["", None])
def test_an_error_without_a_word_is_its_name(fake_bus: FakeBus, bus: SystemBus, text: Optional[str]) -> None:
    def fail() -> None:
        raise DBusError("org.example.Busy", text)

    fake_bus.methods[PATH, f"{INTERFACE}.Fail"] = fail
    with pytest.raises(SupplicantRefused) as caught:
        call(bus, "Fail")
    assert caught.value.what == "org.example.Busy"


@pytest.mark.parametrize("runs", [True, False])
def test_whether_a_service_runs_is_asked_of_the_bus_itself(fake_bus: FakeBus, bus: SystemBus, runs: bool) -> None:
    fake_bus.absent += [] if runs else [SERVICE]
    assert bus.has_owner(SERVICE) is runs


def test_a_connection_goes_on_after_its_deadline_was_taken_away(fake_bus: FakeBus) -> None:
    fake_bus.methods[PATH, f"{INTERFACE}.Next"] = lambda: ("u", (1,))
    with SystemBus(Patience(60.0, end=time.monotonic() + 60.0)) as bus:
        bus._patience = replace(bus._patience, end=time.monotonic() - 1.0)  # it has passed
        bus.go_on()
        assert call(bus, "Next") == (1,)


@pytest.mark.parametrize(("timeout", "ahead"), [(4.0, None), (600.0, 4.0)])
def test_no_answer_is_waited_for_too_long(fake_bus: FakeBus, timeout: float, ahead: Optional[float]) -> None:
    fake_bus.silent.append("Sleep")
    begun = time.monotonic()
    # Long enough for the greeting on a machine that is slow.
    bus = SystemBus(Patience(timeout, end=None if ahead is None else begun + ahead))
    with bus, pytest.raises(TimedOut, match="in time"):
        call(bus, "Sleep")
    assert time.monotonic() - begun < 300.0


def test_a_late_answer_is_nobodys(fake_bus: FakeBus) -> None:
    fake_bus.silent.append("Sleep")
    fake_bus.methods[PATH, f"{INTERFACE}.Next"] = lambda: ("u", (1,))
    with SystemBus(Patience(60.0)) as bus:
        bus._patience = Patience(0.1)
        with pytest.raises(TimedOut):
            call(bus, "Sleep")
        bus._patience = Patience(60.0)
        assert call(bus, "Next") == (1,)


def test_an_answer_that_comes_when_nobody_waits_any_more_is_dropped(fake_bus: FakeBus) -> None:
    told = threading.Event()

    def late() -> None:
        told.wait(60)
        raise DBusError("org.example.Busy", "not now")

    fake_bus.methods[PATH, f"{INTERFACE}.Late"] = late
    with SystemBus(Patience(60.0)) as bus:
        bus._patience = Patience(0.1)  # not for the greeting
        with pytest.raises(TimedOut):
            call(bus, "Late")
        told.set()
        assert select.select([bus], [], [], 60)[0]
        assert (bus.read(), bus.failures()) == ((), ())


def test_what_is_no_message_is_told(fake_bus: FakeBus, bus: SystemBus) -> None:
    fake_bus._clients[0].socket.sendall(b"?" * 64)
    with pytest.raises(DecodeFailed, match="malformed message") as caught:
        call(bus, "Any")
    assert caught.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Any"


@pytest.mark.parametrize(("signature", "body"), [("a{sv}", (7,)), ("v", (7,)), ("v", ((),)), ("as", (None,))])
def test_a_body_that_is_not_of_its_signature_is_told(bus: SystemBus, signature: str, body: Tuple[Any, ...]) -> None:
    """As a jeepney that reads differently would give it."""
    header = SimpleNamespace(fields={HeaderFields.signature: signature})
    with pytest.raises(DecodeFailed) as caught:
        bus._body(SimpleNamespace(header=header, body=body))
    assert caught.value.what == f"a message does not fit its signature {signature!r}"
    assert caught.value.where == "D-Bus"


def test_what_is_asked_after_the_deadline_is_not_sent(fake_bus: FakeBus, bus: SystemBus) -> None:
    bus._patience = replace(bus._patience, end=time.monotonic() - 1)
    with pytest.raises(TimedOut, match="no answer in time") as caught:
        call(bus, "Late")
    assert caught.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Late"
    bus.go_on()
    with pytest.raises(NotFound):
        call(bus, "Next")
    assert (fake_bus.called("Late"), fake_bus.called("Next")) == ([], [()])
