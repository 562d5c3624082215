# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Telling others how the watcher stands: in its state file, and in the status that systemd shows."""

from __future__ import annotations

from typing import Any, Callable, Collection, Dict, Optional

from .._system.errors import FleetError
from .._system.systemd import Log, notify
from .state_file import Guarded, document, write_state


class Telling:
    """Writes the state file whenever the state has changed.

    Args:
        version: the watcher's version.
        log: receives a line when the file can't be written.
        write: writes the file.
    """

    def __init__(self, version: str, log: Log, write: Callable[[Dict[str, Any]], None] = write_state) -> None:
        self._version = version
        self._log = log
        self._write = write
        #: The state that was written last, or None when none was.
        self.written: Optional[Dict[str, Any]] = None
        #: Why the file could not be written. It is empty when it was written.
        self._failure = ""

    def report(self, radios: Collection[Guarded]) -> None:
        """Write the state of the guarded radios if it has changed, and tell systemd.

        If the file can't be written, the log says so once, and the next call tries again.
        """
        if self._keep(document(self._version, radios)):
            notify(f"STATUS={status_of(radios)}")

    def lack(self, error: FleetError) -> None:
        """Write what the machine lacks, so that the watcher can't work."""
        self._keep(document(self._version, (), lacks=str(error)))

    def _keep(self, state: Dict[str, Any]) -> bool:
        """Write a state. Say whether a new one was written."""
        if state == self.written:
            return False
        try:
            self._write(state)
        except FleetError as error:
            if str(error) != self._failure:
                self._log.write("warning", f"the state can't be written: {error}", code=error.code)
            self._failure = str(error)
            return False
        self.written, self._failure = state, ""
        return True


def status_of(radios: Collection[Guarded]) -> str:
    """Return the state of the guarded radios as one line for people."""
    if not radios:
        return "Watches no radio: CSME can own none, or the configuration names others"
    return ", ".join(f"{guarded.radio.interface}: {guarded.state}" for guarded in radios)
