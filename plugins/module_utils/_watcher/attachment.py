# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's connection to the manager of one interface: finding the manager, listening to it, noticing its end."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from .._managers.networkmanager.records import networkmanager_was_here
from .._managers.who import OverIwd, backend_from_within
from .._network.backend import NAMES, NETWORKMANAGER, Backend, Listener
from .._network.events import Event, ManagerGone, SupplicantGone
from .._radio.values import Radio
from .._system.errors import AccessDenied, FleetError, LibraryMissing, NotFound
from .._system.pauses import slow_pause
from .._system.places import Places
from .account import Account

#: Seconds until the next look for a manager, where NetworkManager may soon manage the interface. Together these are
#: half a minute, because NetworkManager's start takes so long on a slow machine.
_ATTACH_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_GONE = "NetworkManager ran here before, but is not on the system's bus now"


class Attachment:
    """The manager of one interface, if there is one, and the listeners that report its events.

    Args:
        radio: the radio that has the interface.
        account: logs what happens.
        places: where the files are.
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(self, radio: Radio, account: Account, places: Places, clock: Callable[[], float]) -> None:
        self._radio = radio
        self._account = account
        self._places = places
        self._clock = clock
        #: The manager of the interface, or None when none is attached.
        self.backend: Optional[Backend] = None
        #: The listeners to the manager. They are empty when none is attached.
        self.sources: Tuple[Listener, ...] = ()
        #: Since when no manager has been attached.
        self.since = clock()
        #: When to look for a manager again, or None to wait for an event; and how many looks a timer has caused.
        self._again: Optional[float] = None
        self._tries = 0

    @property
    def manager(self) -> Optional[str]:
        """The manager's name, as in ``Backend.manager``, or None when none is attached."""
        return None if self.backend is None else self.backend.manager

    @property
    def who(self) -> Optional[str]:
        """The manager's name for people, or None when none is attached."""
        return None if self.backend is None else NAMES[self.backend.manager]

    @property
    def due(self) -> Optional[float]:
        """The time, by the clock, at which ``expire`` or ``attach`` must be called. None means never."""
        timers = [due for due in (self._again, *(source.due for source in self.sources)) if due is not None]
        return min(timers) if timers else None

    @property
    def due_to_attach(self) -> bool:
        """Whether it is time to look for a manager again."""
        return self._again is not None and self._again <= self._clock()

    def attach(self, *, anew: bool = True) -> bool:
        """Find the interface's manager and listen to it, unless one is attached. Say whether one was attached now.

        Args:
            anew: True when an event may have brought a manager. False when only a timer has run out.
        """
        if self.sources:
            return False
        self._tries = 0 if anew else self._tries + 1
        self._again = None
        try:
            backend = backend_from_within(self._radio.interface or "", self._radio.ifindex, self._places)
            self.sources = tuple(backend.listen(self._account.warnings.append))
        except FleetError as error:
            # No event is heard here when NetworkManager starts, or begins to manage the interface, or when a bus comes.
            soon = len(_ATTACH_SECONDS) if networkmanager_was_here(self._places) else 0
            missed = self._tries >= soon > 0
            if self._tries < soon:
                self._again = self._clock() + _ATTACH_SECONDS[self._tries]
            elif missed or not isinstance(error, NotFound):
                # No event may report what was missing: a library, a right, the bus.
                self._again = self._clock() + slow_pause(self._tries - soon)
            nobody = isinstance(error, NotFound) and not isinstance(error, OverIwd)
            if missed or not nobody:
                level = "warning" if isinstance(error, (AccessDenied, LibraryMissing, OverIwd)) else "info"
                # If there is nobody, the error is about wpa_supplicant, which was looked for in NetworkManager's place.
                what = f"{_GONE}, and {error}" if nobody else str(error)
                self._account.write_once("attach", level, f"the supplicant can't be used: {what}")
            return False
        self._account.forget("attach")
        self.backend = backend
        self._account.write("info", f"listening to {self.who}")
        return True

    def detach(self) -> None:
        """Close the listeners, and forget the manager."""
        for source in self.sources:
            source.close()
        self.sources = ()
        self.backend = None
        self._again = None
        self.since = self._clock()

    def read(self, source: Listener) -> Tuple[Event, ...]:
        """Return the events of a listener. If one of them is the end of the manager or its supplicant, it is the last.

        Args:
            source: one of ``sources``.
        """
        heard: List[Event] = []
        try:
            for event in source.read():
                heard.append(event)
                if isinstance(event, (SupplicantGone, ManagerGone)):
                    break
        except FleetError as error:
            return (*heard, self._lost(error))
        return tuple(heard)

    def expire(self) -> Optional[Event]:
        """Let the listeners do what is due. If one of them fails by that, return the event that means this end."""
        for source in self.sources:
            try:
                source.expire()
            except FleetError as error:
                return self._lost(error)
        return None

    def _lost(self, error: FleetError) -> Event:
        """Return the event that means that a listener failed."""
        # wpa_supplicant itself has ended if its own socket fails. If the bus fails, a pin may still be set behind it.
        if self.manager != NETWORKMANAGER:
            return SupplicantGone()
        return ManagerGone(str(error))
