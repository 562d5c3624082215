# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interface the driver closed, and which one somebody set down."""

from __future__ import annotations

from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._watcher.closing import (
    MANAGER_SECONDS,
    PAUSES,
    TOGETHER_SECONDS,
    Closing,
    Era,
)

BOUND = Era(70, 5.0)
UNBOUND, ANEW = "iwlmei was unbound from CSME", "iwlmei was bound to CSME anew"


@pytest.mark.parametrize(
    ("era", "why"),
    [
        (BOUND, ""),
        (Era(70, 5.00004), ""),
        (Era(70, 4.0), ""),
        (Era(None, 5.0), UNBOUND),
        (Era(71, 5.0), ANEW),
        (Era(70, 9.0), "the laptop slept"),
        (Era(71, 9.0), "the laptop slept"),
    ],
)
def test_what_makes_an_era(era: Era, why: str) -> None:
    assert era.why_new(BOUND) == why


class Story:
    """An interface and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.closing = Closing(lambda: self.now)
        self.closing.link(up=True, shut=False)

    def passes(self, seconds: float) -> None:
        self.now += seconds

    def attempts(self, seconds: float) -> List[float]:
        """Return after how many seconds the interface was to be brought up, within a time."""
        begun, found = self.now, []
        while self.closing.due is not None and self.closing.due <= begun + seconds:
            self.now = self.closing.due
            if self.closing.is_due():
                found.append(self.now - begun)
        self.now = begun + seconds
        return found


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.mark.parametrize("seconds", [0.0, 0.06, TOGETHER_SECONDS])
def test_what_goes_down_right_after_the_binding_was_the_driver(story: Story, seconds: float) -> None:
    """However often it is looked at in between: the binding ends some 50 ms before the interface."""
    story.closing.new_era(UNBOUND)
    story.closing.link(up=True, shut=False)
    story.passes(seconds)
    story.closing.link(up=False, shut=False)
    story.closing.link(up=False, shut=False)
    assert not story.closing.is_due()
    assert story.attempts(1.0) == [PAUSES[0]]
    assert story.closing.what == f"the driver closed the interface ({UNBOUND})"


def test_what_somebody_sets_down_stays_down(story: Story) -> None:
    story.closing.link(up=False, shut=False)
    assert story.closing.due is None
    # Whatever comes then: a sleep, a new binding, a report that says the same again.
    for why in (ANEW, "the laptop slept"):
        story.closing.new_era(why)
        story.closing.link(up=False, shut=False)
        assert story.attempts(1000.0) == []
    story.closing.link(up=True, shut=False)
    story.passes(TOGETHER_SECONDS + 0.1)
    story.closing.link(up=False, shut=False)
    assert story.closing.due is None


def test_one_that_was_down_from_the_beginning_stays_down() -> None:
    closing = Closing(lambda: 100.0)
    closing.new_era(ANEW)
    closing.link(up=False, shut=False)
    assert closing.due is None


def test_a_blocked_one_comes_up_by_its_manager(story: Story) -> None:
    story.closing.link(up=False, shut=True)
    story.closing.link(up=False, shut=False)
    story.passes(MANAGER_SECONDS / 2)
    story.closing.link(up=True, shut=False)
    assert story.attempts(100.0) == []


NO_ERA = "the interface did not come up after a block"


def test_a_blocked_one_is_brought_up_if_its_manager_does_not(story: Story) -> None:
    """It has not heard of the block's end. That a new era began long before does not matter."""
    story.closing.link(up=False, shut=True)
    story.closing.new_era(ANEW)
    story.passes(TOGETHER_SECONDS + 0.1)
    story.closing.link(up=False, shut=False)
    story.closing.link(up=False, shut=False)
    assert story.attempts(10.0) == [MANAGER_SECONDS, 2.5, 6.5]
    assert (story.closing.what, story.closing.stayed_down, story.closing.lifted) == (NO_ERA, True, True)
    story.closing.link(up=True, shut=False)
    assert story.attempts(100.0) == []
    # The supplicant that missed this block's end misses that of the next one, too.
    story.closing.link(up=True, shut=True)
    story.closing.link(up=False, shut=True)
    story.closing.link(up=False, shut=False)
    assert story.attempts(1.0) == [MANAGER_SECONDS]


NEW = "the new interface did not come up"


def test_a_new_one_is_brought_up_if_its_manager_does_not() -> None:
    """Its manager tries first, in half a second three times at most. CSME may deny that."""
    story = Story()
    story.closing = Closing(lambda: story.now)
    story.closing.link(up=False, shut=False)
    assert story.attempts(10.0) == [], "it may have none"
    story.closing.managed()
    story.closing.managed()
    assert story.attempts(30.0) == [4.0, 12.0, 28.0]
    assert (story.closing.what, story.closing.stayed_down, story.closing.lifted) == (NEW, True, False)
    story.closing.link(up=True, shut=False)
    story.closing.managed()
    story.closing.link(up=False, shut=False)
    assert story.attempts(100.0) == []


def test_a_new_one_that_is_blocked_later_is_brought_up_after_that(story: Story) -> None:
    story.closing = Closing(lambda: story.now)
    story.closing.link(up=False, shut=False)
    story.closing.managed()
    story.closing.link(up=False, shut=True)
    assert story.attempts(100.0) == []
    story.closing.link(up=False, shut=False)
    assert story.attempts(1.0) == [MANAGER_SECONDS]


def test_one_that_was_blocked_from_the_beginning_is_brought_up() -> None:
    """A driver that is loaded anew has a radio that CSME owns."""
    closing = Closing(lambda: 100.0)
    closing.link(up=False, shut=True)
    closing.link(up=False, shut=False)
    assert closing.due == 100.0 + MANAGER_SECONDS


