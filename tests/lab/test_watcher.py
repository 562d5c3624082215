# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher: it hands radios over by itself, and strands nobody whatever happens to it."""

from __future__ import annotations

from typing import Any, Callable, Dict

import pytest

from ansible_collections.vpro.fleet.tests.schema import check_watcher_state
from vpro_lab.air.csme import Csme
from vpro_lab.air.scene import Scene
from vpro_lab.air.security import PASSPHRASE, keyfile
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.laptop.networkmanager import PROFILES
from vpro_lab.play.deployed import SERVICE, TOO_LATE, is_connected, is_unpinned, watcher_state
from vpro_lab.play.playbook import run_module

Watched = Callable[..., Scene]


def state(laptop: Laptop) -> Dict[str, Any]:
    """Return the watcher's state, which has to be as the schema says."""
    return check_watcher_state(watcher_state(laptop))


def wait_for(scene: Scene, *states: str, seconds: float = 30) -> None:
    """Wait until the watcher says that it is in one of *states*. One that starts says nothing yet."""
    there = f"test -e /run/{SERVICE}/state.json"
    scene.laptop.wait_until(
        f"the watcher's {states}",
        lambda: scene.laptop.guest.run(there).rc == 0 and state(scene.laptop)["state"] in states,
        seconds,
    )


def log(laptop: Laptop) -> str:
    """Return what the watcher said since it was started last."""
    return laptop.guest.check(
        f"journalctl --sync; journalctl -b -o cat _SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID {SERVICE})"
    )


def free(scene: Scene, seconds: float = 30) -> None:
    """Wait until nothing of a pin is left."""
    scene.laptop.wait_until("the pin's end", lambda: scene.laptop.pins() == "", seconds, 0.5)


def drops(laptop: Laptop) -> int:
    """Return how often the laptop's supplicant lost its link since the boot."""
    return laptop.guest.check("journalctl -b -u 'wpa_supplicant*' -o cat").count("CTRL-EVENT-DISCONNECTED")


def start_supplicant(scene: Scene) -> None:
    """Start the laptop's supplicant, as a boot does after the watcher."""
    scene.laptop.guest.check(f"systemctl start {scene.laptop.service}")


@pytest.mark.parametrize(
    ("security", "leave"),
    [
        pytest.param("wpa2-psk", "deauth", marks=pytest.mark.with_networkmanager),
        # With PMF the access point asks CSME's station first (SA Query), for a second: with NetworkManager's own time
        # added, an emulated machine is at the end of the operator's patience.
        pytest.param("wpa3-sae", "silent", marks=pytest.mark.manager("wpa_supplicant")),
        pytest.param("wpa3-sae", "deauth", marks=pytest.mark.manager("networkmanager")),
    ],
)
def test_the_session_is_kept_and_the_host_is_held_to_its_end(watched: Watched, security: str, leave: str) -> None:
    scene = watched(security=security, leave=leave, start=False)
    assert state(scene.laptop)["radios"][0]["reason"] == "no_credentials"
    start_supplicant(scene)
    wait_for(scene, "staying")
    assert scene.session.survives(), log(scene.laptop)
    scene.csme.control("roaming forbidden")
    link = scene.laptop.wpa("status")
    assert "corp-wifi" in link
    assert scene.laptop.pins() != ""
    profiles = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]["supplicant"]["profiles"]
    assert [profile["ssid"] for profile in profiles if profile["pinned"]] == ["corp-wifi"]
    assert state(scene.laptop)["last_handover"]["outcome"] == "protected"
    scene.csme.control("roaming allowed")
    scene.laptop.wait_until("the pin's end", lambda: is_unpinned(scene.laptop, security), 30, 0.5)
    assert scene.session.survives(), "un-pinning dropped the link"
    assert scene.csme.state()["requests"] == "1"


@pytest.mark.manager("wpa_supplicant")
@pytest.mark.parametrize("security", ["wpa3-sae", pytest.param("wpa2-eap", marks=pytest.mark.release)])
def test_a_link_is_not_dropped_by_a_watcher_that_comes_too_late_for_its_frequencies(
    watched: Watched, security: str
) -> None:
    scene = watched(security=security, start=False)
    guest = scene.laptop.guest
    # It gets no processor from its request until the host is connected.
    scene.csme.control("grant_delay 450")
    pid = guest.check(f"systemctl show -P MainPID {SERVICE}").strip()
    requested = f"until grep -q requests=1 {scene.csme.folder}/control; do sleep 0.02; done"
    guest.spawn("late", ["sh", "-c", f"{requested}; kill -STOP {pid}"], "/run/lab-late.log")
    before = drops(scene.laptop)
    start_supplicant(scene)
    scene.laptop.wait_until("the connection", lambda: is_connected(scene.laptop), 40)
    guest.check(f"kill -CONT {pid}")
    wait_for(scene, "staying")
    scene.csme.control("roaming allowed")
    wait_for(scene, "watching")
    assert scene.session.survives(), log(scene.laptop)
    assert drops(scene.laptop) == before, "the link was dropped"
    assert TOO_LATE in log(scene.laptop), "it was not late"
    assert "corp-wifi: bssid any scan_freq 2437" in scene.laptop.pins()
    # With the link, its narrowness ends.
    scene.ap.stop()
    free(scene)
    assert guest.run("ls /run/vpro-fleet/*.journal").rc != 0


