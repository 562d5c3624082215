# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher and a laptop that suspends: nobody is stranded, whoever had the radio before and has it after."""

from __future__ import annotations

from typing import Callable

import pytest

from vpro_lab.air.scene import Scene
from vpro_lab.laptop.control import MAC
from vpro_lab.laptop.sleep import rehearse_sleep
from vpro_lab.play.deployed import is_connected
from vpro_lab.play.watching import free, start_supplicant, wait_for

# test_engine_suspend.py has the engine's.
pytestmark = pytest.mark.standin

Watched = Callable[..., Scene]


def csme(command: str) -> str:
    """Return the command that has CSME do something."""
    return f"echo {command} > /sys/kernel/debug/csme_standin/control"


def reconnected(scene: Scene) -> None:
    """Start the access point again, which slept as well and does not beacon any more, and wait for the host."""
    scene.ap.stop()
    scene.ap.start("wpa2-psk", mac=MAC)
    scene.laptop.wait_until("the connection", lambda: is_connected(scene.laptop), 60)
    free(scene, 40)


def test_csme_takes_the_hosts_radio_meanwhile(watched: Watched) -> None:
    scene = watched(session=False)
    guarded = scene.laptop
    wait_for(scene, "staying")
    rehearse_sleep(guarded, csme("take"))
    guarded.wait_until("the second request", lambda: int(scene.csme.state()["requests"]) >= 2, 30)
    # Here the access point slept as well, and does not beacon any more: the handover fails, and nothing is stranded.
    scene.ap.stop()
    scene.csme.release()
    scene.ap.start("wpa2-psk", mac=MAC)
    guarded.wait_until("the connection", lambda: is_connected(guarded), 60)
    free(scene, 40)
    scene.csme.take()
    wait_for(scene, "staying")


@pytest.mark.release
def test_the_host_has_the_radio_before_and_after(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    rehearse_sleep(scene.laptop)
    reconnected(scene)
    assert scene.csme.state()["requests"] == "1"
    scene.csme.take()
    wait_for(scene, "staying")


@pytest.mark.release
@pytest.mark.parametrize("after", ["csme", "host"])
def test_csme_has_the_radio_before(watched: Watched, after: str) -> None:
    scene = watched(session=False, start=False)
    scene.csme.answers("deny")
    start_supplicant(scene)
    wait_for(scene, "left", "retrying", seconds=60)
    rehearse_sleep(scene.laptop, csme("release") if after == "host" else "true")
    free(scene, 40)
    if after == "host":
        reconnected(scene)
        return
    assert scene.csme.state()["owner"] == "csme"
    wait_for(scene, "left", "retrying", seconds=60)
    # What it gives up later is the host's.
    scene.csme.release()
    reconnected(scene)
