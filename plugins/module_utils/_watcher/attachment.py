# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom the watcher listens to on one interface: finding who runs it, hearing it, and noticing its end."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from .._managers.networkmanager.records import networkmanager_was_here
from .._managers.who import OverIwd, backend_from_within
from .._network.backend import NAMES, NETWORKMANAGER, Backend, Listener
from .._network.events import Event, ManagerGone, SupplicantGone
from .._radio.values import Radio
from .._system.errors import AccessDenied, FleetError, LibraryMissing, NotFound
from .account import Account

#: Seconds until a supplicant is looked for once more, where NetworkManager may be about to come to the interface: half
#: a minute in all, as long as its start takes on a slow machine.
_ATTACH_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class Attachment:
    """Who runs one interface, as far as somebody does, and what tells of it.

    Args:
        radio: the radio that has the interface.
        account: where to tell of it.
        clock: seconds that only grow.
    """

    def __init__(self, radio: Radio, account: Account, clock: Callable[[], float]) -> None:
        self._radio = radio
        self._account = account
        self._clock = clock
        #: Who runs the interface; None: nobody does.
        self.backend: Optional[Backend] = None
        #: What tells of it; nothing without one.
        self.sources: Tuple[Listener, ...] = ()
        #: Since when nobody runs it, or nobody has been looked for.
        self.since = clock()
        #: When to look for somebody again, and how often that was done; None: something has to happen first.
        self._again: Optional[float] = None
        self._tries = 0

    @property
    def manager(self) -> Optional[str]:
        """Who runs the interface, as a backend calls itself; None when nobody does."""
        return None if self.backend is None else self.backend.manager

    @property
    def who(self) -> Optional[str]:
        """What people call who runs the interface; None when nobody does."""
        return None if self.backend is None else NAMES[self.backend.manager]

    @property
    def due(self) -> Optional[float]:
        """When something is to be done here, by the clock; None: nothing is."""
        timers = [due for due in (self._again, *(source.due for source in self.sources)) if due is not None]
        return min(timers) if timers else None

    @property
    def due_to_attach(self) -> bool:
        """Whether it is time to look again for somebody who was about to come."""
        return self._again is not None and self._again <= self._clock()

    def attach(self, *, anew: bool = True) -> bool:
        """Listen to who runs the interface, if somebody does and nobody listens yet; say whether that is new.

        Args:
            anew: something happened that may have brought somebody. False: a timer ran out, and nothing has happened.
        """
        if self.sources:
            return False
        self._tries = 0 if anew else self._tries + 1
        self._again = None
        try:
            backend = backend_from_within(self._radio.interface or "", self._radio.ifindex)
            self.sources = tuple(backend.listen(self._account.warnings.append))
        except FleetError as error:
            # NetworkManager takes its name on the bus, and comes to the interface, without a word that is heard here.
            if self._tries < len(_ATTACH_SECONDS) and networkmanager_was_here():
                self._again = self._clock() + _ATTACH_SECONDS[self._tries]
            if not isinstance(error, NotFound) or isinstance(error, OverIwd):
                level = "warning" if isinstance(error, (AccessDenied, LibraryMissing, OverIwd)) else "info"
                self._account.write_once("attach", level, f"the supplicant can't be used: {error}")
            return False
        self._account.forget("attach")
        self.backend = backend
        self._account.write("info", f"listening to {self.who}")
        return True

    def detach(self) -> None:
        """Listen no more."""
        for source in self.sources:
            source.close()
        self.sources = ()
        self.backend = None
        self._again = None
        self.since = self._clock()

    def read(self, source: Listener) -> Tuple[Event, ...]:
        """Return what was said. The end of who said it is the last that is returned.

        Args:
            source: where; one of ``sources``.
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
        """Let the sources do what is due; return their end, should they have come to it."""
        for source in self.sources:
            try:
                source.expire()
            except FleetError as error:
                return self._lost(error)
        return None

    def _lost(self, error: FleetError) -> Event:
        """Return what it means that nothing more is heard."""
        # Of wpa_supplicant's own socket that is the end; behind the bus, a pin may still stand.
        if self.manager != NETWORKMANAGER:
            return SupplicantGone()
        return ManagerGone(str(error))
