# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading files and folders."""

from __future__ import annotations

import errno
import os
from typing import List, Optional

from .errors import AccessDenied, FleetError, NotFound, TransportFailed


def read_text(path: str, limit: int = -1) -> str:
    """Return the text of a small file, without white space at its beginning and end.

    Args:
        path: the file.
        limit: how many characters are read at most. -1 reads all.

    Raises:
        NotFound, AccessDenied, TransportFailed: the file cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read(limit).strip()
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
        return AccessDenied("this user may not read this file or folder", where=path, remedy="Run this as root")
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENOTDIR):
        return NotFound("there is no such file or folder", where=path)
    text = os.strerror(error.errno or 0)
    return TransportFailed(f"this file or folder could not be read: {text}", where=path, errno=error.errno or 0)


def is_there(path: str) -> Optional[bool]:
    """Say whether a file of this name exists, or return None if this user can't find out."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return None
    return True
