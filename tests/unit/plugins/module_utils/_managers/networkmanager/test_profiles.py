# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's profiles as those of an interface."""

from __future__ import annotations

from typing import Any, Dict, Optional, Set

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import profiles as nm_profiles
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.connection import read_connection
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.files import Defaults
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.profiles import (
    judged,
    networkmanager_runs,
    profile_of,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Limits, Obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.own_address import OtherAddress
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    EAP,
    PATH,
    PSK,
    settings,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import MAC

#: What may be done about a profile that is for something else.
ANOTHER = "Remove that from the profile, or add a profile for this interface"


def test_what_is_told_of_a_profile() -> None:
    connection = read_connection(
        PATH,
        settings(
            PSK,
            wireless={"ssid": b"\xff\x00", "bssid": bytes.fromhex("020000000100")},
            general={"autoconnect-priority": 5, "interface-name": "wlan0"},
        ),
    )
    assert connection is not None
    profile = profile_of(connection, "wlan0")
    assert profile == Profile(
        id=7,
        ssid=b"\xff\x00",
        key_mgmt=profile.key_mgmt,
        enabled=True,
        bssid="02:00:00:00:01:00",
        scan_freq=(),
        current=False,
        priority=5,
        credentials=frozenset({"psk"}),
        limits=Limits(only_bssids=("02:00:00:00:01:00",)),
        own=True,
    )
    assert not profile_of(connection, "wlan1").enabled


def obstacle(*parts: Any, **more: Any) -> str:
    """Return why a profile is of no use to wlan0 when a laptop boots; nothing when it is of use."""
    connection = read_connection(PATH, settings(*parts, **more))
    assert connection is not None
    profile = profile_of(connection, "wlan0", MAC)
    assert not (profile.obstacle and profile.enabled)
    return f"{profile.obstacle.what}. {profile.obstacle.remedy}" if profile.obstacle else ""


def test_a_profile_that_does_not_connect_by_itself_is_disabled() -> None:
    connection = read_connection(PATH, settings(PSK, general={"autoconnect": False}))
    assert connection is not None
    profile = profile_of(connection, "wlan0")
    assert (profile.enabled, profile.obstacle) == (False, None)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"security": PSK}, ""),
        (
            {"security": PSK, "general": {"permissions": ["user:alice:"]}},
            "only for some users (connection.permissions). Clear that",
        ),
        (
            {"security": PSK, "general": {"interface-name": "wlan1"}},
            f"only for the interface wlan1 (connection.interface-name). {ANOTHER}",
        ),
        ({"security": {**PSK, "psk-flags": 1}}, "the agent of a user, who has to log in first (psk-flags 1)"),
        ({"security": {**PSK, "psk-flags": 2}}, "a secret that is not stored (psk-flags 2)"),
        (
            {"security": EAP, "eap": {"eap": ["peap"], "password-flags": 1}},
            "(password-flags 1). Let the system store it: set password-flags to 0, and set the secret",
        ),
        # There need be no password: the key is not encrypted.
        ({"security": EAP, "eap": {"eap": ["tls"], "private-key-password-flags": 4}}, ""),
        (
            {"security": PSK, "wireless": {"mac-address": bytes.fromhex("020000000900")}},
            f"only for the device 02:00:00:00:09:00 (802-11-wireless.mac-address). {ANOTHER}",
        ),
        ({"security": PSK, "wireless": {"mac-address": bytes.fromhex("020000000000")}}, ""),
        (
            {"security": PSK, "wireless": {"mac-address-blacklist": ["02:00:00:00:00:00"]}},
            f"not for the device 02:00:00:00:00:00 (802-11-wireless.mac-address-denylist). {ANOTHER}",
        ),
        ({"security": PSK, "wireless": {"mac-address-denylist": ["02:00:00:00:09:00"]}}, ""),
        (
            {"security": PSK, "match": {"interface-name": ["eth*"]}},
            f"not for this interface (match.interface-name). {ANOTHER}",
        ),
        ({"security": PSK, "match": {"interface-name": ["wl*"], "driver": []}}, ""),
        ({"security": PSK, "match": {"driver": ["iwlwifi"]}}, "by its match.driver, which is not checked"),
        (
            {"security": PSK, "match": {"path": ["pci-*"]}},
            f"by its match.path, which is not checked. {ANOTHER}",
        ),
        ({"security": PSK, "match": {"kernel-command-line": ["office"]}}, "by its match.kernel-command-line"),
        ({"security": PSK, "wireless": {"assigned-mac-address": "random"}}, "than CSME's (cloned-mac-address: random)"),
        ({"security": PSK, "wireless": {"assigned-mac-address": "stable-ssid"}}, "Set cloned-mac-address to permanent"),
        ({"security": PSK, "wireless": {"assigned-mac-address": "permanent"}}, ""),
        ({"security": PSK, "wireless": {"assigned-mac-address": "preserve"}}, ""),
        ({"security": PSK, "wireless": {"assigned-mac-address": "02:00:00:00:00:00"}}, ""),
        ({"security": PSK, "wireless": {"assigned-mac-address": "02:00:00:00:00:AA"}}, "02:00:00:00:00:aa)"),
        ({"security": PSK, "wireless": {"cloned-mac-address": bytes.fromhex("0200000000aa")}}, "02:00:00:00:00:aa)"),
        # Not a secret of this key management.
        ({"security": {**EAP, "psk-flags": 1}, "eap": {"eap": ["tls"]}}, ""),
    ],
)
def test_what_is_of_no_use_when_a_laptop_boots_says_why(parts: Dict[str, Any], words: str) -> None:
    assert words in obstacle(**parts)
    assert bool(obstacle(**parts)) == bool(words)


