# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A radio, its switch and its kernel: whose the radio is, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, FrozenSet, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Block, Radio, Release, Switch

NOT_OWNER = frozenset({"not_owner"})
SIGNAL = frozenset({"signal"})
SWITCH = Switch(7, "wlan", "phy0", False, False, frozenset(), "phy0")
RADIO = Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "host", SWITCH, True, True, True, None, None)


@pytest.mark.parametrize(
    ("hard", "reasons", "owner", "off"),
    [
        (False, frozenset(), "host", False),
        (True, NOT_OWNER, "csme", False),
        (True, SIGNAL, "host", True),
        (True, NOT_OWNER | SIGNAL, "csme", True),
        (True, frozenset({"bit2"}), "host", True),
        (True, frozenset(), "host", True),
        # What the kernel has as a reason counts while it blocks.
        (False, NOT_OWNER, "host", False),
        # A kernel that gives no reasons.
        (False, None, "unknown", False),
        (True, None, "unknown", True),
    ],
)
def test_whose_a_block_is_and_whether_it_is_off(
    hard: bool, reasons: Optional[FrozenSet[str]], owner: str, off: bool
) -> None:
    blocks: Tuple[Block, ...] = (
        replace(SWITCH, hard=hard, reasons=reasons),
        RfkillEvent(7, "wlan", "change", False, hard, reasons),
    )
    for block in blocks:
        assert (block.owner, block.off) == (owner, off)


@pytest.mark.parametrize(
    ("hard", "reasons", "by_pin"),
    [
        (True, SIGNAL, True),
        (True, SIGNAL | NOT_OWNER, True),
        (True, frozenset(), True),
        (True, None, True),
        (True, NOT_OWNER, False),
        (True, frozenset({"bit2"}), False),
        (False, SIGNAL, False),
    ],
)
def test_whether_the_pin_may_block_it(hard: bool, reasons: Optional[FrozenSet[str]], by_pin: bool) -> None:
    assert replace(SWITCH, hard=hard, reasons=reasons).by_pin is by_pin


def test_which_switch_is_the_platforms() -> None:
    dell = replace(SWITCH, name="dell-wifi", phy=None)
    assert [each.of_platform for each in (dell, SWITCH, replace(dell, type="bluetooth"))] == [True, False, False]


def test_airplane_mode_is_neither_an_owner_nor_off() -> None:
    block = replace(SWITCH, soft=True)
    assert (block.owner, block.off) == ("host", False)


@pytest.mark.parametrize(
    ("version", "asks"), [((5, 17), False), ((6, 3), False), ((6, 4), True), ((6, 12), True), ((7, 0), True)]
)
def test_which_kernels_driver_asks_by_itself(version: Tuple[int, int], asks: bool) -> None:
    assert Release("a release", version).driver_managed is asks


@pytest.mark.parametrize(
    ("lack", "guarded"),
    [
        ({}, True),
        ({"interface": None}, False),
        ({"switch": None}, False),
        ({"can_request": False}, False),
        ({"can_tell": False}, False),
        # What a guard can do without.
        ({"ifindex": None, "mac": None, "driver": None, "roaming_event": False, "owner": "unknown"}, True),
    ],
)
def test_what_a_radio_needs_to_be_guarded(lack: Dict[str, Any], guarded: bool) -> None:
    assert replace(RADIO, **lack).can_be_guarded is guarded
