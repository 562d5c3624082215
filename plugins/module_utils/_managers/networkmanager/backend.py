# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager as the backend of a handover.

NetworkManager itself does not know of a pin. ``_managers/networkmanager/joining.py`` explains how the host joins CSME's
network in time and stays at one access point, without storing anything.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Callable, List, Optional, Sequence, Tuple

from ..._network.backend import Record, SupplicantStatus
from ..._network.limits import Target
from ..._network.pin import Pin
from ..._network.profile import Profile, find_obstacle
from ..._network.values import CommandUnsafe, encode_bssid
from ..._system.dbus import SystemBus
from ..._system.errors import AccessDenied, FleetError, NotFound, SupplicantRefused, TimedOut
from ..._system.patience import PATIENCE, Patience
from .client import Device, NetworkManager, may_test_addresses
from .listener import Armed, Listener
from .names import COMPLETED, WPA, number_of, path_of
from .profiles import SECRET, UNTOLD, judged
from .supplicant import Supplicant, SupplicantNetwork


class NetworkManagerBackend:
    """NetworkManager on one interface.

    Each call opens its own connection to the bus. A listener keeps its connection until it is closed.

    Args:
        interface: the name of the interface.
        patience: how long to wait for NetworkManager's answers.
        unmanaged: whether NetworkManager leaves the interface alone until ``manage``.
    """

    #: The manager's name in its pins.
    manager = "networkmanager"

    def __init__(
        self,
        interface: str,
        patience: Patience = PATIENCE,
        *,
        unmanaged: bool = False,
    ) -> None:
        self._interface = interface
        self._unmanaged = unmanaged
        self._patience = patience
        #: The pin that a listener has to carry out, from ``pin`` to ``unpin``.
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
        """Return what the supplicant below is doing. While the radio is blocked, NetworkManager gives it no interface.

        The id is that of NetworkManager's profile.

        Raises:
            NotFound: NetworkManager does not manage the interface.
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: NetworkManager can't be reached.
        """
        with self._bus() as bus:
            manager, supplicant = NetworkManager(bus), Supplicant(bus)
            device = manager.device(self._interface).path
            try:
                interface = supplicant.interface(self._interface)
                state = supplicant.state(interface)
            except (NotFound, SupplicantRefused):
                return SupplicantStatus()
            ssid, bssid = supplicant.network_in_use(interface)
            path = manager.active(device)
            number = None if path is None else number_of(path)
            return SupplicantStatus(state == COMPLETED, bssid, ssid, number)

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return every Wi-Fi profile, or those of one SSID.

        With an SSID, and for root, the profiles have only those credentials that the system really has.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``version``.
        """
        with self._bus() as bus:
            manager = NetworkManager(bus)
            connections = manager.connections()
            device = self._device(manager)
            used = manager.active(device.path) if device is not None and device.connected else None
        in_use = next((each for each in connections if each.path == used), None)
        mine = [each for each in connections if ssid is None or each.ssid == ssid]
        profiles = judged(mine, self._interface, None if device is None else device.mac, in_use)
        return profiles if ssid is None else self.as_stored(profiles, ssid)

    def as_stored(self, profiles: Sequence[Profile], ssid: bytes) -> Tuple[Profile, ...]:
        """Return profiles after checking that the system has the secrets of those for one network.

        A profile that lacks a secret is returned without credentials, and as not enabled. NetworkManager would have to
        ask an agent for the secret. A laptop that boots has no agent, and a session does not wait for people. Only root
        can check this. Other users get the profiles unchanged.

        Args:
            profiles: the profiles from ``profiles``.
            ssid: the network's SSID.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TransportFailed, DecodeFailed: see ``version``.
        """
        doubtful = [each for each in profiles if each.ssid == ssid and each.enabled and each.credentials & SECRET]
        if not doubtful or os.geteuid() != 0:
            return tuple(profiles)
        with self._bus() as bus:
            manager = NetworkManager(bus)
            lacking = {each.id for each in doubtful if manager.lacks_a_secret(path_of(each.id))}
        return tuple(
            replace(each, enabled=False, credentials=frozenset(), obstacle=UNTOLD) if each.id in lacking else each
            for each in profiles
        )

    def profiles_in_effect(self) -> Tuple[Profile, ...]:
        """Return every Wi-Fi profile. The one in use has the access point to which the supplicant below is restricted.

        This is for the facts. It starts no service. If the supplicant does not answer, the profiles are unchanged. It
        raises the errors of ``profiles``.
        """
        profiles = self.profiles()
        with suppress(FleetError), self._bus() as bus:
            if not bus.has_owner(WPA):  # any question would make the bus start wpa_supplicant
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
        record: Optional[Record] = None,
    ) -> Pin:
        """Prepare a pin to one access point with a profile. A listener carries it out as soon as the block lifts.

        Args:
            profile: an enabled profile, from ``profiles``.
            bssid: the address of the access point.
            frequencies: every frequency in MHz that the access point may be on.
            record: see ``Record``. If it raises an exception, nothing is pinned.

        Raises:
            NotFound: the profile is gone, or was changed meanwhile so that it can't be used. Or NetworkManager does not
                manage the interface.
            CommandUnsafe: *bssid* is not valid, or *frequencies* is empty.
            LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``version``.
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
        # The checks of its choice are made again, because it may have been changed since.
        (now,) = judged([connection], self._interface, device.mac)
        obstacle = find_obstacle((now,), Target(now.ssid, None, wanted, tuple(frequencies)))
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
        """Check that NetworkManager knows the interface.

        Raises:
            SupplicantRefused: NetworkManager does not know the interface.
            NotFound: NetworkManager leaves the interface alone, but should manage it.
            LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``version``.
        """
        with self._bus() as bus:
            NetworkManager(bus).device(self._interface, unmanaged=self._unmanaged)

    def is_starting(self) -> bool:
        """Say whether NetworkManager is still busy with its start. This raises the errors of ``version``."""
        with self._bus() as bus:
            return NetworkManager(bus).is_starting()

    def manage(self) -> None:
        """Tell NetworkManager to manage the interface. With some kernels, that asks CSME for the radio.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed, SupplicantRefused: it was not done.
        """
        with self._bus() as bus:
            manager = NetworkManager(bus)
            manager.manage(manager.device(self._interface, unmanaged=True).path)

    def stay(self, profile: Profile, bssid: str, record: Optional[Record] = None) -> Pin:
        """Keep the supplicant at the access point to which it is connected, and change nothing else.

        Args:
            profile: the connected profile.
            bssid: the address of the access point to which it is connected.
            record: see ``Record``. If it raises an exception, nothing is changed.

        Raises:
            NotFound: the supplicant has no network of that SSID.
            CommandUnsafe: *bssid* is not valid.
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

    def stands(self, pin: Pin) -> bool:
        """Say whether the supplicant still has a pin. This raises the errors of ``unpin``."""
        with self._bus() as bus:
            return bool(self._kept(Supplicant(bus), pin))

    def unpin(self, pin: Pin) -> bool:
        """Undo a pin without dropping the link.

        Returns:
            Whether anything was set back.

        Raises:
            NotFound: the pin belongs to another interface.
            SupplicantRefused, AccessDenied, TimedOut, TransportFailed, DecodeFailed, LibraryMissing: it failed. This
                can be called again.
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

    def loosen(self, pin: Pin) -> str:
        """Undo the whole pin, which does not drop the link here. This raises the errors of ``unpin``."""
        self.unpin(pin)
        return ""

    def settle(self, *, now: bool = False) -> bool:
        """Do nothing, because ``loosen`` leaves nothing."""
        del now
        return True

    def ask_for_address(self) -> bool:
        """Make NetworkManager's DHCP client begin again. Return False if the profile in use has no DHCP for IPv4.

        Raises:
            NotFound, SupplicantRefused: NetworkManager does not manage the interface, or no profile is active on it.
            LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``version``.
        """
        with self._bus() as bus:
            manager = NetworkManager(bus)
            return manager.restart_dhcp(manager.device(self._interface).path)

    def may_test_addresses(self) -> bool:
        """Say whether this version of NetworkManager tests an address before the interface gets it.

        Raises:
            LibraryMissing, NotFound, AccessDenied, TimedOut, TransportFailed: see ``version``.
        """
        return may_test_addresses(self.version())

    def listen(self, warn: Callable[[str], None]) -> Tuple[Listener, ...]:
        """Return the listener to NetworkManager and the supplicant. It carries out a pin when the block lifts.

        Args:
            warn: is called with a text for people when NetworkManager or the supplicant refused something.

        Raises:
            LibraryMissing, NotFound, TimedOut, TransportFailed: NetworkManager can't be reached.
            AccessDenied: this user lacks a right that a handover needs, in NetworkManager or its supplicant.
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
        """Check that an ordinary user may bring profiles up. Signals that come meanwhile are kept."""
        if os.geteuid() == 0:
            return
        try:
            allowed = NetworkManager(bus).may_activate()
        except TimedOut:  # polkit is still starting, so its answer is not known yet
            return
        if allowed == "unknown":
            raise AccessDenied(
                "NetworkManager can't ask polkit, so only root may bring profiles up",
                where=self._interface,
                remedy="Install polkit if it is missing, and apply the role vpro.fleet.watcher again",
            )
        if allowed != "yes":
            raise AccessDenied(
                "NetworkManager does not let this user bring profiles up",
                where=self._interface,
                remedy="Apply the role vpro.fleet.watcher again, which lets polkit allow it. If NetworkManager's "
                "configuration has auth-polkit=root-only, remove that",
            )

    def _device(self, manager: NetworkManager) -> Optional[Device]:
        """Return the interface's device, or None if NetworkManager has none."""
        with suppress(NotFound, SupplicantRefused):
            return manager.device(self._interface, unmanaged=True)
        return None

    def _bus(self) -> SystemBus:
        return SystemBus(self._patience)

    def _kept(self, supplicant: Supplicant, pin: Pin) -> List[SupplicantNetwork]:
        """Return the supplicant's networks that are still restricted to an access point, only because of a pin."""
        if pin.bssid == pin.previous_bssid:
            return []
        try:
            networks = supplicant.networks(supplicant.interface(self._interface))
        except (NotFound, SupplicantRefused):
            # wpa_supplicant does not have the interface or does not run, so the pin is gone.
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
