# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The handover as a pure state machine: ``step(state, event, policy) -> (state, actions)``.

The machine does no I/O and has no clock. It gets events, and returns actions. A timer is an action that comes back as
an event. ``_handover/run.py`` runs the machine for a task, and ``_watcher/guarded.py`` for the watcher. They carry out
the actions.

``TRANSITIONS`` has the phases of a handover, and what leads from one to another. ``docs/handover.md`` has a picture
of it, and describes the steps. Only the watcher uses the phase STAYING (``Policy.stay``): the access point stays pinned
while CSME forbids roaming. A machine that is ``DONE`` has always asked for its pin to be undone, or to be forgotten
because the supplicant is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Callable, Dict, Optional, Tuple, Union

from .._network.events import Connected, Disconnected, ManagerGone, SupplicantGone
from .._network.profile import Profile
from .._radio.connection import CsmeConnection, PartialConnection
from .messages import (
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
    ReadConnection,
    RequestOwnership,
    RoamingAllowed,
    RoamingForbidden,
    Seen,
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
from .policy import Outcome, Policy


class Phase(Enum):
    """The phase of a handover."""

    IDLE = "idle"
    PINNING = "pinning"
    REQUESTING = "requesting"
    PAUSED = "paused"
    READING = "reading"
    CONNECTING = "connecting"
    ADDRESSING = "addressing"
    STAYING = "staying"
    DONE = "done"


#: The events and timers that lead from one phase to another. Events that end a handover in every phase (``_OVER``) are
#: left out. A test compares the machine with this table, and the picture in the documentation is drawn from it.
TRANSITIONS: Tuple[Tuple[Phase, Tuple[Union[type, Timer], ...], Phase], ...] = (
    (Phase.IDLE, (Blocked,), Phase.PINNING),
    (Phase.IDLE, (Blocked,), Phase.REQUESTING),
    (Phase.IDLE, (Blocked,), Phase.DONE),
    (Phase.PINNING, (Pinned,), Phase.REQUESTING),
    (Phase.PINNING, (PinFailed, BlockGone, Timer.LAST_REQUEST), Phase.DONE),
    (Phase.REQUESTING, (Timer.ANSWER,), Phase.PAUSED),
    (Phase.REQUESTING, (BlockGone, Connected), Phase.CONNECTING),
    (Phase.REQUESTING, (Connected,), Phase.ADDRESSING),
    (Phase.REQUESTING, (Timer.ANSWER, BlockGone, Connected), Phase.DONE),
    (Phase.PAUSED, (Timer.PAUSE,), Phase.READING),
    (Phase.PAUSED, (BlockGone, Connected), Phase.CONNECTING),
    (Phase.PAUSED, (Connected,), Phase.ADDRESSING),
    (Phase.PAUSED, (Timer.LAST_REQUEST, BlockGone, Connected), Phase.DONE),
    (Phase.READING, (Seen, Unread), Phase.REQUESTING),
    (Phase.READING, (Seen,), Phase.PINNING),
    (Phase.READING, (BlockGone, Connected), Phase.CONNECTING),
    (Phase.READING, (Connected,), Phase.ADDRESSING),
    (Phase.READING, (Seen, BlockGone, Connected, Timer.LAST_REQUEST), Phase.DONE),
    (Phase.CONNECTING, (Connected,), Phase.ADDRESSING),
    (Phase.CONNECTING, (BlockBack, Timer.GRACE), Phase.DONE),
    (Phase.ADDRESSING, (Disconnected,), Phase.CONNECTING),
    (Phase.ADDRESSING, (AddressArrived, Timer.GRACE), Phase.STAYING),
    (Phase.ADDRESSING, (AddressArrived, BlockBack, Timer.GRACE), Phase.DONE),
    (Phase.STAYING, (RoamingAllowed, BlockBack, PinFailed, Timer.CONFIRM, Timer.LOST), Phase.DONE),
)


@dataclass(frozen=True)
class State:
    """The whole memory of a handover.

    Attributes:
        phase: the phase of the handover.
        connection: the connection that CSME reported last.
        profile: the profile that can carry it on, as it was before its pin.
        requests: how often ownership was asked for.
        unheard: whether the driver waited for CSME in vain, after the request that is under way.
        pinned: whether the supplicant may have a pin, which has to be undone.
        late: whether CSME's deadline has passed since the host owns the radio.
        settled: whether the time has passed in which CSME takes the radio back if the host was not in time for it.
        last: whether no further request follows, because there is no time for one, or there were enough.
        forbidden: what CSME reported last about roaming since the host asked for the radio, or None for no report.
        outcome: how the handover ended. It is set exactly when the phase is STAYING or DONE.
    """

    phase: Phase = Phase.IDLE
    connection: Optional[CsmeConnection] = None
    profile: Optional[Profile] = None
    requests: int = 0
    unheard: bool = False
    pinned: bool = False
    late: bool = False
    settled: bool = False
    last: bool = False
    forbidden: Optional[bool] = None
    outcome: Optional[Outcome] = None


Result = Tuple[State, Tuple[Action, ...]]


def step(state: State, event: Event, policy: Policy) -> Result:
    """Handle *event*.

    Args:
        state: the handover's state.
        event: the event.
        policy: the handover's policy.

    Returns:
        The new state, and the actions to carry out, in order. An event that does not matter in a state changes nothing.
    """
    if state.phase is Phase.DONE:
        return state, ()
    over = _OVER.get(type(event))
    if over is not None:
        return _end(state, state.outcome or over, Forget() if isinstance(event, SupplicantGone) else Unpin())
    if isinstance(event, Expired) and event.timer is Timer.LAST_REQUEST:
        return _no_more_requests(state)
    if isinstance(event, Expired) and event.timer is Timer.DEADLINE:
        return replace(state, late=True), ()
    if isinstance(event, Expired) and event.timer is Timer.GRACE:
        state = replace(state, settled=True)
    if isinstance(event, (RoamingForbidden, RoamingAllowed, WordGone)):
        state = replace(state, forbidden=None if isinstance(event, WordGone) else isinstance(event, RoamingForbidden))
    return _PHASES[state.phase](state, event, policy)


#: The events that end a handover in every phase, and its outcome then.
_OVER: Dict[type, Outcome] = {
    SoftBlocked: Outcome.AIRPLANE_MODE,
    SwitchedOff: Outcome.SWITCH_OFF,
    SupplicantGone: Outcome.SUPPLICANT_GONE,
    ManagerGone: Outcome.MANAGER_GONE,
    InterfaceGone: Outcome.INTERFACE_GONE,
}


def _idle(state: State, event: Event, policy: Policy) -> Result:
    if not isinstance(event, Blocked):
        return state, ()
    time_for_requests = policy.timeout_seconds - policy.attempt_seconds
    if time_for_requests < 0 and not _is_refused(event, policy):
        return _end(state, Outcome.TIMED_OUT)
    return _prepare(state, event, policy, SetTimer(Timer.LAST_REQUEST, time_for_requests))


def _carried_on(event: Union[Blocked, Seen]) -> Optional[CsmeConnection]:
    """Return CSME's connection if a profile can carry it on, and all is known that a pin needs."""
    connection = event.connection
    return None if event.profile is None or isinstance(connection, PartialConnection) else connection


def _is_refused(event: Union[Blocked, Seen], policy: Policy) -> bool:
    """Say whether CSME keeps its radio, because no profile can carry its connection on, or a part can't be read."""
    return event.connection is not None and _carried_on(event) is None and policy.require_credentials


def _prepare(state: State, event: Union[Blocked, Seen], policy: Policy, *before: Action) -> Result:
    """Pin the profile for CSME's connection, or ask for the radio at once if there is nothing to pin."""
    if _is_refused(event, policy):
        partial = isinstance(event.connection, PartialConnection)
        return _end(state, Outcome.CSME_UNREADABLE if partial else Outcome.NO_CREDENTIALS)
    # If the connection can't be carried on, there is none to wait for when CSME has given the radio.
    connection = _carried_on(event)
    state = replace(state, connection=connection, profile=event.profile)
    if connection is None or event.profile is None or not policy.pin:
        undo: Tuple[Action, ...] = (Unpin(),) if state.pinned else ()
        return _request(replace(state, pinned=False), policy, *before, *undo)
    # From here on a pin may exist, and every end of the handover has to undo it.
    return replace(state, phase=Phase.PINNING, pinned=True), (*before, _pin(event.profile, connection))


def _pin(profile: Profile, connection: CsmeConnection) -> SetPin:
    return SetPin(profile, connection.bssid, connection.frequencies)


def _pinning(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, Pinned):
        return _request(state, policy)
    if isinstance(event, PinFailed):
        return _end(state, Outcome.PIN_FAILED)
    if isinstance(event, BlockGone):
        # CSME gave the radio up by itself. The session has ended, and the radio need not be asked for.
        return _end(state, Outcome.OWNED)
    return state, ()


def _requesting(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, (BlockGone, Connected)):
        return _granted(state, policy, event)
    if isinstance(event, Unheard):
        return replace(state, unheard=True), ()
    if isinstance(event, Expired) and event.timer is Timer.ANSWER:
        if state.last or state.requests > len(policy.pauses_seconds):
            return _end(state, Outcome.DENIED if state.unheard else Outcome.NOT_ASKED)
        pause = policy.pauses_seconds[state.requests - 1]
        return replace(state, phase=Phase.PAUSED, unheard=False), (SetTimer(Timer.PAUSE, pause),)
    return state, ()


def _paused(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, (BlockGone, Connected)):
        return _granted(state, policy, event)
    if isinstance(event, Expired) and event.timer is Timer.PAUSE:
        return replace(state, phase=Phase.READING), (ReadConnection(state.connection, state.profile),)
    return state, ()


def _reading(state: State, event: Event, policy: Policy) -> Result:
    """Ask again. If CSME has roamed meanwhile, the profile is pinned anew first."""
    if isinstance(event, (BlockGone, Connected)):
        return _granted(state, policy, event)
    if isinstance(event, Unread) or (isinstance(event, Seen) and event.connection == state.connection):
        return _request(state, policy)
    if isinstance(event, Seen):
        return _prepare(state, event, policy)
    return state, ()


def _connecting(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, BlockBack):
        return _end(state, Outcome.TAKEN_BACK)
    # Another access point does not count, because it may belong to another network. Only a supplicant without a pin, or
    # one that restarted, connects to one.
    if isinstance(event, Connected) and state.connection is not None and event.bssid == state.connection.bssid:
        return replace(state, phase=Phase.ADDRESSING), ()
    if isinstance(event, Seen) and event.connection not in (None, state.connection):
        return _moved(state, event)
    if isinstance(event, Expired) and event.timer is Timer.GRACE:
        return _end(state, Outcome.NOT_CONNECTED)
    return state, ()


def _moved(state: State, event: Seen) -> Result:
    """Pin the profile anew, because CSME roamed before it gave the radio away."""
    connection = _carried_on(event)
    if connection is None or event.profile is None or not state.pinned:
        return state, ()
    state = replace(state, connection=connection, profile=event.profile)
    return state, (_pin(event.profile, connection),)


def _addressing(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, AddressArrived):
        doubted = state.profile is not None and state.profile.doubt is not None
        if event.same_host and not (state.late or doubted):
            return _connected(state, Outcome.PROTECTED, policy)
        # CSME may take the radio back. A stay hears of that. Whoever makes none waits for it here.
        return _connected(state, Outcome.CONNECTED, policy) if policy.stay and state.pinned else (state, ())
    if isinstance(event, BlockBack):
        return _end(state, Outcome.TAKEN_BACK)
    if isinstance(event, Disconnected):
        return replace(state, phase=Phase.CONNECTING), ()
    if isinstance(event, Expired) and event.timer is Timer.GRACE:
        return _connected(state, Outcome.CONNECTED, policy)
    return state, ()


def _staying(state: State, event: Event, policy: Policy) -> Result:
    outcome = state.outcome or Outcome.CONNECTED
    if isinstance(event, RoamingForbidden):
        return state, (CancelTimer(Timer.CONFIRM),)
    if isinstance(event, WordGone):  # CSME says it again if it has a session still
        return state, (SetTimer(Timer.CONFIRM, policy.confirm_seconds),)
    if isinstance(event, BlockBack) and not state.settled:
        # The host was connected, but CSME was not told of it, or did not see it get its address.
        return _end(state, Outcome.TAKEN_BACK)
    if isinstance(event, (RoamingAllowed, BlockBack, PinFailed)):
        return _end(state, outcome)
    if isinstance(event, Disconnected):
        return state, (SetTimer(Timer.LOST, policy.lost_seconds),)
    if isinstance(event, Connected):
        return state, (CancelTimer(Timer.LOST),)
    if isinstance(event, Expired) and event.timer in (Timer.CONFIRM, Timer.LOST):
        return _end(state, outcome)
    return state, ()


_PHASES: Dict[Phase, Callable[[State, Event, Policy], Result]] = {
    Phase.IDLE: _idle,
    Phase.PINNING: _pinning,
    Phase.REQUESTING: _requesting,
    Phase.PAUSED: _paused,
    Phase.READING: _reading,
    Phase.CONNECTING: _connecting,
    Phase.ADDRESSING: _addressing,
    Phase.STAYING: _staying,
}


def stay(profile: Profile, bssid: str, confirm_seconds: Optional[float] = None) -> Result:
    """Return the state of a stay that begins without a handover, and the actions to carry out.

    Args:
        profile: the profile by which the host is connected.
        bssid: the access point to which it is connected.
        confirm_seconds: how long to stay while CSME has not reported that roaming is forbidden. None means that it has.
    """
    forbidden = True if confirm_seconds is None else None
    # There was no grant, so CSME takes nothing back.
    state = State(phase=Phase.STAYING, pinned=True, settled=True, forbidden=forbidden, outcome=Outcome.PROTECTED)
    confirm = () if confirm_seconds is None else (SetTimer(Timer.CONFIRM, confirm_seconds),)
    return state, (Stay(profile, bssid), *confirm)


def _request(state: State, policy: Policy, *before: Action) -> Result:
    """Ask for ownership for the first time or again."""
    state = replace(state, phase=Phase.REQUESTING, requests=state.requests + 1)
    # The timer is set before the request, because the request itself blocks for up to 500 ms in the driver.
    return state, (*before, SetTimer(Timer.ANSWER, policy.answer_seconds), RequestOwnership())


def _granted(state: State, policy: Policy, event: Event) -> Result:
    """Handle that the host owns the radio: wait for the connection, if CSME had one.

    Events of the kernel and of the supplicant come over different sockets. So the event of a connection may come before
    the event of the block's end, which made the connection possible.
    """
    if state.connection is None:
        return _end(state, Outcome.OWNED)
    timers = (
        CancelTimer(Timer.ANSWER),
        CancelTimer(Timer.PAUSE),
        SetTimer(Timer.DEADLINE, policy.deadline_seconds),
        SetTimer(Timer.GRACE, policy.deadline_seconds + policy.grace_seconds),
    )
    state = replace(state, phase=Phase.CONNECTING, unheard=False)
    if isinstance(event, Connected):
        state, more = _connecting(state, event, policy)
        return state, (*timers, *more)
    # CSME may have roamed since the request. It stays where it is now, because it has no radio any more.
    again = (ReadConnection(state.connection, state.profile),) if state.pinned else ()
    return state, (*timers, *again)


def _connected(state: State, outcome: Outcome, policy: Policy) -> Result:
    """Handle a successful handover: stay at the access point if there is a pin and the policy says so, or else end."""
    if not (policy.stay and state.pinned) or state.forbidden is False:
        return _end(state, outcome)
    timers: Tuple[Action, ...] = tuple(map(CancelTimer, (Timer.DEADLINE, Timer.LAST_REQUEST)))
    if state.forbidden is None:
        timers += (SetTimer(Timer.CONFIRM, policy.confirm_seconds),)
    return replace(state, phase=Phase.STAYING, outcome=outcome), timers


def _no_more_requests(state: State) -> Result:
    """Make no further request, because the time is over.

    A running request is carried through. If CSME gave the radio to a host without a pin, the session would end.
    """
    if state.phase in (Phase.PINNING, Phase.PAUSED, Phase.READING):
        return _end(state, Outcome.TIMED_OUT)
    return replace(state, last=True), ()


_UNPIN = Unpin()


def _end(state: State, outcome: Outcome, undoing: Union[Unpin, Forget] = _UNPIN) -> Result:
    undo: Tuple[Action, ...] = (undoing,) if state.pinned else ()
    timers = tuple(CancelTimer(timer) for timer in Timer)
    return replace(state, phase=Phase.DONE, pinned=False, outcome=outcome), (*undo, *timers)
