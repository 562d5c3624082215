# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What wpa_supplicant would not use or load, as it stands in its file and runtime: it is set right, or told of."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from vpro_lab.air.ap import AccessPoint
from vpro_lab.air.security import PASSPHRASE
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.play.playbook import run_tasks
from vpro_lab.play.profiles import SSID, profile, profiles

pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

#: Of the supplicant's own settings: look at the access point's channel alone. To look at all of them takes 8 seconds.
QUICK = "freq_list=2437\n"
CONF = f"/etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf"
#: Files that wpa_supplicant can't load, with the lines that it blames.
UNLOADABLE = {
    "3, 4, 5": "ap_scan=1\nnetwork={\n\tssid=\u201cOffice\u201d\n\tpsk=\u201cgood-pass-1\u201d\n}\n",
    "1": '\ufeffcountry=GB\nnetwork={\n\tssid="Office"\n\tpsk="good-pass-1"\n}\n',
    "3, 5": "ap_scan=1\nnetwork={\n ssid=matrix\n key_mgmt=NONE\n}\n",
    "2, 3, 4": 'ap_scan=1\nnetwork={{\n\tssid="Office"\n}\n',
}


def connected(laptop: Laptop) -> bool:
    """Say whether the supplicant has a connection."""
    return "wpa_state=COMPLETED" in laptop.wpa("status")


def test_the_key_managements_become_the_declared_ones(laptop: Laptop, ap: AccessPoint) -> None:
    """A network with fast transition alone, and one with what this access point does not offer, join it afterwards."""
    ap.start("wpa2-psk", mac=MAC, extra="ieee80211w=2\nwpa_key_mgmt=WPA-PSK-SHA256\n")
    options = {"security": "psk", "passphrase": PASSPHRASE, "pmf": "required"}
    for had, kept in (("FT-PSK", " FT-PSK"), ("WPA-PSK", "")):
        block = f'network={{\n\tssid="{SSID}"\n\tkey_mgmt={had}\n\tpsk="{PASSPHRASE}"\n\tieee80211w=2\n}}\n'
        laptop.supplicant(QUICK + block)
        changed = profile(laptop, **options)
        assert (changed["file"]["changed"], changed["runtime"]["changed"]) == (True, True)
        assert f"\tkey_mgmt=WPA-PSK WPA-PSK-SHA256{kept}\n" in laptop.guest.read(CONF)
        assert profile(laptop, **options)["changed"] is False
        laptop.wait_until("the connection", lambda: connected(laptop), 40)


def test_what_restricts_a_network_in_the_running_supplicant_alone_is_set_right(laptop: Laptop) -> None:
    laptop.supplicant(QUICK)
    declared = [{"ssid": name, "security": "psk", "passphrase": PASSPHRASE} for name in ("one", "two", "three", "four")]
    assert profiles(laptop, declared)["changed"] is True
    assert profiles(laptop, declared)["changed"] is False, "a new network of this build is one without restrictions"
    for number, change in enumerate(("freq_list 5180", "proto WPA", "pairwise TKIP", "mac_addr 1")):
        assert laptop.wpa(f"set_network {number} {change}") == "OK"
    again = profiles(laptop, declared)
    assert (again["file"]["changed"], [each["runtime"] for each in again["networks"]]) == (False, ["changed"] * 4)
    assert profiles(laptop, declared)["changed"] is False


def test_a_network_that_is_no_use_for_a_handover_is_told_of(laptop: Laptop) -> None:
    laptop.supplicant("mac_addr=1\nap_scan=2\n")
    before = laptop.guest.read(CONF)
    arguments = {"interface": INTERFACE, "ssid": SSID, "security": "psk", "passphrase": PASSPHRASE}
    demanded = {"vpro.fleet.amt_wifi_profile": {**arguments, "require_usable": True}, "ignore_errors": True}
    failed = run_tasks(laptop, [{"name": "checked", **demanded, "check_mode": True}, {"name": "done", **demanded}])
    for task in failed.tasks.values():
        assert task["error"]["code"] == "unusable_network"
        assert "ap_scan=2" in task["msg"]
        assert "Nothing was changed" in task["msg"]
    assert laptop.guest.read(CONF) == before
    warned = profile(laptop, security="psk", passphrase=PASSPHRASE)
    ((found,), (warning,)) = warned["obstacles"], warned["warnings"]
    assert (found["places"], found["code"]) == (["file", "runtime"], "profile_unfit")
    assert found["remedy"] in warning
    assert "\tmac_addr=0\n" in laptop.guest.read(CONF)
    assert profile(laptop, security="psk", passphrase=PASSPHRASE)["changed"] is False


def test_a_file_that_wpa_supplicant_can_not_load_is_refused_with_its_lines(laptop: Laptop) -> None:
    tasks: List[Dict[str, Any]] = []
    declared = {"interface": INTERFACE, "profiles": [{"ssid": "a", "security": "open"}]}
    settings = {"interface": INTERFACE, "group": "root", "country": "DE"}
    for lines, text in UNLOADABLE.items():
        put = {"content": text, "dest": CONF, "mode": "0600"}
        tasks += [
            {"name": f"put {lines}", "ansible.builtin.copy": put},
            {"name": f"profiles {lines}", "vpro.fleet.amt_wifi_profiles": declared, "ignore_errors": True},
            {"name": f"settings {lines}", "vpro.fleet.amt_wifi_supplicant": settings, "ignore_errors": True},
            {"name": f"stays {lines}", "ansible.builtin.copy": put},
        ]
    play = run_tasks(laptop, tasks)
    for lines in UNLOADABLE:
        for kind in ("profiles", "settings"):
            result = play.tasks[f"{kind} {lines}"]
            assert result["failed"], result
            assert result["error"]["code"] == "configuration_unusable"
            assert f"(line {lines})" in result["msg"]
            assert "good-pass" not in result["msg"]
        assert play.tasks[f"stays {lines}"]["changed"] is False


def test_a_network_with_escapes_in_its_ssid_is_one_network(laptop: Laptop) -> None:
    ssid = "Kim\u2019s Phone"
    text = (
        'ctrl_interface=/run/wpa_supplicant\nnetwork={\n  ssid=P"Kim\\342\\200\\231s Phone"\n  psk="old-secret-1"\n}\n'
    )
    laptop.guest.write(CONF, text, 0o600)
    options = {"ssid": ssid, "security": "psk", "passphrase": "new-secret-2"}
    assert profile(laptop, **options)["file"]["changed"] is True
    written = laptop.guest.read(CONF)
    assert written.count("network={") == 1
    assert "old-secret-1" not in written
    assert profile(laptop, **options)["changed"] is False
    assert profile(laptop, ssid=ssid, state="absent")["file"]["changed"] is True
    assert "network={" not in laptop.guest.read(CONF)
