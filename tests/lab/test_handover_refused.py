# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A handover that is not begun, or that CSME refuses: it is told why, and CSME keeps its session."""

from __future__ import annotations

import json
from typing import Callable

import pytest

from vpro_lab.air.scene import Scene
from vpro_lab.laptop.control import Laptop
from vpro_lab.play.handover import own
from vpro_lab.play.playbook import run_module

Stage = Callable[..., Scene]


def test_without_credentials_the_radio_stays_with_csme(stage: Stage) -> None:
    scene = stage(credentials=False)
    refused = own(scene)
    assert refused["error"]["code"] == "no_credentials"
    assert refused["csme"]["ssid"] == "corp-wifi"
    assert scene.csme.state()["requests"] == "0"
    assert scene.session.survives()


@pytest.mark.release
@pytest.mark.manager("wpa_supplicant")
def test_a_profile_with_the_wrong_key_management_does_not_count(stage: Stage) -> None:
    scene = stage(security="wpa3-sae", credentials=False)
    scene.laptop.supplicant('network={\n\tssid="corp-wifi"\n\tkey_mgmt=WPA-PSK\n\tpsk="correct horse battery"\n}\n')
    assert own(scene)["error"]["code"] == "no_credentials"


@pytest.mark.parametrize(
    ("answer", "timeout", "code", "requests"),
    [
        ("deny", 30, "denied", 5),
        ("silent", 10, "timed_out", 2),
        pytest.param("unasked", 30, "not_asked", 5, marks=pytest.mark.standin),
    ],
)
def test_a_refusal_of_csme_leaves_no_pin(stage: Stage, answer: str, timeout: int, code: str, requests: int) -> None:
    scene = stage()
    scene.csme.answers(answer)
    refused = own(scene, timeout=timeout)
    # Where the preparation took so long that there is time for one request alone, no answer to that is a denial.
    assert refused["error"]["code"] in {code, "denied"}
    assert (refused["owner"], refused["changed"]) == ("csme", False)
    # As often as its pauses and the time allowed let it ask; a slow machine may manage one less.
    assert requests - 1 <= refused["requests"] <= requests
    assert refused["elapsed_ms"] <= timeout * 1000
    assert scene.csme.state()["owner"] == "csme"
    assert scene.laptop.pins() == ""
    assert scene.session.survives()


@pytest.mark.release
def test_another_that_works_on_the_radio_is_waited_for(stage: Stage) -> None:
    scene = stage(session=False)
    laptop = scene.laptop
    lock = f"/run/vpro-fleet/{laptop.guest.check('cat /sys/class/net/wlan0/phy80211/name').strip()}.lock"
    laptop.guest.check("mkdir -p /run/vpro-fleet")
    laptop.guest.spawn("locker", ["flock", lock, "sleep", "600"], "/run/lab-locker.log")
    refused = own(scene, timeout=10)
    assert refused["error"]["code"] == "timed_out"
    assert "another task, or the watcher" in refused["msg"]
    assert scene.csme.state()["requests"] == "0"
    # Once the host owns the radio there is nothing to wait for: the watcher keeps the lock while it holds.
    scene.csme.release()
    kept = own(scene, timeout=10)
    assert (kept["changed"], kept["owner"]) == (False, "host")
    laptop.guest.stop("locker")


def test_what_a_task_can_not_have_is_refused(stage: Stage) -> None:
    scene = stage(session=False)
    assert own(scene, timeout=5)["error"]["code"] == "bad_timeout"
    nobody = {"ansible_become": True, "ansible_become_method": "ansible.builtin.su", "ansible_become_user": "nobody"}
    flags = json.dumps({**nobody, "ansible_become_flags": "-s /bin/sh"})
    refused = own(scene, "-e", flags)
    assert refused["error"]["code"] == "csme_unreadable"
    assert "root" in refused["msg"]
    assert scene.csme.state()["requests"] == "0"


@pytest.mark.standin
def test_airplane_mode_and_the_switch_are_named(stage: Stage) -> None:
    scene = stage(session=False)
    scene.laptop.guest.check("rfkill block wlan")
    assert own(scene)["error"]["code"] == "airplane_mode"
    scene.laptop.guest.check("rfkill unblock wlan")
    scene.csme.control("reason signal on")
    assert own(scene)["error"]["code"] == "switch_off"
    assert scene.csme.state()["requests"] == "0"


def test_a_laptop_without_csme_is_told_so(laptop: Laptop) -> None:
    laptop.radios(standin=False)
    assert run_module(laptop, "amt_wifi_ownership")["error"]["code"] == "no_radio"
    assert run_module(laptop, "amt_wifi_ownership", {"interface": "wlan9"})["error"]["code"] == "no_radio"


@pytest.mark.release
@pytest.mark.standin
def test_a_kernel_that_gives_no_reasons_is_refused(stage: Stage) -> None:
    scene = stage(session=False)
    scene.csme.control("no_reasons")
    assert own(scene)["error"]["code"] == "kernel_too_old"
    assert scene.csme.state()["requests"] == "0"
