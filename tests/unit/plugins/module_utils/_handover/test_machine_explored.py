# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine of a handover: every state with every event."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Dict, List, Optional, Set, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.machine import _OVER, TRANSITIONS, Phase, State, step
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    Action,
    AddressArrived,
    BlockBack,
    Blocked,
    BlockGone,
    CancelTimer,
    Event,
    Expired,
    Forget,
    InterfaceGone,
    PinFailed,
    Pinned,
    RequestOwnership,
    RoamingAllowed,
    RoamingForbidden,
    Seen,
    SetPin,
    SetTimer,
    SoftBlocked,
    SwitchedOff,
    Timer,
    Unheard,
    Unpin,
    Unread,
    WordGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import SUCCESSES, Outcome, Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    ManagerGone,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import (
    BSSID,
    NETWORK,
    PART,
    POLICY,
    PROFILE,
)

MOVED = replace(NETWORK, bssid="02:00:00:00:01:01")
EVENTS: Tuple[Event, ...] = (
    Blocked(NETWORK, PROFILE),
    Blocked(NETWORK, None),
    Blocked(PART, None),
    Blocked(None, None),
    Seen(NETWORK, PROFILE),
    Seen(MOVED, PROFILE),
    Seen(MOVED, None),
    Seen(PART, PROFILE),
    Seen(None, None),
    Unread(),
    Pinned(),
    PinFailed(),
    Unheard(),
    BlockGone(),
    BlockBack(),
    SoftBlocked(),
    SwitchedOff(),
    ScanStarted(),
    Connected(BSSID),
    Disconnected(),
    AddressArrived(),
    RoamingForbidden(),
    WordGone(),
    RoamingAllowed(),
    SupplicantGone(),
    ManagerGone(),
    InterfaceGone(),
    *(Expired(timer) for timer in Timer),
)
POLICIES = (
    POLICY,
    Policy(pin=False, pauses_seconds=()),
    Policy(require_credentials=False, pauses_seconds=(1.0,)),
    Policy(stay=True, pauses_seconds=(1.0,)),
)


@cache
def explore(policy: Policy) -> Dict[State, List[Tuple[Event, State, Tuple[Action, ...]]]]:
    """Walk every state with every event until nothing new appears."""
    found: Dict[State, List[Tuple[Event, State, Tuple[Action, ...]]]] = {}
    todo = [State()]
    while todo:
        state = todo.pop()
        if state in found:
            continue
        found[state] = []
        for event in EVENTS:
            after, actions = step(state, event, policy)
            found[state].append((event, after, actions))
            if after not in found:
                todo.append(after)
    return found


def test_the_transitions_are_as_written() -> None:
    """The picture in the documentation is drawn from them."""
    found = set()
    for policy in POLICIES:
        for state, transitions in explore(policy).items():
            for event, after, _actions in transitions:
                if after.phase is not state.phase and type(event) not in _OVER:
                    found.add((state.phase, event.timer if isinstance(event, Expired) else type(event), after.phase))
    assert found == {(begin, each, end) for begin, what, end in TRANSITIONS for each in what}


@pytest.mark.parametrize("policy", POLICIES)
def test_every_state_can_be_left_by_time_alone(policy: Policy) -> None:
    """From every state, when nothing but timers happens, the machine ends, and un-pinned."""
    for start in explore(policy):
        state: State = start
        if state.phase is Phase.IDLE:
            continue  # nothing was begun
        pinned = start.pinned
        # Pausing and asking in turn until there is no time for more; then what was granted runs out as well.
        for timer in (Timer.LAST_REQUEST, Timer.ANSWER, Timer.DEADLINE, Timer.GRACE, Timer.CONFIRM):
            state, actions = step(state, Expired(timer), policy)
            pinned = pinned and Unpin() not in actions
        assert state.phase is Phase.DONE
        assert not pinned


@pytest.mark.parametrize("policy", POLICIES)
def test_what_holds_on_every_transition(policy: Policy) -> None:
    for state, transitions in explore(policy).items():
        for event, after, actions in transitions:
            # The outcome and the last phases belong together, and an end is an end.
            assert (after.outcome is not None) == (after.phase in (Phase.STAYING, Phase.DONE)), (state, event)
            if state.phase is Phase.DONE:
                assert (after, actions) == (state, ()), (state, event)
            # What may be pinned is remembered, and every end undoes it.
            if any(isinstance(action, SetPin) for action in actions):
                assert after.pinned, (state, event)
            assert (state.pinned and not after.pinned) == (Unpin() in actions or Forget() in actions), (state, event)
            assert (Forget() in actions) <= (event == SupplicantGone()), (state, event)
            if after.phase is Phase.DONE and state.phase is not Phase.DONE:
                assert not after.pinned, (state, event)
                assert {a.timer for a in actions if isinstance(a, CancelTimer)} == set(Timer), (state, event)
            # Ownership is never asked for without a usable profile when CSME has a connection.
            if RequestOwnership() in actions and policy.require_credentials and policy.pin and after.connection:
                assert after.pinned, (state, event)
            # Nor in airplane mode, nor after the switch went off.
            if isinstance(event, (SoftBlocked, SwitchedOff)):
                assert RequestOwnership() not in actions, (state, event)
            # Requests are bounded, and each one runs a timer.
            assert after.requests <= len(policy.pauses_seconds) + 1, (state, event)
            if RequestOwnership() in actions:
                assert any(isinstance(a, SetTimer) and a.timer is Timer.ANSWER for a in actions), (state, event)


def test_every_outcome_can_happen() -> None:
    outcomes: Set[Optional[Outcome]] = {state.outcome for policy in POLICIES for state in explore(policy)}
    # An error ends a handover around the machine.
    assert outcomes == {None, *Outcome} - {Outcome.FAILED}
    assert not any(state.phase is Phase.STAYING for state in explore(POLICY)), "a task holds nothing"
    assert {Outcome.OWNED, Outcome.PROTECTED, Outcome.CONNECTED} == SUCCESSES
