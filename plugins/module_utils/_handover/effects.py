# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out a handover's actions on one radio, and turning reports about the radio into events."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

from .._network.backend import NAMES, WPA_SUPPLICANT, Backend
from .._network.pin import Pin
from .._network.profile import Profile, find_profile_or_obstacle
from .._radio import rtnetlink
from .._radio.connection import PartialConnection, Reported
from .._radio.own_address import present_address
from .._radio.radio import routable
from .._radio.rfkill import RfkillEvent
from .._radio.rtnetlink import Address, AddressEvent
from .._radio.values import Radio
from .._system import dhcp
from .._system.errors import FleetError, NotFound
from .._system.places import PLACES, Places
from .._system.run_folder import clear_journal, write_journal
from .addressing import NoAddress
from .messages import (
    Action,
    AddressArrived,
    BlockBack,
    BlockGone,
    Event,
    Forget,
    InterfaceGone,
    PinFailed,
    Pinned,
    ReadConnection,
    RequestOwnership,
    Seen,
    SetPin,
    SoftBlocked,
    Stay,
    SwitchedOff,
    Unheard,
    Unpin,
    Unread,
)
from .words import network_name


@dataclass(frozen=True)
class Calls:
    """The functions that ``Effects`` calls.

    Attributes:
        request: asks CSME for the radio. It returns False if the driver waited for CSME in vain.
        read: reads CSME's connection.
        ask: makes the DHCP client of an interface ask again.
        mark: is called with the name of each thing that was done: ``requested``, ``address_asked``, ``unpinned``.
        waits: says whether a handover waits for the connection and its address. If none does, the host need not have
            CSME's MAC address, and only a DHCP client that loses its first message is asked again.
    """

    request: Callable[[], bool]
    read: Callable[[], Optional[Reported]]
    ask: Callable[[dhcp.Client, str], None] = dhcp.ask_through_pipe
    mark: Callable[[str], None] = lambda name: None
    waits: Callable[[], bool] = lambda: True


