# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is heard on a radio, as events of a handover, and what is done when the supplicant does not let itself be told.

What works is tested with the machines that use it: test_run.py, test_guarded.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import effects
from ansible_collections.vpro.fleet.plugins.module_utils._handover.addressing import NoAddress
from ansible_collections.vpro.fleet.plugins.module_utils._handover.effects import Calls, Effects
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    Action,
    AddressArrived,
    BlockBack,
    BlockGone,
    Event,
    Forget,
    InterfaceGone,
    PinFailed,
    ReadConnection,
    Seen,
    SetPin,
    SoftBlocked,
    Stay,
    SwitchedOff,
    Unpin,
    Unread,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Limits
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile, find_obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import (
    CsmeConnection,
    PartialConnection,
    Reported,
)
from ansible_collections.vpro.fleet.plugins.module_utils._radio.own_address import OtherAddress
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import MalformedRecord, RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address, AddressEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError, NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_effects import BSSID, PIN, Supplicant

NOT_OWNER = frozenset({"not_owner"})
SWITCH = Switch(7, "wlan", "phy0", False, True, NOT_OWNER, "phy0")
RADIO = Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", SWITCH, True, True, True, None, None)
PROFILE = Profile(5, b"corp", frozenset({"WPA-PSK"}), True, None, (), False, credentials=frozenset({"psk"}))
CHANGE = RfkillEvent(7, "wlan", "change", False, False, frozenset())


def effects_on(tmp_path: Path, supplicant: Optional[Supplicant] = None, *, settles: bool = False) -> Effects:
    return asking(tmp_path, supplicant, lambda *_what: None, settles=settles)


def asking(
    tmp_path: Path, supplicant: Optional[Supplicant], ask: Callable[..., None], *, settles: bool = False
) -> Effects:
    calls = Calls(lambda: True, lambda: None, ask)
    return Effects(RADIO, supplicant, calls, settles=settles, places=Places(str(tmp_path)))  # type: ignore[arg-type]


# -- what is heard ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard", "event"),
    [
        (CHANGE, BlockGone),
        (replace(CHANGE, op="add"), BlockGone),
        (replace(CHANGE, op="del"), InterfaceGone),
        (replace(CHANGE, op="change_all"), None),
        (replace(CHANGE, index=8), None),
        (replace(CHANGE, index=8, op="del"), None),
        (replace(CHANGE, soft=True), SoftBlocked),
        (replace(CHANGE, soft=True, hard=True, reasons=NOT_OWNER), SoftBlocked),
        (replace(CHANGE, hard=True, reasons=NOT_OWNER), BlockBack),
        (replace(CHANGE, hard=True, reasons=frozenset({"signal"})), SwitchedOff),
        (replace(CHANGE, hard=True, reasons=NOT_OWNER | {"signal"}), SwitchedOff),
        (replace(CHANGE, hard=True, reasons=None), SwitchedOff),
        (MalformedRecord("three bytes"), None),
    ],
)
def test_a_record_of_rfkill(tmp_path: Path, heard: Any, event: Optional[Type[Event]]) -> None:
    told = effects_on(tmp_path).from_rfkill(heard)
    assert told is None if event is None else isinstance(told, event)


def test_what_is_no_address(tmp_path: Path) -> None:
    assert effects_on(tmp_path).from_address("something else") is None


@pytest.mark.parametrize(("scope", "there"), [(0, True), (253, False)])
def test_addresses_are_read_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: int, there: bool
) -> None:
    asked: List[int] = []

    def addresses(ifindex: int) -> List[Address]:
        asked.append(ifindex)
        return [Address("192.0.2.7", 24, "inet", scope)]

    monkeypatch.setattr(f"{effects.__name__}.rtnetlink.addresses", addresses)
    monkeypatch.setattr(f"{effects.__name__}.present_address", lambda ifname, root: None)
    assert effects_on(tmp_path).read_address() == (AddressArrived() if there else None)
    assert effects_on(tmp_path).look_for_address() == (AddressArrived() if there else NoAddress())
    assert asked == [3, 3]


