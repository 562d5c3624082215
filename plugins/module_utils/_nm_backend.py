# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager as the backend of a handover.

It is told nothing of a pin: see ``_nm_joining.py`` for how CSME's network is joined in time, and kept to one access
point, with nothing stored anywhere.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from . import _nm_joining
from ._dbus import DEFAULT_TIMEOUT, PROPERTIES, Signal, SystemBus
from ._errors import AccessDenied, FleetError, NotFound, SupplicantRefused
from ._networkmanager import (
    NM,
    NM_DEVICE,
    WPA,
    WPA_INTERFACE,
    WPA_PATH,
    Connection,
    NetworkManager,
    Supplicant,
    SupplicantNetwork,
    network_of,
)
from ._nm_joining import (
    AbortScan,
    Activate,
    DeviceState,
    Heard,
    InterfaceState,
    Joining,
    KeepTo,
    NetworkAdded,
    Scanning,
)
from ._supplicant import Pin, Profile
from ._wpa_ctrl import SupplicantEvent, SupplicantStatus, encode_bssid

#: The level that wpa_supplicant gives its own news of these kinds.
_LEVEL = 3


def profile_of(connection: Connection, interface: str) -> Profile:
    """Return NetworkManager's profile as a backend's.

    One that is another interface's, or a user's alone, counts as not enabled: it is of no use when a laptop boots.
    """
    mine = connection.interface in (None, interface)
    return Profile(
        id=connection.number,
        ssid=connection.ssid,
        key_mgmt=connection.key_mgmt,
        enabled=connection.autoconnect and mine and not connection.owned,
        bssid=connection.bssid,
        scan_freq=(),
        current=False,
        priority=connection.priority,
        credentials=connection.credentials,
    )


