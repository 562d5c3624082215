# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One radio that is guarded, over a supplicant's control socket."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.evidence import KEPT_SECONDS
from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import GuardPolicy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import RoamingAllowed, RoamingForbidden
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import closed, guarded
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state_file import document
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    BLOCKED,
    BSSID,
    FREE,
    NETWORK,
    Laptop,
    hand_over,
    network,
    rfkill,
)


def test_a_handover_from_the_block_to_the_end_of_the_session(laptop: Laptop) -> None:
    watched = laptop.watched()
    assert watched.attach()
    assert not watched.attach(), "once is enough"
    watched.look()
    assert (watched.state, laptop.requests) == ("handover", 1)
    laptop.now += 0.3
    hand_over(watched)
    assert watched.state == "staying"
    assert watched.last is not None
    assert (watched.last.outcome, watched.last.session_kept) == ("protected", None)
    assert (watched.last.request_to_connected_ms, watched.last.request_to_address_ms) == (300, 300)
    assert laptop.supplicant.network(b"corp").variables["bssid"] == BSSID
    watched.feed(RoamingForbidden())
    assert watched.last.session_kept is None
    laptop.now += KEPT_SECONDS
    watched.feed(RoamingAllowed())
    assert watched.last.session_kept
    assert (watched.state, watched.due, laptop.as_before) == ("watching", None, True)
    watched.stop()
    assert "('corp', psk, channel 6)" in laptop.log.text


