# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making new files, also in a folder that belongs to another user, and replacing files as a whole.

Whoever owns a folder can put anything under a name that can be foreseen: a symbolic link to another file, or a pipe on
which root would wait for ever. So a new file gets a name that nobody can foresee, and is never one that exists already.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import Iterator, Tuple

#: Random bytes in a name.
_RANDOM = 8


def create_beside(path: str, mode: int = 0o600) -> Tuple[int, str]:
    """Create a file that will replace *path*. Return its descriptor, which is open for writing, and its path.

    Args:
        path: the path of the file that will be replaced.
        mode: the new file's permissions, whatever the umask is.

    Raises:
        OSError: the file can't be created.
    """
    # Two random names are never the same. If one exists all the same, that is an error like any other.
    name = f"{path}.{os.urandom(_RANDOM).hex()}"
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)
    except OSError:
        os.close(descriptor)
        os.unlink(name)
        raise
    return descriptor, name


@contextmanager
def replacing(path: str, mode: int = 0o600) -> Iterator[int]:
    """Replace a file as a whole: a reader finds the complete old file or the complete new one.

    This yields the new file's descriptor, which is open for writing and is closed here. If the block fails, the old
    file stays, and nothing is left of the new one.

    Args:
        path: the file's path. A symbolic link is replaced, and not followed.
        mode: the new file's permissions, whatever the umask is.

    Raises:
        OSError: the file can't be replaced.
    """
    descriptor, partial = create_beside(path, mode)
    try:
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        os.rename(partial, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise
