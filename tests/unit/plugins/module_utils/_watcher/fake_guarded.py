# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop with one radio that is guarded, over a supplicant's control socket.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import GuardPolicy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import AddressArrived, RoamingAllowed
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.listener import Listener
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Connected, Event, ScanStarted
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection, Reported
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.guarded import Watched
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeNetwork, FakeSupplicant

NOT_OWNER = frozenset({"not_owner"})
BSSID = "02:00:00:00:01:00"
NETWORK = CsmeConnection(b"corp", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
BLOCKED = Switch(7, "wlan", "phy0", False, True, NOT_OWNER, "phy0")
FREE = Switch(7, "wlan", "phy0", False, False, frozenset(), "phy0")


def radio(switch: Switch = BLOCKED) -> Radio:
    return Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", switch, True, True, True, None, None)


def network(ssid: str) -> FakeNetwork:
    variables = {"ssid": f'"{ssid}"', "key_mgmt": "WPA-PSK", "psk": '"a passphrase"'}
    return FakeNetwork(variables, disabled=False)


#: What the supplicant answers to who listens to it. All else it answers by itself.
QUIET = {"ATTACH": "OK\n", "DETACH": "OK\n", "PING": "PONG\n"}.get


class Book:
    """A log that a test can read."""

    level = "debug"

    def __init__(self) -> None:
        self.lines: List[Tuple[str, str]] = []
        self.fields: List[Dict[str, Any]] = []

    def write(self, level: str, message: str, **fields: object) -> None:
        self.lines.append((level, message))
        self.fields.append(fields)

    @property
    def text(self) -> str:
        return "\n".join(message for _level, message in self.lines)


class Laptop:
    """A laptop whose CSME owns the radio, and a supplicant that has a profile for its network."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(str(folder))
        os.makedirs(self.places.holds)
        self.path = str(folder / "wlan0")
        self.supplicant = FakeSupplicant(folder / "wlan0")
        self.supplicant.start()
        self.supplicant.state = "INTERFACE_DISABLED"
        self.supplicant.networks = {number: network(name) for number, name in enumerate(("home", "corp", "hotel"))}
        self.supplicant.hook = QUIET
        self.connection: Optional[Reported] = NETWORK
        self.mac = "02:00:00:00:00:00"
        self.requests = 0
        self.addresses: Tuple[Address, ...] = ()
        self.client: Optional[Client] = None
        self.log = Book()
        self.before = copy.deepcopy(self.supplicant.networks)
        self.now = 100.0
        self.made: List[Watched] = []

    def watched(self, switch: Switch = BLOCKED, policy: Optional[GuardPolicy] = None) -> Watched:
        watched = Watched(
            radio(switch),
            None,  # type: ignore[arg-type]
            policy or GuardPolicy(),
            self.log,  # type: ignore[arg-type]
            places=self.places,
            clock=lambda: self.now,
        )
        self.made.append(watched)
        return watched

    def request(self, nl: object, ifindex: int) -> bool:
        assert ifindex == 3
        self.requests += 1
        return False

    @property
    def as_before(self) -> bool:
        """Whether the supplicant's networks are what they were, and no journal is left."""
        return self.supplicant.networks == self.before and run_folder.journals(self.places) == []


def refuse_once(laptop: Laptop, watched: Watched) -> None:
    """Let CSME keep the radio until the first request's time is over, and the pause before the next one, too."""
    for seconds in (1.0, 0.5):  # ``Policy.answer_seconds`` and the first of ``Policy.pauses_seconds``
        laptop.now += seconds
        watched.expire()


def rfkill(hard: bool, soft: bool = False, index: int = 7) -> RfkillEvent:
    return RfkillEvent(index, "wlan", "change", soft, hard, NOT_OWNER if hard else frozenset())


def hand_over(watched: Watched) -> None:
    """What follows a request: the grant, and a connection."""
    watched.heard_rfkill(rfkill(False))
    for source in watched.attachment.sources:
        if isinstance(source, Listener):  # it hears of the scan itself, and does what is due
            source._follow(ScanStarted())
    for event in (ScanStarted(), Connected(BSSID), AddressArrived()):
        watched.feed(event)


class LateWidening:
    """A handover to a network by SAE whose frequencies were not given back in time, and which then is over."""

    def __init__(self, laptop: Laptop, *, over: bool = True) -> None:
        self.laptop = laptop
        self.network = laptop.supplicant.network(b"corp")
        self.network.variables["key_mgmt"] = "SAE"
        laptop.before = copy.deepcopy(laptop.supplicant.networks)
        laptop.connection = replace(NETWORK, auth="sae")
        self.watched = laptop.watched()
        self.watched.attach()
        self.watched.look()
        self.connect()
        self.watched.heard_rfkill(rfkill(False))
        for event in (Connected(BSSID), AddressArrived()):
            self.watched.feed(event)
        if over:
            self.watched.feed(RoamingAllowed())

    def connect(self) -> None:
        self.laptop.supplicant.connect(b"corp")
        status = f"wpa_state=COMPLETED\nbssid={BSSID}\nssid=corp\nid=1\nkey_mgmt=SAE\n"
        self.laptop.supplicant.hook = lambda request: status if request == "STATUS" else QUIET(request)

    def lose(self) -> None:
        self.laptop.supplicant.state = "DISCONNECTED"
        self.laptop.supplicant.current = None
        self.laptop.supplicant.hook = QUIET

    def refuse(self) -> None:
        """Have no link, and a supplicant that takes no other value."""
        self.lose()
        self.laptop.supplicant.hook = lambda request: "FAIL\n" if request.startswith("SET_NETWORK") else QUIET(request)

    def heard(self, event: Event) -> None:
        self.watched._heard_one(event)


class Manager(WpaSupplicant):
    """A backend that calls itself NetworkManager, over the same supplicant; its events are what a test says."""

    manager = "networkmanager"

    def listen(self, warn: Callable[[str], None]) -> Sequence[Any]:
        self.warn = warn
        self.heard = Heard()
        return (self.heard,)


class Heard:
    """A source of events."""

    def __init__(self) -> None:
        self.events: List[Event] = []
        self.error: Optional[FleetError] = None
        self.closed = False

    #: It has no timer.
    due: Optional[float] = None

    def expire(self) -> None:
        pass

    def fileno(self) -> int:
        return -1

    def read(self) -> List[Event]:
        if self.error is not None:
            raise self.error
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        self.closed = True
