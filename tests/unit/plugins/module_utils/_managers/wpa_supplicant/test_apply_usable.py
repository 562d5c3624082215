# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether declared networks can carry CSME's session on is said when they are written: file and supplicant."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Target
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import profiles
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    CANARY,
    OTHER,
    Laptop,
    eap,
    happened,
    psk,
    sae,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, OTHER_BSSID


def seen(result: Dict[str, Any]) -> List[Any]:
    assert len(result["warnings"]) >= len({each["what"] for each in result["obstacles"]})
    return [(each["ssid"], each["places"], each["code"]) for each in result["obstacles"]]


def csme_on(monkeypatch: pytest.MonkeyPatch, connection: Optional[Target]) -> None:
    """Let CSME have a connection. Reading it is what test_radio.py is about."""
    monkeypatch.setattr(profiles, "csmes_connection", lambda _interface, _root: connection)


def test_what_is_usable_is_not_spoken_of(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.start()
    csme_on(monkeypatch, Target(b"home", "psk", BSSID, (5180,), "ccmp"))
    for _run in range(2):
        result = laptop.declare(psk(), sae(), eap(), require_usable=True)
        assert (result["obstacles"], result["warnings"]) == ([], [])


def test_a_setting_outside_of_the_networks_is_told_of(laptop: Laptop) -> None:
    laptop.conf.write_text("ap_scan=0\n")
    fake = laptop.start()
    result = laptop.declare(psk(), psk(b"b"))
    assert happened(result) == (True, True, True, True)
    assert seen(result) == [("home", ["file"], "profile_unfit"), ("b", ["file"], "profile_unfit")]
    assert result["warnings"] == [
        "networks 'home', 'b' can't carry CSME's session on: the profile of each in the file is never chosen by "
        "wpa_supplicant itself (ap_scan=0). Remove ap_scan from the configuration"
    ]
    fake.settings["ap_scan"] = "0"
    again = laptop.declare(psk(), psk(b"b"))
    assert seen(again) == [("home", ["file", "runtime"], "profile_unfit"), ("b", ["file", "runtime"], "profile_unfit")]
    assert len(again["warnings"]) == 1
    assert laptop.declare(psk(enabled=False))["obstacles"] == []
    assert laptop.declare(absent=(b"home",))["obstacles"] == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_is_changed_where_a_network_has_to_be_usable_and_is_not(laptop: Laptop, check_mode: bool) -> None:
    laptop.conf.write_text("ap_scan=0\n")
    laptop.conf.chmod(0o600)
    fake = laptop.start()
    with pytest.raises(Refused, match=r"Nothing was changed\. Remove ap_scan from the configuration") as caught:
        laptop.declare(psk(), psk(b"off", enabled=False), require_usable=True, check_mode=check_mode)
    assert caught.value.as_dict()["code"] == "unusable_network"
    assert [each["ssid"] for each in caught.value.details["obstacles"]] == ["home"]
    assert laptop.conf.read_text() == "ap_scan=0\n"
    assert fake.changes == []
    assert CANARY not in str(caught.value) + str(caught.value.details)
    assert laptop.declare(absent=(b"home",), require_usable=True)["changed"] is False


@pytest.mark.parametrize(
    ("declared", "csme", "code"),
    [
        (psk(), Target(b"home", "sae", BSSID, (5180,), "ccmp"), "profile_unfit"),
        (psk(pmf="disabled"), Target(b"home", "psk", BSSID, (5180,), "ccmp"), None),
        (NetworkProfile(b"home", "psk+sae", CANARY), Target(b"home", "sae", BSSID, (5180,), "ccmp"), None),
        (psk(b"other"), Target(b"home", "sae", BSSID, (5180,), "ccmp"), None),
    ],
)
def test_the_network_that_csme_is_on_has_to_fit(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, declared: NetworkProfile, csme: Target, code: Optional[str]
) -> None:
    laptop.start()
    csme_on(monkeypatch, csme)
    for check_mode in (True, False):
        result = laptop.declare(declared, check_mode=check_mode)
        assert seen(result) == ([] if code is None else [("home", ["file", "runtime"], code)])


def test_check_mode_says_the_same(laptop: Laptop) -> None:
    laptop.conf.write_text("ap_scan=2\n")
    laptop.start()
    laptop.declare(psk(b"b"))
    checked = laptop.declare(psk(), psk(b"b", OTHER), check_mode=True)
    assert checked["obstacles"]
    assert checked == laptop.declare(psk(), psk(b"b", OTHER))


def test_what_a_declared_block_was_restricted_to_is_no_obstacle_any_more(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = f"freq_list=2412\n\tbssid_ignore={BSSID}\n\tbssid_accept={OTHER_BSSID}\n\tmac_addr=1\n\tpairwise=TKIP\n"
    laptop.conf.write_text(f'network={{\n\tssid="home"\n\tpsk="{CANARY}"\n\t{lines}}}\n')
    laptop.start()
    csme_on(monkeypatch, Target(b"home", "psk", BSSID, (5180,), "ccmp"))
    result = laptop.declare(psk(), require_usable=True)
    assert happened(result) == (True, True, True, True)
    assert result["obstacles"] == []


@pytest.mark.parametrize(("above", "differs"), [("0", True), ("1", False)])
def test_an_interface_with_another_mac_address_is_told_of(laptop: Laptop, above: str, differs: bool) -> None:
    """Where wpa_supplicant itself set the address for a network, it sets it back for one with mac_addr=0."""
    laptop.machine.write("sys/class/net/wlan0/address", "02:00:00:00:09:09\n")
    (laptop.machine.path / "phy7/macaddress").write_text("02:00:00:00:00:00\n")
    fake = laptop.start()
    fake.settings["mac_addr"] = above
    result = laptop.declare(psk())
    assert seen(result) == ([("home", ["file", "runtime"], "mac_address_differs")] if differs else [])


@pytest.mark.parametrize("runs", [True, False])
def test_a_link_file_is_told_of_before_a_supplicant_runs(laptop: Laptop, runs: bool) -> None:
    # NetworkManager may have the interface now, and have set this address for its scans.
    laptop.machine.write("sys/class/net/wlan0/address", "02:00:00:00:09:09\n")
    (laptop.machine.path / "phy7/macaddress").write_text("02:00:00:00:00:00\n")
    if runs:
        laptop.start()
    assert bool(laptop.declare(psk())["obstacles"]) is runs
    laptop.machine.link_file("etc/systemd/network/10-private.link", "MACAddressPolicy=random")
    places = ["file", "runtime"] if runs else ["file"]
    assert seen(laptop.declare(psk())) == [("home", places, "mac_address_differs")]


def test_files_that_an_earlier_task_would_have_made_are_not_missed_in_check_mode(laptop: Laptop) -> None:
    laptop.start()
    laptop.declare(eap())
    missing = NetworkProfile(b"corp", "eap", eap=eap().eap)
    assert missing.eap is not None
    object.__setattr__(missing.eap, "ca_cert", "/nowhere/ca.pem")
    assert laptop.declare(missing, check_mode=True, require_usable=True)["obstacles"] == []
    assert seen(laptop.declare(missing)) == [("corp", ["file", "runtime"], "profile_unfit")]


def test_the_supplicant_has_the_last_word_after_a_change(laptop: Laptop) -> None:
    """What it accepts and does not do is known only then, and what was changed is said."""
    fake = laptop.start()
    told = {"GET_NETWORK 0 bssid_ignore": BSSID, "GET_NETWORK 0 mac_addr": "1"}
    fake.hook = lambda request: told.get(request) if fake.networks and "psk" in fake.networks[0].variables else None
    with pytest.raises(
        Refused, match="This was only known after the stored profiles and the profiles of the"
    ) as caught:
        laptop.declare(psk(), require_usable=True)
    details = caught.value.details
    assert (details["changed"], details["file"]["changed"], details["runtime"]["changed"]) == (True, True, True)
    assert seen(details) == [("home", ["runtime"], "mac_address_differs")]
    assert details["networks"][0]["runtime"] == "added"
    assert "ssid=686f6d65" in laptop.text()


def test_where_the_supplicant_ends_after_a_change_what_was_planned_counts(laptop: Laptop) -> None:
    laptop.conf.write_text("pmf=1\n")
    fake = laptop.start()
    fake.settings["ap_scan"] = "0"
    fake.hook = lambda request: "FAIL\n" if request.startswith("LIST") and fake.networks else None
    result = laptop.declare(psk())
    assert seen(result) == [("home", ["runtime"], "profile_unfit")]


def test_without_a_supplicant_the_file_alone_is_judged(laptop: Laptop) -> None:
    laptop.conf.write_text("ap_scan=0\n")
    result = laptop.declare(psk())
    assert seen(result) == [("home", ["file"], "profile_unfit")]
    assert laptop.declare(psk(), prune=True)["runtime"]["applied"] is False
