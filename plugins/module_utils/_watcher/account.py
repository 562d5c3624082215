# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of one guarded radio: the lines of the log, and the record of its last handover."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._handover.messages import AddressArrived
from .._handover.policy import Outcome
from .._handover.words import LEVELS, NOBODY, SENTENCES, UNUSABLE, network_name
from .._network.events import Connected
from .._network.profile import Obstacle
from .._radio.connection import CsmeConnection
from .._radio.values import Radio
from .._system.systemd import Log
from .report import LastHandover


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
        self._clock = clock
        #: What was done and seen since CSME has the radio: its name and when.
        self._trace: List[Tuple[str, float]] = []
        #: What went wrong without ending a handover, for people; and how much of that was told.
        self.warnings: List[str] = []
        self._told = 0
        #: By subject, what was told last.
        self._said: Dict[str, str] = {}
        self._refused: Optional[Tuple[str, Optional[CsmeConnection]]] = None
        #: How the last handover went; None: there was none.
        self.last: Optional[LastHandover] = None

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

    def begin(self) -> None:
        """Take note that CSME has the radio, and that nothing is done about it yet."""
        self._trace = [("blocked", self._clock())]

    @property
    def has_begun(self) -> bool:
        """Whether anything was noted since the watcher began."""
        return bool(self._trace)

    def mark(self, name: str) -> None:
        """Take note of something that was done or seen, by its name."""
        self._trace.append((name, self._clock()))

    def note(self, event: Any) -> None:
        """Take note of an event that a handover heard, if the account has a place for it."""
        if isinstance(event, Connected):
            self.mark("connected")
        elif isinstance(event, AddressArrived):
            self.mark("address")

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
        sentence = SENTENCES[outcome].format(who=who or "the supplicant")
        if outcome is Outcome.NO_CREDENTIALS:
            if who is None:
                sentence = NOBODY
            elif obstacle is not None:
                sentence = UNUSABLE.format(who=who, what=obstacle.what, remedy=obstacle.remedy)
            again, self._refused = self._refused == (sentence, wanted), (sentence, wanted)
            if again:  # it was looked at once more, for news that changed nothing
                return
        else:
            self._refused = None
            self.last = LastHandover(
                outcome=outcome.value,
                at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                request_to_connected_ms=self._ms("connected"),
                request_to_address_ms=self._ms("address"),
                session_kept=_KEPT.get(outcome),
            )
        self.write(
            LEVELS.get(outcome, "warning"),
            f"{sentence}{network_name(wanted)}",
            amt_wifi_outcome=outcome.value,
            amt_wifi_block_to_request_ms=self._ms("requested", "blocked"),
            amt_wifi_request_to_connected_ms=self._ms("connected"),
            amt_wifi_request_to_address_ms=self._ms("address"),
        )

    def _ms(self, name: str, since: str = "requested") -> Optional[int]:
        begun = next((at for seen, at in self._trace if seen == since), None)
        at = next((at for seen, at in self._trace if seen == name and begun is not None and at >= begun), None)
        return None if at is None or begun is None else round((at - begun) * 1000)


#: Whether CSME's session lives after a handover that ended so; of the others nothing is known.
_KEPT = {Outcome.PROTECTED: True, Outcome.TAKEN_BACK: False, Outcome.NOT_CONNECTED: False}
