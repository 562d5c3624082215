# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The switch of a guarded radio follows the events of rfkill."""

from __future__ import annotations

from typing import FrozenSet, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.followed import FollowedSwitch

CSME, OFF, NONE = frozenset({"not_owner"}), frozenset({"signal"}), frozenset[str]()
Reasons = Optional[FrozenSet[str]]


def switch(soft: bool = False, hard: bool = False, reasons: Reasons = NONE) -> Switch:
    return Switch(7, "wlan", "phy0", soft, hard, reasons, "phy0")


def event(soft: bool = False, hard: bool = False, reasons: Reasons = NONE, index: int = 7) -> RfkillEvent:
    return RfkillEvent(index, "wlan", "change", soft, hard, reasons)


@pytest.mark.parametrize(
    ("soft", "hard", "reasons", "usable", "owned", "off"),
    [
        (False, False, NONE, True, False, None),
        (False, True, CSME, True, True, None),
        (True, False, NONE, False, False, Outcome.AIRPLANE_MODE),
        (True, True, CSME, False, True, Outcome.AIRPLANE_MODE),
        (False, True, OFF, False, False, Outcome.SWITCH_OFF),
        # A kernel that gives no reasons.
        (True, True, None, False, False, None),
    ],
)
def test_what_its_block_means(
    soft: bool, hard: bool, reasons: Reasons, usable: bool, owned: bool, off: Optional[Outcome]
) -> None:
    read = FollowedSwitch(switch(soft, hard, reasons))
    followed = FollowedSwitch(switch())
    assert followed.follow(event(soft, hard, reasons)) == ((soft, hard, reasons) != (False, False, NONE))
    for each in (read, followed):
        assert (each.usable, each.blocked, each.owned, each.off) == (usable, hard, owned, off)
        assert each.shut is (hard or soft)
        assert not each.follow(event(soft, hard, reasons)), "that is nothing new"


def test_only_its_own_events_are_about_it() -> None:
    followed = FollowedSwitch(switch())
    assert followed.is_of(event())
    assert not followed.is_of(event(index=8))


def test_a_radio_without_a_switch() -> None:
    none = FollowedSwitch(None)
    assert (none.usable, none.blocked, none.owned, none.off) == (False, False, False, None)
    assert not none.is_of(event())
    assert not none.follow(event(hard=True, reasons=CSME))
    assert not none.blocked
