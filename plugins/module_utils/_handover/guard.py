# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guarding one radio permanently, as a pure state machine around the machine of one handover (``machine.py``).

It decides when a handover begins, what to do when one failed, and when the host stays at its access point without a
handover. The answer to :class:`Look` contains the whole state of the radio. So the order of events does not matter, and
a lost event does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Optional, Tuple, Union

from .._network.events import Connected
from .._network.profile import Profile
from .._system.dataless import Dataless
from .._system.pauses import SLOW_SECONDS
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
    WordGone,
)
from .policy import AWAITED, BUSY, IDLE, SUCCESSES, UNANSWERED, Outcome, Policy


@dataclass(frozen=True)
class GuardPolicy:
    """The choices of a guard. Times are in seconds.

    Attributes:
        handover: the policy of its handovers.
        take_idle: whether to ask for a radio that CSME owns without a connection.
        retry_seconds: the pauses after handovers that failed. One handover more than pauses is tried in a row. The
            first pause is longer than CSME needs to connect again after it took the radio back (seen: 1 to 2 s).
        slow_seconds: the pauses between looks at a radio that CSME keeps after that, or because the host could not use
            it. The last one is repeated. They are long, because each look wakes the processor, and a handover that
            fails again may end a session. They are not longer, because nothing reports some changes: those that
            somebody makes in a running wpa_supplicant, and those of the network around.
        busy_seconds: how long to wait for another process on the same radio before looking again.
        unanswered_seconds: the longest pause between looks while the manager does not tell its profiles. Each look may
            block until the time for an answer is over, and all radios wait meanwhile. The first pause is
            ``busy_seconds``, and each later one is twice as long as the one before.
    """

    handover: Policy = field(default_factory=lambda: Policy(stay=True))
    take_idle: bool = True
    retry_seconds: Tuple[float, ...] = (3.0, 10.0)
    slow_seconds: Tuple[float, ...] = SLOW_SECONDS
    busy_seconds: float = 0.5
    unanswered_seconds: float = 30.0


# -- events, in addition to those of a handover ------------------------------------------------------------------------


@dataclass(frozen=True)
class Free:
    """The answer to Look: the host owns the radio.

    Attributes:
        profile: the profile of the host's connection. It is None without a connection, or when it was not read.
        bssid: the access point of that connection.
    """

    profile: Optional[Profile] = None
    bssid: Optional[str] = None


class Unusable(Dataless):
    """The answer to Look: airplane mode or the switch blocks the radio, or the reason of a block can't be read."""


@dataclass(frozen=True)
class Busy:
    """The answer to Look: another process works on the radio.

    Attributes:
        blocked: whether CSME holds the radio.
    """

    blocked: bool


class Unanswered(Dataless):
    """The answer to Look: CSME holds the radio, and the interface's manager does not tell its profiles."""


class Untold(Dataless):
    """The answer to Look: CSME holds the radio, and the driver does not tell its connection."""


class Awaited(Dataless):
    """The answer to Look: CSME holds the radio, and the interface's manager may start soon."""


class Spoke(Dataless):
    """The interface's manager reported an event. So it may answer again."""


@dataclass(frozen=True)
class Resumed:
    """The watcher was started again in a stay for which CSME had not reported that roaming is forbidden.

    Attributes:
        seconds: the rest of the time for that report (``Policy.confirm_seconds``).
    """

    seconds: float


class Changed(Dataless):
    """Something changed that may let a handover succeed: the manager, its profiles, or the configuration."""


class Retry(Dataless):
    """A timer of the guard's own: the short pause before the next look."""


class Slow(Dataless):
    """A timer of the guard's own: the slow pause before the next look.

    It runs beside the short pauses, which neither cut it short nor put it off.
    """


GuardEvent = Union[messages.Event, Free, Unusable, Busy, Awaited, Unanswered, Untold, Spoke, Resumed, Changed]


