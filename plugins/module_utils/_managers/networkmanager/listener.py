# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hearing NetworkManager and the wpa_supplicant below it, and carrying a pin out when the block lifts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from ..._network import events
from ..._network.events import Connected, Disconnected, Event, ManagerGone, ScanStarted
from ..._network.pin import Pin
from ..._system.dbus import PROPERTIES, SystemBus
from ..._system.dbus_values import Signal
from ..._system.errors import AccessDenied, FleetError, NotFound, SupplicantRefused
from . import joining
from .client import NetworkManager
from .joining import (
    AbortScan,
    Activate,
    DeviceState,
    Heard,
    InterfaceState,
    Joined,
    Joining,
    KeepTo,
    NetworkAdded,
    NothingFound,
    NothingToEnd,
    Reassociate,
    Refused,
    Scanning,
    SeeWhatCame,
    SetTimer,
    TooLong,
)
from .names import NM, NM_DEVICE, NM_SETTINGS, UNMANAGED, WPA, WPA_INTERFACE, WPA_PATH
from .supplicant import Supplicant

#: The supplicant's states in which a link that stands goes on: it renews its keys in the second and third.
_CONNECTED = frozenset({"completed", "4way_handshake", "group_handshake"})
#: Those in which it waits for what a scan finds. It goes on to another before it answers any question about a scan that
#: found something: what it found is joined in the same step, and its answers come after (eloop_run of its eloop.c).
_WAITING = frozenset({"scanning", "disconnected"})
#: What NetworkManager's words about its profiles mean. It says "Updated" whenever it took up or dropped secrets, too:
#: with each activation and its end.
_PROFILES: Dict[str, Event] = {
    "NewConnection": events.ProfilesChanged(),
    "ConnectionRemoved": events.ProfilesChanged(),
    "Updated": events.ProfileTouched(),
}


@dataclass(frozen=True)
class Armed:
    """A pin that is to be carried out: the path of the profile, the pin, and whether the network is joined by EAP."""

    profile: str
    pin: Pin
    eap: bool


