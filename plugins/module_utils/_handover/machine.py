# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The handover as a pure state machine: ``step(state, event, policy) -> (state, actions)``.

No I/O and no clock here: what happens comes in as an event, what is to be done goes out as an action, and time is a
timer that the machine sets and that comes back as an event. Who runs it (``_handover/run.py`` for one task,
``_watcher/loop.py`` for a resident) turns actions into calls and calls into events.

One handover, as ``docs/architecture.md`` tells it::

    IDLE --Blocked--> PINNING --Pinned--> REQUESTING --BlockGone--> CONNECTING --Connected--> ADDRESSING
                                              |  ^                      |                          |
                                     no answer|  |pause over            | CSME takes the radio     | an address
                                              v  |                      v back, or time is up      v
                                             PAUSED                   DONE  <---------------  (HOLDING)

HOLDING is for a resident alone (``Policy.hold``): the access point stays pinned while CSME forbids roaming. Whatever
happens, a machine that is ``DONE`` has asked for its pin to be undone, or to be forgotten with its supplicant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Callable, Dict, Hashable, Optional, Tuple, Union

from .._radio.csme import CsmeConnection
from .._system.bare import Bare


class Phase(Enum):
    """Where a handover stands."""

    IDLE = "idle"
    PINNING = "pinning"
    REQUESTING = "requesting"
    PAUSED = "paused"
    CONNECTING = "connecting"
    ADDRESSING = "addressing"
    HOLDING = "holding"
    DONE = "done"


class Outcome(Enum):
    """How a handover ended. The values are stable: modules return them."""

    #: The host owns the radio and CSME had no connection that could have been carried on.
    OWNED = "owned"
    #: The host owns the radio, is connected, and had an address within CSME's deadline.
    PROTECTED = "protected"
    #: The host owns the radio and is connected, but no address came within CSME's deadline. Whether the session
    #: lives is CSME's word alone.
    CONNECTED = "connected"
    #: The host has no profile that can join CSME's network, and the policy is to leave CSME its radio.
    NO_CREDENTIALS = "no_credentials"
    #: CSME did not give the radio away, however often it was asked.
    DENIED = "denied"
    #: The host owns the radio, but did not connect in time, and CSME did not take it back.
    NOT_CONNECTED = "not_connected"
    #: CSME gave the radio away and took it back.
    TAKEN_BACK = "taken_back"
    #: Airplane mode came on.
    AIRPLANE_MODE = "airplane_mode"
    #: The radio's switch went off (hard block with the reason "signal").
    SWITCH_OFF = "switch_off"
    #: The supplicant could not be told of the pin.
    PIN_FAILED = "pin_failed"
    #: The time allowed for the whole was over.
    TIMED_OUT = "timed_out"
    #: The supplicant ended or restarted in the middle, and the pin went with it.
    SUPPLICANT_GONE = "supplicant_gone"
    #: NetworkManager ended, restarted or let go of the interface in the middle. The supplicant below may go on.
    MANAGER_GONE = "manager_gone"
    #: The interface or the radio went away.
    INTERFACE_GONE = "interface_gone"


#: Outcomes after which the host owns the radio.
SUCCESSES = frozenset({Outcome.OWNED, Outcome.PROTECTED, Outcome.CONNECTED})


