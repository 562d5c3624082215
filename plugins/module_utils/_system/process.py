# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the end of a process, and finding running programs."""

from __future__ import annotations

import os
import select
from typing import AbstractSet, Any, FrozenSet, Iterable, Optional

from .errors import AccessDenied, FleetError, NotFound, TransportFailed
from .files import list_folder, read_text


class ProcessEnd:
    """The end of a process, which an event loop can wait for.

    Args:
        pid: the process's id.

    Raises:
        NotFound: there is no process with that id.
        TransportFailed: the kernel refused.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            raise NotFound(f"process {pid} has ended") from None
        except OSError as error:
            number = error.errno or 0
            raise TransportFailed(f"process {pid} can't be watched: {os.strerror(number)}", errno=number) from error

    def fileno(self) -> int:
        """Return the descriptor. It is readable once the process has ended."""
        return self._descriptor

    def read(self) -> Iterable[Any]:
        """Return one item if the process has ended, else none."""
        return (self,) if select.select([self], [], [], 0)[0] else ()

    def close(self) -> None:
        """Stop watching the process. A second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def running(names: AbstractSet[str], root: str = "/") -> FrozenSet[str]:
    """Return those of the programs *names* that run in this network namespace.

    An interface, and the program that manages it, belong to one network namespace. Only root may read the namespace of
    another user's process. A process whose namespace can't be read counts as one of this namespace.

    Args:
        names: the programs' names as the kernel knows them (``comm``), with at most 15 characters.
        root: the directory that stands for ``/``.

    Raises:
        AccessDenied: procfs is mounted with ``hidepid``, and shows this user only the user's own processes.
        NotFound, TransportFailed: there is no procfs.
    """
    proc = os.path.join(root, "proc")
    processes = [name for name in list_folder(proc) if name.isdecimal()]
    try:
        read_text(os.path.join(proc, "1/comm"))  # process 1 always exists, and is never an ordinary user's
    except (AccessDenied, NotFound) as error:
        raise AccessDenied("other users' processes are hidden", where=proc, remedy="Run this as root") from error
    here = _network_namespace(os.path.join(proc, "self"))
    found = set()
    for process in processes:
        folder = os.path.join(proc, process)
        try:
            name = read_text(os.path.join(folder, "comm"))
        except FleetError:  # it ended meanwhile
            continue
        if name in names and _network_namespace(folder) in (here, None):
            found.add(name)
    return frozenset(found)


def _network_namespace(process: str) -> Optional[str]:
    """Return the identity of a process's network namespace, or None when this user may not read it."""
    try:
        return os.readlink(os.path.join(process, "ns/net"))
    except OSError:
        return None