class Effects:
    """Carries out the actions of a handover on one radio.

    Args:
        radio: the radio.
        backend: the manager of the interface, or None when there is none.
        calls: the functions that it calls.
        settles: whether the caller will call ``Backend.settle`` when the link has ended. If not, the whole pin is
            undone at once, even if that drops the link.
        places: where the files are.
    """

    def __init__(
        self,
        radio: Radio,
        backend: Optional[Backend],
        calls: Calls,
        *,
        settles: bool = False,
        places: Places = PLACES,
    ) -> None:
        self._radio = radio
        # Both are known if the radio was seen to be CSME's. Otherwise -1 matches no event.
        self._ifindex: int = -1 if radio.ifindex is None else radio.ifindex
        self._switch_index: int = -1 if radio.switch is None else radio.switch.index
        #: The manager of the interface. The watcher keeps it up to date.
        self.backend = backend
        self._calls = calls
        self._settles = settles
        self._places = places
        #: The pin that the supplicant has or may have.
        self.pin: Optional[Pin] = None
        #: A text for people: what it means for the host that a part of a pin waits for the end of the link. It is empty
        #: when nothing waits.
        self.left = ""
        #: Texts for people about failures that did not end the handover.
        self.warnings: List[str] = []

    # -- what is done ---------------------------------------------------------------------------------------------

    def do(self, action: Action) -> Optional[Event]:
        """Carry out *action*, unless it is about a timer. Return the event that answers it at once, or None.

        Raises:
            FleetError: a transport failed. A failed pin is an event instead, and a pin that can't be undone a warning.
        """
        if isinstance(action, (SetPin, Stay)):
            return self._do_pin(action)
        if isinstance(action, Unpin):
            self.unpin()
        elif isinstance(action, Forget):
            self.forget()
        elif isinstance(action, ReadConnection):
            return self._read_connection(action)
        elif isinstance(action, RequestOwnership):
            self._calls.mark("requested")
            return None if self._calls.request() else Unheard()
        return None

    def read_address(self) -> Optional[AddressArrived]:
        """Return the event for the address that the interface has, or None if it has none that counts.

        Raises:
            LibraryMissing, TransportFailed, TimedOut, DecodeFailed: see ``rtnetlink.addresses``.
        """
        return self._arrived(rtnetlink.addresses(self._ifindex))

    def look_for_address(self) -> Union[AddressArrived, NoAddress, None]:
        """Return the answer to ``LookForAddress``. If the addresses can't be read, warn and return None."""
        try:
            return self.read_address() or NoAddress(self._is_tested())
        except FleetError as error:
            self.warnings.append(f"the addresses can't be read: {error}")
            return None

    def _arrived(self, addresses: Tuple[Address, ...]) -> Optional[AddressArrived]:
        """Return the event if one of the addresses counts: CSME sees that the host has it by DHCP, so it is of IPv4."""
        if not routable(tuple(address for address in addresses if address.family == "inet")):
            return None
        return AddressArrived(same_host=not self._calls.waits() or self._is_same_host())

    def _is_same_host(self) -> bool:
        """Say whether the interface has CSME's MAC address. If not, warn."""
        try:
            other = present_address(self._radio.interface or "", self._places.root)
        except FleetError as error:
            self._warn_once(f"the MAC address of the interface can't be read: {error}")
            return False
        if other is not None:
            self._warn_once(f"{other.what}. {other.remedy}")
        return other is None

    def _warn_once(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    @property
    def _has_own_client(self) -> bool:
        """Whether the interface's manager has a DHCP client of its own."""
        return self.backend is not None and self.backend.manager != WPA_SUPPLICANT

    def _is_tested(self) -> bool:
        """Say whether a DHCP client of the manager's own may have an address and still test it.

        Only a handover asks such a client again, so only then it matters. If the manager does not answer, it may.
        """
        if self.backend is None or not self._has_own_client or not self._calls.waits():
            return False
        try:
            return self.backend.may_test_addresses()
        except FleetError:
            return True

    def ask_for_address(self) -> Optional[str]:
        """Make the DHCP client of the interface ask again. Return the client's name, or None if none was asked.

        A failure is a warning.
        """
        interface = self._radio.interface
        if interface is None:
            return None
        try:
            if self.backend is not None and self._has_own_client:
                if not (self._calls.waits() and self.backend.ask_for_address()):
                    return None
                self._calls.mark("address_asked")
                return NAMES[self.backend.manager]
            client = dhcp.find_client(interface, self._ifindex, self._places.root)
            if client is None or not (self._calls.waits() or client.loses_its_first_message):
                return None
            self._calls.mark("address_asked")
            self._calls.ask(client, interface)
        except FleetError as error:
            self.warnings.append(f"no address came, and the DHCP client could not be asked again: {error}")
            return None
        return client.value

    def _read_connection(self, last: ReadConnection) -> Event:
        try:
            now = self._calls.read()
            if now is None or now == last.connection or self.backend is None:
                return Seen(now, last.profile if now == last.connection else None)
            if isinstance(now, PartialConnection):
                self._warn_once(f"a part of CSME's connection can't be read again{network_name(now)}")
                return Seen(now, None)
            mine, before = last.profile, last.connection
            if mine is not None and before is not None and (mine.ssid, before.auth) == (now.ssid, now.auth):
                # It is the same network. The manager would tell the profile with its pin, which is for the old place.
                profiles: Tuple[Profile, ...] = (mine,)
            else:
                profiles = self._unpinned(self.backend.profiles(now.ssid))
            return Seen(now, *find_profile_or_obstacle(profiles, now))
        except FleetError as error:
            self._warn_once(f"CSME's connection can't be read again: {error}")
            return Unread()

    def _unpinned(self, profiles: Sequence[Profile]) -> Tuple[Profile, ...]:
        """Return profiles as they were before the pin, which disabled those that it is not for."""
        mine = () if self.pin is None else self.pin.disabled
        return tuple(replace(each, enabled=True) if (each.id, each.ssid.hex()) in mine else each for each in profiles)

    def _do_pin(self, action: Union[SetPin, Stay]) -> Optional[Event]:
        if self.backend is None:
            return PinFailed()
        doubt = action.profile.doubt
        if isinstance(action, SetPin) and doubt is not None:
            self._warn_once(f"{doubt.what}. {doubt.remedy}")
        self.unpin(now=isinstance(action, SetPin))
        if self.pin is not None:  # the old pin could not be undone, and a new one would lose its old values
            return PinFailed()

        def record(pin: Pin) -> None:
            self.pin = pin
            write_journal(self._radio.phy, {"pin": pin.as_dict()}, self._places)

        try:
            if isinstance(action, Stay):
                self.backend.stay(action.profile, action.bssid, record)
                return None
            self.backend.pin(action.profile, action.bssid, action.frequencies, record)
        except FleetError as error:
            self.warnings.append(f"the pin failed: {error}")
            return PinFailed()
        return Pinned()

    def unpin(self, *, now: bool = False) -> None:
        """Undo the pin. If that fails, the journal stays, and a later run can undo the pin.

        Args:
            now: undo the whole pin, even if that drops the link.
        """
        pin, backend = self.pin, self.backend
        if pin is None or backend is None:
            return
        try:
            with suppress(NotFound):  # the manager is gone, and the pin with it
                if self._settles and not now:
                    self.left = backend.loosen(pin) or self.left
                else:
                    backend.unpin(pin)
            clear_journal(self._radio.phy, self._places)
        except FleetError as error:
            self.warnings.append(f"the pin could not be undone: {error}. The journal keeps it for the next attempt")
            return
        self.pin = None
        self._calls.mark("unpinned")

    def forget(self) -> None:
        """Handle that the pin is gone with its supplicant."""
        self.pin = None
        clear_journal(self._radio.phy, self._places)

    # -- what is heard --------------------------------------------------------------------------------------------

    def from_rfkill(self, heard: Any) -> Optional[Event]:
        """Return the event for a report of rfkill, or None if it does not concern this radio."""
        if not isinstance(heard, RfkillEvent) or heard.index != self._switch_index:
            return None
        if heard.op == "del":
            return InterfaceGone()  # the switch goes with its radio
        if heard.op not in ("add", "change"):
            return None
        if heard.soft:
            return SoftBlocked()
        if not heard.hard:
            return BlockGone()
        return SwitchedOff() if heard.off else BlockBack()

    def from_address(self, heard: Any) -> Optional[Event]:
        """Return the event for a report about an address, or None if it does not concern this radio."""
        if not isinstance(heard, AddressEvent) or not heard.added or heard.ifindex != self._ifindex:
            return None
        return self._arrived((heard.address,))
