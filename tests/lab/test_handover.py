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
from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.guest import PATIENCE
from vpro_lab.play.handover import PLAYBOOK, hand_over, kill_both
from vpro_lab.play.playbook import run_module, run_playbook

Stage = Callable[..., Scene]


def own(scene: Scene, *flags: str, **options: Any) -> Dict[str, Any]:
    """Run the module on the scene's laptop."""
    return run_module(scene.laptop, "amt_wifi_ownership", options, *flags)


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
    scene.csme.control("grant_delay 400")
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


def test_an_idle_csme_gives_the_radio_at_once(laptop: Laptop, csme: Any) -> None:
    csme.control("connection none")
    csme.own()
    without_networks(laptop)
    result = run_module(laptop, "amt_wifi_ownership")
    assert (result["changed"], result["owner"], result["outcome"], result["csme"]) == (True, "host", "owned", None)


@pytest.mark.parametrize(
    ("answer", "timeout", "code", "requests"), [("deny", 30, "denied", 5), ("silent", 10, "timed_out", 2)]
)
def test_a_refusal_of_csme_leaves_no_pin(stage: Stage, answer: str, timeout: int, code: str, requests: int) -> None:
    scene = stage()
    scene.csme.control(f"answer {answer}")
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


@pytest.mark.release
@pytest.mark.manager("wpa_supplicant")
def test_a_supplicant_that_ends_in_the_middle_is_told(stage: Stage) -> None:
    scene = stage(session=False)
    scene.csme.control("answer silent")
    results: List[Dict[str, Any]] = []
    task = threading.Thread(target=lambda: results.append(own(scene)))
    task.start()
    scene.laptop.wait_until("the request", lambda: any(line.event == "request" for line in scene.csme.log()), 60, 0.05)
    scene.laptop.guest.check("systemctl kill -s KILL wpa_supplicant@wlan0; systemctl start wpa_supplicant@wlan0")
    task.join(PATIENCE)
    assert results[0]["error"]["code"] == "supplicant_gone"
    scene.laptop.wait_supplicant()
    assert scene.laptop.pins() == ""


#: Stands between the module and the real supplicant, and takes a network away at the moment in which it is pinned, as
#: another program may.
_BETWEEN = """
import os, select, socket
path, real = "/run/wpa_supplicant/wlan0", "/run/wpa_supplicant/wlan0.real"
os.rename(path, real)
front = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
front.bind(path)
clients = {}
print("between", flush=True)
while True:
    for ready in select.select([front, *clients.values()], [], [])[0]:
        if ready is not front:
            for address, back in clients.items():
                if back is ready:
                    front.sendto(ready.recv(65536), address)
            continue
        request, address = front.recvfrom(65536)
        if address not in clients:
            clients[address] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            clients[address].bind("/run/lab-between.%d" % len(clients))
            clients[address].connect(real)
        words = request.split()
        if words[0] == b"SET_NETWORK" and words[2] == b"bssid":
            clients[address].send(b"REMOVE_NETWORK " + words[1])
            print("removed", clients[address].recv(100), flush=True)
        clients[address].send(request)
"""


@pytest.mark.release
@pytest.mark.manager("wpa_supplicant")
def test_a_network_that_is_removed_in_the_middle_is_not_pinned(stage: Stage) -> None:
    scene = stage(session=False)
    guest = scene.laptop.guest
    guest.spawn("between", ["python3", "-uc", _BETWEEN], "/run/lab-between.log")
    guest.wait_for("/run/lab-between.log", "between")
    try:
        refused = own(scene)
    finally:
        guest.stop("between")
        guest.check("mv /run/wpa_supplicant/wlan0.real /run/wpa_supplicant/wlan0; rm -f /run/lab-between.[0-9]*")
    assert "removed b'OK" in guest.read("/run/lab-between.log")
    assert refused["error"]["code"] == "pin_failed"
    assert scene.csme.state()["requests"] == "0", "CSME was asked, though nothing would have carried its session on"
    # The others are as they were.
    assert "[DISABLED]" not in scene.laptop.wpa("list_networks")
    assert scene.laptop.pins() == ""


@pytest.mark.release
@pytest.mark.manager("wpa_supplicant")
def test_a_supplicant_that_does_not_answer_is_not_pinned(stage: Stage) -> None:
    scene = stage(session=False)
    scene.laptop.guest.check("systemctl kill -s STOP wpa_supplicant@wlan0")
    try:
        refused = own(scene, timeout=10)
    finally:
        scene.laptop.guest.check("systemctl kill -s CONT wpa_supplicant@wlan0")
    assert refused["error"]["code"] == "no_credentials"
    assert "did not answer" in refused["msg"]
    assert scene.csme.state()["requests"] == "0"


