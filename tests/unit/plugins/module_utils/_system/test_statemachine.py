# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs a state machine: its queue and its timers, under a clock that a test moves."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.statemachine import Machine


class Story:
    """A machine whose state is the number of events, and everything that it was asked to do, in order."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: List[str] = []
        #: What an event brings about, and what answers an action.
        self.actions: Dict[str, Tuple[str, ...]] = {}
        self.answers: Dict[str, str] = {}
        self.does: Dict[str, Callable[[], object]] = {}
        self.machine: Machine[int] = Machine(
            0, self.step, self.do, lambda timer: f"{timer} ran out", self.note, lambda: self.now
        )

    def step(self, state: int, event: Any) -> Tuple[int, Tuple[Any, ...]]:
        return state + 1, self.actions.get(event, ())

    def do(self, action: str) -> Optional[str]:
        self.told.append(f"do {action} in {self.machine.state}")
        if action in self.does:
            self.does[action]()
        return self.answers.get(action)

    def note(self, event: str) -> None:
        self.told.append(f"{event} in {self.machine.state}")


@pytest.fixture
def story() -> Story:
    return Story()


def test_an_event_is_told_then_answered_in_order(story: Story) -> None:
    story.actions = {"begin": ("one", "two")}
    story.machine.feed("begin")
    assert story.told == ["begin in 0", "do one in 1", "do two in 1"]


def test_what_answers_an_action_waits_until_all_of_them_are_done(story: Story) -> None:
    story.actions = {"begin": ("one", "two"), "answer": ("three",)}
    story.answers = {"one": "answer"}
    story.machine.feed("begin")
    assert story.told == ["begin in 0", "do one in 1", "do two in 1", "answer in 1", "do three in 2"]
    assert story.machine.state == 2


def test_a_state_is_taken_over_before_an_action_that_fails(story: Story) -> None:
    def fail() -> None:
        raise OSError("gone")

    story.actions = {"begin": ("one", "two")}
    story.does = {"one": fail}
    with pytest.raises(OSError, match="gone"):
        story.machine.feed("begin")
    assert story.machine.state == 1
    assert story.told == ["begin in 0", "do one in 1"]


def test_no_timer_runs_at_first(story: Story) -> None:
    assert story.machine.due is None
    story.machine.expire()
    story.machine.cancel_timer("a")
    assert story.told == []


def test_timers_run_out_when_they_are_due_and_once(story: Story) -> None:
    story.machine.set_timer("late", 5.0)
    story.machine.set_timer("early", 2.0)
    assert story.machine.due == 102.0
    assert [story.machine.due_of(timer) for timer in ("late", "early", "none")] == [105.0, 102.0, None]
    story.now = 101.9
    story.machine.expire()
    assert story.told == []
    story.now = 102.0
    story.machine.expire()
    story.machine.expire()
    assert story.told == ["early ran out in 0"]
    assert story.machine.due == 105.0
    assert story.machine.due_of("early") is None


def test_several_run_out_in_the_order_of_their_times(story: Story) -> None:
    for timer, seconds in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        story.machine.set_timer(timer, seconds)
    story.now += 10
    story.machine.expire()
    assert story.told == ["a ran out in 0", "b ran out in 1", "c ran out in 2"]
    assert story.machine.due is None


def test_a_timer_that_is_set_again_starts_anew(story: Story) -> None:
    story.machine.set_timer("a", 1.0)
    story.now += 0.5
    story.machine.set_timer("a", 1.0)
    assert story.machine.due == 101.5


def test_a_cancelled_timer_does_not_run_out(story: Story) -> None:
    story.machine.set_timer("a", 1.0)
    story.machine.set_timer("b", 1.0)
    story.machine.cancel_timer("a")
    story.now += 1
    story.machine.expire()
    assert story.told == ["b ran out in 0"]


@pytest.mark.parametrize("again", [True, False])
def test_what_an_earlier_timer_changed_of_a_later_one_counts(story: Story, again: bool) -> None:
    story.machine.set_timer("first", 1.0)
    story.machine.set_timer("second", 2.0)
    story.actions = {"first ran out": ("change",)}
    story.does = {
        "change": lambda: story.machine.set_timer("second", 7.0) if again else story.machine.cancel_timer("second")
    }
    story.now = 110.0
    story.machine.expire()
    assert story.told == ["first ran out in 0", "do change in 1"]
    assert story.machine.due == (117.0 if again else None)


def test_a_timer_may_set_itself_again(story: Story) -> None:
    story.machine.set_timer("a", 1.0)
    story.actions = {"a ran out": ("again",)}
    story.does = {"again": lambda: story.machine.set_timer("a", 1.0)}
    story.now = 101.0
    story.machine.expire()
    assert story.told == ["a ran out in 0", "do again in 1"]
    assert story.machine.due == 102.0