def test_what_a_profile_does_to_an_unknown_address_is_known_of_words_alone() -> None:
    for told, usable in (("random", False), ("02:00:00:00:09:00", True)):
        connection = read_connection(PATH, settings(PSK, wireless={"assigned-mac-address": told}))
        assert connection is not None
        assert profile_of(connection, "wlan0").enabled is usable


@pytest.mark.parametrize(
    ("parts", "own"),
    [
        ({}, False),
        ({"general": {"interface-name": "wlan0"}}, True),
        ({"wireless": {"mac-address": bytes.fromhex("020000000000")}}, True),
        ({"match": {"interface-name": ["wl*"]}}, False),
    ],
)
def test_a_profile_that_is_for_this_interface_alone_is_its_own(parts: Dict[str, Any], own: bool) -> None:
    connection = read_connection(PATH, settings(PSK, **parts))
    assert connection is not None
    assert profile_of(connection, "wlan0", MAC).own is own


def test_what_else_a_profile_is_bound_to_is_told() -> None:
    mac = bytes.fromhex("020000000000")
    connection = read_connection(PATH, settings(PSK, wireless={"mac-address": mac, "band": "a", "channel": 36}))
    assert connection is not None
    assert (connection.mac, connection.band, connection.channel) == ("02:00:00:00:00:00", "a", 36)
    unbound = read_connection(PATH, settings(PSK))
    assert unbound is not None
    assert profile_of(unbound, "wlan0").limits.channels is None


@pytest.mark.parametrize(
    ("limits", "on", "off"),
    [
        ({"band": "bg"}, {2412, 2472, 2484}, {5180, 5955}),
        ({"band": "a"}, {5180, 5885}, {2412, 5955}),
        ({"band": "6GHz"}, {5955, 7115}, {5180}),
        ({"band": "a", "channel": 36}, {5180}, {5200}),
        ({"band": "bg", "channel": 36}, set(), {5180}),
        ({"channel": 1}, {2412, 5955}, {2437}),
        ({"band": "news"}, set(), {2412, 5180, 5955}),
        ({"band": "news", "channel": 1}, set(), {2412, 5955}),
    ],
)
def test_what_a_band_and_a_channel_are(limits: Dict[str, Any], on: Set[int], off: Set[int]) -> None:
    connection = read_connection(PATH, settings(PSK, wireless=limits))
    assert connection is not None
    channels = profile_of(connection, "wlan0").limits.channels
    assert channels is not None
    assert (on - channels, off & channels) == (set(), set())


def test_whether_networkmanager_runs(fake_bus: FakeBus) -> None:
    assert networkmanager_runs() is True
    fake_bus.absent.append(NM)
    assert networkmanager_runs() is False


def test_without_a_bus_networkmanager_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    assert networkmanager_runs() is False


@pytest.mark.parametrize(
    ("own", "default", "usable"),
    [(None, None, True), (None, "stable-ssid", False), (None, "preserve", True), ("permanent", "random", True)],
)
def test_the_default_of_the_configuration_counts_where_the_profile_says_nothing(
    own: Optional[str], default: Optional[str], usable: bool
) -> None:
    connection = read_connection(PATH, settings(PSK, wireless={} if own is None else {"assigned-mac-address": own}))
    assert connection is not None
    found = profile_of(connection, "wlan0", "02:00:00:00:00:00", Defaults(address=default))
    assert (found.obstacle is None, found.enabled) == (usable, usable)
    if found.obstacle is not None:
        assert (found.obstacle.code, "the default in NetworkManager's configuration" in found.obstacle.what) == (
            "mac_address_differs",
            True,
        )


OWN = OtherAddress("wlan0 is somebody else", "Be the same")
NMS_DEFAULT, BY_CONF = "preserve, NetworkManager's default", "preserve, the default in NetworkManager's configuration"


