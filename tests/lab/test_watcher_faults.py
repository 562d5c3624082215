# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher: it strands nobody whatever happens to it, to the radio and to the laptop."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from vpro_lab.air.ap import BSSID
from vpro_lab.air.scene import Scene
from vpro_lab.air.security import SECURITY
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.play.deployed import SERVICE, is_connected
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import free, log, start_supplicant, state, wait_for

Watched = Callable[..., Scene]
#: The library that the watcher needs, as Debian's package has it.
LIBRARY = "/usr/lib/python3/dist-packages/pyroute2"


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
    scene.csme.control("answer silent")
    start_supplicant(scene)
    laptop.wait_until("the request", lambda: int(scene.csme.state()["requests"]) > 0, 30)
    assert laptop.pins() != ""
    scene.csme.control("answer deny")
    kill()
    # Below NetworkManager there is nothing to undo before the block lifts.
    assert ("is undone" in log(laptop)) == (laptop.manager == "wpa_supplicant")
    # Granted, and no access point that answers.
    scene.ap.stop()
    scene.csme.control("deadline 0")
    scene.csme.control("answer grant")
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
    scene.csme.control("roaming forbidden")
    assert scene.laptop.pins() != ""
    scene.laptop.guest.check(f"systemctl kill -s KILL {SERVICE}")
    free(scene)
    assert "wpa_state=COMPLETED" in scene.laptop.wpa("status"), "the link stays"
    scene.csme.control("roaming forbidden")
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
    scene.csme.control("roaming forbidden")
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
    scene.csme.control("roaming forbidden")
    scene.ap.stop()
    free(scene)
    assert state(scene.laptop)["state"] == "watching"


