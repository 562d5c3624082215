# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A supplicant that answers as a test says, and a pin for it.

Test files import from here by this file's full name.
"""

from __future__ import annotations

from typing import Any, List, Optional

from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError

BSSID = "02:00:00:00:01:00"
PIN = Pin("wlan0", 5, b"corp".hex(), BSSID, (2437,), None, (), ())


class Supplicant:
    """A backend that does what a test says, and keeps what it was asked."""

    manager = "wpa_supplicant"
    #: There is a link that the rest of a pin would drop.
    linked = True

    def __init__(self, *errors: Optional[FleetError]) -> None:
        self.errors = list(errors)
        self.asked: List[str] = []

    def _do(self, what: str) -> bool:
        self.asked.append(what)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return True

    def stay(self, profile: Profile, bssid: str, record: Any) -> None:
        self._do(f"stay {profile.id} {bssid}")

    def pin(self, profile: Profile, bssid: str, frequencies: Any, record: Any) -> None:
        self._do(f"pin {profile.id} {bssid}")

    def unpin(self, pin: Pin) -> bool:
        return self._do("unpin")

    def loosen(self, pin: Pin) -> str:
        self._do("loosen")
        return "something is left" if self.linked else ""
