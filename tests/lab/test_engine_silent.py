# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME takes the radio back while the interface is down: iwlmei sets no block then, so nobody is told of it."""

from __future__ import annotations

import json

import pytest

from vpro_lab.air.ap import DEFAULT_SSID
from vpro_lab.air.engine import installed
from vpro_lab.air.security import network_block
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.play.deployed import SERVICE, is_connected
from vpro_lab.play.watching import log, state

# It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

_HARD = f"cat /sys/class/net/{INTERFACE}/phy80211/rfkill*/hard"
_STATE = f"/run/{SERVICE}/state.json"
_REQUESTS = 'grep -c \'"event": "request"\' /run/csme-engine.log'
#: Stops the supplicant as soon as CSME is asked for the radio. So the interface does not come up by it after the grant.
#: It is set down as soon as the watcher has brought it up.
_FREEZE = f"""
pid=$(systemctl show -P MainPID wpa_supplicant@{INTERFACE})
before=$({_REQUESTS})
echo ready
while [ "$({_REQUESTS})" -le "$before" ]; do sleep 0.02; done
kill -STOP $pid
is_up() {{ [ $(($(cat /sys/class/net/{INTERFACE}/flags) & 1)) = 1 ]; }}
while is_up; do sleep 0.02; done
until is_up; do sleep 0.02; done
ip link set {INTERFACE} down
"""


def test_a_missed_deadline_shows_only_on_the_older_kernel(laptop: Laptop) -> None:
    engine = installed(laptop)
    engine.surround()
    laptop.guest.check(f"iw dev {INTERFACE} vendor send 0x001735 0x30 /dev/null")
    assert engine.state()["owner"] == "HOST"
    laptop.wait_until("the end of CSME's patience", lambda: engine.state()["owner"] == "ME", 6)
    assert not engine.blocked
    # CSME tells the host of its connection when it has one again.
    engine.do("connection", link_protection=True)
    laptop.guest.check("sleep 0.5")
    assert engine.blocked is not engine.driver_managed


def test_the_watcher_brings_the_interface_up_and_knows_no_owner_while_it_is_down(watched_laptop: Laptop) -> None:
    laptop = watched_laptop
    engine = installed(laptop)
    engine.surround()
    # On a driver-managed kernel, the supplicant's start takes the radio. On the older one, the watcher asks at once.
    engine.do("behaviour", answer="grant" if engine.driver_managed else "silent")
    laptop.supplicant(network_block("wpa2-psk", DEFAULT_SSID), group=SERVICE)
    if engine.driver_managed:
        laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
    laptop.guest.spawn("freeze", ["sh", "-c", _FREEZE], "/run/lab-freeze.log")
    laptop.guest.wait_for("/run/lab-freeze.log", "ready")
    # The driver waits for half a second.
    engine.do("behaviour", answer="grant", delay=0.3)
    if engine.driver_managed:
        engine.do("take")
    seen = f"until grep -q not_connected {_STATE}; do sleep 0.05; done; cat {_STATE}; echo; {_HARD}"
    told, blocked = laptop.guest.check(seen).strip().rsplit("\n", 1)
    assert blocked == "0"
    assert engine.state()["owner"] == "ME", "CSME has it"
    (radio,) = json.loads(told)["radios"]
    unknown = "owner_unknown" if engine.driver_managed else None
    assert (radio["state"], radio["reason"]) == ("watching", unknown), log(laptop)
    assert log(laptop).count("the interface did not come up after a block, so it is brought up") == 1
    engine.do("behaviour", delay=0.0)
    laptop.guest.check(f"kill -CONT $(systemctl show -P MainPID wpa_supplicant@{INTERFACE})")
    laptop.guest.check(f"ip link set {INTERFACE} up")
    laptop.wait_until("the host's connection", lambda: is_connected(laptop), 30)
    engine.do("connection", link_protection=False)
    laptop.wait_until("the pin's end", lambda: laptop.pins() == "", 30)
    assert state(laptop)["state"] == "watching"
