# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's report about itself, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import FrozenSet, Mapping, Optional

from .._network.backend import NAMES
from .._network.handover_record import HandoverRecord


@dataclass(frozen=True)
class WatcherReport:
    """What is known of the watcher.

    Attributes:
        installed: whether its unit is installed.
        running: whether it runs, and can work. It is None when that could not be found out.
        version: the watcher's version. This and each later value is None or empty when the watcher does not tell it.
        state: the watcher's state, as one word.
        last_handover: the record of the last handover.
        held: the interfaces that are held back. The value is the network that a profile is missing for, as text.
        managers: the manager of each interface that the watcher watches, or None when the watcher can use no manager.
        left: why CSME keeps the radio of an interface although the watcher wants it, as the code of an outcome, or as
            one of ``policy.REASONS``. The readiness and the command ``amt-wifi-watcher status`` both say this, so that
            they do not contradict each other.
        watched: the interfaces whose radios the watcher watches. It is None when the watcher does not tell them.
        busy: the interfaces that the watcher hands over now, or keeps at their access point.
        lacks: what the machine lacks, so that the watcher waits and can't work, as a text for people. None means that
            it does not wait.
    """

    installed: bool
    running: Optional[bool]
    version: Optional[str] = None
    state: Optional[str] = None
    last_handover: Optional[HandoverRecord] = None
    held: Mapping[str, str] = field(default_factory=dict)
    managers: Mapping[str, Optional[str]] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)
    watched: Optional[FrozenSet[str]] = None
    busy: FrozenSet[str] = frozenset()
    lacks: Optional[str] = None

    def failed(self, interface: str) -> bool:
        """Say whether CSME keeps the radio because a handover failed, and not because of the present state."""
        from .._handover.policy import OF_NOW  # loaded only where it is needed

        return interface in self.left and self.left[interface] not in OF_NOW

    def why_left(self, interface: str) -> Optional[str]:
        """Return why CSME keeps the radio of an interface, and what to do, as sentences without the last full stop.

        It is None when the watcher does not want the radio, or nothing keeps the watcher from it.
        """
        reason = self.left.get(interface)
        if reason is None:
            return None
        # These are loaded only where they are needed.
        from .._handover.policy import AWAITED, BUSY, Outcome
        from .._handover.words import BOOK, LOOKS_AGAIN, LOOKS_AGAIN_SOON, PAUSES

        if reason == Outcome.NO_CREDENTIALS.value:
            return f"when it looked last, no profile of the host could carry CSME's connection on. {LOOKS_AGAIN}"
        words = PAUSES.get(reason) or next((BOOK[outcome] for outcome in Outcome if outcome.value == reason), None)
        if words is None:  # the watcher is of another version
            return f"the reason is {reason}. {LOOKS_AGAIN}"
        what = words.of(NAMES.get(self.managers.get(interface) or ""))
        again = LOOKS_AGAIN_SOON if reason in (AWAITED, BUSY) else LOOKS_AGAIN
        return ". ".join(part for part in (what, words.remedy, again) if part)
