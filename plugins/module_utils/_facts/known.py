# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read from the machine, and what is concluded from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Sequence

from .._firmware.values import Amt
from .._network.managed import Managed
from .._radio.values import Platform, Radio
from .._system.reading import Unreadable
from .._watcher.report import WatcherReport


@dataclass(frozen=True)
class Blocker:
    """One reason why a handover would not succeed, or what else there is to know before one (``warnings``).

    ``code`` is stable, for programs. ``message`` is for people: the reason and what to do about it.
    """

    code: str
    message: str


@dataclass(frozen=True)
class Known:
    """Everything that was read from the machine.

    Attributes:
        platform: kernel and drivers.
        radios: all radios. If they could not be listed, this is empty, and *unreadable* has the entry ``radios``.
        managed: the manager of each interface, by the interface's name.
        watcher: the watcher's state.
        unreadable: the values that could not be read.
        amt: what AMT is, or None if it was not looked for.
    """

    platform: Platform
    radios: Sequence[Radio]
    managed: Mapping[str, Managed]
    watcher: WatcherReport
    unreadable: Sequence[Unreadable]
    amt: Optional[Amt] = None

    def why(self, what: str) -> Optional[Unreadable]:
        """Return the entry for *what* in the values that could not be read, or None."""
        return next((unreadable for unreadable in self.unreadable if unreadable.what == what), None)
