# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of a radio that CSME keeps: it looks again, ever less often."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import (
    RETRY,
    SLOW,
    Awaited,
    Busy,
    Changed,
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
    BlockBack,
    Blocked,
    CancelTimer,
    Expired,
    PinFailed,
    RoamingForbidden,
    SetPin,
    SetTimer,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import IDLE, Outcome
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_guard import (
    CAN,
    CANNOT,
    NETWORK,
    NOTHING,
    PART,
    POLICY,
    PROFILE,
    pauses_of,
    play,
)


def looks(guard: Guard, answer: GuardEvent, count: int, policy: GuardPolicy) -> Tuple[Guard, List[float], int]:
    """Answer so many looks; return the state, the pauses before the next, and how often CSME was asked."""
    found, asked = [], 0
    for _look in range(count):
        guard, actions = step(guard, answer, policy)
        while guard.handover is not None:
            guard, more = step(guard, PinFailed(), policy)
            actions += more
        ((timer, seconds),) = pauses_of(actions)
        found.append(seconds)
        asked += sum(isinstance(action, SetPin) for action in actions)
        guard, actions = step(guard, Expired(timer), policy)
        assert actions == (Look(),)
    return guard, found, asked


@pytest.mark.parametrize(
    ("answer", "left", "policy"),
    [(CANNOT, "no_credentials", GuardPolicy()), (NOTHING, IDLE, GuardPolicy(take_idle=False))],
)
def test_what_was_left_alone_is_looked_at_ever_less_often(answer: Blocked, left: str, policy: GuardPolicy) -> None:
    guard, found, asked = looks(Guard(), answer, 7, policy)
    assert (found, asked) == ([60.0, 120.0, 240.0, 480.0, 600.0, 600.0, 600.0], 0)
    assert (guard.left, guard.word(waits=False)) == (left, "left")
    # A change is looked at at once, and the pauses begin anew.
    guard, actions = step(guard, Changed(), policy)
    assert (actions, looks(guard, answer, 2, policy)[1]) == ((CancelTimer(SLOW), Look()), [60.0, 120.0])
    # A profile that nobody reported is found by such a look.
    assert play(CAN, guard=guard, policy=policy)[0].handover is not None


def test_a_handover_that_failed_too_often_is_tried_at_each_slow_look_and_at_no_other() -> None:
    guard, found, asked = looks(Guard(), CAN, 6, POLICY)
    assert (found, asked) == ([3.0, 60, 600, 600, 600, 600], 6)
    guard = play(CAN, PinFailed(), guard=guard)[0]
    for event in (BlockBack(), RoamingForbidden()):
        assert play(event, CAN, guard=guard)[1] == [Look()]
    assert play(Expired(SLOW), CAN, guard=guard)[0].handover is not None


@pytest.mark.parametrize("answer", [Busy(True), Awaited(), Unanswered(), Untold()])
def test_a_short_pause_neither_allows_a_try_nor_puts_it_off(answer: GuardEvent) -> None:
    """Another task has the lock for a moment, or who is asked does not answer: CSME is not asked more often for it."""
    guard = looks(Guard(), CAN, 4, POLICY)[0]
    guard = play(CAN, PinFailed(), guard=guard)[0]
    # The slow pause is under way. Something makes the guard look, and the answer is none.
    guard, actions = step(step(guard, BlockBack(), POLICY)[0], answer, POLICY)
    assert ([timer for timer, _seconds in pauses_of(actions)], CancelTimer(SLOW) in actions) == ([RETRY], False)
    guard, actions = step(step(guard, Expired(RETRY), POLICY)[0], CAN, POLICY)
    assert (guard.handover, guard.left, actions) == (None, "pin_failed", (CancelTimer(RETRY),))
    assert (guard.word(waits=True), guard.word(waits=False)) == ("retrying", "left")
    # When the slow pause is over, it does not matter that the answer takes a moment.
    guard = play(Expired(SLOW), answer, Expired(RETRY), CAN, guard=guard)[0]
    assert guard.handover is not None


def test_a_look_that_asks_for_nothing_does_not_use_up_the_try() -> None:
    guard = looks(Guard(), CAN, 4, POLICY)[0]
    guard, actions = play(Blocked(PART, None), guard=guard)
    assert (guard.left, actions) == ("csme_unreadable", [Tell(Outcome.CSME_UNREADABLE)])
    assert play(Expired(RETRY), CAN, guard=guard)[0].handover is not None


def test_the_word_is_retrying_between_the_first_tries_alone() -> None:
    guard = play(CAN, PinFailed())[0]
    assert (guard.word(waits=True), guard.word(waits=False)) == ("retrying", "left")
    # What was left for want of a profile, and then failed, is tried again soon.
    guard = play(CANNOT, Expired(SLOW), CAN, PinFailed())[0]
    assert guard.word(waits=True) == "retrying"


def test_a_network_that_csme_changed_to_is_worth_all_tries() -> None:
    guard = looks(Guard(), CAN, 4, POLICY)[0]
    other = replace(NETWORK, ssid=b"other")
    assert step(guard, Blocked(other, None), POLICY)[0].looks == 1
    guard, _actions = play(Blocked(other, PROFILE), PinFailed(), guard=guard)
    assert (guard.failures, guard.word(waits=True)) == (1, "retrying")
    # Another access point of the same network is no other network, and neither is a connection that is made anew.
    guard = looks(Guard(), CAN, 4, POLICY)[0]
    for answer in (Blocked(replace(NETWORK, bssid="02:00:00:00:02:00"), PROFILE), NOTHING):
        assert step(guard, answer, POLICY)[0].failures == guard.failures


def test_a_policy_without_slow_looks_leaves_it_at_that() -> None:
    guard, actions = step(Guard(), CANNOT, GuardPolicy(slow_seconds=()))
    assert SetTimer not in map(type, actions)
    assert guard.word(waits=False) == "left"
