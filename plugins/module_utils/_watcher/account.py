# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log lines about one guarded radio, and the record of its last handover."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._handover import evidence
from .._handover.evidence import Evidence
from .._handover.policy import SUCCESSES, Outcome
from .._handover.trace import Trace
from .._handover.words import KEPT, LOST, network_name, nobody_joins, why_not_carried_on, words_of
from .._network.handover_record import HandoverRecord
from .._network.limits import Obstacle
from .._radio.connection import Reported
from .._radio.rfkill import platform_switches
from .._radio.values import Radio
from .._system.systemd import Log

#: The outcomes of handovers that did not begin, unless CSME had been asked before. Then CSME went to another network or
#: channel in the middle of the handover.
_REFUSALS = frozenset({Outcome.NO_CREDENTIALS, Outcome.CSME_UNREADABLE})


class Account:
    """Writes the log lines about one radio.

    Args:
        radio: the radio.
        log: receives the log lines.
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(self, radio: Radio, log: Log, clock: Callable[[], float]) -> None:
        self._radio = radio
        self._log = log
        #: The steps since CSME has the radio.
        self.trace = Trace(clock)
        #: Texts for people about failures that did not end a handover, and how many of them were logged.
        self.warnings: List[str] = []
        self._told = 0
        #: The last line that was logged, by subject.
        self._said: Dict[str, str] = {}
        self._refused: Optional[Tuple[str, Optional[Reported]]] = None
        #: The record of the last handover, or None when there was none.
        self.last: Optional[HandoverRecord] = None
        self._clock = clock
        self._evidence = Evidence()

    def write(self, level: str, text: str, **fields: Any) -> None:
        """Log a line about the radio. The arguments are those of ``Log.write``."""
        where = {"amt_wifi_interface": self._radio.interface, "amt_wifi_radio": self._radio.phy}
        self._log.write(level, f"{self._radio.interface}: {text}", **where, **fields)

    def write_once(self, subject: str, level: str, text: str, **fields: Any) -> None:
        """Log a line about a subject, unless it is the same as the last line about this subject."""
        if self._said.get(subject) != text:
            self.write(level, text, **fields)
        self._said[subject] = text

    def forget(self, subject: str) -> None:
        """Let the next line about a subject be logged in any case."""
        self._said.pop(subject, None)

    def flush(self) -> None:
        """Log the warnings that were not logged yet."""
        for warning in self.warnings[self._told :]:
            self.write("warning", warning)
        self._told = len(self.warnings)

    def hear(self, event: Any) -> None:
        """Handle an event. It may show whether CSME's session was kept in the last handover."""
        self._evidence, kept = evidence.hear(self._evidence, event, self._clock())
        if kept is None or self.last is None:
            return
        self.last = replace(self.last, session_kept=kept)
        self.write("info" if kept else "warning", KEPT if kept else LOST, amt_wifi_session_kept=kept)

    # -- one handover ----------------------------------------------------------------------------------------------

    def ended(
        self, outcome: Outcome, wanted: Optional[Reported], who: Optional[str], obstacle: Optional[Obstacle]
    ) -> bool:
        """Log how a handover ended, and keep its record. Return False if there was none, because it did not begin.

        Args:
            outcome: how it ended.
            wanted: CSME's connection, or None when it had none.
            who: the manager's name for people, or None when there is no manager.
            obstacle: why the profile for that connection can't carry it on. It is None when no profile is for it, or
                one can.
        """
        words = words_of(outcome, None, platform_switches)
        network = network_name(wanted)
        text = f"{words.of(who)}{network}"
        report = self.trace.report(outcome)
        self.trace.end()
        self._evidence = evidence.ended(self._evidence, outcome, self._clock())
        if outcome is Outcome.NO_CREDENTIALS:
            why = (nobody_joins(network),) if who is None else why_not_carried_on(network, obstacle, who)
            text = f"CSME keeps the radio, because {'. '.join(why)}"
        elif outcome is Outcome.CSME_UNREADABLE:
            text = f"{text}. {words.remedy}"
        begun = outcome not in _REFUSALS or self.trace.seen("requested")
        if not begun:
            again, self._refused = self._refused == (text, wanted), (text, wanted)
            if again:  # the radio was looked at again because of a change that did not matter
                return False
        else:
            self._refused = None
            self.last = report
        self.write(
            "info" if outcome in SUCCESSES else "warning",
            text,
            amt_wifi_outcome=outcome.value,
            amt_wifi_block_to_request_ms=self.trace.ms("requested", "blocked"),
            amt_wifi_request_to_connected_ms=report.request_to_connected_ms,
            amt_wifi_request_to_address_ms=report.request_to_address_ms,
        )
        return begun
