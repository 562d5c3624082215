# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the manager of a wireless interface. Facts, tasks and the watcher all use ``who_runs``.

``backend_of`` and similar functions return that manager as the backend of a handover.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Callable, Optional, Sequence, Tuple

from .._network.backend import IWD, NETWORKMANAGER, NONE, PROCESSES, WPA_SUPPLICANT, Backend
from .._system import process
from .._system.errors import AccessDenied, FleetError, NotFound
from .._system.patience import PATIENCE, Patience
from .._system.places import PLACES, Places
from .networkmanager import records
from .wpa_supplicant.control import CONTROL_DIRECTORIES, control_directories, control_socket

#: A change in one of these folders may mean that a manager has started, or that a network was configured. The first
#: three belong to wpa_supplicant: the parent of its folder of control sockets, that folder, and its configuration. The
#: last one has NetworkManager's records of interfaces.
TELLING_DIRECTORIES = (
    "/run",
    CONTROL_DIRECTORIES[0],
    "/etc/wpa_supplicant",
    f"/{records.NETWORKMANAGER_DEVICES}",
)
#: The most seconds that the watcher waits for NetworkManager in one call. All radios wait meanwhile, and so does
#: systemd's watchdog (30 s).
_SERVICE_SECONDS = 10.0

#: Says whether a program of ``PROCESSES`` runs. The answer is None when it can't be found out.
Runs = Callable[[str], Optional[bool]]
#: Finds out whether wpa_supplicant serves the interface. It returns None if it does, and otherwise the error.
Serves = Callable[[], Optional[FleetError]]


class OverIwd(NotFound):
    """NetworkManager runs an interface through iwd."""


@dataclass(frozen=True)
class InterfaceManager:
    """The manager of an interface, as far as it is known.

    Attributes:
        manager: ``wpa_supplicant``, ``networkmanager``, ``iwd`` or ``none``. It is None when it can't be found out.
        sure: False when NetworkManager runs but has made no record of the interface yet. Then NetworkManager has to be
            asked whether it manages the interface.
        through_networkmanager: whether NetworkManager uses iwd.
        record_error: why NetworkManager's record could not be read. It is None when it was read, or there is none.
        supplicant_error: why wpa_supplicant can't be used. It is None when it can be, or when that does not matter.
    """

    manager: Optional[str]
    sure: bool = True
    through_networkmanager: bool = False
    record_error: Optional[FleetError] = None
    supplicant_error: Optional[FleetError] = None


def who_runs(
    interface: str, ifindex: Optional[int], runs: Runs, serves: Serves, places: Places = PLACES
) -> InterfaceManager:
    """Return the manager of an interface.

    The surest signs come first: NetworkManager's own record, and then a wpa_supplicant that serves the interface. A
    control socket alone proves little, because distributions start NetworkManager's wpa_supplicant with one. Next is a
    NetworkManager that has no record of the interface. It makes no record of an interface that has been blocked since
    NetworkManager started. Last come iwd, and a wpa_supplicant without a control socket.

    Args:
        interface: the interface's name.
        ifindex: the interface's index, or None when it is not known.
        runs: says whether a program runs. It is called only if the answer matters.
        serves: says whether wpa_supplicant serves the interface. It is called unless NetworkManager's record decides.
        places: where the files are.
    """
    # Several steps need the same answer, and the watcher's question opens a connection to the bus.
    runs = lru_cache(maxsize=None)(runs)
    recorded, record_error = _recorded(interface, ifindex, places)
    # The record stays when NetworkManager ends.
    if recorded and runs("NetworkManager") is not False:
        return _networkmanager(interface, places) if runs("NetworkManager") else InterfaceManager(None)
    error = serves()
    perhaps = recorded is None and runs("NetworkManager") is not False
    closed = isinstance(error, AccessDenied) and runs("wpa_supplicant") is not False
    if closed and perhaps:
        # This user may not use the control sockets. They may belong to NetworkManager's wpa_supplicant.
        unsure = InterfaceManager(None, record_error=record_error)
        if runs("NetworkManager"):
            unsure = _networkmanager(interface, places, sure=False, record_error=record_error)
        return replace(unsure, supplicant_error=error)
    if closed or not isinstance(error, (NotFound, AccessDenied)):
        return InterfaceManager(WPA_SUPPLICANT, record_error=record_error, supplicant_error=error)
    if perhaps and runs("NetworkManager"):
        return _networkmanager(interface, places, sure=False, record_error=record_error)
    if perhaps or runs("iwd") is None:
        return InterfaceManager(None, record_error=record_error, supplicant_error=error)
    if runs("iwd"):
        return InterfaceManager(IWD, supplicant_error=error)
    return InterfaceManager(WPA_SUPPLICANT if runs("wpa_supplicant") else NONE, supplicant_error=error)


