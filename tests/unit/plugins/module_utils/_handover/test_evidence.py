# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the session was kept is CSME's word, and it counts only when a lost session would have ended."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.evidence import (
    KEPT_SECONDS,
    LOST_SECONDS,
    SESSION_SECONDS,
    Evidence,
    ended,
    hear,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    BlockBack,
    Blocked,
    BlockGone,
    InterfaceGone,
    RoamingAllowed,
    RoamingForbidden,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome

FORBIDDEN, ALLOWED = RoamingForbidden(), RoamingAllowed()
LATE, SOON, BETWEEN = KEPT_SECONDS, LOST_SECONDS - 0.1, LOST_SECONDS


def verdicts(outcome: Outcome, *heard: Tuple[float, Any], before: Tuple[Any, ...] = ()) -> List[Optional[bool]]:
    """Return what each event shows. *before* comes before the end of the handover, the others so many seconds after."""
    evidence = Evidence()
    for event in before:
        evidence, kept = hear(evidence, event, 99.0)
        assert kept is None
    evidence = ended(evidence, outcome, 100.0)
    found = []
    for at, event in heard:
        evidence, kept = hear(evidence, event, 100.0 + at)
        found.append(kept)
    return found


def test_a_session_that_goes_on_was_kept() -> None:
    assert verdicts(Outcome.PROTECTED, (1, FORBIDDEN), (LATE - 0.1, FORBIDDEN), (LATE, FORBIDDEN)) == [None, None, True]


def test_one_that_ends_late_was_kept_until_then() -> None:
    assert verdicts(Outcome.PROTECTED, (3600, ALLOWED), before=(FORBIDDEN,)) == [True]
    assert verdicts(Outcome.CONNECTED, (1, FORBIDDEN), (3600, ALLOWED), (3601, FORBIDDEN)) == [None, True, None]


def test_one_that_ends_at_once_was_lost() -> None:
    assert verdicts(Outcome.PROTECTED, (SOON, ALLOWED), before=(FORBIDDEN,)) == [False]


def test_one_that_ends_in_between_may_have_been_closed() -> None:
    assert verdicts(Outcome.PROTECTED, (BETWEEN, ALLOWED), (LATE, FORBIDDEN), before=(FORBIDDEN,)) == [None, None]
    assert verdicts(Outcome.PROTECTED, (LATE - 0.1, ALLOWED), before=(FORBIDDEN,)) == [None]


def test_the_end_of_a_session_that_nobody_saw_shows_nothing() -> None:
    assert verdicts(Outcome.PROTECTED, (SOON, ALLOWED)) == [None]
    assert verdicts(Outcome.PROTECTED, (LATE, ALLOWED)) == [None]


@pytest.mark.parametrize("event", [Blocked(None, None), BlockBack(), InterfaceGone()])
def test_what_csme_says_with_the_radio_is_about_another_handover(event: Any) -> None:
    assert verdicts(Outcome.PROTECTED, (1, event), (LATE, FORBIDDEN)) == [None, None]
    assert verdicts(Outcome.PROTECTED, (1, event), (SOON, ALLOWED), before=(FORBIDDEN,)) == [None, None]


def test_other_events_show_nothing() -> None:
    assert verdicts(Outcome.PROTECTED, (LATE, BlockGone()), (LATE, FORBIDDEN), before=(FORBIDDEN,)) == [None, True]


def test_a_first_report_that_comes_late_is_about_another_session() -> None:
    late = SESSION_SECONDS + 0.1
    assert verdicts(Outcome.PROTECTED, (late, FORBIDDEN), (3600, FORBIDDEN), (3601, ALLOWED)) == [None, None, None]
    assert verdicts(Outcome.NOT_CONNECTED, (LATE, FORBIDDEN), (3600, ALLOWED)) == [None, None]
    assert verdicts(Outcome.PROTECTED, (SESSION_SECONDS, FORBIDDEN), (LATE, FORBIDDEN)) == [None, True]


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_a_host_can_carry_on_is_waited_for(outcome: Outcome) -> None:
    carried = outcome in (Outcome.PROTECTED, Outcome.CONNECTED, Outcome.NOT_CONNECTED)
    assert verdicts(outcome, (LATE, FORBIDDEN), before=(FORBIDDEN,)) == [True if carried else None]
    assert verdicts(outcome, (SOON, ALLOWED), before=(FORBIDDEN,)) == [False if carried else None]
