# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told to people of a radio that is switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import FrozenSet, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.switched_off import switched_off
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system.words import Words

OFF = Switch(0, "wlan", "phy0", True, True, frozenset({"signal"}), "phy0")
DELL = Switch(1, "wlan", "dell-wifi", True, False, frozenset(), None)


@pytest.mark.parametrize("reasons", [frozenset({"signal"}), frozenset({"signal", "not_owner"}), frozenset(), None])
def test_a_platforms_switch_that_may_be_the_cause_is_named(reasons: Optional[FrozenSet[str]]) -> None:
    hp = replace(DELL, index=2, name="hp-{wifi}")
    words = switched_off(replace(OFF, reasons=reasons), (DELL, replace(DELL, name="free", soft=False), hp))
    assert "dell-wifi and hp-{wifi}, " in words.of(None)
    assert "free" not in words.of(None)
    assert words.remedy == "Lift that block (rfkill unblock wlan). If the radio stays off, turn its switch or key on"


def test_after_a_handover_the_platforms_switch_alone_tells() -> None:
    assert "dell-wifi" in switched_off(None, (DELL,)).what


@pytest.mark.parametrize(
    ("reasons", "soft"),
    [(frozenset({"signal"}), False), (frozenset({"bit2"}), True), (frozenset({"not_owner"}), True)],
)
def test_a_block_of_another_cause_is_the_hardwares(reasons: FrozenSet[str], soft: bool) -> None:
    words = switched_off(replace(OFF, reasons=reasons), (replace(DELL, soft=soft),))
    assert words == Words("the radio is switched off by hardware", "Turn its switch or key on")
