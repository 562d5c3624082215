# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trace of a handover: its steps with their times, and the report about them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._network.events import Connected, Disconnected, ManagerGone, ScanStarted, SupplicantGone
from .._network.handover_record import HandoverRecord
from .messages import AddressArrived, BlockBack, BlockGone, InterfaceGone, Pinned, SoftBlocked, SwitchedOff
from .policy import Outcome


@dataclass(frozen=True)
class Step:
    """One thing that was done or seen: its name, and its time in ms after the first ownership request."""

    name: str
    at_ms: int


@dataclass(frozen=True)
class Report(HandoverRecord):
    """The full report of a handover.

    Attributes:
        outcome: how it ended.
        steps: what was done and seen.
        requests: how often ownership was asked for.
        warnings: texts for people about failures that did not end the handover.
        owner: the owner of the radio at the end, ``host`` or ``csme``.
    """

    outcome: Outcome
    steps: Tuple[Step, ...] = ()
    requests: int = 0
    warnings: Tuple[str, ...] = ()
    owner: str = "host"


STEP_NAMES: Dict[type, str] = {
    Pinned: "pinned",
    BlockGone: "granted",
    BlockBack: "taken_back",
    ScanStarted: "scan",
    Connected: "connected",
    Disconnected: "disconnected",
    AddressArrived: "address",
    SoftBlocked: "airplane_mode",
    SwitchedOff: "switch_off",
    SupplicantGone: "supplicant_gone",
    ManagerGone: "manager_gone",
    InterfaceGone: "interface_gone",
}


class Trace:
    """Records what was done and seen in one handover, and when, from ``begin`` to ``end``.

    Args:
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._marks: List[Tuple[str, float]] = []
        #: Whether it records now.
        self.open = False

    def begin(self) -> None:
        """Begin the record of a new handover. CSME has the radio, and nothing was done yet."""
        self._marks = [("blocked", self._clock())]
        self.open = True

    def end(self) -> None:
        """End the record."""
        self.open = False

    def mark(self, name: str) -> None:
        """Record something that was done or seen."""
        if self.open:
            self._marks.append((name, self._clock()))

    def note(self, event: Any) -> None:
        """Record an event of the handover, if it is a step."""
        name = STEP_NAMES.get(type(event))
        # rfkill reports the existing block when it is opened, and again at each change of any value. So only a block
        # that comes back after a grant is a step.
        if name is None or (name == "taken_back" and not self.seen("granted")):
            return
        if name == "granted" and self.seen(name) and self._marks[-1][0] != "taken_back":
            return
        self.mark(name)

    def seen(self, name: str) -> bool:
        """Say whether something was done or seen."""
        return any(seen == name for seen, _at in self._marks)

    def ms(self, name: str, since: str = "requested") -> Optional[int]:
        """Return the ms from the first *since* to the first *name* after it, or None if one of them did not happen."""
        begun = next((at for seen, at in self._marks if seen == since), None)
        at = next((at for seen, at in self._marks if seen == name and begun is not None and at >= begun), None)
        return None if at is None or begun is None else round((at - begun) * 1000)

    def report(self, outcome: Outcome, requests: int = 0, warnings: Tuple[str, ...] = ()) -> Report:
        """Return the report of the handover.

        Args:
            outcome: how it ended.
            requests: how often ownership was asked for.
            warnings: texts for people about failures that did not end the handover.
        """
        origin = next((at for name, at in self._marks if name == "requested"), self._marks[0][1] if self._marks else 0)
        moves = [name for name, _at in self._marks if name in ("granted", "taken_back")]
        connected = self.ms("connected")
        return Report(
            outcome=outcome,
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            request_to_connected_ms=connected,
            request_to_address_ms=None if connected is None else self.ms("address"),
            session_kept=None,  # only CSME knows, and it tells later (``evidence.py``)
            steps=tuple(Step(name, round((at - origin) * 1000)) for name, at in self._marks if name != "blocked"),
            requests=requests,
            warnings=warnings,
            owner="host" if moves and moves[-1] == "granted" else "csme",
        )
