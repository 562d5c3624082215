# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files below ``/run`` that say that an interface is held back, or was held back.

The process that holds an interface back writes a note for the watcher. The note counts only while that process runs: it
has the file locked, and the kernel unlocks the file when the process ends. Then systemd makes a mark, a file that says
that the hold is over (roles/watcher/files/amt-wifi-watcher-hold@.service).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import Iterator, List

from .._system.files import open_regular
from .._system.places import PLACES, Places
from .._system.replacing import create_beside

_SUFFIX = ".held"


@contextmanager
def hold_note(interface: str, places: Places = PLACES) -> Iterator[None]:
    """Keep a note for as long as the ``with`` block runs.

    Args:
        interface: the interface's name.
        places: where the files are.

    Raises:
        OSError: the note can't be written.
    """
    path = _path(interface, places)
    descriptor, partial = create_beside(path, 0o644)
    try:
        # It is locked before it gets its name, so that no reader finds it unlocked.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.rename(partial, path)
        yield
    finally:
        for each in (partial, path):
            with suppress(FileNotFoundError):
                os.unlink(each)
        os.close(descriptor)


def is_held(interface: str, places: Places = PLACES) -> bool:
    """Say whether an interface is held back now.

    Args:
        interface: the interface's name.
        places: where the files are.
    """
    try:
        descriptor = open_regular(_path(interface, places), follow=False)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def held_interfaces(places: Places = PLACES) -> List[str]:
    """Return the interfaces that are held back now.

    Args:
        places: where the files are.
    """
    try:
        names = os.listdir(places.holds)
    except OSError:
        return []
    found = (name[: -len(_SUFFIX)] for name in names if name.endswith(_SUFFIX))
    return [interface for interface in found if is_held(interface, places)]


def is_over(interface: str, ifindex: int, places: Places = PLACES) -> bool:
    """Say whether an interface was held back before. It must not be held back again.

    Args:
        interface: the interface's name.
        ifindex: the interface's index. A driver that is loaded again makes a new interface of the same name.
        places: where the files are.
    """
    # All information is in the file's name, because on a full disk an empty file can still be made.
    return os.path.exists(os.path.join(places.holds, f"{interface}.{ifindex}.released"))


def _path(interface: str, places: Places) -> str:
    return os.path.join(places.holds, f"{interface}{_SUFFIX}")
