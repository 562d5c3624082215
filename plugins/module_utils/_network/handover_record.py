# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a handover, which the watcher's state, the facts and a task's result contain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class HandoverRecord:
    """The result and the times of a handover. A value is None when it is not known, or when the event did not happen.

    Attributes:
        outcome: a value of ``Outcome``. A later version of the watcher may have written a value that is not in it.
        at: the time at which the handover ended, in UTC and ISO 8601.
        request_to_connected_ms: ms from the first ownership request until the host was connected.
        request_to_address_ms: ms from the first ownership request until the host had an address.
        session_kept: whether CSME's session was kept, by CSME's own word (see ``_handover/evidence.py``).
    """

    outcome: Optional[str]
    at: Optional[str]
    request_to_connected_ms: Optional[int]
    request_to_address_ms: Optional[int]
    session_kept: Optional[bool]

    def as_dict(self) -> Dict[str, Any]:
        """Return the record as a mapping for JSON."""
        return {
            "outcome": self.outcome,
            "at": self.at,
            "request_to_connected_ms": self.request_to_connected_ms,
            "request_to_address_ms": self.request_to_address_ms,
            "session_kept": self.session_kept,
        }
