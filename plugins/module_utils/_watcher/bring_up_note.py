# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left below ``/run`` of holding back an interface's bring-up.

A note, from the one who holds it back to the watcher. It counts while its writer lives: that has it locked, and the
kernel unlocks it however the writer ends. After that, systemd leaves a mark that it is over
(roles/watcher/files/amt-wifi-watcher-hold@.service).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import Iterator, List

#: Root's own folder: the RuntimeDirectory of that service. The watcher is told of changes in it.
FOLDER = "/run/amt-wifi-watcher-hold"
_SUFFIX = ".held"


@contextmanager
def hold_note(interface: str, folder: str = FOLDER) -> Iterator[None]:
    """Leave the note for as long as the block runs.

    Args:
        interface: the interface's name.
        folder: where to.

    Raises:
        OSError: it can't be written.
    """
    path = _path(interface, folder)
    partial = f"{path}.{os.getpid()}"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        # Locked before it has its name, so that nobody finds it unlocked.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.rename(partial, path)
        yield
    finally:
        for each in (partial, path):
            with suppress(FileNotFoundError):
                os.unlink(each)
        os.close(descriptor)


def is_held(interface: str, folder: str = FOLDER) -> bool:
    """Say whether somebody holds back the bring-up of an interface.

    Args:
        interface: the interface's name.
        folder: where the note would be.
    """
    try:
        descriptor = os.open(_path(interface, folder), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def held_interfaces(folder: str = FOLDER) -> List[str]:
    """Return the interfaces whose bring-up somebody holds back.

    Args:
        folder: where the notes would be.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = (name[: -len(_SUFFIX)] for name in names if name.endswith(_SUFFIX))
    return [interface for interface in found if is_held(interface, folder)]


def is_over(interface: str, ifindex: int, folder: str = FOLDER) -> bool:
    """Say whether the bring-up of an interface was held back before, and is to be no more.

    Args:
        interface: the interface's name.
        ifindex: its index; a driver that is loaded anew makes another interface of that name.
        folder: where the mark would be.
    """
    # In the name alone: on a full disk a file can still be made, and nothing be written to it.
    return os.path.exists(os.path.join(folder, f"{interface}.{ifindex}.released"))


def _path(interface: str, folder: str) -> str:
    return os.path.join(folder, f"{interface}{_SUFFIX}")
