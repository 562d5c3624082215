# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's report about itself, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional

from .._network.handover_record import HandoverRecord


@dataclass(frozen=True)
class WatcherReport:
    """What is known of the watcher.

    Attributes:
        installed: whether its unit is installed.
        running: whether it runs. It is None when that could not be found out.
        version: the watcher's version. This and each later value is None or empty when the watcher does not tell it.
        state: the watcher's state, as one word.
        last_handover: the record of the last handover.
        held: the interfaces that are held back. The value is the network that a profile is missing for, as text.
        managers: the manager of each interface that the watcher watches, or None when the watcher can use no manager.
    """

    installed: bool
    running: Optional[bool]
    version: Optional[str] = None
    state: Optional[str] = None
    last_handover: Optional[HandoverRecord] = None
    held: Mapping[str, str] = field(default_factory=dict)
    managers: Mapping[str, Optional[str]] = field(default_factory=dict)
