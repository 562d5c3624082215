# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hearing when interfaces go down, and noticing that iwlmei was bound anew or the laptop slept."""

from __future__ import annotations

import time
from typing import Callable, Mapping, Optional

from .._handover.messages import WordGone
from .._radio.driver import binding
from .._radio.netlink import EventsLost
from .._radio.rtnetlink import LinkEvent, LinkEvents
from .._system.places import Places
from .closing import Era
from .guarded import Watched

#: How much time may pass between two clocks that are read one after the other, in seconds. After more, they are read
#: again, because a busy laptop may have stopped this process in between.
_APART_SECONDS = 0.01
#: How often they are read at most.
_READINGS = 5


def era_of(places: Places) -> Era:
    """Return the present era.

    Args:
        places: where the files are.
    """
    return Era(binding(places.root), slept(time.monotonic, lambda: time.clock_gettime(time.CLOCK_BOOTTIME)))


def slept(awake: Callable[[], float], always: Callable[[], float]) -> float:
    """Return how many seconds the laptop has slept since its boot.

    Args:
        awake: returns the seconds since the boot without the sleeps (CLOCK_MONOTONIC, clock_gettime(2)).
        always: returns them with the sleeps (CLOCK_BOOTTIME).
    """
    for _reading in range(_READINGS):
        before, whole, after = awake(), always(), awake()
        if after - before < _APART_SECONDS:
            break
    return whole - after


class Links:
    """The reports about all interfaces.

    Args:
        radios: the guarded radios, by interface. The mapping changes with the radios.
        places: where the files are.
    """

    def __init__(self, radios: Mapping[str, Watched], places: Places) -> None:
        self._radios = radios
        self._places = places
        self._era: Optional[Era] = None
        self._events = LinkEvents()

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._events.fileno()

    def look(self) -> None:
        """Notice another era. This comes before anything that was heard, because CSME may have said something since."""
        before, self._era = self._era, era_of(self._places)
        why = "" if before is None else self._era.why_new(before)
        if why:
            for watched in self._radios.values():
                watched.closed.new_era(why)
                watched.feed(WordGone())

    def read(self) -> None:
        """Hand on what was heard."""
        try:
            heard = self._events.read()
        except EventsLost:
            for watched in self._radios.values():
                watched.closed.read()
            return
        for event in heard:
            if isinstance(event, LinkEvent):
                for watched in self._radios.values():
                    watched.closed.heard(event.ifindex, up=event.up)
