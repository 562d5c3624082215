# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a pin: the pin's frequencies, when giving them back would drop the link.

The watcher keeps the rest until the link ends. The rest has its own journal. With it, the watcher can give the
frequencies back after a crash. Also, a new pin can tell the few frequencies of the rest from the network's usual ones.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Callable, Optional, TypeVar

from .._network.backend import Backend
from .._network.pin import Pin
from .._system.errors import FleetError, NotFound
from .._system.places import PLACES, Places
from .._system.run_folder import clear_journal, read_journal, write_journal

#: Seconds that a supplicant may be without its control socket before it counts as gone.
_RETRY_SECONDS = 0.2
_PREFIX = "rest-"

_Answer = TypeVar("_Answer")


class DeferredUndo:
    """The rest of a radio's last pin, if there is one.

    Args:
        radio: the radio's name (``phy0``).
        places: where the files are.
    """

    def __init__(self, radio: str, places: Places = PLACES) -> None:
        self._journal = journal_of(radio)
        self._places = places
        self._pin: Optional[Pin] = None

    @property
    def stands(self) -> bool:
        """Whether there is a rest."""
        return self._pin is not None

    def keep(self, pin: Pin) -> None:
        """Remember the rest that ``Backend.loosen`` left of *pin*, and write its journal.

        Raises:
            FleetError: the journal can't be written.
        """
        write_journal(self._journal, {"pin": pin.as_dict()}, self._places)
        self._pin = pin

    def end(self, backend: Backend, *, now: bool = False) -> None:
        """Undo the rest, if there is one. Unless *now* is set, it stays if undoing it would drop a link.

        Args:
            backend: the manager of the interface.
            now: undo it even if that drops a link.

        Raises:
            FleetError: the supplicant refuses or does not answer, or the journal can't be removed. The rest stays.
        """
        if self._pin is None or retried(partial(backend.end_rest, now=now), self._pin) is False:
            return
        clear_journal(self._journal, self._places)
        self._pin = None


def over_rest(radio: str, pin: Pin, places: Places = PLACES) -> Pin:
    """Return a pin that also undoes the rest of an earlier pin, if there is one for the same network.

    Args:
        radio: the radio's name.
        pin: the pin before it is set.
        places: where the files are.
    """
    with suppress(FleetError):  # a damaged journal is reported when journals are undone
        told = (read_journal(journal_of(radio), places) or {}).get("pin")
        if told is not None:
            rest = Pin.from_dict(told)
            found = (pin.interface, pin.network_id, pin.ssid_hex, pin.previous_scan_freq)
            if found == (rest.interface, rest.network_id, rest.ssid_hex, rest.frequencies):
                return replace(pin, previous_scan_freq=rest.previous_scan_freq)
    return pin


def journal_of(radio: str) -> str:
    """Return the name of the journal that records the rest of a radio's pin."""
    return f"{_PREFIX}{radio}"


def tells_of_rest(journal: str) -> bool:
    """Say whether a journal records the rest of a pin. Its name tells that."""
    return journal.startswith(_PREFIX)


def radio_of(journal: str) -> str:
    """Return the radio that a journal is about. The journal may record a pin or the rest of one."""
    return journal[len(_PREFIX) :] if tells_of_rest(journal) else journal


def retried(undo: Callable[[Pin], _Answer], pin: Pin) -> Optional[_Answer]:
    """Undo a pin, or part of it, and try it again if the supplicant is missing for a moment.

    Args:
        undo: the method of a backend that undoes it.
        pin: the pin.

    Returns:
        The result of *undo*, or None when the supplicant is gone. Its pin is gone with it.

    Raises:
        FleetError: the supplicant refuses, or does not answer.
    """
    try:
        return undo(pin)
    except NotFound:
        # The supplicant may only be making a new control socket.
        time.sleep(_RETRY_SECONDS)
    try:
        return undo(pin)
    except NotFound:
        return None
