# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager as the backend of a handover.

It is told nothing of a pin: see ``_managers/networkmanager/joining.py`` for how CSME's network is joined in time, and
kept to one access point, with nothing stored anywhere.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from typing import Callable, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from ..._radio import channels
from ..._system.dbus import DEFAULT_TIMEOUT, SystemBus
from ..._system.errors import AccessDenied, FleetError, NotFound, SupplicantRefused, TimedOut
from ..wpa_supplicant.backend import Obstacle, Pin, Profile, find_obstacle
from ..wpa_supplicant.control import CommandUnsafe, SupplicantStatus, encode_bssid
from .client import (
    AGENT_OWNED,
    NM,
    WPA,
    Connection,
    NetworkManager,
    Supplicant,
    SupplicantNetwork,
    matches,
    number_of,
    path_of,
)
from .listener import Armed, Listener

#: The bands as profiles name them; 6 GHz has a name since NetworkManager 1.58.
_BANDS = {"bg": channels.BAND_2GHZ, "a": channels.BAND_5GHZ, "6GHz": channels.BAND_6GHZ}
#: What needs a secret, of a profile's credentials.
_SECRET = frozenset({"psk", "eap"})


def networkmanager_runs() -> bool:
    """Say whether NetworkManager runs, by the system's bus.

    Raises:
        LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: the bus can't be asked.
    """
    try:
        with SystemBus() as bus:
            return bus.has_owner(NM)
    except NotFound:  # no bus
        return False


def profile_of(connection: Connection, interface: str, mac: Optional[str] = None) -> Profile:
    """Return NetworkManager's profile as a backend's.

    One that is another interface's, or a user's alone, or whose secrets the system does not have, counts as not
    enabled: it is of no use when a laptop boots. Nor is one that changes the MAC address: CSME's session is lost then.

    Args:
        connection: NetworkManager's.
        interface: the name of the interface.
        mac: the permanent address of its device; None: unknown.
    """
    obstacle = next(_obstacles(connection, interface, mac), None)
    return Profile(
        id=connection.number,
        ssid=connection.ssid,
        key_mgmt=connection.key_mgmt,
        enabled=connection.autoconnect and obstacle is None,
        bssid=connection.bssid,
        bound=connection.bssid is not None,
        scan_freq=(),
        current=False,
        priority=connection.priority,
        credentials=connection.credentials,
        obstacle=obstacle,
        channels=_allowed(connection),
        own=connection.interface is not None or connection.mac is not None,
    )


def _obstacles(connection: Connection, interface: str, mac: Optional[str]) -> Iterator[Obstacle]:
    """Yield what keeps a profile from being used by an interface when a laptop boots.

    As NetworkManager's check_connection_compatible has it (nm-device.c, nm-device-wifi.c), and _hw_addr_get_cloned.
    """
    if connection.interface not in (None, interface):
        yield Obstacle(f"is for the interface {connection.interface} alone (connection.interface-name)", _ANOTHER)
    if not matches(interface, connection.names):
        yield Obstacle("is not for this interface (match.interface-name)", _ANOTHER)
    if connection.mac is not None and mac not in (None, connection.mac):
        yield Obstacle(f"is for the device {connection.mac} alone (802-11-wireless.mac-address)", _ANOTHER)
    if mac in connection.denied:
        yield Obstacle(f"is not for the device {mac} (802-11-wireless.mac-address-denylist)", _ANOTHER)
    for condition in connection.conditions:
        yield Obstacle(f"is for some machines or devices alone, by its {condition}, which is not looked at", _ANOTHER)
    address = connection.address or "permanent"
    if address not in ("preserve", "permanent", mac) and not (mac is None and ":" in address):
        yield Obstacle(
            f"gives the interface another MAC address than CSME's (cloned-mac-address: {address})",
            "Set cloned-mac-address to permanent",
        )
    if connection.owned:
        yield Obstacle("is for some users alone (connection.permissions)", "Empty that, so that it is everybody's")
    for flag, value in connection.elsewhere:
        what = "leaves a secret to the agent of a user, who has to log in first" if value & AGENT_OWNED else _UNSTORED
        yield Obstacle(f"{what} ({flag} {value})", f"Have the system store it: set {flag} to 0, and the secret")


#: What may be done about a profile that is for something else.
_ANOTHER = "Take that out of it, or add a profile for this interface"
_UNSTORED = "has a secret that nobody stores"
_UNTOLD = Obstacle("needs a secret that NetworkManager was not given", "Give it to NetworkManager, for all users")


