# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the end of a process, and finding running programs."""

from __future__ import annotations

import os
import select
import time
from typing import AbstractSet, Any, FrozenSet, Iterable, NamedTuple, Optional, Tuple

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


def is_alive(pid: int, root: str = "/") -> bool:
    """Say whether there is a process with an id. This also finds processes that /proc hides from this user.

    Args:
        pid: the process's id.
        root: the directory that stands for ``/``.
    """
    if pid <= 0:  # for kill(2), such a number is no process
        return False
    shown = os.path.isdir(os.path.join(root, "proc", str(pid)))
    if shown or root != "/":
        return shown
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


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


class Started(NamedTuple):
    """The start of a process. Together with the process's id, it tells a process from every other one, at all times."""

    #: The kernel's random name of the boot (random(4), boot_id).
    boot: str
    #: Clock ticks from the boot to the start (proc(5), starttime). No step of a clock changes them.
    ticks: int

    @property
    def since_boot(self) -> int:
        """The ns from the boot to the start. They are up to one tick (10 ms) too few."""
        return self.ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    @property
    def realtime(self) -> int:
        """The start in ns, by the present wall clock.

        If the clock was set meanwhile, older file times can't be compared with it.
        """
        return time.time_ns() - since_boot() + self.since_boot


def since_boot() -> int:
    """Return the ns since the boot, with the time of suspends. This clock is never set."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_id(root: str = "/") -> str:
    """Return the kernel's name of this boot.

    Raises:
        NotFound, AccessDenied, TransportFailed: it can't be read.
    """
    return read_text(os.path.join(root, "proc/sys/kernel/random/boot_id"))


def started(pid: int, root: str = "/") -> Started:
    """Return when a process was started.

    Raises:
        NotFound, AccessDenied, TransportFailed: it can't be read.
    """
    path = os.path.join(root, f"proc/{pid}/stat")
    # The second field is the program's name in parentheses, which may contain any character. The 22nd is starttime.
    fields = read_text(path).rpartition(")")[2].split()
    try:
        return Started(boot_id(root), int(fields[19]))
    except (IndexError, ValueError):
        raise TransportFailed("the kernel does not tell when the process was started", where=path) from None


def arguments(pid: int, root: str = "/") -> Tuple[str, ...]:
    """Return the command line of a process.

    Raises:
        NotFound, AccessDenied, TransportFailed: it can't be read.
    """
    return tuple(read_text(os.path.join(root, f"proc/{pid}/cmdline")).split("\0"))


def _network_namespace(process: str) -> Optional[str]:
    """Return the identity of a process's network namespace, or None when this user may not read it."""
    try:
        return os.readlink(os.path.join(process, "ns/net"))
    except OSError:
        return None
