# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a radio that the watcher leaves to CSME: it is the watcher's own."""

from __future__ import annotations

from dataclasses import replace
from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts.known import Known
from ansible_collections.vpro.fleet.plugins.module_utils._facts.readiness import blockers
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.test_readiness import PART, READY

LEFT = replace(
    READY, watcher=WatcherReport(True, True, left={"wlan0": "taken_back"}, managers={"wlan0": "wpa_supplicant"})
)


def codes(known: Known) -> List[str]:
    return [blocker.code for blocker in blockers(known)]


REASONS = ("taken_back", "denied", "no_credentials", "csme_unreadable", "failed", "of a newer version")


@pytest.mark.parametrize("reason", REASONS)
def test_what_keeps_the_watcher_from_it_is_said_in_the_watchers_words(reason: str) -> None:
    known = replace(LEFT, watcher=replace(LEFT.watcher, left={"wlan0": reason}))
    (blocker,) = blockers(known)
    why = known.watcher.why_left("wlan0")
    assert why is not None
    assert (blocker.code, blocker.message.endswith(why), "wlan0" in blocker.message) == ("left_to_csme", True, True)


def test_a_cause_that_is_known_is_said_alone() -> None:
    looked = replace(LEFT, watcher=replace(LEFT.watcher, left={"wlan0": "no_credentials"}))
    nobody = {"wlan0": Managed("wlan0", "wpa_supplicant", profiles=())}
    assert codes(replace(looked, managed=nobody)) == ["no_profile"]
    # That a handover failed is no consequence of what is so now.
    assert codes(replace(LEFT, managed=nobody)) == ["no_profile", "left_to_csme"]
    (radio,) = LEFT.radios
    unread = replace(LEFT, watcher=replace(LEFT.watcher, left={"wlan0": "csme_unreadable"}))
    assert codes(replace(unread, radios=(replace(radio, csme=None, part=PART),))) == ["csme_unreadable"]


def test_what_is_over_is_not_said() -> None:
    (radio,) = LEFT.radios
    assert codes(replace(LEFT, radios=(replace(radio, owner="host", csme=None),))) == []
    assert codes(replace(LEFT, watcher=replace(LEFT.watcher, running=False))) == ["watcher_not_running"]
    assert codes(replace(LEFT, watcher=replace(LEFT.watcher, left={"wlan1": "taken_back"}))) == []
