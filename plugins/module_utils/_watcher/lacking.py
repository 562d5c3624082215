# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting on a machine that lacks something without which the service can't work: rfkill, or the library pyroute2.

The boot waits for the service's start, so the service must not take its time for that, and must not end either, because
systemd would start it again for ever. So it tells systemd that it is ready, says once what is missing, and waits.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import sys
import time
from typing import Callable, FrozenSet, Optional, Sequence

from .._system.directories import Directories
from .._system.errors import FleetError
from .._system.pauses import slow_pause
from .._system.systemd import Log, Watchdog, notify
from .signals import ENDING, signals_heard

#: Seconds from a change in a watched folder to the next look. A package has many files, and a new device belongs to
#: root until udev has handled it.
SETTLE_SECONDS = 2.0


def places() -> Sequence[str]:
    """Return the folders in which a missing thing may appear: those of devices, and of Python's libraries."""
    return ("/dev", *(path for path in sys.path if os.path.isdir(path)))


def until_there(
    attempt: Callable[[], None], wake: int, log: Log, tell: Callable[[FleetError], None] = lambda error: None
) -> bool:
    """Call *attempt* until it works. Say whether it has worked. It has not if a signal ends the service.

    A SIGHUP that comes meanwhile is sent again when *attempt* has worked.

    Args:
        attempt: opens what the service needs, and raises a ``FleetError`` while something is missing. It leaves nothing
            open then.
        wake: a descriptor that reports signals (``signals.wake_descriptor``).
        log: receives a line for each new reason, and one when *attempt* has worked at last.
        tell: is called with each new reason.
    """
    said = ""
    looks = 0
    reload = False
    folders: Optional[Directories] = None
    try:
        while True:
            try:
                attempt()
                break
            except FleetError as error:
                if str(error) != said:
                    said = str(error)
                    log.write(
                        "error", f"the watcher can't work, and waits for what is missing: {said}", code=error.code
                    )
                    tell(error)
                    notify("READY=1", f"STATUS=Waits for what is missing: {said}")
            if folders is None:
                folders = Directories(places())
            # No event may report that it came.
            numbers = _pause(slow_pause(looks), wake, folders)
            if numbers & ENDING:
                return False
            # After an event, the slow looks begin anew.
            looks = 0 if numbers else looks + 1
            reload |= signal.SIGHUP in numbers
            # Python remembers what its folders had in them.
            importlib.invalidate_caches()
    finally:
        if folders is not None:
            folders.close()
    if said:
        log.write("info", "what was missing is there now")
    if reload:
        os.kill(os.getpid(), signal.SIGHUP)
    return True


def _pause(seconds: float, wake: int, folders: Directories) -> FrozenSet[int]:
    """Wait for a signal, but not longer than some seconds. Return the signals that came.

    If the signal does not end the service, ``SETTLE_SECONDS`` more pass.
    """
    watchdog = Watchdog()
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    numbers: FrozenSet[int] = frozenset()
    end = time.monotonic() + seconds
    while not numbers & ENDING:
        left = end - time.monotonic()
        if left <= 0:
            break
        if watchdog.pause is not None:
            left = min(left, watchdog.pause)
        if poll.poll(left * 1000 + 1):
            numbers |= signals_heard(wake)
            folders.refresh()
            end = min(end, time.monotonic() + SETTLE_SECONDS)
        watchdog.tell()
    return numbers
