# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reason for all of this: the session lives through the handover."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Callable, Dict, List

import pytest

from vpro_lab.air.csme import Csme
from vpro_lab.air.scene import Scene, settle, without_networks
from vpro_lab.air.session import USER_TIMEOUT_MS
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.laptop.guest import PATIENCE
from vpro_lab.play.handover import hand_over, own
from vpro_lab.play.playbook import run_module

Stage = Callable[..., Scene]


@pytest.mark.parametrize(
    ("staging", "frequencies"),
    [
        # A number that may also be a channel at 6 GHz.
        ({"leave": "silent", "channel": 1}, [2412, 5955]),
        ({"security": "open", "ssid": b'a"b\\c\nd\xff\x00e', "channel": 36}, [5180]),
        ({"security": "wpa2-eap"}, [2437]),
        ({"security": "wpa3-sae"}, [2437]),
    ],
    ids=["psk, ambiguous channel", "open, 5 GHz, any bytes", "eap", "sae"],
)
def test_the_session_is_kept(stage: Stage, staging: Dict[str, Any], frequencies: List[int]) -> None:
    scene = stage(**staging)
    run = hand_over(scene.laptop, pin=True, scene=scene)
    assert run.seen.kept, run.report()
    assert run.module["changed"] is True
    assert run.module["outcome"] == "protected"
    assert run.module["owner"] == "host"
    assert run.module["csme"]["ssid_hex"] == scene.ap.ssid.hex()
    assert run.module["csme"]["frequencies"] == frequencies
    assert scene.csme.state()["owner"] == "host"
    assert scene.laptop.pins() == ""
    # What the module tells is what the lab saw, to the precision of a loaded machine.
    assert run.module["request_to_connected_ms"] == pytest.approx(run.seen.timeline.first("connected"), abs=250)
    assert run.module["request_to_address_ms"] == pytest.approx(run.seen.timeline.first("address"), abs=250)


@pytest.mark.manager("wpa_supplicant")
def test_a_list_of_channels_above_the_networks_does_not_matter_to_a_pinned_one(stage: Stage) -> None:
    scene = stage()
    assert "OK" in scene.laptop.guest.check(f"wpa_cli -i {INTERFACE} set freq_list 5220")
    run = hand_over(scene.laptop, pin=True, scene=scene)
    assert run.seen.kept, run.report()
    assert run.module["outcome"] == "protected"


@pytest.mark.manager("wpa_supplicant")
def test_stock_linux_misses_csmes_deadline(stage: Stage) -> None:
    scene = stage()
    run = hand_over(scene.laptop, pin=False, scene=scene)
    # The operator's patience ends with one of TCP's attempts to send: where that comes late, CSME has carried on.
    assert run.seen.largest_silence > USER_TIMEOUT_MS / 1000
    assert run.module["error"]["code"] == "taken_back"
    assert run.seen.timeline.first("taken back") is not None


def test_a_scan_that_finds_nothing_is_made_again(stage: Stage) -> None:
    # Without an answer to a probe, and with a beacon a second, one scan finds the access point by chance alone.
    scene = stage(ap_extra="beacon_int=1000\n")
    # NetworkManager takes some hundred ms more until it is looked for anything.
    silent = 1.0 if scene.laptop.manager == "networkmanager" else 0.4
    scene.laptop.guest.check("pkill -STOP -x hostapd")
    scene.csme.clear_log()

    def answer_again() -> None:
        scene.laptop.wait_until("the grant", lambda: any(line.event == "grant" for line in scene.csme.log()), 60, 0.02)
        time.sleep(silent)
        scene.laptop.guest.check("pkill -CONT -x hostapd")

    answering = threading.Thread(target=answer_again)
    answering.start()
    run = hand_over(scene.laptop, pin=True, scene=scene)
    answering.join()
    assert run.seen.kept, run.report()
    assert run.module["outcome"] == "protected"