def test_a_driver_that_is_loaded_anew_is_watched_again(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.laptop.radios()
    scene.laptop.wait_until("the new radio", lambda: state(scene.laptop)["state"] in ("watching", "no_radio"), 20)
    assert scene.laptop.guest.run("ls /run/vpro-fleet/*.journal").rc != 0
    scene.csme.control("connection none")
    scene.csme.own()
    scene.laptop.wait_until("the radio to come over", lambda: scene.csme.state()["owner"] == "host", 20)


def test_a_suspend_ends_with_the_host_free_or_held_again(watched: Watched) -> None:
    scene = watched(session=False)
    guarded = scene.laptop
    wait_for(scene, "staying")
    # The kernel's own test of suspend: all drivers suspend, and resume after a second, with nothing needed to wake it.
    # CSME takes the radio meanwhile, which the laptop learns of when it wakes. The kernel counts that second with the
    # processor, which takes an emulated one 30 s; by itself it would be five.
    guarded.guest.check(
        "echo 1 > /sys/module/suspend/parameters/pm_test_delay; echo devices > /sys/power/pm_test; "
        "(sleep 0.2; echo take > /sys/kernel/debug/csme_standin/control) & "
        "echo freeze > /sys/power/state; echo none > /sys/power/pm_test; wait",
        timeout=60,
    )
    assert "PM: suspend exit" in guarded.guest.check("dmesg")
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
    scene.csme.control("roaming allowed")
    guarded.guest.check(f"systemctl kill -s CONT {SERVICE}")
    guarded.wait_until("the overrun", lambda: "the kernel dropped events" in log(guarded), 20)
    # It never heard that the host may roam. When CSME says nothing more, its patience ends.
    free(scene, 40)
    scene.csme.take()
    wait_for(scene, "staying")
    assert int(scene.csme.state()["grants"]) == 2


def seconds_of_start(laptop: Laptop) -> float:
    """Return how long systemd waited for the watcher's start, which everything that uses a network waits for."""
    shown = laptop.guest.check(
        f"systemctl show -P InactiveExitTimestampMonotonic -P ActiveEnterTimestampMonotonic {SERVICE}"
    )
    begun, ended = (int(line) for line in shown.split())
    assert ended >= begun > 0, "it is not active"
    return (ended - begun) / 1e6


@pytest.mark.parametrize(
    ("take", "give", "what"),
    [
        pytest.param(f"mv {LIBRARY} {LIBRARY}.hidden", f"mv {LIBRARY}.hidden {LIBRARY}", "pyroute2", id="pyroute2"),
        pytest.param(
            "rm /dev/rfkill", "mknod -m 0664 /dev/rfkill c 10 242", "this kernel has no rfkill", id="rfkill's device"
        ),
    ],
)
def test_a_watcher_that_lacks_something_is_in_nobodys_way_and_comes_back(
    watched: Watched, take: str, give: str, what: str
) -> None:
    scene = watched(session=False, start=False)
    laptop = scene.laptop
    laptop.guest.check(f"systemctl restart {SERVICE}")
    usual = seconds_of_start(laptop)
    laptop.guest.check(take)
    try:
        laptop.guest.check(f"systemctl restart {SERVICE}")
        assert seconds_of_start(laptop) < usual + 3, "the boot does not wait for what is missing"
        laptop.guest.check("sleep 5")
        shown = sorted(laptop.guest.check(f"systemctl show -P ActiveState -P NRestarts {SERVICE}").split())
        assert shown == ["0", "active"], log(laptop)
        assert log(laptop).count("waits for what is missing") == 1, log(laptop)
        assert state(laptop)["state"] == "lacking"
        asked = laptop.guest.run(f"{SERVICE} status")
        assert asked.rc == 1
        assert what in asked.err
        # What brings an interface up is not kept waiting either.
        assert laptop.guest.run(f"{SERVICE} bring-up {INTERFACE}").rc != 3
    finally:
        laptop.guest.check(give)
    # Nothing is started again: the watcher hears of it.
    wait_for(scene, "left", "retrying", "handover", "staying", "watching")
    assert laptop.guest.check(f"systemctl show -P NRestarts {SERVICE}").strip() == "0"
    start_supplicant(scene)
    wait_for(scene, "staying")


@pytest.mark.parametrize(
    "remove",
    [
        pytest.param(
            "systemctl stop {service}; rm -r /run/vpro-fleet; systemctl start {service}", id="while it is stopped"
        ),
        pytest.param("rm -r /run/vpro-fleet", id="while it runs"),
        pytest.param(
            "rm -r /run/vpro-fleet; install -d -m 0700 /run/vpro-fleet; touch /run/vpro-fleet/phy0.lock",
            id="made anew by root",
            marks=pytest.mark.release,
        ),
    ],
)
def test_a_watcher_whose_folder_is_removed_gets_a_new_one(watched: Watched, remove: str) -> None:
    scene = watched(session=False, start=False)
    laptop = scene.laptop
    life = f"systemctl show -P InvocationID {SERVICE}"
    before = laptop.guest.check(life)
    laptop.guest.check(remove.format(service=SERVICE))
    laptop.wait_until("its next life", lambda: laptop.guest.check(life) != before, 30)
    wait_for(scene, "left", "retrying", "handover", "staying", "watching")
    assert laptop.guest.check("stat -c '%a %U:%G' /run/vpro-fleet").split() == ["700", f"{SERVICE}:{SERVICE}"]
    assert "226/NAMESPACE" not in laptop.guest.check(f"journalctl -b -u {SERVICE}")
    start_supplicant(scene)
    wait_for(scene, "staying")


@pytest.mark.release
def test_a_full_run_is_said_once_and_waited_for(watched: Watched) -> None:
    scene = watched(session=False, start=False)
    laptop = scene.laptop
    laptop.guest.check(f"systemctl stop {SERVICE}; cat /dev/zero > /run/lab-full 2>/dev/null; test -s /run/lab-full")
    try:
        laptop.guest.check(f"systemctl start {SERVICE}")
        start_supplicant(scene)
        laptop.guest.check("sleep 25")
        assert laptop.guest.check(f"systemctl show -P NRestarts {SERVICE}").strip() == "0", log(laptop)
        assert log(laptop).count("No space left on device") <= 8, log(laptop)
        assert int(scene.csme.state()["requests"]) == 0, "without a journal, nothing is pinned"
    finally:
        laptop.guest.check("rm /run/lab-full")
    wait_for(scene, "staying", seconds=150)
