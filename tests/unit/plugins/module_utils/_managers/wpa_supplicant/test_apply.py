# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File and supplicant brought to the declared state together."""

from __future__ import annotations

from typing import Callable, ContextManager, List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import conf
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Eap, NetworkProfile
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    CANARY,
    OTHER,
    Laptop,
    eap,
    happened,
    psk,
    sae,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeNetwork, named

ALL = (
    NetworkProfile(b"open", "open", pmf="disabled"),
    NetworkProfile(b"\n\xff", "owe", pmf="required", bssid="02:00:00:00:01:00"),
    psk(),
    psk(b"key", "ab" * 32, priority=3),
    psk(b"quoted", CANARY + '"#'),
    sae(),
    NetworkProfile(b"both", "psk+sae", CANARY, hidden=True),
    NetworkProfile(b"both quoted", "psk+sae", CANARY + '"#', enabled=False),
    eap(),
    NetworkProfile(b"tls", "eap", eap=Eap("tls", "me", client_cert="/c", private_key="/k", private_key_password=OTHER)),
)


def test_file_and_supplicant_get_what_is_declared_and_then_nothing_changes(laptop: Laptop) -> None:
    fake = laptop.start()
    result = laptop.declare(*ALL)
    assert happened(result) == (True, True, True, True)
    assert fake.ssids == [profile.ssid for profile in ALL]
    assert [network.disabled for network in fake.networks.values()] == [p.enabled is False for p in ALL]
    assert fake.network(b"home").variables["psk"] == f'"{CANARY}"'
    assert fake.network(b"sae").secret("sae_password") == CANARY.encode()
    assert fake.network(b"corp").secret("password") == CANARY.encode()
    assert {network["file"] for network in result["networks"]} == {"added"}
    by_runtime = {number: dict(network.variables) for number, network in fake.networks.items()}
    assert happened(laptop.declare(*ALL)) == (False, False, False, True)
    # What the supplicant got over its socket is what it reads from the file.
    laptop.restart()
    from_file = fake.networks
    for number, network in from_file.items():
        for name in ("ssid", "sae_password", "password", "identity", "private_key_passwd"):
            if name in network.variables or name in by_runtime[number]:
                assert network.variables[name] == by_runtime[number][name]
    assert happened(laptop.declare(*ALL)) == (False, False, False, True)
    assert not any(change.startswith(("ADD", "REMOVE")) for change in fake.changes)


def test_the_supplicant_gets_nothing_twice(laptop: Laptop) -> None:
    laptop.start().state = "INTERFACE_DISABLED"
    laptop.declare(psk(), sae(), eap())
    laptop.declare(psk(), sae(), eap())
    # The two that it compares itself, in case that somebody changed them by hand: it does not tell.
    assert laptop.supplicant.changes == ["SET_NETWORK 0 psk", "SET_NETWORK 1 sae_password"]


