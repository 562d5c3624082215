# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the watcher ends: at once, or when CSME has answered, and the host has carried its session on.

A role restarts the watcher for a new version, and nobody knows when CSME gives the radio away. A watcher that ended in
between would undo its pin, and the host would scan for seconds while CSME's deadline passes.
"""

from __future__ import annotations

import time
from typing import Callable, Optional

from .._handover.policy import Policy

#: The most seconds that the watcher goes on after it was told to end: what one request can take, with everything that
#: follows from it. The unit's TimeoutStopSec is three times as long.
SECONDS = Policy().attempt_seconds


class Shutdown:
    """Whether and until when the service goes on.

    Args:
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: The time by the clock at which the service ends in any case. None means that nobody told it to end.
        self.due: Optional[float] = None

    def want(self, seconds: float = SECONDS) -> None:
        """Let the service end within some seconds. When it is told so a second time, it ends at once."""
        self.due = self._clock() + (seconds if self.due is None else 0.0)

    def is_now(self, *, asked: bool) -> bool:
        """Say whether the service has to end now.

        Args:
            asked: whether CSME was asked for a radio, and it is not known yet how the handover ends.
        """
        return self.due is not None and (not asked or self._clock() >= self.due)