@dataclass(frozen=True)
class Policy:
    """What to do where there is a choice.

    Attributes:
        pin: pin the profile to CSME's access point and channel before asking.
        require_credentials: leave CSME its radio when no profile can carry its connection on.
        answer_seconds: how long to wait for the block to go after a request. The driver itself waits 500 ms for CSME
            (iwlmei's ownership timeout, HZ/2); an answer that crosses on the way gets as much again.
        pauses_seconds: the pauses between requests that got no answer; their number bounds the requests.
        deadline_seconds: what CSME gives the host to connect, DHCP included, before it takes the radio back: 3 s. An
            address that comes later is no proof of anything.
        grace_seconds: how much longer to wait for CSME to do so.
        address_seconds: from a connection to the first look for an address, and from each time that whoever runs DHCP
            was asked anew to the next; their number bounds the asks. The first: on a network that is quick an address
            comes 5 to 50 ms after a connection, and one that takes longer is delayed by no more than this. The second:
            a server that first sees whether an address is in use takes a second (ping-timeout, dhcpd.conf(5)), and its
            answer must not be thrown away. The third: a client sends its own second message after 3 to 5 s.
        scan_seconds: how long the supplicant may scan before that is taken for another scan than that of the pin's
            channel, and ended; so often at most. A radio looks at one channel for 30 to 120 ms; the growing time lets
            one that takes longer come to its end. Once the host is connected, each is ended at once, until all that
            were ended are twice as many.
        timeout_seconds: bound of the whole. No request is made that could not be carried through within it.
        hold: keep the access point pinned after the handover, until CSME allows roaming or the session is plainly over.
        confirm_seconds: how long to hold without a word of CSME's that roaming is forbidden. The driver passes that on
            with each status of the connection; the word can be lost, and the pin must not outlive it by much.
        lost_seconds: how long a link may be lost while holding, before the pin is undone so that the host can roam.
            An access point that answers takes the host back within a scan of its channels and a handshake.
    """

    pin: bool = True
    require_credentials: bool = True
    answer_seconds: float = 1.0
    pauses_seconds: Tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    deadline_seconds: float = 3.0
    grace_seconds: float = 1.0
    address_seconds: Tuple[float, ...] = (0.1, 1.5, 3.0)
    scan_seconds: Tuple[float, ...] = (0.2, 0.5, 1.0)
    timeout_seconds: float = 30.0
    hold: bool = False
    confirm_seconds: float = 15.0
    lost_seconds: float = 5.0

    @property
    def attempt_seconds(self) -> float:
        """What one request may take from its beginning to the end of its consequences, in seconds."""
        return self.answer_seconds + self.deadline_seconds + self.grace_seconds


# -- events: what happened -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Blocked:
    """CSME holds the radio. Carries what it reports, and the id of the profile that could join its network."""

    connection: Optional[CsmeConnection]
    profile_id: Optional[int]


class Pinned(Bare):
    """The supplicant has the pin."""


class PinFailed(Bare):
    """The supplicant does not have the pin, and nothing of it is left."""


class BlockGone(Bare):
    """The hard block with the reason "not owner" went away: the host owns the radio."""


class BlockBack(Bare):
    """The hard block with the reason "not owner" is there (again)."""


class SoftBlocked(Bare):
    """Airplane mode came on."""


class SwitchedOff(Bare):
    """The radio's switch went off: hard block with the reason "signal"."""


class ScanStarted(Bare):
    """The supplicant's scan runs, over the frequencies that it was given."""


class ScanEnded(Bare):
    """The supplicant has scanned, whatever came of it."""


class NothingFound(Bare):
    """The supplicant's scan is done, and no access point that it may join was in it."""


@dataclass(frozen=True)
class Connected:
    """The supplicant completed a connection to *bssid*."""

    bssid: str


class Disconnected(Bare):
    """The supplicant lost its connection."""


class AddressArrived(Bare):
    """The connected interface has an address that counts: see ``_handover/addressing.py``."""


@dataclass(frozen=True)
class RoamingForbidden:
    """CSME's session lives, so the host must stay with its access point. Carries what it is connected to, if it is."""

    profile_id: Optional[int] = None
    bssid: Optional[str] = None


class RoamingAllowed(Bare):
    """CSME's session is over: the host may roam."""


class SupplicantGone(Bare):
    """The supplicant ended or restarted; what it was told is gone with it."""


class ManagerGone(Bare):
    """Who told the supplicant what to do does so no more; what is known of its profiles is void, a pin may stand."""


class InterfaceGone(Bare):
    """The interface or its radio went away."""


class Timer(Enum):
    """The timers a handover runs. Setting one that runs starts it anew."""

    ANSWER = "answer"
    PAUSE = "pause"
    DEADLINE = "deadline"
    GRACE = "grace"
    SCAN = "scan"
    LAST_REQUEST = "last request"
    CONFIRM = "confirm"
    LOST = "lost"


