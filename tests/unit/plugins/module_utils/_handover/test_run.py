# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a handover over transports that say what a test tells them to."""

from __future__ import annotations

import os
import select
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import deferred, effects, run
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome, Policy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.run import Handover
from ansible_collections.vpro.fleet.plugins.module_utils._handover.trace import Report
from ansible_collections.vpro.fleet.plugins.module_utils._handover.undo import undo_journal
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.listener import Ending
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import Listener, Record, SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    ManagerGone,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import EventsLost
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address, AddressEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    NotFound,
    SupplicantRefused,
    TransportFailed,
)

BSSID = "02:00:00:00:01:00"
NETWORK = CsmeConnection(b"corp", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
SWITCH = Switch(7, "wlan", "phy0", False, True, frozenset({"not_owner"}), "phy0")
RADIO = Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", SWITCH, True, True, True, NETWORK, None)
PROFILE = Profile(5, b"corp", frozenset({"WPA-PSK"}), True, None, (), False, credentials=frozenset({"psk"}))
POLICY = Policy(
    answer_seconds=0.02,
    pauses_seconds=(0.02, 0.04),
    deadline_seconds=0.1,
    grace_seconds=0.05,
    address_seconds=(0.01, 0.02, 0.03),
    timeout_seconds=2.0,
)


class Clock:
    """Seconds that pass only while somebody waits, so that a test says the same on a machine that is slow."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def select(
        self, sources: List[Any], writable: List[Any], failing: List[Any], timeout: Optional[float]
    ) -> Tuple[List[Any], List[Any], List[Any]]:
        """Return who has something to say, as ``select.select`` does; where nobody has, the time has passed."""
        if timeout is None:
            return select.select(sources, writable, failing)
        ready = select.select(sources, writable, failing, 0)
        if not any(ready):
            self.now += timeout
        return ready


class Pipe:
    """A source of events with a real descriptor."""

    def __init__(self) -> None:
        self._readable, self._writable = os.pipe()
        self._heard: List[Any] = []
        self.supplicant_pid = os.getpid()
        self.closed = False
        self.fail: Optional[FleetError] = None

    def say(self, heard: Any) -> None:
        self._heard.append(heard)
        os.write(self._writable, b"x")

    def fileno(self) -> int:
        return self._readable

    def pid(self) -> int:
        """Of the supplicant whose monitor this is; this process, which does not end."""
        return self.supplicant_pid

    def read(self) -> Sequence[Any]:
        if self._heard:
            os.read(self._readable, len(self._heard))
        heard, self._heard = self._heard, []
        if self.fail is not None:
            error, self.fail = self.fail, None
            raise error  # pylint: disable=raising-bad-type
        return heard

    #: It has no timer.
    due: Optional[float] = None

    def expire(self) -> None:
        pass

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        os.close(self._readable)
        os.close(self._writable)


class Supplicant:
    """A supplicant that remembers what it was told."""

    interface = "wlan0"
    manager = "wpa_supplicant"

    def __init__(self) -> None:
        self.monitor: Pipe
        self.told: List[str] = []
        self.refuse_pin: Optional[FleetError] = None
        self.refuse_unpin: Optional[FleetError] = None

    def status(self) -> SupplicantStatus:
        return SupplicantStatus("INTERFACE_DISABLED")

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        return (PROFILE,)

    def pin(
        self,
        profile: Profile,
        bssid: str,
        frequencies: Sequence[int],
        record: Optional[Record] = None,
    ) -> Pin:
        pin = Pin("wlan0", profile.id, profile.ssid.hex(), bssid, tuple(frequencies), None, (), ())
        assert record is not None
        record(pin)
        if self.refuse_pin is not None:
            raise self.refuse_pin  # pylint: disable=raising-bad-type
        self.told.append("pin")
        return pin

    def stay(self, profile: Profile, bssid: str, record: Optional[Record] = None) -> Pin:
        raise NotImplementedError

    def stands(self, pin: Pin) -> bool:
        raise NotImplementedError

    def listen(self, warn: Callable[[str], None]) -> Sequence[Listener]:
        return self.monitor, Ending(self.monitor.pid())

    def loosen(self, pin: Pin) -> bool:
        raise AssertionError("who does one handover alone has nobody to undo the rest")

    def end_rest(self, pin: Pin, *, now: bool = False) -> bool:
        raise AssertionError("there is none")

    def unpin(self, pin: Pin) -> bool:
        self.told.append("unpin")
        if self.refuse_unpin is not None:
            raise self.refuse_unpin  # pylint: disable=raising-bad-type
        return True


def rfkill(
    hard: bool = False, soft: bool = False, reasons: FrozenSet[str] = frozenset(), index: int = 7
) -> RfkillEvent:
    return RfkillEvent(index, "wlan", "change", soft, hard, reasons)


GONE = rfkill()
BACK = rfkill(hard=True, reasons=frozenset({"not_owner"}))
SCAN = ScanStarted()
CONNECTED = Connected(BSSID)
LEASE = AddressEvent(True, 3, Address("192.0.2.2", 24, "inet", 0))


class Laptop:
    """The transports of a laptop. ``answers`` are called, one a request, when ownership is asked for."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.clock = Clock()
        self.supplicant = Supplicant()
        self.pipes()
        self.answers: List[Callable[[], None]] = []
        self.requests = 0
        self.addresses: Tuple[Address, ...] = ()
        #: Who runs DHCP, how often it was asked anew, and what it does then.
        self.client: Optional[Client] = Client.NETWORKD
        self.asks = 0
        self.on_ask: Callable[[], None] = lambda: None
        # The kernel replays the standing block when rfkill is opened.
        self.rfkill.say(BACK)

    def pipes(self) -> None:
        """Make all sources of events anew."""
        self.rfkill, self.monitor, self.address = Pipe(), Pipe(), Pipe()
        self.supplicant.monitor = self.monitor

    def __enter__(self) -> Laptop:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def request(self, nl: object, ifindex: int) -> None:
        assert ifindex == 3
        self.requests += 1
        if self.answers:
            self.answers.pop(0)()

    def ask(self, client: Client, interface: str) -> None:
        assert (client, interface) == (self.client, "wlan0")
        self.asks += 1
        self.on_ask()

    def connects(self) -> None:
        """Grant, connect, lease: what a good handover looks like from here."""
        self.rfkill.say(GONE)
        self.monitor.say(SCAN)
        self.monitor.say(CONNECTED)
        self.address.say(LEASE)

    def run(self, policy: Policy = POLICY, profile: Optional[Profile] = PROFILE, radio: Radio = RADIO) -> Report:
        return Handover(radio, profile, self.supplicant, policy, folder=self.folder, clock=self.clock).run()

    def journal(self) -> Optional[Dict[str, Any]]:
        return run_folder.read_journal("phy0", self.folder)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{deferred.__name__}._RETRY_SECONDS", 0.0)


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Laptop]:
    made = Laptop(str(tmp_path / "run"))
    module = run.__name__
    monkeypatch.setattr(f"{module}.Nl80211", lambda: made)
    monkeypatch.setattr(f"{module}.select", SimpleNamespace(select=made.clock.select))
    monkeypatch.setattr(f"{module}.RfkillEvents", lambda: made.rfkill)
    monkeypatch.setattr(f"{module}.AddressEvents", lambda: made.address)
    monkeypatch.setattr(f"{run.__name__}.csme.request_ownership", made.request)
    monkeypatch.setattr(f"{effects.__name__}.rtnetlink.addresses", lambda ifindex: made.addresses)
    monkeypatch.setattr(f"{effects.__name__}.dhcp.find_client", lambda interface, ifindex: made.client)
    monkeypatch.setattr(f"{module}.ask", made.ask)
    yield made
    for pipe in (made.rfkill, made.monitor, made.address):
        if not pipe.closed:
            pipe.close()


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


