# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pauses between looks: they get longer, and the last one is repeated."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import GuardPolicy
from ansible_collections.vpro.fleet.plugins.module_utils._system.pauses import SLOW_SECONDS, slow_pause


def test_the_pauses_get_longer_and_the_last_one_is_repeated() -> None:
    assert [slow_pause(looks) for looks in range(7)] == [60.0, 120.0, 240.0, 480.0, 600.0, 600.0, 600.0]


def test_a_guard_pauses_as_long_as_everybody() -> None:
    assert GuardPolicy().slow_seconds == SLOW_SECONDS
