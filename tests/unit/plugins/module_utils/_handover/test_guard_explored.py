# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of a radio: the whole machine explored with its timers."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import Any, Dict, FrozenSet, Hashable, Iterator, List, Tuple
from unittest.mock import patch

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import machine
from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import (
    RETRY,
    SLOW,
    Awaited,
    Busy,
    Changed,
    Free,
    Guard,
    GuardAction,
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
    Forget,
    InterfaceGone,
    PinFailed,
    Pinned,
    ReadConnection,
    RequestOwnership,
    RoamingAllowed,
    RoamingForbidden,
    SetTimer,
    SoftBlocked,
    SwitchedOff,
    Timer,
    Unpin,
    WordGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import FAILED, Outcome, Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_guard import (
    BSSID,
    CAN,
    CANNOT,
    NOTHING,
    PART,
    POLICY,
    PROFILE,
)

# Half a million steps take three times as long where each line is counted. What has lines of its own here has a test of
# its own in the other files.
pytestmark = pytest.mark.no_cover

EVENTS: Tuple[GuardEvent, ...] = (
    *(
        CAN,
        CANNOT,
        NOTHING,
        Free(),
        Free(PROFILE, BSSID),
        Unusable(),
        Busy(True),
        Busy(False),
        Awaited(),
        Unanswered(),
        Untold(),
    ),
    *(Blocked(PART, None), Spoke(), Resumed(5.0), Changed()),
    *(Pinned(), PinFailed(), BlockGone(), BlockBack(), SoftBlocked(), SwitchedOff(), ScanStarted()),
    *(Connected(BSSID), Disconnected(), AddressArrived()),
    *(RoamingForbidden(), RoamingAllowed(), WordGone(), SupplicantGone(), InterfaceGone()),
)
#: The pauses while nobody answers are 0.5, 1 and 2 s: the first, one that is twice as long, and the longest.
LONGEST = 2.0
POLICIES = (
    replace(POLICY, unanswered_seconds=LONGEST),
    GuardPolicy(
        handover=Policy(stay=True, require_credentials=False, pauses_seconds=()),
        retry_seconds=(),
        slow_seconds=(60,),
        unanswered_seconds=LONGEST,
    ),
    GuardPolicy(
        handover=Policy(stay=False, pauses_seconds=(1.0,)),
        take_idle=False,
        retry_seconds=(1.0,),
        slow_seconds=(60,),
        unanswered_seconds=LONGEST,
    ),
)

#: A guard with the timers that run: what decides what can happen next.
Whole = Tuple[Guard, FrozenSet[Hashable]]


def advance(whole: Whole, event: GuardEvent, policy: GuardPolicy) -> Tuple[Whole, Tuple[GuardAction, ...]]:
    guard, running = whole
    timers = set(running)
    if isinstance(event, Expired):
        timers.discard(event.timer)
    guard, actions = step(guard, event, policy)
    for action in actions:
        if isinstance(action, SetTimer):
            timers.add(action.timer)
        elif isinstance(action, CancelTimer):
            timers.discard(action.timer)
    return (guard, frozenset(timers)), actions


Transition = Tuple[GuardEvent, Whole, Tuple[GuardAction, ...]]


@cache
@patch.object(machine, "step", cache(machine.step))
def explore(policy: GuardPolicy) -> Dict[Whole, List[Transition]]:
    """Walk every state with every event, and every timer that runs, until nothing new appears.

    The machine of a handover does the same whenever it is asked the same, which is often: each answer is kept.
    """
    found: Dict[Whole, List[Transition]] = {}
    # One object for each state: there are ten times as many transitions.
    # In the second state, a transport has failed, after which the watcher makes a new guard.
    firsts: Tuple[Whole, ...] = ((Guard(), frozenset()), (Guard(left=FAILED), frozenset((RETRY,))))
    known = {first: first for first in firsts}
    todo = list(firsts)
    while todo:
        whole = todo.pop()
        transitions: List[Transition] = []
        for event in (*EVENTS, *(Expired(timer) for timer in whole[1])):
            after, actions = advance(whole, event, policy)
            same = known.setdefault(after, after)
            if same is after:
                todo.append(after)
            transitions.append((event, same, actions))
        found[whole] = transitions
    return found


@pytest.fixture(scope="module", autouse=True)
def _explored() -> Iterator[None]:
    """Lets go of what was explored: half a million transitions make each collection of garbage take seconds."""
    yield
    explore.cache_clear()


def told(policy: GuardPolicy, whole: Whole, event: GuardEvent) -> str:
    return f"{policy} {whole} {event}"


@pytest.mark.parametrize("policy", POLICIES)
def test_every_state_ends_unpinned(policy: GuardPolicy) -> None:
    """When the worst happens, which is nothing but a link that gets lost, time alone frees the host from every state.

    The one state that waits for a word or a loss is a connected host whose roaming CSME forbade.
    """
    states = explore(policy)
    assert len(states) > 50
    for start in states:
        guard, timers = start
        if guard.handover is not None and guard.handover.phase is Phase.STAYING and not timers:
            assert guard.handover.forbidden, told(policy, start, Busy(True))
        whole, _actions = advance(start, Disconnected(), policy)
        # What a pin needs answered at once is answered by Pinned or PinFailed; the worse of the two is the first.
        if whole[0].handover is not None and whole[0].handover.phase is Phase.PINNING:
            whole, _actions = advance(whole, Pinned(), policy)
        for _round in range(50):
            if not whole[0].pinned:
                break
            assert whole[1], f"pinned, and no timer runs: {told(policy, whole, Busy(True))}"
            # Any of them may be the next: the one that was set last is the hardest to argue with, so try each.
            for timer in sorted(whole[1], key=repr):
                whole, _actions = advance(whole, Expired(timer), policy)
        assert not whole[0].pinned, told(policy, start, Busy(True))


@pytest.mark.parametrize("policy", POLICIES)
def test_what_holds_on_every_transition(policy: GuardPolicy) -> None:
    for whole, transitions in explore(policy).items():
        guard, timers = whole
        # Nothing under way: none of its timers runs, so nothing wakes an idle watcher.
        if guard.handover is None:
            assert timers <= {RETRY, SLOW}, told(policy, whole, Busy(True))
        for event, (after, later), actions in transitions:
            asks = RequestOwnership() in actions
            # Ownership is asked for with a pin when CSME has a connection, and never without a usable profile.
            if asks and after.handover is not None and after.handover.connection is not None:
                assert after.pinned, told(policy, whole, event)
            if policy.handover.require_credentials:
                assert not (asks and event in (CANNOT, Blocked(PART, None))), told(policy, whole, event)
            assert not (asks and isinstance(event, (SoftBlocked, SwitchedOff, InterfaceGone, Free, Unusable))), told(
                policy, whole, event
            )
            # What was pinned is undone exactly when it ends, and nothing else undoes it.
            assert (guard.pinned and not after.pinned) == (Unpin() in actions or Forget() in actions), told(
                policy, whole, event
            )
            # Failures are bounded.
            assert after.failures <= len(policy.retry_seconds) + 1, told(policy, whole, event)
            # What CSME keeps is looked at again: no state that a timer or an event could change is left without one.
            if (guard.left is None or guard.handover is not None or timers & {RETRY, SLOW}) and Look() not in actions:
                kept = after.left is not None and after.handover is None
                assert not kept or later & {RETRY, SLOW}, told(policy, whole, event)
            # Who failed too often is tried again when a slow pause is over, and at no other time by itself.
            begins = guard.handover is None and after.handover is not None and after.handover.phase is not Phase.STAYING
            if begins and guard.failures > len(policy.retry_seconds) and guard.ended is not None:
                assert guard.again or after.failures == 0, told(policy, whole, event)
            if after.again and not guard.again:
                assert event == Expired(SLOW), told(policy, whole, event)
            # An outcome is told once.
            assert sum(isinstance(action, Tell) for action in actions) <= 1, told(policy, whole, event)
            assert len(later) <= len(Timer) + 2, told(policy, whole, event)


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_unencoded_is_handed_to_a_supplicant(policy: GuardPolicy) -> None:
    """Actions carry numbers, timers, the BSSID that was decoded from six bytes, and a profile as a backend gave it."""
    every = (actions for transitions in explore(policy).values() for _event, _after, actions in transitions)
    for action in {action for actions in set(every) for action in actions}:
        if isinstance(action, ReadConnection):
            continue  # it is about the driver alone
        for value in (getattr(action, each.name) for each in fields(action)):
            assert _harmless(value), action


def _harmless(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(each, int) for each in value)
    return isinstance(value, (int, float, Timer, Outcome)) or value in (RETRY, SLOW, BSSID, PROFILE)
