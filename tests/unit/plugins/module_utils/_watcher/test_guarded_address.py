# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An address that a guarded radio waits for: who is asked for it, and when it came too late."""

from __future__ import annotations

from typing import Callable, Dict, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import AddressArrived
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Connected, Disconnected
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system import dhcp
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    BLOCKED,
    BSSID,
    FREE,
    Laptop,
    rfkill,
)


@pytest.mark.parametrize("switch", [BLOCKED, FREE], ids=["in a handover", "in everyday use"])
def test_an_address_that_does_not_come_is_asked_for(laptop: Laptop, asked: List[str], switch: Switch) -> None:
    laptop.client = Client.NETWORKD
    watched = laptop.watched(switch)
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.feed(Connected(BSSID))
    assert watched.due == laptop.now + 0.1
    laptop.now += 0.05
    watched.expire()
    assert asked == []
    laptop.now += 0.05
    watched.expire()
    assert asked == ["networkd wlan0"]
    assert "no address came yet, so networkd is asked again" in laptop.log.text
    watched.feed(AddressArrived())
    if switch == BLOCKED:
        assert watched.last is not None
        assert watched.last.outcome == "protected"
    laptop.now += 3.0
    watched.expire()
    assert asked == ["networkd wlan0"]


def test_an_address_of_before_counts_if_it_is_still_there_a_moment_later(laptop: Laptop, asked: List[str]) -> None:
    laptop.client = Client.NETWORKD
    laptop.addresses = (Address("192.0.2.7", 24, "inet", 0),)
    watched = laptop.watched()
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.feed(Connected(BSSID))
    assert watched.state == "handover"
    laptop.now += 0.1
    watched.expire()
    assert (watched.state, asked) == ("staying", [])
    assert watched.last is not None
    assert watched.last.request_to_address_ms == 100


def test_an_address_after_the_deadline_says_nothing_of_the_session(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.feed(Connected(BSSID))
    laptop.now += 3.1  # nobody looked at the clock since: the address is heard of first
    watched.feed(AddressArrived())
    assert watched.last is not None
    assert (watched.last.outcome, watched.last.session_kept) == ("connected", None)
    assert watched.last.request_to_address_ms == 3100
    assert "within CSME's deadline" in laptop.log.text


@pytest.mark.parametrize("end", ["disconnected", "ended", "let go", "blocked"])
def test_nobody_is_asked_once_the_connection_is_over(laptop: Laptop, asked: List[str], end: str) -> None:
    laptop.client = Client.NETWORKD
    watched = laptop.watched(FREE)
    watched.attach()
    watched.feed(Connected(BSSID))
    ends: Dict[str, Callable[[], None]] = {
        "disconnected": lambda: watched.feed(Disconnected()),
        "ended": watched.supplicant_gone,
        "let go": lambda: watched.manager_gone("it has it no more"),
        "blocked": lambda: watched.heard_rfkill(rfkill(False, soft=True)),
    }
    ends[end]()
    laptop.now += 0.2
    watched.expire()
    assert asked == []


def test_a_unit_that_is_not_there_is_a_warning(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.client = Client.NETWORKD
    monkeypatch.setattr(f"{dhcp.__name__}._PIPE", "run/nowhere-{}")
    watched = laptop.watched(FREE)
    watched.attach()
    watched.feed(Connected(BSSID))
    laptop.now += 0.1
    watched.expire()
    told = [message for level, message in laptop.log.lines if level == "warning"]
    assert any("the DHCP client could not be asked again: the unit that asks" in message for message in told)
