# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface between a handover and the program that manages the wireless interface (its manager).

``Backend`` and ``Listener`` are the protocols that each manager's wing implements. The managers' names and the status
of a supplicant are here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional, Protocol, Sequence, Tuple

if TYPE_CHECKING:  # whoever wants only the managers' names loads none of these
    from .events import Event
    from .pin import Pin
    from .profile import Profile

#: The names of the managers of an interface, in backends and facts.
WPA_SUPPLICANT = "wpa_supplicant"
NETWORKMANAGER = "networkmanager"
IWD = "iwd"
NONE = "none"
AUTO = "auto"
#: The managers' names in messages for people.
NAMES = {WPA_SUPPLICANT: "wpa_supplicant", NETWORKMANAGER: "NetworkManager"}
#: The backends that a task may ask for.
BACKENDS: Tuple[str, ...] = (AUTO, WPA_SUPPLICANT, NETWORKMANAGER)
#: The process names of the managers.
PROCESSES = frozenset({"wpa_supplicant", "NetworkManager", "iwd"})


@dataclass(frozen=True)
class SupplicantStatus:
    """What a supplicant is doing.

    Attributes:
        connected: whether the link is up and its keys are in place.
        bssid: the access point. It and the next two may be set while the host still connects, and else they are None.
        ssid: the network's SSID.
        network_id: the id of the profile, as in ``Profile.id``.
    """

    connected: bool = False
    bssid: Optional[str] = None
    ssid: Optional[bytes] = None
    network_id: Optional[int] = None


class Source(Protocol):
    """Something that an event loop can wait for and read."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""

    def read(self) -> Iterable[Any]:
        """Return what has arrived, without waiting."""

    def close(self) -> None:
        """Stop listening, and free the descriptor."""


class Listener(Source, Protocol):
    """Reports the events of one interface. At some events it also does at once what a pin needs (see ``joining``)."""

    def read(self) -> Iterable[Event]:
        """Return the events that have happened, without waiting.

        Raises:
            FleetError: this listener can report no more events.
        """

    @property
    def due(self) -> Optional[float]:
        """The time, by ``time.monotonic`` in seconds, at which ``expire`` must be called. None means never."""

    def expire(self) -> None:
        """Do what is due. A call before the time ``due`` does nothing.

        Raises:
            FleetError: this listener can report no more events.
        """


#: A function that stores a pin in a journal. It is called before the pin's first change.
Record = Callable[["Pin"], None]


class Backend(Protocol):
    """The operations that a handover needs from the manager of a wireless interface."""

    @property
    def interface(self) -> str:
        """The name of the interface."""

    @property
    def manager(self) -> str:
        """The manager's name, as in ``Pin.manager``."""

    def status(self) -> SupplicantStatus:
        """Return what the supplicant is doing."""

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return every configured network, or those of one SSID."""

    def pin(
        self,
        profile: Profile,
        bssid: str,
        frequencies: Sequence[int],
        record: Optional[Record] = None,
    ) -> Pin:
        """Restrict the supplicant to one access point, completely or not at all. A link to that network stays.

        Args:
            profile: an enabled profile, from ``profiles``.
            bssid: the address of the access point.
            frequencies: every frequency in MHz that the access point may be on.
            record: see ``Record``. If it raises an exception, nothing is pinned.

        Raises:
            FleetError: the profile or the manager is gone, or a step failed. The steps before it are undone, if the
                manager allows that. ``unpin`` can be called to try that again.
        """

    def stay(self, profile: Profile, bssid: str, record: Optional[Record] = None) -> Pin:
        """Keep the supplicant at the access point that it is connected to. The link stays.

        Args:
            profile: the profile by which it is connected.
            bssid: the address of that access point.
            record: as for ``pin``.

        Raises:
            FleetError: as for ``pin``.
        """

    def stands(self, pin: Pin) -> bool:
        """Say whether a pin is still set."""

    def unpin(self, pin: Pin) -> bool:
        """Undo a pin, as far as it still stands: what somebody else changed meanwhile is left alone.

        A second call does nothing. Returns whether anything was undone.

        Raises:
            NotFound: the manager is gone, and the pin with it.
            FleetError: the manager refuses or does not answer.
        """

    def loosen(self, pin: Pin) -> str:
        """Undo a pin without dropping the link. The manager keeps what would drop it for ``settle``.

        Returns:
            What the part that is left means for the host, as a text for people. It is empty when nothing is left.

        Raises:
            FleetError: as for ``unpin``. This can be called again.
        """

    def settle(self, *, now: bool = False) -> bool:
        """Undo what ``loosen`` left, if the link has ended. An earlier process may have left it.

        Args:
            now: undo it also if that drops a link.

        Returns:
            Whether nothing is left for this interface.

        Raises:
            FleetError: the manager refuses or does not answer. This can be called again.
        """

    def ask_for_address(self) -> bool:
        """Make the manager's own DHCP client begin again. Return False if it has none for this interface.

        Raises:
            FleetError: the manager refuses or does not answer.
        """

    def may_test_addresses(self) -> bool:
        """Say whether the manager's own DHCP client tests an address for a while before the interface gets it.

        Raises:
            FleetError: the manager does not answer.
        """

    def listen(self, warn: Callable[[str], None]) -> Sequence[Listener]:
        """Return the listeners that report the interface's events, including the end of the supplicant.

        Args:
            warn: is called with a text for people when something that a pin needs could not be done.
        """
