# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's files below ``/run`` on a laptop: one lock for each radio, and its journals.

The lock lets only one handover at a time work on a radio. A journal records the pin that the supplicant has, so that
the next run can undo the pin after a crash. A second journal records what is left of a pin while the undoing waits for
the end of a link. A boot empties ``/run``, and removes the pins as well.

A watcher that is stopped may leave a message there for the next one.
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

from .denied import remedy_for, user
from .errors import AccessDenied, DecodeFailed, FleetError, TimedOut, TransportFailed
from .files import NoRegularFile, open_regular
from .places import PLACES, Places
from .replacing import replacing

_SUFFIX = ".journal"
#: The names of journals about what waits for the end of a link begin with this (see ``deferred_name``).
_DEFERRED = "rest-"
#: The names of notes begin with this (see ``note_name``).
_NOTE = "profiles-"
#: Seconds between two attempts to take the lock. A person does not notice the pause, and the attempts cost little CPU
#: time.
_LOCK_PAUSE = 0.05
#: The most characters of a journal or note that are read. A note about a thousand networks has a tenth of that.
_SIZE_MAX = 1024 * 1024


class Lock:
    """The lock of a radio. The kernel releases it when the process that holds it ends, even if that is killed.

    Args:
        radio: the radio's name (``phy0``).
        places: where the files are.
    """

    def __init__(self, radio: str, places: Places = PLACES) -> None:
        self._radio = radio
        self._places = places
        self._descriptor = -1

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor >= 0

    def acquire(self) -> bool:
        """Try to take the lock, without waiting. Say whether this object holds it now.

        Raises:
            AccessDenied: this user may not write in the folder.
            TransportFailed: the folder can't be used for another reason.
        """
        if self.held:
            return True
        descriptor = _open_lock(os.path.join(ensure(self._places), f"{self._radio}.lock"))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Release the lock if this object holds it."""
        if self.held:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def lock(radio: str, timeout: float, places: Places = PLACES) -> Iterator[None]:
    """Hold the lock of a radio.

    Args:
        radio: the radio's name (``phy0``).
        timeout: seconds to wait for the lock. 0 tries once.
        places: where the files are.

    Raises:
        AccessDenied: this user may not write in the folder.
        TimedOut: another process held the lock all the time.
        TransportFailed: the folder can't be used for another reason.
    """
    held = Lock(radio, places)
    deadline = time.monotonic() + timeout
    while not held.acquire():
        if time.monotonic() >= deadline:
            raise TimedOut(
                f"another task, or the watcher, works on {radio}",
                where=os.path.join(places.run, f"{radio}.lock"),
                remedy="Wait until it has ended, or give a longer timeout.",
            )
        time.sleep(_LOCK_PAUSE)
    try:
        yield
    finally:
        held.release()


def is_locked(radio: str, places: Places = PLACES) -> bool:
    """Say whether a process holds the lock of a radio, without taking it: the watcher would wait for that.

    Root sees the locks of all processes (``/proc/locks``, proc(5)).

    Args:
        radio: the radio's name (``phy0``).
        places: where the files are.
    """
    try:
        status = os.stat(os.path.join(places.run, f"{radio}.lock"))
        with open(places.at("/proc/locks"), encoding="ascii") as handle:
            locks = [line.split() for line in handle]
    except OSError:
        return False
    file = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    # A process that waits for a lock has "->" in front of the kind.
    return any(len(fields) > 5 and (fields[1], fields[5]) == ("FLOCK", file) for fields in locks)


def write_journal(radio: str, entry: Dict[str, Any], places: Places = PLACES, *, private: bool = False) -> None:
    """Write the journal of a radio, atomically: a reader never finds a part of an entry.

    Args:
        radio: the radio's name.
        entry: the entry, which has JSON types only.
        places: where the files are.
        private: whether the file stays this user's, so that the folder's owner can't read it.

    Raises:
        AccessDenied, TransportFailed: the journal could not be written.
    """
    _write(_journal_path(radio, ensure(places)), entry, private=private)


def read_journal(radio: str, places: Places = PLACES, *, private: bool = False) -> Optional[Dict[str, Any]]:
    """Return the entry in the journal of a radio, or None when there is no journal.

    Args:
        radio: the radio's name.
        places: where the files are.
        private: whether only a journal counts that belongs to this user, and that nobody else could write or read.

    Raises:
        DecodeFailed: the file is not a journal.
        AccessDenied, TransportFailed: the journal could not be read.
    """
    return _read(_journal_path(radio, places.run), f"the journal of {radio}", private=private)


def clear_journal(radio: str, places: Places = PLACES) -> None:
    """Remove the journal of a radio. It is not an error if there is none.

    Raises:
        AccessDenied, TransportFailed: the journal could not be removed.
    """
    _remove(_journal_path(radio, places.run))


def leave_message(name: str, entry: Dict[str, Any], places: Places = PLACES) -> None:
    """Leave a message for the next process of the watcher. It replaces an older one of the same name.

    Args:
        name: the message's name.
        entry: the message, which has JSON types only.
        places: where the files are. Only root and the owner of ``Places.run`` can read or write there.

    Raises:
        AccessDenied, TransportFailed: the message could not be written.
    """
    _write(_message_path(name, ensure(places)), entry)


def take_message(name: str, places: Places = PLACES) -> Optional[Dict[str, Any]]:
    """Return a message, and remove it, so that it is heard once. Return None when there is none, or it is damaged.

    Raises:
        AccessDenied, TransportFailed: the message could not be read or removed.
    """
    path = _message_path(name, places.run)
    entry = None
    with suppress(DecodeFailed):
        entry = _read(path, "the message")
    _remove(path)
    return entry


def note_name(interface: str) -> str:
    """Return the name of an interface's note: a file like a journal, which belongs to the modules for profiles.

    They remember there what they know about the secrets of the interface's networks.
    """
    return f"{_NOTE}{interface}"


def deferred_name(radio: str) -> str:
    """Return the name of the journal for a pin of which a part waits until the link of the radio has ended."""
    return f"{_DEFERRED}{radio}"


def radio_of(journal: str) -> str:
    """Return the radio that a journal is about."""
    return journal[len(_DEFERRED) :] if journal.startswith(_DEFERRED) else journal


def journals(places: Places = PLACES) -> List[str]:
    """Return the sorted names of those journals that record pins. Notes (see ``note_name``) are left out.

    Raises:
        AccessDenied, TransportFailed: the folder could not be read.
    """
    try:
        names = (name[: -len(_SUFFIX)] for name in os.listdir(places.run) if name.endswith(_SUFFIX))
        return sorted(name for name in names if not name.startswith(_NOTE))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _failed(error, places.run) from error


def announce(places: Places = PLACES) -> None:
    """Tell a running watcher that the networks of a manager may have changed.

    wpa_supplicant reports few changes of its networks, so the tasks that make them do it. This sets the times of a file
    beside the folder. The watcher watches ``/run``, so the kernel notifies it. Nobody reads the file. Without a
    watcher, or if the file can't be made, nothing happens.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with suppress(OSError):
        descriptor = os.open(places.news, flags, 0o644)
        try:
            os.utime(descriptor)
        finally:
            os.close(descriptor)