def test_a_secret_set_by_hand_is_set_back(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    fake.networks[0].variables["psk"] = '"something else"'
    assert laptop.declare(psk())["changed"] is False
    assert fake.networks[0].variables["psk"] == f'"{CANARY}"'


def test_a_change_of_others_leaves_the_link_alone(laptop: Laptop) -> None:
    for mine in (psk(), sae(b"home"), eap(b"home")):
        laptop.conf.unlink(missing_ok=True)
        laptop.supplicant.stop()
        fake = laptop.start()
        laptop.declare(mine, psk(b"a"), sae(b"b"), eap(b"c"))
        fake.connect(b"home")
        before = list(fake.changes)
        laptop.declare(mine, psk(b"a", OTHER), sae(b"b", OTHER), eap(b"c", OTHER), eap(b"d", enabled=False))
        laptop.declare(mine, eap(b"d"), prune=True)
        laptop.declare(mine, absent=(b"d",))
        assert fake.changes != before
        assert fake.drops == 0
        assert fake.ssids == [b"home"]


def test_only_variables_that_differ_are_set(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(eap())
    fake.connect(b"corp")
    result = laptop.declare(eap(priority=5, bssid="02:00:00:00:01:00"))
    assert happened(result) == (True, True, True, True)
    assert fake.changes == ["SET_NETWORK 0 bssid", "SET_NETWORK 0 priority"]
    assert fake.drops == 0
    assert result["diff"]["before"]["runtime"]["corp"]["priority"] == "0"
    assert result["diff"]["after"]["runtime"]["corp"]["priority"] == "5"


def test_a_changed_secret_of_the_current_network_is_set(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(eap())
    fake.connect(b"corp")
    result = laptop.declare(eap(password=OTHER))
    assert fake.network(b"corp").secret("password") == OTHER.encode()
    assert result["diff"]["after"]["file"]["networks"]["corp"]["password"] == "(changed)"
    assert result["diff"]["after"]["runtime"]["corp"]["password"] == "(changed)"


def test_a_network_of_another_kind_is_made_anew(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    result = laptop.declare(eap(b"home"))
    assert happened(result) == (True, True, True, True)
    assert named(result["networks"], "home") == {
        "ssid": "home",
        "ssid_hex": "686f6d65",
        "file": "changed",
        "runtime": "changed",
    }
    assert "psk" not in fake.network(b"home").variables
    assert not fake.network(b"home").disabled
    assert "psk" not in laptop.text()


@pytest.mark.parametrize(
    ("profile", "had", "becomes"),
    [
        (psk(pmf="required"), "WPA-PSK", "WPA-PSK WPA-PSK-SHA256"),
        (psk(), "FT-PSK", "WPA-PSK WPA-PSK-SHA256 FT-PSK"),
        (psk(), "WPA-PSK-SHA256", "WPA-PSK WPA-PSK-SHA256"),
        (sae(b"home"), "FT-SAE", "SAE FT-SAE"),
        (eap(b"home"), "FT-EAP WPA-EAP", "WPA-EAP WPA-EAP-SHA256 FT-EAP"),
    ],
)
def test_the_key_managements_become_the_declared_ones(
    laptop: Laptop, profile: NetworkProfile, had: str, becomes: str
) -> None:
    fake = laptop.start()
    laptop.declare(profile)
    declared = fake.network(b"home").variables["key_mgmt"]
    laptop.conf.write_text(laptop.text().replace(f"key_mgmt={declared}\n", f"key_mgmt={had}\n"))
    laptop.restart()
    assert fake.network(b"home").variables["key_mgmt"] == had
    assert happened(laptop.declare(profile)) == (True, True, True, True)
    assert fake.network(b"home").variables["key_mgmt"] == becomes
    assert f"\tkey_mgmt={becomes}\n" in laptop.text()
    assert happened(laptop.declare(profile)) == (False, False, False, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("freq_list", "5180"),
        ("bssid_ignore", "02:00:00:00:01:00"),
        ("bssid_accept", "02:00:00:00:01:00"),
        ("proto", "WPA"),
        ("pairwise", "TKIP"),
        ("auth_alg", "SHARED"),
        ("group", "TKIP"),
        ("mac_addr", "1"),
        ("ieee80211w", "0"),
        ("key_mgmt", "FT-PSK"),
    ],
)
def test_what_somebody_set_in_the_running_supplicant_alone_is_set_right(laptop: Laptop, name: str, value: str) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    fake.network(b"home").variables[name] = value
    result = laptop.declare(psk())
    assert happened(result) == (True, False, True, True)
    assert fake.network(b"home").variables.get(name) in (None, "0", "1", "WPA-PSK WPA-PSK-SHA256 FT-PSK")
    assert fake.network(b"home").variables.get(name) != value
    assert result["diff"]["before"]["runtime"]["home"][name] == value
    assert happened(laptop.declare(psk())) == (False, False, False, True)


def test_the_permanent_mac_address_is_set_where_another_is_set_for_all_networks(laptop: Laptop) -> None:
    laptop.conf.write_text("mac_addr=1\n")
    fake = laptop.start()
    fake.settings["mac_addr"] = "1"
    assert happened(laptop.declare(psk())) == (True, True, True, True)
    assert "\tmac_addr=0\n" in laptop.text()
    assert fake.network(b"home").variables["mac_addr"] == "0"
    assert happened(laptop.declare(psk())) == (False, False, False, True)
    fake.network(b"home").variables.pop("mac_addr")
    assert happened(laptop.declare(psk())) == (True, False, True, True)
    assert fake.changes[0] == "SET_NETWORK 0 mac_addr"


def test_sae_to_transition_and_back(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(sae(b"x"))
    laptop.declare(NetworkProfile(b"x", "psk+sae", CANARY))
    assert set(fake.network(b"x").variables) & {"psk", "sae_password"} == {"psk"}
    # SAE can use the psk, so it stays.
    laptop.declare(sae(b"x"))
    assert set(fake.network(b"x").variables) & {"psk", "sae_password"} == {"psk"}
    assert happened(laptop.declare(sae(b"x"))) == (False, False, False, True)
    laptop.declare(sae(b"x", OTHER))
    assert set(fake.network(b"x").variables) & {"psk", "sae_password"} == {"sae_password"}


def test_enabled_or_not(laptop: Laptop) -> None:
    fake = laptop.start()
    fake.state = "COMPLETED"
    laptop.declare(psk())
    assert happened(laptop.declare(psk(enabled=False))) == (True, True, True, True)
    assert fake.changes[-1] == "DISABLE_NETWORK 0"
    assert "\tdisabled=1\n" in laptop.text()
    assert happened(laptop.declare(psk(enabled=False))) == (False, False, False, True)
    laptop.declare(psk())
    assert fake.changes[-1] == "ENABLE_NETWORK 0 no-connect"
    assert not fake.networks[0].disabled


@pytest.mark.parametrize(
    ("state", "enabling"),
    [
        ("SCANNING", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 1"]),
        ("COMPLETED", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 1 no-connect"]),
        ("INTERFACE_DISABLED", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 1 no-connect"]),
    ],
)
def test_a_search_begins_only_where_one_goes_on(laptop: Laptop, state: str, enabling: List[str]) -> None:
    fake = laptop.start()
    fake.state = state
    laptop.declare(psk(b"a"), psk(b"b"))
    assert fake.changes[-2:] == enabling


def test_a_network_that_was_set_aside_is_tried_again_when_it_changed(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), psk(b"b", priority=2))
    for network in fake.networks.values():
        network.temp_disabled = True
    laptop.declare(psk(passphrase=OTHER), psk(b"b", OTHER, priority=2))
    assert fake.changes[-4:] == ["DISABLE_NETWORK 1", "ENABLE_NETWORK 1", "DISABLE_NETWORK 0", "ENABLE_NETWORK 0"]
    assert not any(network.temp_disabled for network in fake.networks.values())


def test_prune_takes_networks_that_only_one_of_them_has(laptop: Laptop) -> None:
    laptop.conf.write_text('network={\n\tssid="theirs"\n\tkey_mgmt=NONE\n}\n')
    fake = laptop.start()
    fake._append(FakeNetwork({"ssid": '"by hand"', "key_mgmt": "NONE"}))
    fake._append(FakeNetwork({"ssid": '"an ap"', "mode": "2"}))
    fake._append(FakeNetwork({"ssid": '"a group"', "disabled": "2"}))
    laptop.declare(psk())
    assert fake.ssids == [b"theirs", b"by hand", b"an ap", b"a group", b"home"]
    result = laptop.declare(psk(), prune=True)
    assert fake.ssids == [b"an ap", b"a group", b"home"]
    assert "theirs" not in laptop.text()
    assert (named(result["networks"], "by hand")["file"], named(result["networks"], "by hand")["runtime"]) == (
        "unchanged",
        "removed",
    )


def test_absent(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), psk(b"b"))
    assert happened(laptop.declare(absent=(b"home",))) == (True, True, True, True)
    assert fake.ssids == [b"b"]
    assert happened(laptop.declare(absent=(b"home",))) == (False, False, False, True)


def test_of_several_with_one_ssid_the_current_one_stays(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    fake._append(FakeNetwork(dict(fake.networks[0].variables), disabled=False))
    fake.current, fake.state = 1, "COMPLETED"
    laptop.declare(psk())
    assert list(fake.networks) == [1]
    assert fake.drops == 0


def test_a_network_keeps_what_others_set_when_it_is_made_anew(laptop: Laptop) -> None:
    laptop.conf.write_text('network={\n\tssid="home"\n\tproto=WPA\n\tscan_freq=2412\n\tid_str="\t"\n}\n')
    fake = laptop.start()
    laptop.declare(psk())
    assert fake.network(b"home").variables["scan_freq"] == "2412"
    assert "proto" not in fake.network(b"home").variables
    assert happened(laptop.declare(psk())) == (False, False, False, True)


def test_a_hundred_networks_are_one_write_and_one_pass(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: List[str] = []
    real = conf.staged

    def counted(path: str, text: str) -> ContextManager[Callable[[], Tuple[int, int]]]:
        writes.append(path)
        return real(path, text)

    monkeypatch.setattr(conf, "staged", counted)
    fake = laptop.start()
    profiles = [psk(f"network {number}".encode(), f"passphrase {number}") for number in range(100)]
    laptop.declare(*profiles)
    assert len(writes) == 1
    assert fake.ssids == [profile.ssid for profile in profiles]
    assert len(fake.requests) < 3000
    laptop.declare(*profiles)
    assert len(writes) == 1
    listings = [request for request in fake.requests if request.startswith("LIST_NETWORKS")]
    assert len(set(listings)) == len(listings) <= 2
    assert len(fake.requests) < 3000
