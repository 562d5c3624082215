# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop whose radio NetworkManager runs: the task hands it over, and leaves nothing of a pin."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, Callable, Dict, List

import pytest

from vpro_lab.air.ap import DEFAULT_SSID
from vpro_lab.air.scene import Scene
from vpro_lab.air.scene import stage as build
from vpro_lab.air.security import keyfile
from vpro_lab.laptop.control import MAC, Laptop
from vpro_lab.laptop.guest import PATIENCE
from vpro_lab.laptop.networkmanager import PROFILES, configure
from vpro_lab.laptop.udev import address, give_address
from vpro_lab.play.handover import kill_both, own
from vpro_lab.play.playbook import run_module

pytestmark = [pytest.mark.manager("networkmanager"), pytest.mark.with_networkmanager]
Stage = Callable[..., Scene]


def kept_to(laptop: Laptop) -> str:
    """Return the access points that the supplicant's networks are kept to; nothing is none."""
    lines = laptop.guest.run("wpa_cli -i wlan0 list_networks").out.splitlines()[1:]
    return " ".join(line.split("\t")[2] for line in lines if line.split("\t")[2] != "any")


def says(laptop: Laptop, command: str, word: str) -> bool:
    """Say whether a word is in what NetworkManager's own program says."""
    return word in laptop.guest.check(f"nmcli {command}")


def log(laptop: Laptop) -> str:
    """Return what NetworkManager and the supplicant said."""
    return laptop.guest.run("journalctl -b -o short-monotonic --no-pager -u NetworkManager -u wpa_supplicant").out


def stored(laptop: Laptop) -> str:
    """Return every profile as NetworkManager stores it, on the disk and in memory."""
    return laptop.guest.run(f"cat {PROFILES}/* /run/NetworkManager/system-connections/*").out


@pytest.mark.parametrize(
    "staging",
    [
        {"channel": 1},  # a number that may also be a channel at 6 GHz
        {"security": "wpa3-sae"},
        {"security": "wpa2-eap", "ssid": b'a"b\\c\xff\x00'},
    ],
    ids=["psk, ambiguous channel", "sae", "eap, any bytes"],
)
def test_the_session_is_kept(stage: Stage, staging: Dict[str, Any]) -> None:
    scene = stage(**staging)
    before = stored(scene.laptop)
    done = own(scene)
    assert (done["changed"], done["owner"], done["outcome"]) == (True, "host", "protected"), done
    assert scene.session.survives(), f"{done}\n{log(scene.laptop)}"
    assert scene.csme.state()["owner"] == "host"
    assert "corp" in scene.laptop.guest.check("nmcli -g NAME connection show --active")
    # Nothing of the pin is left, and nothing of it was ever stored.
    assert kept_to(scene.laptop) == ""
    assert stored(scene.laptop) == before
    again = own(scene)
    assert (again["changed"], again["owner"]) == (False, "host")


def test_networkmanager_by_itself_is_too_late(stage: Stage) -> None:
    scene = stage(session=False)
    # Its own scan of every channel takes longer than CSME waits for a connection.
    assert own(scene, pin=False)["error"]["code"] == "taken_back"
    assert scene.csme.state()["owner"] == "csme"


@pytest.mark.release
def test_a_profile_whose_secret_is_with_a_user_is_none(stage: Stage) -> None:
    scene = stage(extra="psk-flags=1\n")
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    supplicant = facts["supplicant"]
    assert (supplicant["manager"], supplicant["interfaces"]) == ("networkmanager", ["wlan0"])
    assert supplicant["version"] == scene.laptop.guest.check("NetworkManager --version").strip()
    assert {profile["ssid"] for profile in supplicant["profiles"]} == {"corp-wifi", "home", "hotel", "airport"}
    told = {blocker["code"]: blocker["message"] for blocker in facts["readiness"]["blockers"]}
    assert "the agent of a user, who has to log in first (psk-flags 1)" in told["profile_unfit"]
    refused = own(scene)
    assert refused["error"]["code"] == "no_credentials"
    assert "psk-flags 1" in refused["msg"]
    assert scene.csme.state()["requests"] == "0"
    assert scene.session.survives()


@pytest.mark.release
def test_a_profile_that_could_not_carry_a_session_on_is_named_with_the_setting(stage: Stage) -> None:
    scene = stage(session=False)
    for extra, words in (
        ("[wifi]\nmac-address=02:00:00:00:09:00\n", "only for the device 02:00:00:00:09:00"),
        (f"[wifi]\nmac-address-blacklist={MAC};\n", f"not for the device {MAC}"),
        ("[wifi]\ncloned-mac-address=stable\n", "cloned-mac-address: stable"),
        ("[wifi]\ncloned-mac-address=02:00:00:00:09:00\n", "cloned-mac-address: 02:00:00:00:09:00"),
        ("[wifi]\nband=a\n", "another band or channel"),
        ("[match]\ndriver=iwlwifi;\n", "match.driver"),
        ("[match]\ninterface-name=eth*;\n", "match.interface-name"),
        ("[connection]\npermissions=user:nobody:;\n", "connection.permissions"),
    ):
        configure(scene.laptop, {"corp": keyfile("corp", "wpa2-psk", DEFAULT_SSID, extra)})
        facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        told = {blocker["code"]: blocker["message"] for blocker in facts["readiness"]["blockers"]}
        code = "mac_address_differs" if words.startswith("cloned") else "profile_unfit"
        assert words in told.get(code, ""), (extra, told)
    refused = own(scene)
    assert (refused["error"]["code"], scene.csme.state()["requests"]) == ("no_credentials", "0")


