# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles as NetworkManager's own: what the modules and the role write there, and all that they leave alone.

A run of a module takes long here, so each test does with few, and looks at much after each.
"""

from __future__ import annotations

import shlex
from typing import Any, Dict, List

import pytest

from vpro_lab.air.ap import AccessPoint
from vpro_lab.air.security import EAP_IDENTITY, PASSPHRASE
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.laptop.networkmanager import PROFILES, look, state
from vpro_lab.play.playbook import Play, run_tasks
from vpro_lab.play.profiles import SSID, profiles
from vpro_lab.play.snapshots import Kind

pytestmark = [pytest.mark.manager("networkmanager"), pytest.mark.with_networkmanager]
PSK = {"ssid": SSID, "security": "psk", "passphrase": PASSPHRASE}


@pytest.fixture
def laptop(lab: Any, laptop_kind: Kind) -> Laptop:
    """A laptop that NetworkManager runs, without a profile."""
    one: Laptop = lab.laptop(laptop_kind)
    one.guest.check(f"rm -f {PROFILES}/*; nmcli connection reload")
    one.radios(standin=False)
    one.wait_until("the device", lambda: state(one) == "disconnected", 40)
    return one


def connected(laptop: Laptop) -> bool:
    """Say whether the interface is connected."""
    return state(laptop) == "connected"


def associations(laptop: Laptop) -> int:
    """Return how often the supplicant began a connection since the boot."""
    return laptop.guest.check("journalctl -b -u wpa_supplicant -o cat").count("Trying to associate")


def files(laptop: Laptop) -> List[str]:
    """Return the profiles on the disk: mode, owner and name of each."""
    return laptop.guest.run(f"cd {PROFILES} && stat -c '%a %U:%G %n' *").out.splitlines()


def setting(laptop: Laptop, name: str, key: str) -> str:
    """Return what NetworkManager has of a profile."""
    return laptop.guest.check(f"nmcli -g {key} connection show {shlex.quote(name)}").strip()


def join(laptop: Laptop) -> None:
    """Let NetworkManager find the access point, and wait until it has joined by itself."""
    look(laptop)
    laptop.wait_until("the connection", lambda: connected(laptop), 60)


def test_a_set_of_networks_while_one_carries_the_link(laptop: Laptop) -> None:
    ap = AccessPoint(laptop.guest)
    ap.start("wpa2-psk", mac=MAC)
    secrets = {"psk": "canary-of-the-psk", "eap": "canary-of-eap", "key": "canary-of-key"}
    laptop.guest.write("/run/lab-key.p12", "both")
    server = {"ca_cert": "/etc/hostname", "domain_suffix_match": "example.org"}
    peap = {"method": "peap", "identity": EAP_IDENTITY, "password": secrets["eap"], **server}
    ttls = {**peap, "method": "ttls", "phase2": "pap", "anonymous_identity": "anonymous@example.org"}
    key = {"private_key": "/run/lab-key.p12", "private_key_password": secrets["key"]}
    others: List[Dict[str, Any]] = [
        {"ssid_hex": b"\xffcorp\x80".hex(), "security": "psk+sae", "passphrase": secrets["psk"], "hidden": True},
        {"ssid": "peap", "security": "eap", "eap": peap, "enabled": False, "bssid": "02:00:00:00:01:99"},
        {"ssid": "ttls", "security": "eap", "eap": ttls, "priority": -999, "pmf": "required"},
        {"ssid": "p12", "security": "eap", "eap": {"method": "tls", "identity": "laptop", **key, **server}},
        {"ssid": "owe", "security": "owe"},
        {"ssid": "open", "security": "open", "enabled": False},
    ]
    made = profiles(laptop, [PSK], "--diff")
    assert made["changed"] is True, made
    join(laptop)
    before = associations(laptop)
    plural = "vpro.fleet.amt_wifi_profiles"
    arguments = {"interface": INTERFACE, "profiles": [{**PSK, "priority": 7}, *others]}
    wrong = {"interface": INTERFACE, "profiles": [{**PSK, "priority": 1000}], "path": "/etc/x"}
    tasks: List[Dict[str, Any]] = [
        {"name": "checked", plural: arguments, "check_mode": True},
        {"name": "done", plural: arguments},
        {"name": "again", plural: arguments},
        {"name": "wrong", plural: wrong, "ignore_errors": True},
    ]
    play = run_tasks(laptop, tasks, "-vvvv", "--diff").ok()
    checked, done = play.tasks["checked"], play.tasks["done"]
    assert checked["networks"] == done["networks"]
    assert [each["runtime"] for each in done["networks"]] == ["changed", *["added"] * len(others)]
    assert play.tasks["again"]["changed"] is False
    assert [each["field"] for each in play.tasks["wrong"]["problems"]] == ["path", "priority"]
    # The link stood all the time, and NetworkManager itself has stored everything, for root alone.
    assert connected(laptop)
    assert associations(laptop) == before
    assert sorted({line.rpartition(" ")[0] for line in files(laptop)}) == ["600 root:root"]
    assert len(files(laptop)) == 1 + len(others)
    assert setting(laptop, SSID, "connection.autoconnect-priority,connection.interface-name") == f"7\n{INTERFACE}"
    assert setting(laptop, "peap", "connection.autoconnect") == "no"
    # NetworkManager's own file tells the secret. `nmcli -s` leaves it out at times: NetworkManager reports a change of
    # the profile when it is asked for the secrets of a part that has none, and nmcli then reads the profile again.
    stored = laptop.guest.check(f"grep -l '^id=peap$' {PROFILES}/* | xargs grep '^password='")
    assert stored == f"password={secrets['eap']}\n"
    # Nowhere else is a secret.
    for secret in (*secrets.values(), PASSPHRASE):
        assert secret not in play.output
    pattern = shlex.quote("|".join(f"[{secret[0]}]{secret[1:]}" for secret in secrets.values()))
    logged = f"{{ journalctl -b -o export --no-pager; dmesg; }} | grep -acE {pattern}"
    assert laptop.guest.run(logged).out.split() == ["0"]
    found = laptop.guest.run(f"grep -rlsaE {pattern} /etc /tmp /var /root /run --exclude-dir=log").out.splitlines()
    assert {path.rpartition("/")[0] for path in found} == {PROFILES}
    # What is not declared goes, and the link stays; a user's own profile, and another interface's, stay too, however
    # they are bound to it. One in use that is to be forgotten ends.
    theirs = f"""
    nmcli connection add type wifi con-name matched ssid {SSID} match.interface-name wlan9
    nmcli connection add type wifi con-name denied ssid denied
    mac=$(cat /sys/class/net/{INTERFACE}/phy80211/macaddress)
    nmcli connection modify denied wifi.mac-address-blacklist $mac ||
        nmcli connection modify denied wifi.mac-address-denylist $mac
    nmcli connection add type wifi con-name driven ssid driven match.driver nothing
    nmcli connection add type wifi con-name users ssid users connection.permissions root
    nmcli connection add type wifi con-name elsewhere ssid elsewhere ifname wlan9
    nmcli connection add type dummy con-name dummy ifname dummy0 autoconnect no
    nmcli connection add type wifi con-name anybodys ssid anybodys
    """
    look = "nmcli -c no -g NAME connection show; journalctl -b -u wpa_supplicant -o cat | grep -c 'Trying to associate'"
    tasks = [
        {"name": "theirs", "ansible.builtin.raw": theirs},
        {"name": "pruned", plural: {"interface": INTERFACE, "profiles": [PSK], "prune": True}},
        {"name": "look", "ansible.builtin.raw": look},
        {"name": "gone", "vpro.fleet.amt_wifi_profile": {"interface": INTERFACE, "ssid": SSID, "state": "absent"}},
        {"name": "look again", "ansible.builtin.raw": look},
    ]
    ended = run_tasks(laptop, tasks).ok().tasks
    removed = [each["ssid"] for each in ended["pruned"]["networks"] if each["file"] == "removed"]
    assert sorted(removed) == sorted(["\\xffcorp\\x80", "anybodys", *(each["ssid"] for each in others[1:])])
    *names, associated = ended["look"]["stdout_lines"]
    others_own = ["users", "elsewhere", "matched", "denied", "driven", "dummy"]
    assert sorted(set(names) - {"lo"}) == sorted([*others_own, SSID])
    assert int(associated) == before, "the link was dropped"
    assert ended["gone"]["changed"] is True
    assert SSID not in ended["look again"]["stdout_lines"]
    laptop.wait_until("the end of the connection", lambda: not connected(laptop), 20)
    laptop.guest.run(f"nmcli connection delete {' '.join(others_own)}; rm /run/lab-key.p12")


def test_a_profile_that_was_restricted_carries_the_link_when_it_is_declared(laptop: Laptop) -> None:
    AccessPoint(laptop.guest).start("wpa2-psk", mac=MAC)
    restricted = "wifi.band a wifi.cloned-mac-address random match.interface-name 'wl*' connection.autoconnect no"
    laptop.guest.check(f"nmcli connection add type wifi con-name mine ssid {SSID} {restricted}")
    made = profiles(laptop, [PSK], require_usable=True)
    assert ([each["file"] for each in made["networks"]], made["obstacles"]) == (["changed"], [])
    for name, value in (("802-11-wireless.band", ""), ("802-11-wireless.cloned-mac-address", "permanent")):
        assert setting(laptop, "mine", name).strip() == value
    assert "wl*" not in laptop.guest.check("nmcli connection show mine")
    assert profiles(laptop, [PSK])["changed"] is False
    join(laptop)


def role(laptop: Laptop, *flags: str, **variables: Any) -> Play:
    """Apply the role with variables named without their prefix."""
    task = {
        "name": "the role",
        "ansible.builtin.include_role": {"name": "vpro.fleet.supplicant"},
        "vars": {f"supplicant_{name}": value for name, value in {"interfaces": [INTERFACE], **variables}.items()},
    }
    return run_tasks(laptop, [task], *flags)


def test_the_role_converges_and_is_idempotent(laptop: Laptop) -> None:
    AccessPoint(laptop.guest).start("wpa3-sae", mac=MAC)
    sae = {**PSK, "security": "sae"}
    traces = "ls /etc/wpa_supplicant; getent group amt-wifi-watcher; systemctl list-units 'wpa*'"
    before = laptop.guest.run(traces).out
    hidden = "/usr/lib/python3/dist-packages/jeepney"
    laptop.guest.check(f"mv {hidden} {hidden}.hidden")
    try:
        checked = role(laptop, "--check", profiles=[sae]).ok()
    finally:
        laptop.guest.check(f"mv {hidden}.hidden {hidden}")
    assert "python3-jeepney would be installed" in checked.output
    assert files(laptop) == []
    made = role(laptop, "--diff", profiles=[sae], country="US", prune=True).ok()
    assert PASSPHRASE not in made.output
    assert "The country is not set" in made.output
    join(laptop)
    assert "\nkey_mgmt=SAE\n" in laptop.wpa("status")
    once = associations(laptop)
    again = role(laptop, profiles=[sae], country="US", prune=True).ok()
    assert "changed=0" in again.output, again.output
    assert (connected(laptop), associations(laptop)) == (True, once)
    # Nothing of wpa_supplicant's own was touched.
    assert laptop.guest.run(traces).out == before
