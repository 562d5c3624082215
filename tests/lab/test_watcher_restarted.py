# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A watcher that is started again, as the role does for a new version: what it kept up, the next one keeps up."""

from __future__ import annotations

from typing import Callable

import pytest

from vpro_lab.air.firmware import as_script
from vpro_lab.air.scene import Scene
from vpro_lab.laptop.control import INTERFACE
from vpro_lab.play.deployed import SERVICE
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import drops, free, log, state, wait_for

Watched = Callable[..., Scene]
#: Seconds that CSME has to say that it forbids roaming (``Policy.confirm_seconds``).
CONFIRM_SECONDS = 15.0
#: Waits until the watcher keeps the host, and starts it again. All of it is one command: between two, so much of the
#: laptop's time may pass on a busy host that the stay ends.
_STAYS = f"until grep -q staying /run/{SERVICE}/state.json; do sleep 0.1; done; date +%s.%N"
AGAIN = f"{_STAYS}; systemctl restart {SERVICE}; {_STAYS}; ls /run/vpro-fleet/*.journal"


@pytest.mark.with_networkmanager
def test_a_watcher_that_is_started_again_in_a_stay_goes_on_with_it(watched: Watched) -> None:
    scene = watched()
    laptop = scene.laptop
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=True)
    laptop.wait_until("CSME's word", lambda: "CSME forbids roaming" in log(laptop), 10)
    before = drops(laptop)
    laptop.guest.check(f"systemctl restart {SERVICE}")
    wait_for(scene, "staying")
    assert "CSME forbade roaming before the watcher was started again" in log(laptop)
    assert laptop.pins() != ""
    # It is CSME's own word by now: no patience of the watcher ends the stay.
    laptop.guest.check("sleep 20")
    assert state(laptop)["state"] == "staying"
    # Another country waits for the end of the session.
    if laptop.manager == "wpa_supplicant":
        options = {"interface": INTERFACE, "group": SERVICE, "country": "JP"}
        done = run_module(laptop, "amt_wifi_supplicant", options)
        assert (done["file"]["changed"], done["runtime"]["changed"]) == (True, False)
        assert "keeps the country" in done["warnings"][0]
        assert laptop.wpa("get country").strip() != "JP"
    assert scene.session.survives()
    assert drops(laptop) == before, "the link was dropped"
    scene.csme.roaming(forbidden=False)
    free(scene)
    assert drops(laptop) == before, "the link was dropped"
    if laptop.manager == "wpa_supplicant":
        done = run_module(laptop, "amt_wifi_supplicant", options)
        assert (done["file"]["changed"], done["runtime"]["changed"]) == (False, True)


@pytest.mark.with_networkmanager
def test_a_watcher_that_is_started_again_before_csmes_word_waits_for_it_too(watched: Watched) -> None:
    scene = watched(start=False)
    laptop = scene.laptop
    scene.csme.quiet()
    told = as_script(laptop, lambda csme: csme.roaming(forbidden=True))
    laptop.guest.check(f"systemctl start {laptop.service}; {AGAIN}; {told}", timeout=120)
    assert "the watcher was started again soon after a handover" in log(laptop)
    before = drops(laptop)
    laptop.guest.check("sleep 20")
    assert state(laptop)["state"] == "staying", "it is CSME's own word by now"
    assert scene.session.survives()
    scene.csme.roaming(forbidden=False)
    free(scene)
    assert drops(laptop) == before, "the link was dropped"
    wait_for(scene, "watching")
    # Without CSME's word, the time is over when it would have been over without the restart.
    ends = "while ls /run/vpro-fleet/*.journal; do sleep 0.1; done >/dev/null 2>&1; date +%s.%N"
    taken = as_script(laptop, lambda csme: csme.take(wait=False))
    seen = laptop.guest.check(f"{{ {taken}; }} >/dev/null; {AGAIN}; {ends}", timeout=120).split()
    first, end = float(seen[0]), float(seen[-1])
    assert end - first == pytest.approx(CONFIRM_SECONDS, abs=1.5), seen
    free(scene)


@pytest.mark.with_networkmanager
def test_a_watcher_that_is_started_again_in_a_handover_carries_it_through(watched: Watched) -> None:
    # An access point with PMF that CSME leaves silently takes the host after a second: time for a restart.
    scene = watched(start=False, security="wpa3-sae", leave="silent")
    laptop = scene.laptop
    scene.csme.quiet()
    again = f"until grep -q '\"handover\"' /run/{SERVICE}/state.json; do sleep 0.05; done; systemctl restart {SERVICE}"
    laptop.guest.check(f"systemctl start {laptop.service}; {again}", timeout=120)
    wait_for(scene, "staying")
    told = laptop.guest.check(f"journalctl -b -o cat -u {SERVICE}")  # of both processes
    assert "the watcher ends when that handover has ended" in told
    assert "is connected in time for CSME's session" in told
    assert "the watcher was started again soon after a handover" in told
    assert scene.session.survives()
