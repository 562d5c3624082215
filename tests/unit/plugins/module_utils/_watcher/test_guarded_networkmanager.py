# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One radio that is guarded where NetworkManager runs the interface."""

from __future__ import annotations

from typing import Any, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import GuardPolicy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import AddressArrived, RoamingForbidden
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    ManagerGone,
    ProfileTouched,
    ScanStarted,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, FleetError, TransportFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    BSSID,
    Laptop,
    Manager,
    hand_over,
    rfkill,
)


def test_it_listens_to_networkmanager(laptop: Laptop, manager: Manager) -> None:
    watched = laptop.watched()
    assert watched.attach()
    assert watched.attachment.manager == "networkmanager"
    watched.look()
    watched.heard_rfkill(rfkill(False))
    manager.warn("something was refused")
    manager.heard.events = [
        ScanStarted(),
        Connected(BSSID),
    ]
    watched.heard_supplicant(manager.heard)
    watched.feed(AddressArrived())
    assert watched.state == "staying"
    assert "listening to NetworkManager" in laptop.log.text
    assert "something was refused" in laptop.log.text


@pytest.mark.parametrize("broken", [False, True], ids=["it ends", "the bus breaks"])
def test_when_networkmanager_ends_what_is_pinned_is_undone(laptop: Laptop, manager: Manager, broken: bool) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert not laptop.as_before
    heard = manager.heard
    if broken:
        heard.error = TransportFailed("it hung up")
    else:
        heard.events = [ManagerGone(), Connected(BSSID)]
    watched.heard_supplicant(heard)
    assert laptop.as_before
    assert (watched.attachment.manager, heard.closed) == (None, True)
    assert watched.last is not None
    assert (watched.last.outcome, watched.reason) == ("manager_gone", "manager_gone")
    # It looks again, and finds whoever came.
    laptop.now += 60.0
    watched.expire()
    assert watched.attach()
    # What an old source says means nothing.
    watched.heard_supplicant(heard)
    assert watched.attachment.manager == "networkmanager"


def test_a_timer_from_before_networkmanager_ended_does_not_end_a_later_hold(laptop: Laptop, manager: Manager) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    hand_over(watched)
    # The link is lost as well: two timers run.
    manager.heard.events = [Disconnected(), ManagerGone()]
    watched.heard_supplicant(manager.heard)
    assert watched.last is not None
    assert watched.last.outcome == "protected", "the handover had ended before"
    assert watched.attach()
    status = f"wpa_state=COMPLETED\nbssid={BSSID}\nssid=corp\nid=1\n"
    laptop.supplicant.hook = {"STATUS": status, "DETACH": "OK\n"}.get
    watched.feed(RoamingForbidden())
    assert watched.state == "staying"
    for _second in range(30):
        laptop.now += 1.0
        watched.expire()
        assert watched.state == "staying"


def test_profiles_that_can_not_be_read_are_told_once_and_asked_for_ever_less_often(
    laptop: Laptop, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble: List[FleetError] = [AccessDenied("not for this user")]
    looks: List[float] = []
    profiles = manager.profiles

    def ask(ssid: Optional[bytes] = None) -> Any:
        looks.append(laptop.now)
        if trouble:
            raise trouble[0]
        return profiles(ssid)

    monkeypatch.setattr(manager, "profiles", ask)
    watched = laptop.watched()
    watched.attach()
    begun = laptop.now

    def until(seconds: float) -> List[float]:
        """Let the time pass; return when it was looked, in seconds after the begin."""
        looks.clear()
        while watched.due is not None and watched.due <= begun + seconds:
            laptop.now = watched.due
            watched.expire()
        laptop.now = begun + seconds
        return [at - begun for at in looks]

    watched.look()
    assert until(100.0) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]
    assert laptop.log.text.count("its profiles can't be read: not for this user") == 1
    # Something is heard on the bus.
    watched.heard_supplicant(manager.heard)
    assert until(104.0) == [100.5, 101.0, 102.0, 104.0]
    # What is not the same is told.
    trouble[0] = TransportFailed("it hung up")
    until(130.0)
    assert laptop.log.text.count("can't be read") == 2
    # A block that comes is looked at in the same moment.
    watched.heard_rfkill(rfkill(False))
    trouble.clear()
    watched.heard_rfkill(rfkill(True))
    assert (laptop.requests, watched.state) == (1, "handover")
    # It is told again when it comes again.
    watched.heard_rfkill(rfkill(False))
    trouble.append(TransportFailed("it hung up"))
    watched.heard_rfkill(rfkill(True))
    until(140.0)
    assert laptop.log.text.count("can't be read: it hung up") == 2


def test_a_profile_that_a_handover_itself_touched_is_no_news(laptop: Laptop, manager: Manager) -> None:
    """NetworkManager says that it updated a profile when it only dropped its secrets."""
    watched = laptop.watched(policy=GuardPolicy(retry_seconds=()))
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.heard_rfkill(rfkill(True))
    assert (watched.state, watched.reason, laptop.requests) == ("left", "taken_back", 1)

    def touch() -> None:
        manager.heard.events = [ProfileTouched()]
        watched.heard_supplicant(manager.heard)
        laptop.now += 3.0
        watched.expire()

    touch()
    assert laptop.requests == 1
    laptop.now += 10.0
    touch()
    assert laptop.requests == 2, "somebody changed it"
