# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An address soon after a connection: when the DHCP client is asked anew, and when it is left alone."""

from __future__ import annotations

from typing import List, Tuple, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._handover.addressing import (
    LATER,
    Addressing,
    AddressingEvent,
    AskForAddress,
    LookForAddress,
    NoAddress,
    State,
    step,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    AddressArrived,
    BlockBack,
    BlockGone,
    CancelTimer,
    Expired,
    InterfaceGone,
    RoamingForbidden,
    SetTimer,
    SoftBlocked,
    SwitchedOff,
    Timer,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    ManagerGone,
    ScanStarted,
    SupplicantGone,
)

BSSID = "02:00:00:00:01:00"
POLICY = Policy(address_seconds=(0.1, 1.0, 2.0))
TIME_IS_UP = Expired(LATER)
OVER = (
    AddressArrived(),
    Disconnected(),
    BlockBack(),
    SoftBlocked(),
    SwitchedOff(),
    SupplicantGone(),
    ManagerGone(),
    InterfaceGone(),
)
OTHERS = (BlockGone(), ScanStarted(), RoamingForbidden(), Expired(Timer.DEADLINE))
EVENTS: Tuple[AddressingEvent, ...] = (Connected(BSSID), TIME_IS_UP, NoAddress(), *OVER, *OTHERS)


def after(*events: AddressingEvent, policy: Policy = POLICY) -> State:
    state = State()
    for event in events:
        state, _actions = step(state, event, policy)
    return state


def test_the_story() -> None:
    state, actions = step(State(), Connected(BSSID), POLICY)
    assert (state, actions) == (State(waiting=True), (SetTimer(LATER, 0.1),))
    state, actions = step(state, TIME_IS_UP, POLICY)
    assert actions == (LookForAddress(),)
    state, actions = step(state, NoAddress(), POLICY)
    assert actions == (AskForAddress(), SetTimer(LATER, 1.0))
    state, actions = step(state, AddressArrived(), POLICY)
    assert (state, actions) == (State(), (CancelTimer(LATER),))


def test_a_client_that_tests_its_address_has_its_time_first() -> None:
    state, actions = step(after(Connected(BSSID), TIME_IS_UP), NoAddress(tested=True), POLICY)
    assert actions == (SetTimer(LATER, POLICY.test_seconds),)
    assert state == State(waiting=True, waited=True)
    state, actions = step(state, TIME_IS_UP, POLICY)
    assert actions == (LookForAddress(),)
    state, actions = step(state, NoAddress(tested=True), POLICY)
    assert actions == (AskForAddress(), SetTimer(LATER, POLICY.address_seconds[1]))
    # The client had its time once: after the next look, it is asked at once.
    state, actions = step(state, NoAddress(tested=True), POLICY)
    assert actions[0] == AskForAddress()


def test_the_pauses_bound_the_asks() -> None:
    state = after(Connected(BSSID))
    seen: List[object] = []
    for _time in range(6):
        for event in (TIME_IS_UP, NoAddress()):
            state, actions = step(state, event, POLICY)
            seen += actions
    asks = [action for action in seen if action == AskForAddress()]
    timers = [action for action in seen if isinstance(action, SetTimer)]
    assert len(asks) == state.asks == 3
    assert timers == [SetTimer(LATER, 1.0), SetTimer(LATER, 2.0)]


@pytest.mark.parametrize("event", OVER)
def test_what_ends_the_wait(event: AddressingEvent) -> None:
    assert step(after(Connected(BSSID)), event, POLICY) == (State(), (CancelTimer(LATER),))
    assert step(State(), event, POLICY) == (State(), ())


@pytest.mark.parametrize("event", OTHERS)
def test_what_means_nothing(event: AddressingEvent) -> None:
    waiting = after(Connected(BSSID), TIME_IS_UP, NoAddress())
    assert step(waiting, event, POLICY) == (waiting, ())


def test_another_connection_counts_anew() -> None:
    state = after(Connected(BSSID), TIME_IS_UP, NoAddress(), Connected(BSSID))
    assert state == State(waiting=True, asks=0)


def test_a_policy_may_ask_nobody() -> None:
    policy = Policy(address_seconds=())
    assert step(State(), Connected(BSSID), policy)[1] == ()


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_it_asks_only_a_connected_host_without_an_address_and_never_more_than_allowed(
    events: List[AddressingEvent],
) -> None:
    state, connected, asks = State(), False, 0
    for event in events:
        if isinstance(event, Connected):
            connected, asks = True, 0
        elif event in OVER:
            connected = False
        state, actions = step(state, event, POLICY)
        if AskForAddress() in actions:
            asks += 1
            assert connected
            assert event == NoAddress()
        assert asks <= len(POLICY.address_seconds)
        assert state.waiting == connected


class Clock:
    """A clock that a test turns."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("there", "asked"), [(AddressArrived(), 0), (NoAddress(), 1), (None, 0)])
def test_at_work(there: Union[AddressArrived, NoAddress, None], asked: int) -> None:
    clock, asks = Clock(), [0]

    def ask() -> None:
        asks[0] += 1

    found: List[AddressArrived] = []
    mine = Addressing(POLICY, lambda: there, found.append, ask, clock)
    assert mine.due is None
    mine.feed(Connected(BSSID))
    assert mine.due == 0.1
    clock.now = 0.05
    mine.expire()
    assert asks == [0]
    clock.now = 0.1
    mine.expire()
    assert asks == [asked]
    assert bool(found) is isinstance(there, AddressArrived)
    assert mine.due == (1.1 if asked else None)
    mine.feed(Disconnected())
    assert mine.due is None
