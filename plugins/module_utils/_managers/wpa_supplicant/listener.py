# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listening to wpa_supplicant on one interface, and carrying out the actions that a pin needs at once."""

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

#: The events for wpa_supplicant's messages (wpa_ctrl.h). CTRL-EVENT-CONNECTED is handled apart, because it has a value.
_EVENTS: Dict[str, events.Event] = {
    "CTRL-EVENT-SCAN-STARTED": ScanStarted(),
    "CTRL-EVENT-DISCONNECTED": Disconnected(),
    "CTRL-EVENT-TERMINATING": events.SupplicantGone(),
    "CTRL-EVENT-NETWORK-ADDED": events.ProfilesChanged(),
    "CTRL-EVENT-NETWORK-REMOVED": events.ProfilesChanged(),
}
#: The warnings when an action failed. Undoing the pin tries the first again, and the supplicant tries the second.
_FAILED: Dict[type, str] = {
    WidenScan: "the supplicant still scans only the channels of the pin",
    LookAgain: "the supplicant did not look for the access point again",
}


class Pinning(Protocol):
    """The actions that a pin needs until there is a connection. See ``WpaSupplicant``."""

    def widen(self, pin: Pin) -> bool:
        """Give the pinned network its usual frequencies back. Say whether that could be done now."""

    def look_again(self, pin: Pin) -> None:
        """Scan the pin's frequencies at once."""


def translate(said: SupplicantEvent) -> Optional[events.Event]:
    """Return the event for a message of wpa_supplicant, or None if no event is needed."""
    if said.name == "CTRL-EVENT-CONNECTED":
        return Connected(said.bssid or "")
    return _EVENTS.get(said.name)


class _Untimed:
    """A listener that has no timer."""

    @property
    def due(self) -> Optional[float]:
        """It is always None, because ``expire`` need not be called."""
        return None

    def expire(self) -> None:
        """Do nothing."""


class Listener(_Untimed):
    """Listens to wpa_supplicant, and carries out the actions of ``joining``.

    Args:
        monitor: the source of wpa_supplicant's messages. ``close`` closes it.
        supplicant: carries out the actions.
        armed: returns the pin that has to be carried out, or None.
        warn: is called with a text for people when an action failed.
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
        #: The state of joining, and the pin that it is about.
        self._joining = Joining()
        self._carried: Optional[Pin] = None

    def fileno(self) -> int:
        """Return the descriptor to wait for, or -1 after ``close``."""
        return self._monitor.fileno()

    def close(self) -> None:
        """Close the monitor."""
        self._monitor.close()

    def read(self) -> Tuple[events.Event, ...]:
        """Return the events that have arrived, without waiting. This must be called once before the first wait.

        Raises:
            NotFound, TransportFailed: the connection to wpa_supplicant has ended.
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
    """Reports the end of wpa_supplicant's process. A process that is killed sends no message about it."""

    def read(self) -> Iterable[events.Event]:
        """Return the event of the end when the process has ended."""
        return tuple(events.SupplicantGone() for _end in super().read())