@pytest.mark.parametrize("waits", [True, False])
def test_the_mac_address_matters_in_a_handover_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    asked: List[str] = []

    def other(interface: str, root: str) -> OtherAddress:
        asked.append(interface)
        return OtherAddress("wlan0 is somebody else", "Be the same")

    monkeypatch.setattr(f"{effects.__name__}.present_address", other)
    calls = Calls(lambda: True, lambda: None, waits=lambda: waits)
    mine = Effects(RADIO, None, calls, places=Places(str(tmp_path)))
    heard = AddressEvent(True, 3, Address("192.0.2.7", 24, "inet", 0))
    assert mine.from_address(heard) == mine.from_address(heard) == AddressArrived(same_host=not waits)
    assert mine.warnings == (["wlan0 is somebody else. Be the same"] if waits else [])
    assert asked == (["wlan0"] * 2 if waits else [])


def test_a_mac_address_that_can_not_be_read_is_no_same_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(interface: str, root: str) -> None:
        raise TransportFailed("no sysfs")

    monkeypatch.setattr(f"{effects.__name__}.present_address", fail)
    mine = effects_on(tmp_path)
    heard = AddressEvent(True, 3, Address("192.0.2.7", 24, "inet", 0))
    assert mine.from_address(heard) == AddressArrived(same_host=False)
    assert mine.warnings == ["the MAC address of the interface can't be read: no sysfs"]


def test_addresses_that_can_not_be_read_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def addresses(ifindex: int) -> List[Address]:
        raise TransportFailed("no netlink")

    monkeypatch.setattr(f"{effects.__name__}.rtnetlink.addresses", addresses)
    mine = effects_on(tmp_path)
    assert mine.look_for_address() is None
    assert "no netlink" in mine.warnings[0]


# -- the DHCP client --------------------------------------------------------------------------------------------------


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> List[Optional[Client]]:
    """Who runs DHCP on the interface, for a test to change."""
    found: List[Optional[Client]] = [Client.NETWORKD]
    monkeypatch.setattr(f"{effects.__name__}.dhcp.find_client", lambda interface, ifindex, root: found[0])
    return found


@pytest.mark.parametrize("supplicant", [None, Supplicant()])
def test_who_runs_dhcp_is_asked_anew(
    tmp_path: Path, client: List[Optional[Client]], supplicant: Optional[Supplicant]
) -> None:
    asked: List[Any] = []
    mine = asking(tmp_path, supplicant, lambda *what: asked.append(what))
    assert mine.ask_for_address() == "networkd"
    client[0] = None
    assert mine.ask_for_address() is None
    assert asked == [(Client.NETWORKD, "wlan0")]
    assert mine.warnings == []


@pytest.mark.parametrize("runs", list(Client))
def test_who_does_not_lose_its_first_message_is_asked_in_a_handover_alone(
    tmp_path: Path, client: List[Optional[Client]], runs: Client
) -> None:
    asked: List[Any] = []
    client[0] = runs
    waits: List[bool] = []
    calls = Calls(lambda: True, lambda: None, lambda *what: asked.append(what), waits=lambda: bool(waits))
    mine = Effects(RADIO, Supplicant(), calls, places=Places(str(tmp_path)))  # type: ignore[arg-type]
    mine.ask_for_address()
    assert len(asked) == (runs is Client.NETWORKD)
    waits.append(True)
    mine.ask_for_address()
    assert asked[-1] == (runs, "wlan0")


class Manager(Supplicant):
    """A manager with a DHCP client of its own."""

    def __init__(self, *, dhcp: bool = True, tests: Optional[bool] = True) -> None:
        super().__init__()
        self.manager = "networkmanager"
        self.dhcp, self.tests, self.times = dhcp, tests, 0

    def ask_for_address(self) -> bool:
        self.times += 1
        return self.dhcp

    def may_test_addresses(self) -> bool:
        if self.tests is None:
            raise TransportFailed("it said nothing")
        return self.tests


@pytest.mark.parametrize(("waits", "dhcp", "asked"), [(True, True, 1), (True, False, 1), (False, True, 0)])
def test_a_manager_with_its_own_dhcp_client_is_asked_in_a_handover_alone(
    tmp_path: Path, client: List[Optional[Client]], waits: bool, dhcp: bool, asked: int
) -> None:
    manager = Manager(dhcp=dhcp)
    marks: List[str] = []
    calls = Calls(
        lambda: True, lambda: None, lambda *_what: pytest.fail("asked"), mark=marks.append, waits=lambda: waits
    )
    mine = Effects(RADIO, manager, calls, places=Places(str(tmp_path)))  # type: ignore[arg-type]
    assert mine.ask_for_address() == ("NetworkManager" if waits and dhcp else None)
    assert manager.times == asked
    assert marks == (["address_asked"] if waits and dhcp else [])


