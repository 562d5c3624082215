# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""D-Bus by the real jeepney, over a socket whose other end a test speaks for."""

from __future__ import annotations

import importlib
import select
import time
from typing import Any, List, Optional, Tuple, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._dbus import Signal, SystemBus, plain
from ansible_collections.vpro.fleet.plugins.module_utils._errors import (
    AccessDenied,
    FleetError,
    LibraryMissing,
    NotFound,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError, FakeBus

SERVICE, PATH, INTERFACE = "org.example.Thing", "/org/example/Thing", "org.example.Thing"


def call(bus: SystemBus, member: str, signature: str = "", body: Tuple[Any, ...] = ()) -> Tuple[Any, ...]:
    return bus.call(SERVICE, PATH, INTERFACE, member, signature, body)


@pytest.mark.parametrize(
    ("value", "signature", "expected"),
    [
        (("s", "text"), "v", "text"),
        ({"a": ("u", 1), "b": ("as", ["x"])}, "a{sv}", {"a": 1, "b": ["x"]}),
        ({"s": {"ssid": ("ay", b"corp")}}, "a{sa{sv}}", {"s": {"ssid": b"corp"}}),
        ([("s", "x"), ("v", ("u", 7))], "av", ["x", 7]),
        ([(1, ("s", "x"))], "a(uv)", [(1, "x")]),
        ((3, {"k": ("b", True)}, [["y"]]), "(ua{sv}aas)", (3, {"k": True}, [["y"]])),
        (b"\x00\xff", "ay", b"\x00\xff"),
    ],
)
def test_variants_go(value: Any, signature: str, expected: Any) -> None:
    assert plain(value, signature) == expected


def test_a_call_and_properties(fake_bus: FakeBus) -> None:
    fake_bus.methods[PATH, f"{INTERFACE}.Add"] = lambda a, b: ("ua{sv}", (a + b, {"more": ("s", "yes")}))
    fake_bus.properties[PATH, INTERFACE] = {"State": ("u", 30), "Name": ("s", "x")}
    bus = SystemBus()
    assert call(bus, "Add", "uu", (2, 3)) == (5, {"more": "yes"})
    assert bus.get(SERVICE, PATH, INTERFACE, "State") == 30
    assert bus.get_all(SERVICE, PATH, INTERFACE) == {"State": 30, "Name": "x"}
    bus.put(SERVICE, PATH, INTERFACE, "Name", ("s", "y"))
    assert bus.get(SERVICE, PATH, INTERFACE, "Name") == "y"
    bus.close()


def test_signals_that_come_during_a_call_are_kept_in_order(fake_bus: FakeBus) -> None:
    def begin() -> None:
        fake_bus.signal(PATH, INTERFACE, "Begun", "sv", ("it", ("u", 1)))

    fake_bus.methods[PATH, f"{INTERFACE}.Begin"] = begin
    bus = SystemBus()
    bus.subscribe(SERVICE)
    call(bus, "Begin")
    fake_bus.signal(PATH, INTERFACE, "Ended")
    assert select.select([bus], [], [], 5)[0], "what is still on its way wakes an event loop"
    assert bus.read() == (Signal(PATH, INTERFACE, "Begun", ("it", 1)), Signal(PATH, INTERFACE, "Ended", ()))
    assert bus.read() == ()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("org.freedesktop.DBus.Error.ServiceUnknown", NotFound),
        ("org.freedesktop.DBus.Error.UnknownMethod", NotFound),
        ("org.freedesktop.DBus.Error.AccessDenied", AccessDenied),
        ("org.freedesktop.NetworkManager.PermissionDenied", AccessDenied),
        ("org.freedesktop.DBus.Error.NoReply", TimedOut),
        ("fi.w1.wpa_supplicant1.Interface.ScanError", SupplicantRefused),
    ],
)
def test_an_answer_that_is_an_error_is_named(fake_bus: FakeBus, name: str, kind: Type[FleetError]) -> None:
    def fail() -> None:
        raise DBusError(name, "it says why")

    fake_bus.methods[PATH, f"{INTERFACE}.Fail"] = fail
    with pytest.raises(kind, match=r"it says why.*org\.example\.Thing\.Fail"):
        call(SystemBus(), "Fail")


@pytest.mark.parametrize(("timeout", "ahead"), [(0.05, None), (60.0, 0.05)])
def test_no_answer_is_waited_for_too_long(fake_bus: FakeBus, timeout: float, ahead: Optional[float]) -> None:
    fake_bus.silent.append("Sleep")
    bus = SystemBus(timeout, None if ahead is None else time.monotonic() + ahead)
    with pytest.raises(TimedOut, match="in time"):
        call(bus, "Sleep")


def test_a_late_answer_is_nobodys(fake_bus: FakeBus) -> None:
    fake_bus.silent.append("Sleep")
    fake_bus.methods[PATH, f"{INTERFACE}.Next"] = lambda: ("u", (1,))
    bus = SystemBus(0.05)
    with pytest.raises(TimedOut):
        call(bus, "Sleep")
    assert call(bus, "Next") == (1,)


def test_a_bus_that_ends(fake_bus: FakeBus) -> None:
    bus = SystemBus()
    fake_bus.hang_up()
    with pytest.raises(TransportFailed):
        bus.read()
    with pytest.raises(TransportFailed):
        call(bus, "Any")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError(2, "no", "/run/dbus/system_bus_socket"), NotFound),
        (PermissionError(13, "no"), AccessDenied),
        (TimeoutError(), TimedOut),
        (ConnectionRefusedError(111, "refused"), TransportFailed),
        (ValueError("no such address"), TransportFailed),
    ],
)
def test_a_bus_that_takes_no_connection(
    error: Exception, kind: Type[FleetError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("jeepney.io.blocking.open_dbus_connection", refuse)
    with pytest.raises(kind):
        SystemBus()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[str] = []

    def missing(name: str) -> None:
        asked.append(name)
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(LibraryMissing, match="python3-jeepney"):
        SystemBus()
    assert asked == ["jeepney"]
