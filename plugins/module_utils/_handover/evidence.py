# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether CSME's session was kept, by what CSME says after a handover. This does no I/O and has no clock.

Only CSME knows its session. While a session runs, CSME protects the link, and the driver reports that roaming is
forbidden. A session whose host does not carry it on ends as soon as the console's time for an answer is over. So the
session was kept if CSME still forbids roaming when that time is certainly over, or forbade it until then. No outcome of
a handover replaces that word. The longest time of a console is longer than CSME's deadline, so a session may go on even
after CSME took the radio back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Optional, Tuple

from .messages import BlockBack, Blocked, InterfaceGone, RoamingAllowed, RoamingForbidden
from .policy import Outcome, Policy

#: Seconds after a handover within which a session ends that the host does not carry on. A console gives up after some
#: 3.5 s by default (AMT's ConsoleTcpMaxRetransmissions), and CSME takes a moment to report it.
LOST_SECONDS = 5.0
#: Seconds after a handover when every console would have given up. With the largest value of
#: ConsoleTcpMaxRetransmissions, a console gives up after some 16 s.
KEPT_SECONDS = 20.0
#: Seconds after a handover within which CSME first reports that it forbids roaming, if its session goes on. A report
#: that is the first one, and comes later, is about another session.
SESSION_SECONDS = Policy().confirm_seconds
#: The outcomes after which CSME's reports are about a session that the host may carry on.
_CARRIED = frozenset({Outcome.PROTECTED, Outcome.CONNECTED, Outcome.NOT_CONNECTED})


@dataclass(frozen=True)
class Evidence:
    """What CSME said about its session.

    Attributes:
        forbidden: whether CSME reported that it forbids roaming, and nothing else since.
        since: the time in seconds at which the last handover succeeded. It is None if there was none, or when nothing
            that CSME says can be about its session any more.
    """

    forbidden: bool = False
    since: Optional[float] = None


def ended(evidence: Evidence, outcome: Outcome, now: float) -> Evidence:
    """Return the evidence after the end of a handover.

    Args:
        evidence: the evidence before.
        outcome: how the handover ended.
        now: the time in seconds.
    """
    return replace(evidence, since=now if outcome in _CARRIED else None)


def hear(evidence: Evidence, event: Any, now: float) -> Tuple[Evidence, Optional[bool]]:
    """Handle an event.

    Args:
        evidence: the evidence before.
        event: any event of a handover or a guard.
        now: the time in seconds.

    Returns:
        The evidence after, and whether the session of the last handover was kept. The latter is None if the event does
        not show it.
    """
    if isinstance(event, (Blocked, BlockBack, InterfaceGone)):
        # CSME itself has the radio again. What it says from now on is about another handover.
        return Evidence(), None
    if not isinstance(event, (RoamingForbidden, RoamingAllowed)):
        return evidence, None
    age = None if evidence.since is None else now - evidence.since
    over = isinstance(event, RoamingAllowed)
    # What CSME says shows something only if it had reported a session before.
    session = evidence.forbidden
    another = not session and age is not None and age > SESSION_SECONDS
    after = Evidence(forbidden=not over, since=None if over or another else evidence.since)
    if age is None or not session:
        return after, None
    if age >= KEPT_SECONDS:
        return replace(after, since=None), True
    # A session that ended between the two times may have been lost, or closed by its operator.
    return after, False if over and age < LOST_SECONDS else None
