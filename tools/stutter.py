# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command whose child processes get only a fraction of the processor, and at times none for seconds.

A test that fails in it depends on how fast the machine is. ``python tools/stutter.py pytest -n 4 tests/unit`` stops and
continues pytest's workers again and again, as a host does that has more to do than it has processors.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

#: The longest time in seconds that the children run, and that they are stopped.
RUNNING, STOPPED = 0.1, 0.3
#: Once in so many times they are stopped for so many seconds: longer than the usual wait for an answer (``PATIENCE``).
LONG_EVERY, LONG = 25, 2.6


def children(pid: int) -> list[int]:
    """Return the process ids of the children of a process. There are none when it has ended."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_text(encoding="ascii").split())
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to some processes. Those that have ended do not matter."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def main(command: list[str]) -> int:
    """Run a command while its children stutter, and return its exit status."""
    stopped = 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            time.sleep(random.uniform(0, RUNNING))
            pids = children(process.pid)
            stopped += 1
            try:
                send(pids, signal.SIGSTOP)
                time.sleep(LONG if stopped % LONG_EVERY == 0 else random.uniform(0, STOPPED))
            finally:  # also when this program is told to end
                send(pids, signal.SIGCONT)
        return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
