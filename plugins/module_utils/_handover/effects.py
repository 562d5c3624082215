# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a handover does on one radio, and what it hears of it: actions become calls, what is heard becomes events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Union

from .._network.backend import WPA_SUPPLICANT, Backend
from .._network.pin import Pin
from .._radio import rtnetlink
from .._radio.radio import routable
from .._radio.rfkill import RfkillEvent
from .._radio.rtnetlink import AddressEvent
from .._radio.values import Radio
from .._system import dhcp
from .._system.errors import FleetError
from .._system.run_folder import FOLDER, clear_journal, write_journal
from .deferred import Rest, over_rest, retried
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
    RequestOwnership,
    SetPin,
    SoftBlocked,
    Stay,
    SwitchedOff,
    Unpin,
)


@dataclass(frozen=True)
class Calls:
    """What ``Hands`` calls.

    Attributes:
        request: asks for the radio.
        ask: makes the DHCP client of an interface begin anew.
        mark: told what was done, by name: ``requested``, ``address_asked``, ``unpinned``.
    """

    request: Callable[[], None]
    ask: Callable[[dhcp.Client, str], None] = dhcp.ask_through_pipe
    mark: Callable[[str], None] = lambda name: None


class Hands:
    """Does on one radio what the machine of a handover asks for.

    Args:
        radio: the radio.
        supplicant: who runs the interface; None when nobody does.
        calls: what it calls.
        rest: keeps the part of a pin that has to wait for the end of the link. None: the caller ends before the link
            does, so the whole pin is undone at once.
        folder: where the journal is.
    """

    def __init__(
        self,
        radio: Radio,
        supplicant: Optional[Backend],
        calls: Calls,
        rest: Optional[Rest] = None,
        folder: str = FOLDER,
    ) -> None:
        self._radio = radio
        # Both exist on a radio that was seen to be CSME's; these never match anything else.
        self._ifindex: int = -1 if radio.ifindex is None else radio.ifindex
        self._switch_index: int = -1 if radio.switch is None else radio.switch.index
        #: Who runs the interface. A resident keeps it up to date.
        self.supplicant = supplicant
        self._calls = calls
        self._rest = rest
        self._folder = folder
        #: What is with the supplicant, or may be.
        self.pin: Optional[Pin] = None
        #: What went wrong without ending the handover, for people.
        self.warnings: List[str] = []

    # -- what is done ---------------------------------------------------------------------------------------------

    def do(self, action: Action) -> Optional[Event]:
        """Carry out *action*, unless it is a timer's; return the event that answers it at once.

        Raises:
            FleetError: a transport failed. A failed pin is an event, and a failed un-pin a warning.
        """
        if isinstance(action, (SetPin, Stay)):
            return self._do_pin(action)
        if isinstance(action, Unpin):
            self.unpin()
        elif isinstance(action, Forget):
            self.forget()
        elif isinstance(action, RequestOwnership):
            self._calls.mark("requested")
            self._calls.request()
        return None

    def has_address(self) -> bool:
        """Say whether the interface has an address that is not link-local.

        Raises:
            LibraryMissing, TransportFailed, TimedOut, DecodeFailed: as rtnetlink.
        """
        return bool(routable(rtnetlink.addresses(self._ifindex)))

    def look_for_address(self) -> Optional[bool]:
        """As ``has_address``. Where the addresses can't be read, return None and add a warning."""
        try:
            return self.has_address()
        except FleetError as error:
            self.warnings.append(f"the addresses can't be read: {error}")
            return None

    def ask_for_address(self, *, in_handover: bool = True) -> Optional[dhcp.Client]:
        """Have whoever runs DHCP on the interface begin anew; return who that is, None if nobody is asked.

        A failure is a warning.

        Args:
            in_handover: CSME waits for the address. Where it does not, only a client that loses its first message is
                asked.
        """
        interface = self._radio.interface
        if interface is None or (self.supplicant is not None and self.supplicant.manager != WPA_SUPPLICANT):
            return None  # who else runs an interface has a DHCP client of its own, which begins when the port is open
        client = dhcp.find_client(interface, self._ifindex)
        if client is None or not (in_handover or client.loses_its_first_message):
            return None
        self._calls.mark("address_asked")
        try:
            self._calls.ask(client, interface)
        except FleetError as error:
            self.warnings.append(f"no address came, and who runs DHCP was not asked anew: {error}")
        return client

    def _do_pin(self, action: Union[SetPin, Stay]) -> Optional[Event]:
        if self.supplicant is None:
            return PinFailed()
        self.unpin(now=isinstance(action, SetPin))
        if self.pin is not None:  # how things were before it would be forgotten
            return PinFailed()

        def record(pin: Pin) -> Pin:
            self.pin = over_rest(self._radio.phy, pin, self._folder)
            write_journal(self._radio.phy, {"pin": self.pin.as_dict()}, self._folder)
            return self.pin

        try:
            if isinstance(action, Stay):
                self.supplicant.stay(action.profile, action.bssid, record)
                return None
            self.supplicant.pin(action.profile, action.bssid, action.frequencies, record)
        except FleetError as error:
            self.warnings.append(f"the pin failed: {error}")
            return PinFailed()
        return Pinned()

    def unpin(self, *, now: bool = False) -> None:
        """Undo the pin. What can't be undone now stays in the journal for whoever comes next.

        Args:
            now: leave nothing for the end of a link, even where that drops the link.
        """
        pin, supplicant = self.pin, self.supplicant
        if pin is None or supplicant is None:
            return
        try:
            if self._rest is None or now:
                retried(supplicant.unpin, pin)
            elif retried(supplicant.loosen, pin) is False:
                self._rest.keep(pin)
            clear_journal(self._radio.phy, self._folder)
        except FleetError as error:
            self.warnings.append(f"the pin could not be undone: {error}. The journal keeps it for the next run")
            return
        self.pin = None
        self._calls.mark("unpinned")

    def forget(self) -> None:
        """Take note that the pin is gone with its supplicant."""
        self.pin = None
        clear_journal(self._radio.phy, self._folder)

    # -- what is heard --------------------------------------------------------------------------------------------

    def from_rfkill(self, heard: Any) -> Optional[Event]:
        """Return what a record of rfkill means for this radio; None: nothing."""
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
        """Return what an address that came or went means for this radio; None: nothing."""
        if not isinstance(heard, AddressEvent) or not heard.added or heard.ifindex != self._ifindex:
            return None
        return AddressArrived() if routable((heard.address,)) else None
