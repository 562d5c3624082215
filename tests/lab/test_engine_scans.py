# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A driver-managed kernel limits the host's scans to CSME's network while a session is open: seen through ``iw``."""

from __future__ import annotations

import re
from typing import Dict, Set

import pytest

from vpro_lab.air.ap import BSSID, DEFAULT_SSID, AccessPoint
from vpro_lab.air.engine import Engine, installed
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.laptop.radios import RADIOS_GIVEN

# About no manager: once is enough. It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

#: Another network on CSME's channel.
OTHER = "02:00:00:00:01:99"
#: CSME's channel with its neighbours, and without it, in MHz.
NEAR, ELSEWHERE = "freq 2432 2437 2442", "freq 2412 2462"


@pytest.fixture
def engine(laptop: Laptop) -> Engine:
    """The engine on a laptop whose host owns the radio and looks at two networks on one channel."""
    made = installed(laptop)
    made.load()
    laptop.guest.check(RADIOS_GIVEN.format(mac=MAC))
    AccessPoint(laptop.guest).start(mac=MAC, extra=f"bss=ap1\nbssid={OTHER}\nssid=another\n")
    made.start()
    laptop.guest.check(f"ip link set {INTERFACE} down; ip link set {INTERFACE} up")
    laptop.wait_until("the host's ownership", lambda: made.state()["owner"] == "HOST")
    return made


def scan(laptop: Laptop, how: str) -> Set[str]:
    """Return the networks that a scan shows."""
    found = laptop.guest.check(f"iw dev {INTERFACE} scan {how}")
    return set(re.findall(r"^BSS ([0-9a-f:]{17})", found, re.MULTILINE))


def on(bssid: str) -> Dict[str, object]:
    """Return a connection of CSME's with a network on channel 6."""
    return {"ssid": DEFAULT_SSID.hex(), "bssid": bssid, "channel": 6, "auth": 7, "cipher": 4}


def told(laptop: Laptop, engine: Engine, bssid: str, *, link_protection: bool) -> None:
    """Let CSME tell of a connection, and wait until the driver knows."""
    before = engine.told_by_iwlmei().count("> CSME_CONN_STATUS")
    engine.owns(on(bssid), link_protection=link_protection)
    laptop.wait_until("the driver", lambda: engine.told_by_iwlmei().count("> CSME_CONN_STATUS") > before)


def test_a_scan_is_limited_to_csmes_network_while_its_session_lives(laptop: Laptop, engine: Engine) -> None:
    told(laptop, engine, BSSID, link_protection=False)
    assert scan(laptop, f"{NEAR} flush") == {BSSID, OTHER}
    assert scan(laptop, f"{ELSEWHERE} flush") == set()
    told(laptop, engine, BSSID, link_protection=True)
    limited = engine.driver_managed
    assert scan(laptop, f"{NEAR} flush") == ({BSSID} if limited else {BSSID, OTHER})
    assert scan(laptop, f"{ELSEWHERE} flush") == ({BSSID} if limited else set()), "another channel than was asked for"
    # A scan that asks for no network is left as it is.
    assert scan(laptop, f"{NEAR} flush passive") == {BSSID, OTHER}
    assert scan(laptop, f"{ELSEWHERE} flush passive") == set()


def test_a_network_that_is_not_csmes_is_hidden_even_on_its_channel(laptop: Laptop, engine: Engine) -> None:
    told(laptop, engine, "02:aa:bb:cc:dd:ee", link_protection=True)
    assert scan(laptop, f"{NEAR} flush") == (set() if engine.driver_managed else {BSSID, OTHER})