# -- actions, in addition to those of a handover -----------------------------------------------------------------------


class Look(Dataless):
    """Read the state of the radio. The answer is Blocked, Free, Unusable, Busy, Awaited, Unanswered or Untold."""


@dataclass(frozen=True)
class Tell:
    """Report the outcome of a handover."""

    outcome: Outcome


#: The guard's own timers.
RETRY = Retry()
SLOW = Slow()
GuardAction = Union[messages.Action, Look, Tell]


# -- the machine -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """The whole memory of a guard.

    Attributes:
        handover: the running handover, or the stay at an access point. It is None when there is neither.
        forbidden: whether CSME's last report about roaming was that it is forbidden.
        unconfirmed: the seconds of ``Resumed``, until the stay goes on. It is None at any other time.
        failures: how many handovers in a row failed.
        left: why CSME keeps the radio. It is the outcome of the last handover, or one of ``REASONS``. It is None when
            CSME does not keep the radio, as after a handover in which the host got it, or a handover runs.
        ended: how the last handover failed, also while *left* is one of ``REASONS``. It is None when that does not
            count any more.
        unanswered: how many looks in a row got no profiles, or no answer of the driver. It is not counted further once
            the pause is at its longest.
        looks: how many of the slow pauses have begun in a row. It is not counted further once the pause is at its
            longest.
        again: whether a slow pause is over, so that a handover may be tried although it failed too often. No other
            pause allows that.
        network: SSID and authentication of the network on which CSME was when it kept the radio.
    """

    handover: Optional[State] = None
    forbidden: bool = False
    unconfirmed: Optional[float] = None
    failures: int = 0
    left: Optional[str] = None
    unanswered: int = 0
    ended: Optional[Outcome] = None
    looks: int = 0
    again: bool = False
    network: Optional[Tuple[bytes, str]] = None

    @property
    def pinned(self) -> bool:
        """Whether the supplicant may have a pin."""
        return self.handover is not None and self.handover.pinned

    @property
    def undecided(self) -> bool:
        """Whether a handover is under way whose outcome is not known yet."""
        return self.handover is not None and self.handover.outcome is None

    @property
    def asked(self) -> bool:
        """Whether CSME was asked for the radio, and it is not known yet how the handover ends."""
        phases = (Phase.REQUESTING, Phase.CONNECTING, Phase.ADDRESSING)
        return self.handover is not None and self.handover.phase in phases

    @property
    def stays(self) -> bool:
        """Whether a connected host has to stay at its access point, without a handover."""
        return self.forbidden or self.unconfirmed is not None

    def word(self, *, waits: bool) -> str:
        """Return the state as one word: ``handover``, ``staying``, ``left`` or ``retrying``.

        It is empty when none of them applies. A radio that is looked at again only slowly is ``left``.

        Args:
            waits: whether a short pause is under way (``RETRY``), after which the radio is looked at again.
        """
        if self.handover is not None:
            return "staying" if self.handover.phase is Phase.STAYING else "handover"
        if self.left is not None:
            return "retrying" if waits else "left"
        return ""


Result = Tuple[Guard, Tuple[GuardAction, ...]]
_LOOK: Tuple[GuardAction, ...] = (Look(),)
_NO_LOOK: Tuple[GuardAction, ...] = (CancelTimer(RETRY), CancelTimer(SLOW))
#: After these outcomes, a retry makes no sense until the switch or the interface comes back, which is an event.
_QUIET = frozenset({Outcome.AIRPLANE_MODE, Outcome.SWITCH_OFF, Outcome.INTERFACE_GONE})


def step(guard: Guard, event: GuardEvent, policy: GuardPolicy) -> Result:
    """Handle *event*.

    Args:
        guard: the guard's state.
        event: the event.
        policy: the guard's policy.

    Returns:
        The new state, and the actions to carry out, in order.
    """
    if isinstance(event, RoamingForbidden):
        guard = replace(guard, forbidden=True, unconfirmed=None)
    elif isinstance(event, WordGone):
        guard = replace(guard, forbidden=False)
    elif isinstance(event, (RoamingAllowed, BlockBack, Blocked, InterfaceGone)):
        # When CSME itself has the radio, its report to the host does not count any more.
        guard = replace(guard, forbidden=False, unconfirmed=None)
    if guard.handover is not None:
        return _under_way(guard, guard.handover, event, policy)
    return _idle(guard, event, policy)


def _idle(guard: Guard, event: GuardEvent, policy: GuardPolicy) -> Result:
    if isinstance(event, (Unanswered, Untold)):
        left = UNANSWERED if isinstance(event, Unanswered) else Outcome.CSME_UNREADABLE.value
        return _unanswered(replace(guard, left=left), policy)
    if isinstance(event, Spoke):
        # Only the first event brings the next look forward. A manager that reports events but does not answer must not
        # be asked after each of them.
        again = (SetTimer(RETRY, policy.busy_seconds),) if guard.unanswered else ()
        return replace(guard, unanswered=0), again
    if not isinstance(event, Expired):
        guard = replace(guard, unanswered=0)
    if isinstance(event, Blocked):
        return _blocked(guard, event, policy)
    if isinstance(event, Free):
        return _free(guard, event, policy)
    if isinstance(event, Resumed):
        return replace(guard, unconfirmed=None if guard.forbidden else event.seconds), _LOOK
    if isinstance(event, Changed):
        return _anew(guard), (CancelTimer(SLOW), *_LOOK)
    if event == Expired(SLOW):
        return replace(guard, again=_gave_up(guard, policy)), _LOOK
    if event == Expired(RETRY) or isinstance(event, (BlockBack, RoamingForbidden)):
        return guard, _LOOK
    if isinstance(event, Connected):
        return guard, _LOOK if guard.stays else ()
    if isinstance(event, (Busy, Awaited)):
        reason = AWAITED if isinstance(event, Awaited) else BUSY if event.blocked else None
        return replace(guard, left=reason), (SetTimer(RETRY, policy.busy_seconds),)
    if isinstance(event, (BlockGone, SoftBlocked, SwitchedOff, InterfaceGone, Unusable)):
        return replace(_anew(guard), left=None, unconfirmed=None), _NO_LOOK
    return guard, ()


def _anew(guard: Guard) -> Guard:
    """Forget what failed before."""
    return replace(guard, failures=0, ended=None, looks=0, again=False, network=None)


def _gave_up(guard: Guard, policy: GuardPolicy) -> bool:
    """Say whether a handover was tried so often in a row that only a change, or a slow pause, allows another."""
    return guard.failures > len(policy.retry_seconds)


def _slowly(guard: Guard, policy: GuardPolicy) -> Result:
    """Begin the next slow pause."""
    pauses = policy.slow_seconds
    looks = min(guard.looks + 1, len(pauses))
    pausing = (SetTimer(SLOW, pauses[looks - 1]),) if pauses else ()
    return replace(guard, looks=looks, again=False), (CancelTimer(RETRY), *pausing)


def _unanswered(guard: Guard, policy: GuardPolicy) -> Result:
    pause = policy.busy_seconds * 2.0**guard.unanswered
    if pause >= policy.unanswered_seconds:
        return guard, (SetTimer(RETRY, policy.unanswered_seconds),)
    return replace(guard, unanswered=guard.unanswered + 1), (SetTimer(RETRY, pause),)


def _blocked(guard: Guard, event: Blocked, policy: GuardPolicy) -> Result:
    if event.connection is None and not policy.take_idle:
        return _slowly(replace(guard, left=IDLE), policy)
    network = _network(event)
    if network is not None:
        if guard.network not in (None, network):  # what failed on another network says nothing about this one
            guard = _anew(guard)
        guard = replace(guard, network=network)
    if _gave_up(guard, policy) and not guard.again and guard.ended is not None:
        # What kept the look before from an answer is over, so the reason is the failure again. The slow pause goes on.
        return replace(guard, left=guard.ended.value), (CancelTimer(RETRY),)
    # After a handover in which no request was of use, each further one asks only once. So the host is pinned for 1 s,
    # and not for 12 s.
    once = guard.failures > 0 and guard.ended in (Outcome.DENIED, Outcome.NOT_ASKED)
    state, actions = machine.step(State(last=once), event, policy.handover)
    return _after(replace(guard, left=None, again=False), State(), state, (*_NO_LOOK, *actions), policy)


def _network(event: Blocked) -> Optional[Tuple[bytes, str]]:
    """Return SSID and authentication of CSME's network, or None without a network or when one of them is not known."""
    connection = event.connection
    if connection is None or connection.ssid is None or connection.auth is None:
        return None
    return connection.ssid, connection.auth


