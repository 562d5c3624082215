# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the manager and the profiles of each interface for the facts, within a limited time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import FrozenSet, Mapping, Optional, Sequence, Tuple

from .._network.backend import IWD, NETWORKMANAGER, NONE, PROCESSES, WPA_SUPPLICANT
from .._network.managed import Managed
from .._system import process
from .._system.errors import FleetError, NotFound
from .._system.patience import Patience
from .._system.places import PLACES, Places
from .._system.reading import Reading
from .who import who_runs
from .wpa_supplicant.control import control_directories, control_socket
from .wpa_supplicant.profiles import WpaProfiles

#: How long to wait for all managers together. The time for an answer is divided among them. The time for a call is
#: longer, because each profile takes questions of its own, and on a slow laptop a hundred profiles take a while.
SURVEY = Patience(answer=1.0, call=5.0)


def read_managers(
    interfaces: Sequence[Tuple[str, Optional[int]]],
    reading: Reading,
    patience: Patience = SURVEY,
    places: Places = PLACES,
) -> Tuple[Managed, ...]:
    """Return the interfaces with their managers and profiles.

    Args:
        interfaces: the name and index of each interface, the most important first. An unknown index is None.
        reading: remembers what could not be read.
        patience: how long to wait for answers. Each interface gets an equal share of the time for an answer. A manager
            that does not answer in its share is not asked again. Reading all interfaces is one call.
        places: where the files are.
    """
    if not interfaces:
        return ()
    processes = reading.attempt("supplicant.manager", lambda: process.running(PROCESSES, places.root))
    patience = replace(patience.begun(), answer=patience.answer / len(interfaces))
    found = []
    for interface, ifindex in interfaces:
        managed = _read_manager(interface, ifindex, processes, reading, patience, places)
        found.append(managed or Managed(interface, None))
    return tuple(found)


def as_stored(found: Sequence[Managed], ssids: Mapping[str, bytes]) -> Tuple[Managed, ...]:
    """Return the managed interfaces, without credentials that are incomplete on the system. Only root can check that.

    Args:
        found: what ``read_managers`` returned.
        ssids: for each interface, the SSID of the network whose profiles to check.
    """
    return tuple(_as_stored(each, ssids.get(each.interface)) for each in found)


def _as_stored(managed: Managed, ssid: Optional[bytes]) -> Managed:
    if managed.manager != NETWORKMANAGER or managed.profiles is None or ssid is None:
        return managed
    # This is loaded only where it is needed.
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
    places: Places,
) -> Optional[Managed]:
    """Return an interface with its manager, or None when the manager can't be found out.

    *processes* is None when the running programs are not known.
    """
    here = f"supplicant.{interface}"
    asked = Managed(interface, WPA_SUPPLICANT)

    def serves() -> Optional[FleetError]:
        nonlocal asked
        asked, error = _ask(interface, patience, places)
        return error

    verdict = reading.attempt(
        here,
        lambda: who_runs(
            interface, ifindex, lambda name: None if processes is None else name in processes, serves, places
        ),
    )
    if verdict is None:
        return None
    for error in (verdict.record_error, verdict.supplicant_error):
        # A missing control socket is not a failed reading.
        if error is not None and not isinstance(error, NotFound) and verdict.manager not in (IWD, NONE):
            reading.failed(here, error)
    if verdict.manager == WPA_SUPPLICANT:
        return asked
    if verdict.manager == NETWORKMANAGER and verdict.supplicant_error is None:
        return _ask_networkmanager(interface, here, reading, patience)
    return Managed(interface, verdict.manager) if verdict.manager in (IWD, NONE) else None


def _ask_networkmanager(interface: str, here: str, reading: Reading, patience: Patience) -> Managed:
    """Ask NetworkManager over D-Bus. *reading* remembers a failure."""
    # This is loaded only where it is needed.
    from .networkmanager.backend import NetworkManagerBackend

    version: Optional[str] = None
    try:
        backend = NetworkManagerBackend(interface, patience)
        version = backend.version()
        return Managed(interface, NETWORKMANAGER, version, backend.profiles_in_effect())
    except FleetError as error:
        reading.failed(here, error)
        return Managed(interface, NETWORKMANAGER, version, trouble=error.code)


def _ask(interface: str, patience: Patience, places: Places) -> Tuple[Managed, Optional[FleetError]]:
    """Ask wpa_supplicant over its control socket. Return its answers, and the error that ended them early, or None."""
    version: Optional[str] = None
    try:
        supplicant = WpaProfiles(interface, control_socket(interface, control_directories(places)), patience)
        version = supplicant.version()
        return Managed(interface, WPA_SUPPLICANT, version, supplicant.profiles()), None
    except FleetError as error:
        return Managed(interface, WPA_SUPPLICANT, version, trouble=error.code), error
