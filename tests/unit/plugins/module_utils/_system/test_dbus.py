# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""D-Bus by the real jeepney, over a socket whose other end a test speaks for."""

from __future__ import annotations

import errno
import importlib
import select
import socket
import threading
import time
from types import SimpleNamespace
from typing import Any, Iterator, List, Optional, Tuple, Type

import pytest
from jeepney.low_level import HeaderFields

from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import SystemBus
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus_values import Signal, plain
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    LibraryMissing,
    NotFound,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import BUS, Client, DBusError, FakeBus

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
        (((1, ({"k": (2, ("s", "x"))},)), ("u", 7)), "((u(a{s(uv)}))v)", ((1, ({"k": (2, "x")},)), 7)),
        (b"\x00\xff", "ay", b"\x00\xff"),
    ],
)
def test_variants_go(value: Any, signature: str, expected: Any) -> None:
    assert plain(value, signature) == expected


@pytest.fixture
def bus(fake_bus: FakeBus) -> Iterator[SystemBus]:
    made = SystemBus()
    yield made
    made.close()


def next_signals(bus: SystemBus, count: int) -> List[Signal]:
    """Return the next signals, of which so many have to come."""
    signals: List[Signal] = []
    while len(signals) < count:
        assert select.select([bus], [], [], 5)[0], f"nothing more after {signals}"
        signals += bus.read()
    return signals


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
    fake_bus: FakeBus,
) -> None:
    def refuse() -> None:
        raise DBusError("org.example.Busy", "not now")

    for name in ("Get", "Sleep", "Work"):
        for path in ("/a", "/b"):
            fake_bus.methods[path, f"{INTERFACE}.{name}"] = lambda: ("u", (1,))
    fake_bus.methods["/a", f"{INTERFACE}.Get"] = refuse
    fake_bus.silent.append("Sleep")
    with SystemBus(timeout=2.0) as bus:
        with pytest.raises(SupplicantRefused, match="not now") as refused:
            list(bus.call_each(SERVICE, ["/a", "/b"], INTERFACE, "Get"))
        assert refused.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Get"
        skipped = bus.call_each(SERVICE, ["/a", "/b"], INTERFACE, "Get", skip=(SupplicantRefused,))
        assert list(skipped) == [("/b", 1)]
        with pytest.raises(TimedOut) as silent:
            list(bus.call_each(SERVICE, ["/a", "/b"], INTERFACE, "Sleep"))
        assert silent.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Sleep"
        assert bus.call(SERVICE, "/b", INTERFACE, "Work") == (1,)


def test_signals_give_a_silent_service_no_more_time(fake_bus: FakeBus) -> None:
    fake_bus.silent.append("Sleep")
    over = threading.Event()

    def chatter() -> None:
        while not over.wait(0.1):
            fake_bus.signal(PATH, INTERFACE, "Begun", "s", ("it",))

    with SystemBus(timeout=0.5) as bus:
        bus.watch(SERVICE)
        bus.subscribe(SERVICE, path=PATH)
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
    fake_bus: FakeBus, bus: SystemBus, name: str, kind: Type[FleetError]
) -> None:
    def fail() -> None:
        raise DBusError(name, "it says why")

    fake_bus.methods[PATH, f"{INTERFACE}.Fail"] = fail
    with pytest.raises(kind, match=r"it says why.*org\.example\.Thing\.Fail") as caught:
        call(bus, "Fail")
    assert caught.value.what == f"{name.rpartition('.')[2]}: it says why"
    assert caught.value.remedy == ("Run this as root" if kind is AccessDenied else "")


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
    with SystemBus(60.0, time.monotonic() + 60.0) as bus:
        bus._deadline = time.monotonic() - 1.0  # it has passed
        bus.go_on()
        assert call(bus, "Next") == (1,)


@pytest.mark.parametrize(("timeout", "ahead"), [(5.0, None), (600.0, 5.0)])
def test_no_answer_is_waited_for_too_long(fake_bus: FakeBus, timeout: float, ahead: Optional[float]) -> None:
    fake_bus.silent.append("Sleep")
    begun = time.monotonic()
    # Long enough for the greeting on a machine that is slow.
    bus = SystemBus(timeout, None if ahead is None else begun + ahead)
    with bus, pytest.raises(TimedOut, match="in time"):
        call(bus, "Sleep")
    assert time.monotonic() - begun < 300.0


