# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resident loop, above its transports: which radios it watches, what it passes on, and what it tells."""

from __future__ import annotations

import gc
import json
import os
import re
import select
import signal
import socket
import struct
import tempfile
import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import jsonschema
import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import Backend
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import SupplicantGone
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio import csme
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import EventsLost
from ansible_collections.vpro.fleet.plugins.module_utils._radio.nl80211_messages import ConfigEvent, VendorEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address, AddressEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system import systemd as _systemd
from ansible_collections.vpro.fleet.plugins.module_utils._system.directories import Directories
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    FleetError,
    LibraryMissing,
    NotFound,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import command
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import command as _command
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import attachment, guarded, loop, state_file, view
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.config import Config
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.loop import Watcher
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.policy import policy_of
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import Book

NOT_OWNER = frozenset({"not_owner"})
SCHEMAS = Path(__file__).resolve().parents[5] / "plugins" / "schemas"
STATE: Dict[str, Any] = json.loads((SCHEMAS / "amt_wifi_watcher_state.schema.json").read_text(encoding="utf-8"))
EPOLL = select.epoll
NETWORK = CsmeConnection(b"corp\xff", "02:00:00:00:01:00", 6, None, (2437,), "psk", "ccmp", None, None)


def radio(number: int = 0, *, able: bool = True, blocked: bool = False) -> Radio:
    reasons = NOT_OWNER if blocked else frozenset()
    switch = Switch(7 + number, "wlan", f"phy{number}", False, blocked, reasons, f"phy{number}")
    owner = "csme" if blocked else "host"
    mac = "02:00:00:00:00:00"
    return Radio(
        f"phy{number}", f"wlan{number}", 3 + number, mac, "iwlwifi", owner, switch, able, able, True, None, None
    )


class Events:
    """A source of events with a real descriptor."""

    def __init__(self, groups: Tuple[str, ...] = ()) -> None:
        self.descriptor = os.open(os.devnull, os.O_RDONLY)
        self.heard: List[Any] = []
        self.closed = False

    #: It has no timer.
    due: Optional[float] = None

    def expire(self) -> None:
        pass

    def fileno(self) -> int:
        return self.descriptor

    def read(self) -> Tuple[Any, ...]:
        heard, self.heard = self.heard, []
        for each in heard:
            if isinstance(each, Exception):
                raise each
        return tuple(heard)

    def interfaces(self) -> Tuple[()]:
        return ()

    def close(self) -> None:
        if not self.closed:
            os.close(self.descriptor)
        self.closed = True


class Machine:
    """A machine whose radios a test chooses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.radios: Tuple[Radio, ...] = (radio(),)
        self.trouble: Optional[FleetError] = None
        self.connection: Optional[CsmeConnection] = None
        self.log = Book()
        self.config = folder / "config.json"
        self.watchers: List[Watcher] = []

    def watcher(self, config: Config = Config()) -> Watcher:  # noqa: B008
        made = Watcher("1.2.3", config, str(self.config), self.log, str(self.folder / "run"))  # type: ignore[arg-type]
        made._rfkill = Events()  # type: ignore[assignment]
        made._addresses = Events()  # type: ignore[assignment]
        made._reopen()
        self.watchers.append(made)
        return made

    def read(self, nl: object) -> Tuple[Tuple[Radio, ...], Tuple[()]]:
        if self.trouble is not None:
            raise self.trouble
        return self.radios, ()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine(tmp_path)
    module = loop.__name__

    class Pollless:
        """The kernel's epoll refuses a file; nothing is waited for here."""

        def register(self, descriptor: int, mask: int) -> None:
            pass

        def unregister(self, descriptor: int) -> None:
            pass

    def no_supplicant(interface: str, ifindex: int) -> Backend:
        raise NotFound("none")

    monkeypatch.setattr(f"{module}.Nl80211", Events)
    monkeypatch.setattr(f"{module}.Nl80211Events", Events)
    monkeypatch.setattr(f"{module}.select.epoll", Pollless)
    monkeypatch.setattr(f"{module}.read_radios", made.read)
    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", no_supplicant)
    monkeypatch.setattr(f"{view.__name__}.csme.connection", lambda nl, ifindex: made.connection)
    yield made
    for watcher in made.watchers:
        for source in (watcher._nl, watcher._events, watcher._rfkill, watcher._addresses):
            if source is not None:
                source.close()


