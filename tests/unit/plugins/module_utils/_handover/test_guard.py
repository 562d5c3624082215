# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of a radio: what it does when."""

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
    Free,
    Guard,
    GuardEvent,
    GuardPolicy,
    Look,
    Resumed,
    Spoke,
    Tell,
    Unanswered,
    Untold,
    Unusable,
    step,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.machine import Phase
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    AddressArrived,
    BlockBack,
    Blocked,
    BlockGone,
    CancelTimer,
    Expired,
    InterfaceGone,
    PinFailed,
    Pinned,
    RequestOwnership,
    RoamingAllowed,
    RoamingForbidden,
    SetPin,
    SetTimer,
    SoftBlocked,
    Stay,
    SwitchedOff,
    Timer,
    Unheard,
    Unpin,
    Unread,
    WordGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import BUSY, IDLE, Outcome, Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_guard import (
    BSSID,
    CAN,
    CANNOT,
    GRANTED,
    NOTHING,
    ON,
    POLICY,
    PROFILE,
    pauses_of,
    play,
)


def test_a_block_is_looked_at_and_handed_over() -> None:
    guard, actions = play(BlockBack(), CAN, *GRANTED)
    assert actions[:3] == [Look(), SetPin(PROFILE, BSSID, (2437,)), RequestOwnership()]
    assert actions[-1] == Tell(Outcome.PROTECTED)
    assert Unpin() not in actions
    assert guard.handover is not None
    assert guard.handover.phase is Phase.STAYING
    assert play(RoamingAllowed(), guard=guard) == (Guard(), [Unpin()])


def test_without_credentials_csme_keeps_the_radio_until_something_changes() -> None:
    guard, actions = play(CANNOT)
    assert (guard.left, actions) == ("no_credentials", [Tell(Outcome.NO_CREDENTIALS)])
    assert play(Changed(), guard=guard)[1] == [Look()]
    assert RequestOwnership() not in play(Changed(), CANNOT, guard=guard)[1]
    assert play(Changed(), CAN, guard=guard)[0].left is None


def test_an_idle_csme_is_asked_or_left() -> None:
    assert play(NOTHING)[1] == [RequestOwnership()]
    assert play(NOTHING, BlockGone())[1][-1] == Tell(Outcome.OWNED)
    guard, actions = play(NOTHING, policy=GuardPolicy(take_idle=False))
    assert (guard.left, actions) == (IDLE, [])


def test_failures_are_tried_again_with_pauses_and_given_up() -> None:
    taken_back = (Pinned(), BlockGone(), BlockBack())
    guard = Guard()
    pauses = []
    for event in (CAN, *taken_back, Expired(RETRY), CAN, *taken_back, Expired(SLOW), CAN):
        guard, actions = step(guard, event, POLICY)
        pauses += pauses_of(actions)
    assert pauses == [(RETRY, 3.0), (SLOW, 60)]
    assert guard.handover is not None, "after the slow pause"
    guard = play(CAN, *taken_back, Expired(RETRY), CAN, *taken_back)[0]
    assert guard.left == "taken_back"
    assert play(CAN, guard=guard) == (guard, [])
    # A change, or a radio that came back to the host in between, begins anew.
    assert play(Changed(), CAN, guard=guard)[0].handover is not None
    assert play(BlockGone(), BlockBack(), CAN, guard=guard)[0].handover is not None


@pytest.mark.parametrize(("heard", "outcome"), [((Unheard(),), Outcome.DENIED), ((), Outcome.NOT_ASKED)])
def test_csme_that_denied_a_handover_is_asked_but_once_by_the_next(
    heard: Tuple[GuardEvent, ...], outcome: Outcome
) -> None:
    no: Tuple[GuardEvent, ...] = (*heard, Expired(Timer.ANSWER))
    again = Expired(Timer.PAUSE)
    guard, actions = play(CAN, Pinned(), *no, again, Unread(), *no)
    assert (guard.left, actions.count(RequestOwnership())) == (outcome.value, 2)
    guard, actions = play(Expired(RETRY), CAN, Pinned(), *no, guard=guard)
    assert (guard.handover, guard.left, actions.count(RequestOwnership())) == (None, outcome.value, 1)
    assert actions[-2:] == [Unpin(), Tell(outcome)]
    # A change is worth the whole series.
    assert play(Changed(), CAN, Pinned(), *no, again, Unread(), *no, guard=guard)[1].count(RequestOwnership()) == 2


def test_a_radio_that_csme_takes_is_looked_at_at_once() -> None:
    guard, _actions = play(CAN, *GRANTED, Expired(Timer.GRACE))
    assert play(BlockBack(), guard=guard)[1] == [Unpin(), Look()]