@dataclass(frozen=True)
class Expired:
    """A timer ran out: one of a handover's, or one that whoever guards a radio keeps beside them."""

    timer: Hashable


Event = Union[
    Blocked,
    Pinned,
    PinFailed,
    BlockGone,
    BlockBack,
    SoftBlocked,
    SwitchedOff,
    ScanStarted,
    ScanEnded,
    NothingFound,
    Connected,
    Disconnected,
    AddressArrived,
    RoamingForbidden,
    RoamingAllowed,
    SupplicantGone,
    ManagerGone,
    InterfaceGone,
    Expired,
]


# -- actions: what is to be done ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pin:
    """Write the pin to the journal, then give it to the supplicant. Answered by Pinned or PinFailed."""

    profile_id: int
    bssid: str
    frequencies: Tuple[int, ...]


@dataclass(frozen=True)
class Hold:
    """Write the pin to the journal, then keep the supplicant at the access point that it is connected to.

    Nothing else of the profile changes, and the link stays. Answered by PinFailed, or nothing.
    """

    profile_id: int
    bssid: str


class Unpin(Bare):
    """Undo the pin without dropping the link, then clear the journal."""


class Forget(Bare):
    """Clear the journal: the pin is gone with the supplicant, which must not be waited for."""


class WidenScan(Bare):
    """Let later scans see every channel again. The rest of the pin stays."""


class LookAgain(Bare):
    """Have the frequencies of the pin scanned once more."""


class EndScan(Bare):
    """End the scan that runs, unless only the pin's frequencies are ever scanned.

    Until the host is connected, they are looked at next.
    """


class RequestOwnership(Bare):
    """Ask CSME for the radio. The answer is BlockGone, or nothing."""


@dataclass(frozen=True)
class SetTimer:
    """Let *timer* expire after *seconds*."""

    timer: Hashable
    seconds: float


@dataclass(frozen=True)
class CancelTimer:
    """Forget *timer*."""

    timer: Hashable


Action = Union[
    Pin,
    Hold,
    Unpin,
    Forget,
    WidenScan,
    LookAgain,
    EndScan,
    RequestOwnership,
    SetTimer,
    CancelTimer,
]


# -- the machine -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """The whole memory of a handover.

    Attributes:
        phase: where it stands.
        connection: what CSME reported.
        requests: how often ownership was asked for.
        pinned: a pin may be with the supplicant, so it has to be undone.
        widened: its part that narrows the scan is undone already.
        ended: how many scans were ended.
        late: CSME's deadline has passed since the host owns the radio.
        last: no other request is to follow: there is no time for one, or it was asked often enough before.
        forbidden: what CSME said last of roaming since the host asked for the radio; None: nothing.
        outcome: how it ended; set exactly when the phase is HOLDING or DONE.
    """

    phase: Phase = Phase.IDLE
    connection: Optional[CsmeConnection] = None
    requests: int = 0
    pinned: bool = False
    widened: bool = False
    ended: int = 0
    late: bool = False
    last: bool = False
    forbidden: Optional[bool] = None
    outcome: Optional[Outcome] = None


Result = Tuple[State, Tuple[Action, ...]]


def step(state: State, event: Event, policy: Policy) -> Result:
    """Return what follows from *event* in *state*.

    Args:
        state: where the handover stands.
        event: what happened.
        policy: what to do where there is a choice.

    Returns:
        The new state, and the actions to carry out, in order. An event that means nothing in a state changes nothing.
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
    if isinstance(event, (RoamingForbidden, RoamingAllowed)):
        state = replace(state, forbidden=isinstance(event, RoamingForbidden))
    return _PHASES[state.phase](state, event, policy)


