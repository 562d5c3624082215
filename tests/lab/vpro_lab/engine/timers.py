# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the firmware does later. Time comes from outside, so that tests can make it pass."""

from __future__ import annotations

import heapq
import itertools
import time
from typing import Callable, List, Optional, Tuple

Clock = Callable[[], float]


class Timer:
    """Something to do later, unless it is cancelled before."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Optional[Callable[[], None]] = action

    def cancel(self) -> None:
        """Do not do it."""
        self._action = None

    @property
    def pending(self) -> bool:
        """Whether it is still to come."""
        return self._action is not None

    def fire(self) -> None:
        """Do it, once."""
        action, self._action = self._action, None
        if action is not None:
            action()


class Timers:
    """All that is to come.

    Args:
        clock: the time, in seconds.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._order = itertools.count()
        self._queue: List[Tuple[float, int, Timer]] = []

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something in so many seconds, at the next :meth:`run` then."""
        timer = Timer(action)
        heapq.heappush(self._queue, (self.clock() + seconds, next(self._order), timer))
        return timer

    def wait(self) -> Optional[float]:
        """Return the seconds until the next is due, or None when there is none."""
        while self._queue and not self._queue[0][2].pending:
            heapq.heappop(self._queue)
        return max(0.0, self._queue[0][0] - self.clock()) if self._queue else None

    def run(self) -> None:
        """Do what is due."""
        while self.wait() == 0.0:
            heapq.heappop(self._queue)[2].fire()
