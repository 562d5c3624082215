# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service's folder of locks and journals, which somebody may remove while the service runs.

The unit makes the folder before the service starts, and systemd gives it to that process alone (``ReadWritePaths=``). A
running process can't use another folder of the same name. So the service has to start again.
"""

from __future__ import annotations

from typing import Optional, Tuple

from .._system.directories import identity_of
from .._system.errors import FleetError
from .._system.places import Places
from .._system.run_folder import ensure
from .._system.systemd import Log


class OwnFolder:
    """Knows whether the folder is still the one that it was when the service started.

    Args:
        places: where the files are.
        log: receives a line when the folder can't be used.
    """

    def __init__(self, places: Places, log: Log) -> None:
        self._places = places
        self._log = log
        self._identity: Optional[Tuple[int, int]] = None

    def begin(self) -> None:
        """Make the folder if there is none, and remember which one it is."""
        try:
            ensure(self._places)
        except FleetError as error:
            self._log.write("error", f"no handover is possible without a folder for journals: {error}", code=error.code)
        self._identity = identity_of(self._places.run)

    def was_replaced(self) -> bool:
        """Say whether the folder was removed or made since ``begin``. If so, log that the service ends."""
        if identity_of(self._places.run) == self._identity:
            return False
        self._log.write(
            "warning", f"somebody removed or made {self._places.run}. The watcher ends, and systemd starts it again"
        )
        return True
