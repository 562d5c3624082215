# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told to people of a handover."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import SUCCESSES, Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._handover.words import BOOK, network_name
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART


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
