# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine of a handover: a host that stays at its access point after it."""

from __future__ import annotations

from typing import List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.machine import Phase, State, stay, step
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
    RoamingAllowed,
    RoamingForbidden,
    SetTimer,
    SoftBlocked,
    Stay,
    Timer,
    Unpin,
    WordGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome
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
    PROFILE,
    STAYING,
    play,
)

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
        (RoamingForbidden(), WordGone(), Expired(Timer.CONFIRM)),
        (RoamingForbidden(), Disconnected(), Expired(Timer.LOST)),
        (RoamingForbidden(), Expired(Timer.GRACE), BlockBack()),
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


def test_a_radio_that_csme_takes_back_at_its_deadline_was_not_kept() -> None:
    """The host was in time. But CSME was not told of it, or did not see it."""
    state, actions = held(RoamingForbidden(), BlockBack())
    assert (state.phase, state.outcome, actions) == (Phase.DONE, Outcome.TAKEN_BACK, [Unpin()])
    # Without a grant there is no deadline.
    assert step(stay(PROFILE, BSSID)[0], BlockBack(), STAYING)[0].outcome is Outcome.PROTECTED


@pytest.mark.parametrize(
    "events",
    [
        (),
        (RoamingForbidden(),),
        (WordGone(),),
        (Disconnected(), Connected(BSSID)),
        (AddressArrived(),),
        (Expired(Timer.GRACE),),
    ],
)
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


def test_a_host_can_be_held_for_the_rest_of_the_time_that_csme_has_for_its_word() -> None:
    state, actions = stay(PROFILE, BSSID, 4.0)
    assert actions == (Stay(PROFILE, BSSID), SetTimer(Timer.CONFIRM, 4.0))
    assert (state.phase, state.pinned, state.forbidden) == (Phase.STAYING, True, None)
    assert step(state, Expired(Timer.CONFIRM), STAYING)[0].phase is Phase.DONE
    state, actions = step(state, RoamingForbidden(), STAYING)
    assert (state.phase, actions) == (Phase.STAYING, (CancelTimer(Timer.CONFIRM),))