class NetworkManagerBackend:
    """NetworkManager on one interface. Calls open a connection of their own; who listens has one for its whole time.

    Args:
        interface: the name of the interface.
        timeout: seconds for each answer.
        deadline: when all answers have to be there, by ``time.monotonic``; None: never.
        bound: seconds for all the answers that one method here takes; None: as long as they keep coming.
        unmanaged: NetworkManager leaves the interface alone, until ``manage``.
    """

    #: What a pin of its own says of who has it.
    manager = "networkmanager"

    def __init__(
        self,
        interface: str,
        timeout: float = DEFAULT_TIMEOUT,
        deadline: Optional[float] = None,
        *,
        bound: Optional[float] = None,
        unmanaged: bool = False,
    ) -> None:
        self._interface = interface
        self._unmanaged = unmanaged
        self._timeout = timeout
        self._deadline = deadline
        self._bound = bound
        #: What a listener carries out, from ``pin`` to ``unpin``.
        self._armed: Optional[Armed] = None

    @property
    def interface(self) -> str:
        """The name of the interface."""
        return self._interface

    def version(self) -> str:
        """Return NetworkManager's version.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: it can't be reached.
        """
        with self._bus() as bus:
            return NetworkManager(bus).version()

    def status(self) -> SupplicantStatus:
        """Return what the supplicant below is doing; while the radio is blocked NetworkManager gives it no interface.

        The id is that of the profile that NetworkManager uses.

        Raises:
            NotFound: NetworkManager does not manage the interface.
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: NetworkManager can't be reached.
        """
        with self._bus() as bus:
            manager, supplicant = NetworkManager(bus), Supplicant(bus)
            device = manager.device(self._interface).path
            try:
                interface = supplicant.interface(self._interface)
                state = str(supplicant.properties(interface).get("State", ""))
            except (NotFound, SupplicantRefused):
                return SupplicantStatus(state="INTERFACE_DISABLED")
            ssid, bssid = supplicant.network_in_use(interface)
            path = manager.active(device)
            number = None if path is None else number_of(path)
            return SupplicantStatus(state=state.upper(), bssid=bssid, ssid=ssid, network_id=number)

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return every Wi-Fi profile, or those of one SSID: root then is told of no credential that is not there.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as for ``version``.
        """
        with self._bus() as bus:
            manager = NetworkManager(bus)
            connections = manager.connections()
            mac = self._mac(manager)
        profiles = tuple(
            profile_of(connection, self._interface, mac)
            for connection in connections
            if ssid is None or connection.ssid == ssid
        )
        return profiles if ssid is None else self.as_stored(profiles, ssid)

    def as_stored(self, profiles: Sequence[Profile], ssid: bytes) -> Tuple[Profile, ...]:
        """Return profiles, those for one network without the credentials of which the system lacks a part.

        Only root can know; others get the profiles as they are. Where an agent has to be asked, a laptop that boots has
        none, and a session does not wait for people.

        Args:
            profiles: as ``profiles`` gave them.
            ssid: the network.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TransportFailed, DecodeFailed: as for ``version``.
        """
        doubtful = [each for each in profiles if each.ssid == ssid and each.enabled and each.credentials & _SECRET]
        if not doubtful or os.geteuid() != 0:
            return tuple(profiles)
        with self._bus() as bus:
            manager = NetworkManager(bus)
            lacking = {each.id for each in doubtful if manager.lacks_a_secret(path_of(each.id))}
        return tuple(
            replace(each, enabled=False, credentials=frozenset(), obstacle=_UNTOLD) if each.id in lacking else each
            for each in profiles
        )

    def profiles_in_effect(self) -> Tuple[Profile, ...]:
        """As ``profiles``; the access point of the one in use is that which the supplicant below is kept to.

        For facts alone: nothing is started, and what the supplicant does not tell is as the profiles have it. Raises
        as ``profiles``.
        """
        profiles = self.profiles()
        with suppress(FleetError), self._bus() as bus:
            if not bus.has_owner(WPA):  # asked for anything, the bus would start it
                return profiles
            supplicant = Supplicant(bus)
            kept = {
                network.ssid: network.bssid
                for network in supplicant.networks(supplicant.interface(self._interface))
                if network.bssid is not None
            }
            if kept:
                manager = NetworkManager(bus)
                used = manager.active(manager.device(self._interface, unmanaged=self._unmanaged).path)
                number = None if used is None else number_of(used)
                return tuple(
                    replace(each, bssid=kept[each.ssid]) if each.id == number and each.ssid in kept else each
                    for each in profiles
                )
        return profiles

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
            NotFound: the profile is gone or changed meanwhile, so that it can't be used; or NetworkManager does not
                manage the interface.
            CommandUnsafe: *bssid* or *frequencies* is none.
            LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as for ``version``.
        """
        wanted = encode_bssid(bssid)
        if not frequencies:
            raise CommandUnsafe("a pin needs at least one frequency to scan", where=self._interface)
        with self._bus() as bus:
            manager = NetworkManager(bus)
            device = manager.device(self._interface, unmanaged=self._unmanaged)
            connection = next((each for each in manager.connections() if each.number == profile.id), None)
        if connection is None or connection.ssid != profile.ssid:
            raise NotFound(
                f"profile {profile.id} of NetworkManager is gone or changed meanwhile", where=self._interface
            )
        # As when it was chosen: it may have been changed since.
        now = profile_of(connection, self._interface, device.mac)
        obstacle = find_obstacle((now,), now.ssid, None, wanted, frequencies)
        if obstacle is not None:
            raise NotFound(
                f"NetworkManager's profile {connection.name!r} {obstacle.what}",
                where=self._interface,
                remedy=obstacle.remedy,
            )
        pin = self._pin(profile, wanted, device.frequencies(frequencies), connection.bssid)
        if record is not None:
            record(pin)
        self._armed = Armed(connection.path, pin, bool(connection.credentials & {"eap"}))
        return pin

    def has_device(self) -> None:
        """Make sure that NetworkManager knows the interface.

        Raises:
            SupplicantRefused: it does not.
            NotFound: it leaves it alone where it should not.
            LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as for ``version``.
        """
        with self._bus() as bus:
            NetworkManager(bus).device(self._interface, unmanaged=self._unmanaged)

    def is_starting(self) -> bool:
        """Say whether NetworkManager is still busy with its start. Raises as ``version``."""
        with self._bus() as bus:
            return NetworkManager(bus).is_starting()

    def manage(self) -> None:
        """Have NetworkManager take the interface into use. With some kernels that asks CSME for the radio.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed, SupplicantRefused: it was not done.
        """
        with self._bus() as bus:
            manager = NetworkManager(bus)
            manager.manage(manager.device(self._interface, unmanaged=True).path)

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

    def look_again(self, pin: Pin) -> None:
        """Nothing to do: who listens asks for one scan after the other until the connection stands."""
        del pin

    def end_scan(self, pin: Pin) -> None:
        """End the scan that runs. Who listens asks for one of CSME's channel then, until the connection stands.

        Raises:
            AccessDenied, TimedOut, TransportFailed, DecodeFailed, LibraryMissing: it was not done.
        """
        del pin
        with suppress(NotFound, SupplicantRefused), self._bus() as bus:  # there is none, or it has just ended
            supplicant = Supplicant(bus)
            supplicant.end_scan(supplicant.interface(self._interface))

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

    def loosen(self, pin: Pin) -> bool:
        """Undo a pin, all of it: here it drops no link. Raises as ``unpin``."""
        self.unpin(pin)
        return True

    def end_rest(self, pin: Pin, *, now: bool = False) -> bool:
        """Nothing to do: ``loosen`` leaves nothing."""
        del pin, now
        return True

    def listen(self, warn: Callable[[str], None]) -> Tuple[Listener, ...]:
        """Return who hears NetworkManager and the supplicant, and carries a pin out when the block lifts.

        Args:
            warn: told what NetworkManager or the supplicant refused, for people.

        Raises:
            LibraryMissing, NotFound, TimedOut, TransportFailed: NetworkManager can't be reached.
            AccessDenied: this user may not ask it, or the supplicant below it, for what a handover takes.
        """
        bus = self._bus()
        listener = Listener(self._interface, lambda: self._armed, bus, warn, unmanaged=self._unmanaged)
        try:
            self._check_rights(bus)
        except FleetError:
            listener.close()
            raise
        bus.go_on()
        return (listener,)

    def _check_rights(self, bus: SystemBus) -> None:
        """Make sure that an ordinary user may bring profiles up. Signals that come meanwhile stay with the bus."""
        if os.geteuid() == 0:
            return
        try:
            allowed = NetworkManager(bus).may_activate()
        except TimedOut:  # polkit only just starts; what it allows is seen when it is needed
            return
        if allowed == "unknown":
            raise AccessDenied(
                "NetworkManager can't ask polkit, and lets nobody but root bring profiles up",
                where=self._interface,
                remedy="Install polkit if it is missing, and apply the role vpro.fleet.watcher anew",
            )
        if allowed != "yes":
            raise AccessDenied(
                "NetworkManager does not let this user bring profiles up",
                where=self._interface,
                remedy="Apply the role vpro.fleet.watcher anew, which has polkit allow it, and take auth-polkit out of "
                "NetworkManager's configuration if it is root-only there",
            )

    def _mac(self, manager: NetworkManager) -> Optional[str]:
        """Return the permanent address of the interface's device; None: NetworkManager has none, or does not tell."""
        with suppress(NotFound, SupplicantRefused):
            return manager.device(self._interface, unmanaged=True).mac
        return None

    def _bus(self) -> SystemBus:
        if self._bound is None:
            return SystemBus(self._timeout, self._deadline)
        end = time.monotonic() + self._bound
        return SystemBus(self._timeout, end if self._deadline is None else min(end, self._deadline))

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


def _allowed(connection: Connection) -> Optional[FrozenSet[int]]:
    """Return the frequencies (MHz) that a profile may be on; None: any. A band without a known name has none."""
    if connection.band is None and not connection.channel:
        return None
    band = None if connection.band is None else _BANDS.get(connection.band, -1)
    try:
        if connection.channel or band is None:
            return frozenset(channels.frequencies(connection.channel, band))
        return frozenset(channels.of_band(band))
    except channels.NoSuchChannel:
        return frozenset()
