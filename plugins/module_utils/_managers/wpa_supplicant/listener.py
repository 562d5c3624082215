# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hearing wpa_supplicant on one interface, and doing for a pin what has to follow at once."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Optional, Protocol, Tuple

from ..._network import events
from ..._network.events import Connected, Disconnected, ScanStarted
from ..._network.pin import Pin
from ..._system.errors import FleetError
from ..._system.process import ProcessEnd
from . import joining
from .codec import SupplicantEvent
from .joining import Joining, LookAgain, NothingFound, NotSearching, WidenScan
from .monitor import WpaMonitor

#: What it says of a connection and of its networks (wpa_ctrl.h), but for that which carries something.
_EVENTS: Dict[str, events.Event] = {
    "CTRL-EVENT-SCAN-STARTED": ScanStarted(),
    "CTRL-EVENT-DISCONNECTED": Disconnected(),
    "CTRL-EVENT-TERMINATING": events.SupplicantGone(),
    "CTRL-EVENT-NETWORK-ADDED": events.ProfilesChanged(),
    "CTRL-EVENT-NETWORK-REMOVED": events.ProfilesChanged(),
}
#: What it means that something could not be done. Un-pinning tries the first again; the supplicant, the second.
_FAILED: Dict[type, str] = {
    WidenScan: "the supplicant still scans the channels of the pin alone",
    LookAgain: "the supplicant did not look for the access point again",
}


class Pinning(Protocol):
    """What is done for a pin on the way to a connection. See WpaSupplicant."""

    def widen(self, pin: Pin) -> bool:
        """Give the pinned network its usual frequencies back; say whether it was the moment for that."""

    def look_again(self, pin: Pin) -> None:
        """Have the pin's frequencies scanned at once."""


def translate(said: SupplicantEvent) -> Optional[events.Event]:
    """Return what wpa_supplicant said in words that are no manager's own; None for what nobody waits for."""
    if said.name == "CTRL-EVENT-CONNECTED":
        return Connected(said.bssid or "")
    return _EVENTS.get(said.name)


class _Untimed:
    """A listener that has no timer."""

    @property
    def due(self) -> Optional[float]:
        """None: ``expire`` need not be called."""
        return None

    def expire(self) -> None:
        """Do nothing."""


class Listener(_Untimed):
    """Hears wpa_supplicant, and does what ``joining`` says.

    Args:
        monitor: its events. They are closed with this.
        supplicant: who carries it out.
        armed: returns the pin that stands on the way to a connection; None: none does.
        warn: told what could not be done.
    """

    def __init__(
        self,
        monitor: WpaMonitor,
        supplicant: Pinning,
        armed: Callable[[], Optional[Pin]],
        warn: Callable[[str], None],
    ) -> None:
        self._monitor = monitor
        self._supplicant = supplicant
        self._armed = armed
        self._warn = warn
        #: How far the pin came that is carried out, and which pin that is.
        self._joining = Joining()
        self._carried: Optional[Pin] = None

    def fileno(self) -> int:
        """Return the descriptor to wait for; -1 after ``close``."""
        return self._monitor.fileno()

    def close(self) -> None:
        """Listen no more."""
        self._monitor.close()

    def read(self) -> Tuple[events.Event, ...]:
        """Return what has happened, without waiting. Call it once before the first wait.

        Raises:
            NotFound, TransportFailed: the connection to wpa_supplicant is over.
        """
        found: List[events.Event] = []
        for said in self._monitor.read():
            event = translate(said)
            if event is not None:
                found.append(event)
            if isinstance(event, (ScanStarted, Connected, Disconnected)):
                self._follow(event)
            elif said.name == "CTRL-EVENT-NETWORK-NOT-FOUND":
                self._follow(NothingFound())
        return tuple(found)

    def _follow(self, heard: joining.Heard) -> None:
        pin = self._armed()
        if pin is None:
            return
        if pin is not self._carried:
            self._carried, self._joining = pin, Joining()
        self._joining, actions = joining.step(self._joining, heard)
        for action in actions:
            try:
                if isinstance(action, WidenScan):
                    if not self._supplicant.widen(pin):
                        self._joining, _none = joining.step(self._joining, NotSearching())
                else:
                    self._supplicant.look_again(pin)
            except FleetError as error:
                self._warn(f"{_FAILED[type(action)]}: {error}")


class Ending(_Untimed, ProcessEnd):
    """The end of wpa_supplicant's process, which says nothing when it is killed, as what it says when it ends."""

    def read(self) -> Iterable[events.Event]:
        """Return the end, once it has come."""
        return tuple(events.SupplicantGone() for _end in super().read())