#: What ends a handover wherever it stands.
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
    if event.connection is not None and event.profile_id is None:
        if policy.require_credentials:
            return _end(state, Outcome.NO_CREDENTIALS)
        # Nothing can carry the connection on, so there is nothing to wait for after the grant.
        event = Blocked(None, None)
    state = replace(state, connection=event.connection)
    time_for_requests = policy.timeout_seconds - policy.attempt_seconds
    if time_for_requests < 0:
        return _end(state, Outcome.TIMED_OUT)
    overall = SetTimer(Timer.LAST_REQUEST, time_for_requests)
    if event.connection is None or event.profile_id is None or not policy.pin:
        return _request(state, policy, overall)
    pin = Pin(event.profile_id, event.connection.bssid, event.connection.frequencies)
    # From here on a pin may exist: whatever comes next has to undo it.
    return replace(state, phase=Phase.PINNING, pinned=True), (overall, pin)


def _pinning(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, Pinned):
        return _request(state, policy)
    if isinstance(event, PinFailed):
        return _end(state, Outcome.PIN_FAILED)
    if isinstance(event, BlockGone):
        # CSME gave the radio up by itself: the session is over, nothing is left to ask for.
        return _end(state, Outcome.OWNED)
    return state, ()


def _requesting(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, (BlockGone, Connected)):
        return _granted(state, policy, event)
    if isinstance(event, Expired) and event.timer is Timer.ANSWER:
        if state.last or state.requests > len(policy.pauses_seconds):
            return _end(state, Outcome.DENIED)
        pause = policy.pauses_seconds[state.requests - 1]
        return replace(state, phase=Phase.PAUSED), (SetTimer(Timer.PAUSE, pause),)
    return state, ()


def _paused(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, (BlockGone, Connected)):
        return _granted(state, policy, event)
    if isinstance(event, Expired) and event.timer is Timer.PAUSE:
        return _request(state, policy)
    return state, ()


def _connecting(state: State, event: Event, policy: Policy) -> Result:
    if isinstance(event, BlockBack):
        return _end(state, Outcome.TAKEN_BACK)
    if isinstance(event, ScanStarted) and state.pinned:
        return _scanning(state, policy)
    if isinstance(event, ScanEnded) and state.pinned:
        return state, (CancelTimer(Timer.SCAN),)
    if isinstance(event, Expired) and event.timer is Timer.SCAN and state.ended < len(policy.scan_seconds):
        return replace(state, ended=state.ended + 1), (EndScan(),)
    if isinstance(event, NothingFound) and state.pinned:
        # The answer to a probe may be lost or late. Left alone the supplicant looks again after seconds, everywhere.
        return state, (LookAgain(),)
    # Any other access point, which only an un-pinned or restarted supplicant finds, may be on another network.
    if isinstance(event, Connected) and state.connection is not None and event.bssid == state.connection.bssid:
        return replace(state, phase=Phase.ADDRESSING), ()
    if isinstance(event, Expired) and event.timer is Timer.GRACE:
        return _end(state, Outcome.NOT_CONNECTED)
    return state, ()


def _scanning(state: State, policy: Policy) -> Result:
    timers = tuple(SetTimer(Timer.SCAN, seconds) for seconds in policy.scan_seconds[state.ended : state.ended + 1])
    if state.widened:
        return state, timers
    # The narrow scan is under way and no keys exist yet: the last moment at which wpa_supplicant lets the frequencies
    # be changed without dropping what comes of it.
    return replace(state, widened=True), (*timers, WidenScan())


def _is_of_a_scan(event: Event) -> bool:
    return isinstance(event, (ScanStarted, ScanEnded)) or (isinstance(event, Expired) and event.timer is Timer.SCAN)


def _keep_channel(state: State, event: Event, policy: Policy) -> Result:
    """End a scan of a host that has just been connected.

    A look at every channel may have been queued behind the one that found CSME's access point. It begins when the
    connection stands, and leaves the channel for seconds.
    """
    if not (state.pinned and state.requests):
        return state, ()
    if isinstance(event, ScanEnded):
        return state, (CancelTimer(Timer.SCAN),)
    if state.ended >= 2 * len(policy.scan_seconds):
        return state, ()
    return replace(state, ended=state.ended + 1), (EndScan(),)