def names(watcher: Watcher) -> List[str]:
    return sorted(watcher._radios)


def vendor(forbidden: int, **changed: Any) -> VendorEvent:
    data = struct.pack("=HHB3x", 5, csme.ATTR_ROAMING_FORBIDDEN, forbidden)
    return replace(VendorEvent(csme.INTEL_OUI, csme.ROAMING_FORBIDDEN_EVENT, 0, 3, None, data), **changed)


def document(watcher: Watcher) -> Dict[str, Any]:
    told = state_file.document(watcher._version, watcher._radios.values())
    jsonschema.Draft202012Validator(STATE).validate(told)
    return told


def test_the_radios_that_csme_can_own_are_watched(machine: Machine) -> None:
    machine.radios = (radio(0), radio(1, able=False), radio(2))
    assert names(machine.watcher()) == ["wlan0", "wlan2"]
    assert names(machine.watcher(Config(interfaces=("wlan2", "wlan9")))) == ["wlan2"]
    machine.radios = ()
    watcher = machine.watcher()
    assert document(watcher)["state"] == "no_radio"
    assert watcher._status() == "No radio that CSME can own"


def test_radios_come_and_go(machine: Machine) -> None:
    watcher = machine.watcher()
    machine.radios = (radio(0), radio(1))
    watcher._scan()
    assert names(watcher) == ["wlan0", "wlan1"]
    first = watcher._radios["wlan0"]
    # The driver was loaded anew: the same name, another radio.
    machine.radios = (replace(radio(0), phy="phy9"),)
    watcher._scan()
    assert names(watcher) == ["wlan0"]
    assert watcher._radios["wlan0"] is not first
    machine.trouble = TransportFailed("for a moment")
    watcher._scan()
    assert names(watcher) == ["wlan0"], "what can't be read for a moment is not gone"
    machine.trouble = NotFound("no nl80211")
    watcher._scan()
    assert names(watcher) == []


def test_a_switch_that_comes_or_goes_is_looked_after(machine: Machine) -> None:
    watcher = machine.watcher()
    events = watcher._events
    machine.radios = ()
    watcher._rfkill.heard = [RfkillEvent(7, "wlan", "del", False, False, None)]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert names(watcher) == []
    assert watcher._events is events, "nl80211 is the same"
    # All of nl80211 came anew: the sockets of before hear nothing.

    def old_family() -> Tuple[()]:
        raise NotFound("old family")

    watcher._nl.interfaces = old_family  # type: ignore[union-attr,method-assign]
    machine.radios = (radio(4),)
    watcher._rfkill.heard = [RfkillEvent(11, "wlan", "add", False, False, None)]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan4"]
    assert watcher._events is not events
    # Bluetooth is none of its business.
    watcher._rfkill.heard = [RfkillEvent(20, "bluetooth", "add", False, False, None)]  # type: ignore[attr-defined]
    machine.radios = ()
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan4"]


def test_a_radio_whose_driver_learns_of_csme_later_is_found_by_its_block(machine: Machine) -> None:
    machine.radios = (radio(0, able=False),)
    watcher = machine.watcher()
    machine.radios, machine.connection = (radio(0, blocked=True),), NETWORK
    watcher._rfkill.heard = [RfkillEvent(7, "wlan", "change", False, True, NOT_OWNER)]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan0"]


def test_csmes_word_on_roaming_reaches_its_radio(machine: Machine) -> None:
    machine.radios = (radio(0), radio(1))
    watcher = machine.watcher()
    assert watcher._events is not None
    events = watcher._events
    events.heard = [  # type: ignore[attr-defined]
        vendor(1),
        vendor(1, ifindex=4, data=b"\x01"),
        vendor(1, vendor_id=1, ifindex=4),
        vendor(1, subcmd=1, ifindex=4),
    ]
    watcher._heard_events()
    forbidden = {name: watched._machine.state.forbidden for name, watched in watcher._radios.items()}
    assert forbidden == {"wlan0": True, "wlan1": False}
    assert "malformed" in machine.log.text
    events.heard = [vendor(0)]  # type: ignore[attr-defined]
    watcher._heard_events()
    assert not watcher._radios["wlan0"]._machine.state.forbidden