class Listener:
    """Hears NetworkManager and the supplicant below it, and does what ``joining`` says.

    What it does is begun, and never waited for: what follows is heard.

    Args:
        interface: the interface's name.
        armed: returns the pin that is to be carried out; None: none.
        bus: the system's bus, for it alone.
        warn: told what was refused.
        unmanaged: NetworkManager may leave the interface alone yet.
        clock: seconds that only grow.

    Raises:
        NotFound: NetworkManager does not run, or does not manage the interface.
        AccessDenied, TimedOut, TransportFailed, DecodeFailed: it can't be reached.
    """

    def __init__(
        self,
        interface: str,
        armed: Callable[[], Optional[Armed]],
        bus: SystemBus,
        warn: Callable[[str], None],
        *,
        unmanaged: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._due: Optional[float] = None
        self._name = interface
        self._armed = armed
        self._bus = bus
        self._warn = warn
        self._networkmanager = NetworkManager(bus)
        self._supplicant = Supplicant(bus)
        #: How far the pin came that is carried out, and which pin that is.
        self._joining: Optional[Joining] = None
        self._carried: Optional[Armed] = None
        self._interface: Optional[str] = None
        self._linked = False
        #: NetworkManager ended, or let go of the interface: a path of before may be another object's by now.
        self._gone = False
        try:
            bus.watch(NM)
            bus.watch(WPA)
            self._device = self._networkmanager.device(interface, unmanaged=unmanaged).path
            # No more than what is understood: each access point in reach has signals of its own.
            bus.subscribe(NM, path=self._device, interface=NM_DEVICE, member="StateChanged")
            bus.subscribe(NM, interface=NM_SETTINGS)
            bus.subscribe(NM, interface=f"{NM_SETTINGS}.Connection", member="Updated")
            bus.subscribe(WPA, interface=WPA)
            bus.subscribe(WPA, interface=PROPERTIES, member="PropertiesChanged", arg0=WPA_INTERFACE)
            bus.subscribe(WPA, interface=WPA_INTERFACE, member="NetworkAdded")
            self._find_interface()
        except FleetError:
            bus.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._bus.fileno()

    def close(self) -> None:
        """Listen no more."""
        self._bus.close()

    def read(self) -> Tuple[Event, ...]:
        """Return what has happened, without waiting; carry the pin out meanwhile.

        Raises:
            TransportFailed, DecodeFailed: the bus.
        """
        found: List[Event] = []
        # A question to the supplicant takes time, in which more comes.
        while True:
            signals = self._bus.read()
            failures = self._bus.failures()
            if not signals and not failures:
                return tuple(found)
            for member, error in failures:
                self._failed(member, error)
            for signal in signals:
                for heard in self._heard(signal, found):
                    self._follow(heard)

    @property
    def due(self) -> Optional[float]:
        """When ``expire`` has to be called, by the clock; None: it need not be."""
        return self._due

    def expire(self) -> None:
        """End a scan that has taken too long.

        Raises:
            TransportFailed: the bus.
        """
        if self._due is not None and self._due <= self._clock():
            self._due = None
            self._follow(TooLong())

    # -- what is heard ------------------------------------------------------------------------------------------------

    def _heard(self, signal: Signal, found: List[Event]) -> Iterable[Heard]:
        """Yield what a signal means to the joining; what it means to a handover goes to *found*."""
        if signal.member == "NameOwnerChanged":
            self._ended(signal, found)
        elif signal.path == self._device and (signal.interface, signal.member) == (NM_DEVICE, "StateChanged"):
            if signal.body[0] <= UNMANAGED:
                self._gone = True
                found.append(ManagerGone())
            yield DeviceState(signal.body[0])
        elif signal.member in _PROFILES and signal.interface.startswith(NM_SETTINGS):
            found.append(_PROFILES[signal.member])
        elif signal.path == WPA_PATH and signal.member == "InterfaceAdded":
            path, properties = signal.body
            if properties.get("Ifname") == self._name:
                self._interface = path
        elif signal.path == WPA_PATH and signal.member == "InterfaceRemoved" and signal.body[0] == self._interface:
            self._interface = None
            yield from self._came_to("interface_disabled", found)
        elif self._interface is not None and signal.path == self._interface:
            if signal.member == "NetworkAdded":
                yield from self._added(signal.body[0])
            elif signal.interface == PROPERTIES and signal.body[0] == WPA_INTERFACE:
                yield from self._changed(signal.body[1], found)

    def _ended(self, signal: Signal, found: List[Event]) -> None:
        """Tell of an end. The pin is the supplicant's: it outlives NetworkManager, and is undone without it."""
        if signal.body[2]:
            return
        if signal.body[0] == WPA:
            self._interface = None
            found.append(events.SupplicantGone())
        else:
            if self._armed() is not None:
                self._warn("NetworkManager ended in the middle of the handover")
            self._gone = True
            found.append(ManagerGone())

    def _added(self, path: str) -> Iterable[Heard]:
        """Yield a network. The signal comes before what it carries is set, so that is asked for."""
        try:
            ssid = self._supplicant.network(path).ssid
        except FleetError as error:
            self._warn(f"a network that NetworkManager added can't be read: {error}")
            return
        if ssid is not None:
            yield NetworkAdded(path, ssid)

    def _changed(self, properties: Dict[str, Any], found: List[Event]) -> Iterable[Heard]:
        if "Scanning" in properties:
            if properties["Scanning"]:
                found.append(ScanStarted())
            yield Scanning(bool(properties["Scanning"]))
        if "State" in properties:
            yield from self._came_to(str(properties["State"]), found)

    def _came_to(self, state: str, found: List[Event]) -> Iterable[Heard]:
        if self._linked and state not in _CONNECTED:
            # The supplicant tells of several changes at once: it may be on its way to the next connection already.
            self._linked = False
            found.append(Disconnected())
        yield InterfaceState(state)
        if self._linked or state != "completed":
            return
        bssid = None if self._interface is None else self._supplicant.bssid(self._interface)
        armed = self._armed()
        elsewhere = armed is not None and bssid is not None and bssid != armed.pin.bssid
        if not elsewhere:
            self._linked = True
            found.append(Connected(bssid or ""))
        yield Joined(elsewhere)

    def _find_interface(self) -> None:
        try:
            self._interface = self._supplicant.interface(self._name)
            self._linked = self._supplicant.properties(self._interface).get("State") in _CONNECTED
        except (NotFound, SupplicantRefused):
            self._interface = None

    # -- what is done -------------------------------------------------------------------------------------------------

    def _follow(self, heard: Heard) -> None:
        armed = self._armed()
        if armed is None or self._gone:
            self._due = None
            return
        if self._joining is None or self._carried is not armed:
            self._carried, self._due = armed, None
            self._joining = Joining(bytes.fromhex(armed.pin.ssid_hex), armed.eap)
        self._joining, actions = joining.step(self._joining, heard)
        for action in actions:
            self._do(action, armed)

    def _do(self, action: joining.Action, armed: Armed) -> None:
        if isinstance(action, Activate):
            self._networkmanager.activate(armed.profile, self._device)
        elif isinstance(action, KeepTo):
            self._supplicant.keep_to(action.network, armed.pin.bssid)
        elif isinstance(action, SetTimer):
            self._due = None if action.seconds is None else self._clock() + action.seconds
        elif self._interface is None:
            return
        elif isinstance(action, AbortScan):
            self._supplicant.abort_scan(self._interface)
        elif isinstance(action, Reassociate):
            self._supplicant.reassociate(self._interface)
        elif isinstance(action, SeeWhatCame):
            self._see_what_came(self._interface)
        else:
            self._supplicant.scan(self._interface, bytes.fromhex(armed.pin.ssid_hex), armed.pin.frequencies)

    def _see_what_came(self, interface: str) -> None:
        try:
            waits = self._supplicant.state(interface) in _WAITING
        except FleetError:  # it is gone, or hangs: there is nothing to look again with
            return
        if waits:
            self._follow(NothingFound())

    def _failed(self, member: str, error: FleetError) -> None:
        """Take note that something that was begun was refused."""
        if member == "Scan":
            self._follow(Refused())
        elif member == "AbortScan":
            if isinstance(error, AccessDenied):
                self._warn(f"the supplicant did not end a scan that is in the way: {error}")
            self._follow(NothingToEnd())
        else:
            self._warn(str(error))
