# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME moves between the reading and the grant: the host follows it to its new access point or network."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest

from vpro_lab.air.ap import BSSID, DEFAULT_SSID
from vpro_lab.air.csme import Csme
from vpro_lab.air.firmware import as_script
from vpro_lab.air.scene import OTHER_NETWORKS, Scene
from vpro_lab.air.security import SECURITY
from vpro_lab.laptop.control import INTERFACE
from vpro_lab.play.deployed import SERVICE
from vpro_lab.play.handover import own
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import free, log, state

Stage = Callable[..., Scene]
#: A second access point of the same network.
ELSEWHERE = "02:00:00:00:01:01"
BOTH = f"bss=ap1\nbssid={ELSEWHERE}\nssid2={DEFAULT_SSID.hex()}\n{SECURITY['wpa2-psk'].ap}"


#: What CSME does at first, and what is waited for before it moves, in each phase until the grant. Pinning takes some
#: ms, so the grant has to wait for the move, and not longer than the driver does (0.5 s). A request waits for 1 s, and
#: the first pause takes 0.5 s (``Policy``).
PHASES = {
    "while pinning": (("grant", 0.45), "ls /run/vpro-fleet/*.journal", 0.0),
    "before the grant": (("grant", 0.45), "{asked}", 0.0),
    "while it does not answer": (("silent", 0.0), "{asked}", 0.0),
    "in the pause": (("silent", 0.0), "{asked}", 1.2),
}


def move(scene: Scene, phase: str) -> None:
    """Let CSME move to the other access point in a phase, and then give the radio away."""
    (answer, after), until, seconds = PHASES[phase]
    # Nobody serves addresses at the second one, so a real CSME would take its radio back.
    scene.csme.waits(0)
    # What the host does with CSME's word is not the subject here.
    scene.csme.quiet()
    scene.csme.answers(answer, after)

    def moves(csme: Csme) -> None:
        csme.connection(ssid=DEFAULT_SSID, bssid=ELSEWHERE)
        if answer != "grant":
            csme.answers("grant")

    wait = f"until {until.format(asked=scene.csme.asked())} >/dev/null 2>&1; do sleep 0.01; done; sleep {seconds}"
    steps = f"{wait}\n{as_script(scene.laptop, moves)}"
    scene.laptop.guest.spawn("roam", ["sh", "-c", steps], "/run/roam.log")


def followed(scene: Scene) -> None:
    """Check that the host is where CSME went, and that no pin is left."""
    assert scene.csme.state()["connection"].startswith(f"ssid={DEFAULT_SSID.hex()} bssid={ELSEWHERE}")
    assert f"Connected to {ELSEWHERE}" in scene.laptop.guest.check(f"iw dev {INTERFACE} link")
    assert scene.laptop.pins() == ""


def phases(*chosen: str, networkmanager: str = "") -> List[Any]:
    """Return all phases for a test. CI runs those that were chosen, and one with NetworkManager as well."""
    marks = {each: [] if each in chosen else [pytest.mark.release] for each in PHASES}
    if networkmanager:
        marks[networkmanager].append(pytest.mark.with_networkmanager)
    return [pytest.param(each, marks=marks[each]) for each in PHASES]


@pytest.mark.parametrize("phase", phases("before the grant", "while it does not answer"))
def test_the_host_follows_it(stage: Stage, phase: str) -> None:
    scene = stage(session=False, ap_extra=BOTH)
    move(scene, phase)
    assert own(scene)["outcome"] == "connected"
    followed(scene)


@pytest.mark.parametrize("phase", phases("while pinning", "in the pause", networkmanager="in the pause"))
def test_the_watcher_follows_it(watched: Stage, phase: str) -> None:
    scene = watched(session=False, ap_extra=BOTH, start=False)
    laptop = scene.laptop
    move(scene, phase)
    laptop.guest.check(f"systemctl start {laptop.service}", timeout=120)
    laptop.wait_until("the end", lambda: state(laptop)["last_handover"] is not None, 40)
    assert state(laptop)["last_handover"]["outcome"] == "connected", log(laptop)
    free(scene, 40)
    followed(scene)


@pytest.mark.manager("wpa_supplicant")
def test_a_network_is_followed_if_the_host_has_a_profile_and_told_if_not(watched: Stage) -> None:
    scene = watched(session=False, start=False)
    guest = scene.laptop.guest
    scene.csme.answers("silent")

    def asked(times: int) -> str:
        return f"until {scene.csme.asked(times)}; do sleep 0.02; done"

    def to(ssid: bytes) -> str:
        return as_script(scene.laptop, lambda csme: csme.connection(ssid=ssid))

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
