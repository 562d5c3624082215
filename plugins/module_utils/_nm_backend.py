# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager as the backend of a handover.

It is told nothing of a pin: see ``_nm_joining.py`` for how CSME's network is joined in time, and kept to one access
point, with nothing stored anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from . import _channels, _nm_joining
from ._dbus import DEFAULT_TIMEOUT, PROPERTIES, Signal, SystemBus
from ._errors import AccessDenied, FleetError, NotFound, SupplicantRefused
from ._networkmanager import (
    NM,
    NM_DEVICE,
    WPA,
    WPA_INTERFACE,
    WPA_PATH,
    Connection,
    Device,
    NetworkManager,
    Supplicant,
    SupplicantNetwork,
)
from ._nm_joining import (
    AbortScan,
    Activate,
    DeviceState,
    Heard,
    InterfaceState,
    Joined,
    Joining,
    KeepTo,
    NetworkAdded,
    Reassociate,
    Refused,
    Scanning,
)
from ._supplicant import Pin, Profile
from ._wpa_ctrl import CommandUnsafe, SupplicantEvent, SupplicantStatus, encode_bssid

#: The supplicant's states in which a link that stands goes on: it renews its keys in the second and third.
_CONNECTED = frozenset({"completed", "4way_handshake", "group_handshake"})
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
        bound=connection.bssid is not None,
        scan_freq=(),
        current=False,
        priority=connection.priority,
        credentials=connection.credentials,
    )


@dataclass(frozen=True)
class Armed:
    """A pin that is to be carried out: the path of the profile, the pin, and whether the network is joined by EAP."""

    profile: str
    pin: Pin
    eap: bool


class NetworkManagerBackend:
    """NetworkManager on one interface. Calls open a connection of their own; who listens has one for its whole time.

    Args:
        interface: the name of the interface.
        timeout: seconds for each answer.
        deadline: when all answers have to be there, by ``time.monotonic``; None: never.
    """

    #: What a pin of its own says of who has it.
    manager = "networkmanager"

    def __init__(self, interface: str, timeout: float = DEFAULT_TIMEOUT, deadline: Optional[float] = None) -> None:
        self._interface = interface
        self._timeout = timeout
        self._deadline = deadline
        self._armed: Optional[Armed] = None

    @property
    def interface(self) -> str:
        """The name of the interface."""
        return self._interface

    @property
    def armed(self) -> Optional[Armed]:
        """What a listener carries out, from ``pin`` to ``unpin``."""
        return self._armed

    def version(self) -> str:
        """Return NetworkManager's version.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: it can't be reached.
        """
        with self._bus() as bus:
            return NetworkManager(bus).version()

    def status(self) -> SupplicantStatus:
        """Return what the supplicant below is doing; while the radio is blocked NetworkManager gives it no interface.

        Raises:
            NotFound: NetworkManager does not manage the interface.
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: NetworkManager can't be reached.
        """
        with self._bus() as bus:
            NetworkManager(bus).device(self._interface)
            try:
                supplicant = Supplicant(bus)
                state = str(supplicant.properties(supplicant.interface(self._interface)).get("State", ""))
            except (NotFound, SupplicantRefused):
                state = "interface_disabled"
            return SupplicantStatus(state=state.upper())

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return every Wi-Fi profile, or those of one SSID.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as for ``version``.
        """
        with self._bus() as bus:
            connections = NetworkManager(bus).connections()
        return tuple(
            profile_of(connection, self._interface)
            for connection in connections
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
            NotFound: the profile is gone or changed meanwhile, or is not for this device, access point or channel; or
                NetworkManager does not manage the interface.
            CommandUnsafe: *bssid* or *frequencies* is none.
            LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as for ``version``.
        """
        wanted = encode_bssid(bssid)
        if not frequencies:
            raise CommandUnsafe("a pin needs at least one frequency to scan", where=self._interface)
        with self._bus() as bus:
            manager = NetworkManager(bus)
            device = manager.device(self._interface)
            connection = next((each for each in manager.connections() if each.number == profile.id), None)
        if connection is None or connection.ssid != profile.ssid:
            raise NotFound(
                f"profile {profile.id} of NetworkManager is gone or changed meanwhile", where=self._interface
            )
        limits = _limits(connection, device, wanted, frequencies)
        if limits:
            raise NotFound(
                f"NetworkManager's profile {connection.name!r} is for {limits} alone",
                where=self._interface,
                remedy="Take that out of the profile",
            )
        pin = self._pin(profile, wanted, device.frequencies(frequencies), connection.bssid)
        if record is not None:
            record(pin)
        self._armed = Armed(connection.path, pin, bool(connection.credentials & {"eap"}))
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
        wanted = encode_bssid(bssid)
        with self._bus() as bus:
            supplicant = Supplicant(bus)
            networks = supplicant.networks(supplicant.interface(self._interface))
            mine = next((network for network in networks if network.ssid == profile.ssid), None)
            if mine is None:
                raise NotFound("the network is gone or changed meanwhile", where=self._interface)
            pin = self._pin(profile, wanted, (), mine.bssid)
            if record is not None:
                record(pin)
            supplicant.set_bssid(mine.path, wanted)
        return pin

    def widen(self, pin: Pin) -> bool:
        """Nothing to do: only single scans were narrow."""
        del pin
        return False

    def holds(self, pin: Pin) -> bool:
        """Say whether the supplicant still has a pin. Raises as ``unpin``."""
        with self._bus() as bus:
            return bool(self._kept(Supplicant(bus), pin))

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
        with self._bus() as bus:
            supplicant = Supplicant(bus)
            kept = self._kept(supplicant, pin)
            for network in kept:
                supplicant.set_bssid(network.path, pin.previous_bssid)
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

    def _kept(self, supplicant: Supplicant, pin: Pin) -> List[SupplicantNetwork]:
        """Return the supplicant's networks that a pin, and nothing else, still keeps to its access point."""
        if pin.bssid == pin.previous_bssid:
            return []
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

    def _pin(self, profile: Profile, bssid: str, frequencies: Tuple[int, ...], previous: Optional[str]) -> Pin:
        return Pin(
            interface=self._interface,
            network_id=profile.id,
            ssid_hex=profile.ssid.hex(),
            bssid=bssid,
            frequencies=frequencies,
            previous_bssid=previous,
            previous_scan_freq=(),
            disabled=(),
            manager=self.manager,
        )


