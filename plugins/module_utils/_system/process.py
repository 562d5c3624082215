# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the end of another process."""

from __future__ import annotations

import os
import select
from typing import AbstractSet, Any, FrozenSet, Iterable, Optional

from .errors import AccessDenied, FleetError, NotFound, TransportFailed
from .files import list_folder, read_text


class ProcessEnd:
    """The end of a process, as something that can be waited for.

    Args:
        pid: the process's id.

    Raises:
        NotFound: there is none of that id.
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
        """Return the descriptor, which is readable once the process has ended."""
        return self._descriptor

    def read(self) -> Iterable[Any]:
        """Return one piece of news: it is called when the process has ended."""
        return (self,) if select.select([self], [], [], 0)[0] else ()

    def close(self) -> None:
        """Watch it no more; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def running(names: AbstractSet[str], root: str = "/") -> FrozenSet[str]:
    """Return those of the programs *names* that run, in this network namespace as far as that can be told.

    An interface belongs to one network namespace, and so does whoever runs it; only root may see another's process's.

    Args:
        names: as the kernel has them (``comm``), at most 15 characters.
        root: the directory that stands for ``/``.

    Raises:
        AccessDenied: procfs shows a user only the user's own processes (``hidepid``), so nobody knows.
        NotFound, TransportFailed: there is no procfs.
    """
    proc = os.path.join(root, "proc")
    processes = [name for name in list_folder(proc) if name.isdecimal()]
    try:
        read_text(os.path.join(proc, "1/comm"))  # there is always one, and it is never an ordinary user's
    except (AccessDenied, NotFound) as error:
        raise AccessDenied("the processes of others are hidden", where=proc, remedy="Run this as root") from error
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
    """Return what names the network namespace of a process; None when it must not be known."""
    try:
        return os.readlink(os.path.join(process, "ns/net"))
    except OSError:
        return None
