# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watcher says of itself, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional


@dataclass(frozen=True)
class LastHandover:
    """How the watcher's last handover went. None: it did not happen, or is not said.

    ``at`` is UTC, in ISO 8601. Times are in ms after the first request. Whether the session was kept is None where
    nobody knows.
    """

    outcome: Optional[str]
    at: Optional[str]
    request_to_connected_ms: Optional[int]
    request_to_address_ms: Optional[int]
    session_kept: Optional[bool]


@dataclass(frozen=True)
class Watcher:
    """The watcher.

    ``running`` is None where nobody knows. Each value after it is None while the watcher says nothing of it.

    ``held`` has the interfaces whose bring-up is held back, each with the network that a profile is wanted for;
    ``managers`` who runs each interface that it watches, as far as it can use them: None where it can use nobody.
    """

    installed: bool
    running: Optional[bool]
    version: Optional[str] = None
    state: Optional[str] = None
    last_handover: Optional[LastHandover] = None
    held: Mapping[str, str] = field(default_factory=dict)
    managers: Mapping[str, Optional[str]] = field(default_factory=dict)
