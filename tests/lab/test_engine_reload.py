# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The radio's driver is loaded anew. The switch of the new radio has another number, which wpa_supplicant ignores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict

import pytest

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from vpro_lab.air.engine import Engine
from vpro_lab.air.scene import Scene
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.laptop.reload import RELOAD
from vpro_lab.play.deployed import is_connected
from vpro_lab.play.snapshots import Kind
from vpro_lab.play.watching import log, state, wait_for

pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

#: The number of the switch of the laptop's own radio.
_SWITCH = f"$(cat /sys/class/net/{INTERFACE}/phy80211/rfkill*/index)"
_BROUGHT_UP = "the interface did not come up after a block, so it is brought up"


def in_use(lab: Lab, kind: Kind) -> Scene:
    """Return a laptop that CSME has given the radio, over the real iwlmei, and whose session is over."""
    scene = lab.scene(replace(kind, engine=True, deployed=True))
    wait_for(scene, "staying", seconds=60)
    freed(scene)
    return scene


def freed(scene: Scene) -> None:
    """Let CSME's session end, and wait until the watcher has nothing to do any more."""
    scene.csme.protects(session=False)
    wait_for(scene, "watching")
    scene.laptop.wait_until("the pin's end", lambda: scene.laptop.pins() == "")


def handed_over(laptop: Laptop, before: Dict[str, Any]) -> Dict[str, Any]:
    """Wait for another handover than one before; return its record."""
    laptop.wait_until("the handover", lambda: state(laptop)["last_handover"] not in (None, before), 60)
    told: Dict[str, Any] = state(laptop)["last_handover"]
    return told


def test_the_host_is_in_time_after_a_reload_and_after_each_block_from_then_on(lab: Lab, laptop_kind: Kind) -> None:
    scene = in_use(lab, laptop_kind)
    laptop = scene.laptop
    scene.csme.protects(session=True)
    before = state(laptop)["last_handover"]
    laptop.guest.check(RELOAD)
    if not Engine(laptop).driver_managed:
        assert handed_over(laptop, before)["outcome"] == "protected", log(laptop)
    # From Linux 6.4 on, nothing is blocked at first, and wpa_supplicant asks for the radio by the bring-up.
    laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
    freed(scene)
    reloads = log(laptop).count(_BROUGHT_UP)
    # The supplicant is the one from before the reload.
    scene.csme.protects(session=True)
    before = state(laptop)["last_handover"]
    scene.csme.take()
    assert handed_over(laptop, before)["outcome"] == "protected", log(laptop)
    assert log(laptop).count(_BROUGHT_UP) == reloads + 1
    freed(scene)


def test_the_end_of_airplane_mode_brings_the_new_radio_up(lab: Lab, laptop_kind: Kind) -> None:
    scene = in_use(lab, laptop_kind)
    laptop = scene.laptop
    laptop.guest.check(RELOAD)
    laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
    freed(scene)
    # The access point's radio is another one.
    laptop.guest.check(f"own={_SWITCH}; rfkill block $own; sleep 3; rfkill unblock $own")
    laptop.wait_until("the host's connection after it", lambda: is_connected(laptop), 60)
    assert _BROUGHT_UP in log(laptop)
    assert laptop.guest.check(f"cat /sys/class/net/{INTERFACE}/flags").strip() == "0x1003"
