# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watcher says of itself, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional

from .._network.handover_record import HandoverRecord


@dataclass(frozen=True)
class WatcherReport:
    """The watcher.

    ``running`` is None where nobody knows. Each value after it is None while the watcher says nothing of it.

    ``held`` has the interfaces whose bring-up is held back, each with the network that a profile is wanted for;
    ``managers`` who runs each interface that it watches, as far as it can use them: None where it can use nobody.
    """

    installed: bool
    running: Optional[bool]
    version: Optional[str] = None
    state: Optional[str] = None
    last_handover: Optional[HandoverRecord] = None
    held: Mapping[str, str] = field(default_factory=dict)
    managers: Mapping[str, Optional[str]] = field(default_factory=dict)
