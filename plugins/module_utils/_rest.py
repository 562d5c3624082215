# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a pin: the frequencies of a link that would be dropped if they were given back while it stands.

Whoever stays until the end of the link keeps it. A journal of its own tells of it, so that a crash does not leave the
supplicant to these channels: to who undoes journals it is a pin like any other.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Callable, Optional, TypeVar

from ._errors import NotFound
from ._runtime import FOLDER, clear_journal, write_journal
from ._supplicant import Backend, Pin

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
        self._journal = f"{_PREFIX}{radio}"
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
        # The other networks are enabled again: if somebody disables one meanwhile, that is none of its business.
        pin = replace(pin, disabled=())
        write_journal(self._journal, {"pin": pin.as_dict()}, self._folder)
        self._pin = pin

    def end(self, supplicant: Optional[Backend], *, now: bool = False) -> None:
        """Undo it, if there is one, and unless that would drop a link.

        Args:
            supplicant: who runs the interface; None: it ended, and the rest with it.
            now: whether a link is dropped or not.

        Raises:
            FleetError: the supplicant does not let itself be told, or the journal can't be removed. It stands.
        """
        pin = self._pin
        if pin is None:
            return
        if supplicant is not None and retried(partial(supplicant.end_rest, now=now), pin) is False:
            return
        clear_journal(self._journal, self._folder)
        self._pin = None


def radio_of(journal: str) -> str:
    """Return the radio that a journal is about, whether it tells of a pin or of the rest of one."""
    return journal[len(_PREFIX) :] if journal.startswith(_PREFIX) else journal


def retried(undo: Callable[[Pin], _Answer], pin: Pin) -> Optional[_Answer]:
    """Have a supplicant undo a pin, or part of it; one that is gone took it along.

    Returns:
        What *undo* returns; None: the supplicant is gone.

    Raises:
        FleetError: the supplicant does not let itself be told.
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
