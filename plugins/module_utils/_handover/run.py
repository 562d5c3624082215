# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running one handover: the state machine of ``_handover/machine.py`` with the real transports.

It listens to rfkill, the manager and the interface's addresses, gives their events to the machine, and carries out the
machine's actions. However the handover ends, its pin is undone.
"""

from __future__ import annotations

import select
import time
from contextlib import ExitStack
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from .._network.backend import Backend, Listener, Source
from .._network.events import link_event
from .._network.profile import Profile
from .._radio import csme
from .._radio.netlink import EventsLost
from .._radio.nl80211 import Nl80211
from .._radio.rfkill import RfkillEvents
from .._radio.rtnetlink import AddressEvents
from .._radio.values import Radio
from .._system.dhcp_program import ask
from .._system.places import PLACES, Places
from .._system.statemachine import Machine
from .addressing import Addressing, NoAddress
from .effects import Calls, Effects
from .machine import State, step
from .messages import (
    Action,
    AddressArrived,
    Blocked,
    CancelTimer,
    Event,
    Expired,
    SetTimer,
)
from .policy import Policy
from .trace import Report, Trace


class Handover:
    """One handover on one radio.

    Args:
        radio: the radio, which CSME owns. It was just read.
        profile: the profile that can carry CSME's connection on, or None when there is none.
        backend: the manager of the interface, or None when there is none.
        policy: how to make the handover.
        places: where the files are.
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(
        self,
        radio: Radio,
        profile: Optional[Profile],
        backend: Optional[Backend],
        policy: Policy,
        *,
        places: Places = PLACES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._radio = radio
        self._profile = profile
        self._backend = backend
        self._places = places
        self._clock = clock
        self._trace = Trace(clock)
        self._machine: Machine[State] = Machine(
            State(), lambda state, event: step(state, event, policy), self._do, Expired, self._trace.note, clock
        )
        self._addressing = Addressing(policy, self._look_for_address, self._machine.feed, self._ask_for_address, clock)
        self._listeners: Sequence[Listener] = ()

    def run(self, request: Optional[Callable[[], bool]] = None) -> Report:
        """Make the handover, and return its report.

        Args:
            request: asks for the radio. None means that the driver is asked by the vendor command.

        Raises:
            FleetError: a transport failed. If there was a pin, it is undone.
        """
        self._trace.begin()
        with ExitStack() as stack, Nl80211() as nl:
            request = request or partial(csme.request_ownership, nl, self._radio.ifindex or -1)
            read = partial(csme.connection, nl, self._radio.ifindex or -1)
            calls = Calls(request, read, ask, self._trace.mark)
            effects = self._effects = Effects(self._radio, self._backend, calls, places=self._places)
            # The listeners are opened before the first action, so that no answer is missed. rfkill is read first, so
            # that the end of a block is seen before the connection that it makes possible.
            rfkill: Source = self._open(stack, RfkillEvents())
            sources: Dict[Source, Callable[[Any], Optional[Event]]] = {rfkill: effects.from_rfkill}
            if self._backend is not None:
                self._listeners = self._backend.listen(effects.warnings.append)
                for heard in self._listeners:
                    sources[self._open(stack, heard)] = link_event
            sources[self._open(stack, AddressEvents())] = effects.from_address
            try:
                self._feed(Blocked(self._radio.reported, self._profile))
                # A listener may have read events already while it was opened. select() does not report these.
                self._read(sources, list(sources))
                while (outcome := self._machine.state.outcome) is None:
                    self._wait(sources)
            finally:
                # The machine undoes its pin itself. This is for an exception, a signal, and an earlier failed attempt.
                effects.unpin()
        return self._trace.report(outcome, self._machine.state.requests, tuple(effects.warnings))

    # -- the loop -------------------------------------------------------------------------------------------------

    @staticmethod
    def _open(stack: ExitStack, source: Any) -> Any:
        stack.callback(source.close)
        return source

    def _wait(self, sources: Dict[Source, Callable[[Any], Optional[Event]]]) -> None:
        """Wait for the next events or timers, and handle them."""
        timers = (self._machine.due, self._addressing.due, *(listener.due for listener in self._listeners))
        due = [at for at in timers if at is not None]
        timeout = max(0.0, min(due) - self._clock()) if due else None
        self._read(sources, select.select(list(sources), [], [], timeout)[0])
        self._machine.expire()
        if self._machine.state.outcome is None:
            for listener in self._listeners:
                listener.expire()
            self._addressing.expire()

    def _feed(self, event: Event) -> None:
        if isinstance(event, AddressArrived):
            # Timers that have run out come first. Otherwise a late address would count as one in time.
            self._machine.expire()
        self._machine.feed(event)
        self._addressing.feed(event)

    # The effects exist only while the handover runs, so the addressing gets methods that look for them.

    def _look_for_address(self) -> Union[AddressArrived, NoAddress, None]:
        return self._effects.look_for_address()

    def _ask_for_address(self) -> None:
        self._effects.ask_for_address()

    def _read(self, sources: Dict[Source, Callable[[Any], Optional[Event]]], ready: List[Source]) -> None:
        for source, translate in sources.items():
            if source in ready:
                try:
                    news = source.read()
                except EventsLost:
                    # This can only be the socket for addresses, so the addresses are read again.
                    news = ()
                    arrived = self._effects.read_address()
                    if arrived is not None:
                        self._feed(arrived)
                for heard in news:
                    event = translate(heard)
                    if event is not None:
                        self._feed(event)

    def _do(self, action: Action) -> Optional[Event]:
        if isinstance(action, SetTimer):
            self._machine.set_timer(action.timer, action.seconds)
        elif isinstance(action, CancelTimer):
            self._machine.cancel_timer(action.timer)
        else:
            return self._effects.do(action)
        return None
