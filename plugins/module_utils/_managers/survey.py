# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs each interface, and what its profiles are, as the facts tell it: within a time, whoever answers."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import FrozenSet, Mapping, Optional, Sequence, Tuple

from .._network.backend import IWD, NETWORKMANAGER, NONE, PROCESSES, WPA_SUPPLICANT
from .._network.managed import Managed, Patience
from .._system import process
from .._system.errors import FleetError, NotFound
from .._system.reading import Reading
from .who import control_directories, who_runs
from .wpa_supplicant.control import control_socket
from .wpa_supplicant.profiles import BoundedProfiles

#: Seconds of silence that all supplicants together are allowed.
BUDGET = 1.0
#: Seconds for all that is asked of all of them, as long as they go on answering: they tell each profile by itself, and
#: a hundred of them take a slow laptop more than the budget, which each answer has to keep.
_ANSWERING_SECONDS = 5.0


def read_managers(
    interfaces: Sequence[Tuple[str, Optional[int]]], reading: Reading, budget: float = BUDGET, root: str = "/"
) -> Tuple[Managed, ...]:
    """Return who runs the interfaces; what could not be read goes to *reading*.

    Args:
        interfaces: name and index of each, those that matter first; an unknown index is None.
        reading: takes what could not be read.
        budget: seconds of silence that all supplicants together are allowed, however many there are: the one that
            does not answer in its share is asked no more.
        root: the directory that stands for ``/``.
    """
    if not interfaces:
        return ()
    processes = reading.attempt("supplicant.manager", lambda: process.running(PROCESSES, root))
    patience = Patience(budget / len(interfaces), end=time.monotonic() + _ANSWERING_SECONDS)
    found = []
    for interface, ifindex in interfaces:
        managed = _read_manager(interface, ifindex, processes, reading, patience, root)
        found.append(managed or Managed(interface, None))
    return tuple(found)


def as_stored(found: Sequence[Managed], ssids: Mapping[str, bytes]) -> Tuple[Managed, ...]:
    """Return who runs the interfaces, without the credentials of which root knows that the system lacks a part.

    Args:
        found: as ``read_managers`` gave it.
        ssids: the network that matters, by interface.
    """
    return tuple(_as_stored(each, ssids.get(each.interface)) for each in found)


def _as_stored(managed: Managed, ssid: Optional[bytes]) -> Managed:
    if managed.manager != NETWORKMANAGER or managed.profiles is None or ssid is None:
        return managed
    # Loaded where it is needed alone.
    from .networkmanager.backend import NetworkManagerBackend

    with suppress(FleetError):
        return replace(managed, profiles=NetworkManagerBackend(managed.interface).as_stored(managed.profiles, ssid))
    return managed


def _read_manager(
    interface: str,
    ifindex: Optional[int],
    processes: Optional[FrozenSet[str]],
    reading: Reading,
    patience: Patience,
    root: str,
) -> Optional[Managed]:
    """Return who runs an interface, and what that tells; None when nobody knows who it is.

    *processes* is None when nobody knows what runs.
    """
    here = f"supplicant.{interface}"
    asked = Managed(interface, WPA_SUPPLICANT)

    def serves() -> Optional[FleetError]:
        nonlocal asked
        asked, error = _ask(interface, patience, root)
        return error

    verdict = reading.attempt(
        here,
        lambda: who_runs(
            interface, ifindex, lambda name: None if processes is None else name in processes, serves, root
        ),
    )
    if verdict is None:
        return None
    for error in (verdict.record_error, verdict.supplicant_error):
        # That no control socket is there is no failure to read it.
        if error is not None and not isinstance(error, NotFound) and verdict.manager not in (IWD, NONE):
            reading.failed(here, error)
    if verdict.manager == WPA_SUPPLICANT:
        return asked
    if verdict.manager == NETWORKMANAGER and verdict.supplicant_error is None:
        return _ask_networkmanager(interface, here, reading, patience)
    return Managed(interface, verdict.manager) if verdict.manager in (IWD, NONE) else None


def _ask_networkmanager(interface: str, here: str, reading: Reading, patience: Patience) -> Managed:
    """Ask NetworkManager over D-Bus. What it did not tell goes to *reading*."""
    # Loaded where it is needed alone.
    from .networkmanager.backend import NetworkManagerBackend

    version: Optional[str] = None
    try:
        backend = NetworkManagerBackend(interface, patience)
        version = backend.version()
        return Managed(interface, NETWORKMANAGER, version, backend.profiles_in_effect())
    except FleetError as error:
        reading.failed(here, error)
        return Managed(interface, NETWORKMANAGER, version, trouble=error.code)


def _ask(interface: str, patience: Patience, root: str) -> Tuple[Managed, Optional[FleetError]]:
    """Ask wpa_supplicant over its control socket; return what it told, and what ended that early."""
    version: Optional[str] = None
    try:
        supplicant = BoundedProfiles(interface, control_socket(interface, control_directories(root)), patience)
        version = supplicant.version()
        return Managed(interface, WPA_SUPPLICANT, version, supplicant.profiles()), None
    except FleetError as error:
        return Managed(interface, WPA_SUPPLICANT, version, trouble=error.code), error