@pytest.mark.manager("networkmanager")
@pytest.mark.with_networkmanager
def test_a_networkmanager_that_obeys_root_alone_leaves_csme_its_radio(watched: Watched) -> None:
    scene = watched(start=False)
    guest = scene.laptop.guest
    # polkit would say yes, and is not asked.
    guest.write("/etc/NetworkManager/conf.d/lab-auth.conf", "[main]\nauth-polkit=root-only\n")
    try:
        start_supplicant(scene)
        refused = "does not let this user bring profiles up"
        scene.laptop.wait_until("its word", lambda: refused in log(scene.laptop), 60)
        assert scene.csme.state()["requests"] == "0"
        assert scene.session.survives()
    finally:
        guest.check("rm /etc/NetworkManager/conf.d/lab-auth.conf")
    guest.check(f"systemctl restart {scene.laptop.service}")
    wait_for(scene, "staying", seconds=60)
    assert scene.session.survives(), log(scene.laptop)


@pytest.mark.manager("networkmanager")
@pytest.mark.with_networkmanager
def test_a_look_at_every_channel_that_begins_with_the_connection_is_ended(watched: Watched) -> None:
    scene = watched(start=False)
    # One that was queued behind that at CSME's channel does so by itself, in one of twenty.
    # While another runs, this one is refused.
    scan = f"for n in $(seq 40); do wpa_cli -i {INTERFACE} scan | grep OK && break; sleep 0.05; done"
    look = f"iw event | {{ grep -m1 '{INTERFACE}.*: connected to'; {scan}; }}"
    scene.laptop.guest.spawn("look", ["sh", "-c", look], "/run/lab-look.log")
    start_supplicant(scene)
    wait_for(scene, "staying")
    assert scene.session.survives(), log(scene.laptop)
    assert "OK" in scene.laptop.guest.read("/run/lab-look.log"), "nobody looked"


@pytest.mark.manager("networkmanager")
@pytest.mark.with_networkmanager
def test_a_profile_that_the_watchers_user_may_not_read_is_in_nobodys_way(watched: Watched) -> None:
    scene = watched(start=False)
    # NetworkManager lists it to everybody, and tells it to root and that user alone.
    theirs = keyfile("theirs", "open", b"theirs", "[connection]\npermissions=user:nobody:;\n")
    scene.laptop.guest.write(f"{PROFILES}/theirs.nmconnection", theirs, mode=0o600)
    start_supplicant(scene)
    wait_for(scene, "staying")
    assert "theirs" in scene.laptop.guest.check("nmcli -g NAME connection show")
    assert "can't be read" not in log(scene.laptop)
    assert scene.session.survives(), log(scene.laptop)


@pytest.mark.with_networkmanager
def test_without_credentials_the_radio_stays_and_a_profile_brings_it_over(watched: Watched) -> None:
    scene = watched(credentials=False)
    wait_for(scene, "left")
    assert scene.session.survives()
    assert scene.csme.state()["requests"] == "0"
    # State, command, log and facts say which profile is wanted.
    wanted = state(scene.laptop)["radios"][0]["wanted"]
    assert (wanted["ssid"], wanted["auth"]) == ("corp-wifi", "psk")
    assert "'corp-wifi'" in scene.laptop.guest.check(f"{SERVICE} status")
    check = scene.laptop.guest.run(f"{SERVICE} check")
    assert (check.rc, "no_profile" in check.out) == (1, True)
    assert "no enabled profile" in log(scene.laptop)
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert [blocker["code"] for blocker in facts["readiness"]["blockers"]] == ["no_profile"]
    assert facts["watcher"]["running"] is True
    # Somebody adds it: nothing has to be told to the watcher.
    profile = {"interface": INTERFACE, "ssid": "corp-wifi", "security": "psk", "passphrase": PASSPHRASE}
    assert run_module(scene.laptop, "amt_wifi_profile", profile)["changed"] is True
    wait_for(scene, "staying")
    assert scene.session.survives(), log(scene.laptop)
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert facts["readiness"]["ready"] is True
    assert facts["watcher"]["last_handover"]["outcome"] == "protected"


@pytest.mark.manager("wpa_supplicant")
def test_a_control_socket_of_another_group_keeps_the_laptop_from_being_ready(watched: Watched) -> None:
    scene = watched(group="netdev")
    guest = scene.laptop.guest
    scene.laptop.wait_until("its word", lambda: "control directory is not for this user" in log(scene.laptop), 30)
    assert scene.session.survives()
    assert scene.csme.state()["requests"] == "0"
    # Root can use it all the same.
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert facts["supplicant"]["manager"] == "wpa_supplicant"
    assert [blocker["code"] for blocker in facts["readiness"]["blockers"]] == ["supplicant_unusable"]
    check = guest.run(f"{SERVICE} check")
    assert (check.rc, "supplicant_unusable" in check.out) == (1, True)
    # As the role does it.
    guest.check(f"sed -i s/GROUP=netdev/GROUP={SERVICE}/ /etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf")
    guest.check(f"systemctl restart {scene.laptop.service}")
    wait_for(scene, "staying")
    assert scene.session.survives(), log(scene.laptop)
    check = guest.run(f"{SERVICE} check")
    assert (check.rc, check.out) == (0, "A handover would succeed here now\n")