def _addressing(state: State, event: Event, policy: Policy) -> Result:
    if _is_of_a_scan(event):
        return _keep_channel(state, event, policy)
    if isinstance(event, AddressArrived):
        return _connected(state, Outcome.CONNECTED if state.late else Outcome.PROTECTED, policy)
    if isinstance(event, BlockBack):
        return _end(state, Outcome.TAKEN_BACK)
    if isinstance(event, Disconnected):
        return replace(state, phase=Phase.CONNECTING), ()
    if isinstance(event, Expired) and event.timer is Timer.GRACE:
        return _connected(state, Outcome.CONNECTED, policy)
    return state, ()


def _holding(state: State, event: Event, policy: Policy) -> Result:
    outcome = state.outcome or Outcome.CONNECTED
    if _is_of_a_scan(event):
        return _keep_channel(state, event, policy)
    if isinstance(event, RoamingForbidden):
        return state, (CancelTimer(Timer.CONFIRM),)
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
    Phase.CONNECTING: _connecting,
    Phase.ADDRESSING: _addressing,
    Phase.HOLDING: _holding,
}


def hold(event: RoamingForbidden) -> Result:
    """Return the state of a host that is kept at its access point, without a handover before, and what to do for it.

    Args:
        event: names the profile and the access point that the host is connected to.

    Raises:
        ValueError: it names none.
    """
    if event.profile_id is None or event.bssid is None:
        raise ValueError("there is no connection to hold")
    state = State(phase=Phase.HOLDING, pinned=True, widened=True, forbidden=True, outcome=Outcome.PROTECTED)
    return state, (Hold(event.profile_id, event.bssid),)


def _request(state: State, policy: Policy, *before: Action) -> Result:
    """Ask for ownership (once more)."""
    state = replace(state, phase=Phase.REQUESTING, requests=state.requests + 1)
    # The timer stands before the request, since the request itself blocks for up to 500 ms in the driver.
    return state, (*before, SetTimer(Timer.ANSWER, policy.answer_seconds), RequestOwnership())


def _granted(state: State, policy: Policy, event: Event) -> Result:
    """The host owns the radio: wait for the connection if CSME had one.

    Events of the kernel and of the supplicant come over different channels, so a connection can be heard of before
    the end of the block that made it possible.
    """
    if state.connection is None:
        return _end(state, Outcome.OWNED)
    timers = (
        CancelTimer(Timer.ANSWER),
        CancelTimer(Timer.PAUSE),
        SetTimer(Timer.DEADLINE, policy.deadline_seconds),
        SetTimer(Timer.GRACE, policy.deadline_seconds + policy.grace_seconds),
    )
    state = replace(state, phase=Phase.CONNECTING)
    if isinstance(event, Connected):
        state, more = _connecting(state, event, policy)
        return state, (*timers, *more)
    return state, timers


def _connected(state: State, outcome: Outcome, policy: Policy) -> Result:
    """The handover succeeded: hold the access point if there is one to hold and a reason to."""
    if not (policy.hold and state.pinned) or state.forbidden is False:
        return _end(state, outcome)
    timers: Tuple[Action, ...] = tuple(map(CancelTimer, (Timer.DEADLINE, Timer.GRACE, Timer.LAST_REQUEST)))
    if state.forbidden is None:
        timers += (SetTimer(Timer.CONFIRM, policy.confirm_seconds),)
    return replace(state, phase=Phase.HOLDING, outcome=outcome), timers


def _no_more_requests(state: State) -> Result:
    """What was asked for is carried through: a grant that met an un-pinned host would end the session."""
    if state.phase in (Phase.PINNING, Phase.PAUSED):
        return _end(state, Outcome.TIMED_OUT)
    return replace(state, last=True), ()


_UNPIN = Unpin()


def _end(state: State, outcome: Outcome, undoing: Union[Unpin, Forget] = _UNPIN) -> Result:
    undo: Tuple[Action, ...] = (undoing,) if state.pinned else ()
    timers = tuple(CancelTimer(timer) for timer in Timer)
    return replace(state, phase=Phase.DONE, pinned=False, outcome=outcome), (*undo, *timers)
