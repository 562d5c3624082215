# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listening to NetworkManager and the wpa_supplicant below it, and carrying out a pin when the block lifts."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

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
    Scanning,
    ScanRefused,
    SeeWhatCame,
    SetTimer,
    TooLong,
)
from .names import COMPLETED, DISCONNECTED, NM, NM_DEVICE, NM_SETTINGS, UNMANAGED, WPA, WPA_INTERFACE, WPA_PATH
from .supplicant import Supplicant

#: The supplicant's states in which an existing link goes on. In the second and third, it renews its keys.
_CONNECTED = frozenset({COMPLETED, "4way_handshake", "group_handshake"})
#: The supplicant's states in which it has not found a network to join. If a scan found one, the supplicant joins it in
#: the same step of its loop, before it answers any question (eloop_run of its eloop.c). So it is in another state then.
_WAITING = frozenset({"scanning", "disconnected"})
#: The events for NetworkManager's signals about profiles. "Updated" also comes when NetworkManager only loads or drops
#: secrets, which happens at each activation and its end.
_PROFILES: Dict[str, Event] = {
    "NewConnection": events.ProfilesChanged(),
    "ConnectionRemoved": events.ProfilesChanged(),
    "Updated": events.ProfileTouched(),
}


@dataclass(frozen=True)
class Armed:
    """A pin that has to be carried out: the profile's path, the pin, and whether the network is joined by EAP."""

    profile: str
    pin: Pin
    eap: bool


