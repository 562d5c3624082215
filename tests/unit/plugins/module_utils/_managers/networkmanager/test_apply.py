# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's profiles brought to the declared state, over a bus with a store of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import (
    Laptop as Supplicant,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_provisioning import (
    CANARY,
    OTHER,
    PSK,
    Laptop,
    happened,
    laptop_of,
    peap,
    psk,
    tls,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError, FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import (
    CONNECTION,
    MAC,
    SETTINGS,
    FakeNetworkManager,
    Settings,
)

OPEN = NetworkProfile(b"open", "open", pmf="disabled")
ALL = (
    OPEN,
    NetworkProfile(b"\n\xff", "owe", pmf="required", bssid="02:00:00:00:01:00"),
    psk(),
    psk(b"key", "ab" * 32, priority=3),
    NetworkProfile(b"sae", "sae", CANARY, pmf="required", hidden=True),
    NetworkProfile(b"both", "psk+sae", CANARY, enabled=False),
    peap(),
    tls(),
)


@pytest.fixture
def laptop(tmp_path: Path, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    yield from laptop_of(tmp_path, fake_bus, monkeypatch)


def test_networkmanager_gets_what_is_declared_and_then_nothing_changes(laptop: Laptop) -> None:
    assert set(happened(laptop.declare(*ALL)).values()) == {"added"}
    assert laptop.ssids() == [each.ssid for each in ALL]
    assert set(laptop.manager.stored.values()) == {1}, "not on the disk"
    assert laptop.manager.one(b"tls")["802-1x"]["private-key-password"] == ("s", CANARY)
    uuids = {each["connection"]["uuid"][1] for each in laptop.manager.profiles.values()}
    assert len(uuids) == len(ALL)
    again = laptop.declare(*ALL)
    assert (again["changed"], set(happened(again).values())) == (False, {"unchanged"})
    assert laptop.manager.writes == []


def test_check_mode_tells_the_same_and_changes_nothing(laptop: Laptop) -> None:
    laptop.put(b"home", security={**PSK, "psk": ("s", OTHER)})
    laptop.put(b"old", security=PSK)
    arguments: Dict[str, Any] = {"prune": True}
    checked = laptop.declare(psk(b"home"), peap(), check_mode=True, **arguments)
    assert laptop.manager.writes == []
    assert not Path(laptop.places.run).exists()
    done = laptop.declare(psk(b"home"), peap(), **arguments)
    assert checked == done
    assert happened(done) == {"home": "changed", "eap": "added", "old": "removed"}
    before, after = done["diff"]["before"]["connections"], done["diff"]["after"]["connections"]
    assert set(before) == {"home", "old"}
    assert set(after) == {"home", "eap"}
    assert before["home"]["802-11-wireless-security.psk"] == "(set)"
    assert after["home"]["802-11-wireless-security.psk"] == "(changed)"
    assert laptop.manager.one(b"home")["802-11-wireless-security"]["psk"] == ("s", CANARY)


def test_what_the_profile_does_not_decide_on_stays(laptop: Laptop) -> None:
    path = laptop.put(security={**PSK, "pairwise": ("as", ["ccmp"])}, wireless={"powersave": ("u", 2)})
    before = laptop.manager.profiles[path]
    assert happened(laptop.declare(psk(priority=5))) == {"corp": "changed"}
    after = laptop.manager.profiles[path]
    assert after["ipv4"] == {**before["ipv4"], "dhcp-client-id": ("s", "mac")}
    assert after["connection"]["id"] == ("s", "Theirs")
    assert after["connection"]["interface-name"] == ("s", "wlan0")
    assert after["802-11-wireless"]["powersave"] == ("u", 2)
    assert after["802-11-wireless-security"] == PSK
    assert happened(laptop.declare(psk(priority=5))) == {"corp": "unchanged"}


@pytest.mark.parametrize(
    "theirs",
    [
        {"connection": {"permissions": ("as", ["user:jane:"])}},
        {"connection": {"interface-name": ("s", "wlan1")}},
        {"wireless": {"mac-address": ("ay", b"\x02\x00\x00\x00\x00\x09")}},
        {"wireless": {"mac-address-blacklist": ("as", ["02:00:00:00:00:09", MAC.upper()])}},
        {"wireless": {"mac-address-denylist": ("as", [MAC])}},
        {"match": {"interface-name": ("as", ["wlan1"])}},
        {"match": {"interface-name": ("as", ["!wlan0"])}},
        {"match": {"interface-name": ("as", ["wl*", "&!*0"])}},
        {"match": {"interface-name": ("as", ["wlan1"]), "driver": ("as", ["iwlwifi"])}},
        {"wireless": {"mode": ("s", "ap")}},
        {"wireless": {"ssid": ("s", "no bytes")}},
    ],
    ids=[
        *(
            "a user's",
            "another interface's",
            "another device's",
            "not this device's",
            "not this device's by its newer name",
        ),
        *("another interface's by a match", "not this interface's", "not this interface's by two patterns"),
        *("another interface's and a driver's", "an access point", "malformed"),
    ],
)
def test_what_is_others_is_not_touched(laptop: Laptop, theirs: Dict[str, Any]) -> None:
    path = laptop.put(security=PSK, **theirs)
    before = json.dumps(laptop.manager.profiles[path], default=repr)
    assert happened(laptop.declare(psk(), prune=True)) == {"corp": "added"}
    assert happened(laptop.declare(absent=(b"corp",))) == {"corp": "removed"}
    assert json.dumps(laptop.manager.profiles[path], default=repr) == before
    assert list(laptop.manager.profiles) == [path]


@pytest.mark.parametrize("condition", ["driver", "path", "kernel-command-line"])
def test_what_may_be_anothers_is_not_touched_and_told_of(laptop: Laptop, condition: str) -> None:
    path = laptop.put(security=PSK, match={condition: ("as", ["x*"])})
    laptop.put(b"old", security=PSK, match={condition: ("as", ["x*"])})
    laptop.put(b"nobody spoke of it", security=PSK, match={condition: ("as", ["x*"])})
    before = json.dumps(laptop.manager.profiles[path], default=repr)
    result = laptop.declare(psk(), absent=(b"old",))
    assert happened(result) == {"corp": "added"}
    assert [warning.partition(". ")[0] for warning in result["warnings"]] == [
        f"profile 'Theirs' for network '{name}' stays, because it may be for another device: its match.{condition} is "
        "not checked"
        for name in ("corp", "old")
    ]
    assert laptop.declare(psk(), prune=True)["changed"] is False
    assert json.dumps(laptop.manager.profiles[path], default=repr) == before


@pytest.mark.parametrize(
    ("theirs", "active", "gone"),
    [
        ({"match": {"interface-name": ("as", ["wl*"])}}, False, ["match.interface-name"]),
        (
            {"connection": {"interface-name": ("s", "wlan0")}, "match": {"driver": ("as", ["x"])}},
            False,
            ["match.driver"],
        ),
        ({"match": {"path": ("as", ["x"])}}, True, ["match.path"]),
        (
            {"wireless": {"band": ("s", "a"), "channel": ("u", 36)}},
            False,
            [f"802-11-wireless.{key}" for key in ("band", "channel")],
        ),
        ({"wireless": {"assigned-mac-address": ("s", "random")}}, False, []),
    ],
)
def test_what_would_keep_the_interface_from_using_a_declared_network_goes(
    laptop: Laptop, theirs: Dict[str, Any], active: bool, gone: List[str]
) -> None:
    path = laptop.put(security=PSK, **theirs)
    if active:
        laptop.manager.activate(path)
    result = laptop.declare(psk())
    assert happened(result) == {"corp": "changed"}
    after = laptop.manager.profiles[path]
    assert "match" not in after
    assert not {"band", "channel"} & set(after["802-11-wireless"])
    (judged,) = NetworkManagerBackend("wlan0").profiles()
    assert judged.enabled
    assert judged.limits.channels is None
    before, after = (result["diff"][side]["connections"]["corp"] for side in ("before", "after"))
    assert all(name in before and name not in after for name in gone)
    assert laptop.declare(psk())["changed"] is False
    assert laptop.declare(psk())["warnings"] == []


def test_other_kinds_and_what_networkmanager_made_itself_are_not_touched(laptop: Laptop) -> None:
    wired: Settings = {
        "connection": {"id": ("s", "wired"), "uuid": ("s", "w"), "type": ("s", "802-3-ethernet")},
        "802-3-ethernet": {},
    }
    paths = [laptop.manager.put(wired), laptop.put(b"found", flags=0x8), laptop.put(b"generated", flags=0x2)]
    laptop.declare(psk(), prune=True)
    laptop.declare(absent=(b"found", b"corp"))
    assert list(laptop.manager.profiles) == paths


def test_of_several_with_one_ssid_one_stays(laptop: Laptop) -> None:
    laptop.put(uuid="a", security={"key-mgmt": ("s", "sae")})
    fitting = laptop.put(uuid="b", security=PSK)
    laptop.put(uuid="c", security=PSK)
    assert happened(laptop.declare(psk())) == {"corp": "changed"}
    assert list(laptop.manager.profiles) == [fitting]
    assert laptop.declare(psk())["changed"] is False


def test_the_one_in_use_is_the_one_that_stays(laptop: Laptop) -> None:
    laptop.put(uuid="a", security=PSK)
    used = laptop.put(uuid="b", security={**PSK, "psk": ("s", OTHER)})
    laptop.manager.activate(used)
    result = laptop.declare(psk())
    assert list(laptop.manager.profiles) == [used]
    assert any("apply from the next connection on" in warning for warning in result["warnings"])
    assert laptop.declare(psk())["warnings"] == []


def test_a_link_of_another_interface_outlives_a_prune(laptop: Laptop) -> None:
    used = laptop.put(b"home", security={**PSK, "psk": ("s", OTHER)})
    twice = laptop.put(b"corp", security={**PSK, "psk": ("s", OTHER)})
    laptop.put(b"old", security=PSK)
    laptop.manager.activate_elsewhere(used, "wlan1")
    laptop.manager.activate_elsewhere(twice, "wlan2")
    assert happened(laptop.declare(psk(), prune=True)) == {"corp": "added", "old": "removed"}
    again = laptop.declare(psk(), prune=True)
    assert again["changed"] is False
    assert again["warnings"] == [
        "profile 'Theirs' for network 'corp' stays, because it carries the link of wlan2. Give that interface its own "
        "profile. Then the next run removes this one",
        "profile 'Theirs' for network 'home' stays, because it carries the link of wlan1. Give that interface its own "
        "profile. Then the next run removes this one",
    ]
    assert {used, twice} < set(laptop.manager.profiles)


def test_a_link_of_another_interface_that_ends_meanwhile_is_none(laptop: Laptop) -> None:
    ended = laptop.manager.activate_elsewhere(laptop.put(b"home", security=PSK), "wlan1")
    del laptop.bus.properties[ended, f"{NM}.Connection.Active"]
    assert happened(laptop.declare(prune=True)) == {"home": "removed"}


def test_a_priority_is_no_news_for_the_connection_that_stands(laptop: Laptop) -> None:
    path = laptop.put(security=PSK)
    laptop.declare(psk())
    laptop.manager.activate(path)
    result = laptop.declare(psk(priority=7))
    assert (result["changed"], result["warnings"]) == (True, [])


def test_the_first_one_stays_where_none_fits(laptop: Laptop) -> None:
    first = laptop.put(uuid="a")
    laptop.put(uuid="b")
    laptop.declare(psk())
    assert list(laptop.manager.profiles) == [first]


def test_what_is_in_memory_alone_goes_to_the_disk(laptop: Laptop) -> None:
    path = laptop.put(security=PSK, connection={"interface-name": ("s", "wlan0")}, flags=1)
    assert happened(laptop.declare(psk())) == {"corp": "changed"}
    assert laptop.manager.stored[path] == 1
    assert laptop.declare(psk())["changed"] is False


def test_what_netplan_stores_is_on_the_disk_though_its_file_is_not(laptop: Laptop) -> None:
    laptop.manager.netplan = True
    assert happened(laptop.declare(psk())) == {"corp": "added"}
    (path,) = laptop.manager.profiles
    assert laptop.bus.properties[path, CONNECTION]["Flags"] == ("u", 1)
    again = laptop.declare(psk())
    assert (again["changed"], laptop.manager.writes) == (False, [])
    # What is not as declared is written, and to the disk.
    assert happened(laptop.declare(psk(priority=4))) == {"corp": "changed"}
    assert laptop.manager.stored[path] == 1
    assert laptop.declare(psk(priority=4))["changed"] is False


def test_a_profile_of_netplans_that_was_removed_is_put_back_onto_the_disk(laptop: Laptop) -> None:
    laptop.manager.netplan = True
    laptop.put(b"old", flags=1)
    laptop.put(b"older", flags=1)
    laptop.manager.refuses["Delete"] = 1
    with pytest.raises(Refused, match="Nothing was changed"):
        laptop.declare(absent=(b"old", b"older"))
    assert sorted(laptop.ssids()) == [b"old", b"older"]
    assert {laptop.manager.stored[path] for path in laptop.manager.profiles} == {1}


def test_secrets_that_are_not_wanted_any_more_go(laptop: Laptop) -> None:
    laptop.declare(tls())
    assert happened(laptop.declare(tls(None))) == {"tls": "changed"}
    assert laptop.manager.writes == ["Update2", "ClearSecrets"]
    assert "private-key-password" not in laptop.manager.one(b"tls")["802-1x"]
    assert laptop.declare(tls(None))["changed"] is False


def test_a_key_without_a_password_is_said_to_have_none_once(laptop: Laptop) -> None:
    assert happened(laptop.declare(tls(None))) == {"tls": "added"}
    assert laptop.manager.one(b"tls")["802-1x"]["private-key-password-flags"] == ("u", 4)
    assert laptop.declare(tls(None))["changed"] is False
    assert happened(laptop.declare(tls())) == {"tls": "changed"}
    assert "private-key-password-flags" not in laptop.manager.one(b"tls")["802-1x"]
    assert laptop.declare(tls())["changed"] is False


def test_no_users_agent_is_asked(laptop: Laptop) -> None:
    path = laptop.put(security={"key-mgmt": ("s", "wpa-psk"), "psk-flags": ("u", 1)})
    laptop.declare(psk())
    assert laptop.bus.called("GetSecrets") == []
    assert laptop.manager.profiles[path]["802-11-wireless-security"] == PSK
    # Nor is anything asked of those that nobody declared.
    laptop.put(b"another", security=PSK)
    laptop.declare(psk())
    assert len(laptop.bus.called("GetSecrets")) == 1


def test_secrets_that_are_not_told_are_set_anew(laptop: Laptop) -> None:
    laptop.declare(psk())
    laptop.manager.refuses["GetSecrets"] = 0
    assert happened(laptop.declare(psk())) == {"corp": "changed"}


def test_one_that_goes_away_meanwhile_is_no_matter(laptop: Laptop) -> None:
    gone = laptop.put(b"gone", security=PSK)
    laptop.put(b"old", security=PSK)

    def vanish() -> Any:
        raise DBusError("org.freedesktop.DBus.Error.UnknownMethod", "no such object")

    laptop.bus.methods[gone, f"{CONNECTION}.GetSettings"] = vanish
    deleting = laptop.bus.methods[f"{SETTINGS}/2", f"{CONNECTION}.Delete"]
    laptop.bus.methods[f"{SETTINGS}/2", f"{CONNECTION}.Delete"] = lambda: deleting() or vanish()
    assert happened(laptop.declare(absent=(b"gone", b"old"))) == {"old": "removed"}


def test_an_active_connection_that_ends_meanwhile_is_none(laptop: Laptop) -> None:
    path = laptop.put(security=PSK)
    laptop.manager.activate(path)
    laptop.bus.properties = {k: v for k, v in laptop.bus.properties.items() if "ActiveConnection" not in k[0]}
    assert laptop.declare(psk(enabled=False))["warnings"] == []


def test_a_host_that_is_held_for_long_has_its_profiles_written_all_the_same(laptop: Laptop) -> None:
    with run_folder.lock("phy7", 0, laptop.places):
        assert laptop.declare(psk())["changed"] is True
    assert laptop.ssids() == [b"corp"]


def test_a_killed_handovers_pin_is_undone_first(laptop: Laptop) -> None:
    supplicant = Supplicant(laptop.bus)
    laptop.manager = FakeNetworkManager(laptop.bus)
    supplicant.lift_the_block()
    supplicant.add_network(bssid="02:00:00:00:01:00")
    pin = Pin("wlan0", 1, b"corp".hex(), "02:00:00:00:01:00", (2412,), None, (), (), NetworkManagerBackend.manager)
    run_folder.write_journal("phy7", {"pin": pin.as_dict()}, laptop.places)
    checked = laptop.declare(psk(), check_mode=True)
    assert checked["warnings"] == []
    assert supplicant.bssid() == "02:00:00:00:01:00"
    assert "a pin that a handover left on wlan0 was undone" in laptop.declare(psk())["warnings"]
    assert supplicant.bssid() == "any"
    assert run_folder.journals(laptop.places) == []
