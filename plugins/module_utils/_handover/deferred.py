# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a pin: the frequencies of a link that would be dropped if they were given back while it stands.

The watcher keeps it until the end of the link. A journal of its own tells of it, so that a new life of the watcher
gives them back after a crash, and that whoever pins meanwhile does not take narrow frequencies for the usual ones.
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
from .._system.run_folder import FOLDER, clear_journal, read_journal, write_journal

#: How long a supplicant may be without its control socket before it counts as gone, in seconds.
_RETRY_SECONDS = 0.2
_PREFIX = "rest-"

_Answer = TypeVar("_Answer")


class Rest:
    """The rest of a radio's last pin, if there is one.

    Args:
        radio: the radio's name (``phy0``).
        folder: where its journal is.
    """

    def __init__(self, radio: str, folder: str = FOLDER) -> None:
        self._journal = journal_of(radio)
        self._folder = folder
        self._pin: Optional[Pin] = None

    @property
    def stands(self) -> bool:
        """Whether there is one."""
        return self._pin is not None

    def keep(self, pin: Pin) -> None:
        """Keep what ``Backend.loosen`` left of *pin*.

        Raises:
            FleetError: the journal can't be written.
        """
        write_journal(self._journal, {"pin": pin.as_dict()}, self._folder)
        self._pin = pin

    def end(self, supplicant: Backend, *, now: bool = False) -> None:
        """Undo the rest, if there is one. It stays where undoing it would drop a link.

        Args:
            supplicant: who runs the interface.
            now: undo it even where that drops a link.

        Raises:
            FleetError: the supplicant refuses or does not answer, or the journal can't be removed. The rest still
                stands.
        """
        if self._pin is None or retried(partial(supplicant.end_rest, now=now), self._pin) is False:
            return
        clear_journal(self._journal, self._folder)
        self._pin = None


def over_rest(radio: str, pin: Pin, folder: str = FOLDER) -> Pin:
    """Return a pin so that undoing it undoes the rest of an earlier pin as well, if it was made over one.

    Args:
        radio: the radio's name.
        pin: as it is before anything is changed.
        folder: where journals are.
    """
    with suppress(FleetError):  # whoever undoes journals tells of one that is damaged
        told = (read_journal(journal_of(radio), folder) or {}).get("pin")
        if told is not None:
            rest = Pin.from_dict(told)
            found = (pin.interface, pin.network_id, pin.ssid_hex, pin.previous_scan_freq)
            if found == (rest.interface, rest.network_id, rest.ssid_hex, rest.frequencies):
                return replace(pin, previous_scan_freq=rest.previous_scan_freq)
    return pin


def journal_of(radio: str) -> str:
    """Return the name of the journal that tells of the rest of a radio's pin."""
    return f"{_PREFIX}{radio}"


def tells_of_rest(journal: str) -> bool:
    """Say whether a journal tells of the rest of a pin, by its name."""
    return journal.startswith(_PREFIX)


def radio_of(journal: str) -> str:
    """Return the radio that a journal is about, whether it tells of a pin or of the rest of one."""
    return journal[len(_PREFIX) :] if tells_of_rest(journal) else journal


def retried(undo: Callable[[Pin], _Answer], pin: Pin) -> Optional[_Answer]:
    """Have a supplicant undo a pin, or part of it. A supplicant that is gone took its pin along.

    Returns:
        What *undo* returns. None: the supplicant is gone.

    Raises:
        FleetError: the supplicant refuses, or does not answer.
    """
    try:
        return undo(pin)
    except NotFound:
        # A supplicant that makes its socket anew looks for a moment like one that is gone.
        time.sleep(_RETRY_SECONDS)
    try:
        return undo(pin)
    except NotFound:
        return None