def test_after_an_overrun_everything_is_read_anew(machine: Machine) -> None:
    watcher = machine.watcher()
    machine.radios = (radio(0), radio(1))
    assert watcher._events is not None
    watcher._events.heard = [EventsLost("overrun")]  # type: ignore[attr-defined]
    watcher._heard_events()
    assert names(watcher) == ["wlan0", "wlan1"]


def test_listing_radios_waits_for_a_handover(machine: Machine) -> None:
    watcher = machine.watcher()
    assert watcher._events is not None
    watcher._events.heard = [ConfigEvent(7, "new_interface", 0, None)]  # type: ignore[attr-defined]
    watcher._heard_events()
    assert not watcher._scan_wanted, "a device without a network interface"
    watcher._events.heard = [ConfigEvent(7, "new_interface", 0, 9)]  # type: ignore[attr-defined]
    watcher._heard_events()
    assert watcher._scan_wanted


def test_what_was_read_is_let_go_of_once_no_handover_waits_for_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = machine.watcher()
    monkeypatch.setattr(watcher._epoll, "poll", lambda timeout: [], raising=False)
    watched = watcher._radios["wlan0"]

    class Message:
        """As pyroute2's: it refers to itself."""

        def __init__(self) -> None:
            self.me = self

    gc.disable()  # Python's own collector might come before
    try:
        read = weakref.ref(Message())
        with monkeypatch.context() as patch:
            patch.setattr(type(watched), "state", property(lambda self: "handover"))
            watcher._wait(None)
            assert read() is not None
        watcher._wait(None)
        assert read() is None
    finally:
        gc.enable()


def test_a_bad_configuration_is_refused_and_the_old_one_stays(machine: Machine) -> None:
    machine.radios = (radio(0), radio(1))
    watcher = machine.watcher()
    machine.config.write_text('{"idle": "maybe"}')
    watcher._reload()
    assert "idle" in machine.log.text
    assert names(watcher) == ["wlan0", "wlan1"]
    machine.config.write_text('{"interfaces": ["wlan1"], "idle": "leave", "log_level": "warning"}')
    watcher._reload()
    assert names(watcher) == ["wlan1"]
    assert watcher._radios["wlan1"].policy.take_idle is False
    assert machine.log.level == "warning"


def test_the_choices_of_a_configuration() -> None:
    policy = policy_of(Config(idle="leave", no_credentials="take", stay_at_access_point=False))
    assert (policy.take_idle, policy.handover.require_credentials, policy.handover.stay) == (False, False, False)
    policy = policy_of(Config())
    assert (policy.take_idle, policy.handover.require_credentials, policy.handover.stay) == (True, True, True)


def test_the_state_that_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = machine.folder / "state.json"
    monkeypatch.setattr(command, "STATE_PATH", str(path))
    monkeypatch.setattr(f"{loop.__name__}.write_state", lambda told: state_file.write_state(told, str(path)))
    assert command.main(["status"]) == 1
    assert "does not run" in capsys.readouterr().err
    machine.radios, machine.connection = (radio(0, blocked=True), radio(1)), NETWORK
    watcher = machine.watcher()
    told = document(watcher)
    assert (told["state"], told["last_handover"]) == ("left", None)
    assert told["radios"][0]["wanted"] == {"ssid": "corp\\xff", "ssid_hex": NETWORK.ssid.hex(), "auth": "psk"}
    watcher._report()
    assert json.loads(path.read_text()) == told
    assert command.main(["status"]) == 0
    shown = capsys.readouterr().out
    assert "wlan0 (phy0): CSME keeps the radio" in shown
    assert "a profile for 'corp\\\\xff' (psk)" in shown
    # Unchanged, it is not written again.
    path.unlink()
    watcher._report()
    assert not path.exists()


