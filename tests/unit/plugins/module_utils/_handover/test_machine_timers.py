# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine of a handover: which timers run when."""

from __future__ import annotations

from typing import Dict, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._handover.machine import Phase, State, step
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    AddressArrived,
    Blocked,
    BlockGone,
    CancelTimer,
    Event,
    Expired,
    Pinned,
    RequestOwnership,
    RoamingForbidden,
    SetPin,
    SetTimer,
    Timer,
    Unread,
    WordGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Connected, Disconnected
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import (
    BSSID,
    NETWORK,
    POLICY,
    PROFILE,
    play,
)

#: Each time is another.
TIMED = Policy(
    answer_seconds=1.5,
    pauses_seconds=(0.25, 0.75),
    deadline_seconds=3.0,
    grace_seconds=0.5,
    timeout_seconds=11.0,
    stay=True,
    confirm_seconds=20.0,
    lost_seconds=4.0,
)


def clock(*events: Event, policy: Policy = TIMED) -> Dict[Timer, float]:
    """Feed events to a fresh machine; return the timers that run then, and what each was set to."""
    state = State()
    running: Dict[Timer, float] = {}
    for event in events:
        if isinstance(event, Expired):
            del running[event.timer]  # type: ignore[arg-type]
        state, actions = step(state, event, policy)
        for action in actions:
            if isinstance(action, SetTimer):
                running[action.timer] = action.seconds  # type: ignore[index]
            elif isinstance(action, CancelTimer):
                running.pop(action.timer, None)  # type: ignore[call-overload]
    return running


def test_which_timers_run_when() -> None:
    # A request needs 1.5 s for its answer and 3.5 s for what follows: none is begun later than 5 s before the end.
    story: Tuple[Tuple[Event, Dict[Timer, float]], ...] = (
        (Blocked(NETWORK, PROFILE), {Timer.LAST_REQUEST: 6.0}),
        (Pinned(), {Timer.LAST_REQUEST: 6.0, Timer.ANSWER: 1.5}),
        (Expired(Timer.ANSWER), {Timer.LAST_REQUEST: 6.0, Timer.PAUSE: 0.25}),
        (Expired(Timer.PAUSE), {Timer.LAST_REQUEST: 6.0}),
        (Unread(), {Timer.LAST_REQUEST: 6.0, Timer.ANSWER: 1.5}),
        (BlockGone(), {Timer.LAST_REQUEST: 6.0, Timer.DEADLINE: 3.0, Timer.GRACE: 3.5}),
        (Connected(BSSID), {Timer.LAST_REQUEST: 6.0, Timer.DEADLINE: 3.0, Timer.GRACE: 3.5}),
        (AddressArrived(), {Timer.GRACE: 3.5, Timer.CONFIRM: 20.0}),
        (RoamingForbidden(), {Timer.GRACE: 3.5}),
        (Expired(Timer.GRACE), {}),
        (Disconnected(), {Timer.LOST: 4.0}),
        (Connected(BSSID), {}),
        (WordGone(), {Timer.CONFIRM: 20.0}),
        (RoamingForbidden(), {}),
    )
    events = tuple(event for event, _running in story)
    for number, (_event, running) in enumerate(story, start=1):
        assert clock(*events[:number]) == running, events[:number]


def test_a_grant_in_a_pause_ends_the_pause() -> None:
    paused = (Blocked(NETWORK, PROFILE), Pinned(), Expired(Timer.ANSWER))
    assert clock(*paused, BlockGone()) == {Timer.LAST_REQUEST: 6.0, Timer.DEADLINE: 3.0, Timer.GRACE: 3.5}
    # Perhaps the connection is what is heard of first.
    assert play(*paused, Connected(BSSID))[0].phase is Phase.ADDRESSING


def test_what_needs_no_pin_is_bounded_all_the_same() -> None:
    for policy, event in ((TIMED, Blocked(None, PROFILE)), (Policy(pin=False), Blocked(NETWORK, PROFILE))):
        state, actions = play(event, policy=policy)
        assert (state.phase, actions) == (Phase.REQUESTING, [RequestOwnership()])
        assert clock(event, policy=policy)[Timer.LAST_REQUEST] == policy.timeout_seconds - policy.attempt_seconds


def test_time_for_a_single_request_is_enough() -> None:
    exactly = Policy(timeout_seconds=POLICY.attempt_seconds)
    assert play(Blocked(NETWORK, PROFILE), policy=exactly)[1] == [SetPin(PROFILE, BSSID, (2437,))]
    assert clock(Blocked(NETWORK, PROFILE), policy=exactly) == {Timer.LAST_REQUEST: 0.0}
