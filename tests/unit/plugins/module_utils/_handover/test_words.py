# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told to people of a handover."""

from __future__ import annotations

from dataclasses import replace
from typing import FrozenSet, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import SUCCESSES, Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._handover.words import (
    BOOK,
    Words,
    network_name,
    switched_off,
)
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART


@pytest.mark.parametrize(
    ("who", "said"), [("NetworkManager", "NetworkManager did it"), (None, "the supplicant did it")]
)
def test_who_runs_the_interface_is_named(who: Optional[str], said: str) -> None:
    assert Words("{who} did it").of(who) == said


def test_words_that_name_nobody() -> None:
    assert Words("it is on", "Turn it off").of("NetworkManager") == "it is on"


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_has_a_sentence_and_each_failure_a_remedy(outcome: Outcome) -> None:
    words = BOOK[outcome]
    said = words.of("NetworkManager")
    assert said
    assert "{" not in said
    assert not f"{said}{words.remedy}".endswith(".")
    assert (words.remedy == "") == (outcome in SUCCESSES)


@pytest.mark.parametrize(
    ("ssid", "named"),
    [
        (b"corp", " ('corp', psk, channel 6)"),
        (b"a'b\n\x1b[2J", r" ('a\x27b\n\x1b[2J', psk, channel 6)"),
        (b"\xff", r" ('\xff', psk, channel 6)"),
    ],
)
def test_a_network_is_named_so_that_a_terminal_obeys_nothing_of_it(ssid: bytes, named: str) -> None:
    connection = CsmeConnection(ssid, "02:00:00:00:01:00", 6, None, (2437,), "psk", "ccmp", None, None)
    assert network_name(connection) == named


def test_what_is_not_known_of_a_network_is_said() -> None:
    said = "unknown channel, not readable: There is no channel 255"
    assert network_name(PART) == f" ('corp', psk, {said})"
    assert network_name(replace(PART, ssid=None, auth=None)) == f" (its name is not known, unknown security, {said})"


def test_no_network_has_no_name() -> None:
    assert network_name(None) == ""


# -- a radio that is switched off --------------------------------------------------------------------------------------

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
