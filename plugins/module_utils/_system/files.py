# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading files and folders."""

from __future__ import annotations

import errno
import os
import stat
from typing import List, Optional

from .denied import remedy_for, user
from .errors import AccessDenied, FleetError, NotFound, TransportFailed


class NoRegularFile(OSError):
    """A file that was to be read is a pipe, a device, a socket or a folder."""


def open_regular(path: str, *, follow: bool = True) -> int:
    """Open a regular file for reading, and return its descriptor. This never waits, not even for a pipe's other end.

    Args:
        path: the file.
        follow: whether a symbolic link is followed. It must not be where another user owns the folder.

    Raises:
        NoRegularFile: it is none.
        OSError: the file can't be opened.
    """
    link = 0 if follow else os.O_NOFOLLOW
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | link)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    raise NoRegularFile(number, "Is a directory" if stat.S_ISDIR(mode) else "Not a regular file", path)


def read_text(path: str, limit: int = -1, *, follow: bool = True) -> str:
    """Return the text of a small file, without white space at its beginning and end.

    Args:
        path: the file.
        limit: how many characters are read at most. -1 reads all.
        follow: see ``open_regular``.

    Raises:
        NotFound, AccessDenied, TransportFailed: the file cannot be read, or is not a regular file.
    """
    try:
        with open(open_regular(path, follow=follow), encoding="utf-8", errors="replace") as handle:
            return handle.read(limit).strip()
    except OSError as error:
        raise os_error(error, path) from error


def read_bytes(path: str, limit: int = -1) -> bytes:
    """Return the content of a small file as it is.

    Args:
        path: the file.
        limit: how many bytes are read at most. -1 reads all.

    Raises:
        NotFound, AccessDenied, TransportFailed: the file cannot be read, or is not a regular file.
    """
    try:
        with open(open_regular(path), "rb") as handle:
            return handle.read(limit)
    except OSError as error:
        raise os_error(error, path) from error


def list_folder(path: str) -> List[str]:
    """Return the names in a folder, unsorted.

    Raises:
        NotFound, AccessDenied, TransportFailed: the folder cannot be read.
    """
    try:
        return os.listdir(path)
    except OSError as error:
        raise os_error(error, path) from error


def names_in(path: str) -> List[str]:
    """Return the names in a folder, unsorted. There are none when the folder does not exist or can't be read."""
    try:
        return list_folder(path)
    except FleetError:
        return []


def os_error(error: OSError, path: str) -> FleetError:
    """Return the collection's error for an error of the system when *path* was read."""
    if error.errno in (errno.EACCES, errno.EPERM):
        remedy = remedy_for(error, path, "Run this as root")
        return AccessDenied(f"{user()} may not read this file or folder", where=path, remedy=remedy)
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENOTDIR):
        return NotFound("there is no such file or folder", where=path)
    text = error.strerror if isinstance(error, NoRegularFile) else os.strerror(error.errno or 0)
    return TransportFailed(f"this file or folder could not be read: {text}", where=path, errno=error.errno or 0)


def is_there(path: str) -> Optional[bool]:
    """Say whether a file of this name exists, or return None if this user can't find out."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None if _is_hidden(path) else False
    except (OSError, ValueError):
        return None
    return True


def _is_hidden(path: str) -> bool:
    """Say whether a path leads through a folder that systemd hides from this process (``ProtectHome=yes``).

    An empty folder of mode 000 stands in its place (systemd.exec(5), ``InaccessiblePaths=``). A process that may pass
    over file modes sees that it is empty.
    """
    folder = os.path.dirname(path)
    while True:
        try:
            return stat.S_IMODE(os.stat(folder).st_mode) == 0
        except OSError:
            if folder == os.path.dirname(folder):
                return False
            folder = os.path.dirname(folder)