class NetworkManagerBackend:
    """NetworkManager on one interface. Calls open a connection of their own; who listens has one for its whole time.

    Args:
        interface: the name of the interface.
        timeout: seconds for each answer.
        deadline: when all answers have to be there, by ``time.monotonic``; None: never.
    """

    def __init__(self, interface: str, timeout: float = DEFAULT_TIMEOUT, deadline: Optional[float] = None) -> None:
        self._interface = interface
        self._timeout = timeout
        self._deadline = deadline
        self._armed: Optional[Tuple[str, Pin]] = None

    @property
    def interface(self) -> str:
        """The name of the interface."""
        return self._interface

    @property
    def armed(self) -> Optional[Tuple[str, Pin]]:
        """The profile's path and the pin, from ``pin`` to ``unpin``: what a listener carries out."""
        return self._armed

    def version(self) -> str:
        """Return NetworkManager's version.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: it can't be reached.
        """
        bus = self._bus()
        try:
            return NetworkManager(bus).version()
        finally:
            bus.close()

    def status(self) -> SupplicantStatus:
        """Return what the supplicant below is doing; while the radio is blocked NetworkManager gives it no interface.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: NetworkManager can't be reached.
        """
        bus = self._bus()
        try:
            NetworkManager(bus).device(self._interface)
            try:
                supplicant = Supplicant(bus)
                state = str(supplicant.properties(supplicant.interface(self._interface)).get("State", ""))
            except (NotFound, SupplicantRefused):
                state = "interface_disabled"
            return SupplicantStatus(state=state.upper())
        finally:
            bus.close()

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return every Wi-Fi profile, or those of one SSID.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as for ``version``.
        """
        return tuple(
            profile_of(connection, self._interface)
            for connection in self._connections()
            if ssid is None or connection.ssid == ssid
        )

    def pin(
        self,
        profile: Profile,
        bssid: str,
        frequencies: Sequence[int],
        record: Optional[Callable[[Pin], None]] = None,
    ) -> Pin:
        """Be ready to join one access point with a profile as soon as the block lifts: a listener does it then.

        Args:
            profile: an enabled one, as ``profiles`` gave it.
            bssid: the access point.
            frequencies: MHz; every one that it may be on.
            record: called with the pin, for a journal; what it raises stops the pin.

        Raises:
            NotFound: the profile is gone or changed meanwhile, or is another access point's.
            CommandUnsafe: *bssid* is none.
            LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as for ``version``.
        """
        connection = next((each for each in self._connections() if each.number == profile.id), None)
        if connection is None or connection.ssid != profile.ssid:
            raise NotFound(
                f"profile {profile.id} of NetworkManager is gone or changed meanwhile", where=self._interface
            )
        wanted = encode_bssid(bssid)
        if connection.bssid not in (None, wanted):
            raise NotFound(
                f"profile {connection.name!r} is for the access point {connection.bssid} alone; CSME is at {wanted}",
                where=self._interface,
                remedy="Take the access point (802-11-wireless.bssid) out of the profile",
            )
        pin = self._pin(profile, wanted, tuple(frequencies))
        if record is not None:
            record(pin)
        self._armed = connection.path, pin
        return pin

    def hold(self, profile: Profile, bssid: str, record: Optional[Callable[[Pin], None]] = None) -> Pin:
        """Keep the supplicant at the access point that it is connected to, and touch nothing else.

        Args:
            profile: the one that is connected.
            bssid: the access point that it is connected to.
            record: called with the pin before the change, for a journal; what it raises stops the change.

        Raises:
            NotFound: no network of that SSID is with the supplicant.
            CommandUnsafe: *bssid* is none.
            SupplicantRefused, AccessDenied, TimedOut, TransportFailed, DecodeFailed: it was not done.
        """
        pin = self._pin(profile, encode_bssid(bssid), ())
        bus = self._bus()
        try:
            supplicant = Supplicant(bus)
            networks = supplicant.networks(supplicant.interface(self._interface))
            mine = next((network for network in networks if network.ssid == profile.ssid), None)
            if mine is None:
                raise NotFound("the network is gone or changed meanwhile", where=self._interface)
            if record is not None:
                record(pin)
            supplicant.set_bssid(mine.path, pin.bssid)
        finally:
            bus.close()
        return pin

    def widen(self, pin: Pin) -> bool:
        """Nothing to do: only single scans were narrow."""
        del pin
        return False

    def holds(self, pin: Pin) -> bool:
        """Say whether the supplicant still has a pin. Raises as ``unpin``."""
        bus = self._bus()
        try:
            return bool(self._kept(Supplicant(bus), pin))
        finally:
            bus.close()

    def unpin(self, pin: Pin) -> bool:
        """Undo a pin without dropping the link.

        Returns:
            Whether anything was set back.

        Raises:
            NotFound: the pin is another interface's.
            SupplicantRefused, AccessDenied, TimedOut, TransportFailed, DecodeFailed, LibraryMissing: call again.
        """
        if pin.interface != self._interface:
            raise NotFound(f"this pin belongs to {pin.interface}", where=self._interface)
        self._armed = None
        bus = self._bus()
        try:
            supplicant = Supplicant(bus)
            kept = self._kept(supplicant, pin)
            for network in kept:
                supplicant.set_bssid(network.path, None)
        finally:
            bus.close()
        return bool(kept)

    def listen(self, warn: Callable[[str], None]) -> Tuple[Listener, ...]:
        """Return who hears NetworkManager and the supplicant, and carries a pin out when the block lifts.

        Args:
            warn: told what NetworkManager or the supplicant refused, for people.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: NetworkManager can't be reached.
        """
        return (Listener(self, self._bus(), warn),)

    def _bus(self) -> SystemBus:
        return SystemBus(self._timeout, self._deadline)

    def _connections(self) -> Tuple[Connection, ...]:
        bus = self._bus()
        try:
            return NetworkManager(bus).connections()
        finally:
            bus.close()

    def _kept(self, supplicant: Supplicant, pin: Pin) -> List[SupplicantNetwork]:
        """Return the supplicant's networks that a pin still keeps to its access point."""
        try:
            networks = supplicant.networks(supplicant.interface(self._interface))
        except (NotFound, SupplicantRefused):
            # wpa_supplicant has no such interface, or is not there: the pin went with it.
            return []
        return [
            network
            for network in networks
            if network.ssid is not None and network.ssid.hex() == pin.ssid_hex and network.bssid == pin.bssid
        ]

    def _pin(self, profile: Profile, bssid: str, frequencies: Tuple[int, ...]) -> Pin:
        return Pin(
            interface=self._interface,
            network_id=profile.id,
            ssid_hex=profile.ssid.hex(),
            bssid=bssid,
            frequencies=frequencies,
            previous_bssid=None,
            previous_scan_freq=(),
            disabled=(),
        )


