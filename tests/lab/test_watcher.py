# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher: it hands radios over by itself, and keeps the host at its access point while CSME says so."""

from __future__ import annotations

from typing import Callable

import pytest

from vpro_lab.air.csme import Csme
from vpro_lab.air.scene import Scene
from vpro_lab.air.security import PASSPHRASE, keyfile
from vpro_lab.laptop.control import INTERFACE
from vpro_lab.laptop.networkmanager import PROFILES
from vpro_lab.play.deployed import SERVICE, TOO_LATE, is_connected, is_unpinned
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import drops, free, log, start_supplicant, state, wait_for

Watched = Callable[..., Scene]


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
    # Without a block, a radio whose interface is down has an owner that nobody can tell.
    assert state(scene.laptop)["radios"][0]["reason"] in (
        ("no_credentials",) if scene.csme.blocks_at_once else ("owner_unknown", None)
    )
    start_supplicant(scene)
    wait_for(scene, "staying")
    assert scene.session.survives(), log(scene.laptop)
    scene.csme.roaming(forbidden=True)
    link = scene.laptop.wpa("status")
    assert "corp-wifi" in link
    assert scene.laptop.pins() != ""
    profiles = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]["supplicant"]["profiles"]
    assert [profile["ssid"] for profile in profiles if profile["pinned"]] == ["corp-wifi"]
    assert state(scene.laptop)["last_handover"]["outcome"] == "protected"
    scene.csme.roaming(forbidden=False)
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
    scene.csme.answers("grant", after=0.45)
    pid = guest.check(f"systemctl show -P MainPID {SERVICE}").strip()
    requested = f"until {scene.csme.asked()}; do sleep 0.02; done"
    guest.spawn("late", ["sh", "-c", f"{requested}; kill -STOP {pid}"], "/run/lab-late.log")
    before = drops(scene.laptop)
    start_supplicant(scene)
    scene.laptop.wait_until("the connection", lambda: is_connected(scene.laptop), 40)
    guest.check(f"kill -CONT {pid}")
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=False)
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


def number_of(scene: Scene) -> str:
    """Return the number that wpa_supplicant gave the scene's network."""
    lines = scene.laptop.wpa("list_networks").splitlines()
    return next(line.split("\t")[0] for line in lines if f"\t{scene.ap.ssid.decode()}\t" in line)


@pytest.mark.manager("wpa_supplicant")
def test_a_network_that_is_enabled_by_hand_is_found_by_a_slow_look(watched: Watched) -> None:
    scene = watched(start=False)
    guest = scene.laptop.guest
    conf = f"/etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf"
    guest.check(f"sed -i 's/^network={{/&\\n\\tdisabled=1/' {conf}")
    start_supplicant(scene)
    scene.laptop.wait_supplicant()
    wait_for(scene, "left")
    assert state(scene.laptop)["radios"][0]["reason"] == "no_credentials"
    # wpa_supplicant reports this to nobody.
    scene.laptop.wpa(f"enable_network {number_of(scene)} no-connect")
    wait_for(scene, "staying", seconds=150)
    assert scene.session.survives(), log(scene.laptop)


@pytest.mark.manager("wpa_supplicant")
def test_a_network_that_was_set_aside_is_tried_when_the_host_has_the_radio_and_not_before(watched: Watched) -> None:
    scene = watched(session=False)
    laptop = scene.laptop
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=False)
    free(scene)
    number = number_of(scene)
    # The results of its scans are too old by then, but for this.
    laptop.wpa("set scan_res_valid_for_connect 120")
    laptop.wpa(f"set_network {number} psk '\"another passphrase\"'")
    laptop.wpa("reassociate")
    laptop.wait_until("its failure", lambda: "[TEMP-DISABLED]" in laptop.wpa("list_networks"), 60)
    laptop.wpa(f"set_network {number} psk '\"{PASSPHRASE}\"'")
    scene.csme.answers("silent")
    requests = scene.csme.state()["requests"]
    since = laptop.mark()
    scene.csme.take()
    laptop.wait_until("the request", lambda: scene.csme.state()["requests"] != requests, 10)
    said = laptop.said(since, laptop.service)
    assert "CTRL-EVENT-SSID-REENABLED" in said, said
    assert "Trying to" not in said, "it was tried through the blocked radio"
    scene.csme.answers("grant")
    wait_for(scene, "staying")
    assert state(laptop)["last_handover"]["outcome"] == "protected", log(laptop)