def test_one_that_is_heard_to_go_down_after_its_block_is_brought_up(story: Story) -> None:
    story.closing.link(up=True, shut=True)
    story.closing.link(up=False, shut=False)
    assert story.attempts(1.0) == [MANAGER_SECONDS]


def test_a_new_era_leaves_more_time_to_the_manager(story: Story) -> None:
    """It began before the block ended, and is noticed after."""
    story.closing.link(up=False, shut=True)
    story.closing.link(up=False, shut=False)
    story.closing.new_era(ANEW)
    assert story.attempts(10.0) == [4.0]
    assert not story.closing.lifted


def test_what_a_handover_asked_for_is_brought_up_in_time_after_a_new_era(story: Story) -> None:
    """iwlmei was bound anew right before, so CSME took the radio, and gave it away again."""
    story.closing.link(up=False, shut=True)
    story.closing.new_era(ANEW)
    story.closing.asked()
    story.closing.link(up=False, shut=False)
    story.closing.link(up=False, shut=False)
    assert story.attempts(1.0) == [MANAGER_SECONDS]
    story.closing.answered()
    story.closing.link(up=False, shut=True)
    story.closing.new_era(ANEW)
    story.closing.link(up=False, shut=False)
    assert story.attempts(4.0) == [4.0], "what ends a block after the handover is no grant"


def test_one_that_is_left_has_no_attempts(story: Story) -> None:
    story.closing.link(up=False, shut=True)
    story.closing.link(up=False, shut=False)
    story.closing.leave()
    story.closing.link(up=False, shut=False)
    assert story.attempts(100.0) == []


SLEPT = "the laptop slept"


def blocked(story: Story, *reports: str) -> None:
    for report in reports:
        if report == "block":
            story.closing.link(up=True, shut=True)
        else:
            story.closing.link(up=False, shut="block" in reports[: reports.index(report)])


@pytest.mark.parametrize("reports", [("block", "down"), ("down", "block", "read")])
@pytest.mark.parametrize("first", ["era", "lift"])
def test_one_whose_block_ended_with_a_sleep_is_its_managers_first(story: Story, reports: List[str], first: str) -> None:
    """While the laptop slept, iwlmei was unbound: that lifts a block. CSME may deny what the manager asks for then."""
    blocked(story, *reports)
    story.passes(100.0)
    if first == "era":
        story.closing.new_era(SLEPT)
        story.closing.link(up=False, shut=False)
    else:  # a handover was under way, so nobody looked
        story.closing.link(up=False, shut=False)
        story.passes(10.0)
        story.closing.new_era(SLEPT)
    story.closing.link(up=False, shut=False)
    assert story.attempts(60.0) == [4.0, 12.0, 28.0, 58.0]
    assert story.closing.what == f"the interface did not come up after a block ({SLEPT})"
    story.closing.link(up=True, shut=False)
    assert story.attempts(100.0) == []


def test_one_that_its_manager_brings_up_after_the_sleep_is_left_alone(story: Story) -> None:
    blocked(story, "block", "down")
    story.closing.new_era(SLEPT)
    story.closing.link(up=False, shut=False)
    story.passes(3.0)
    story.closing.link(up=True, shut=False)
    assert story.attempts(100.0) == []


def test_one_that_was_set_down_before_the_block_stays_down(story: Story) -> None:
    story.closing.link(up=False, shut=False)
    story.passes(TOGETHER_SECONDS + 0.1)
    story.closing.link(up=False, shut=True)
    story.closing.new_era(SLEPT)
    story.closing.link(up=False, shut=False)
    assert story.attempts(100.0) == []


@pytest.mark.parametrize("asked", [True, False])
def test_one_that_was_down_before_the_block_is_brought_up_if_csme_was_asked(story: Story, asked: bool) -> None:
    """Somebody may have set it down, or a driver was loaded that heard of CSME later."""
    story.closing.link(up=False, shut=False)
    story.passes(TOGETHER_SECONDS + 0.1)
    story.closing.link(up=False, shut=True)
    if asked:
        story.closing.asked()
    story.closing.link(up=False, shut=False)
    assert story.attempts(8.0) == ([MANAGER_SECONDS, 2.5, 6.5] if asked else [])
    story.closing.link(up=False, shut=True)
    assert story.attempts(100.0) == []


@pytest.mark.parametrize("down", [True, False])
def test_one_that_came_up_after_a_grant_is_left_alone(story: Story, down: bool) -> None:
    story.closing.link(up=False, shut=True)
    story.closing.asked()
    story.closing.link(up=False, shut=False)
    story.closing.link(up=True, shut=False)
    if down:  # somebody has set it down
        story.closing.link(up=False, shut=False)
    assert story.attempts(100.0) == []


def test_a_block_ends_the_attempts(story: Story) -> None:
    story.closing.new_era(ANEW)
    story.closing.link(up=False, shut=False)
    story.closing.link(up=False, shut=True)
    assert story.attempts(100.0) == []


def test_it_is_tried_again_until_it_is_up(story: Story) -> None:
    story.closing.new_era(ANEW)
    story.closing.link(up=False, shut=False)
    assert story.attempts(200.0) == [1.0, 3.0, 7.0, 15.0, 31.0, 61.0, 121.0, 181.0]
    story.closing.link(up=True, shut=False)
    assert story.attempts(200.0) == []
    # If it is closed again, the pauses begin anew.
    story.closing.new_era(UNBOUND)
    story.closing.link(up=False, shut=False)
    assert story.attempts(3.0) == [1.0, 3.0]