@pytest.mark.parametrize(
    ("address", "default", "said"),
    [
        (None, None, NMS_DEFAULT),
        (None, "preserve", BY_CONF),
        ("preserve", "random", "preserve"),
        ("permanent", None, None),
        (None, "permanent", None),
        (MAC, None, None),
    ],
)
def test_the_interfaces_own_address_matters_to_a_profile_that_leaves_it(
    address: Optional[str], default: Optional[str], said: Optional[str]
) -> None:
    wireless = {} if address is None else {"assigned-mac-address": address}
    connection = read_connection(PATH, settings(PSK, wireless=wireless))
    assert connection is not None
    by_default = Defaults(address=default)
    assert profile_of(connection, "wlan0", MAC, by_default).obstacle is None
    found = profile_of(connection, "wlan0", MAC, by_default, OWN).obstacle
    assert (found is None) == (said is None)
    if found is not None:
        assert found == Obstacle(
            f"leaves the interface its own MAC address (cloned-mac-address: {said}): wlan0 is somebody else",
            "Set cloned-mac-address to permanent",
            code="mac_address_differs",
        )


NOW, AT_FIRST = OtherAddress("it has another", "Mend it"), OtherAddress("it got another", "Mend it")


@pytest.mark.parametrize(
    ("in_use", "default", "told"),
    [
        # The present address may be one for scans.
        (None, None, AT_FIRST),
        # A connection shows the interface's own address, unless its profile sets one.
        ("preserve", None, NOW),
        ("none", None, NOW),
        ("none", "random", AT_FIRST),
        ("permanent", None, AT_FIRST),
    ],
)
def test_where_the_interfaces_own_address_is_seen(
    monkeypatch: pytest.MonkeyPatch, in_use: Optional[str], default: Optional[str], told: OtherAddress
) -> None:
    monkeypatch.setattr(nm_profiles, "present_address", lambda interface: {"wlan0": NOW}[interface])
    monkeypatch.setattr(nm_profiles, "first_address", lambda interface: {"wlan0": AT_FIRST}[interface])
    monkeypatch.setattr(nm_profiles, "defaults", lambda _interface: Defaults(address=default))
    connections = [
        read_connection(PATH, settings(PSK, wireless={"assigned-mac-address": address} if address else {}))
        for address in ("preserve", "permanent", None if in_use == "none" else in_use)
    ]
    keeps, sets, used = connections
    assert keeps is not None
    assert sets is not None
    found = judged([keeps, sets], "wlan0", MAC, used if in_use is not None else None)
    assert [each.obstacle is None for each in found] == [False, True]
    assert told.what in str(found[0].obstacle)


def test_an_address_that_can_not_be_read_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_interface: str) -> None:
        raise NotFound("no udev")

    monkeypatch.setattr(nm_profiles, "first_address", fail)
    connection = read_connection(PATH, settings(PSK))
    assert connection is not None
    assert [each.obstacle for each in judged([connection], "wlan0", MAC)] == [None]


@pytest.mark.parametrize(
    ("ipv4", "default", "said"),
    [
        ({}, None, None),
        ({"dhcp-client-id": "mac"}, "duid", None),
        ({"dhcp-client-id": "perm-mac"}, None, None),
        ({"dhcp-client-id": "01:02:00:00:00:00:00"}, None, None),
        ({"dhcp-client-id": "duid"}, None, "ipv4.dhcp-client-id: duid)"),
        ({}, "stable", "ipv4.dhcp-client-id: stable, the default in NetworkManager's configuration)"),
    ],
)
def test_a_client_that_is_somebody_else_is_a_doubt(
    ipv4: Dict[str, str], default: Optional[str], said: Optional[str]
) -> None:
    connection = read_connection(PATH, {**settings(PSK), "ipv4": {"method": "auto", **ipv4}})
    assert connection is not None
    found = profile_of(connection, "wlan0", "02:00:00:00:00:00", Defaults(client_id=default))
    assert found.enabled
    assert (found.doubt is None) == (said is None)
    assert found.doubt is None or (found.doubt.code == "dhcp_identity_differs" and str(said) in found.doubt.what)


def test_an_address_that_is_written_down_is_a_doubt_too() -> None:
    connection = read_connection(PATH, {**settings(PSK), "ipv4": {"method": "manual", "dhcp-client-id": "duid"}})
    assert connection is not None
    found = profile_of(connection, "wlan0", MAC)
    assert found.enabled
    assert found.doubt == Obstacle(
        "the profile 'Corp' gives the host a fixed IPv4 address (ipv4.method: manual), which may be another than "
        "CSME's",
        "Set ipv4.method to auto",
        code="fixed_address",
    )


@pytest.mark.parametrize("method", ["disabled", "link-local", "shared"])
def test_without_an_address_of_the_network_no_session_goes_on(method: str) -> None:
    connection = read_connection(PATH, {**settings(PSK), "ipv4": {"method": method}})
    assert connection is not None
    found = profile_of(connection, "wlan0", MAC)
    assert (found.enabled, found.doubt) == (False, None)
    assert found.obstacle == Obstacle(
        f"gives the interface no IPv4 address of its network (ipv4.method: {method})", "Set ipv4.method to auto"
    )


def test_the_randomization_of_old_counts_too() -> None:
    connection = read_connection(PATH, settings(PSK, wireless={"mac-address-randomization": 2}))
    assert connection is not None
    assert profile_of(connection, "wlan0").obstacle is not None
