# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress of long work on the terminal: which step, how long it has taken."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, TextIO


class Progress:
    """Prints each step when it starts, its running time while it lasts (on a terminal), and its time when it ends.

    Args:
        stream: where to print; standard error by default, so that reports on standard output stay clean.
        quiet: print nothing (tests that capture their own output).
    """

    def __init__(self, stream: Optional[TextIO] = None, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Print one line."""
        if not self._quiet:
            print(text, file=self._stream, flush=True)

    @contextmanager
    def step(self, name: str, log: Optional[Path] = None) -> Iterator[None]:
        """Show *name* as the running step. With *log*, its last line is shown beside the time."""
        start = time.monotonic()
        done = threading.Event()
        live = not self._quiet and self._stream.isatty()
        if not live:
            self.say(f"… {name}")

        def tick() -> None:
            while not done.wait(0.5):
                last = _last_line(log)
                text = f"\r\033[K… {name}  {time.monotonic() - start:.0f} s  {last}"
                self._stream.write(text[:110])
                self._stream.flush()

        ticker = threading.Thread(target=tick, daemon=True)
        if live:
            ticker.start()
        verdict = "✗"
        try:
            yield
            verdict = "✓"
        finally:
            done.set()
            if live:
                ticker.join()
                self._stream.write("\r\033[K")
            self.say(f"{verdict} {name}  {time.monotonic() - start:.1f} s")


def _last_line(log: Optional[Path]) -> str:
    if log is None:
        return ""
    try:
        with open(log, "rb") as handle:
            handle.seek(0, 2)
            handle.seek(max(0, handle.tell() - 400))
            lines = handle.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:60] for line in reversed(lines) if line.strip()), "")
