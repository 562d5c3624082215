# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher: it strands nobody whatever happens to it, to the radio and to the laptop."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from vpro_lab.air.ap import BSSID
from vpro_lab.air.firmware import csme_of
from vpro_lab.air.scene import Scene
from vpro_lab.air.security import SECURITY
from vpro_lab.laptop.control import INTERFACE
from vpro_lab.play.deployed import SERVICE
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import free, log, start_supplicant, state, wait_for

Watched = Callable[..., Scene]


@pytest.mark.with_networkmanager
def test_killed_at_each_step_it_strands_nobody(watched: Watched) -> None:
    scene = watched(session=False, start=False)
    laptop = scene.laptop

    def kill() -> None:
        life = f"systemctl show -P InvocationID -P ActiveState {SERVICE}"
        before = laptop.guest.check(life)
        laptop.guest.check(f"systemctl kill -s KILL {SERVICE}")

        def reborn() -> bool:
            now = laptop.guest.check(life)
            return now != before and "\nactive" in f"\n{now}"

        laptop.wait_until("its next life", reborn, 30)

    # Pinned, and no answer to its request yet.
    scene.csme.answers("silent")
    start_supplicant(scene)
    laptop.wait_until("the request", lambda: int(scene.csme.state()["requests"]) > 0, 30)
    assert laptop.pins() != ""
    scene.csme.answers("deny")
    kill()
    # Below NetworkManager there is nothing to undo before the block lifts.
    assert ("is undone" in log(laptop)) == (laptop.manager == "wpa_supplicant")
    # Granted, and no access point that answers.
    scene.ap.stop()
    scene.csme.waits(0)
    scene.csme.answers("grant")
    laptop.wait_until("the grant", lambda: scene.csme.state()["owner"] == "host", 60)
    kill()
    free(scene)


def test_a_channel_that_can_not_be_read_ends_no_session_and_the_reason_is_told(watched: Watched) -> None:
    scene = watched(start=False)
    guest = scene.laptop.guest
    scheme = SECURITY[scene.ap.security]
    scene.csme.connection(ssid=scene.ap.ssid, channel=255, auth=scheme.auth, cipher=scheme.cipher)
    start_supplicant(scene)

    def reason() -> Any:
        return state(scene.laptop)["radios"][0]["reason"]

    scene.laptop.wait_until("the reason", lambda: reason() == "csme_unreadable", 45)
    assert state(scene.laptop)["radios"][0]["wanted"]["ssid"] == scene.ap.ssid.decode()
    assert "There is no channel 255" in log(scene.laptop)
    told = guest.check("amt-wifi-watcher status")
    assert "nothing to do" not in told, told
    assert "because: csme_unreadable" in told, told
    assert "csme_unreadable: " in guest.run("amt-wifi-watcher check").out
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    csme = next(radio["csme"] for radio in facts["radios"] if radio["interface"] == INTERFACE)
    assert (csme["ssid"], csme["channel"], csme["frequencies"]) == (scene.ap.ssid.decode(), None, [])
    assert any(each["what"].endswith(".csme.channel") for each in facts["unreadable"])
    assert scene.csme.state()["requests"] == "0"
    assert scene.session.survives()
    # When it can be read, it goes on by itself.
    scene.csme.on(scene.ap)
    wait_for(scene, "staying", seconds=60)
    assert scene.session.survives(), log(scene.laptop)


def test_a_host_that_is_held_is_freed_when_its_watcher_is_killed_or_stopped(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=True)
    assert scene.laptop.pins() != ""
    scene.laptop.guest.check(f"systemctl kill -s KILL {SERVICE}")
    free(scene)
    assert "wpa_state=COMPLETED" in scene.laptop.wpa("status"), "the link stays"
    scene.csme.roaming(forbidden=True)
    wait_for(scene, "staying")
    scene.laptop.guest.check(f"systemctl stop {SERVICE}")
    assert scene.laptop.pins() == ""
    assert "wpa_state=COMPLETED" in scene.laptop.wpa("status")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("systemctl kill -s KILL {service}; systemctl start {service}", id="supplicant killed"),
        pytest.param("rfkill block wlan; sleep 1; rfkill unblock wlan", id="airplane mode", marks=pytest.mark.release),
        pytest.param("ip link set wlan0 down", id="interface down", marks=pytest.mark.release),
    ],
)
def test_what_happens_while_it_holds_ends_unpinned_or_held_again(watched: Watched, fault: str) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.laptop.guest.check(fault.format(service=scene.laptop.service))
    # No word of CSME's that roaming is forbidden: whatever was pinned again is free within its time.
    wait_for(scene, "watching", "left", seconds=40)
    scene.laptop.wait_supplicant()
    free(scene)


@pytest.mark.manager("wpa_supplicant")
def test_a_network_that_somebody_disables_while_it_holds_stays_disabled(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=True)
    laptop = scene.laptop
    number = next(line.split("=")[1] for line in laptop.wpa("status").splitlines() if line.startswith("id="))
    laptop.wpa(f"disable_network {number}")  # this drops the link, which ends the stay
    wait_for(scene, "watching")
    laptop.wait_until("its access point's end", lambda: BSSID not in laptop.wpa("list_networks"), 10)
    listed = next(line for line in laptop.wpa("list_networks").splitlines() if line.startswith(f"{number}\t"))
    assert "[DISABLED]" in listed


def test_a_lost_access_point_frees_the_host(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=True)
    scene.ap.stop()
    free(scene)
    assert state(scene.laptop)["state"] == "watching"


def test_a_driver_that_is_loaded_anew_is_watched_again(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.laptop.radios()
    scene.laptop.wait_until("the new radio", lambda: state(scene.laptop)["state"] in ("watching", "no_radio"), 20)
    assert scene.laptop.guest.run("ls /run/vpro-fleet/*.journal").rc != 0
    csme = csme_of(scene.laptop, begun=False)
    csme.reports_none()
    csme.own()
    scene.laptop.wait_until("the radio to come over", lambda: csme.state()["owner"] == "host", 20)


@pytest.mark.release
def test_a_storm_of_events_that_overruns_it_is_overcome(watched: Watched) -> None:
    scene = watched(session=False)
    guarded = scene.laptop
    wait_for(scene, "staying")
    # More than its socket holds while it does not read; CSME's word is among what gets lost.
    guarded.guest.check(
        f"systemctl kill -s STOP {SERVICE}; p=$(cat /sys/class/net/{INTERFACE}/phy80211/name); "
        "for i in $(seq 250); do iw phy $p interface add storm0 type monitor; iw dev storm0 del; done",
        timeout=120,
    )
    scene.csme.roaming(forbidden=False)
    guarded.guest.check(f"systemctl kill -s CONT {SERVICE}")
    guarded.wait_until("the overrun", lambda: "the kernel dropped events" in log(guarded), 20)
    # It never heard that the host may roam. When CSME says nothing more, its patience ends.
    free(scene, 40)
    scene.csme.take()
    wait_for(scene, "staying")
    assert int(scene.csme.state()["grants"]) == 2
