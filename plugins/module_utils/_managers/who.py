# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs each wireless interface, and which profiles it has. Waits for no supplicant longer than it is given."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Callable, FrozenSet, Mapping, Optional, Sequence, Tuple

from .._system.errors import AccessDenied, FleetError, NotFound
from .._system.reading import Reading
from . import services
from .wpa_supplicant.backend import CONTROL_DIRECTORIES, Backend, Profile, WpaSupplicant, control_socket
from .wpa_supplicant.control import WpaCtrl

#: Seconds of silence that all supplicants together are allowed.
BUDGET = 1.0
#: Seconds for all that is asked of all of them, as long as they go on answering: they tell each profile by itself, and
#: a hundred of them take a slow laptop more than the budget, which each answer has to keep.
_ANSWERING_SECONDS = 5.0
#: The same for a service, in seconds for each thing that it asks of NetworkManager: it has more time, but all radios
#: wait meanwhile, and so does systemd's watchdog.
_SERVICE_SECONDS = 10.0

WPA_SUPPLICANT = "wpa_supplicant"
NETWORKMANAGER = "networkmanager"
IWD = "iwd"
NONE = "none"

#: The programs by the names of their processes.
_PROCESSES = frozenset({"wpa_supplicant", "NetworkManager", "iwd"})
#: hostap's VERSION_STR: "2.10", "2.12-devel-hostap_2_11-857-g54930b62b".
_VERSION = re.compile(r"[0-9][0-9A-Za-z._+~-]{0,79}\Z")


@dataclass(frozen=True)
class Patience:
    """How long a supplicant is waited for: *timeout* seconds for an answer, *end* (``time.monotonic``) for all."""

    timeout: float
    end: float


@dataclass(frozen=True)
class Managed:
    """One wireless interface, and who runs it.

    Attributes:
        interface: its name.
        manager: ``wpa_supplicant``, ``networkmanager``, ``iwd`` (also below NetworkManager) or ``none``; None when that
            can't be told.
        version: wpa_supplicant's or NetworkManager's; None when it did not tell, and for the others.
        profiles: theirs; None when they could not be read, and for the others.
        trouble: why the profiles could not be read, as an error's code; None when they could.
            ``not_found``: wpa_supplicant offers no control socket for this interface.
    """

    interface: str
    manager: Optional[str]
    version: Optional[str] = None
    profiles: Optional[Tuple[Profile, ...]] = None
    trouble: Optional[str] = None


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
    processes = services.running(_PROCESSES, root)
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
        if not services.networkmanager_was_here(root):
            return False
        # Loaded where it is needed alone.
        from .networkmanager.backend import networkmanager_runs

        return networkmanager_runs()

    return _choose(interface, ifindex, networkmanager_runs, root, _SERVICE_SECONDS)


def backend_by_name(manager: str, interface: str) -> Optional[Backend]:
    """Return the backend that calls itself *manager* in its pins, whoever runs the interface now; None: it is gone.

    Raises:
        AccessDenied: this user can't tell.
    """
    if manager == NETWORKMANAGER:
        # Loaded where it is needed alone.
        from .networkmanager.backend import NetworkManagerBackend

        return NetworkManagerBackend(interface)
    try:
        return WpaSupplicant(interface, control_socket(interface))
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
    recorded = None if ifindex is None else services.networkmanager_manages(ifindex, root)
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
    processes = reading.attempt("supplicant.manager", lambda: services.running(_PROCESSES, root))
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
        recorded = services.networkmanager_waits(interface, root) or reading.attempt(
            here, lambda: services.networkmanager_manages(ifindex, root)
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
        supplicant = _BoundedSupplicant(interface, control_socket(interface, directories), patience)
        version = supplicant.version()
        return Managed(interface, WPA_SUPPLICANT, version, supplicant.profiles()), None
    except FleetError as error:
        return Managed(interface, WPA_SUPPLICANT, version, trouble=error.code), error


class _BoundedSupplicant(WpaSupplicant):
    """wpa_supplicant, whom nobody waits for longer than *patience* allows."""

    def __init__(self, interface: str, path: str, patience: Patience) -> None:
        super().__init__(interface, path)
        self._patience = patience

    def _connect(self) -> WpaCtrl:
        return _BoundedCtrl(self._path, self._patience)

    def version(self) -> Optional[str]:
        """Return its version; None when it does not tell (hostapd and wpa_supplicant before 0.7.2)."""
        with self._connect() as ctrl:
            reply = ctrl.request("GET version").strip()
        return reply if _VERSION.match(reply) else None


class _BoundedCtrl(WpaCtrl):
    """A conversation that ends when *patience* does."""

    def __init__(self, path: str, patience: Patience) -> None:
        super().__init__(path)
        self._patience = patience

    def request(self, command: str) -> str:
        left = max(self._patience.end - time.monotonic(), 0.0)
        self._timeout = round(min(self._patience.timeout, left), 3)
        return super().request(command)
