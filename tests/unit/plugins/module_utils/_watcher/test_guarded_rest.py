# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left of a pin when a handover is over, because undoing it would drop the link."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import undo
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import RoamingAllowed, RoamingForbidden
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Disconnected
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    BSSID,
    FREE,
    NETWORK,
    QUIET,
    Laptop,
    LateWidening,
    hand_over,
    rfkill,
)

NARROW = "looks for access points only on the channels of CSME's connection"


def test_a_link_by_sae_is_not_dropped_by_frequencies_that_come_too_late(laptop: Laptop, late: LateWidening) -> None:
    assert (late.watched.state, laptop.supplicant.drops) == ("watching", 0)
    assert late.network.variables["scan_freq"] == "2437"
    assert "bssid" not in late.network.variables
    assert not any(network.disabled for network in laptop.supplicant.networks.values())
    assert run_folder.journals(laptop.places) == ["rest-phy0"]
    assert laptop.log.text.count(NARROW) == 1
    # Others can work on the radio, and it is none of what they undo.
    other = run_folder.Lock("phy0", laptop.places)
    assert other.acquire()
    backend = WpaSupplicant("wlan0", laptop.path, Deferred("phy0", laptop.places))
    assert undo.undo_journal("phy0", backend, laptop.places) is False
    other.release()
    # The link is looked at now and then, and lives on.
    due = late.watched.due
    assert due is not None
    assert due == laptop.now + 30.0
    laptop.now = due
    late.watched.expire()
    assert late.watched.due == laptop.now + 30.0
    assert (late.network.variables["scan_freq"], laptop.supplicant.drops) == ("2437", 0)
    assert laptop.log.text.count(NARROW) == 1
    # Its end is heard.
    late.lose()
    late.heard(Disconnected())
    assert laptop.as_before
    assert other.acquire()
    assert "could not be undone" not in laptop.log.text


@pytest.mark.parametrize("soft", [False, True], ids=["free", "airplane mode"])
def test_the_end_of_a_link_is_not_heard_or_another_has_the_lock(laptop: Laptop, late: LateWidening, soft: bool) -> None:
    other = run_folder.Lock("phy0", laptop.places)
    assert other.acquire()
    late.lose()
    late.watched.heard_rfkill(rfkill(False, soft=soft))
    late.heard(Disconnected())
    assert late.network.variables["scan_freq"] == "2437"
    other.release()
    laptop.now += 30.0
    late.watched.expire()
    assert laptop.as_before
    assert late.watched.due is None
    assert other.acquire()


def test_csme_takes_the_radio_while_frequencies_wait(laptop: Laptop, late: LateWidening) -> None:
    late.watched.heard_rfkill(rfkill(True))
    assert (late.watched.state, laptop.requests) == ("handover", 2)
    assert (late.network.variables["scan_freq"], late.network.variables["bssid"]) == ("2437", BSSID)
    late.lose()
    late.heard(Disconnected())
    assert (late.network.variables["scan_freq"], late.network.variables["bssid"]) == ("2437", BSSID)
    hand_over(late.watched)
    late.watched.feed(RoamingAllowed())
    assert laptop.as_before


def test_roaming_is_forbidden_while_frequencies_wait(laptop: Laptop, late: LateWidening) -> None:
    late.watched.feed(RoamingForbidden())
    assert (late.watched.state, late.network.variables["bssid"]) == ("staying", BSSID)
    late.watched.feed(RoamingAllowed())
    assert (late.network.variables["scan_freq"], "bssid" in late.network.variables) == ("2437", False)
    assert laptop.supplicant.drops == 0
    late.lose()
    late.heard(Disconnected())
    assert laptop.as_before


@pytest.mark.parametrize("end", ["stop", "gone"])
def test_nobody_is_left_to_wait_for_the_end_of_the_link(laptop: Laptop, late: LateWidening, end: str) -> None:
    other = run_folder.Lock("phy0", laptop.places)
    assert other.acquire()
    getattr(late.watched, end)()
    assert laptop.as_before