def test_a_radio_that_csme_takes_back_from_a_connected_host_again_and_again_is_left_to_it() -> None:
    guard = Guard()
    for left, pause in ((RETRY, 3.0), (SLOW, 60)):
        guard, before = play(CAN, *GRANTED, guard=guard)
        assert before[-1] == Tell(Outcome.PROTECTED)
        guard, actions = step(guard, BlockBack(), POLICY)
        assert Tell(Outcome.TAKEN_BACK) in actions
        assert Look() not in actions
        assert (guard.left, pauses_of(actions)) == ("taken_back", [(left, pause)])
    # A stay that outlives the deadline is a success.
    guard, _actions = play(CAN, *GRANTED, Expired(Timer.GRACE), RoamingAllowed(), guard=replace(guard, again=True))
    assert guard == Guard()


def test_roaming_that_is_forbidden_holds_the_access_point() -> None:
    assert play(RoamingForbidden()) == (Guard(forbidden=True), [Look()])
    guard, actions = play(RoamingForbidden(), Free(PROFILE, BSSID))
    assert actions == [Look(), Stay(PROFILE, BSSID)]
    assert guard.pinned
    assert play(RoamingAllowed(), guard=guard) == (Guard(), [Unpin()])
    # Not connected yet: it is looked at again when it is.
    guard, actions = play(RoamingForbidden(), Free(), Connected(BSSID), Free(PROFILE, BSSID))
    assert actions == [Look(), Look(), Stay(PROFILE, BSSID)]
    # Nobody is held who need not be.
    assert play(Connected(BSSID), Free(PROFILE, BSSID)) == (Guard(), [])
    for over in (RoamingAllowed(), WordGone()):
        assert play(RoamingForbidden(), over, Free(PROFILE, BSSID))[1] == [Look()]
    off = GuardPolicy(handover=Policy(stay=False))
    assert play(RoamingForbidden(), Free(PROFILE, BSSID), policy=off)[1] == [Look()]


def test_a_stay_that_csme_has_not_confirmed_goes_on_for_the_rest_of_its_time() -> None:
    guard, actions = play(Resumed(4.0))
    assert (guard.stays, guard.forbidden, actions) == (True, False, [Look()])
    # Another task has the lock for a moment.
    waits = play(Busy(True), Expired(RETRY), guard=guard)[0]
    stays, more = step(waits, Free(PROFILE, BSSID), POLICY)
    assert more[-2:] == (Stay(PROFILE, BSSID), SetTimer(Timer.CONFIRM, 4.0))
    assert play(Expired(Timer.CONFIRM), guard=stays) == (Guard(), [Unpin()])
    # CSME's word ends that time, before the look and after it.
    confirmed, more = step(play(RoamingForbidden(), guard=waits)[0], Free(PROFILE, BSSID), POLICY)
    assert (more[-1], confirmed.forbidden) == (Stay(PROFILE, BSSID), True)
    assert step(stays, RoamingForbidden(), POLICY)[1] == (CancelTimer(Timer.CONFIRM),)
    assert play(Resumed(4.0), guard=Guard(forbidden=True))[0] == Guard(forbidden=True)
    # What CSME said before does not count any more, and it has its time to say it.
    assert play(WordGone(), guard=guard)[0].stays


@pytest.mark.parametrize("event", [RoamingAllowed(), BlockBack(), SoftBlocked(), InterfaceGone(), Free(), CAN])
def test_a_stay_that_csme_has_not_confirmed_is_not_begun_later(event: GuardEvent) -> None:
    guard = play(Resumed(4.0), event)[0]
    assert not guard.stays
    # In a handover, the last process's stay means nothing.
    assert not play(CAN, Resumed(4.0))[0].stays


def test_another_handover_is_waited_for() -> None:
    wait = (SetTimer(RETRY, POLICY.busy_seconds),)
    assert step(Guard(), Busy(True), POLICY) == (Guard(left=BUSY), wait)
    # The host has the radio, so CSME does not keep it.
    assert step(Guard(left=BUSY), Busy(False), POLICY) == (Guard(), wait)
    assert play(Expired(RETRY))[1] == [Look()]


def pauses(guard: Guard, looks: int) -> Tuple[Guard, List[float]]:
    """Answer so many looks with no profiles; return the pauses before the next."""
    found = []
    for _look in range(looks):
        guard, actions = step(guard, Unanswered(), POLICY)
        found += [action.seconds for action in actions if isinstance(action, SetTimer) and action.timer == RETRY]
        guard, actions = step(guard, Expired(RETRY), POLICY)
        assert actions == (Look(),)
    return guard, found


