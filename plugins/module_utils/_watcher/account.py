# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of one guarded radio: the lines of the log, and the record of its last handover."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from .._handover.policy import SUCCESSES, Outcome
from .._handover.trace import Trace
from .._handover.words import BOOK, NOBODY, UNUSABLE, network_name
from .._network.handover_record import HandoverRecord
from .._network.limits import Obstacle
from .._radio.connection import CsmeConnection
from .._radio.values import Radio
from .._system.systemd import Log


class Account:
    """What is told of one radio.

    Args:
        radio: the radio.
        log: where it is told.
        clock: seconds that only grow.
    """

    def __init__(self, radio: Radio, log: Log, clock: Callable[[], float]) -> None:
        self._radio = radio
        self._log = log
        #: What was done and seen since CSME has the radio.
        self.trace = Trace(clock)
        #: What went wrong without ending a handover, for people; and how much of that was told.
        self.warnings: List[str] = []
        self._told = 0
        #: By subject, what was told last.
        self._said: Dict[str, str] = {}
        self._refused: Optional[Tuple[str, Optional[CsmeConnection]]] = None
        #: How the last handover went; None: there was none.
        self.last: Optional[HandoverRecord] = None

    def write(self, level: str, text: str, **fields: Any) -> None:
        """Tell something of the radio. Arguments as for ``Log.write``."""
        where = {"amt_wifi_interface": self._radio.interface, "amt_wifi_radio": self._radio.phy}
        self._log.write(level, f"{self._radio.interface}: {text}", **where, **fields)

    def write_once(self, subject: str, level: str, text: str) -> None:
        """Tell something of a subject, unless it is what was told of it last: much is found out again and again."""
        if self._said.get(subject) != text:
            self.write(level, text)
        self._said[subject] = text

    def forget(self, subject: str) -> None:
        """Let the next news of a subject be told, whatever it is."""
        self._said.pop(subject, None)

    def flush(self) -> None:
        """Tell the warnings that were not told yet."""
        for warning in self.warnings[self._told :]:
            self.write("warning", warning)
        self._told = len(self.warnings)

    # -- one handover ----------------------------------------------------------------------------------------------

    def ended(
        self, outcome: Outcome, wanted: Optional[CsmeConnection], who: Optional[str], obstacle: Optional[Obstacle]
    ) -> None:
        """Tell how a handover ended.

        Args:
            outcome: how.
            wanted: CSME's connection; None: it had none.
            who: what people call who runs the interface; None: nobody does.
            obstacle: what keeps the profile for that connection from carrying it on; None: there is none, or no
            profile.
        """
        words = BOOK[outcome]
        sentence = words.of(who)
        report = self.trace.report(outcome)
        self.trace.end()
        if outcome is Outcome.NO_CREDENTIALS:
            if who is None:
                sentence = NOBODY
            elif obstacle is not None:
                sentence = UNUSABLE.format(who=who, what=obstacle.what, remedy=obstacle.remedy)
            else:
                sentence = f"{sentence}. {words.remedy}"
            again, self._refused = self._refused == (sentence, wanted), (sentence, wanted)
            if again:  # it was looked at once more, for news that changed nothing
                return
        else:
            self._refused = None
            self.last = report
        self.write(
            "info" if outcome in SUCCESSES else "warning",
            f"{sentence}{network_name(wanted)}",
            amt_wifi_outcome=outcome.value,
            amt_wifi_block_to_request_ms=self.trace.ms("requested", "blocked"),
            amt_wifi_request_to_connected_ms=report.request_to_connected_ms,
            amt_wifi_request_to_address_ms=report.request_to_address_ms,
        )
