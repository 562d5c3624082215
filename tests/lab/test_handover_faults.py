# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A handover in which something ends, is killed or does not answer: no pin is left, and nobody is stranded."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List

import pytest

from vpro_lab.air.scene import Scene
from vpro_lab.laptop.guest import PATIENCE
from vpro_lab.play.handover import PLAYBOOK, kill_both, own
from vpro_lab.play.playbook import run_playbook

Stage = Callable[..., Scene]


@pytest.mark.release
@pytest.mark.manager("wpa_supplicant")
def test_a_supplicant_that_ends_in_the_middle_is_told(stage: Stage) -> None:
    scene = stage(session=False)
    scene.csme.answers("silent")
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


def test_a_lost_access_point_leaves_no_pin(stage: Stage) -> None:
    scene = stage(session=False)
    scene.ap.stop()
    refused = own(scene)
    assert refused["error"]["code"] == "taken_back"
    assert scene.laptop.pins() == ""


@pytest.mark.manager("wpa_supplicant")
def test_a_killed_handover_is_undone_by_the_next(stage: Stage) -> None:
    scene = stage()
    scene.csme.answers("silent")
    task = threading.Thread(target=lambda: own(scene))
    task.start()
    scene.laptop.wait_until("the request", lambda: any(line.event == "request" for line in scene.csme.log()), 60, 0.05)
    killed = kill_both(scene.laptop)
    task.join(PATIENCE)
    assert "corp-wifi: bssid 02:00:00:00:01:00 scan_freq 2437" in scene.laptop.pins(), killed
    # It would have been too late for the session, but nobody is stranded: whoever comes next undoes the pin.
    scene.csme.answers("deny")
    again = own(scene, timeout=10)
    # It asks as often as its time allows, which ends between two answers or with one.
    assert again["error"]["code"] in ("denied", "timed_out")
    assert scene.laptop.pins() == ""


@pytest.mark.parametrize("number", ["TERM", "KILL"])
def test_a_worker_that_is_ended_leaves_no_pin(stage: Stage, number: str) -> None:
    scene = stage(session=False)
    scene.csme.answers("silent")
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
    scene.csme.waits(0)
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
    scene.csme.waits(0)
    scene.ap.stop()
    failed = own(scene)
    assert (failed["error"]["code"], failed["owner"], failed["changed"]) == ("not_connected", "host", True)
    assert scene.laptop.pins() == ""
