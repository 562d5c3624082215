# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undoing the pins that a killed process left."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, List, Optional

from .._network.backend import WPA_SUPPLICANT, Backend
from .._network.pin import Pin
from .._system.errors import FleetError, NotFound
from .._system.places import PLACES, Places
from .._system.run_folder import Lock, clear_journal, journals, radio_of, read_journal


def undo_journals(backend_of: Callable[[str, str], Optional[Backend]], places: Places = PLACES) -> List[str]:
    """Undo every pin that a journal records. The radio of a journal need not exist, because a driver that is loaded
    again gives its radio a new name.

    Args:
        backend_of: returns the backend for the manager and the interface that a pin names, or None when it is gone.
        places: where the files are.

    Returns:
        The radios whose pin was undone. A radio that another handover works on is left alone.

    Raises:
        FleetError: a journal can't be read, or a supplicant refuses. That journal stays. All others were handled.
    """
    undone, failure = [], None
    for journal in journals(places):
        radio = radio_of(journal)
        held = Lock(radio, places)
        try:
            if held.acquire():
                told = (read_journal(journal, places) or {}).get("pin")
                interface = told.get("interface") if isinstance(told, dict) else None
                backend = backend_of(_manager_of(told), interface) if isinstance(interface, str) else None
                if undo_journal(journal, backend, places):
                    undone.append(radio)
        except FleetError as error:
            failure = failure or error
        finally:
            held.release()
    if failure is not None:
        raise failure
    return undone


def undo_journal(journal: str, backend: Optional[Backend], places: Places = PLACES) -> bool:
    """Undo the pin, or what was left of one, that a handover left behind when it was killed.

    Args:
        journal: the journal's name. It is the radio's name, or ``deferred_name`` of it.
        backend: the manager of the radio's interface. None means that there is none, so the pin is gone.
        places: where the files are.

    Returns:
        Whether anything was set back. It is False, and the journal stays, when another manager has the pin.

    Raises:
        FleetError: the journal can't be read, or the supplicant refuses. The journal stays.
    """
    entry = read_journal(journal, places)
    if entry is None:
        return False
    told = entry.get("pin")
    if _manager_of(told) != (WPA_SUPPLICANT if backend is None else backend.manager):
        # Only the manager that has the pin knows whether it is still set.
        return False
    undone = False
    if backend is not None:
        with suppress(NotFound):
            undone = backend.unpin(Pin.from_dict(told))
    clear_journal(journal, places)
    return undone


def _manager_of(told: Any) -> str:
    """Return the manager that has the pin in a journal. For anything that is not a pin, it is wpa_supplicant."""
    return str(told.get("manager", WPA_SUPPLICANT)) if isinstance(told, dict) else WPA_SUPPLICANT
