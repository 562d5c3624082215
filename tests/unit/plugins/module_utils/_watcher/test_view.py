# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a guarded radio stands when it is looked at."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import (
    Awaited,
    Free,
    GuardPolicy,
    Unanswered,
    Untold,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import Blocked
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, FleetError, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import view
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.account import Account
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.attachment import Attachment
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_note import hold_note
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.view import View
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    BSSID,
    FREE,
    NETWORK,
    Book,
    Laptop,
    radio,
    rfkill,
)


def test_a_radio_to_be_taken_without_credentials_waits_for_a_late_supplicant(laptop: Laptop) -> None:
    watched = laptop.watched(policy=GuardPolicy(handover=Policy(stay=True, require_credentials=False)))
    watched.look()
    assert (laptop.requests, watched.due is not None) == (0, True)
    laptop.now += 40.0
    watched.expire()
    assert laptop.requests == 1


def test_a_bring_up_that_is_held_back_is_told(laptop: Laptop) -> None:
    watched = laptop.watched(FREE)
    watched.look()
    watched.view.look_for_bring_up()
    assert watched.state == "watching"
    with hold_note("wlan0", laptop.places):
        watched.view.look_for_bring_up()
        watched.view.look_for_bring_up()
        watched.look()
        assert (watched.state, watched.reason, watched.view.wanted) == ("held", "no_credentials", NETWORK)
        assert laptop.log.text.count("held back, because it could end a session of CSME") == 1
        assert "can join CSME's network ('corp', psk, channel 6)" in laptop.log.text
        # CSME takes the radio: that is another state, and there is nothing to bring up.
        watched.heard_rfkill(rfkill(True))
        assert watched.state != "held"
    watched.view.look_for_bring_up()
    assert "not held back any more" in laptop.log.text
    watched.heard_rfkill(rfkill(False))
    assert (watched.state, watched.reason) == ("watching", None)


# -- by itself ---------------------------------------------------------------------------------------------------------

PROFILE = Profile(1, b"corp", frozenset({"WPA-PSK"}), True, None, (), False, credentials=frozenset({"psk"}))
OTHER = replace(PROFILE, id=2)
CONNECTED = SupplicantStatus(True, BSSID, b"corp", 2)


class Backend:
    """Who runs the interface, as far as it is looked at."""

    manager = "wpa_supplicant"

    def __init__(self) -> None:
        self.told: Tuple[Profile, ...] = (PROFILE, OTHER)
        self.state = CONNECTED
        #: By what is asked for.
        self.trouble: Dict[str, FleetError] = {}

    def _fail(self, what: str) -> None:
        if what in self.trouble:
            raise self.trouble[what]

    def status(self) -> SupplicantStatus:
        self._fail("status")
        return self.state

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        assert ssid == b"corp"
        self._fail("profiles")
        return self.told


