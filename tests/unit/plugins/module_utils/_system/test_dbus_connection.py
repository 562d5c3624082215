# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a connection to the bus begins and ends, by the real jeepney."""

from __future__ import annotations

import errno
import importlib
import socket
import time
from types import SimpleNamespace
from typing import List, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import SystemBus
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    LibraryMissing,
    NotFound,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._system.conftest import (
    INTERFACE,
    PATH,
    SERVICE,
    call,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import Client, FakeBus


def test_a_bus_that_ends(fake_bus: FakeBus, bus: SystemBus) -> None:
    fake_bus.hang_up()
    with pytest.raises(TransportFailed, match="the system bus failed: it closed the connection") as caught:
        bus.read()
    assert (caught.value.where, caught.value.errno) == ("D-Bus", 0)
    with pytest.raises(TransportFailed, match="the system bus failed") as caught:
        call(bus, "Any")
    assert (caught.value.where, caught.value.errno) == (f"D-Bus, {SERVICE} {INTERFACE}.Any", errno.EPIPE)
    bus.close()
    with pytest.raises(TransportFailed) as caught:
        bus.read()
    assert caught.value.errno == errno.EBADF


def test_a_bus_that_fails_without_a_number_has_none(bus: SystemBus, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_data: bytes) -> None:
        raise OSError("out of order")

    with monkeypatch.context() as patch:
        patch.setattr(bus, "_socket", SimpleNamespace(settimeout=lambda _seconds: None, sendall=fail))
        with pytest.raises(TransportFailed, match="the system bus failed: out of order") as caught:
            call(bus, "Any")
    assert caught.value.errno == 0


def test_a_bus_that_ends_while_it_is_asked_says_what_was_asked(fake_bus: FakeBus, bus: SystemBus) -> None:
    fake_bus.methods[PATH, f"{INTERFACE}.Any"] = fake_bus.hang_up
    with pytest.raises(TransportFailed) as caught:
        call(bus, "Any")
    assert caught.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Any"


@pytest.mark.parametrize("silent", ["the authentication", "Hello"])
def test_a_bus_that_does_not_greet_is_not_waited_for(fake_bus: FakeBus, silent: str) -> None:
    if silent == "Hello":
        fake_bus.silent.append(silent)
    else:
        fake_bus.greeting = b""
    begun = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        SystemBus(Patience(0.1))
    assert time.monotonic() - begun < 10.0
    assert caught.value.where.startswith("D-Bus")


def test_a_deadline_that_has_passed(fake_bus: FakeBus) -> None:
    with pytest.raises(TimedOut, match="did not accept the connection in time"):
        SystemBus(Patience(2.0, end=time.monotonic() - 1))


def test_a_bus_that_refuses_the_user(fake_bus: FakeBus) -> None:
    fake_bus.greeting = b"REJECTED EXTERNAL\r\n"
    with pytest.raises(TransportFailed, match=r"the system bus accepts no connection: .") as caught:
        SystemBus()
    assert caught.value.where == "D-Bus"


def test_a_bus_that_hangs_up_at_the_greeting(fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang_up(client: Client) -> None:
        client.socket.recv(4096)
        client.socket.shutdown(socket.SHUT_RDWR)

    monkeypatch.setattr(fake_bus, "_serve", hang_up)
    with pytest.raises(TransportFailed, match="it closed the connection"):
        SystemBus()


@pytest.mark.parametrize(
    ("address", "kind", "what"),
    [
        ("unix:path=/nowhere/bus", NotFound, "no system bus runs"),
        ("tcp:host=127.0.0.1,port=1", TransportFailed, "the system bus accepts no connection: .*"),
    ],
)
def test_a_bus_that_is_not_there(
    address: str, kind: Type[FleetError], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    with pytest.raises(kind, match=rf"^{what} \(D-Bus\)"):
        SystemBus()


def test_a_bus_that_is_closed_to_the_user(fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: object, _address: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(f"{dbus.__name__}.socket.socket.connect", refuse)
    with pytest.raises(AccessDenied, match=r"this user may not use the system bus \(D-Bus\)"):
        SystemBus()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[str] = []

    def missing(name: str) -> None:
        asked.append(name)
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(LibraryMissing, match=r"the Python library jeepney is missing.*python3-jeepney"):
        SystemBus()
    assert asked == ["jeepney"]
