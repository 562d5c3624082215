# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import GuardPolicy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import (
    AWAITED,
    BUSY,
    IDLE,
    REASONS,
    SUCCESSES,
    Outcome,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.words import LOOKS_AGAIN
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport

KNOWN = (*(each.value for each in Outcome if each not in SUCCESSES), *(each for each in REASONS if each != IDLE))


@pytest.mark.parametrize("reason", [*KNOWN, "of a newer version"])
def test_each_reason_is_told_with_what_to_do(reason: str) -> None:
    told = WatcherReport(True, True, left={"wlan0": reason}, managers={"wlan0": "networkmanager"}).why_left("wlan0")
    assert told is not None
    soon = reason in (AWAITED, BUSY)
    assert told.endswith("The watcher looks again twice a second" if soon else LOOKS_AGAIN)
    assert not told.endswith(".")
    assert "{" not in told
    assert told.startswith("the reason is") == (reason not in KNOWN)


def test_the_manager_is_named_where_it_is_known() -> None:
    left = WatcherReport(True, True, left={"wlan0": "pin_failed", "wlan1": "pin_failed"}, managers={"wlan1": None})
    assert str(left.why_left("wlan0")).startswith("the supplicant did not accept the pin")
    assert str(left.why_left("wlan1")).startswith("the supplicant did not accept the pin")


def test_a_radio_that_is_not_left_has_no_reason() -> None:
    assert WatcherReport(True, True).why_left("wlan0") is None


def test_the_longest_pause_is_what_the_words_promise() -> None:
    assert max(GuardPolicy().slow_seconds) == 10 * 60
    assert GuardPolicy().busy_seconds == 0.5
    assert "within ten minutes" in LOOKS_AGAIN