@pytest.mark.parametrize(
    ("backend", "waits", "tested"),
    [
        (None, True, False),
        (Supplicant(), True, False),
        (Manager(tests=True), True, True),
        (Manager(tests=False), True, False),
        (Manager(tests=None), True, True),
        (Manager(tests=True), False, False),
    ],
)
def test_a_client_that_tests_its_address_gets_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: Optional[Supplicant], waits: bool, tested: bool
) -> None:
    monkeypatch.setattr(f"{effects.__name__}.rtnetlink.addresses", lambda ifindex: ())
    calls = Calls(lambda: True, lambda: None, waits=lambda: waits)
    mine = Effects(RADIO, backend, calls, places=Places(str(tmp_path)))  # type: ignore[arg-type]
    assert mine.look_for_address() == NoAddress(tested=tested)
    assert mine.warnings == []


def test_a_client_that_can_not_be_asked_is_a_warning(tmp_path: Path, client: List[Optional[Client]]) -> None:
    def refuse(*_what: object) -> None:
        raise TransportFailed("it said no")

    mine = asking(tmp_path, Supplicant(), refuse)
    assert mine.ask_for_address() is None
    assert "it said no" in mine.warnings[0]


# -- what is done -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [SetPin(PROFILE, BSSID, (2437,)), Stay(PROFILE, BSSID)])
def test_a_pin_without_a_supplicant_fails(tmp_path: Path, action: Any) -> None:
    assert effects_on(tmp_path).do(action) == PinFailed()


@pytest.mark.parametrize("action", [SetPin(PROFILE, BSSID, (2437,)), Stay(PROFILE, BSSID)])
def test_a_pin_that_is_refused_is_a_warning_and_an_event(tmp_path: Path, action: Any) -> None:
    made = effects_on(tmp_path, Supplicant(TransportFailed("not now")))
    assert made.do(action) == PinFailed()
    assert len(made.warnings) == 1
    assert "not now" in made.warnings[0]


def test_a_pin_that_is_forgotten_leaves_no_journal(tmp_path: Path) -> None:
    made = effects_on(tmp_path, Supplicant())
    made.pin = PIN
    run_folder.write_journal("phy0", {"pin": made.pin.as_dict()}, Places(str(tmp_path)))
    made.do(Forget())
    assert made.pin is None
    assert run_folder.journals(Places(str(tmp_path))) == []


def test_what_has_to_wait_for_the_end_of_a_link_is_left_to_who_settles(tmp_path: Path) -> None:
    supplicant = Supplicant()
    made = effects_on(tmp_path, supplicant, settles=True)
    made.pin = PIN
    run_folder.write_journal("phy0", {"pin": PIN.as_dict()}, Places(str(tmp_path)))
    made.do(Unpin())
    assert supplicant.asked == ["loosen"]
    assert made.pin is None
    assert made.left == "something is left"
    assert run_folder.journals(Places(str(tmp_path))) == []
    # Another pin after that may leave nothing. What the first left is left still.
    made.pin, supplicant.linked = PIN, False
    made.do(Unpin())
    assert made.left == "something is left"


@pytest.mark.parametrize("now", [False, True])
@pytest.mark.parametrize("settles", [False, True])
def test_nothing_waits_without_such_a_link_or_if_it_is_not_to(tmp_path: Path, settles: bool, now: bool) -> None:
    supplicant = Supplicant()
    supplicant.linked = now
    made = effects_on(tmp_path, supplicant, settles=settles)
    made.pin = PIN
    run_folder.write_journal("phy0", {"pin": PIN.as_dict()}, Places(str(tmp_path)))
    made.unpin(now=now)
    assert supplicant.asked == ["loosen" if settles and not now else "unpin"]
    assert (made.left, run_folder.journals(Places(str(tmp_path)))) == ("", [])