def test_a_late_answer_is_nobodys(fake_bus: FakeBus) -> None:
    fake_bus.silent.append("Sleep")
    fake_bus.methods[PATH, f"{INTERFACE}.Next"] = lambda: ("u", (1,))
    with SystemBus(60.0) as bus:
        bus._timeout = 0.1
        with pytest.raises(TimedOut):
            call(bus, "Sleep")
        bus._timeout = 60.0
        assert call(bus, "Next") == (1,)


def test_an_answer_that_comes_when_nobody_waits_any_more_is_dropped(fake_bus: FakeBus) -> None:
    told = threading.Event()

    def late() -> None:
        told.wait(60)
        raise DBusError("org.example.Busy", "not now")

    fake_bus.methods[PATH, f"{INTERFACE}.Late"] = late
    with SystemBus(timeout=60.0) as bus:
        bus._timeout = 0.1  # not for the greeting
        with pytest.raises(TimedOut):
            call(bus, "Late")
        told.set()
        assert select.select([bus], [], [], 60)[0]
        assert (bus.read(), bus.failures()) == ((), ())


def test_a_bus_that_ends(fake_bus: FakeBus, bus: SystemBus) -> None:
    fake_bus.hang_up()
    with pytest.raises(TransportFailed, match="the system bus failed: it hung up") as caught:
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


def test_what_is_no_message_is_told(fake_bus: FakeBus, bus: SystemBus) -> None:
    fake_bus._clients[0].socket.sendall(b"?" * 64)
    with pytest.raises(DecodeFailed, match="no message") as caught:
        call(bus, "Any")
    assert caught.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Any"


@pytest.mark.parametrize(("signature", "body"), [("a{sv}", (7,)), ("v", (7,)), ("v", ((),)), ("as", (None,))])
def test_a_body_that_is_not_of_its_signature_is_told(bus: SystemBus, signature: str, body: Tuple[Any, ...]) -> None:
    """As a jeepney that reads differently would give it."""
    header = SimpleNamespace(fields={HeaderFields.signature: signature})
    with pytest.raises(DecodeFailed) as caught:
        bus._body(SimpleNamespace(header=header, body=body))
    assert caught.value.what == f"a message's body is not of its signature {signature!r}"
    assert caught.value.where == "D-Bus"


@pytest.mark.parametrize("silent", ["the authentication", "Hello"])
def test_a_bus_that_does_not_greet_is_not_waited_for(fake_bus: FakeBus, silent: str) -> None:
    if silent == "Hello":
        fake_bus.silent.append(silent)
    else:
        fake_bus.greeting = b""
    begun = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        SystemBus(0.1)
    assert time.monotonic() - begun < 10.0
    assert caught.value.where.startswith("D-Bus")


def test_a_deadline_that_has_passed(fake_bus: FakeBus) -> None:
    with pytest.raises(TimedOut, match="did not take the connection in time"):
        SystemBus(deadline=time.monotonic() - 1)


def test_what_is_asked_after_the_deadline_is_not_sent(fake_bus: FakeBus, bus: SystemBus) -> None:
    bus._deadline = time.monotonic() - 1
    with pytest.raises(TimedOut, match="no answer in time") as caught:
        call(bus, "Late")
    assert caught.value.where == f"D-Bus, {SERVICE} {INTERFACE}.Late"
    bus.go_on()
    with pytest.raises(NotFound):
        call(bus, "Next")
    assert (fake_bus.called("Late"), fake_bus.called("Next")) == ([], [()])


def test_a_bus_that_refuses_the_user(fake_bus: FakeBus) -> None:
    fake_bus.greeting = b"REJECTED EXTERNAL\r\n"
    with pytest.raises(TransportFailed, match=r"the system bus takes no connection: .") as caught:
        SystemBus()
    assert caught.value.where == "D-Bus"


def test_a_bus_that_hangs_up_at_the_greeting(fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang_up(client: Client) -> None:
        client.socket.recv(4096)
        client.socket.shutdown(socket.SHUT_RDWR)

    monkeypatch.setattr(fake_bus, "_serve", hang_up)
    with pytest.raises(TransportFailed, match="it hung up"):
        SystemBus()


@pytest.mark.parametrize(
    ("address", "kind", "what"),
    [
        ("unix:path=/nowhere/bus", NotFound, "no system bus runs"),
        ("tcp:host=127.0.0.1,port=1", TransportFailed, "the system bus takes no connection: .*"),
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
    with pytest.raises(AccessDenied, match=r"not for this user \(D-Bus\)"):
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