def _free(guard: Guard, event: Free, policy: GuardPolicy) -> Result:
    stays, confirm_seconds = guard.stays, guard.unconfirmed
    guard = replace(_anew(guard), left=None, unconfirmed=None)
    if not (stays and policy.handover.stay) or event.profile is None or event.bssid is None:
        return guard, _NO_LOOK
    state, actions = machine.stay(event.profile, event.bssid, confirm_seconds)
    return replace(guard, handover=state), (*_NO_LOOK, *actions)


def _under_way(guard: Guard, before: State, event: GuardEvent, policy: GuardPolicy) -> Result:
    if isinstance(event, Blocked):
        event = BlockBack()
    elif isinstance(event, Free):
        event = BlockGone()
    elif isinstance(event, (Unusable, Busy, Awaited, Unanswered, Untold, Spoke, Resumed, Changed)):
        return guard, ()
    after, actions = machine.step(before, event, policy.handover)
    # CSME took the radio from a connected host. There may be a session that has to be saved at once. But if CSME took
    # it back at the deadline of this handover, the next one may end likewise.
    taken = before.phase is Phase.STAYING and isinstance(event, BlockBack)
    look = _LOOK if taken and after.outcome is before.outcome else ()
    return _after(guard, before, after, (*actions, *look), policy)


