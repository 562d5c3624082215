# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transports of a laptop, which say what a test tells them to, and a handover over them.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import os
import select
from dataclasses import replace
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.run import Handover
from ansible_collections.vpro.fleet.plugins.module_utils._handover.trace import Report
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.listener import Ending
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import Listener, Record, SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Connected, ScanStarted
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address, AddressEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places

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
        return SupplicantStatus()

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

    def loosen(self, pin: Pin) -> str:
        raise AssertionError("who does one handover alone has nobody to undo the rest")

    def ask_for_address(self) -> bool:
        return False

    def may_test_addresses(self) -> bool:
        return False

    def settle(self, *, now: bool = False) -> bool:
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

    def __init__(self, root: str) -> None:
        self.places = Places(root)
        self.clock = Clock()
        self.supplicant = Supplicant()
        self.pipes()
        self.answers: List[Callable[[], None]] = []
        self.requests = 0
        self.addresses: Tuple[Address, ...] = ()
        self.mac = "02:00:00:00:00:00"
        self.doubt: Optional[Obstacle] = None
        #: What the driver says of CSME's connection when it is asked again.
        self.connection: Optional[CsmeConnection] = NETWORK
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

    def request(self, nl: object, ifindex: int) -> bool:
        assert ifindex == 3
        self.requests += 1
        if self.answers:
            self.answers.pop(0)()
            return True
        return False

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
        profile = None if profile is None else replace(profile, doubt=self.doubt)
        return Handover(radio, profile, self.supplicant, policy, places=self.places, clock=self.clock).run()

    def journal(self) -> Optional[Dict[str, Any]]:
        return run_folder.read_journal("phy0", self.places)


def connected(laptop: Laptop) -> Callable[[], None]:
    """Grant and connect, without an address."""
    return lambda: (laptop.rfkill.say(GONE), laptop.monitor.say(CONNECTED))[0]  # type: ignore[func-returns-value]
