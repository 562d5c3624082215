# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock for work that only one process at a time may do, and that leaves no file behind."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import Iterator

from .errors import TimedOut

#: Seconds between two attempts. A person does not notice the pause.
_PAUSE = 0.05


@contextmanager
def alone(path: str, what: str, timeout: float) -> Iterator[None]:
    """Hold a lock while the block runs. The kernel releases it when the process ends, even if that is killed.

    Args:
        path: the lock's file. Its folder must be one in which only root may write.
        what: what another process does while it holds the lock, as a sentence that begins with "another task".
        timeout: seconds to wait for the lock. 0 tries once.

    Raises:
        TimedOut: another process held the lock all the time.
        OSError: the file can't be used.
    """
    deadline = time.monotonic() + timeout
    while (descriptor := _take(path)) < 0:
        if time.monotonic() >= deadline:
            remedy = "Run the task again when the other one has ended"
            raise TimedOut(f"{what} and did not end within {timeout:g} s", where=path, remedy=remedy)
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        # It goes while the lock is still held. Whoever waits for this file's lock then notices that it is gone.
        with suppress(FileNotFoundError):
            os.unlink(path)
        os.close(descriptor)


def _take(path: str) -> int:
    """Try to take the lock, without waiting. Return its descriptor, or -1 if somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return -1