def _after(guard: Guard, before: State, after: State, actions: Tuple[GuardAction, ...], policy: GuardPolicy) -> Result:
    """Handle a handover's new state: report its outcome, and decide what follows from its end."""
    told = after.outcome is before.outcome
    if after.outcome is not None and not told:
        actions = (*actions, Tell(after.outcome))
    if after.phase is not Phase.DONE:
        return replace(guard, handover=after), actions
    guard = replace(guard, handover=None)
    outcome = after.outcome
    if told or outcome in SUCCESSES or outcome in _QUIET:
        return _anew(guard), actions
    # After a grant the host has the radio, whether it could use it or not, unless CSME took it back.
    granted = before.phase in (Phase.CONNECTING, Phase.ADDRESSING) and outcome is not Outcome.TAKEN_BACK
    guard = replace(guard, left=None if outcome is None or granted else outcome.value, ended=outcome)
    if outcome is Outcome.CSME_UNREADABLE and not after.requests:
        # No event tells when CSME is on another channel or network, of which all can be read. CSME was not asked, so
        # the next look may still try what a slow pause allowed this one.
        return replace(guard, looks=0, again=_gave_up(guard, policy)), (
            *actions,
            SetTimer(RETRY, policy.unanswered_seconds),
        )
    if outcome is not Outcome.NO_CREDENTIALS and not _gave_up(guard, policy):
        guard = replace(guard, failures=guard.failures + 1)
        if not _gave_up(guard, policy):
            pause = policy.retry_seconds[guard.failures - 1]
            return replace(guard, looks=0), (*actions, SetTimer(RETRY, pause))
    guard, pausing = _slowly(guard, policy)
    return guard, (*actions, *pausing)
