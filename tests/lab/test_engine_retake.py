# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Newer kernels ask for a radio that CSME has taken by themselves, a minute later, whatever userspace wants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from vpro_lab.air.engine import Engine
from vpro_lab.laptop.control import INTERFACE
from vpro_lab.play.snapshots import Kind
from vpro_lab.play.watching import log

pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

#: ``mei/main.c`` of 6.12: MEI_OWNERSHIP_RETAKE_TIMEOUT_MS.
RETAKE_SECONDS = 60


def test_the_driver_asks_again_after_a_minute(lab: Lab, laptop_kind: Kind) -> None:
    """Nobody runs the radio here, so the watcher leaves it to CSME and its session."""
    scene = lab.scene(replace(laptop_kind, engine=True, deployed=True), start=False)
    laptop, engine = scene.laptop, Engine(scene.laptop)
    if engine.driver_managed:
        laptop.guest.check(f"ip link set {INTERFACE} up")
        scene.csme.take()
    asked = engine.state()["requests"]
    laptop.guest.check(f"sleep {RETAKE_SECONDS + 2}", timeout=RETAKE_SECONDS + 30)
    assert engine.state()["requests"] == asked + engine.driver_managed, log(laptop)
    # Nobody connects the host, so CSME takes the radio back at its deadline.
    laptop.wait_until("CSME's radio", lambda: engine.state()["owner"] == "ME", 10)
    assert laptop.pins() == ""
