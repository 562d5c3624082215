# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guarding one radio for good, as a pure state machine around that of one handover (``machine.py``).

It decides when a handover begins, what follows when it failed, and when the host is kept at its access point without
one. The state of the radio comes in whole, as the answer to :class:`Look`: whatever was missed meanwhile, the answer
tells how things stand. So it does not matter which of several events comes first, or whether one gets lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Optional, Tuple, Union

from .._network.events import Connected
from .._network.profile import Profile
from .._system.bare import Bare
from . import machine, messages
from .machine import Phase, State
from .messages import (
    BlockBack,
    Blocked,
    BlockGone,
    CancelTimer,
    Expired,
    InterfaceGone,
    RoamingAllowed,
    RoamingForbidden,
    SetTimer,
    SoftBlocked,
    SwitchedOff,
)
from .policy import SUCCESSES, Outcome, Policy


@dataclass(frozen=True)
class GuardPolicy:
    """What to do where there is a choice.

    Attributes:
        handover: the choices within one handover.
        take_idle: ask for a radio that CSME owns without a connection.
        retry_seconds: the pauses after handovers that failed. So one handover more than there are pauses is tried in a
            row. After that, something has to change first. The first pause is longer than CSME needs to connect again
            after it took the radio back (seen: 1 to 2 s).
        busy_seconds: how long to wait for another handover on the same radio before looking again.
        unanswered_seconds: the longest pause between looks while the profiles can't be had: each look may block for
            as long as an answer is waited for, and all radios wait with it. The first pause is ``busy_seconds``, and
            each is twice the one before.
    """

    handover: Policy = field(default_factory=lambda: Policy(stay=True))
    take_idle: bool = True
    retry_seconds: Tuple[float, ...] = (3.0, 10.0)
    busy_seconds: float = 0.5
    unanswered_seconds: float = 30.0


# -- events, beside those of a handover --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Free:
    """The answer to Look: the host owns the radio. Carries the profile and the access point of its connection."""

    profile: Optional[Profile] = None
    bssid: Optional[str] = None


class Unusable(Bare):
    """The answer to Look: the radio is switched off, or what CSME does with it can't be read."""


class Busy(Bare):
    """The answer to Look: another handover works on the radio, or a supplicant may be about to come."""


class Unanswered(Bare):
    """The answer to Look: who runs the interface does not tell its profiles."""


class Spoke(Bare):
    """Something was heard of who runs the interface. So it may answer again."""


class Changed(Bare):
    """Something changed that may let a handover succeed: supplicant, profiles, configuration."""


class Retry(Bare):
    """The guard's own timer: the pause before the next look."""


GuardEvent = Union[messages.Event, Free, Unusable, Busy, Unanswered, Spoke, Changed]


# -- actions, beside those of a handover -------------------------------------------------------------------------------


class Look(Bare):
    """Read how the radio stands. Answered by Blocked, Free, Unusable, Busy or Unanswered."""


@dataclass(frozen=True)
class Tell:
    """A handover was decided: tell how it ended."""

    outcome: Outcome


#: The guard's timer, beside those of a handover.
RETRY = Retry()
GuardAction = Union[messages.Action, Look, Tell]


