# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of a radio of which something can't be read: CSME keeps it, and the reason is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import (
    RETRY,
    SLOW,
    Awaited,
    Free,
    Guard,
    GuardEvent,
    GuardPolicy,
    Look,
    Tell,
    Unanswered,
    Untold,
    step,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    Blocked,
    CancelTimer,
    Expired,
    Pinned,
    RequestOwnership,
    Seen,
    SetPin,
    SetTimer,
    Timer,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import AWAITED, UNANSWERED, Outcome, Policy
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import NETWORK, PART, PROFILE

POLICY = GuardPolicy(handover=Policy(stay=True))


@pytest.mark.parametrize(
    ("event", "reason", "seconds"),
    [
        (Untold(), "csme_unreadable", POLICY.busy_seconds),
        (Unanswered(), UNANSWERED, POLICY.busy_seconds),
        (Awaited(), AWAITED, POLICY.busy_seconds),
        (Blocked(PART, None), "csme_unreadable", POLICY.unanswered_seconds),
        # Even if somebody had found a profile for it.
        (Blocked(PART, PROFILE), "csme_unreadable", POLICY.unanswered_seconds),
    ],
)
def test_csme_keeps_the_radio_and_the_reason_is_told(event: GuardEvent, reason: str, seconds: float) -> None:
    guard, actions = step(Guard(), event, POLICY)
    assert (guard.left, guard.handover) == (reason, None)
    assert guard.word(waits=True) == "retrying"
    assert SetTimer(RETRY, seconds) in actions
    assert not any(isinstance(action, (RequestOwnership, SetPin)) for action in actions)
    assert (Tell(Outcome.CSME_UNREADABLE) in actions) == isinstance(event, Blocked)
    guard, actions = step(guard, Expired(RETRY), POLICY)
    assert actions == (Look(),)
    # No failure is counted, and the reason goes when the host has the radio.
    assert guard.failures == 0
    assert step(guard, Free(), POLICY)[0].left is None


def test_a_driver_that_does_not_answer_is_asked_ever_less_often() -> None:
    guard, found = Guard(), []
    for _look in range(8):
        guard, actions = step(guard, Untold(), POLICY)
        found += [action.seconds for action in actions if isinstance(action, SetTimer)]
        guard, _look_again = step(guard, Expired(RETRY), POLICY)
    assert found == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_failure_is_the_reason_again_when_all_can_be_read_again() -> None:
    """What can't be read meanwhile neither hides that a handover failed, nor lets CSME be asked more than once."""
    guard = Guard(failures=9, left="denied", ended=Outcome.DENIED, looks=5, network=(NETWORK.ssid, NETWORK.auth))
    for event in (Untold(), Unanswered(), Awaited()):
        between, _actions = step(guard, event, POLICY)
        assert between.word(waits=True) == "retrying"
        again, actions = step(between, Blocked(NETWORK, PROFILE), POLICY)
        assert (again.left, again.failures, actions) == ("denied", 9, (CancelTimer(RETRY),))
        later, _actions = step(step(again, Expired(SLOW), POLICY)[0], Blocked(NETWORK, PROFILE), POLICY)
        assert later.handover is not None
        assert later.handover.last


def test_of_a_network_whose_name_can_not_be_read_it_is_not_said_that_it_is_another_one() -> None:
    guard = Guard(failures=1, left="denied", ended=Outcome.DENIED, network=(NETWORK.ssid, NETWORK.auth))
    assert step(guard, Blocked(replace(PART, ssid=None), None), POLICY)[0].failures == 1
    assert step(guard, Blocked(replace(PART, ssid=b"other"), None), POLICY)[0].failures == 0


def test_a_handover_in_which_the_connection_could_not_be_read_any_more_has_failed() -> None:
    guard = step(Guard(), Blocked(NETWORK, PROFILE), POLICY)[0]
    for event in (Pinned(), Expired(Timer.ANSWER), Expired(Timer.PAUSE)):
        guard = step(guard, event, POLICY)[0]
    guard, actions = step(guard, Seen(PART, None), POLICY)
    assert (guard.left, guard.failures) == ("csme_unreadable", 1)
    assert SetTimer(RETRY, POLICY.retry_seconds[0]) in actions


@pytest.mark.parametrize("take_idle", [True, False])
def test_whoever_wants_the_radio_at_any_price_gets_it_without_a_pin(take_idle: bool) -> None:
    policy = GuardPolicy(handover=Policy(require_credentials=False), take_idle=take_idle)
    guard, actions = step(Guard(), Blocked(PART, None), policy)
    asked: Tuple[object, ...] = tuple(action for action in actions if isinstance(action, (RequestOwnership, SetPin)))
    assert asked == (RequestOwnership(),)
    assert guard.left is None