@pytest.mark.release
def test_a_link_file_that_changes_the_mac_address_is_named(laptop: Laptop) -> None:
    file = give_address(laptop, "MACAddressPolicy=random")
    scene = build(laptop)

    def told() -> str:
        facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        messages = {blocker["code"]: blocker["message"] for blocker in facts["readiness"]["blockers"]}
        return str(messages.get("mac_address_differs", ""))

    # The interface is blocked, and has an address for scans.
    assert f"NetworkManager's default): systemd-udevd gives wlan0 another MAC address ({file}: " in told()
    refused = own(scene)
    assert (refused["error"]["code"], scene.csme.state()["requests"]) == ("no_credentials", "0")
    assert file in refused["msg"]
    # With this setting it does not matter.
    permanent = "[wifi]\ncloned-mac-address=permanent\n"
    configure(laptop, {"corp": keyfile("corp", "wpa2-psk", DEFAULT_SSID, permanent)})
    assert told() == ""
    assert own(scene)["outcome"] == "protected"
    assert scene.session.survives(), log(laptop)
    assert address(laptop, "wlan0") == MAC
    # Without it, NetworkManager really joins with the other address, and that is told before and meanwhile.
    configure(laptop, {"corp": keyfile("corp", "wpa2-psk", DEFAULT_SSID)})
    laptop.guest.check("nmcli device disconnect wlan0")
    assert file in told()
    laptop.guest.check("nmcli --wait 60 connection up corp")
    assert address(laptop, "wlan0") != MAC
    assert f"wlan0 has the MAC address {address(laptop, 'wlan0')} ({file}: " in told()


@pytest.mark.release
def test_one_that_is_for_another_device_is_not_taken_before_one_that_fits(stage: Stage) -> None:
    scene = stage()
    extra = "[connection]\nautoconnect-priority=9\n[wifi]\nmac-address=02:00:00:00:09:00\n"
    stick = keyfile("stick", "wpa2-psk", DEFAULT_SSID, extra)
    scene.laptop.guest.write(f"{PROFILES}/stick.nmconnection", stick, mode=0o600)
    scene.laptop.guest.check("nmcli connection reload")
    done = own(scene)
    assert done["outcome"] == "protected", done
    assert scene.session.survives(), log(scene.laptop)
    assert "corp" in scene.laptop.guest.check("nmcli -g NAME connection show --active")


@pytest.mark.release
def test_a_profile_whose_secret_was_never_given_is_none(stage: Stage) -> None:
    scene = stage()
    # As "nmcli connection add" leaves one that is given no passphrase.
    scene.laptop.guest.check(f"sed -i /^psk=/d {PROFILES}/corp.nmconnection && nmcli connection reload")
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert "profile_unfit" in {blocker["code"] for blocker in facts["readiness"]["blockers"]}
    assert own(scene)["error"]["code"] == "no_credentials"
    assert scene.csme.state()["requests"] == "0"
    assert scene.session.survives()


def test_without_jeepney_it_is_told(stage: Stage) -> None:
    scene = stage(session=False)
    guest = scene.laptop.guest
    guest.check("mv /usr/lib/python3/dist-packages/jeepney /usr/lib/python3/dist-packages/hidden")
    try:
        facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        refused = own(scene)
    finally:
        guest.check("mv /usr/lib/python3/dist-packages/hidden /usr/lib/python3/dist-packages/jeepney")
    assert "python3-jeepney" in next(each["why"] for each in facts["unreadable"] if each["what"] == "supplicant.wlan0")
    assert refused["error"]["code"] == "no_credentials"
    assert "python3-jeepney" in refused["msg"]


def begin(scene: Scene) -> List[Dict[str, Any]]:
    """Begin a handover to an access point that is not there any more, and return when the pin is with the supplicant.

    The result comes into the list that is returned.
    """
    scene.csme.waits(0)
    scene.ap.stop()
    results: List[Dict[str, Any]] = []
    threading.Thread(target=lambda: results.append(own(scene))).start()
    scene.laptop.wait_until("the pin", lambda: kept_to(scene.laptop) == scene.ap.bssid, 60, 0.05)
    return results


def test_a_killed_handover_is_undone_by_the_next(stage: Stage) -> None:
    scene = stage(session=False)
    results = begin(scene)
    kill_both(scene.laptop)
    scene.laptop.wait_until("the task's end", lambda: bool(results), 60)
    assert kept_to(scene.laptop) == scene.ap.bssid
    again = own(scene)
    assert (again["changed"], again["owner"]) == (True, "host")
    assert "was undone" in " ".join(again["warnings"])
    assert kept_to(scene.laptop) == ""


