# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine of a handover: its story, told event by event."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.machine import Phase, State, stay, step
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    AddressArrived,
    BlockBack,
    Blocked,
    BlockGone,
    Event,
    Expired,
    Forget,
    InterfaceGone,
    PinFailed,
    Pinned,
    ReadConnection,
    RequestOwnership,
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
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome, Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    ManagerGone,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Obstacle
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import (
    BSSID,
    NETWORK,
    PART,
    POLICY,
    PROFILE,
    STAYING,
    play,
)


def test_the_story() -> None:
    grant = (BlockGone(), ScanStarted(), Connected(BSSID), AddressArrived())
    state, actions = play(Blocked(NETWORK, PROFILE), Pinned(), *grant)
    assert state.outcome is Outcome.PROTECTED
    look = ReadConnection(NETWORK, PROFILE)
    assert actions == [SetPin(PROFILE, BSSID, (2437,)), RequestOwnership(), look, Unpin()]


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
    same = Seen(NETWORK, PROFILE)
    first = (Blocked(NETWORK, PROFILE), Pinned(), answer, pause)
    for event in (*first, same, answer, pause, Unread(), Unheard(), answer):
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
    begun = (Blocked(NETWORK, PROFILE), Pinned(), BlockGone(), *events)
    assert play(*begun)[0].outcome is None, "CSME may be about to take the radio back"
    for event, outcome in ((Expired(Timer.GRACE), Outcome.CONNECTED), (BlockBack(), Outcome.TAKEN_BACK)):
        state, actions = play(*begun, event)
        assert (state.outcome, actions[-1]) == (outcome, Unpin())


@pytest.mark.parametrize("event", [AddressArrived(), AddressArrived(same_host=False)])
def test_a_host_of_which_csme_may_not_hear_waits_for_its_deadline(event: AddressArrived) -> None:
    profile = PROFILE if not event.same_host else replace(PROFILE, doubt=Obstacle("allows CCMP-256", "Remove it"))
    begun = (Blocked(NETWORK, profile), Pinned(), BlockGone(), Connected(BSSID), event)
    assert play(*begun)[0].outcome is None
    assert play(*begun, Expired(Timer.GRACE))[0].outcome is Outcome.CONNECTED
    assert play(*begun, BlockBack())[0].outcome is Outcome.TAKEN_BACK
    # Whoever stays there anyway waits for it then.
    assert play(*begun, policy=Policy(stay=True))[0].outcome is Outcome.CONNECTED


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
    state, actions = play(*begun, last, Unheard(), answer)
    assert state.outcome is Outcome.DENIED
    assert actions.count(RequestOwnership()) == 1


def test_a_driver_that_asks_nobody_is_told_from_csme_that_denies() -> None:
    begun = (Blocked(NETWORK, PROFILE), Pinned())
    last, answer = Expired(Timer.LAST_REQUEST), Expired(Timer.ANSWER)
    # The driver said that all is well, and the block stands.
    assert play(*begun, last, answer)[0].outcome is Outcome.NOT_ASKED
    # What counts is the last request: CSME came back meanwhile, or went.
    again = (answer, Expired(Timer.PAUSE), Unread(), last)
    assert play(*begun, Unheard(), *again, answer)[0].outcome is Outcome.NOT_ASKED
    assert play(*begun, *again, Unheard(), answer)[0].outcome is Outcome.DENIED
    # A late grant counts, whatever the driver said.
    assert play(*begun, Unheard(), BlockGone())[0].phase is Phase.CONNECTING


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


# -- CSME roams -------------------------------------------------------------------------------------------------------

ELSEWHERE = replace(NETWORK, bssid="02:00:00:00:01:01", frequencies=(5180,))
THERE = SetPin(PROFILE, ELSEWHERE.bssid, (5180,))
PAUSED = (Blocked(NETWORK, PROFILE), Pinned(), Expired(Timer.ANSWER), Expired(Timer.PAUSE))


def test_a_csme_that_roamed_between_two_requests_is_followed() -> None:
    state, actions = play(*PAUSED, Seen(ELSEWHERE, PROFILE))
    assert (state.phase, actions[-2:]) == (Phase.PINNING, [ReadConnection(NETWORK, PROFILE), THERE])
    state, actions = play(*PAUSED, Seen(ELSEWHERE, PROFILE), Pinned(), BlockGone(), Connected(BSSID))
    assert (state.phase, actions[-1]) == (Phase.CONNECTING, ReadConnection(ELSEWHERE, PROFILE)), "it is another one"
    state, _actions = play(*PAUSED, Seen(ELSEWHERE, PROFILE), Pinned(), BlockGone(), Connected(ELSEWHERE.bssid))
    assert (state.phase, state.requests) == (Phase.ADDRESSING, 2)


def test_one_that_roamed_where_no_profile_is_for_keeps_its_radio() -> None:
    state, actions = play(*PAUSED, Seen(ELSEWHERE, None))
    assert (state.outcome, actions[-1], actions.count(RequestOwnership())) == (Outcome.NO_CREDENTIALS, Unpin(), 1)


def test_one_whose_connection_can_not_be_read_whole_keeps_its_radio() -> None:
    for profile in (None, PROFILE):
        state, actions = play(*PAUSED, Seen(PART, profile))
        assert (state.outcome, actions[-1], actions.count(RequestOwnership())) == (Outcome.CSME_UNREADABLE, Unpin(), 1)


def test_one_that_lost_its_connection_is_asked_without_a_pin() -> None:
    state, actions = play(*PAUSED, Seen(None, None))
    assert (state.pinned, actions[-2:]) == (False, [Unpin(), RequestOwnership()])


def test_one_that_roamed_just_before_the_grant_is_followed() -> None:
    granted = (Blocked(NETWORK, PROFILE), Pinned(), BlockGone())
    state, actions = play(*granted, Seen(ELSEWHERE, PROFILE))
    assert (state.connection, actions[-1]) == (ELSEWHERE, THERE)
    state, actions = play(*granted, Seen(ELSEWHERE, PROFILE), Pinned(), Connected(ELSEWHERE.bssid), AddressArrived())
    assert state.outcome is Outcome.PROTECTED


NOTHING_NEW = (Seen(NETWORK, PROFILE), Seen(ELSEWHERE, None), Seen(PART, PROFILE), Seen(None, None), Unread())


@pytest.mark.parametrize("event", NOTHING_NEW)
def test_what_says_nothing_of_another_place_changes_nothing(event: Event) -> None:
    granted = (Blocked(NETWORK, PROFILE), Pinned(), BlockGone())
    assert play(*granted, event) == play(*granted)
