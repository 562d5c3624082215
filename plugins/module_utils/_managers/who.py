# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs a wireless interface. ``who_runs`` decides, for facts, tasks and the watcher alike.

``backend_of`` and its kin give whoever it is as the backend of a handover.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Callable, Optional, Sequence, Tuple

from .._network.backend import IWD, NETWORKMANAGER, NONE, PROCESSES, WPA_SUPPLICANT, Backend
from .._network.managed import PATIENCE, Patience
from .._system import process
from .._system.errors import AccessDenied, FleetError, NotFound
from .networkmanager import records
from .wpa_supplicant.backend import WpaSupplicant
from .wpa_supplicant.control import CONTROL_DIRECTORIES, control_socket

#: A change in one of these may mean that somebody has come who runs an interface, or that a network was configured:
#: wpa_supplicant's control sockets, the folder above them, which wpa_supplicant makes, and its configuration; the
#: records that NetworkManager makes of interfaces.
TELLING_DIRECTORIES = (
    "/run",
    CONTROL_DIRECTORIES[0],
    "/etc/wpa_supplicant",
    f"/{records.NETWORKMANAGER_DEVICES}",
)
#: How long the watcher waits for each thing that it asks NetworkManager, in seconds. All radios wait meanwhile, and so
#: does systemd's watchdog (30 s).
_SERVICE_SECONDS = 10.0

#: Says whether a program of ``PROCESSES`` runs; None: nobody knows.
Runs = Callable[[str], Optional[bool]]
#: Asks wpa_supplicant, and returns what went wrong; None: it serves the interface.
Serves = Callable[[], Optional[FleetError]]


class OverIwd(NotFound):
    """NetworkManager runs an interface through iwd."""


@dataclass(frozen=True)
class Verdict:
    """Who runs an interface.

    Attributes:
        manager: ``wpa_supplicant``, ``networkmanager``, ``iwd`` or ``none``; None: nobody can tell.
        sure: it is False where NetworkManager runs but has made no record of the interface yet. Then NetworkManager
            has to be asked whether it manages the interface.
        through_networkmanager: NetworkManager uses iwd.
        record_error: why NetworkManager's record could not be read; None: it could, or there is none.
        supplicant_error: why wpa_supplicant can't be used; None: it can, or it does not matter.
    """

    manager: Optional[str]
    sure: bool = True
    through_networkmanager: bool = False
    record_error: Optional[FleetError] = None
    supplicant_error: Optional[FleetError] = None


def who_runs(interface: str, ifindex: Optional[int], runs: Runs, serves: Serves, root: str = "/") -> Verdict:
    """Return who runs an interface.

    What is sure comes first: NetworkManager's own record, then a wpa_supplicant that serves the interface. A control
    socket alone proves little, because distributions start the wpa_supplicant that serves NetworkManager with one. A
    NetworkManager that has no record of the interface comes next: it makes none of an interface that was blocked ever
    since NetworkManager began. Then come iwd and a wpa_supplicant without a control socket.

    Args:
        interface: its name.
        ifindex: its index; None: unknown.
        runs: asked only where the answer matters.
        serves: asked unless NetworkManager's record decides.
        root: the directory that stands for ``/``.
    """
    recorded, record_error = _recorded(interface, ifindex, root)
    # The record outlives NetworkManager.
    if recorded and runs("NetworkManager") is not False:
        return _networkmanager(interface, root) if runs("NetworkManager") else Verdict(None)
    error = serves()
    perhaps = recorded is None and runs("NetworkManager") is not False
    closed = isinstance(error, AccessDenied) and runs("wpa_supplicant") is not False
    if closed and perhaps:
        # The sockets that are closed to this user may be those of the wpa_supplicant that serves NetworkManager.
        unsure = Verdict(None, record_error=record_error)
        if runs("NetworkManager"):
            unsure = _networkmanager(interface, root, sure=False, record_error=record_error)
        return replace(unsure, supplicant_error=error)
    if closed or not isinstance(error, (NotFound, AccessDenied)):
        return Verdict(WPA_SUPPLICANT, record_error=record_error, supplicant_error=error)
    if perhaps and runs("NetworkManager"):
        return _networkmanager(interface, root, sure=False, record_error=record_error)
    if perhaps or runs("iwd") is None:
        return Verdict(None, record_error=record_error, supplicant_error=error)
    if runs("iwd"):
        return Verdict(IWD, supplicant_error=error)
    return Verdict(WPA_SUPPLICANT if runs("wpa_supplicant") else NONE, supplicant_error=error)


def has_socket(interface: str, directories: Sequence[str]) -> Serves:
    """Return a question whether wpa_supplicant offers a control socket for an interface, which stands for its service.

    Args:
        interface: its name.
        directories: where control sockets are.
    """

    def serves() -> Optional[FleetError]:
        try:
            control_socket(interface, directories)
        except (NotFound, AccessDenied) as error:
            return error
        return None

    return serves


