# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME goes to another network in the middle of a handover."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import Reported
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state_file import document
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    NETWORK,
    QUIET,
    Laptop,
    refuse_once,
    rfkill,
)

ELSEWHERE = replace(NETWORK, ssid=b"elsewhere")
HOME = replace(NETWORK, ssid=b"home")


def test_the_profile_for_its_new_network_is_found_although_the_pin_disabled_it(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert laptop.supplicant.network(b"hotel").disabled, "the pin is for another network"
    laptop.connection = replace(NETWORK, ssid=b"hotel")
    refuse_once(laptop, watched)
    assert (watched.state, laptop.requests) == ("handover", 2)
    assert (laptop.supplicant.network(b"hotel").disabled, laptop.supplicant.network(b"corp").disabled) == (False, True)
    watched.stop()
    assert laptop.as_before


@pytest.mark.parametrize(
    ("now", "outcome", "said"),
    [
        (ELSEWHERE, "no_credentials", "no enabled profile of wpa_supplicant can join CSME's network ('elsewhere', psk"),
        (
            HOME,
            "no_credentials",
            "the profile of wpa_supplicant for CSME's network ('home', psk, channel 6) is disabled",
        ),
        (PART, "csme_unreadable", "('corp', psk, unknown channel, not readable: There is no channel 255)"),
    ],
)
def test_a_handover_that_ends_for_it_is_told_everywhere(laptop: Laptop, now: Reported, outcome: str, said: str) -> None:
    home = laptop.supplicant.network(b"home")
    laptop.supplicant.networks[0] = laptop.before[0] = replace(home, disabled=True)
    watched = laptop.watched()
    watched.attach()
    watched.look()
    laptop.connection = now
    refuse_once(laptop, watched)
    assert (laptop.requests, laptop.as_before) == (1, True)
    assert (watched.reason, watched.view.wanted) == (outcome, now)
    assert said in laptop.log.text
    told = document("1.2.3", [watched])
    assert told["last_handover"]["outcome"] == outcome
    assert told["last_handover"]["session_kept"] is None, "CSME was never without the radio"
    # A look that finds the same is no other handover.
    watched.look()
    assert document("1.2.3", [watched])["last_handover"] == told["last_handover"]


@pytest.mark.parametrize("now", [None, ELSEWHERE])
def test_after_the_grant_its_last_network_counts(laptop: Laptop, now: Optional[Reported]) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    laptop.connection = now
    watched.heard_rfkill(rfkill(False))
    assert watched.view.wanted == (now or NETWORK)
    laptop.supplicant.hook = QUIET
