# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The handover: its story told event by event, and the whole machine explored."""

from __future__ import annotations

from functools import cache
from typing import Dict, List, Optional, Set, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.machine import (
    _OVER,
    TRANSITIONS,
    Phase,
    State,
    stay,
    step,
)
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
    SetPin,
    SetTimer,
    SoftBlocked,
    Stay,
    SwitchedOff,
    Timer,
    Unpin,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import SUCCESSES, Outcome, Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    ManagerGone,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection

BSSID = "02:00:00:00:01:00"
PROFILE = Profile(3, b"corp", frozenset({"WPA-PSK"}), True, None, (), False)
NETWORK = CsmeConnection(b"corp", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
POLICY = Policy(pauses_seconds=(0.5, 1.0))
EVENTS: Tuple[Event, ...] = (
    Blocked(NETWORK, PROFILE),
    Blocked(NETWORK, None),
    Blocked(None, None),
    Pinned(),
    PinFailed(),
    BlockGone(),
    BlockBack(),
    SoftBlocked(),
    SwitchedOff(),
    ScanStarted(),
    Connected(BSSID),
    Disconnected(),
    AddressArrived(),
    RoamingForbidden(),
    RoamingAllowed(),
    SupplicantGone(),
    ManagerGone(),
    InterfaceGone(),
    *(Expired(timer) for timer in Timer),
)


def play(*events: Event, policy: Policy = POLICY) -> Tuple[State, List[Action]]:
    """Feed events to a fresh machine; return its state and all actions but the timers."""
    state = State()
    done: List[Action] = []
    for event in events:
        state, actions = step(state, event, policy)
        done += actions
    return state, [action for action in done if not isinstance(action, (SetTimer, CancelTimer))]


def test_the_story() -> None:
    grant = (BlockGone(), ScanStarted(), Connected(BSSID), AddressArrived())
    state, actions = play(Blocked(NETWORK, PROFILE), Pinned(), *grant)
    assert state.outcome is Outcome.PROTECTED
    assert actions == [SetPin(PROFILE, BSSID, (2437,)), RequestOwnership(), Unpin()]


def test_a_host_that_was_connected_before_may_scan() -> None:
    state, _actions = stay(PROFILE, BSSID)
    assert step(state, ScanStarted(), STAYING) == (state, ())
    unpinned = play(Blocked(NETWORK, PROFILE), BlockGone(), Connected(BSSID), policy=Policy(pin=False))[0]
    assert step(unpinned, ScanStarted(), Policy(pin=False)) == (unpinned, ())


def test_the_pin_is_there_before_the_request() -> None:
    assert play(Blocked(NETWORK, PROFILE))[1] == [SetPin(PROFILE, BSSID, (2437,))]


def test_a_failed_pin_asks_for_nothing() -> None:
    state, actions = play(Blocked(NETWORK, PROFILE), PinFailed())
    assert state.outcome is Outcome.PIN_FAILED
    assert RequestOwnership() not in actions


def test_no_credentials_leave_the_radio_with_csme() -> None:
    state, actions = play(Blocked(NETWORK, None))
    assert (state.outcome, actions) == (Outcome.NO_CREDENTIALS, [])


def test_no_credentials_take_the_radio_when_told_to() -> None:
    policy = Policy(require_credentials=False)
    state, actions = play(Blocked(NETWORK, None), BlockGone(), policy=policy)
    assert (state.outcome, actions) == (Outcome.OWNED, [RequestOwnership()])


def test_without_a_pin_it_only_asks() -> None:
    assert play(Blocked(NETWORK, PROFILE), policy=Policy(pin=False))[1] == [RequestOwnership()]


def test_an_idle_csme_needs_no_connection() -> None:
    state, actions = play(Blocked(None, None), BlockGone())
    assert (state.outcome, actions) == (Outcome.OWNED, [RequestOwnership()])


def test_no_answer_is_asked_again_with_growing_pauses_then_given_up() -> None:
    answer, pause = Expired(Timer.ANSWER), Expired(Timer.PAUSE)
    state = State()
    pauses: List[float] = []
    for event in (Blocked(NETWORK, PROFILE), Pinned(), answer, pause, answer, pause, answer):
        state, actions = step(state, event, POLICY)
        pauses += [a.seconds for a in actions if isinstance(a, SetTimer) and a.timer is Timer.PAUSE]
    assert state.outcome is Outcome.DENIED
    assert state.requests == 3
    assert pauses == [0.5, 1.0]


def test_a_late_answer_counts() -> None:
    state, _actions = play(Blocked(NETWORK, PROFILE), Pinned(), Expired(Timer.ANSWER), BlockGone(), Connected(BSSID))
    assert state.phase is Phase.ADDRESSING


def test_a_connection_heard_of_before_the_grant_counts() -> None:
    state, _actions = play(Blocked(NETWORK, PROFILE), Pinned(), Connected(BSSID))
    assert state.phase is Phase.ADDRESSING


def test_taken_back_is_told_and_undone() -> None:
    state, actions = play(Blocked(NETWORK, PROFILE), Pinned(), BlockGone(), BlockBack())
    assert state.outcome is Outcome.TAKEN_BACK
    assert actions[-1] == Unpin()


def test_a_link_that_drops_is_waited_for_again() -> None:
    events = (Blocked(NETWORK, PROFILE), Pinned(), BlockGone(), Connected(BSSID), Disconnected())
    assert play(*events)[0].phase is Phase.CONNECTING


def test_no_address_in_time_is_still_a_connection() -> None:
    late = (Expired(Timer.DEADLINE), Expired(Timer.GRACE))
    events = (Blocked(NETWORK, PROFILE), Pinned(), BlockGone(), Connected(BSSID), *late)
    assert play(*events[:-1])[0].outcome is None, "CSME may be about to take the radio back"
    assert play(*events)[0].outcome is Outcome.CONNECTED


@pytest.mark.parametrize(
    "events",
    [
        (Connected(BSSID), Expired(Timer.DEADLINE), AddressArrived()),
        (Expired(Timer.DEADLINE), Connected(BSSID), AddressArrived()),
        (Connected(BSSID), Disconnected(), Expired(Timer.DEADLINE), Connected(BSSID), AddressArrived()),
        (Connected(BSSID), Expired(Timer.DEADLINE), Disconnected(), Connected(BSSID), AddressArrived()),
    ],
)
def test_an_address_after_the_deadline_protects_nothing(events: Tuple[Event, ...]) -> None:
    state, actions = play(Blocked(NETWORK, PROFILE), Pinned(), BlockGone(), *events)
    assert state.outcome is Outcome.CONNECTED
    assert actions[-1] == Unpin()


def test_a_host_that_holds_says_what_became_of_it_by_the_deadline() -> None:
    begun = (Blocked(NETWORK, PROFILE), Pinned(), RoamingForbidden(), BlockGone(), Connected(BSSID))
    for more, outcome in (((), Outcome.PROTECTED), ((Expired(Timer.DEADLINE),), Outcome.CONNECTED)):
        state, _actions = play(*begun, *more, AddressArrived(), policy=Policy(stay=True))
        assert (state.phase, state.outcome) == (Phase.STAYING, outcome)


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (SoftBlocked(), Outcome.AIRPLANE_MODE),
        (SwitchedOff(), Outcome.SWITCH_OFF),
        (SupplicantGone(), Outcome.SUPPLICANT_GONE),
        (ManagerGone(), Outcome.MANAGER_GONE),
        (InterfaceGone(), Outcome.INTERFACE_GONE),
    ],
)
def test_what_ends_it_anywhere(event: Event, outcome: Outcome) -> None:
    for events in (
        (Blocked(NETWORK, PROFILE),),
        (Blocked(NETWORK, PROFILE), Pinned()),
        (Blocked(NETWORK, PROFILE), Pinned(), Expired(Timer.ANSWER)),
        (Blocked(NETWORK, PROFILE), Pinned(), BlockGone()),
    ):
        state, actions = play(*events, event)
        assert state.outcome is outcome
        assert actions[-1] == (Forget() if event == SupplicantGone() else Unpin())


