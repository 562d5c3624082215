# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection keeps on a laptop while it runs: one lock and one journal per radio, below ``/run``.

The lock lets one handover at a time work on a radio. The journal says which pin is with the supplicant, so that
whoever comes after a crash can undo it. ``/run`` is emptied by a boot, as the pin itself is.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, List, Optional

from .errors import AccessDenied, DecodeFailed, FleetError, TimedOut, TransportFailed

#: Owned by root or, where the watcher is installed, by its user; not readable by others: a journal names networks.
FOLDER = "/run/vpro-fleet"
_SUFFIX = ".journal"
_NOTE = "profiles-"
#: Pause between two tries for the lock, in seconds: short beside a person's patience, long beside a CPU's.
_LOCK_PAUSE = 0.05


class Lock:
    """The lock of a radio. It goes with the process that holds it, so a killed one never leaves it behind.

    Args:
        radio: the radio's name (``phy0``).
        folder: where the lock is.
    """

    def __init__(self, radio: str, folder: str = FOLDER) -> None:
        self._radio = radio
        self._folder = folder
        self._descriptor = -1

    @property
    def held(self) -> bool:
        """Whether it is held here."""
        return self._descriptor >= 0

    def acquire(self) -> bool:
        """Take the lock without waiting; say whether it is held now.

        Raises:
            AccessDenied: no right to write below the folder.
            TransportFailed: the folder can't be used for another reason.
        """
        if self.held:
            return True
        descriptor = _create(os.path.join(_ensure(self._folder), f"{self._radio}.lock"), os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock up; one that is not held here is left alone."""
        if self.held:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def lock(radio: str, timeout: float, folder: str = FOLDER) -> Iterator[None]:
    """Hold the lock of a radio.

    Args:
        radio: the radio's name (``phy0``).
        timeout: seconds to wait for it; 0 tries once.
        folder: where the lock is.

    Raises:
        AccessDenied: no right to write below *folder*.
        TimedOut: somebody else held it all the time.
        TransportFailed: the folder can't be used for another reason.
    """
    held = Lock(radio, folder)
    deadline = time.monotonic() + timeout
    while not held.acquire():
        if time.monotonic() >= deadline:
            raise TimedOut(
                f"another task, or the watcher, works on {radio}",
                where=os.path.join(folder, f"{radio}.lock"),
                remedy="Wait until it has ended, or give a longer timeout.",
            )
        time.sleep(_LOCK_PAUSE)
    try:
        yield
    finally:
        held.release()


def write_journal(radio: str, entry: Dict[str, Any], folder: str = FOLDER) -> None:
    """Write the journal of a radio so that a reader finds the old entry, the new one, or none, never half of one.

    Args:
        radio: the radio's name.
        entry: what to remember; JSON types only.
        folder: where the journal is.

    Raises:
        AccessDenied, TransportFailed: it could not be written.
    """
    path = _journal_path(radio, _ensure(folder))
    partial = f"{path}.{os.getpid()}"
    try:
        descriptor = _create(partial, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="ascii") as handle:
            json.dump(entry, handle)
        os.rename(partial, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(partial)
        raise _failed(error, path) from error


def read_journal(radio: str, folder: str = FOLDER) -> Optional[Dict[str, Any]]:
    """Return what the journal of a radio remembers, None when there is none.

    Raises:
        DecodeFailed: it is not a journal.
        AccessDenied, TransportFailed: it could not be read.
    """
    path = _journal_path(radio, folder)
    try:
        # Whose folder it is must not make root read elsewhere, nor wait: no link is followed, and a pipe is none.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise DecodeFailed(f"the journal of {radio} is no file", where=path, remedy=_REMOVE)
        with os.fdopen(descriptor, encoding="ascii") as handle:
            entry = json.load(handle)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(error, path) from error
    except ValueError as error:
        raise DecodeFailed(f"the journal of {radio} is not readable: {error}", where=path, remedy=_REMOVE) from error
    if not isinstance(entry, dict):
        raise DecodeFailed(f"the journal of {radio} is not a mapping", where=path, remedy=_REMOVE)
    return entry


def clear_journal(radio: str, folder: str = FOLDER) -> None:
    """Forget what the journal of a radio remembers. None there is no error."""
    path = _journal_path(radio, folder)
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _failed(error, path) from error


def note_name(interface: str) -> str:
    """Return the name of the journal where the modules for profiles note what they know of an interface's secrets."""
    return f"{_NOTE}{interface}"


def journals(folder: str = FOLDER) -> List[str]:
    """Return what has a journal that tells of a pin, sorted; nothing when there is no folder. A note tells of none.

    Raises:
        AccessDenied, TransportFailed: the folder could not be read.
    """
    try:
        names = (name[: -len(_SUFFIX)] for name in os.listdir(folder) if name.endswith(_SUFFIX))
        return sorted(name for name in names if not name.startswith(_NOTE))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _failed(error, folder) from error


_REMOVE = "Restart wpa_supplicant, which forgets every pin, and remove the file."


def _journal_path(radio: str, folder: str) -> str:
    return os.path.join(folder, f"{radio}{_SUFFIX}")


def _ensure(folder: str) -> str:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise _failed(error, folder) from error
    return folder


def _create(path: str, flags: int) -> int:
    """Open a file of the folder, making it when there is none, for the folder's owner; return the descriptor.

    Where the watcher is installed, the folder is its user's, and the modules that run as root share lock and journal
    with it. No link is followed: that user must not make root write elsewhere.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _failed(error, path) from error
    try:
        mine, folder = os.fstat(descriptor), os.stat(os.path.dirname(path))
        if os.geteuid() == 0 and (mine.st_uid, mine.st_gid) != (folder.st_uid, folder.st_gid):
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    except OSError as error:
        os.close(descriptor)
        raise _failed(error, path) from error
    return descriptor


def _failed(error: OSError, path: str) -> FleetError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return AccessDenied(
            f"no right to use {path}", remedy="Run the task with become: true; for the watcher, apply its role anew"
        )
    return TransportFailed(f"can't use {path}: {error.strerror}", errno=error.errno or 0)