class Listener:
    """Listens to NetworkManager and the supplicant below it, and carries out the actions of ``joining``.

    It does not wait for the answers of these actions, but listens for their results.

    Args:
        interface: the interface's name.
        armed: returns the pin that has to be carried out, or None.
        bus: a connection to the system's bus, only for this listener.
        warn: is called with a text for people when something was refused.
        unmanaged: whether NetworkManager may still leave the interface alone.
        clock: returns the time in seconds, from a clock that never goes back.

    Raises:
        NotFound: NetworkManager does not run, or does not manage the interface.
        AccessDenied, TimedOut, TransportFailed, DecodeFailed: NetworkManager can't be reached.
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
        #: The state of joining, and the pin that it is about.
        self._joining: Optional[Joining] = None
        self._carried: Optional[Armed] = None
        self._interface: Optional[str] = None
        #: The paths of the supplicant's other interfaces. It never uses a path twice.
        self._others: Set[str] = set()
        self._linked = False
        #: Whether to ask for the supplicant's state, unless a signal that has come already tells it.
        self._to_see = False
        #: Whether NetworkManager ended, or let go of the interface. An old path may be another object's then.
        self._gone = False
        try:
            bus.watch(NM)
            bus.watch(WPA)
            self._device = self._networkmanager.device(interface, unmanaged=unmanaged).path
            # Only the signals that are needed are subscribed. Each access point in reach sends many others. A signal
            # InterfaceAdded carries all that the supplicant can do, and reading it takes 6 million instructions.
            bus.subscribe(NM, path=self._device, interface=NM_DEVICE, member="StateChanged")
            bus.subscribe(NM, interface=NM_SETTINGS)
            bus.subscribe(NM, interface=f"{NM_SETTINGS}.Connection", member="Updated")
            bus.subscribe(WPA, interface=WPA, member="InterfaceRemoved")
            bus.subscribe(WPA, interface=PROPERTIES, member="PropertiesChanged", arg0=WPA_INTERFACE)
            bus.subscribe(WPA, interface=WPA_INTERFACE, member="NetworkAdded")
            self._find_interface()
            if self._interface is not None:
                self._linked = self._supplicant.state(self._interface) in _CONNECTED
        except FleetError:
            bus.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._bus.fileno()

    def close(self) -> None:
        """Close the connection to the bus."""
        self._bus.close()

    def read(self) -> Tuple[Event, ...]:
        """Return the events that have arrived, without waiting for more. Carry out the pin meanwhile.

        Raises:
            TransportFailed, DecodeFailed: the connection to the bus failed.
        """
        found: List[Event] = []
        # More signals may arrive while the supplicant answers a question, so this reads until there are none.
        while True:
            signals = self._bus.read()
            failures = self._bus.failures()
            for member, error in failures:
                self._failed(member, error)
            for signal in signals:
                for heard in self._heard(signal, found):
                    self._follow(heard)
            if signals or failures:
                continue
            if not self._to_see:
                return tuple(found)
            self._see_what_came()

    @property
    def due(self) -> Optional[float]:
        """The time, by the clock, at which ``expire`` must be called. None means never."""
        return self._due

    def expire(self) -> None:
        """Abort a scan that has taken too long.

        Raises:
            TransportFailed: the connection to the bus failed.
        """
        if self._due is not None and self._due <= self._clock():
            self._due = None
            self._follow(TooLong())

    # -- what is heard ------------------------------------------------------------------------------------------------

    def _heard(self, signal: Signal, found: List[Event]) -> Iterable[Heard]:
        """Yield the events of a signal for ``joining``. Events for the handover are added to *found*."""
        if signal.member == "NameOwnerChanged":
            self._ended(signal, found)
        elif signal.path == self._device and (signal.interface, signal.member) == (NM_DEVICE, "StateChanged"):
            if signal.body[0] <= UNMANAGED:
                self._gone = True
                found.append(ManagerGone())
            elif signal.body[0] >= DISCONNECTED:
                self._find_interface()
            yield DeviceState(signal.body[0])
        elif signal.member in _PROFILES and signal.interface.startswith(NM_SETTINGS):
            found.append(_PROFILES[signal.member])
        elif signal.path == WPA_PATH and signal.member == "InterfaceRemoved":
            self._others.discard(signal.body[0])
            if signal.body[0] == self._interface:
                self._interface = None
                yield from self._came_to("interface_disabled", found)
        elif signal.interface in (WPA_INTERFACE, PROPERTIES) and self._is_ours(signal.path):
            if signal.member == "NetworkAdded":
                yield from self._added(signal.body[0])
            elif signal.interface == PROPERTIES and signal.body[0] == WPA_INTERFACE:
                yield from self._changed(signal.body[1], found)

    def _is_ours(self, path: str) -> bool:
        """Say whether an interface of the supplicant is the one that this listens for."""
        if self._interface is None and path not in self._others:
            # The supplicant was given an interface, and this is its first signal.
            self._find_interface()
            if path != self._interface:
                self._others.add(path)
        return path == self._interface

    def _ended(self, signal: Signal, found: List[Event]) -> None:
        """Add the event of an end to *found*.

        The pin is in the supplicant. It stays when NetworkManager ends, and can be undone without NetworkManager.
        """
        if signal.body[2]:
            return
        if signal.body[0] == WPA:
            self._interface = None
            self._others.clear()
            found.append(events.SupplicantGone())
        else:
            if self._armed() is not None:
                self._warn("NetworkManager ended in the middle of the handover")
            self._gone = True
            found.append(ManagerGone())

    def _added(self, path: str) -> Iterable[Heard]:
        """Yield the event of a new network, if a pin is to be carried out.

        The signal comes before the network's properties are set. As long as NetworkManager brings up the pin's profile,
        it is that profile's network. NetworkManager says so at once. The supplicant would first compute the key from
        the passphrase, and then tell all of the network's properties, which are 3 kB.
        """
        armed = self._armed()
        if armed is None:
            return
        try:
            if self._networkmanager.active(self._device) == armed.profile:
                ssid: Optional[bytes] = bytes.fromhex(armed.pin.ssid_hex)
            else:
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
            # One signal may cover several changes, so the supplicant may be connecting again already.
            self._linked = False
            found.append(Disconnected())
        self._to_see = self._to_see and state in _WAITING
        yield InterfaceState(state)
        if self._linked or state != COMPLETED:
            return
        bssid = None if self._interface is None else self._supplicant.bssid(self._interface)
        armed = self._armed()
        elsewhere = armed is not None and bssid is not None and bssid != armed.pin.bssid
        if not elsewhere:
            self._linked = True
            found.append(Connected(bssid or ""))
        yield Joined(elsewhere)

    def _find_interface(self) -> None:
        """Look for the interface, unless it is known. While CSME's block stands, the supplicant does not have it."""
        if self._interface is None:
            with suppress(NotFound, SupplicantRefused):
                self._interface = self._supplicant.interface(self._name)

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
            self._to_see = True
        else:
            self._supplicant.scan(self._interface, bytes.fromhex(armed.pin.ssid_hex), armed.pin.frequencies)

    def _see_what_came(self) -> None:
        self._to_see = False
        if self._interface is None:
            return
        try:
            waits = self._supplicant.state(self._interface) in _WAITING
        except FleetError:  # the supplicant is gone or hangs, so another scan is not possible
            return
        if waits:
            self._follow(NothingFound())

    def _failed(self, member: str, error: FleetError) -> None:
        """Handle the refusal of a call that was begun."""
        if member == "Scan":
            self._follow(ScanRefused())
        elif member == "AbortScan":
            if isinstance(error, AccessDenied):
                self._warn(f"the supplicant did not end a scan that is in the way: {error}")
            self._follow(NothingToEnd())
        else:
            self._warn(str(error))
