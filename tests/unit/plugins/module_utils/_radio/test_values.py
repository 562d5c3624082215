# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A radio, its switch and its kernel: whose the radio is, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, FrozenSet, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import (
    Block,
    Iwlmei,
    Platform,
    Radio,
    Release,
    Switch,
)

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
    ("text", "backported"),
    [
        ("5.14.0-503.15.1.el9_5.x86_64", True),
        ("5.14.0-427.13.1.el9_4.x86_64+rt", True),
        ("4.18.0-553.el8_10.x86_64", True),
        ("5.15.0-304.171.4.el9uek.x86_64", True),
        ("5.14.21-150500.55.88-default", True),
        ("6.12.0-160000.5-default", True),
        ("6.1.0-50-amd64", False),
        ("5.15.0-119-generic", False),
        ("6.11.4-301.fc41.x86_64", False),
        ("6.11.3-1-default", False),
        ("6.1.0-model9", False),
    ],
)
def test_whose_kernels_get_newer_drivers(text: str, backported: bool) -> None:
    assert Release(text, (5, 14)).backported is backported


PLATFORM = Platform(Release("5.14.0", (5, 14)), Iwlmei(False, False, False, None), "iwlmvm")


@pytest.mark.parametrize(
    ("changes", "old"),
    [
        ({}, True),
        ({"release": Release("5.16.0", (5, 16))}, True),
        ({"release": Release("5.17.0", (5, 17))}, False),
        ({"release": Release("5.14.0-503.el9.x86_64", (5, 14))}, False),
        ({"release": None}, False),
        ({"out_of_tree": True}, False),
        ({"iwlmei": Iwlmei(True, False, False, None)}, False),
        ({"iwlmei": Iwlmei(None, False, False, None)}, True),
    ],
)
def test_whether_a_kernel_is_older_than_iwlmei(changes: Dict[str, Any], old: bool) -> None:
    assert replace(PLATFORM, **changes).too_old is old


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