class Looked:
    """How a radio stands, its account, and the clock that they go by."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.places = Places(str(folder))
        os.makedirs(self.places.holds)
        self.log = Book()
        self.backend = Backend()
        self.connection: Any = NETWORK
        account = Account(radio(), self.log, self.clock)  # type: ignore[arg-type]
        self.attachment = Attachment(radio(), account, self.places, self.clock)
        self.attachment.backend = self.backend  # type: ignore[assignment]
        self.view = View(radio(), None, self.attachment, account, self.places, self.clock)  # type: ignore[arg-type]

    def clock(self) -> float:
        return self.now

    def of_driver(self, nl: object, ifindex: int) -> Optional[CsmeConnection]:
        assert ifindex == 3
        if isinstance(self.connection, FleetError):
            raise self.connection  # pylint: disable=raising-non-exception
        found: Optional[CsmeConnection] = self.connection
        return found


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looked:
    made = Looked(tmp_path)
    monkeypatch.setattr(f"{view.__name__}.csme.connection", made.of_driver)
    return made


def test_the_profile_for_csmes_connection_is_found(looked: Looked) -> None:
    assert looked.view.of_csme(required=True) == Blocked(NETWORK, PROFILE)
    assert (looked.view.wanted, looked.view.obstacle) == (NETWORK, None)
    looked.backend.told = (replace(OTHER, enabled=False), PROFILE)
    assert looked.view.of_csme(required=True) == Blocked(NETWORK, PROFILE)
    assert looked.view.obstacle is None, "another profile is none"
    looked.backend.told = (replace(PROFILE, enabled=False),)
    assert looked.view.of_csme(required=True) == Blocked(NETWORK, None)
    assert looked.view.obstacle is not None
    assert looked.view.obstacle.disabled
    looked.backend.told = ()
    assert looked.view.of_csme(required=True) == Blocked(NETWORK, None)
    assert looked.view.obstacle is None


def test_an_idle_csme_wants_nothing_and_nobody_is_asked(looked: Looked) -> None:
    looked.view.of_csme(required=True)
    looked.connection = None
    looked.backend.trouble["profiles"] = AccessDenied("nobody is to ask")
    assert looked.view.of_csme(required=True) == Blocked(None, None)
    assert (looked.view.wanted, looked.view.obstacle, looked.log.lines) == (None, None, [])


def test_a_driver_that_does_not_tell_is_no_answer_and_told_of_once(looked: Looked) -> None:
    looked.connection = TransportFailed("it said nothing")
    for _look in range(2):
        assert looked.view.of_csme(required=True) == Untold()
    assert looked.view.wanted is None
    assert looked.log.lines == [("error", "wlan0: CSME's connection can't be read: it said nothing")]


@pytest.mark.parametrize("required", [True, False])
def test_a_part_of_a_connection_is_shown_and_never_pinned(looked: Looked, required: bool) -> None:
    looked.connection = PART
    assert looked.view.of_csme(required=required) == Blocked(PART, None)
    assert looked.view.wanted == PART


@pytest.mark.parametrize(
    ("required", "seconds", "waits"),
    [(True, 0.0, False), (False, 0.0, True), (False, 30.0, True), (False, 31.0, False)],
)
def test_who_may_come_late_is_waited_for_where_no_credentials_are_needed(
    looked: Looked, required: bool, seconds: float, waits: bool
) -> None:
    looked.attachment.backend = None
    looked.now += seconds
    assert looked.view.of_csme(required=required) == (Awaited() if waits else Blocked(NETWORK, None))
    assert looked.view.wanted == NETWORK


def test_profiles_that_are_not_told_are_told_of_once(looked: Looked) -> None:
    looked.backend.trouble["profiles"] = AccessDenied("not for this user")
    for _look in range(2):
        assert looked.view.of_csme(required=True) == Unanswered()
    told = ("warning", "wlan0: its profiles can't be read: not for this user")
    assert looked.log.lines == [told]
    del looked.backend.trouble["profiles"]
    looked.view.of_csme(required=True)
    looked.backend.trouble["profiles"] = AccessDenied("not for this user")
    looked.view.of_csme(required=True)
    assert looked.log.lines == [told, told], "it could be read in between"


@pytest.mark.parametrize(
    ("state", "free"),
    [
        (CONNECTED, Free(OTHER, BSSID)),
        (replace(CONNECTED, network_id=1), Free(PROFILE, BSSID)),
        # A network that nobody has a profile for.
        (replace(CONNECTED, network_id=7), Free(None, BSSID)),
        (replace(CONNECTED, connected=False), Free()),
        (replace(CONNECTED, ssid=None), Free()),
    ],
)
def test_the_hosts_own_connection(looked: Looked, state: SupplicantStatus, free: Free) -> None:
    looked.backend.state = state
    assert looked.view.of_host() == free


@pytest.mark.parametrize("what", ["status", "profiles"])
def test_a_connection_that_nobody_can_tell_is_none(looked: Looked, what: str) -> None:
    looked.backend.trouble[what] = TransportFailed("it hung up")
    assert looked.view.of_host() == Free()
    looked.attachment.backend = None
    assert looked.view.of_host() == Free()


@pytest.mark.parametrize("told", [True, False])
def test_a_bring_up_that_is_held_back_names_the_network_where_the_driver_tells_it(looked: Looked, told: bool) -> None:
    if not told:
        looked.connection = TransportFailed("it said nothing")
    with hold_note("wlan0", looked.places):
        looked.view.look_for_bring_up()
        assert looked.view.held
    assert looked.view.wanted == (NETWORK if told else None)
    lines = [text for level, text in looked.log.lines if level == "warning"]
    assert ("it said nothing" in lines[0]) == (not told)
    network = " ('corp', psk, channel 6)" if told else ""
    assert lines[-1].endswith(f"no enabled profile can join CSME's network{network}. Add one with credentials")
    assert looked.log.fields[0].get("code") == (None if told else "transport_failed")
    looked.view.look_for_bring_up()
    assert not looked.view.held
    assert looked.log.lines[-1] == ("info", "wlan0: its bring-up is not held back any more")
