# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An address soon after a connection, as a pure state machine: ``step(state, event, policy) -> (state, actions)``.

wpa_supplicant declares an interface up a moment before it opens the port for data (seen: 0.6 ms). A DHCP client that is
quick sends its first message in that moment, the kernel drops it, and the next follows after seconds: later than CSME
waits. So whoever hears of a connection looks a short time later whether an address is there, and has the DHCP client
asked anew if none is.

    (nothing) --Connected--> waiting --time is up: look--> no address: ask, and wait again, longer
                                ^  |
                                |  v an address, or the end of the connection
                              (nothing)

No I/O and no clock here, as in ``_handover/machine.py``, whose events and timers these are. :class:`Addressing` runs it
beside the machine of a handover, or of a guard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Optional, Tuple, Union

from .._network.events import Connected, Disconnected, ManagerGone, SupplicantGone
from .._system.bare import Bare
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


class NoAddress(Bare):
    """The answer to LookForAddress: the interface has no address but a link-local one, or none at all."""


class LookForAddress(Bare):
    """See whether the interface has an address.

    AddressArrived or NoAddress answers; nothing does where nobody can tell.
    """


class AskForAddress(Bare):
    """Have whoever runs DHCP on the interface begin anew."""


class Later(Bare):
    """The name of the only timer."""


LATER = Later()
AddressingEvent = Union[Event, NoAddress]
AddressingAction = Union[LookForAddress, AskForAddress, SetTimer, CancelTimer]


@dataclass(frozen=True)
class State:
    """The whole memory of this machine.

    Attributes:
        waiting: the interface is connected, and no address has come since.
        asks: how often the DHCP client was asked for this connection.
    """

    waiting: bool = False
    asks: int = 0


Result = Tuple[State, Tuple[AddressingAction, ...]]
#: With an address or without a connection, there is nothing to ask for.
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
    """Return what follows from *event*.

    Args:
        state: how it stands.
        event: what happened.
        policy: how long to wait, and how often to ask.

    Returns:
        The new state, and the actions to carry out, in order.
    """
    pauses = policy.address_seconds
    if isinstance(event, Connected):
        # An address of before is believed once the time is up: a client that finds itself elsewhere drops it meanwhile.
        return State(waiting=True), tuple(SetTimer(LATER, seconds) for seconds in pauses[:1])
    if not state.waiting:
        return state, ()
    if isinstance(event, _OVER):
        return State(), (CancelTimer(LATER),)
    if event == Expired(LATER):
        return state, (LookForAddress(),)
    if isinstance(event, NoAddress) and state.asks < len(pauses):
        asks = state.asks + 1
        more = tuple(SetTimer(LATER, seconds) for seconds in pauses[asks : asks + 1])
        return replace(state, asks=asks), (AskForAddress(), *more)
    return state, ()


class Addressing:
    """The machine at work. It hears the same events as the machine of a handover beside it.

    Args:
        policy: how long to wait, and how often to ask.
        look: see whether there is an address, and tell the other machine of it; None if that is not known.
        ask: have whoever runs DHCP begin anew.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        policy: Policy,
        look: Callable[[], Optional[bool]],
        ask: Callable[[], object],
        clock: Callable[[], float],
    ) -> None:
        self._look = look
        self._ask = ask
        self._machine: Machine[State] = Machine(
            State(), lambda state, event: step(state, event, policy), self._do, Expired, lambda event: None, clock
        )

    @property
    def due(self) -> Optional[float]:
        """When its timer runs out, by the clock; None when it does not run."""
        return self._machine.due

    @property
    def asks(self) -> int:
        """How often the DHCP client was asked since the last connection, while no address was heard of."""
        return self._machine.state.asks

    def feed(self, event: object) -> None:
        """Take an event. One that means nothing here changes nothing."""
        self._machine.feed(event)

    def expire(self) -> None:
        """Take note of the time."""
        self._machine.expire()

    def _do(self, action: AddressingAction) -> Optional[AddressingEvent]:
        if isinstance(action, SetTimer):
            self._machine.set_timer(action.timer, action.seconds)
        elif isinstance(action, CancelTimer):
            self._machine.cancel_timer(action.timer)
        elif isinstance(action, AskForAddress):
            self._ask()
        else:
            there = self._look()
            return None if there is None else AddressArrived() if there else NoAddress()
        return None
