# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a pure state machine: its queue of events and its timers. It never waits; whoever runs it does."""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, Generic, Hashable, Optional, Tuple, TypeVar

_State = TypeVar("_State")


class Machine(Generic[_State]):
    """A state machine at work.

    Args:
        state: where it begins.
        step: ``(state, event) -> (state, actions)``, pure.
        do: carries out one action; the event that answers it at once is returned, if there is one.
        expired: makes the event of a timer that ran out.
        note: told of each event before it is answered.
        clock: seconds that only grow.
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
        """Give the machine an event, do what it answers, and give it what comes of that."""
        self._queue.append(event)
        while self._queue:
            event = self._queue.popleft()
            self._note(event)
            # The state is taken over before the actions run: if one of them fails, it tells what may have been done.
            self.state, actions = self._step(self.state, event)
            for action in actions:
                follow_up = self._do(action)
                if follow_up is not None:
                    self._queue.append(follow_up)

    def set_timer(self, timer: Hashable, seconds: float) -> None:
        """Let a timer run out after so many seconds; one that runs starts anew."""
        self._timers[timer] = self._clock() + seconds

    def cancel_timer(self, timer: Hashable) -> None:
        """Forget a timer, should it run."""
        self._timers.pop(timer, None)

    @property
    def due(self) -> Optional[float]:
        """When the next timer runs out, by the clock; None when none runs."""
        return min(self._timers.values(), default=None)

    def expire(self) -> None:
        """Give the machine the timers that have run out by now."""
        now = self._clock()
        for timer, at in sorted(self._timers.items(), key=lambda item: item[1]):
            # What an earlier one brought about may have set this one anew.
            if at <= now and self._timers.get(timer) == at:
                del self._timers[timer]
                self.feed(self._expired(timer))
