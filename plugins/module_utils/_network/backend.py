# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What whoever runs an interface has to be able to do for a handover: names, status, events, and the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Optional, Protocol, Sequence, Tuple

from .events import Event
from .pin import Pin
from .profile import Profile

#: Who may run an interface, as backends and facts call them.
WPA_SUPPLICANT = "wpa_supplicant"
NETWORKMANAGER = "networkmanager"
IWD = "iwd"
NONE = "none"
AUTO = "auto"
#: What people call who runs an interface.
NAMES = {WPA_SUPPLICANT: "wpa_supplicant", NETWORKMANAGER: "NetworkManager"}
#: What a task may ask for.
BACKENDS: Tuple[str, ...] = (AUTO, WPA_SUPPLICANT, NETWORKMANAGER)
#: The programs that run interfaces, by the names of their processes.
PROCESSES = frozenset({"wpa_supplicant", "NetworkManager", "iwd"})


@dataclass(frozen=True)
class SupplicantStatus:
    """What a supplicant is doing. While there is no connection, all that is about one is None."""

    #: wpa_supplicant's state: COMPLETED, SCANNING, INTERFACE_DISABLED, ...
    state: str
    bssid: Optional[str] = None
    ssid: Optional[bytes] = None
    network_id: Optional[int] = None
    #: MHz.
    frequency: Optional[int] = None
    key_mgmt: Optional[str] = None
    #: The interface's MAC address.
    address: Optional[str] = None

    @property
    def connected(self) -> bool:
        """Say whether the link is up and its keys are in place."""
        return self.state == "COMPLETED"


class Source(Protocol):
    """Something that can be waited for and read."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""

    def read(self) -> Iterable[Any]:
        """Return what has come, without waiting."""

    def close(self) -> None:
        """Let go of it."""


class Listener(Source, Protocol):
    """What tells of one interface. It also does at once what a pin needs when something is heard."""

    def read(self) -> Iterable[Event]:
        """Return what has happened, without waiting.

        Raises:
            FleetError: nothing more will be heard here.
        """

    @property
    def due(self) -> Optional[float]:
        """When ``expire`` has to be called, by ``time.monotonic`` (s); None: it need not be."""

    def expire(self) -> None:
        """Do what is due. It may be called too early, and does nothing then.

        Raises:
            FleetError: nothing more will be heard here.
        """


#: Takes a pin before the first change, for a journal. It returns the pin to go by from then on; None: that one.
Record = Callable[[Pin], Optional[Pin]]


class Backend(Protocol):
    """What a handover asks of whatever runs the WLAN interface."""

    @property
    def interface(self) -> str:
        """The name of the interface."""

    @property
    def manager(self) -> str:
        """The manager's name, as its pins have it."""

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
        """Narrow the supplicant to one access point, wholly or not at all. See WpaSupplicant.pin."""

    def hold(self, profile: Profile, bssid: str, record: Optional[Record] = None) -> Pin:
        """Keep the supplicant at the access point that it is connected to. See WpaSupplicant.hold."""

    def holds(self, pin: Pin) -> bool:
        """Say whether a pin still stands."""

    def unpin(self, pin: Pin) -> bool:
        """Undo a pin. It may be called again. See WpaSupplicant.unpin."""

    def loosen(self, pin: Pin) -> bool:
        """Undo as much of a pin as drops no link. Say whether that was all of it. See WpaSupplicant.loosen."""

    def end_rest(self, pin: Pin, *, now: bool = False) -> bool:
        """Undo what ``loosen`` left. Say whether that is done. See WpaSupplicant.end_rest."""

    def listen(self, warn: Callable[[str], None]) -> Sequence[Listener]:
        """Return what tells of the interface: the supplicant's end is one of the events.

        Args:
            warn: told, in words for people, what could not be done for a pin.
        """
