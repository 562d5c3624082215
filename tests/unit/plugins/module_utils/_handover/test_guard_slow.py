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
    Changed,
    Guard,
    GuardEvent,
    GuardPolicy,
    Look,
    step,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    BlockBack,
    Blocked,
    Expired,
    PinFailed,
    RoamingForbidden,
    SetPin,
    SetTimer,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import IDLE
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_guard import (
    CAN,
    CANNOT,
    NETWORK,
    NOTHING,
    POLICY,
    PROFILE,
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
        found += [action.seconds for action in actions if isinstance(action, SetTimer) and action.timer == RETRY]
        asked += sum(isinstance(action, SetPin) for action in actions)
        guard, actions = step(guard, Expired(RETRY), policy)
        assert actions == (Look(),)
    return guard, found, asked


@pytest.mark.parametrize(
    ("answer", "left", "policy"),
    [(CANNOT, "no_credentials", GuardPolicy()), (NOTHING, IDLE, GuardPolicy(take_idle=False))],
)
def test_what_was_left_alone_is_looked_at_ever_less_often(answer: Blocked, left: str, policy: GuardPolicy) -> None:
    guard, found, asked = looks(Guard(), answer, 7, policy)
    assert (found, asked) == ([60.0, 120.0, 240.0, 480.0, 600.0, 600.0, 600.0], 0)
    assert (guard.left, guard.word(waits=True)) == (left, "left")
    # A change is looked at at once, and the pauses begin anew.
    guard, actions = step(guard, Changed(), policy)
    assert (actions, looks(guard, answer, 2, policy)[1]) == ((Look(),), [60.0, 120.0])
    # A profile that nobody reported is found by such a look.
    assert play(CAN, guard=guard, policy=policy)[0].handover is not None


def test_a_handover_that_failed_too_often_is_tried_at_each_slow_look_and_at_no_other() -> None:
    guard, found, asked = looks(Guard(), CAN, 6, POLICY)
    assert (found, asked) == ([3.0, 60, 600, 600, 600, 600], 6)
    assert guard.word(waits=True) == "left"
    guard = play(CAN, PinFailed(), guard=guard)[0]
    for event in (BlockBack(), RoamingForbidden()):
        assert play(event, CAN, guard=guard)[1] == [Look()]
    assert play(Expired(RETRY), CAN, guard=guard)[0].handover is not None


def test_the_word_is_retrying_between_the_first_tries_alone() -> None:
    guard = play(CAN, PinFailed())[0]
    assert (guard.word(waits=True), guard.word(waits=False)) == ("retrying", "left")
    # What was left for want of a profile, and then failed, is tried again soon.
    guard = play(CANNOT, Expired(RETRY), CAN, PinFailed())[0]
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