def test_what_was_asked_for_is_carried_through_when_time_is_up() -> None:
    last, answer = Expired(Timer.LAST_REQUEST), Expired(Timer.ANSWER)
    begun = (Blocked(NETWORK, PROFILE), Pinned())
    # Nothing is under way: it ends.
    assert play(begun[0], last)[0].outcome is Outcome.TIMED_OUT
    assert play(*begun, answer, last)[0].outcome is Outcome.TIMED_OUT
    # A request is: its answer still counts, and a grant finds the pin in place.
    state, actions = play(*begun, last, BlockGone())
    assert state.phase is Phase.CONNECTING
    assert Unpin() not in actions
    # No answer: no further request.
    state, actions = play(*begun, last, answer)
    assert state.outcome is Outcome.DENIED
    assert actions.count(RequestOwnership()) == 1


def test_too_little_time_asks_for_nothing() -> None:
    policy = Policy(timeout_seconds=POLICY.attempt_seconds - 0.1)
    state, actions = play(Blocked(NETWORK, PROFILE), policy=policy)
    assert (state.outcome, actions) == (Outcome.TIMED_OUT, [])


def test_a_host_that_does_not_connect_is_freed() -> None:
    state, actions = play(
        Blocked(NETWORK, PROFILE), Pinned(), BlockGone(), Expired(Timer.DEADLINE), Expired(Timer.GRACE)
    )
    assert state.outcome is Outcome.NOT_CONNECTED
    assert actions[-1] == Unpin()


