# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what may not be there or not be readable, and keeping account of it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import Callable, List, Optional, Tuple, TypeVar

from .errors import AccessDenied, FleetError, NotFound, TransportFailed

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Unreadable:
    """Something that could not be read, and why.

    Attributes:
        what: its place in the facts document (``radios.phy0.csme``).
        why: what happened and what to do about it, for people.
        code: the error's code (``FleetError.code``), for programs; empty when there was no error of the collection's.
    """

    what: str
    why: str
    code: str = field(default="", compare=False)


class Reading:
    """Reads one thing after the other, and remembers what could not be read."""

    def __init__(self) -> None:
        self._unreadable: List[Unreadable] = []

    @property
    def unreadable(self) -> Tuple[Unreadable, ...]:
        """What could not be read, in the order of the attempts."""
        return tuple(self._unreadable)

    def add(self, *unreadable: Unreadable) -> None:
        """Remember what another reader could not read."""
        self._unreadable.extend(unreadable)

    def failed(self, what: str, error: FleetError) -> None:
        """Remember that reading *what* ended with *error*."""
        self.add(Unreadable(what, str(error), error.code))

    def attempt(self, what: str, read: Callable[[], _Value]) -> Optional[_Value]:
        """Return what *read* returns; None, and a note, when it fails in whatever way."""
        try:
            return read()
        except FleetError as error:
            self.failed(what, error)
        except Exception as error:
            # Facts that fail take gather_facts of a whole fleet with them; a fault of ours costs its own field alone.
            self.add(Unreadable(what, f"unexpected {type(error).__name__}: {error}. Please report this", "unexpected"))
        return None


def read_text(path: str, limit: int = -1) -> str:
    """Return the text of a small file, without white space around it.

    Args:
        path: the file.
        limit: characters to read at most; -1 reads all.

    Raises:
        NotFound, AccessDenied, TransportFailed: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read(limit).strip()
    except OSError as error:
        raise os_error(error, path) from error


def list_folder(path: str) -> List[str]:
    """Return the names in a folder, in no order.

    Raises:
        NotFound, AccessDenied, TransportFailed: it cannot be read.
    """
    try:
        return os.listdir(path)
    except OSError as error:
        raise os_error(error, path) from error


def names_in(path: str) -> List[str]:
    """Return the names in a folder, in no order; none where it is not there or can't be read."""
    try:
        return list_folder(path)
    except FleetError:
        return []


def os_error(error: OSError, path: str) -> FleetError:
    """Return the collection's error for the system's."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return AccessDenied("reading this was refused", where=path, remedy="Run this as root")
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENOTDIR):
        return NotFound("this machine does not show this", where=path)
    text = os.strerror(error.errno or 0)
    return TransportFailed(f"reading this failed: {text}", where=path, errno=error.errno or 0)