def test_signals(machine: Machine) -> None:
    watcher = machine.watcher()
    readable, writable = os.pipe()
    watcher._directories = Directories([])
    os.write(writable, bytes([signal.SIGIO, signal.SIGHUP]))
    watcher._heard_signals(readable)
    assert not watcher._stopping
    assert "read anew" in machine.log.text
    os.write(writable, bytes([signal.SIGTERM]))
    watcher._heard_signals(readable)
    assert watcher._stopping
    os.close(readable)
    os.close(writable)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    assert command.main(["check-config", str(config)]) == 0
    config.write_text('{"idle": 1}')
    assert command.main(["check-config", str(config)]) == 1
    assert "idle has to be one of" in capsys.readouterr().err
    assert command.main(["check-config", str(tmp_path / "confg.json")]) == 1
    told = capsys.readouterr()
    assert (told.out, "there is no such file" in told.err) == ("", True)
    monkeypatch.setattr(f"{command.__name__}.PATH", str(tmp_path / "none.json"))
    assert command.main(["check-config"]) == 0
    assert "none.json: not there, so the defaults hold" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main([])
    ran: List[str] = []
    monkeypatch.setattr(f"{_command.__name__}.watch", ran.append)
    assert command.main(["run"]) == 0
    assert ran == ["unknown"]