# -- its timers -------------------------------------------------------------------------------------------------------

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
        (Expired(Timer.PAUSE), {Timer.LAST_REQUEST: 6.0, Timer.ANSWER: 1.5}),
        (BlockGone(), {Timer.LAST_REQUEST: 6.0, Timer.DEADLINE: 3.0, Timer.GRACE: 3.5}),
        (Connected(BSSID), {Timer.LAST_REQUEST: 6.0, Timer.DEADLINE: 3.0, Timer.GRACE: 3.5}),
        (AddressArrived(), {Timer.CONFIRM: 20.0}),
        (RoamingForbidden(), {}),
        (Disconnected(), {Timer.LOST: 4.0}),
        (Connected(BSSID), {}),
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


# -- holding the access point -----------------------------------------------------------------------------------------

STAYING = Policy(stay=True)
PROTECTED = (Blocked(NETWORK, PROFILE), Pinned(), BlockGone(), ScanStarted(), Connected(BSSID), AddressArrived())


def held(*events: Event) -> Tuple[State, List[Action]]:
    """Feed events to a machine that has just protected a session; return its state, and what they brought about."""
    state, before = play(*PROTECTED, policy=STAYING)
    assert (state.phase, state.outcome) == (Phase.STAYING, Outcome.PROTECTED)
    assert Unpin() not in before
    return play(*PROTECTED, *events, policy=STAYING)[0], play(*PROTECTED, *events, policy=STAYING)[1][len(before) :]


@pytest.mark.parametrize(
    "events",
    [
        (RoamingAllowed(),),
        (RoamingForbidden(), RoamingAllowed()),
        (Expired(Timer.CONFIRM),),
        (RoamingForbidden(), Disconnected(), Expired(Timer.LOST)),
        (RoamingForbidden(), BlockBack()),
        (SoftBlocked(),),
        (SupplicantGone(),),
        (ManagerGone(),),
        (InterfaceGone(),),
    ],
)
def test_what_ends_the_hold(events: Tuple[Event, ...]) -> None:
    state, actions = held(*events)
    undone: List[Action] = [Forget() if SupplicantGone() in events else Unpin()]
    assert (state.phase, state.outcome, actions) == (Phase.DONE, Outcome.PROTECTED, undone)


@pytest.mark.parametrize("events", [(), (RoamingForbidden(),), (Disconnected(), Connected(BSSID)), (AddressArrived(),)])
def test_what_does_not_end_the_hold(events: Tuple[Event, ...]) -> None:
    state, actions = held(*events)
    assert (state.phase, actions) == (Phase.STAYING, [])


def test_a_word_of_csme_ends_the_wait_for_it() -> None:
    state, _actions = play(*PROTECTED, policy=STAYING)
    assert step(state, RoamingForbidden(), STAYING)[1] == (CancelTimer(Timer.CONFIRM),)
    # It may come before the handover is complete.
    state = State()
    timers: List[Action] = []
    for event in (*PROTECTED[:4], RoamingForbidden(), *PROTECTED[4:]):
        state, actions = step(state, event, STAYING)
        timers += [a for a in actions if isinstance(a, SetTimer) and a.timer is Timer.CONFIRM]
    assert (state.phase, timers) == (Phase.STAYING, [])


def test_roaming_that_is_allowed_before_the_end_is_not_held() -> None:
    state, actions = play(*PROTECTED[:4], RoamingAllowed(), *PROTECTED[4:], policy=STAYING)
    assert (state.outcome, actions[-1]) == (Outcome.PROTECTED, Unpin())
    assert state.phase is Phase.DONE


def test_a_host_without_a_handover_can_be_held() -> None:
    state, actions = stay(PROFILE, BSSID)
    assert actions == (Stay(PROFILE, BSSID),)
    assert step(state, RoamingAllowed(), STAYING)[1][0] == Unpin()
    assert step(state, PinFailed(), STAYING)[0].phase is Phase.DONE
    # It is as after a handover: the scan is not narrow, and CSME said its word.
    assert (state.pinned, state.forbidden, state.outcome) == (True, True, Outcome.PROTECTED)


# -- the whole machine ------------------------------------------------------------------------------------------------

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
    assert outcomes == {None, *Outcome}
    assert not any(state.phase is Phase.STAYING for state in explore(POLICY)), "a task holds nothing"
    assert {Outcome.OWNED, Outcome.PROTECTED, Outcome.CONNECTED} == SUCCESSES