def test_an_address_that_stands_already_counts(laptop: Laptop) -> None:
    laptop.addresses = (LEASE.address,)

    def answer() -> None:
        laptop.rfkill.say(GONE)
        laptop.monitor.say(CONNECTED)

    laptop.answers = [answer]
    assert laptop.run().outcome is Outcome.PROTECTED


def connected(laptop: Laptop) -> Callable[[], None]:
    """Grant and connect, without an address."""
    return lambda: (laptop.rfkill.say(GONE), laptop.monitor.say(CONNECTED))[0]  # type: ignore[func-returns-value]


def test_an_address_that_does_not_come_is_asked_for(laptop: Laptop) -> None:
    laptop.answers = [connected(laptop)]
    laptop.on_ask = lambda: laptop.address.say(LEASE)
    report = laptop.run()
    assert report.outcome is Outcome.PROTECTED
    assert laptop.asks == 1
    names = [step.name for step in report.steps]
    assert names[names.index("connected") :] == ["connected", "address_asked", "address", "unpinned"]
    assert report.warnings == ()


def test_it_is_asked_for_a_few_times_only(laptop: Laptop) -> None:
    laptop.answers = [connected(laptop)]
    assert laptop.run().outcome is Outcome.CONNECTED
    assert laptop.asks == 3


def test_nobody_is_asked_where_an_address_is_there_or_nobody_runs_dhcp(laptop: Laptop) -> None:
    laptop.answers = [laptop.connects]
    assert laptop.run().outcome is Outcome.PROTECTED
    laptop.pipes()
    laptop.answers = [connected(laptop)]
    laptop.client = None
    assert laptop.run().outcome is Outcome.CONNECTED
    assert laptop.asks == 0