def control_directories(root: str = "/") -> Tuple[str, ...]:
    """Return where wpa_supplicant's control sockets are, below the directory that stands for ``/``."""
    return tuple(os.path.join(root, directory.lstrip("/")) for directory in CONTROL_DIRECTORIES)


def backend_of(interface: str, ifindex: Optional[int], root: str = "/") -> Backend:
    """Return who runs an interface, as the backend of a handover. Nothing is asked of it yet.

    Args:
        interface: its name.
        ifindex: its index; None: unknown.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: nobody does that a handover could go through.
        AccessDenied, TransportFailed: this user can't tell.
    """
    processes = process.running(PROCESSES, root)
    return _backend(interface, ifindex, lambda name: name in processes, root)


def backend_from_within(interface: str, ifindex: Optional[int], root: str = "/") -> Backend:
    """Return the same as ``backend_of``, for a service that can't see processes: the system's bus tells who runs.

    The bus is asked only where the answer matters. Where it is not asked, jeepney, which speaks with it, is not loaded.

    Raises:
        NotFound: nobody runs the interface that a handover could go through.
        LibraryMissing: NetworkManager may run the interface, and jeepney is not installed.
        AccessDenied, TimedOut, TransportFailed, DecodeFailed: this user can't tell, or the bus does not answer.
    """

    def runs(name: str) -> Optional[bool]:
        if name != "NetworkManager":
            return None
        if not records.networkmanager_was_here(root):
            return False
        # Loaded where it is needed alone.
        from .networkmanager.profiles import networkmanager_runs

        return networkmanager_runs()

    return _backend(interface, ifindex, runs, root, replace(PATIENCE, call=_SERVICE_SECONDS))


def backend_by_name(
    manager: str, interface: str, directories: Sequence[str] = CONTROL_DIRECTORIES
) -> Optional[Backend]:
    """Return the backend that calls itself *manager* in its pins, whoever runs the interface now; None: it is gone.

    Args:
        manager: ``networkmanager``, or anything else for wpa_supplicant.
        interface: its name.
        directories: where wpa_supplicant's control sockets are.

    Raises:
        AccessDenied: this user can't tell.
    """
    if manager == NETWORKMANAGER:
        # Loaded where it is needed alone.
        from .networkmanager.backend import NetworkManagerBackend

        return NetworkManagerBackend(interface)
    try:
        return WpaSupplicant(interface, control_socket(interface, directories))
    except NotFound:
        return None


def _recorded(interface: str, ifindex: Optional[int], root: str) -> Tuple[Optional[bool], Optional[FleetError]]:
    """Return whether NetworkManager has recorded that it manages an interface, and why that can't be read.

    The first is None where it has recorded neither. An interface whose bring-up waits for a profile is
    NetworkManager's already.
    """
    if ifindex is None:
        return None, None
    try:
        waits = records.networkmanager_waits(interface, root)
        return waits or records.networkmanager_manages(ifindex, root), None
    except FleetError as error:
        return None, error


def _networkmanager(
    interface: str, root: str, *, sure: bool = True, record_error: Optional[FleetError] = None
) -> Verdict:
    """Return NetworkManager as a verdict, or iwd where NetworkManager uses that."""
    # Loaded where it is needed alone.
    from .networkmanager.files import is_over_iwd

    if is_over_iwd(interface, root):
        return Verdict(IWD, sure, through_networkmanager=True, record_error=record_error)
    return Verdict(NETWORKMANAGER, sure, record_error=record_error)


def _backend(interface: str, ifindex: Optional[int], runs: Runs, root: str, patience: Patience = PATIENCE) -> Backend:
    """Return who runs an interface as a backend.

    Raises:
        NotFound: nobody runs it that a handover could go through.
        AccessDenied, TransportFailed: this user can't tell.
    """
    directories = control_directories(root)
    verdict = who_runs(interface, ifindex, runs, has_socket(interface, directories), root)
    if verdict.through_networkmanager:
        from .networkmanager.files import IWD_REMEDY

        raise OverIwd(
            f"NetworkManager runs {interface} through iwd, which is not supported yet",
            remedy=IWD_REMEDY,
        )
    if verdict.manager == NETWORKMANAGER:
        from .networkmanager.backend import NetworkManagerBackend

        return NetworkManagerBackend(interface, patience)
    if verdict.manager == IWD:
        raise NotFound(
            f"iwd runs {interface}, which is not supported yet", remedy="Use wpa_supplicant or NetworkManager"
        )
    trouble = verdict.supplicant_error or verdict.record_error
    if trouble is not None:
        raise trouble
    return WpaSupplicant(interface, control_socket(interface, directories))