@pytest.mark.parametrize("tty", [False, True], ids=["pipelining", "tty"])
def test_the_work_goes_on_when_the_controller_goes_away(stage: Stage, tty: bool) -> None:
    scene = stage()
    scene.csme.answers("grant", after=0.4)
    scene.csme.clear_log()
    flags = ("-e", json.dumps({"ansible_ssh_use_tty": True, "ansible_pipelining": False})) if tty else ()
    outcome: Dict[str, Any] = {}
    task = threading.Thread(target=lambda: outcome.update(own(scene, *flags)))
    task.start()
    scene.laptop.wait_until("the request", lambda: any(line.event == "request" for line in scene.csme.log()), 60, 0.02)
    scene.laptop.hang_up()
    task.join(PATIENCE)
    assert outcome.get("unreachable"), outcome
    settle(scene, 5.0)
    assert scene.session.survives()
    assert "192.0.2.2" in scene.laptop.guest.check("ip -4 addr show dev wlan0")
    scene.laptop.wait_until("the pin's end", lambda: scene.laptop.pins() == "", 10)


def test_running_it_again_changes_nothing(stage: Stage) -> None:
    scene = stage()
    # Check mode tells the truth before, and changes nothing.
    before = own(scene, "--check", "--diff")
    assert (before["changed"], before["owner"]) == (True, "csme")
    assert before["diff"] == {"before": {"owner": "csme"}, "after": {"owner": "host"}}
    assert scene.csme.state()["requests"] == "0"
    assert scene.laptop.pins() == ""
    first = own(scene)
    assert (first["changed"], first["owner"]) == (True, "host")
    second = own(scene)
    assert (second["changed"], second["owner"]) == (False, "host")
    assert scene.csme.state()["requests"] == "1"
    assert scene.session.survives()


@pytest.mark.release
def test_two_at_once_end_in_one_handover(stage: Stage) -> None:
    scene = stage()
    results = []
    threads = [threading.Thread(target=lambda: results.append(own(scene))) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted((result["changed"], result["owner"]) for result in results) == [(False, "host"), (True, "host")]
    assert scene.csme.state()["requests"] == "1"
    assert scene.session.survives()


def test_an_idle_csme_gives_the_radio_at_once(laptop: Laptop, csme: Any) -> None:
    csme.reports_none()
    csme.own()
    without_networks(laptop)
    result = run_module(laptop, "amt_wifi_ownership")
    assert (result["changed"], result["owner"], result["outcome"], result["csme"]) == (True, "host", "owned", None)


@pytest.mark.release
def test_without_credentials_it_takes_the_radio_when_told_to(stage: Stage) -> None:
    scene = stage(credentials=False, session=False)
    taken = own(scene, require_credentials=False)
    assert (taken["changed"], taken["owner"], taken["outcome"]) == (True, "host", "owned")


@pytest.mark.standin
def test_a_driver_managed_kernel_hands_over_what_csme_took(stage: Stage) -> None:
    # There the block stands only when CSME takes the radio, for example from a host that is connected.
    scene = stage(generation="driver")
    scene.csme.take()
    run = hand_over(scene.laptop, pin=True, scene=scene)
    assert run.module["outcome"] == "protected", run.module
    assert run.seen.kept, run.report()


@pytest.mark.release
@pytest.mark.standin
def test_with_several_radios_one_has_to_be_named(laptop: Laptop) -> None:
    laptop.radios(4, second="wlan3")
    for standin in ("csme_standin", "csme_standin2"):
        Csme(laptop.guest, standin).own()
    without_networks(laptop)
    refused = run_module(laptop, "amt_wifi_ownership")
    assert refused["error"]["code"] == "several_radios"
    assert "wlan0" in refused["msg"]
    assert "wlan3" in refused["msg"]
    taken = run_module(laptop, "amt_wifi_ownership", {"interface": "wlan3"})
    assert (taken["interface"], taken["outcome"]) == ("wlan3", "owned")
    assert Csme(laptop.guest).state()["owner"] == "csme"