def test_a_client_that_can_not_be_asked_does_not_end_it(laptop: Laptop) -> None:
    def refuse() -> None:
        raise TransportFailed("it said no")

    laptop.answers = [connected(laptop)]
    laptop.on_ask = refuse
    report = laptop.run()
    assert report.outcome is Outcome.CONNECTED
    assert "it said no" in report.warnings[0]


def test_an_address_that_was_late_is_told_and_protects_nothing(laptop: Laptop) -> None:
    policy = replace(POLICY, deadline_seconds=0.005, grace_seconds=1.0)
    laptop.answers = [connected(laptop)]
    laptop.on_ask = lambda: laptop.address.say(LEASE)
    report = laptop.run(policy)
    assert report.outcome is Outcome.CONNECTED
    assert report.request_to_address_ms is not None


def test_an_address_heard_of_late_is_no_address_in_time(laptop: Laptop) -> None:
    """A process that stood still meanwhile hears of the address and of the deadline at once."""
    laptop.answers = [connected(laptop)]

    def stand_still() -> None:
        laptop.clock.now += 0.2
        laptop.address.say(LEASE)

    laptop.on_ask = stand_still
    assert laptop.run().outcome is Outcome.CONNECTED


def test_addresses_that_do_not_count(laptop: Laptop) -> None:
    def answer() -> None:
        laptop.rfkill.say(GONE)
        laptop.monitor.say(CONNECTED)
        laptop.address.say(AddressEvent(True, 4, LEASE.address))  # another interface
        laptop.address.say(AddressEvent(False, 3, LEASE.address))  # removed
        laptop.address.say(AddressEvent(True, 3, Address("fe80::1", 64, "inet6", 253)))  # link-local

    laptop.answers = [answer]
    report = laptop.run()
    assert report.outcome is Outcome.CONNECTED
    assert report.request_to_address_ms is None


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


def left_behind(laptop: Laptop) -> None:
    pin = Pin("wlan0", 5, b"corp".hex(), BSSID, (2437,), None, (), ())
    run_folder.write_journal("phy0", {"pin": pin.as_dict()}, laptop.folder)


def test_a_socket_that_is_made_anew_is_not_a_supplicant_that_is_gone(laptop: Laptop) -> None:
    left_behind(laptop)
    answers: List[Optional[FleetError]] = [NotFound("for a moment"), None]

    class Back(Supplicant):
        def unpin(self, pin: Pin) -> bool:
            error = answers.pop(0)
            if error is not None:
                raise error  # pylint: disable=raising-bad-type
            return super().unpin(pin)

    assert undo_journal("phy0", Back(), laptop.folder) is True
    assert answers == []


def test_lost_address_events_are_read_anew(laptop: Laptop) -> None:
    def overrun() -> None:
        laptop.rfkill.say(GONE)
        laptop.monitor.say(CONNECTED)
        laptop.address.fail = EventsLost("overrun")
        laptop.address.say(None)
        laptop.addresses = (LEASE.address,)

    laptop.answers = [overrun]
    assert laptop.run().outcome is Outcome.PROTECTED


def test_an_old_journal_is_undone(laptop: Laptop) -> None:
    assert undo_journal("phy0", laptop.supplicant, laptop.folder) is False
    left_behind(laptop)
    assert undo_journal("phy0", laptop.supplicant, laptop.folder) is True
    assert laptop.supplicant.told == ["unpin"]
    assert laptop.journal() is None


@pytest.mark.parametrize("supplicant", [None, "gone"])
def test_an_old_journal_without_a_supplicant_is_cleared(laptop: Laptop, supplicant: Optional[str]) -> None:
    left_behind(laptop)
    laptop.supplicant.refuse_unpin = NotFound("no supplicant")
    assert undo_journal("phy0", laptop.supplicant if supplicant else None, laptop.folder) is False
    assert laptop.journal() is None


@pytest.mark.parametrize("there", [True, False])
def test_a_pin_that_somebody_else_has_keeps_its_journal(laptop: Laptop, there: bool) -> None:
    pin = Pin("wlan0", 7, b"corp".hex(), BSSID, (2437,), None, (), (), "networkmanager")
    run_folder.write_journal("phy0", {"pin": pin.as_dict()}, laptop.folder)
    assert undo_journal("phy0", laptop.supplicant if there else None, laptop.folder) is False
    assert laptop.supplicant.told == []
    assert laptop.journal() is not None


def test_an_old_journal_that_can_not_be_undone_stays(laptop: Laptop) -> None:
    left_behind(laptop)
    laptop.supplicant.refuse_unpin = SupplicantRefused("not now")
    with pytest.raises(SupplicantRefused):
        undo_journal("phy0", laptop.supplicant, laptop.folder)
    assert laptop.journal() is not None