def test_a_watcher_that_is_stopped_in_a_handover_leaves_nothing_to_wait_for(laptop: Laptop) -> None:
    late = LateWidening(laptop, over=False)
    assert late.watched.state == "staying"
    late.watched.stop()
    assert laptop.as_before
    assert NARROW not in laptop.log.text


def test_what_can_not_be_undone_at_the_end_is_told_and_stays_for_the_next(laptop: Laptop, late: LateWidening) -> None:
    late.refuse()
    late.watched.stop()
    assert "The journal keeps it for the next start" in laptop.log.text
    laptop.supplicant.hook = QUIET
    # One that is being worked on when the next starts is undone when it looks at the radio.
    late.watched = laptop.watched(FREE)
    late.watched.attach()
    late.watched.look()
    assert laptop.as_before


def test_what_can_not_be_undone_is_told_once_and_stops_no_handover(laptop: Laptop, late: LateWidening) -> None:
    late.refuse()
    late.heard(Disconnected())
    laptop.now += 30.0
    late.watched.expire()
    assert laptop.log.text.count("a part of the pin could not be undone") == 1
    other = run_folder.Lock("phy0", laptop.places)
    assert other.acquire(), "nobody works on it"
    other.release()
    assert late.watched.due == laptop.now + 30.0
    # CSME takes the radio, and is on another channel.
    laptop.connection = replace(NETWORK, auth="sae", frequencies=(5180,))
    laptop.supplicant.hook = lambda request: "FAIL\n" if request == "SET_NETWORK 1 scan_freq " else QUIET(request)
    late.watched.heard_rfkill(rfkill(True))
    assert (late.watched.state, laptop.requests) == ("handover", 2)
    laptop.supplicant.hook = QUIET
    hand_over(late.watched)
    late.watched.feed(RoamingAllowed())
    laptop.now += 30.0
    late.watched.expire()
    assert laptop.as_before, "how it was before the first pin is not forgotten"


@pytest.mark.parametrize("kept", [False, True])
def test_a_new_life_gives_the_frequencies_back_and_leaves_the_rest_alone(
    laptop: Laptop, late: LateWidening, kept: bool
) -> None:
    late.watched.detach()  # killed
    # Somebody's doing.
    late.network.disabled = True
    if kept:
        late.network.variables["bssid"] = BSSID
    backend = WpaSupplicant("wlan0", laptop.path, Deferred("phy0", laptop.places))
    assert undo.undo_journals(lambda manager, interface: backend, laptop.places) == ["phy0"]
    assert late.network.disabled
    assert late.network.variables.get("bssid") == (BSSID if kept else None)
    late.network.disabled = False
    late.network.variables.pop("bssid", None)
    assert laptop.as_before


def test_the_supplicant_ends_while_frequencies_wait(laptop: Laptop, late: LateWidening) -> None:
    late.watched.supplicant_gone()
    laptop.supplicant.networks = copy.deepcopy(laptop.before)  # its next life
    late.lose()
    late.watched.attach()
    late.watched.look()
    assert laptop.as_before
    laptop.now += 30.0
    late.watched.expire()
    assert late.watched.due is None, "there is nothing to look at any more"


def test_a_watcher_that_ends_leaves_alone_what_another_left_while_a_task_works(
    laptop: Laptop, late: LateWidening
) -> None:
    late.watched.detach()  # killed
    late.watched._lock.release()
    other = run_folder.Lock("phy0", laptop.places)
    assert other.acquire()
    watched = laptop.watched()
    watched.attach()
    watched.look()
    watched.stop()
    assert late.network.variables["scan_freq"] == "2437"
    assert run_folder.journals(laptop.places) == ["rest-phy0"]


def test_a_journal_that_somebody_removes_is_not_the_only_memory(laptop: Laptop, late: LateWidening) -> None:
    run_folder.clear_journal("rest-phy0", laptop.places)
    late.lose()
    late.heard(Disconnected())
    assert laptop.as_before
