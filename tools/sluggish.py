# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin of pytest for the unit tests: whoever answers in another thread than the test's is slow to read.

A fake supplicant or bus answers in a thread. On a busy machine such a thread may get no processor for a while after a
request was sent. A test that fails with this plugin takes for granted that it gets one at once.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import Any, Callable

#: How long a thread waits before it reads what has come, in seconds: longer than the shortest patience in the tests.
DELAY = 0.3


def slow(read: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of sockets that waits before what it does, but not in the thread that runs the tests."""

    def later(self: socket.socket, *arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            timeout = self.gettimeout()
            if timeout != 0:
                select.select([self], [], [], timeout)
            time.sleep(DELAY)
        return read(self, *arguments, **options)

    return later


def pytest_configure() -> None:
    """Make the sockets of this process slow."""
    for name in ("recv", "recvfrom", "recvmsg"):
        setattr(socket.socket, name, slow(getattr(socket.socket, name)))
