# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CSME that has never been connected: it tells the driver of a connection that is all zeros."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from vpro_lab.air.ap import DEFAULT_SSID, AccessPoint
from vpro_lab.air.firmware import csme_of
from vpro_lab.air.security import network_block
from vpro_lab.laptop.control import INTERFACE, MAC
from vpro_lab.play.deployed import SERVICE, is_connected
from vpro_lab.play.playbook import run_module
from vpro_lab.play.snapshots import Kind

pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

#: A scan of all channels takes some 8 s here; an interface would be held back for 120.
SOON_SECONDS = 30.0


def test_it_delays_no_laptop(lab: Lab, laptop_kind: Kind) -> None:
    laptop = lab.laptop(replace(laptop_kind, engine=True, deployed=True))
    laptop.radios()
    AccessPoint(laptop.guest).start(mac=MAC)
    csme_of(laptop, begun=False).reports_none()
    begun = laptop.guest.monotonic()
    laptop.supplicant(network_block("wpa2-psk", DEFAULT_SSID), group=SERVICE)
    laptop.wait_until("the connection", lambda: is_connected(laptop), 60)
    assert laptop.guest.monotonic() - begun < SOON_SECONDS
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    radio = next(each for each in facts["radios"] if each["interface"] == INTERFACE)
    assert (radio["csme"], radio["owner"], facts["unreadable"]) == (None, "host", [])
