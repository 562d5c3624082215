# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What wpa_supplicant says, and what a pin has done about it at once."""

from __future__ import annotations

import select
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.codec import SupplicantEvent
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.listener import Ending, translate
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import Record
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    Event,
    ProfilesChanged,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeNetwork, FakeSupplicant

BSSID = "02:00:00:00:03:00"


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("CTRL-EVENT-SCAN-STARTED", ScanStarted()),
        ("CTRL-EVENT-CONNECTED", Connected(BSSID)),
        ("CTRL-EVENT-DISCONNECTED", Disconnected()),
        ("CTRL-EVENT-TERMINATING", SupplicantGone()),
        ("CTRL-EVENT-NETWORK-ADDED", ProfilesChanged()),
        ("CTRL-EVENT-NETWORK-REMOVED", ProfilesChanged()),
        ("CTRL-EVENT-SCAN-RESULTS", None),
        ("CTRL-EVENT-NETWORK-NOT-FOUND", None),
        ("CTRL-EVENT-REGDOM-CHANGE", None),
    ],
)
def test_its_words_are_translated_once(name: str, event: Optional[Event]) -> None:
    assert translate(SupplicantEvent(name, 3, bssid=BSSID)) == event


class Laptop:
    """A supplicant that is pinned or not, and who listens to it."""

    def __init__(self, fake: FakeSupplicant, places: Places) -> None:
        self.fake = fake
        self.deferred = Deferred("phy0", places)
        self.supplicant = WpaSupplicant("wlan0", str(fake.path), self.deferred, Patience(60))
        self.warnings: List[str] = []
        self.listener, self.ending = self.supplicant.listen(self.warnings.append)

    def pin(self, record: Optional[Record] = None) -> Pin:
        (profile,) = self.supplicant.profiles()
        return self.supplicant.pin(profile, BSSID, [2437], record)

    def done(self, *heard: str) -> List[str]:
        """Return what is asked of the supplicant when it has said that, but for questions."""
        del self.fake.requests[:]
        for name in heard:
            self.fake.say(name)
            assert select.select([self.listener], [], [], 60)[0]
            self.listener.read()
        return [request for request in self.fake.requests if request.startswith(("SET_NETWORK", "SCAN"))]


@pytest.fixture
def laptop(tmp_path: Path, places: Places) -> Iterator[Laptop]:
    fake = FakeSupplicant(tmp_path / "wlan0").start()
    fake.networks[0] = FakeNetwork({"ssid": '"corp"', "key_mgmt": "WPA-PSK", "psk": '"correct horse"'}, disabled=False)
    made = Laptop(fake, places)
    yield made
    for source in (made.listener, made.ending):
        assert source.due is None
        source.expire()
        source.close()
    fake.stop()


def test_a_scan_of_the_pins_channels_gives_the_others_back(laptop: Laptop) -> None:
    laptop.pin()
    (change,) = laptop.done("CTRL-EVENT-SCAN-STARTED")
    assert change.startswith("SET_NETWORK 0 scan_freq")
    assert laptop.done("CTRL-EVENT-SCAN-STARTED", "CTRL-EVENT-NETWORK-NOT-FOUND") == ["SCAN freq=2437"]
    assert laptop.warnings == []


def test_without_a_pin_it_only_tells(laptop: Laptop) -> None:
    assert laptop.done("CTRL-EVENT-SCAN-STARTED", "CTRL-EVENT-NETWORK-NOT-FOUND") == []
    pin = laptop.pin()
    laptop.supplicant.unpin(pin)
    assert laptop.done("CTRL-EVENT-SCAN-STARTED", "CTRL-EVENT-NETWORK-NOT-FOUND") == []


def test_a_second_pin_begins_anew(laptop: Laptop) -> None:
    for _handover in range(2):
        pin = laptop.pin()
        assert len(laptop.done("CTRL-EVENT-SCAN-STARTED")) == 1
        laptop.supplicant.unpin(pin)


@pytest.mark.parametrize(
    ("heard", "warning"),
    [
        ("CTRL-EVENT-SCAN-STARTED", "still scans only the channels of the pin"),
        ("CTRL-EVENT-NETWORK-NOT-FOUND", "did not look for the access point again"),
    ],
)
def test_what_is_refused_is_a_warning(laptop: Laptop, heard: str, warning: str) -> None:
    laptop.pin()
    if "NOT-FOUND" in heard:
        laptop.done("CTRL-EVENT-SCAN-STARTED")
    laptop.fake.hook = lambda request: "FAIL\n" if request.startswith(("SET_NETWORK", "SCAN")) else None
    laptop.done(heard)
    (told,) = laptop.warnings
    assert warning in told


def test_the_frequencies_that_count_are_those_from_before_a_pin_whose_frequencies_wait(laptop: Laptop) -> None:
    laptop.fake.networks[0].variables["scan_freq"] = "2462"
    laptop.deferred.keep(Pin("wlan0", 0, b"corp".hex(), BSSID, (2462,), None, (5180,), ()))
    recorded: List[Pin] = []
    pin = laptop.pin(recorded.append)
    assert recorded == [pin]
    assert pin.previous_scan_freq == (5180,)
    assert laptop.done("CTRL-EVENT-SCAN-STARTED") == ["SET_NETWORK 0 scan_freq 5180"]


def test_news_from_before_the_pin_use_nothing_up(laptop: Laptop) -> None:
    """They may be read after the pin, while CSME has the radio."""
    laptop.pin()
    laptop.fake.state = "INTERFACE_DISABLED"
    assert laptop.done("CTRL-EVENT-SCAN-STARTED", "CTRL-EVENT-NETWORK-NOT-FOUND") == []
    laptop.fake.state = "SCANNING"
    assert len(laptop.done("CTRL-EVENT-SCAN-STARTED")) == 1
    assert laptop.warnings == []


def test_the_rest_of_another_pin_does_not_stop_this_one(laptop: Laptop) -> None:
    rest = laptop.pin()
    laptop.deferred.keep(rest)
    laptop.pin()
    assert laptop.supplicant.settle(now=True)
    laptop.fake.networks[0].variables["scan_freq"] = "2437"
    assert len(laptop.done("CTRL-EVENT-SCAN-STARTED")) == 1


def test_a_supplicant_that_is_killed_ends_as_one_that_says_so() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ending = Ending(process.pid)
    process.kill()
    process.communicate()
    assert ending.read() == (SupplicantGone(),)
    ending.close()