def has_socket(interface: str, directories: Sequence[str]) -> Serves:
    """Return a function for ``who_runs`` that takes a control socket as the sign that wpa_supplicant serves.

    Args:
        interface: the interface's name.
        directories: the folders of control sockets.
    """

    def serves() -> Optional[FleetError]:
        try:
            control_socket(interface, directories)
        except (NotFound, AccessDenied) as error:
            return error
        return None

    return serves


def backend_of(interface: str, ifindex: Optional[int], places: Places = PLACES) -> Backend:
    """Return the manager of an interface as the backend of a handover. The backend is not asked anything yet.

    Args:
        interface: the interface's name.
        ifindex: the interface's index, or None when it is not known.
        places: where the files are.

    Raises:
        NotFound: no manager that a handover could use runs the interface.
        AccessDenied, TransportFailed: this user can't find out which manager runs the interface.
    """
    processes = process.running(PROCESSES, places.root)
    return _backend(interface, ifindex, lambda name: name in processes, places)


def backend_from_within(interface: str, ifindex: Optional[int], places: Places = PLACES) -> Backend:
    """Return the same as ``backend_of``, for a service that can't see processes. It asks the system bus instead.

    The bus is asked only if the answer matters. jeepney, the library for that, is loaded only then.

    Raises:
        NotFound: no manager that a handover could use runs the interface.
        LibraryMissing: NetworkManager may run the interface, and jeepney is not installed.
        AccessDenied, TimedOut, TransportFailed, DecodeFailed: this user can't find out which manager runs the
            interface, or the bus does not answer.
    """

    def runs(name: str) -> Optional[bool]:
        if name != "NetworkManager":
            return None
        if not records.networkmanager_was_here(places):
            return False
        # This is loaded only where it is needed.
        from .networkmanager.profiles import networkmanager_runs

        return networkmanager_runs()

    return _backend(interface, ifindex, runs, places, replace(PATIENCE, call=_SERVICE_SECONDS))


def backend_by_name(manager: str, interface: str, places: Places = PLACES) -> Optional[Backend]:
    """Return the backend of the manager that a pin names, or None when wpa_supplicant is gone.

    It need not be the manager that runs the interface now.

    Args:
        manager: ``networkmanager``. Any other value means wpa_supplicant.
        interface: the interface's name.
        places: where the files are.

    Raises:
        AccessDenied: this user may not use the folder of control sockets.
    """
    if manager == NETWORKMANAGER:
        # This is loaded only where it is needed.
        from .networkmanager.backend import NetworkManagerBackend

        return NetworkManagerBackend(interface)
    try:
        return _wpa_supplicant(interface, places)
    except NotFound:
        return None


def _wpa_supplicant(interface: str, places: Places) -> Backend:
    """Return wpa_supplicant as the backend. This raises the errors of ``control_socket``."""
    # This is loaded only where it is needed.
    from .._radio.sysfs import phy_of
    from .wpa_supplicant.backend import WpaSupplicant
    from .wpa_supplicant.deferred import Deferred

    radio = interface  # an interface that is gone has no radio, and nothing is recorded for it any more
    with suppress(NotFound):
        radio = phy_of(interface, places.root) or interface
    return WpaSupplicant(interface, control_socket(interface, control_directories(places)), Deferred(radio, places))


def _recorded(interface: str, ifindex: Optional[int], places: Places) -> Tuple[Optional[bool], Optional[FleetError]]:
    """Return whether NetworkManager has recorded that it manages an interface, and why the record can't be read.

    The first is None when it has recorded neither. An interface that is held back until NetworkManager has a profile
    counts as NetworkManager's.
    """
    if records.networkmanager_waits(interface, places):
        return True, None
    if ifindex is None:
        return None, None
    try:
        return records.networkmanager_manages(ifindex, places), None
    except FleetError as error:
        return None, error


def _networkmanager(
    interface: str, places: Places, *, sure: bool = True, record_error: Optional[FleetError] = None
) -> InterfaceManager:
    """Return the verdict NetworkManager, or iwd if NetworkManager uses iwd."""
    # This is loaded only where it is needed.
    from .networkmanager.files import is_over_iwd

    if is_over_iwd(interface, places):
        return InterfaceManager(IWD, sure, through_networkmanager=True, record_error=record_error)
    return InterfaceManager(NETWORKMANAGER, sure, record_error=record_error)


def _backend(
    interface: str, ifindex: Optional[int], runs: Runs, places: Places, patience: Patience = PATIENCE
) -> Backend:
    """Return the manager of an interface as a backend.

    Raises:
        NotFound: no manager that a handover could use runs the interface.
        AccessDenied, TransportFailed: this user can't find out which manager runs the interface.
    """
    asked = has_socket(interface, control_directories(places))
    verdict = who_runs(interface, ifindex, runs, asked, places)
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
    return _wpa_supplicant(interface, places)