def test_who_does_not_answer_is_asked_ever_less_often() -> None:
    guard, found = pauses(Guard(), 9)
    assert found == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    # What is new is looked at, at once or soon, and the pauses begin anew.
    for event in (BlockBack(), Changed(), Blocked(None, None), Busy(True)):
        assert step(guard, event, POLICY)[0].unanswered == 0
    assert step(guard, BlockBack(), POLICY)[1] == (Look(),)
    assert step(guard, Changed(), POLICY)[1] == (CancelTimer(SLOW), Look())
    anew, actions = step(guard, Spoke(), POLICY)
    assert actions == (SetTimer(RETRY, 0.5),)
    assert pauses(anew, 2)[1] == [0.5, 1.0]
    # Who talks all the time does not put the look off.
    assert step(anew, Spoke(), POLICY) == (anew, ())


@pytest.mark.parametrize("event", [SoftBlocked(), SwitchedOff(), InterfaceGone()])
def test_a_radio_that_is_off_is_not_asked_for(event: GuardEvent) -> None:
    guard, actions = play(CAN, event)
    assert guard == Guard()
    assert RequestOwnership() not in actions
    assert Unpin() in actions


FAILED = Guard(failures=1, left="taken_back")


@pytest.mark.parametrize(
    "event",
    [BlockGone(), SoftBlocked(), SwitchedOff(), InterfaceGone(), Unusable(), Free(), Free(PROFILE, BSSID)],
)
def test_a_radio_that_csme_does_not_keep_any_more_is_a_clean_sheet(event: GuardEvent) -> None:
    assert play(event, guard=FAILED) == (Guard(), [])


@pytest.mark.parametrize("hold", [False, True])
def test_a_success_is_a_clean_sheet(hold: bool) -> None:
    policy = GuardPolicy(handover=Policy(stay=hold))
    guard, actions = play(CAN, *GRANTED, guard=FAILED, policy=policy)
    if hold:
        guard, _actions = play(RoamingAllowed(), guard=guard, policy=policy)
    assert guard == Guard()
    assert Tell(Outcome.PROTECTED) in actions


@pytest.mark.parametrize("event", [SoftBlocked(), SwitchedOff(), InterfaceGone()])
def test_a_switch_in_the_middle_is_a_clean_sheet(event: GuardEvent) -> None:
    assert play(CAN, Pinned(), event, guard=FAILED)[0] == Guard()


def test_each_failure_has_a_pause_of_its_own() -> None:
    policy = GuardPolicy(handover=Policy(), retry_seconds=(3.0, 10.0))
    guard = Guard()
    pauses: List[float] = []
    for _try in range(9):
        guard = play(CAN, guard=guard, policy=policy)[0]
        guard, end = step(guard, PinFailed(), policy)
        ((timer, seconds),) = pauses_of(end)
        pauses.append(seconds)
        guard, actions = play(Expired(timer), guard=guard, policy=policy)
        assert actions == [Look()]
    assert pauses == [3.0, 10.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0, 600.0]


def test_a_look_in_the_middle_of_a_handover_says_whose_the_radio_is() -> None:
    """As after an overrun of events: what was missed is read."""
    begun = (CAN, Pinned())
    state = play(*begun, Free())[0].handover
    assert state is not None
    assert state.phase is Phase.CONNECTING
    assert play(*begun, Free(), Connected(BSSID), AddressArrived())[1][-1] == Tell(Outcome.PROTECTED)
    guard, actions = play(*begun, BlockGone(), CAN)
    assert (guard.handover, guard.left) == (None, "taken_back")
    assert actions[-2:] == [Unpin(), Tell(Outcome.TAKEN_BACK)]


@pytest.mark.parametrize("event", [Unusable(), Busy(True), Awaited(), Unanswered(), Untold(), Spoke(), Changed()])
def test_what_says_nothing_of_a_handover_leaves_one_under_way_alone(event: GuardEvent) -> None:
    guard = play(CAN, Pinned())[0]
    assert guard.handover is not None
    assert step(guard, event, POLICY) == (guard, ())


def test_a_handover_for_which_there_is_no_time_is_a_failure() -> None:
    guard, actions = step(Guard(), CAN, GuardPolicy(handover=Policy(timeout_seconds=1.0), retry_seconds=(3.0,)))
    assert guard == Guard(failures=1, left="timed_out", ended=Outcome.TIMED_OUT, network=ON)
    assert SetTimer(RETRY, 3.0) in actions
    assert Tell(Outcome.TIMED_OUT) in actions


def test_nobody_is_held_at_half_a_connection() -> None:
    for half in (Free(PROFILE, None), Free(None, BSSID)):
        assert play(RoamingForbidden(), half) == (Guard(forbidden=True), [Look()])
