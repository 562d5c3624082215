# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a pure state machine: the queue of its events, and its timers. The caller waits for events and timers."""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, Generic, Hashable, Optional, Tuple, TypeVar

_State = TypeVar("_State")


class Machine(Generic[_State]):
    """A running state machine.

    Args:
        state: the first state.
        step: the pure function ``(state, event) -> (state, actions)``.
        do: carries out one action. It returns an event if the action has a result at once, else None.
        expired: returns the event for a timer that ran out.
        note: is called with each event before the machine gets it.
        clock: returns the time in seconds. It must never go back.
    """

    def __init__(
        self,
        state: _State,
        step: Callable[[_State, Any], Tuple[_State, Tuple[Any, ...]]],
        do: Callable[[Any], Optional[Any]],
        expired: Callable[[Any], Any],
        note: Callable[[Any], None],
        clock: Callable[[], float],
    ) -> None:
        self.state = state
        self._step = step
        self._do = do
        self._expired = expired
        self._note = note
        self._clock = clock
        self._queue: Deque[Any] = deque()
        self._timers: Dict[Hashable, float] = {}

    def feed(self, event: Any) -> None:
        """Give the machine an event, carry out its actions, and give it the events that these return."""
        self._queue.append(event)
        while self._queue:
            event = self._queue.popleft()
            self._note(event)
            # The new state is stored before the actions run. If an action fails, the state says which actions may have
            # been carried out.
            self.state, actions = self._step(self.state, event)
            for action in actions:
                follow_up = self._do(action)
                if follow_up is not None:
                    self._queue.append(follow_up)

    def set_timer(self, timer: Hashable, seconds: float) -> None:
        """Start a timer, or start it again if it runs."""
        self._timers[timer] = self._clock() + seconds

    def cancel_timer(self, timer: Hashable) -> None:
        """Stop a timer if it runs."""
        self._timers.pop(timer, None)

    @property
    def due(self) -> Optional[float]:
        """The time, by the clock, at which the next timer runs out. It is None when no timer runs."""
        return min(self._timers.values(), default=None)

    def due_of(self, timer: Hashable) -> Optional[float]:
        """Return the time, by the clock, at which a timer runs out, or None if it does not run."""
        return self._timers.get(timer)

    def expire(self) -> None:
        """Give the machine the events of all timers that have run out."""
        now = self._clock()
        for timer, at in sorted(self._timers.items(), key=lambda item: item[1]):
            # An earlier timer's event may have stopped this timer or started it again.
            if at <= now and self._timers.get(timer) == at:
                del self._timers[timer]
                self.feed(self._expired(timer))
