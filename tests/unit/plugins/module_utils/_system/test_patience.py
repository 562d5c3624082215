# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long is waited for answers: the nearest of several ends counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system import patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import KERNEL, PATIENCE, Patience


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """The time, which a test may change."""
    time = [100.0]
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: time[0]))
    return time


@pytest.mark.parametrize(
    ("call", "end", "begun", "due"),
    [
        (None, None, None, 102.0),
        (None, 101.0, 101.0, 101.0),
        (None, 109.0, 109.0, 102.0),
        (1.0, None, 101.0, 101.0),
        (9.0, None, 109.0, 102.0),
        (1.0, 109.0, 101.0, 101.0),
        (9.0, 101.0, 101.0, 101.0),
        (0.0, None, 100.0, 100.0),
    ],
)
def test_the_nearest_end_counts(
    now: List[float], call: Optional[float], end: Optional[float], begun: Optional[float], due: float
) -> None:
    made = Patience(2.0, call, end).begun()
    assert (made, made.due()) == (Patience(2.0, end=begun), due)


def test_a_call_ends_when_it_ends_however_many_answers_it_needs(now: List[float]) -> None:
    made = Patience(2.0, call=3.0).begun()
    assert made.due() == 102.0
    now[0] += 2.0
    assert made.due() == 103.0
    assert made.begun() == made, "it has begun already"
    now[0] += 2.0
    assert made.due() == 103.0, "it is over"


def test_nobody_is_waited_for_without_end() -> None:
    assert (Patience(2.0), Patience(5.0)) == (PATIENCE, KERNEL)
