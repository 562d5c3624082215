# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a handover went, as it is told to whoever was not there: in the watcher's state, in facts and by a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class HandoverRecord:
    """How a handover went. None: it did not happen, or is not said.

    Attributes:
        outcome: a value of ``Outcome``, or of a later version's.
        at: when it ended, UTC, in ISO 8601.
        request_to_connected_ms: ms from the first ownership request to the connection.
        request_to_address_ms: ms from the first ownership request to an address.
        session_kept: whether CSME's session lives; None where nobody knows.
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