def test_what_a_task_can_not_have_is_refused(stage: Stage) -> None:
    scene = stage(session=False)
    assert own(scene, timeout=5)["error"]["code"] == "bad_timeout"
    nobody = {"ansible_become": True, "ansible_become_method": "ansible.builtin.su", "ansible_become_user": "nobody"}
    flags = json.dumps({**nobody, "ansible_become_flags": "-s /bin/sh"})
    refused = own(scene, "-e", flags)
    assert refused["error"]["code"] == "csme_unreadable"
    assert "root" in refused["msg"]
    assert scene.csme.state()["requests"] == "0"


def test_a_lost_access_point_leaves_no_pin(stage: Stage) -> None:
    scene = stage(session=False)
    scene.ap.stop()
    refused = own(scene)
    assert refused["error"]["code"] == "taken_back"
    assert scene.laptop.pins() == ""


@pytest.mark.manager("wpa_supplicant")
def test_a_killed_handover_is_undone_by_the_next(stage: Stage) -> None:
    scene = stage()
    scene.csme.control("answer silent")
    task = threading.Thread(target=lambda: own(scene))
    task.start()
    scene.laptop.wait_until("the request", lambda: any(line.event == "request" for line in scene.csme.log()), 60, 0.05)
    killed = kill_both(scene.laptop)
    task.join(PATIENCE)
    assert "corp-wifi: bssid 02:00:00:00:01:00 scan_freq 2437" in scene.laptop.pins(), killed
    # It would have been too late for the session, but nobody is stranded: whoever comes next undoes the pin.
    scene.csme.control("answer deny")
    again = own(scene, timeout=10)
    # It asks as often as its time allows, which ends between two answers or with one.
    assert again["error"]["code"] in ("denied", "timed_out")
    assert scene.laptop.pins() == ""


@pytest.mark.parametrize("number", ["TERM", "KILL"])
def test_a_worker_that_is_ended_leaves_no_pin(stage: Stage, number: str) -> None:
    scene = stage(session=False)
    scene.csme.control("answer silent")
    results = []
    task = threading.Thread(target=lambda: results.append(own(scene)))
    task.start()
    scene.laptop.wait_until("the request", lambda: any(line.event == "request" for line in scene.csme.log()), 60, 0.05)
    scene.laptop.guest.check(f"kill -{number} $(lslocks -n -o PID,PATH | awk '/vpro-fleet/ {{print $1}}')")
    task.join(PATIENCE)
    assert results[0]["failed"]
    assert scene.laptop.pins() == ""


@pytest.mark.release
def test_a_handover_killed_after_the_grant_is_undone_by_the_playbook(stage: Stage) -> None:
    scene = stage(session=False)
    scene.csme.control("deadline 0")
    scene.ap.stop()
    task = threading.Thread(target=lambda: own(scene))
    task.start()
    scene.laptop.wait_until("the grant", lambda: scene.csme.state()["owner"] == "host", 60, 0.05)
    kill_both(scene.laptop)
    task.join(PATIENCE)
    assert scene.laptop.pins() != ""
    run_playbook(scene.laptop, PLAYBOOK).ok()
    assert scene.laptop.pins() == ""


def test_a_host_that_does_not_connect_is_free_again(stage: Stage) -> None:
    scene = stage(session=False)
    scene.csme.control("deadline 0")
    scene.ap.stop()
    failed = own(scene)
    assert (failed["error"]["code"], failed["owner"], failed["changed"]) == ("not_connected", "host", True)
    assert scene.laptop.pins() == ""


@pytest.mark.release
def test_without_credentials_it_takes_the_radio_when_told_to(stage: Stage) -> None:
    scene = stage(credentials=False, session=False)
    taken = own(scene, require_credentials=False)
    assert (taken["changed"], taken["owner"], taken["outcome"]) == (True, "host", "owned")


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


def test_a_driver_managed_kernel_hands_over_what_csme_took(stage: Stage) -> None:
    # There the block stands only when CSME takes the radio, for example from a host that is connected.
    scene = stage(generation="driver")
    scene.csme.take()
    run = hand_over(scene.laptop, pin=True, scene=scene)
    assert run.module["outcome"] == "protected", run.module
    assert run.seen.kept, run.report()


@pytest.mark.release
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


@pytest.mark.release
def test_a_kernel_that_gives_no_reasons_is_refused(stage: Stage) -> None:
    scene = stage(session=False)
    scene.csme.control("no_reasons")
    assert own(scene)["error"]["code"] == "kernel_too_old"
    assert scene.csme.state()["requests"] == "0"