_REMOVE = "Restart wpa_supplicant, which forgets every pin, and remove the file."


def _journal_path(radio: str, folder: str) -> str:
    return os.path.join(folder, f"{radio}{_SUFFIX}")


def _message_path(name: str, folder: str) -> str:
    return os.path.join(folder, f"{name}.message")


def _write(path: str, entry: Dict[str, Any], *, private: bool = False) -> None:
    """Write a file as a whole. It is given to the folder's owner, unless it is *private*."""
    try:
        with replacing(path) as descriptor:
            if not private:
                _give(descriptor, path)
            with open(descriptor, "w", encoding="ascii", closefd=False) as handle:
                json.dump(entry, handle)
    except OSError as error:
        raise _failed(error, path) from error


def _read(path: str, what: str, *, private: bool = False) -> Optional[Dict[str, Any]]:
    """Return the mapping in a file, or None when there is no file. *what* names it in errors.

    A *private* file counts only if it belongs to this user, and nobody else could write or read it.
    """
    try:
        # The folder's owner must not be able to make root read another file, wait for ever, or fill the memory.
        with open(open_regular(path, follow=False), encoding="ascii") as handle:
            status = os.fstat(handle.fileno())
            if private and (status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != 0o600):
                return None
            entry = json.loads(handle.read(_SIZE_MAX))
    except FileNotFoundError:
        return None
    except NoRegularFile:
        raise DecodeFailed(f"{what} is not a regular file", where=path, remedy=_REMOVE) from None
    except OSError as error:
        raise _failed(error, path) from error
    except (ValueError, RecursionError) as error:
        raise DecodeFailed(f"{what} is not readable: {error}", where=path, remedy=_REMOVE) from error
    if not isinstance(entry, dict):
        raise DecodeFailed(f"{what} is not a mapping", where=path, remedy=_REMOVE)
    return entry


def _remove(path: str) -> None:
    """Remove a file. It is not an error if there is none."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _failed(error, path) from error


def ensure(places: Places = PLACES) -> str:
    """Make the folder if there is none. Return its path.

    Raises:
        AccessDenied, TransportFailed: it can't be made.
    """
    try:
        os.makedirs(places.run, mode=0o700, exist_ok=True)
    except OSError as error:
        raise _failed(error, places.run) from error
    return places.run


def _open_lock(path: str) -> int:
    """Open the file of a lock, and create it if necessary. Return the descriptor.

    The folder's owner must not be able to make root wait, or write or give away another file. So symbolic links are not
    followed, nothing waits for the other end of a pipe, and a file that has a second name is not used.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise _failed(error, path) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise TransportFailed(f"can't use {path}: it is not a file of its own", remedy=_FOREIGN)
        _give(descriptor, path)
    except OSError as error:
        os.close(descriptor)
        raise _failed(error, path) from error
    except FleetError:
        os.close(descriptor)
        raise
    return descriptor


def _give(descriptor: int, path: str) -> None:
    """Give a file in the folder to the folder's owner.

    Where the watcher is installed, the watcher's user owns the folder, and the modules that run as root share the lock
    and the journal with it.
    """
    mine, folder = os.fstat(descriptor), os.stat(os.path.dirname(path))
    if os.geteuid() == 0 and (mine.st_uid, mine.st_gid) != (folder.st_uid, folder.st_gid):
        os.fchown(descriptor, folder.st_uid, folder.st_gid)


_FOREIGN = "Remove it. Only locks and journals of this collection belong there"


def _failed(error: OSError, path: str) -> FleetError:
    remedy = remedy_for(
        error, path, "Run the task with become: true. If it is the watcher that fails, apply its role again"
    )
    if error.errno in (errno.EACCES, errno.EPERM):
        return AccessDenied(f"{user()} may not use {path}", remedy=remedy)
    if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):  # a symbolic link, a folder, a socket
        remedy = _FOREIGN
    return TransportFailed(f"can't use {path}: {error.strerror}", remedy=remedy, errno=error.errno or 0)
