# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs each wireless interface, and which profiles it has. Waits for no supplicant longer than it is given."""

from __future__ import annotations

import os
from typing import Callable, Optional, Sequence

from .._network.backend import NETWORKMANAGER, PROCESSES, Backend
from .._system import process
from .._system.errors import AccessDenied, NotFound
from .networkmanager import records
from .wpa_supplicant.backend import WpaSupplicant
from .wpa_supplicant.control import CONTROL_DIRECTORIES, control_socket

#: The same for a service, in seconds for each thing that it asks of NetworkManager: it has more time, but all radios
#: wait meanwhile, and so does systemd's watchdog.
_SERVICE_SECONDS = 10.0


class OverIwd(NotFound):
    """NetworkManager runs an interface through iwd."""


def backend_of(interface: str, ifindex: Optional[int], root: str = "/") -> Backend:
    """Return who runs an interface, as the backend of a handover; nothing is asked of it yet.

    Args:
        interface: its name.
        ifindex: its index; None: unknown.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: nobody does that a handover could go through.
        AccessDenied, TransportFailed: this user can't tell.
    """
    processes = process.running(PROCESSES, root)
    try:
        return _choose(interface, ifindex, lambda: "NetworkManager" in processes, root)
    except NotFound as error:
        if "iwd" in processes and not isinstance(error, OverIwd):
            raise NotFound(
                f"iwd runs {interface}, which is not supported yet", remedy="Use wpa_supplicant or NetworkManager"
            ) from error
        raise


def backend_from_within(interface: str, ifindex: Optional[int], root: str = "/") -> Backend:
    """As ``backend_of``, for a service that is shown no other's process: the system's bus tells who runs.

    Where NetworkManager never ran, or leaves the interface alone, or a supplicant offers a control socket that it has
    no say in, the bus is not asked, and what speaks with it is not loaded.

    Raises:
        NotFound: nobody runs the interface that a handover could go through.
        LibraryMissing: NetworkManager may run the interface, and what speaks with the bus is not installed.
        AccessDenied, TimedOut, TransportFailed, DecodeFailed: this user can't tell, or the bus doesn't.
    """

    def networkmanager_runs() -> bool:
        if not records.networkmanager_was_here(root):
            return False
        # Loaded where it is needed alone.
        from .networkmanager.profiles import networkmanager_runs

        return networkmanager_runs()

    return _choose(interface, ifindex, networkmanager_runs, root, _SERVICE_SECONDS)


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


def _choose(
    interface: str,
    ifindex: Optional[int],
    networkmanager_runs: Callable[[], bool],
    root: str,
    bound: Optional[float] = None,
) -> Backend:
    """Decide by what is sure: NetworkManager's own record, and then a control socket.

    *bound* is as for ``NetworkManagerBackend``.

    Raises:
        NotFound: neither tells of anybody; or NetworkManager goes through iwd.
        AccessDenied: the control sockets are closed to this user.
    """
    recorded = None if ifindex is None else records.networkmanager_manages(ifindex, root)
    # The record outlives NetworkManager.
    if recorded and networkmanager_runs():
        return _networkmanager(interface, root, bound)
    try:
        directories = [os.path.join(root, directory.lstrip("/")) for directory in CONTROL_DIRECTORIES]
        return WpaSupplicant(interface, control_socket(interface, directories))
    except (NotFound, AccessDenied):
        # It has no record of an interface that was blocked ever since it began; and the sockets that are closed to this
        # user may be those of the supplicant that serves it.
        if recorded is None and networkmanager_runs():
            return _networkmanager(interface, root, bound)
        raise


def _networkmanager(interface: str, root: str, bound: Optional[float]) -> Backend:
    """Return NetworkManager as a backend; *bound* is as for ``NetworkManagerBackend``.

    Raises:
        NotFound: it goes through iwd, where nothing looks for CSME's channel alone, and nothing can be pinned.
    """
    # Loaded where it is needed alone.
    from .networkmanager.files import IWD_REMEDY, is_over_iwd

    if is_over_iwd(interface, root):
        raise OverIwd(
            f"NetworkManager runs {interface} through iwd, which is not supported yet",
            remedy=IWD_REMEDY,
        )
    from .networkmanager.backend import NetworkManagerBackend

    return NetworkManagerBackend(interface, bound=bound)
