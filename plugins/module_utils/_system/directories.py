# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notification of changes in directories, by a signal.

This uses the kernel's directory notification (fcntl(2), F_NOTIFY), because Python's standard library has it. It does
not have inotify.
"""

from __future__ import annotations

import fcntl
import os
from typing import Dict, Optional, Sequence, Tuple

#: The changes that are notified: a file is created, deleted or renamed, or gets another owner or mode. An atomic write
#: ends with a rename. A supplicant first creates its folder and socket, and only then gives them to its group.
_CHANGES = fcntl.DN_CREATE | fcntl.DN_DELETE | fcntl.DN_RENAME | fcntl.DN_ATTRIB | fcntl.DN_MULTISHOT


class Directories:
    """Watches directories. Each change in one of them sends SIGIO to this process. The signal does not name the place.

    Args:
        paths: the directories. ``refresh`` tries again to watch those that do not exist or may not be read.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)
        self._open: Dict[str, Tuple[int, Tuple[int, int]]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Watch the directories that were created, or replaced, since the last call. Call this at each signal."""
        for path in self._paths:
            identity = identity_of(path)
            known = self._open.get(path)
            if known is not None and known[1] != identity:
                os.close(known[0])
                del self._open[path]
            if identity is not None and path not in self._open:
                self._watch(path, identity)

    def _watch(self, path: str, identity: Tuple[int, int]) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            fcntl.fcntl(descriptor, fcntl.F_NOTIFY, _CHANGES)
        except OSError:
            os.close(descriptor)
            return
        self._open[path] = (descriptor, identity)

    def close(self) -> None:
        """Stop watching all directories."""
        for descriptor, _known in self._open.values():
            os.close(descriptor)
        self._open = {}


def identity_of(path: str) -> Optional[Tuple[int, int]]:
    """Return device and inode, which tell a directory from a later one of the same path. Return None without one."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