@pytest.mark.parametrize("generation", ["userspace", "driver"])
def test_a_radio_that_csme_takes_comes_back_at_once(watched: Watched, generation: str) -> None:
    scene = watched(generation=generation)
    if generation == "driver":
        scene.csme.take()
    wait_for(scene, "staying")
    scene.csme.control("roaming forbidden")
    assert scene.session.survives()
    scene.csme.take()
    scene.laptop.wait_until("the second request", lambda: int(scene.csme.state()["requests"]) >= 2, 10)
    wait_for(scene, "staying")
    assert scene.session.survives(), log(scene.laptop)


def test_roaming_that_is_forbidden_pins_a_host_that_is_connected(watched: Watched) -> None:
    scene = watched(session=False)
    scene.csme.release()
    scene.laptop.wait_until("the connection", lambda: is_connected(scene.laptop), 40)
    free(scene)
    before = drops(scene.laptop)
    scene.csme.control("roaming forbidden")
    wait_for(scene, "staying")
    assert "corp-wifi: bssid 02:00:00:00:01:00 scan_freq FAIL" in scene.laptop.pins()
    scene.csme.control("roaming allowed")
    free(scene)
    assert drops(scene.laptop) == before, "the link was dropped"


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


def test_a_lost_access_point_frees_the_host(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.csme.control("roaming forbidden")
    scene.ap.stop()
    free(scene)
    assert state(scene.laptop)["state"] == "watching"


def test_the_task_and_the_watcher_tell_the_truth_side_by_side(watched: Watched) -> None:
    scene = watched()
    wait_for(scene, "staying")
    scene.csme.control("roaming forbidden")
    result = run_module(scene.laptop, "amt_wifi_ownership")
    assert (result["changed"], result["owner"]) == (False, "host")
    assert state(scene.laptop)["state"] == "staying"
    assert scene.laptop.pins() != "", "the task did not undo what the watcher holds"
    assert scene.csme.state()["requests"] == "1"
    assert scene.session.survives()


def test_a_driver_that_is_loaded_anew_is_watched_again(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.laptop.radios()
    scene.laptop.wait_until("the new radio", lambda: state(scene.laptop)["state"] in ("watching", "no_radio"), 20)
    assert scene.laptop.guest.run("ls /run/vpro-fleet/*.journal").rc != 0
    scene.csme.control("connection none")
    scene.csme.own()
    scene.laptop.wait_until("the radio to come over", lambda: scene.csme.state()["owner"] == "host", 20)


def test_several_radios_are_guarded_each_for_itself(watched: Watched) -> None:
    scene = watched(radios=4, second="wlan3", start=False)
    guarded = scene.laptop
    other = Csme(guarded.guest, "csme_standin2")
    assert {radio["interface"] for radio in state(guarded)["radios"]} == {"wlan0", "wlan3"}
    start_supplicant(scene)
    wait_for(scene, "staying")
    # The other is taken and given meanwhile, with nothing to protect on it.
    other.take()
    guarded.wait_until("the second radio", lambda: other.state()["owner"] == "host", 20)
    assert scene.session.survives(), log(guarded)
    assert {radio["interface"]: radio["state"] for radio in state(guarded)["radios"]} == {
        "wlan0": "staying",
        "wlan3": "watching",
    }
    # One of them goes.
    guarded.guest.check("iw dev wlan3 del")
    guarded.wait_until("its end", lambda: [radio["interface"] for radio in state(guarded)["radios"]] == ["wlan0"], 20)
    assert scene.session.survives()


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


@pytest.mark.release
def test_it_is_small_and_sleeps(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.csme.control("roaming allowed")
    free(scene)
    pid = scene.laptop.guest.check(f"systemctl show -P MainPID {SERVICE}").strip()
    script = (
        f"grep VmRSS /proc/{pid}/status; ls /proc/{pid}/task | wc -l; "
        f"a=$(awk '/^voluntary/ {{print $2}}' /proc/{pid}/status); sleep 60; "
        f"b=$(awk '/^voluntary/ {{print $2}}' /proc/{pid}/status); echo $((b - a))"
    )
    rss, tasks, wakes = scene.laptop.guest.check(script, timeout=120).splitlines()
    print(f"resident: {rss}, {tasks} thread(s), {wakes} wake-up(s) in a minute")
    assert tasks == "1"
    # With Debian 12's own Python and pyroute2; newer ones bring more of their own, and so does what speaks with D-Bus.
    most = {"wpa_supplicant": 16, "networkmanager": 17}[scene.laptop.manager]
    assert scene.laptop.image.suite != "bookworm" or int(rss.split()[1]) <= most * 1024
    # One or two signs of life for systemd; nothing else wakes it.
    assert int(wakes) <= 2