# -- the machine -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """The whole memory of a guard.

    Attributes:
        handover: the handover that is under way, or the stay at an access point; None without one.
        forbidden: CSME's last word on roaming was that it is forbidden.
        failures: how many handovers in a row failed.
        left: why CSME keeps the radio: the outcome of the last handover, or ``idle``; None when CSME does not, or when
            a handover is under way.
        unanswered: how many looks in a row got no profiles. It stops counting where more would make no difference.
    """

    handover: Optional[State] = None
    forbidden: bool = False
    failures: int = 0
    left: Optional[str] = None
    unanswered: int = 0

    @property
    def pinned(self) -> bool:
        """Whether a pin may be with the supplicant."""
        return self.handover is not None and self.handover.pinned

    def word(self, *, waits: bool) -> str:
        """Return how it stands in a word: ``handover``, ``staying``, ``left`` or ``retrying``.

        Empty: nothing is going on.

        Args:
            waits: a timer runs, and at its end the radio is looked at again.
        """
        if self.handover is not None:
            return "staying" if self.handover.phase is Phase.STAYING else "handover"
        if self.left is not None:
            return "retrying" if waits else "left"
        return ""


#: Why a radio is left alone that CSME owns without a connection.
IDLE = "idle"

Result = Tuple[Guard, Tuple[GuardAction, ...]]
_LOOK: Tuple[GuardAction, ...] = (Look(),)
#: After these there is nothing to try again until the switch or the interface comes back, which is an event.
_QUIET = frozenset({Outcome.AIRPLANE_MODE, Outcome.SWITCH_OFF, Outcome.INTERFACE_GONE})


def step(guard: Guard, event: GuardEvent, policy: GuardPolicy) -> Result:
    """Return what follows from *event*.

    Args:
        guard: how the guard stands.
        event: what happened.
        policy: what to do where there is a choice.

    Returns:
        The new state, and the actions to carry out, in order.
    """
    if isinstance(event, RoamingForbidden):
        guard = replace(guard, forbidden=True)
    elif isinstance(event, (RoamingAllowed, BlockBack, Blocked, InterfaceGone)):
        # Once CSME has the radio itself, its word to the host is void.
        guard = replace(guard, forbidden=False)
    if guard.handover is not None:
        return _under_way(guard, guard.handover, event, policy)
    return _idle(guard, event, policy)


def _idle(guard: Guard, event: GuardEvent, policy: GuardPolicy) -> Result:
    if isinstance(event, Unanswered):
        return _unanswered(guard, policy)
    if isinstance(event, Spoke):
        # Once: whoever talks on, and still does not answer, does not have it asked ever again at once.
        again = (SetTimer(RETRY, policy.busy_seconds),) if guard.unanswered else ()
        return replace(guard, unanswered=0), again
    if not isinstance(event, Expired):
        guard = replace(guard, unanswered=0)
    if isinstance(event, Blocked):
        return _blocked(guard, event, policy)
    if isinstance(event, Free):
        return _free(guard, event, policy)
    if isinstance(event, Changed):
        return replace(guard, failures=0), _LOOK
    if isinstance(event, (BlockBack, RoamingForbidden)) or event == Expired(RETRY):
        return guard, _LOOK
    if isinstance(event, Connected):
        return guard, _LOOK if guard.forbidden else ()
    if isinstance(event, Busy):
        return guard, (SetTimer(RETRY, policy.busy_seconds),)
    if isinstance(event, (BlockGone, SoftBlocked, SwitchedOff, InterfaceGone, Unusable)):
        return replace(guard, failures=0, left=None), (CancelTimer(RETRY),)
    return guard, ()


def _unanswered(guard: Guard, policy: GuardPolicy) -> Result:
    pause = policy.busy_seconds * 2.0**guard.unanswered
    if pause >= policy.unanswered_seconds:
        return guard, (SetTimer(RETRY, policy.unanswered_seconds),)
    return replace(guard, unanswered=guard.unanswered + 1), (SetTimer(RETRY, pause),)


def _blocked(guard: Guard, event: Blocked, policy: GuardPolicy) -> Result:
    if event.connection is None and not policy.take_idle:
        return replace(guard, left=IDLE), ()
    if guard.failures > len(policy.retry_seconds):
        return guard, ()  # tried often enough: something has to change first
    # CSME that said no to a whole handover is asked but once by each that follows: pinned for 1 s, not for 12.
    once = guard.failures > 0 and guard.left == Outcome.DENIED.value
    state, actions = machine.step(State(last=once), event, policy.handover)
    return _after(replace(guard, left=None), State(), state, actions, policy)


def _free(guard: Guard, event: Free, policy: GuardPolicy) -> Result:
    guard = replace(guard, failures=0, left=None)
    if not (guard.forbidden and policy.handover.stay) or event.profile is None or event.bssid is None:
        return guard, ()
    state, actions = machine.stay(event.profile, event.bssid)
    return replace(guard, handover=state), actions


def _under_way(guard: Guard, before: State, event: GuardEvent, policy: GuardPolicy) -> Result:
    if isinstance(event, Blocked):
        event = BlockBack()
    elif isinstance(event, Free):
        event = BlockGone()
    elif isinstance(event, (Unusable, Busy, Unanswered, Spoke, Changed)):
        return guard, ()
    after, actions = machine.step(before, event, policy.handover)
    # CSME took the radio from a host that was connected: there may be a session to save at once.
    look = _LOOK if before.phase is Phase.STAYING and isinstance(event, BlockBack) else ()
    return _after(guard, before, after, (*actions, *look), policy)


def _after(guard: Guard, before: State, after: State, actions: Tuple[GuardAction, ...], policy: GuardPolicy) -> Result:
    """Take a handover's new state over: tell of its outcome, and see what its end means."""
    if after.outcome is not None and before.outcome is None:
        actions = (*actions, Tell(after.outcome))
    if after.phase is not Phase.DONE:
        return replace(guard, handover=after), actions
    guard = replace(guard, handover=None)
    outcome = after.outcome
    if before.outcome is not None or outcome in SUCCESSES:
        return replace(guard, failures=0), actions
    if outcome in _QUIET:
        return replace(guard, failures=0), actions
    guard = replace(guard, left=None if outcome is None else outcome.value)
    if outcome is Outcome.NO_CREDENTIALS:
        return guard, actions
    guard = replace(guard, failures=guard.failures + 1)
    if guard.failures <= len(policy.retry_seconds):
        actions = (*actions, SetTimer(RETRY, policy.retry_seconds[guard.failures - 1]))
    return guard, actions
