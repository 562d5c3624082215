# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs each interface, and what its profiles are, as the facts tell it: within a time, whoever answers."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from typing import FrozenSet, Mapping, Optional, Sequence, Tuple

from .._network.backend import IWD, NETWORKMANAGER, NONE, PROCESSES, WPA_SUPPLICANT
from .._network.managed import Managed, Patience
from .._system import process
from .._system.errors import AccessDenied, FleetError, NotFound
from .._system.reading import Reading
from .networkmanager import records
from .wpa_supplicant.control import CONTROL_DIRECTORIES, control_socket
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
    patience = Patience(budget / len(interfaces), time.monotonic() + _ANSWERING_SECONDS)
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
    """Decide by what is sure: NetworkManager's own record, a control socket that answers, and then the processes.

    That there is a control socket does not say that wpa_supplicant may be used through it: distributions start the
    wpa_supplicant that serves NetworkManager with one. So NetworkManager comes first. *processes* is None when nobody
    knows what runs; None is returned when nobody knows who runs the interface.
    """
    here = f"supplicant.{interface}"
    recorded: Optional[bool] = None
    if ifindex is not None and (processes is None or "NetworkManager" in processes):
        recorded = records.networkmanager_waits(interface, root) or reading.attempt(
            here, lambda: records.networkmanager_manages(ifindex, root)
        )
    if recorded:
        # The record alone may be that of a NetworkManager which has ended.
        return None if processes is None else _ask_networkmanager(interface, here, reading, patience, root)
    answer = reading.attempt(here, lambda: _ask(interface, patience, root))
    if answer is None:
        return None
    asked, error = answer
    maybe_networkmanager = recorded is None and (processes is None or "NetworkManager" in processes)
    if not _absent(error, processes):
        if error is not None:
            reading.failed(here, error)
        return None if isinstance(error, AccessDenied) and maybe_networkmanager else asked
    if processes is None:
        return None
    if maybe_networkmanager:
        # It may not have come to the interface yet: one that was blocked since it began has no record, nor a socket.
        return _ask_networkmanager(interface, here, reading, patience, root)
    if "iwd" in processes:
        return Managed(interface, IWD)
    return asked if "wpa_supplicant" in processes else Managed(interface, NONE)


def _ask_networkmanager(interface: str, here: str, reading: Reading, patience: Patience, root: str) -> Managed:
    """Ask NetworkManager over D-Bus, unless iwd is below it. What it did not tell goes to *reading*."""
    # Loaded where it is needed alone.
    from .networkmanager.files import is_over_iwd

    if is_over_iwd(interface, root):
        return Managed(interface, IWD)
    from .networkmanager.backend import NetworkManagerBackend

    version: Optional[str] = None
    try:
        backend = NetworkManagerBackend(interface, patience.timeout, patience.end)
        version = backend.version()
        return Managed(interface, NETWORKMANAGER, version, backend.profiles_in_effect())
    except FleetError as error:
        reading.failed(here, error)
        return Managed(interface, NETWORKMANAGER, version, trouble=error.code)


def _absent(error: Optional[FleetError], processes: Optional[FrozenSet[str]]) -> bool:
    """Say whether asking wpa_supplicant showed that none serves the interface (or that none is there to serve it)."""
    closed_for_nothing = processes is not None and "wpa_supplicant" not in processes
    return isinstance(error, NotFound) or (isinstance(error, AccessDenied) and closed_for_nothing)


def _ask(interface: str, patience: Patience, root: str) -> Tuple[Managed, Optional[FleetError]]:
    """Ask wpa_supplicant over its control socket; return what it told, and what ended that early."""
    version: Optional[str] = None
    try:
        directories = [os.path.join(root, directory.lstrip("/")) for directory in CONTROL_DIRECTORIES]
        supplicant = BoundedProfiles(interface, control_socket(interface, directories), patience)
        version = supplicant.version()
        return Managed(interface, WPA_SUPPLICANT, version, supplicant.profiles()), None
    except FleetError as error:
        return Managed(interface, WPA_SUPPLICANT, version, trouble=error.code), error