@pytest.mark.manager("wpa_supplicant")
def test_a_task_that_changes_only_the_running_supplicant_is_heard_at_once(watched: Watched) -> None:
    scene = watched(start=False)
    profile = {"interface": INTERFACE, "ssid": "corp-wifi", "security": "psk", "passphrase": PASSPHRASE}
    run_module(scene.laptop, "amt_wifi_profile", profile)
    start_supplicant(scene)
    wait_for(scene, "staying")
    # The file keeps the network as it is declared, so no change of it is heard either.
    scene.laptop.wpa(f"remove_network {number_of(scene)}")
    scene.csme.take()
    wait_for(scene, "left")
    requests = scene.csme.state()["requests"]
    result = run_module(scene.laptop, "amt_wifi_profile", profile)
    assert (result["file"]["changed"], result["runtime"]["changed"]) == (False, True)
    # The slow look would come after a minute.
    scene.laptop.wait_until("the request", lambda: scene.csme.state()["requests"] != requests, 30)


@pytest.mark.release
@pytest.mark.with_networkmanager
def test_after_failures_it_tries_again_slowly_and_everybody_says_so(watched: Watched) -> None:
    scene = watched(session=False, start=False)
    scene.ap.stop()
    start_supplicant(scene)

    def left() -> str:
        radio = state(scene.laptop)["radios"][0]
        return str(radio["reason"]) if radio["state"] == "left" and radio["reason"] != "no_credentials" else ""

    scene.laptop.wait_until("the end of the first tries", lambda: left() != "", 120)
    reason = left()
    status = scene.laptop.guest.check(f"{SERVICE} status")
    assert f"because: {reason}" in status
    assert "The watcher looks again within ten minutes" in status
    check = scene.laptop.guest.run(f"{SERVICE} check")
    assert (check.rc, "left_to_csme" in check.out) == (1, True)
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert [blocker["code"] for blocker in facts["readiness"]["blockers"]] == ["left_to_csme"]
    requests = int(scene.csme.state()["requests"])
    scene.laptop.wait_until("the slow try", lambda: int(scene.csme.state()["requests"]) > requests, 90)


@pytest.mark.manager("wpa_supplicant")
def test_a_control_socket_of_another_group_keeps_the_laptop_from_being_ready(watched: Watched) -> None:
    scene = watched(group="netdev")
    guest = scene.laptop.guest
    scene.laptop.wait_until(
        "its word", lambda: "this user may not use the supplicant's control directory" in log(scene.laptop), 30
    )
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


@pytest.mark.parametrize("generation", ["", pytest.param("driver", marks=pytest.mark.standin)])
def test_a_radio_that_csme_takes_comes_back_at_once(watched: Watched, generation: str) -> None:
    scene = watched(generation=generation)
    if generation == "driver":
        scene.csme.take()
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=True)
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
    scene.csme.roaming(forbidden=True)
    wait_for(scene, "staying")
    assert "corp-wifi: bssid 02:00:00:00:01:00 scan_freq FAIL" in scene.laptop.pins()
    scene.csme.roaming(forbidden=False)
    free(scene)
    assert drops(scene.laptop) == before, "the link was dropped"


def test_the_task_and_the_watcher_tell_the_truth_side_by_side(watched: Watched) -> None:
    scene = watched()
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=True)
    result = run_module(scene.laptop, "amt_wifi_ownership")
    assert (result["changed"], result["owner"]) == (False, "host")
    assert state(scene.laptop)["state"] == "staying"
    assert scene.laptop.pins() != "", "the task did not undo what the watcher holds"
    assert scene.csme.state()["requests"] == "1"
    assert scene.session.survives()


@pytest.mark.standin
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


@pytest.mark.release
def test_it_is_small_and_sleeps(watched: Watched) -> None:
    scene = watched(session=False)
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=False)
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


@pytest.mark.manager("wpa_supplicant")
@pytest.mark.parametrize("ended", ["never", "at once"])
def test_whether_the_session_was_kept_is_csmes_word(watched: Watched, ended: str) -> None:
    scene = watched()
    wait_for(scene, "staying")
    assert state(scene.laptop)["last_handover"]["session_kept"] is None, "nobody has said anything yet"
    scene.csme.roaming(forbidden=True)
    if ended == "never":
        scene.laptop.guest.check("sleep 20", timeout=90)
        assert state(scene.laptop)["last_handover"]["session_kept"] is None, "a report that is too old"
        scene.csme.roaming(forbidden=True)
    else:
        scene.csme.roaming(forbidden=False)
    kept = ended == "never"
    scene.laptop.wait_until("CSME's word", lambda: state(scene.laptop)["last_handover"]["session_kept"] is kept, 30)
    assert ("session was kept" if kept else "session ended within seconds") in log(scene.laptop)
