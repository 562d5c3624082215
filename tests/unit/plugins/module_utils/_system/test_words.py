# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened and what to do about it, as texts."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.words import Words


@pytest.mark.parametrize(
    ("who", "said"), [("NetworkManager", "NetworkManager did it"), (None, "the supplicant did it")]
)
def test_who_runs_the_interface_is_named(who: Optional[str], said: str) -> None:
    assert Words("{who} did it").of(who) == said


def test_words_that_name_nobody() -> None:
    assert Words("it is on", "Turn it off").of("NetworkManager") == "it is on"