@pytest.mark.parametrize(
    ("error", "pauses"),
    [(LibraryMissing("pyroute2 is missing"), [command.LIBRARY_PAUSE_SECONDS]), (TransportFailed("closed"), [])],
)
def test_only_a_service_without_its_library_is_not_started_again_at_once(
    error: FleetError, pauses: List[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def watch(version: str) -> None:
        raise error

    slept: List[float] = []
    monkeypatch.setattr(f"{_command.__name__}.watch", watch)
    monkeypatch.setattr(f"{command.__name__}.time.sleep", slept.append)
    assert command.main(["run"]) == 1
    assert slept == pauses
    assert str(error) in capsys.readouterr().err


def test_the_service_waits_for_its_library_less_than_systemd_waits_for_the_service() -> None:
    unit = Path(__file__).resolve().parents[5] / "roles" / "watcher" / "files" / "amt-wifi-watcher.service"
    bound = re.search(r"^TimeoutStartSec=(\d+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    assert bound is not None
    assert int(bound.group(1)) > command.LIBRARY_PAUSE_SECONDS


def test_a_bad_configuration_at_the_start_is_told_and_the_defaults_hold(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: List[Config] = []

    class Started:
        def __init__(self, version: str, config: Config, path: str, log: object) -> None:
            started.append(config)

        def run(self) -> None:
            pass

    monkeypatch.setattr(loop, "Watcher", Started)
    monkeypatch.setattr(f"{_systemd.__name__}._JOURNAL", "/none")
    machine.config.write_text('{"idle": "maybe"}')
    _command.watch("1", str(machine.config))
    assert started == [Config()]
    assert "idle" in capsys.readouterr().err
    machine.config.write_text('{"idle": "leave"}')
    _command.watch("1", str(machine.config))
    assert started[1].idle == "leave"


# -- the life of the service ------------------------------------------------------------------------------------------


class Told(Events):
    """A source whose descriptor is readable while there is something to read."""

    def __init__(self, groups: Tuple[str, ...] = ()) -> None:
        super().__init__(groups)
        os.close(self.descriptor)
        self.descriptor, self._end = os.pipe()

    def tell(self, *events: Any) -> None:
        self.heard += events
        os.write(self._end, b"x")

    def read(self) -> Tuple[Any, ...]:
        if self.heard:
            os.read(self.descriptor, 1)
        return super().read()

    def close(self) -> None:
        if not self.closed:
            os.close(self._end)
        super().close()


class Service:
    """The whole service, with everything that it waits for, and what it tells systemd."""

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rfkill, self.addresses = Told(), Told()
        self.watched_folder = machine.folder / "watched"
        self.watched_folder.mkdir()
        monkeypatch.setattr(f"{loop.__name__}.select.epoll", EPOLL)
        monkeypatch.setattr(loop, "RfkillEvents", lambda: self.rfkill)
        monkeypatch.setattr(loop, "AddressEvents", lambda: self.addresses)
        monkeypatch.setattr(loop, "Nl80211Events", Told)
        monkeypatch.setattr(loop, "_DIRECTORIES", (str(self.watched_folder),))
        monkeypatch.setattr(loop, "write_state", lambda document: None)
        monkeypatch.setattr(loop, "undo_journals", self.undo)
        self.left: List[str] = []
        self.undo_error: Optional[FleetError] = None
        self.watcher = Watcher("1.2.3", Config(), str(machine.config), machine.log, str(machine.folder / "run"))  # type: ignore[arg-type]
        machine.watchers.append(self.watcher)

    def undo(self, supplicant_of: object, folder: str) -> List[str]:
        if self.undo_error is not None:
            raise self.undo_error
        return self.left

    def run(self, *steps: Callable[[], object]) -> None:
        """Run it until it is ready, each step is done, and SIGTERM ends it."""

        def go() -> None:
            try:
                until(lambda: self.watcher._written is not None)
                for step in steps:
                    step()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=go)
        thread.start()
        try:
            self.watcher.run()
        finally:
            thread.join()


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def service(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO)
    handlers = {number: signal.getsignal(number) for number in numbers}
    made = Service(machine, monkeypatch)
    yield made
    wake = signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    gc.unfreeze()
    if wake >= 0:
        os.close(wake)


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], List[str]]]:
    """What systemd was told so far."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"{folder}/notify")
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)

        def heard() -> List[str]:
            told: List[str] = []
            while True:
                try:
                    told.append(sock.recv(4096).decode())
                except BlockingIOError:
                    return told

        yield heard


def test_the_service_from_its_start_to_its_end(
    machine: Machine, service: Service, systemd: Callable[[], List[str]]
) -> None:
    service.left = ["phy9"]
    told: List[str] = []

    def sign_of_life() -> bool:
        told.extend(systemd())
        return "WATCHDOG=1" in told

    service.run(lambda: until(sign_of_life))
    told += systemd()
    assert told[0] == "STATUS=wlan0: watching"
    assert told[1] == "READY=1\nSTATUS=wlan0: watching"
    assert told[-1] == "STOPPING=1"
    assert ("warning", "a pin that was left on phy9 is undone") in machine.log.lines


def test_the_service_starts_although_a_pin_can_not_be_undone(machine: Machine, service: Service) -> None:
    service.undo_error = TransportFailed("the supplicant does not answer")
    service.run()
    assert names(service.watcher) == ["wlan0"]
    assert [level for level, line in machine.log.lines if "can't be undone" in line] == ["error"]


def test_the_service_answers_what_it_waits_for(
    machine: Machine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: List[str] = []

    def no_supplicant(interface: str, ifindex: int) -> Backend:
        looked.append(interface)
        raise NotFound("none")

    monkeypatch.setattr(attachment, "backend_from_within", no_supplicant)

    def radio_comes() -> None:
        assert looked == ["wlan0"]
        machine.radios = (radio(0), radio(1))
        service.rfkill.tell(RfkillEvent(8, "wlan", "add", False, False, frozenset()))
        until(lambda: looked == ["wlan0", "wlan1"])

    def supplicant_may_have_come() -> None:
        (service.watched_folder / "wlan0").touch()
        until(lambda: looked[2:4] == ["wlan0", "wlan1"])

    service.run(radio_comes, supplicant_may_have_come)
    assert names(service.watcher) == ["wlan0", "wlan1"]
    assert len(looked) >= 4


@pytest.mark.parametrize(
    ("due", "beat", "timeout"),
    [
        ([], None, None),
        ([], 7.0, 7.0),
        ([3.0], None, 3.0),
        ([3.0, 5.0], 7.0, 3.0),
        ([9.0], 7.0, 7.0),
        ([-5.0], 7.0, 0.0),
    ],
)
def test_it_sleeps_until_the_next_timer_or_sign_of_life(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, due: List[float], beat: Optional[float], timeout: Optional[float]
) -> None:
    machine.radios = tuple(radio(number) for number in range(len(due)))
    watcher = machine.watcher()
    waits: List[Optional[float]] = []

    def poll(timeout: Optional[float]) -> List[Tuple[int, int]]:
        waits.append(timeout)
        return []

    monkeypatch.setattr(watcher._epoll, "poll", poll, raising=False)
    monkeypatch.setattr(f"{loop.__name__}.time.monotonic", lambda: 100.0)
    dues = {f"wlan{number}": 100.0 + seconds for number, seconds in enumerate(due)}
    monkeypatch.setattr(guarded.Watched, "due", property(lambda watched: dues[watched.interface]))
    watcher._wait(beat)
    assert waits == [None if timeout is None else pytest.approx(timeout + 0.001)]


def test_what_an_earlier_answer_closed_is_not_answered(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = machine.watcher()
    answered: List[int] = []

    def first() -> None:
        answered.append(71)
        watcher._ignore(72)

    watcher._listen(71, first)
    watcher._listen(72, lambda: answered.append(72))
    monkeypatch.setattr(watcher._epoll, "poll", lambda timeout: [(71, 1), (72, 1)], raising=False)
    watcher._wait(None)
    assert answered == [71]


def test_a_listing_that_is_wanted_is_made_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = machine.watcher()
    monkeypatch.setattr(watcher._epoll, "poll", lambda timeout: [], raising=False)
    machine.radios = (radio(0), radio(1))
    watcher._wait(None)
    assert names(watcher) == ["wlan0"]
    watcher._scan_wanted = True
    watcher._wait(None)
    assert names(watcher) == ["wlan0", "wlan1"]
    assert not watcher._scan_wanted


def test_a_kernel_that_has_no_wireless_yet(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(groups: object) -> Events:
        raise NotFound("no nl80211")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "Nl80211Events", none)
        watcher = machine.watcher()
    assert names(watcher) == []
    assert "no wireless yet" in machine.log.text
    watcher._rfkill.heard = [RfkillEvent(7, "wlan", "add", False, False, frozenset())]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan0"]


def test_addresses_reach_their_radio(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.radios = (radio(0), radio(1))
    watcher = machine.watcher()
    fed: List[str] = []
    read: List[str] = []
    monkeypatch.setattr(guarded.Watched, "feed", lambda self, event: fed.append(f"{self.interface} {event}"))
    monkeypatch.setattr(guarded.Watched, "read_address", lambda self: read.append(self.interface))
    routable = AddressEvent(True, 4, Address("192.0.2.7", 24, "inet", 0))
    watcher._addresses.heard = [  # type: ignore[attr-defined]
        replace(routable, ifindex=9),
        replace(routable, added=False),
        replace(routable, address=Address("fe80::1", 64, "inet6", 253)),
        routable,
    ]
    watcher._heard_addresses()
    assert fed == ["wlan1 AddressArrived()"]
    assert read == []
    watcher._addresses.heard = [EventsLost("overrun")]  # type: ignore[attr-defined]
    watcher._heard_addresses()
    assert read == ["wlan0", "wlan1"]


class Supplicant:
    """A backend whose events are what a test says."""

    manager = "wpa_supplicant"

    def __init__(self) -> None:
        self.source = Events()

    def listen(self, warn: Callable[[str], None]) -> Sequence[Events]:
        return (self.source,)

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        return ()


def test_a_supplicant_that_ends_is_looked_for_anew(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    backends = [Supplicant(), Supplicant()]
    waiting = list(backends)

    def next_backend(interface: str, ifindex: int) -> Supplicant:
        if not waiting:
            raise NotFound("none")
        return waiting.pop(0)

    monkeypatch.setattr(attachment, "backend_from_within", next_backend)
    watcher = machine.watcher()
    watched = watcher._radios["wlan0"]
    assert document(watcher)["radios"][0]["supplicant"] is True
    first, second = (backend.source for backend in backends)
    assert watched.attachment.sources == (first,)
    first.heard = [SupplicantGone()]
    watcher._handlers[first.fileno()]()
    assert watched.attachment.sources == (second,)
    assert first.closed
    second.heard = [TransportFailed("it hung up")]
    watcher._handlers[second.fileno()]()
    assert not watched.attachment.sources
    assert second.fileno() not in watcher._handlers
    assert document(watcher)["radios"][0]["supplicant"] is False


def test_a_state_that_can_not_be_written_is_told_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(document: object) -> None:
        raise TransportFailed("no space")

    monkeypatch.setattr(loop, "write_state", fails)
    watcher = machine.watcher()
    watcher._report()
    watcher._report()
    assert [level for level, line in machine.log.lines if "no space" in line] == ["warning"]
