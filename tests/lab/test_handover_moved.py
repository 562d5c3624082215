# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME moves between the reading and the grant: the host follows it to its new access point or network."""

from __future__ import annotations

from typing import Callable

import pytest

from vpro_lab.air.ap import BSSID, DEFAULT_SSID
from vpro_lab.air.scene import OTHER_NETWORKS, Scene
from vpro_lab.air.security import SECURITY
from vpro_lab.laptop.control import INTERFACE
from vpro_lab.play.deployed import SERVICE
from vpro_lab.play.handover import own
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import log, state

Stage = Callable[..., Scene]
#: A second access point of the same network.
ELSEWHERE = "02:00:00:00:01:01"
BOTH = f"bss=ap1\nbssid={ELSEWHERE}\nssid2={DEFAULT_SSID.hex()}\n{SECURITY['wpa2-psk'].ap}"
MOVED = f"connection ssid={DEFAULT_SSID.hex()} bssid={ELSEWHERE} channel=6 auth=7 cipher=4"


@pytest.mark.parametrize(
    "first", ["grant_delay 300", "answer silent"], ids=["before the grant", "between two requests"]
)
def test_the_host_follows_it(stage: Stage, first: str) -> None:
    scene = stage(session=False, ap_extra=BOTH)
    guest, control = scene.laptop.guest, f"{scene.csme.folder}/control"
    scene.csme.control(first)
    asked = f"until grep -q requests=1 {control}; do sleep 0.01; done"
    guest.spawn(
        "roam", ["sh", "-c", f"{asked}; echo '{MOVED}' >{control}; echo answer grant >{control}"], "/run/roam.log"
    )
    done = own(scene)
    # Nobody serves addresses at the second one.
    assert done["outcome"] == "connected", done
    assert scene.csme.state()["connection"].startswith(f"ssid={DEFAULT_SSID.hex()} bssid={ELSEWHERE}")
    assert f"Connected to {ELSEWHERE}" in guest.check(f"iw dev {INTERFACE} link")
    assert scene.laptop.pins() == ""


@pytest.mark.manager("wpa_supplicant")
def test_a_network_is_followed_if_the_host_has_a_profile_and_told_if_not(watched: Stage) -> None:
    scene = watched(session=False, start=False)
    guest, control = scene.laptop.guest, f"{scene.csme.folder}/control"
    scene.csme.control("answer silent")

    def asked(times: int) -> str:
        return f"until grep -q requests={times} {control}; do sleep 0.02; done"

    def to(ssid: bytes) -> str:
        return f"echo 'connection ssid={ssid.hex()} bssid={BSSID} channel=6 auth=7 cipher=4' >{control}"

    # The profile for the first of them is one that the pin has disabled.
    known, steps = OTHER_NETWORKS[0], [f"systemctl start {scene.laptop.service}"]
    steps += [asked(1), to(known), asked(2), f"wpa_cli -i {INTERFACE} list_networks", to(b"elsewhere")]
    (line,) = (line for line in guest.check("; ".join(steps), timeout=120).splitlines() if known.decode() in line)
    assert BSSID in line, line
    assert "[DISABLED]" not in line, line
    scene.laptop.wait_until("the end", lambda: state(scene.laptop)["last_handover"] is not None, 30)
    told = state(scene.laptop)
    assert told["last_handover"]["outcome"] == "no_credentials", log(scene.laptop)
    assert (told["radios"][0]["state"], told["radios"][0]["wanted"]["ssid"]) == ("left", "elsewhere")
    assert scene.csme.state()["requests"] == "2"
    assert scene.laptop.pins() == ""
    # Everybody says the same.
    assert "can join CSME's network ('elsewhere', psk, channel 6)" in log(scene.laptop)
    status = guest.check(f"{SERVICE} status")
    assert "add a profile for 'elsewhere' (psk)" in status
    assert "last handover: no_credentials" in status
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert facts["watcher"]["last_handover"]["outcome"] == "no_credentials"
    (blocker,) = facts["readiness"]["blockers"]
    assert (blocker["code"], "'elsewhere' (psk)" in blocker["message"]) == ("no_profile", True)