@pytest.mark.parametrize("settles", [False, True])
@pytest.mark.parametrize(
    ("error", "pin", "journals"),
    [(TransportFailed("no space left"), PIN, ["phy0"]), (NotFound("it is gone"), None, [])],
    ids=["it stays", "it is gone with the manager"],
)
def test_a_pin_that_can_not_be_undone(
    tmp_path: Path, settles: bool, error: FleetError, pin: Optional[Pin], journals: List[str]
) -> None:
    made = effects_on(tmp_path, Supplicant(error), settles=settles)
    made.pin = PIN
    run_folder.write_journal("phy0", {"pin": PIN.as_dict()}, Places(str(tmp_path)))
    made.do(Unpin())
    assert (made.pin, made.left, run_folder.journals(Places(str(tmp_path)))) == (pin, "", journals)
    assert [error.what in warning for warning in made.warnings] == [True] * len(journals)


@pytest.mark.parametrize(
    ("action", "asked"), [(SetPin(PROFILE, BSSID, (2437,)), "unpin"), (Stay(PROFILE, BSSID), "loosen")]
)
def test_one_that_can_not_be_undone_is_not_pinned_over(tmp_path: Path, action: Action, asked: str) -> None:
    supplicant = Supplicant(TransportFailed("stuck"))
    made = effects_on(tmp_path, supplicant, settles=True)
    made.pin = PIN
    assert made.do(action) == PinFailed()
    assert (supplicant.asked, made.pin) == ([asked], PIN)
    # The next time it can.
    supplicant.linked = False
    made.do(action)
    assert supplicant.asked[1:] == [asked, f"{'pin' if asked == 'unpin' else 'stay'} 5 {BSSID}"]


# -- where CSME is ----------------------------------------------------------------------------------------------------

ON = CsmeConnection(b"corp", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
MINE = Profile(0, b"corp", frozenset({"WPA-PSK"}), True, None, (), False, 0, frozenset({"psk"}))
MOVED = replace(ON, bssid="02:00:00:00:01:01")
OTHER = replace(ON, ssid=b"branch")
PART = PartialConnection(b"corp", BSSID, None, (), "psk", "ccmp", (("channel", "No channel"),))
TIED = replace(MINE, limits=Limits(only_bssids=(BSSID,)))


@pytest.mark.parametrize(
    ("now", "last", "seen"),
    [
        (ON, ReadConnection(ON, MINE), Seen(ON, MINE)),
        (MOVED, ReadConnection(ON, MINE), Seen(MOVED, MINE)),
        # A profile that is for one access point alone.
        (MOVED, ReadConnection(ON, TIED), Seen(MOVED, None, find_obstacle((TIED,), MOVED))),
        (OTHER, ReadConnection(ON, MINE), Seen(OTHER, replace(MINE, ssid=b"branch"))),
        (ON, ReadConnection(None, None), Seen(ON, replace(MINE, id=7))),
        (None, ReadConnection(ON, MINE), Seen(None, None)),
        # A profile fits what could be read, but the host can't be pinned to it.
        (PART, ReadConnection(ON, MINE), Seen(PART, None)),
        (PART, ReadConnection(None, None), Seen(PART, None)),
    ],
)
def test_csmes_connection_is_read_anew(
    tmp_path: Path, now: Optional[Reported], last: ReadConnection, seen: Seen
) -> None:
    class Told(Supplicant):
        def profiles(self, ssid: bytes) -> Tuple[Profile, ...]:
            return (replace(MINE, ssid=ssid, id=7 if ssid == b"corp" else 0),)

    mine = Effects(RADIO, Told(), Calls(lambda: True, lambda: now), places=Places(str(tmp_path)))  # type: ignore[arg-type]
    assert mine.do(last) == seen
    partly = [
        "a part of CSME's connection can't be read again ('corp', psk, unknown channel, not readable: No channel)"
    ]
    assert mine.warnings == (partly if now == PART else [])


def test_one_that_can_not_be_read_is_a_warning_once(tmp_path: Path) -> None:
    def fail() -> Optional[CsmeConnection]:
        raise TransportFailed("no netlink")

    mine = Effects(RADIO, None, Calls(lambda: True, fail), places=Places(str(tmp_path)))
    assert mine.do(ReadConnection(ON, MINE)) == mine.do(ReadConnection(ON, MINE)) == Unread()
    assert mine.warnings == ["CSME's connection can't be read again: no netlink"]