@pytest.mark.parametrize("name", ["NetworkManager", "wpa_supplicant"])
def test_one_that_restarts_in_the_middle_leaves_the_host_free(stage: Stage, name: str) -> None:
    scene = stage(session=False)
    results = begin(scene)
    scene.laptop.guest.check(f"systemctl restart {name}")
    scene.laptop.wait_until("the task's end", lambda: bool(results), 60)
    assert results[0]["error"]["code"] == {"NetworkManager": "manager_gone", "wpa_supplicant": "supplicant_gone"}[name]
    assert kept_to(scene.laptop) == ""


@pytest.mark.release
def test_one_that_restarts_while_csme_is_silent_ends_the_task_before_csme_is_asked_again(stage: Stage) -> None:
    scene = stage()
    guest = scene.laptop.guest
    scene.csme.answers("silent")
    results: List[Dict[str, Any]] = []
    task = threading.Thread(target=lambda: results.append(own(scene)))
    task.start()
    scene.laptop.wait_until("the request", lambda: any(line.event == "request" for line in scene.csme.log()), 60, 0.05)
    # What it called its profiles and devices means something else now: a grant could not be made use of.
    guest.check("systemctl restart NetworkManager")
    asked = scene.csme.state()["requests"]
    scene.csme.answers("grant")
    task.join(PATIENCE)
    refused = results[0]
    assert (refused["error"]["code"], refused["owner"]) == ("manager_gone", "csme"), refused
    assert "NetworkManager ended, restarted" in refused["msg"]
    assert refused["steps"][-1]["name"] in ("manager_gone", "unpinned")
    assert (scene.csme.state()["owner"], scene.csme.state()["requests"]) == ("csme", asked)
    assert scene.session.survives()
    assert kept_to(scene.laptop) == ""
    # It has settled: the next task hands over, by the new paths.
    assert own(scene)["outcome"] == "protected"
    assert scene.session.survives()


@pytest.mark.release
def test_its_own_switch_follows_airplane_mode(laptop: Laptop) -> None:
    for enabled, radio in ((True, "disabled"), (False, "enabled")):
        assert run_module(laptop, "amt_wifi_airplane", {"enabled": enabled})["changed"] is True
        laptop.wait_until(f"a radio that is {radio}", partial(says, laptop, "radio wifi", radio))


@pytest.mark.release
def test_iwd_is_named_where_it_runs_the_interface(stage: Stage) -> None:
    scene = stage(session=False)
    guest = scene.laptop.guest
    guest.check("systemctl stop NetworkManager wpa_supplicant")
    guest.spawn("iwd", ["/usr/libexec/iwd"], "/run/lab-iwd.log")
    try:
        scene.laptop.wait_until("iwd", lambda: "net.connman.iwd" in guest.run("busctl --no-pager list").out, 20)
        facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        refused = own(scene)
    finally:
        guest.stop("iwd")
        guest.check("systemctl start NetworkManager wpa_supplicant")
    assert facts["supplicant"]["manager"] == "iwd"
    assert "iwd_unsupported" in {blocker["code"] for blocker in facts["readiness"]["blockers"]}
    assert "iwd runs wlan0, which is not supported" in refused["msg"]
    assert scene.csme.state()["requests"] == "0"


@pytest.mark.release
def test_iwd_is_named_below_networkmanager(stage: Stage) -> None:
    scene = stage(session=False)
    guest = scene.laptop.guest
    conf = "/etc/NetworkManager/conf.d/lab-iwd.conf"
    guest.check("systemctl stop NetworkManager wpa_supplicant")
    guest.write(conf, "[device]\nwifi.backend=iwd\n")
    guest.spawn("iwd", ["/usr/libexec/iwd"], "/run/lab-iwd.log")
    try:
        scene.laptop.wait_until("iwd", lambda: "net.connman.iwd" in guest.run("busctl --no-pager list").out, 20)
        guest.check("systemctl start NetworkManager")
        scene.laptop.wait_until("its device", lambda: "wlan0" in guest.run("nmcli -g DEVICE device").out.split(), 30)
        facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        refused = own(scene)
        profile = {"interface": "wlan0", "ssid": "corp-new", "security": "open"}
        unwritten = run_module(scene.laptop, "amt_wifi_profile", profile)
        supplicant = guest.run("systemctl is-active wpa_supplicant").out.strip()
    finally:
        guest.check(f"rm -f {conf}; systemctl stop NetworkManager")
        guest.stop("iwd")
        guest.check("systemctl start NetworkManager wpa_supplicant")
    assert facts["supplicant"]["manager"] == "iwd"
    assert "iwd_unsupported" in {blocker["code"] for blocker in facts["readiness"]["blockers"]}
    assert "NetworkManager runs wlan0 through iwd" in refused["msg"]
    assert scene.csme.state()["requests"] == "0"
    assert unwritten["error"]["code"] == "iwd"
    # Nothing of ours had it started.
    assert supplicant == "inactive"