def _limits(connection: Connection, device: Device, bssid: str, frequencies: Sequence[int]) -> str:
    """Say what a profile is for, where that keeps it from joining an access point with a device; else nothing."""
    if connection.bssid not in (None, bssid):
        return f"the access point {connection.bssid}"
    if connection.mac is not None and device.mac not in (None, connection.mac):
        return f"the device {connection.mac}"
    if connection.band is not None and connection.band not in [_band(each) for each in frequencies]:
        return f"the band {connection.band}"
    if connection.channel and connection.channel not in [_channels.channel(each)[1] for each in frequencies]:
        return f"the channel {connection.channel}"
    return ""


def _band(frequency: int) -> str:
    """Return the band of a frequency (MHz) as profiles name it; 6 GHz has no name before NetworkManager 1.50."""
    return {_channels.BAND_2GHZ: "bg", _channels.BAND_5GHZ: "a"}.get(_channels.channel(frequency)[0], "6GHz")


class Listener:
    """Hears NetworkManager and the supplicant below it, and does what ``_nm_joining`` says.

    What it does is begun, and never waited for: what follows is heard.

    Args:
        backend: whose pin it carries out.
        bus: the system's bus, for it alone.
        warn: told what was refused.

    Raises:
        NotFound: NetworkManager does not run, or does not manage the interface.
        AccessDenied, TimedOut, TransportFailed, DecodeFailed: it can't be reached.
    """

    def __init__(self, backend: NetworkManagerBackend, bus: SystemBus, warn: Callable[[str], None]) -> None:
        self._backend = backend
        self._bus = bus
        self._warn = warn
        self._networkmanager = NetworkManager(bus)
        self._supplicant = Supplicant(bus)
        self._joining: Optional[Joining] = None
        self._interface: Optional[str] = None
        self._linked = False
        try:
            bus.watch(NM)
            bus.watch(WPA)
            self._device = self._networkmanager.device(backend.interface).path
            # No more than what is understood: each access point in reach has signals of its own.
            bus.subscribe(NM, path=self._device, interface=NM_DEVICE, member="StateChanged")
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

    def read(self) -> Tuple[SupplicantEvent, ...]:
        """Return what has happened, in wpa_supplicant's own words, without waiting; carry the pin out meanwhile.

        Raises:
            TransportFailed, DecodeFailed: the bus.
        """
        events: List[SupplicantEvent] = []
        # A question to the supplicant takes time, in which more comes.
        while True:
            signals = self._bus.read()
            failures = self._bus.failures()
            if not signals and not failures:
                return tuple(events)
            for member, error in failures:
                self._failed(member, error)
            for signal in signals:
                for heard in self._heard(signal, events):
                    self._follow(heard)

    # -- what is heard ------------------------------------------------------------------------------------------------

    def _heard(self, signal: Signal, events: List[SupplicantEvent]) -> Iterable[Heard]:
        """Yield what a signal means to the joining; what it means to a handover goes to *events*."""
        if signal.member == "NameOwnerChanged":
            self._ended(signal, events)
        elif signal.path == self._device and (signal.interface, signal.member) == (NM_DEVICE, "StateChanged"):
            yield DeviceState(signal.body[0])
        elif signal.path == WPA_PATH and signal.member == "InterfaceAdded":
            path, properties = signal.body
            if properties.get("Ifname") == self._backend.interface:
                self._interface = path
        elif signal.path == WPA_PATH and signal.member == "InterfaceRemoved" and signal.body[0] == self._interface:
            self._interface = None
            yield from self._came_to("interface_disabled", events)
        elif self._interface is not None and signal.path == self._interface:
            if signal.member == "NetworkAdded":
                yield from self._added(signal.body[0])
            elif signal.interface == PROPERTIES and signal.body[0] == WPA_INTERFACE:
                yield from self._changed(signal.body[1], events)

    def _ended(self, signal: Signal, events: List[SupplicantEvent]) -> None:
        """Tell of an end. The pin is the supplicant's: it outlives NetworkManager, and is undone without it."""
        if signal.body[2]:
            return
        if signal.body[0] == WPA:
            self._interface = None
            events.append(_event("CTRL-EVENT-TERMINATING"))
        else:
            self._warn("NetworkManager ended in the middle of the handover")

    def _added(self, path: str) -> Iterable[Heard]:
        """Yield a network. The signal comes before what it carries is set, so that is asked for."""
        try:
            ssid = self._supplicant.network(path).ssid
        except FleetError as error:
            self._warn(f"a network that NetworkManager added can't be read: {error}")
            return
        if ssid is not None:
            yield NetworkAdded(path, ssid)

    def _changed(self, properties: Dict[str, Any], events: List[SupplicantEvent]) -> Iterable[Heard]:
        if "Scanning" in properties:
            if properties["Scanning"]:
                events.append(_event("CTRL-EVENT-SCAN-STARTED"))
            yield Scanning(bool(properties["Scanning"]))
        if "State" in properties:
            yield from self._came_to(str(properties["State"]), events)

    def _came_to(self, state: str, events: List[SupplicantEvent]) -> Iterable[Heard]:
        if self._linked and state not in _CONNECTED:
            # The supplicant tells of several changes at once: it may be on its way to the next connection already.
            self._linked = False
            events.append(_event("CTRL-EVENT-DISCONNECTED"))
        yield InterfaceState(state)
        if self._linked or state != "completed":
            return
        bssid = None if self._interface is None else self._supplicant.bssid(self._interface)
        armed = self._backend.armed
        elsewhere = armed is not None and bssid is not None and bssid != armed.pin.bssid
        if not elsewhere:
            self._linked = True
            events.append(_event("CTRL-EVENT-CONNECTED", bssid))
        yield Joined(elsewhere)

    def _find_interface(self) -> None:
        try:
            self._interface = self._supplicant.interface(self._backend.interface)
            self._linked = self._supplicant.properties(self._interface).get("State") in _CONNECTED
        except (NotFound, AccessDenied, SupplicantRefused):
            self._interface = None

    # -- what is done -------------------------------------------------------------------------------------------------

    def _follow(self, heard: Heard) -> None:
        armed = self._backend.armed
        if armed is None:
            self._joining = None
            return
        if self._joining is None:
            self._joining = Joining(bytes.fromhex(armed.pin.ssid_hex), armed.eap)
        self._joining, actions = _nm_joining.step(self._joining, heard)
        for action in actions:
            self._do(action, armed)

    def _do(self, action: _nm_joining.Action, armed: Armed) -> None:
        if isinstance(action, Activate):
            self._networkmanager.activate(armed.profile, self._device)
        elif isinstance(action, KeepTo):
            self._supplicant.keep_to(action.network, armed.pin.bssid)
        elif self._interface is None:
            return
        elif isinstance(action, AbortScan):
            self._supplicant.abort_scan(self._interface)
        elif isinstance(action, Reassociate):
            self._supplicant.reassociate(self._interface)
        else:
            self._supplicant.scan(self._interface, bytes.fromhex(armed.pin.ssid_hex), armed.pin.frequencies)

    def _failed(self, member: str, error: FleetError) -> None:
        """Take note that something that was begun was refused."""
        if member == "Scan":
            self._follow(Refused())
        elif member != "AbortScan":  # the scan had just ended
            self._warn(str(error))


def _event(name: str, bssid: Optional[str] = None) -> SupplicantEvent:
    return SupplicantEvent(name, _LEVEL, bssid=bssid)
