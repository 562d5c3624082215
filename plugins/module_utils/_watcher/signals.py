# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The signals that the service hears, as a descriptor that it can wait for."""

from __future__ import annotations

import os
import signal
from typing import FrozenSet

#: The signals that end the service.
ENDING = frozenset({signal.SIGTERM, signal.SIGINT})


def wake_descriptor() -> int:
    """Return a descriptor that reports SIGTERM, SIGINT, SIGHUP (the configuration changed) and SIGIO (a folder did)."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    for number in (*ENDING, signal.SIGHUP, signal.SIGIO):
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


def signals_heard(descriptor: int) -> FrozenSet[int]:
    """Return the numbers of the signals that the descriptor reports now."""
    return frozenset(os.read(descriptor, 4096))