def test_without_a_supplicant_or_a_profile_it_says_which(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.look()
    assert (watched.state, watched.reason, watched.view.wanted) == ("left", "no_credentials", NETWORK)
    assert "neither wpa_supplicant nor NetworkManager can be used" in laptop.log.text
    del laptop.supplicant.networks[1]
    assert watched.attach()
    watched.look()
    watched.look()
    assert laptop.log.text.count("no enabled profile") == 1, "said once"
    laptop.supplicant.networks[1] = replace(network("corp"), disabled=True)
    watched.look()
    assert "wpa_supplicant for CSME's network ('corp', psk, channel 6) is disabled. Enable it" in laptop.log.text
    # News of profiles is looked at when it has come to rest.
    laptop.supplicant.networks[1] = network("corp")
    watched.profiles_changed()
    laptop.now += 1.0
    watched.expire()
    assert laptop.requests == 0
    laptop.now += 1.5
    watched.expire()
    assert laptop.requests == 1
    watched.stop()
    assert laptop.as_before


def test_a_folder_that_can_not_be_used_is_said_once_and_looked_at_again(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(lock: run_folder.Lock) -> bool:
        raise TransportFailed("can't use /run/vpro-fleet: No space left on device")

    watched = laptop.watched()
    assert watched.attach()
    with monkeypatch.context() as patch:
        patch.setattr(run_folder.Lock, "acquire", full)
        watched.look()
        for _look in range(4):
            assert watched.due is not None, "it comes back by itself"
            laptop.now = watched.due
            watched.expire()
    assert laptop.log.text.count("No space left on device") == 1
    assert laptop.requests == 0
    laptop.now = watched.due or 0.0
    watched.expire()
    assert laptop.requests == 1


def test_anradio_busy_is_waited_for(laptop: Laptop) -> None:
    other = run_folder.Lock("phy0", laptop.places)
    assert other.acquire()
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert (laptop.requests, watched.due is not None) == (0, True)
    other.release()
    laptop.now += 1.0
    watched.expire()
    assert laptop.requests == 1
    assert not other.acquire(), "the guard has it while it works"
    watched.stop()
    assert other.acquire()


def test_a_supplicant_that_ends_is_forgotten_at_once(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    # It does not answer any more: nothing may wait for it.
    laptop.supplicant.hook = lambda request: ""
    asked = len(laptop.supplicant.requests)
    watched.supplicant_gone()
    assert run_folder.journals(laptop.places) == []
    assert [r for r in laptop.supplicant.requests[asked:] if r != "DETACH"] == []
    assert (watched.attachment.sources, watched.attachment.manager) == ((), None)
    assert watched.state == "retrying"


def test_the_switch_is_listened_to(laptop: Laptop) -> None:
    watched = laptop.watched(FREE)
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.heard_rfkill(rfkill(True, index=8))
    assert laptop.requests == 0
    watched.heard_rfkill(rfkill(True))
    assert laptop.requests == 1
    watched.heard_rfkill(rfkill(True, soft=True))
    assert (watched.state, watched.reason, laptop.as_before) == ("watching", "airplane_mode", True)
    assert watched.last is not None
    assert watched.last.outcome == "airplane_mode"
    assert document("1.2.3", [watched])["radios"][0]["wanted"] is None, "CSME can't use it either"
    watched.heard_rfkill(replace(rfkill(True), reasons=frozenset({"signal"})))
    assert (watched.state, watched.reason) == ("watching", "switch_off")
    watched.heard_rfkill(rfkill(True))
    assert (watched.state, watched.reason, laptop.requests) == ("handover", None, 2)
    watched.gone()
    assert laptop.as_before


def test_roaming_is_held_without_a_handover(laptop: Laptop) -> None:
    watched = laptop.watched(FREE)
    watched.attach()
    laptop.supplicant.connect(b"corp")
    status = f"wpa_state=COMPLETED\nbssid={BSSID}\nssid=corp\nid=1\n"
    laptop.supplicant.hook = {"STATUS": status, "DETACH": "OK\n"}.get
    watched.feed(RoamingForbidden())
    assert watched.state == "staying"
    assert laptop.supplicant.changes == ["SET_NETWORK 1 bssid"], "the link stays, and so do the others"
    watched.feed(RoamingAllowed())
    assert (laptop.as_before, laptop.supplicant.drops) == (True, 0)
    watched.stop()


def test_a_driver_that_fails_ends_it_unpinned_and_it_is_tried_again(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(nl: object, ifindex: int) -> None:
        raise TransportFailed("the driver is gone")

    monkeypatch.setattr(f"{guarded.__name__}.csme.request_ownership", fails)
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert (watched.state, watched.reason, laptop.as_before) == ("retrying", "failed", True)
    assert "the driver is gone" in laptop.log.text
    assert watched.last is not None
    assert watched.last.outcome == "failed"
    assert watched.due is not None
    # Once more, from a timer: it is tried again all the same, with no event to bring that about.
    laptop.now += 60
    watched.expire()
    assert laptop.log.text.count("the driver is gone") == 2
    assert watched.due is not None
    assert watched.due > laptop.now


def test_a_part_of_a_connection_ends_no_session_and_is_looked_at_again(laptop: Laptop) -> None:
    laptop.connection = PART
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert (watched.state, watched.reason, laptop.requests, laptop.as_before) == (
        "retrying",
        "csme_unreadable",
        0,
        True,
    )
    assert "There is no channel 255" in laptop.log.text
    laptop.connection = NETWORK
    laptop.now += 31
    watched.expire()
    assert (watched.state, laptop.requests) == ("handover", 1)


def test_what_fails_at_the_first_look_is_tried_again_and_told(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_lock: object) -> bool:
        raise AccessDenied("no right to the lock")

    watched = laptop.watched()
    with monkeypatch.context() as patch:
        patch.setattr(f"{guarded.__name__}.Lock.acquire", refuse)
        watched.look()
    assert (watched.state, watched.reason, watched.due is not None) == ("retrying", "failed", True)
    assert watched.last is None, "no handover began"
    free = laptop.watched(FREE)
    with monkeypatch.context() as patch:
        patch.setattr(f"{guarded.__name__}.Lock.acquire", refuse)
        free.look()
    assert (free.state, free.reason) == ("watching", None)


def test_a_pin_that_can_not_be_undone_is_tried_again(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    hand_over(watched)
    refuse = {"SET_NETWORK 1 bssid any": "FAIL\n"}
    laptop.supplicant.hook = lambda request: refuse.get(request, {"DETACH": "OK\n"}.get(request))
    watched.feed(RoamingAllowed())
    assert run_folder.journals(laptop.places) == ["phy0"]
    assert watched.due is not None
    refuse.clear()
    laptop.now += 10.0
    watched.expire()
    assert laptop.as_before
    assert watched.state == "watching"


def test_a_radio_that_csme_keeps_is_looked_at_again_slowly(laptop: Laptop) -> None:
    del laptop.supplicant.networks[1]
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert (watched.state, watched.reason, watched.due) == ("left", "no_credentials", laptop.now + 60)
    # Neither CSME's other network nor the new profile is reported by anybody.
    other = replace(NETWORK, ssid=b"guests")
    laptop.connection = other
    laptop.now += 61
    watched.expire()
    assert (watched.state, watched.view.wanted) == ("left", other)
    laptop.supplicant.networks[1] = network("guests")
    laptop.now += 121
    watched.expire()
    assert laptop.requests == 1
    watched.stop()


def test_a_pin_that_stands_is_undone_soon_although_the_next_look_is_far(laptop: Laptop) -> None:
    watched = laptop.watched(policy=GuardPolicy(retry_seconds=()))
    watched.attach()
    watched.look()
    refuse = {"SET_NETWORK 1 bssid any": "FAIL\n"}
    laptop.supplicant.hook = lambda request: refuse.get(request, {"DETACH": "OK\n"}.get(request))
    for hard in (False, True):  # granted, and taken back
        watched.heard_rfkill(rfkill(hard))
    assert (watched.state, watched.reason) == ("left", "taken_back")
    for _time in range(2):
        assert watched.due is not None
        assert watched.due <= laptop.now + 2
        laptop.now += 2.1
        watched.expire()
    refuse.clear()
    laptop.now += 2.1
    watched.expire()
    assert (laptop.as_before, laptop.requests) == (True, 1)
    assert watched.due is not None
    assert watched.due > laptop.now + 30


def test_a_task_that_has_the_lock_for_a_moment_causes_no_further_request(laptop: Laptop) -> None:
    watched = laptop.watched(policy=GuardPolicy(retry_seconds=()))
    watched.attach()
    watched.look()
    for hard in (False, True):  # granted, and taken back
        watched.heard_rfkill(rfkill(hard))
    slow = watched.due
    other = run_folder.Lock("phy0", laptop.places)
    assert other.acquire()
    watched.look()
    assert (watched.state, watched.reason) == ("retrying", "radio_busy"), "it looks again in half a second"
    other.release()
    laptop.now += 1.0
    watched.expire()
    assert (watched.state, watched.reason, watched.due, laptop.requests) == ("left", "taken_back", slow, 1)
    laptop.now = slow or 0.0
    watched.expire()
    assert (watched.state, laptop.requests) == ("handover", 2)
    watched.stop()


def test_an_interface_that_does_not_come_up_after_a_grant_may_be_csmes_and_is_brought_up(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manager could not bring it up. CSME took the radio back, for which the driver sets no block then."""
    brought_up: List[int] = []
    monkeypatch.setattr(f"{closed.__name__}.rtnetlink.bring_up", brought_up.append)
    interface = laptop.places.at("/sys/class/net/wlan0")
    os.makedirs(interface)
    flags = Path(interface, "flags")
    flags.write_text("0x1002\n")
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert (watched.state, watched.reason) == ("handover", None)
    watched.heard_rfkill(rfkill(False))
    watched.closed.read()
    laptop.now += 0.5
    watched.expire()
    assert (watched.state, brought_up) == ("handover", [3]), "CSME gives the host three seconds"
    laptop.now += 3.6
    watched.expire()
    assert watched.last is not None
    assert (watched.last.outcome, laptop.as_before) == ("not_connected", True)
    assert (watched.state, watched.reason) == ("watching", "owner_unknown")
    assert brought_up == [3, 3], "it is tried again"
    flags.write_text("0x1003\n")
    watched.closed.heard(3, up=True)
    assert (watched.state, watched.reason) == ("watching", None)
    watched.stop()


@pytest.mark.parametrize(("hard", "expected"), [(True, ("retrying", "radio_busy")), (False, ("watching", None))])
def test_while_a_task_works_on_the_radio_nobody_says_that_there_is_nothing_to_do(
    laptop: Laptop, hard: bool, expected: Tuple[str, Optional[str]]
) -> None:
    other = run_folder.Lock("phy0", laptop.places)
    assert other.acquire()
    watched = laptop.watched()
    watched.attach()
    watched.look()
    if not hard:  # the task got the radio, and goes on with the lock
        watched.heard_rfkill(rfkill(False))
        watched.look()
    assert (watched.state, watched.reason) == expected
    other.release()
    watched.stop()


@pytest.mark.parametrize(("soft", "hard", "reason"), [(False, True, "kernel_too_old"), (True, False, "airplane_mode")])
def test_a_block_without_a_reason_is_told(laptop: Laptop, soft: bool, hard: bool, reason: str) -> None:
    watched = laptop.watched(switch=replace(BLOCKED, soft=soft, hard=hard, reasons=None))
    watched.attach()
    watched.look()
    assert (watched.state, watched.reason) == ("watching", reason)
    watched.stop()


def test_a_host_that_did_not_connect_has_the_radio_all_the_same(laptop: Laptop) -> None:
    for retries in ((3.0,), ()):
        watched = laptop.watched(policy=GuardPolicy(retry_seconds=retries))
        watched.attach()
        watched.look()
        watched.heard_rfkill(rfkill(False))
        laptop.now += 4.1
        watched.expire()
        assert watched.last is not None
        assert watched.last.outcome == "not_connected"
        assert (watched.state, watched.reason) == ("watching", None), "nobody may say that CSME keeps it"
        # CSME takes it again, and keeps it until the pause is over.
        watched.heard_rfkill(rfkill(True))
        assert (watched.state, watched.reason) == (("handover", None) if retries else ("left", "not_connected"))
        watched.stop()
