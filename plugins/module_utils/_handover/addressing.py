# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Getting an address soon after a connection, as a pure machine: ``step(state, event, policy) -> (state, actions)``.

wpa_supplicant declares an interface up a moment before it opens the port for data (seen: 0.6 ms). A quick DHCP client
sends its first message in that moment, and the kernel drops it. An access point opens its own port when the last
message of the handshake has reached it, and drops what comes earlier (seen: 16 ms). The client sends the next message
after some seconds, which is later than CSME waits. So a short time after each connection, this machine looks whether
there is an address. If there is none, it makes the DHCP client ask again.

    (nothing) --Connected--> waiting --time is up: look--> no address: ask, and wait again, longer
                                ^  |
                                |  v an address, or the end of the connection
                              (nothing)

It does no I/O and has no clock, as ``_handover/machine.py``, whose events it uses. :class:`Addressing` runs it beside
the machine of a handover or of a guard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Optional, Tuple, Union

from .._network.events import Connected, Disconnected, ManagerGone, SupplicantGone
from .._system.dataless import Dataless
from .._system.statemachine import Machine
from .messages import (
    AddressArrived,
    BlockBack,
    CancelTimer,
    Event,
    Expired,
    InterfaceGone,
    SetTimer,
    SoftBlocked,
    SwitchedOff,
)
from .policy import Policy


@dataclass(frozen=True)
class NoAddress:
    """The answer to LookForAddress: the interface has no IPv4 address, or only a link-local one.

    Attributes:
        tested: whether a DHCP client may have an address and still test it (``Policy.test_seconds``).
    """

    tested: bool = False


class LookForAddress(Dataless):
    """Find out whether the interface has an IPv4 address. The answer is AddressArrived or NoAddress, or none at all."""


class AskForAddress(Dataless):
    """Make the DHCP client of the interface ask again."""


class Later(Dataless):
    """The name of the only timer."""


LATER = Later()
AddressingEvent = Union[Event, NoAddress]
AddressingAction = Union[LookForAddress, AskForAddress, SetTimer, CancelTimer]


@dataclass(frozen=True)
class State:
    """The whole memory of this machine.

    Attributes:
        waiting: whether the interface is connected, and no address has come since.
        asks: how often the DHCP client was made to ask again since the connection.
        waited: whether a client that tests its address has had its time.
    """

    waiting: bool = False
    asks: int = 0
    waited: bool = False


Result = Tuple[State, Tuple[AddressingAction, ...]]
#: The events after which no address is needed: there is one, or there is no connection.
_OVER = (
    AddressArrived,
    Disconnected,
    BlockBack,
    SoftBlocked,
    SwitchedOff,
    SupplicantGone,
    ManagerGone,
    InterfaceGone,
)


def step(state: State, event: AddressingEvent, policy: Policy) -> Result:
    """Handle *event*.

    Args:
        state: the state.
        event: the event.
        policy: how long to wait, and how often to ask.

    Returns:
        The new state, and the actions to carry out, in order.
    """
    pauses = policy.address_seconds
    if isinstance(event, Connected):
        # An old address does not count until the wait is over. On another network, the client drops it meanwhile.
        return State(waiting=True), tuple(SetTimer(LATER, seconds) for seconds in pauses[:1])
    if not state.waiting:
        return state, ()
    if isinstance(event, _OVER):
        return State(), (CancelTimer(LATER),)
    if event == Expired(LATER):
        return state, (LookForAddress(),)
    if isinstance(event, NoAddress) and event.tested and not state.waited:
        return replace(state, waited=True), (SetTimer(LATER, policy.test_seconds),)
    if isinstance(event, NoAddress) and state.asks < len(pauses):
        asks = state.asks + 1
        more = tuple(SetTimer(LATER, seconds) for seconds in pauses[asks : asks + 1])
        return replace(state, asks=asks), (AskForAddress(), *more)
    return state, ()


class Addressing:
    """Runs the machine. It gets the same events as the machine of a handover beside it.

    Args:
        policy: how long to wait, and how often to ask.
        look: returns the answer to ``LookForAddress``, or None if it is not known.
        arrived: is called with an address that was found so. It tells the other machine.
        ask: makes the DHCP client ask again.
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(
        self,
        policy: Policy,
        look: Callable[[], Union[AddressArrived, NoAddress, None]],
        arrived: Callable[[AddressArrived], None],
        ask: Callable[[], object],
        clock: Callable[[], float],
    ) -> None:
        self._look = look
        self._arrived = arrived
        self._ask = ask
        self._machine: Machine[State] = Machine(
            State(), lambda state, event: step(state, event, policy), self._do, Expired, lambda event: None, clock
        )

    @property
    def due(self) -> Optional[float]:
        """The time, by the clock, at which the timer runs out, or None when it does not run."""
        return self._machine.due

    @property
    def asks(self) -> int:
        """How often the DHCP client was made to ask again since the last connection. It is 0 after an address came."""
        return self._machine.state.asks

    def feed(self, event: object) -> None:
        """Give the machine an event. One that does not matter here changes nothing."""
        self._machine.feed(event)

    def expire(self) -> None:
        """Handle the timer if it has run out."""
        self._machine.expire()

    def _do(self, action: AddressingAction) -> Optional[AddressingEvent]:
        if isinstance(action, SetTimer):
            self._machine.set_timer(action.timer, action.seconds)
        elif isinstance(action, CancelTimer):
            self._machine.cancel_timer(action.timer)
        elif isinstance(action, AskForAddress):
            self._ask()
        else:
            answer = self._look()
            if isinstance(answer, AddressArrived):
                self._arrived(answer)
            return answer
        return None
