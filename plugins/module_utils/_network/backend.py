# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What whoever runs an interface has to be able to do for a handover: names, status, events, and the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Optional, Protocol, Sequence, Tuple

from .pin import Pin
from .profile import Profile


@dataclass(frozen=True)
class SupplicantStatus:
    """What a supplicant is doing. Of the connection everything is None while there is none."""

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


#: An event's name, beside wpa_supplicant's own: who runs the interface has to be found out anew. A pin may still stand.
MANAGER_GONE = "MANAGER-GONE"


#: Another: a profile may have been changed, or only been used.
PROFILE_TOUCHED = "PROFILE-TOUCHED"


class Source(Protocol):
    """Something that can be waited for and read."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""

    def read(self) -> Iterable[Any]:
        """Return what has come, without waiting."""

    def close(self) -> None:
        """Let go of it."""


class Backend(Protocol):
    """What a handover asks of whatever runs the WLAN interface."""

    @property
    def interface(self) -> str:
        """The name of the interface."""

    @property
    def manager(self) -> str:
        """What its pins say of who has them."""

    def status(self) -> SupplicantStatus:
        """Return what the supplicant is doing."""

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return every configured network, or those of one SSID."""

    def pin(
        self,
        profile: Profile,
        bssid: str,
        frequencies: Sequence[int],
        record: Optional[Callable[[Pin], None]] = None,
    ) -> Pin:
        """Narrow the supplicant to one access point; all of it or nothing. See WpaSupplicant.pin."""

    def hold(self, profile: Profile, bssid: str, record: Optional[Callable[[Pin], None]] = None) -> Pin:
        """Keep the supplicant at the access point that it is connected to. See WpaSupplicant.hold."""

    def widen(self, pin: Pin) -> bool:
        """Let later scans see every channel again, and keep the rest of a pin. See WpaSupplicant.widen."""

    def look_again(self, pin: Pin) -> None:
        """Have the frequencies of a pin scanned once more, after a scan that found nothing."""

    def end_scan(self, pin: Pin) -> None:
        """End the scan that runs, unless it can only be of a pin's frequencies, and have those scanned."""

    def holds(self, pin: Pin) -> bool:
        """Say whether a pin still stands."""

    def unpin(self, pin: Pin) -> bool:
        """Undo a pin; again and again if need be. See WpaSupplicant.unpin."""

    def loosen(self, pin: Pin) -> bool:
        """Undo of a pin what drops no link; say whether that was all of it. See WpaSupplicant.loosen."""

    def end_rest(self, pin: Pin, *, now: bool = False) -> bool:
        """Undo what ``loosen`` left; say whether that is done. See WpaSupplicant.end_rest."""

    def listen(self, warn: Callable[[str], None]) -> Sequence[Source]:
        """Return what to wait for: each gives SupplicantEvents, and the supplicant's end as one of them."""


WPA_SUPPLICANT = "wpa_supplicant"


NETWORKMANAGER = "networkmanager"


IWD = "iwd"


NONE = "none"


AUTO = "auto"


#: What a task may ask for.
BACKENDS: Tuple[str, ...] = (AUTO, WPA_SUPPLICANT, NETWORKMANAGER)