class Listener:
    """Hears NetworkManager and the supplicant below it, and does what ``_nm_joining`` says.

    Args:
        backend: whose pin it carries out.
        bus: the system's bus, for it alone.
        warn: told what was refused.

    Raises:
        NotFound, AccessDenied, TimedOut, TransportFailed: NetworkManager can't be reached.
    """

    def __init__(self, backend: NetworkManagerBackend, bus: SystemBus, warn: Callable[[str], None]) -> None:
        self._backend = backend
        self._bus = bus
        self._warn = warn
        self._networkmanager = NetworkManager(bus)
        self._supplicant = Supplicant(bus)
        self._joining: Optional[Joining] = None
        self._interface: Optional[str] = None
        self._state = ""
        try:
            self._device = self._networkmanager.device(backend.interface)
            # No more than what is understood: each access point in reach has signals of its own.
            bus.subscribe(NM, path=self._device, interface=NM_DEVICE, member="StateChanged")
            bus.subscribe(WPA, interface=WPA)
            bus.subscribe(WPA, interface=PROPERTIES, member="PropertiesChanged", arg0=WPA_INTERFACE)
            bus.subscribe(WPA, interface=WPA_INTERFACE, member="NetworkAdded")
            bus.watch(NM)
            bus.watch(WPA)
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

    def read(self) -> Tuple[SupplicantEvent, ...]:
        """Return what has happened, in wpa_supplicant's own words, without waiting; carry the pin out meanwhile.

        Raises:
            TransportFailed, DecodeFailed: the bus.
        """
        events: List[SupplicantEvent] = []
        # What it does takes time, in which more comes.
        while True:
            signals = self._bus.read()
            if not signals:
                return tuple(events)
            for signal in signals:
                for heard in self._heard(signal, events):
                    self._follow(heard)

    # -- what is heard ------------------------------------------------------------------------------------------------

    def _heard(self, signal: Signal, events: List[SupplicantEvent]) -> Iterable[Heard]:
        """Yield what a signal means to the joining; what it means to a handover goes to *events*."""
        if signal.member == "NameOwnerChanged":
            if signal.body[0] in (NM, WPA) and not signal.body[2]:
                events.append(_event("CTRL-EVENT-TERMINATING"))
        elif signal.path == self._device and (signal.interface, signal.member) == (NM_DEVICE, "StateChanged"):
            yield DeviceState(signal.body[0])
        elif signal.path == WPA_PATH and signal.member == "InterfaceAdded":
            path, properties = signal.body
            if properties.get("Ifname") == self._backend.interface:
                self._interface, self._state = path, ""
        elif signal.path == WPA_PATH and signal.member == "InterfaceRemoved" and signal.body[0] == self._interface:
            self._interface = None
            yield from self._came_to("interface_disabled", events)
        elif self._interface is not None and signal.path == self._interface:
            if signal.member == "NetworkAdded":
                path, properties = signal.body
                ssid = network_of(path, properties).ssid
                if ssid is not None:
                    yield NetworkAdded(path, ssid)
            elif signal.interface == PROPERTIES and signal.body[0] == WPA_INTERFACE:
                yield from self._changed(signal.body[1], events)

    def _changed(self, properties: Dict[str, Any], events: List[SupplicantEvent]) -> Iterable[Heard]:
        if "Scanning" in properties:
            if properties["Scanning"]:
                events.append(_event("CTRL-EVENT-SCAN-STARTED"))
            yield Scanning(bool(properties["Scanning"]))
        if "State" in properties:
            yield from self._came_to(str(properties["State"]), events)

    def _came_to(self, state: str, events: List[SupplicantEvent]) -> Iterable[Heard]:
        before, self._state = self._state, state
        if state == "completed" != before:
            events.append(_event("CTRL-EVENT-CONNECTED", self._bssid()))
        elif before == "completed" != state and state in ("disconnected", "inactive", "interface_disabled"):
            events.append(_event("CTRL-EVENT-DISCONNECTED"))
        yield InterfaceState(state)

    def _bssid(self) -> Optional[str]:
        """Return the access point that the supplicant is connected to."""
        try:
            assert self._interface is not None
            bss = self._supplicant.properties(self._interface)["CurrentBSS"]
            octets = bytes(self._bus.get(WPA, bss, f"{WPA}.BSS", "BSSID"))
        except (FleetError, KeyError):
            return None
        return ":".join(f"{octet:02x}" for octet in octets)

    def _find_interface(self) -> None:
        try:
            self._interface = self._supplicant.interface(self._backend.interface)
            self._state = str(self._supplicant.properties(self._interface).get("State", ""))
        except (NotFound, AccessDenied, SupplicantRefused):
            self._interface = None

    # -- what is done -------------------------------------------------------------------------------------------------

    def _follow(self, heard: Heard) -> None:
        armed = self._backend.armed
        if armed is None:
            self._joining = None
            return
        profile, pin = armed
        if self._joining is None:
            self._joining = Joining(bytes.fromhex(pin.ssid_hex))
        self._joining, actions = _nm_joining.step(self._joining, heard)
        for action in actions:
            try:
                self._do(action, profile, pin)
            except FleetError as error:
                # Scans come and go by themselves: that one can't be ended, or not begun now, is nothing to tell.
                if isinstance(action, (Activate, KeepTo)):
                    self._warn(str(error))

    def _do(self, action: _nm_joining.Action, profile: str, pin: Pin) -> None:
        if isinstance(action, Activate):
            self._networkmanager.activate(profile, self._device)
        elif isinstance(action, KeepTo):
            self._supplicant.set_bssid(action.network, pin.bssid)
        elif self._interface is None:
            return
        elif isinstance(action, AbortScan):
            self._supplicant.abort_scan(self._interface)
        else:
            self._supplicant.scan(self._interface, bytes.fromhex(pin.ssid_hex), pin.frequencies)


def _event(name: str, bssid: Optional[str] = None) -> SupplicantEvent:
    return SupplicantEvent(name, _LEVEL, bssid=bssid)
