# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long to wait for answers: of wpa_supplicant, of NetworkManager over the bus, and of the kernel over netlink."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Optional


@dataclass(frozen=True)
class Patience:
    """How long to wait for somebody's answers.

    Attributes:
        answer: seconds to wait for each answer.
        call: seconds to wait for all the answers that one call needs. None sets no such limit.
        end: the time, by ``time.monotonic``, until which all answers must have come. None sets no such limit.
    """

    answer: float
    call: Optional[float] = None
    end: Optional[float] = None

    def begun(self) -> Patience:
        """Return the patience with a call that begins now: the limit of the call has become a time."""
        if self.call is None:
            return self
        end = time.monotonic() + self.call
        return replace(self, call=None, end=end if self.end is None else min(end, self.end))

    def due(self, now: Optional[float] = None) -> float:
        """Return the time, by ``time.monotonic``, until which the answer to a question must come.

        Args:
            now: when it is asked. None is now.
        """
        due = (time.monotonic() if now is None else now) + self.answer
        return due if self.end is None else min(due, self.end)


#: The usual patience with a manager and with the bus. They answer within milliseconds, or not at all. wpa_supplicant
#: itself may wait for the kernel's RTNL lock, which a request to CSME holds for 0.5 s.
PATIENCE = Patience(answer=2.0)
#: The patience with the kernel. It may take more time before it queues an answer, for example while a driver waits for
#: firmware. That time does not count.
KERNEL = Patience(answer=5.0)
