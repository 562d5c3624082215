# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's profiles and wpa_supplicant's networks, as D-Bus gives them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.client import Device, NetworkManager
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.connection import (
    Connection,
    connection_of,
    is_asked_for,
    matches,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    NM,
    NM_DEVICE,
    NM_PATH,
    NM_SETTINGS,
    UNMANAGED,
    WPA,
    WPA_INTERFACE,
    WPA_NETWORK,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.profiles import profile_of
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.supplicant import (
    Supplicant,
    SupplicantNetwork,
    network_of,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import PROPERTIES
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    NotFound,
    SupplicantRefused,
    TimedOut,
)

PATH = "/org/freedesktop/NetworkManager/Settings/7"
#: The permanent address of the interface's device.
MAC = "02:00:00:00:00:00"
#: What may be done about a profile that is for something else.
ANOTHER = "Take that out of it, or add a profile for this interface"


def settings(
    security: Optional[Dict[str, Any]] = None,
    eap: Optional[Dict[str, Any]] = None,
    wireless: Optional[Dict[str, Any]] = None,
    general: Optional[Dict[str, Any]] = None,
    match: Optional[Dict[str, Any]] = None,
) -> Dict[str, Dict[str, Any]]:
    """Return a profile as GetSettings gives it."""
    made: Dict[str, Dict[str, Any]] = {
        "connection": {"id": "Corp", "uuid": "u", "type": "802-11-wireless", "permissions": [], **(general or {})},
        "802-11-wireless": {"mode": "infrastructure", "ssid": b"corp", **(wireless or {})},
        "ipv4": {"method": "auto"},
    }
    if security is not None:
        made["802-11-wireless-security"] = security
    if eap is not None:
        made["802-1x"] = eap
    if match is not None:
        made["match"] = match
    return made


PSK = {"key-mgmt": "wpa-psk"}
EAP = {"key-mgmt": "wpa-eap"}


@pytest.mark.parametrize(
    ("security", "eap", "auth"),
    [
        (None, None, "open"),
        (PSK, None, "psk"),
        (PSK, None, "sae"),
        ({"key-mgmt": "sae"}, None, "sae"),
        ({**PSK, "pmf": 1}, None, "psk"),
        ({**PSK, "pmf": 2}, None, "sae"),
        # By WPA-PSK-SHA256 or SAE, where the access point has it: nothing tells.
        ({**PSK, "pmf": 3}, None, "psk"),
        ({**PSK, "pmf": 3}, None, "sae"),
        ({"key-mgmt": "sae", "pmf": 3}, None, "sae"),
        ({**EAP, "pmf": 3}, {"eap": ["peap"], "identity": "me"}, "eap"),
        (EAP, {"eap": ["peap"], "identity": "me"}, "eap"),
        ({"key-mgmt": "wpa-eap-suite-b-192"}, {"eap": ["tls"]}, "eap"),
        # The key has no password, whoever would have it.
        (EAP, {"eap": ["tls"], "private-key-password-flags": 4}, "eap"),
        (EAP, {"eap": ["tls"], "private-key-password-flags": 5}, "eap"),
        (EAP, {"eap": ["peap"], "phase2-auth": "tls", "phase2-private-key-password-flags": 4}, "eap"),
        # A certificate in a file has no password, whatever is said of it; one on a token may have none.
        (EAP, {"eap": ["tls"], "client-cert": b"file:///c\0", "client-cert-password-flags": 1}, "eap"),
        (EAP, {"eap": ["tls"], "client-cert": b"pkcs11:x\0", "client-cert-password-flags": 4}, "eap"),
    ],
)
def test_what_a_profile_can_join(security: Optional[Dict[str, Any]], eap: Optional[Dict[str, Any]], auth: str) -> None:
    connection = connection_of(PATH, settings(security, eap))
    assert connection is not None
    assert profile_of(connection, "wlan0").can_join(auth)


@pytest.mark.parametrize(
    ("security", "eap", "auth"),
    [
        ({"key-mgmt": "none", "wep-key-type": 1}, None, "open"),  # WEP
        ({"key-mgmt": "owe"}, None, "open"),
        ({"key-mgmt": "ieee8021x"}, {"eap": ["peap"]}, "eap"),
        ({"key-mgmt": "news"}, None, "psk"),
        ({"key-mgmt": "sae"}, None, "psk"),
        ({**PSK, "pmf": 1}, None, "sae"),
        # The secret is with somebody's session, or nobody's.
        ({**PSK, "psk-flags": 1}, None, "psk"),
        ({**PSK, "psk-flags": 2}, None, "psk"),
        (EAP, {"eap": ["pwd"], "password-raw-flags": 1}, "eap"),
        (EAP, {"eap": ["peap"], "password-flags": 1}, "eap"),
        (EAP, {"eap": ["tls"], "private-key-password-flags": 2}, "eap"),
        (EAP, {"eap": ["peap"], "password-flags": 4}, "eap"),
        ({**PSK, "psk-flags": 4}, None, "psk"),
        (EAP, {"eap": ["tls"], "client-cert": b"pkcs11:x\0", "client-cert-password-flags": 1}, "eap"),
        (EAP, {"eap": ["tls"], "phase2-ca-cert": b"pkcs11:x\0", "phase2-ca-cert-password-flags": 2}, "eap"),
        (EAP, {}, "eap"),
    ],
)
def test_what_it_can_not(security: Dict[str, Any], eap: Optional[Dict[str, Any]], auth: str) -> None:
    connection = connection_of(PATH, settings(security, eap))
    assert connection is not None
    assert not profile_of(connection, "wlan0").can_join(auth)


TLS: Dict[str, Any] = {"eap": ["tls"]}
TOKEN = b"pkcs11:x\0"


@pytest.mark.parametrize(
    ("security", "eap", "held", "asked"),
    [
        (None, None, (), False),
        (PSK, None, (), True),
        (PSK, None, ("psk",), False),
        ({"key-mgmt": "sae"}, None, (), True),
        ({"key-mgmt": "owe"}, None, (), False),
        (EAP, {"eap": ["pwd"]}, (), True),
        (EAP, {"eap": ["pwd"]}, ("password-raw",), False),
        (EAP, {"eap": ["peap"], "phase2-auth": "mschapv2"}, (), True),
        (EAP, {"eap": ["peap"], "phase2-auth": "mschapv2"}, ("password",), False),
        (EAP, {"eap": ["ttls"], "phase2-autheap": "gtc"}, (), True),
        (EAP, {"eap": ["ttls"], "phase2-autheap": "tls"}, ("private-key-password",), True),
        (EAP, {"eap": ["ttls"], "phase2-autheap": "tls"}, ("phase2-private-key-password",), False),
        (EAP, TLS, (), True),
        (EAP, TLS, ("private-key-password",), False),
        (EAP, {**TLS, "private-key-password-flags": 4}, (), False),
        (EAP, {**TLS, "client-cert": TOKEN}, ("private-key-password",), True),
        (EAP, {**TLS, "client-cert": TOKEN}, ("private-key-password", "client-cert-password"), False),
        (EAP, {"eap": ["peap"], "phase2-auth": "tls", "phase2-private-key-password-flags": 4}, (), False),
        (EAP, {**TLS, "ca-cert": TOKEN}, ("private-key-password",), True),
        (EAP, {"eap": ["sim"]}, (), True),
        (EAP, {"eap": ["sim"]}, ("pin",), False),
        (EAP, {"eap": ["tls", "pwd"], "private-key-password-flags": 4}, (), True),
        (EAP, {"eap": ["news"]}, (), False),
        (EAP, {"eap": ["peap"]}, (), False),
    ],
)
def test_what_networkmanager_would_have_to_ask_for(
    security: Optional[Dict[str, Any]], eap: Optional[Dict[str, Any]], held: Tuple[str, ...], asked: bool
) -> None:
    assert is_asked_for(settings(security, eap), frozenset(held)) is asked


def test_everything_that_a_profile_says_is_told() -> None:
    given = settings(
        EAP,
        {"eap": ["tls"], "private-key-password-flags": 1},
        wireless={
            "bssid": bytes.fromhex("020000000100"),
            "mac-address": bytes.fromhex("020000000200"),
            "band": "a",
            "channel": 36,
            "mac-address-blacklist": ["02:00:00:00:0A:00"],
            "mac-address-denylist": ["02:00:00:00:0B:00"],
            "assigned-mac-address": "Stable",
        },
        general={
            "autoconnect": False,
            "autoconnect-priority": -5,
            "interface-name": "wlan0",
            "permissions": ["user:alice:"],
        },
        match={"interface-name": ["wl*", "!wlan1"], "driver": ["iwlwifi"], "path": [], "kernel-command-line": ["x"]},
    )
    assert connection_of(PATH, given) == Connection(
        number=7,
        path=PATH,
        name="Corp",
        ssid=b"corp",
        key_mgmt=frozenset({"WPA-EAP"}),
        bssid="02:00:00:00:01:00",
        mac="02:00:00:00:02:00",
        band="a",
        channel=36,
        autoconnect=False,
        priority=-5,
        interface="wlan0",
        owned=True,
        credentials=frozenset(),
        denied=frozenset({"02:00:00:00:0a:00", "02:00:00:00:0b:00"}),
        address="stable",
        names=("wl*", "!wlan1"),
        conditions=("match.driver", "match.kernel-command-line"),
        elsewhere=(("private-key-password-flags", 1),),
    )


def test_what_a_profile_does_not_say_is_networkmanagers_default() -> None:
    assert connection_of(PATH, settings()) == Connection(
        number=7,
        path=PATH,
        name="Corp",
        ssid=b"corp",
        key_mgmt=frozenset({"NONE"}),
        bssid=None,
        mac=None,
        band=None,
        channel=0,
        autoconnect=True,
        priority=0,
        interface=None,
        owned=False,
        credentials=frozenset(),
    )


@pytest.mark.parametrize(
    ("security", "credentials"),
    [(PSK, {"psk"}), (EAP, {"identity", "eap"}), ({"key-mgmt": "none"}, {"wep_key"})],
)
def test_what_the_system_holds_is_in_wpa_supplicants_words(security: Dict[str, Any], credentials: Set[str]) -> None:
    connection = connection_of(PATH, settings(security, {"eap": ["peap"]}))
    assert connection is not None
    assert connection.credentials == credentials


def test_what_is_told_of_a_profile() -> None:
    connection = connection_of(
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
        bound=True,
        own=True,
    )
    assert not profile_of(connection, "wlan1").enabled


def obstacle(*parts: Any, **more: Any) -> str:
    """Return why a profile is of no use to wlan0 when a laptop boots; nothing when it is of use."""
    connection = connection_of(PATH, settings(*parts, **more))
    assert connection is not None
    profile = profile_of(connection, "wlan0", MAC)
    assert not (profile.obstacle and profile.enabled)
    return f"{profile.obstacle.what}. {profile.obstacle.remedy}" if profile.obstacle else ""


def test_a_profile_that_does_not_connect_by_itself_is_disabled() -> None:
    connection = connection_of(PATH, settings(PSK, general={"autoconnect": False}))
    assert connection is not None
    profile = profile_of(connection, "wlan0")
    assert (profile.enabled, profile.obstacle) == (False, None)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"security": PSK}, ""),
        (
            {"security": PSK, "general": {"permissions": ["user:alice:"]}},
            "some users alone (connection.permissions). Empty that",
        ),
        (
            {"security": PSK, "general": {"interface-name": "wlan1"}},
            f"for the interface wlan1 alone (connection.interface-name). {ANOTHER}",
        ),
        ({"security": {**PSK, "psk-flags": 1}}, "the agent of a user, who has to log in first (psk-flags 1)"),
        ({"security": {**PSK, "psk-flags": 2}}, "a secret that nobody stores (psk-flags 2)"),
        (
            {"security": EAP, "eap": {"eap": ["peap"], "password-flags": 1}},
            "(password-flags 1). Have the system store it: set password-flags to 0, and the secret",
        ),
        # There need be no password: the key is not encrypted.
        ({"security": EAP, "eap": {"eap": ["tls"], "private-key-password-flags": 4}}, ""),
        (
            {"security": PSK, "wireless": {"mac-address": bytes.fromhex("020000000900")}},
            f"device 02:00:00:00:09:00 alone (802-11-wireless.mac-address). {ANOTHER}",
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
        ({"security": PSK, "match": {"driver": ["iwlwifi"]}}, "by its match.driver, which is not looked at"),
        (
            {"security": PSK, "match": {"path": ["pci-*"]}},
            f"by its match.path, which is not looked at. {ANOTHER}",
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
        connection = connection_of(PATH, settings(PSK, wireless={"assigned-mac-address": told}))
        assert connection is not None
        assert profile_of(connection, "wlan0").enabled is usable


@pytest.mark.parametrize(
    ("patterns", "is_one"),
    [
        ((), True),
        (("wlan0",), True),
        (("wlan",), False),
        (("eth*", "wl*"), True),
        (("!wlan0",), False),
        (("!wlan1",), True),
        (("wl*", "!wlan0"), False),
        (("eth*", "!wlan1"), False),
        (("&wl*", "&!wlan1"), True),
        (("&wl*", "&eth*"), False),
        (("|!wlan0", "wl*"), True),
        (("\\wlan0",), True),
    ],
)
def test_interfaces_that_patterns_name(patterns: Tuple[str, ...], is_one: bool) -> None:
    assert matches("wlan0", patterns) is is_one


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
    connection = connection_of(PATH, settings(PSK, **parts))
    assert connection is not None
    assert profile_of(connection, "wlan0", MAC).own is own


def test_what_else_a_profile_is_bound_to_is_told() -> None:
    mac = bytes.fromhex("020000000000")
    connection = connection_of(PATH, settings(PSK, wireless={"mac-address": mac, "band": "a", "channel": 36}))
    assert connection is not None
    assert (connection.mac, connection.band, connection.channel) == ("02:00:00:00:00:00", "a", 36)
    unbound = connection_of(PATH, settings(PSK))
    assert unbound is not None
    assert profile_of(unbound, "wlan0").channels is None


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
    connection = connection_of(PATH, settings(PSK, wireless=limits))
    assert connection is not None
    channels = profile_of(connection, "wlan0").channels
    assert channels is not None
    assert (on - channels, off & channels) == (set(), set())


@pytest.mark.parametrize(
    ("can_6_ghz", "wanted", "frequencies"),
    [
        (False, (2412, 5955), (2412,)),
        (True, (2412, 5955), (2412, 5955)),
        (False, (5180,), (5180,)),
        (False, (5180, 5925), (5180,)),
        (False, (5955,), (5955,)),  # better an attempt than none
    ],
)
def test_frequencies_that_the_device_does_not_have_go(
    can_6_ghz: bool, wanted: Tuple[int, ...], frequencies: Tuple[int, ...]
) -> None:
    assert Device("/d/1", None, can_6_ghz).frequencies(wanted) == frequencies


def test_other_kinds_are_no_profiles() -> None:
    assert connection_of(PATH, {"connection": {"id": "eth0", "type": "802-3-ethernet"}}) is None
    assert connection_of(PATH, settings(wireless={"mode": "ap"})) is None


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [({"802-11-wireless": {"ssid": 7}}, "an SSID is bytes"), ({"connection": {}}, r"KeyError\('id'\)")],
)
def test_a_malformed_profile_is_named(spoilt: Dict[str, Any], words: str) -> None:
    with pytest.raises(DecodeFailed, match=rf"no Wi-Fi profile of NetworkManager's: .*{words}.*Settings/7"):
        connection_of(PATH, {**settings(), **spoilt})


@pytest.mark.parametrize(
    ("properties", "ssid", "bssid"),
    [
        ({"ssid": '"corp wifi"', "bssid": "02:00:00:00:01:00"}, b"corp wifi", "02:00:00:00:01:00"),
        ({"ssid": "ff00", "bssid": "any"}, b"\xff\x00", None),
        ({"ssid": '"a"b"'}, b'a"b', None),
        ({"ssid": "nonsense"}, None, None),
        ({}, None, None),
    ],
)
def test_networks_of_the_supplicant(properties: Dict[str, str], ssid: Optional[bytes], bssid: Optional[str]) -> None:
    assert network_of("/n/0", properties) == SupplicantNetwork("/n/0", ssid, bssid)


@pytest.mark.parametrize(
    ("key_mgmt", "pmf", "expected"),
    [
        ("wpa-psk", 0, {"WPA-PSK", "SAE"}),
        ("wpa-psk", 1, {"WPA-PSK"}),
        ("wpa-psk", 3, {"WPA-PSK-SHA256", "SAE"}),
        ("wpa-eap", 3, {"WPA-EAP-SHA256"}),
        ("owe", 0, {"OWE"}),
    ],
)
def test_key_managements_are_in_wpa_supplicants_words(key_mgmt: str, pmf: int, expected: Set[str]) -> None:
    connection = connection_of(PATH, settings({"key-mgmt": key_mgmt, "pmf": pmf}))
    assert connection is not None
    assert connection.key_mgmt == expected


# --- over the bus ---

NM_ACTIVE = f"{NM}.Connection.Active"
BSS = "/bss/1"


class Bus:
    """What is asked of the bus: each question and its answer, or what is raised; and what was begun."""

    def __init__(self, answers: Dict[Tuple[Any, ...], Any]) -> None:
        self.answers = answers
        self.begun: List[Tuple[Any, ...]] = []

    def get(self, *question: Any) -> Any:
        answer = self.answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer

    call = get_all = get

    def call_each(self, *question: Any, **how: Any) -> Iterator[Any]:
        self.begun.append((*question, how))
        return iter(())

    def begin(self, *message: Any) -> None:
        self.begun.append(message)


def manager(answers: Dict[Tuple[Any, ...], Any]) -> NetworkManager:
    return NetworkManager(Bus(answers))  # type: ignore[arg-type]


@pytest.mark.parametrize("starting", [True, False])
def test_networkmanager_says_whether_it_is_busy_with_its_start(starting: bool) -> None:
    assert manager({(NM, NM_PATH, NM, "Startup"): starting}).is_starting() is starting


def device_answers(told: Dict[str, Any], wireless: Dict[str, Any]) -> Dict[Tuple[Any, ...], Any]:
    return {
        (NM, NM_PATH, NM, "GetDeviceByIpIface", "s", ("wlan0",)): ("/d/1",),
        (NM, "/d/1", NM_DEVICE): told,
        (NM, "/d/1", f"{NM_DEVICE}.Wireless"): wireless,
    }


@pytest.mark.parametrize(
    ("wireless", "expected"),
    [
        (
            {"PermHwAddress": "02:00:00:00:00:AA", "WirelessCapabilities": 0x1FFF},
            Device("/d/1", "02:00:00:00:00:aa", True),
        ),
        ({"PermHwAddress": "", "WirelessCapabilities": 0x17FF}, Device("/d/1", None, False)),
        ({}, Device("/d/1", None, False)),
    ],
)
def test_a_device_is_told_with_its_permanent_address_and_6_ghz(wireless: Dict[str, Any], expected: Device) -> None:
    assert manager(device_answers({"Managed": True, "State": 100}, wireless)).device("wlan0") == expected
    assert manager(device_answers({}, wireless)).device("wlan0") == expected, "as of old"


@pytest.mark.parametrize("told", [{"Managed": False, "State": 30}, {"State": UNMANAGED}])
def test_a_device_that_is_left_alone_is_none_unless_it_is_asked_for(told: Dict[str, Any]) -> None:
    one = manager(device_answers(told, {}))
    with pytest.raises(NotFound, match="NetworkManager does not manage wlan0") as caught:
        one.device("wlan0")
    assert caught.value.where == f"D-Bus, {NM}"
    assert one.device("wlan0", unmanaged=True).path == "/d/1"


@pytest.mark.parametrize("variants", [True, False])
def test_profiles_that_this_user_may_not_read_are_left_out(variants: bool) -> None:
    bus = Bus({(NM, f"{NM_PATH}/Settings", NM_SETTINGS, "ListConnections"): ([PATH],)})
    assert list(NetworkManager(bus).settings(variants=variants)) == []  # type: ignore[arg-type]
    how = {"variants": variants, "skip": (NotFound, AccessDenied)}
    assert bus.begun == [(NM, [PATH], f"{NM_SETTINGS}.Connection", "GetSettings", how)]


SECURED, EAP_SETTING = "802-11-wireless-security", "802-1x"
PEAP = {"eap": ["peap"], "phase2-auth": "mschapv2"}


@pytest.mark.parametrize(
    ("profile", "setting", "answer", "lacks"),
    [
        (settings(PSK), SECURED, {SECURED: {"psk": "x"}}, False),
        (settings(PSK), SECURED, {SECURED: {"psk": ""}}, True),
        (settings(PSK), SECURED, {}, True),
        (settings(EAP, PEAP), EAP_SETTING, {EAP_SETTING: {"password": "x"}}, False),
        (settings(EAP, PEAP), EAP_SETTING, {EAP_SETTING: {"password": ""}}, True),
        # The password of a private key may be an empty one.
        (settings(EAP, TLS), EAP_SETTING, {EAP_SETTING: {"private-key-password": ""}}, False),
        (settings(PSK), SECURED, SupplicantRefused("NoSecrets: nobody has any"), True),
        # What can't be told is not said.
        (settings(PSK), SECURED, SupplicantRefused("Failed: odd"), False),
        (settings(PSK), SECURED, TimedOut("no answer"), False),
        (settings(PSK), SECURED, AccessDenied("not for you"), False),
    ],
)
def test_whether_the_system_has_the_secret_is_asked_where_it_belongs(
    profile: Dict[str, Any], setting: str, answer: Any, lacks: bool
) -> None:
    question = (NM, PATH, f"{NM_SETTINGS}.Connection")
    one = manager(
        {
            (*question, "GetSettings"): (profile,),
            (*question, "GetSecrets", "s", (setting,)): answer if isinstance(answer, Exception) else (answer,),
        }
    )
    assert one.lacks_a_secret(PATH) is lacks


def test_a_profile_that_is_gone_lacks_nothing() -> None:
    question = (NM, PATH, f"{NM_SETTINGS}.Connection", "GetSettings")
    assert manager({question: NotFound("no such profile")}).lacks_a_secret(PATH) is False


ENDED = [NotFound("no such object"), SupplicantRefused("no such property")]


@pytest.mark.parametrize("ended", [*ENDED, None])
def test_a_device_is_connected_by_a_profile_as_long_as_it_says_so(ended: Optional[Exception]) -> None:
    answers = {(NM, "/d/1", NM_DEVICE, "ActiveConnection"): "/a/1", (NM, "/a/1", NM_ACTIVE, "Connection"): PATH}
    if ended is None:
        assert manager(answers).active("/d/1") == PATH
        assert manager({(NM, "/d/1", NM_DEVICE, "ActiveConnection"): "/"}).active("/d/1") is None
    else:
        for question in answers:
            assert manager({**answers, question: ended}).active("/d/1") is None


@pytest.mark.parametrize("ended", ENDED)
def test_a_profile_that_another_device_uses_is_told_with_that_ones_name(ended: Exception) -> None:
    answers: Dict[Tuple[Any, ...], Any] = {
        (NM, NM_PATH, NM, "ActiveConnections"): ["/a/1", "/a/2", "/a/3", "/a/4"],
        (NM, "/a/1", NM_ACTIVE): ended,
        (NM, "/a/2", NM_ACTIVE): {"Devices": ["/d/1"], "Connection": "/s/2"},
        (NM, "/a/3", NM_ACTIVE): {"Devices": ["/d/1", "/d/2"], "Connection": "/s/3"},
        (NM, "/a/4", NM_ACTIVE): {"Devices": ["/d/3"], "Connection": "/s/3"},
        (NM, "/d/2", NM_DEVICE, "Interface"): "wlan1",
        (NM, "/d/3", NM_DEVICE, "Interface"): "wlan2",
    }
    assert manager(answers).used_elsewhere("/d/1") == {"/s/3": ("wlan1", "wlan2")}


def test_a_device_is_taken_into_use_by_its_property() -> None:
    question = (NM, "/d/1", PROPERTIES, "Set", "ssv", (NM_DEVICE, "Managed", ("b", True)))
    manager({question: ()}).manage("/d/1")


def test_a_network_that_is_gone_does_not_hide_the_others() -> None:
    properties = (WPA_NETWORK, "Properties")
    answers: Dict[Tuple[Any, ...], Any] = {
        (WPA, "/i/0", WPA_INTERFACE, "Networks"): ["/n/0", "/n/1"],
        (WPA, "/n/0", *properties): NotFound("it is gone"),
        (WPA, "/n/1", *properties): {"ssid": '"corp"'},
    }
    assert supplicant(answers)[0].networks("/i/0") == (SupplicantNetwork("/n/1", b"corp", None),)


def supplicant(answers: Dict[Tuple[Any, ...], Any]) -> Tuple[Supplicant, Bus]:
    bus = Bus(answers)
    return Supplicant(bus), bus  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"SSID": b"corp", "BSSID": bytes.fromhex("020000000100")}, (b"corp", "02:00:00:00:01:00")),
        ({"SSID": "corp"}, (None, None)),
        ({}, (None, None)),
        (NotFound("it is gone"), (None, None)),
    ],
)
def test_the_network_in_use_is_the_one_of_the_access_point(told: Any, expected: Any) -> None:
    one, _bus = supplicant({(WPA, "/i/0", WPA_INTERFACE): {"CurrentBSS": BSS}, (WPA, BSS, f"{WPA}.BSS"): told})
    assert one.network_in_use("/i/0") == expected
    assert one.bssid("/i/0") == expected[1]


@pytest.mark.parametrize("properties", [{}, {"CurrentBSS": "/"}])
def test_without_an_access_point_no_network_is_in_use(properties: Dict[str, str]) -> None:
    assert supplicant({(WPA, "/i/0", WPA_INTERFACE): properties})[0].network_in_use("/i/0") == (None, None)


def test_what_the_supplicant_is_asked_to_do() -> None:
    one, bus = supplicant({})
    one.scan("/i/0", b"corp", (2437, 5180))
    one.abort_scan("/i/0")
    one.reassociate("/i/0")
    one.keep_to("/n/0", "02:00:00:00:01:00")
    asked = {"Type": ("s", "active"), "SSIDs": ("aay", [b"corp"]), "Channels": ("a(uu)", [(2437, 20), (5180, 20)])}
    kept = ("a{sv}", {"bssid": ("s", "02:00:00:00:01:00")})
    assert bus.begun == [
        (WPA, "/i/0", WPA_INTERFACE, "Scan", "a{sv}", (asked,)),
        (WPA, "/i/0", WPA_INTERFACE, "AbortScan"),
        (WPA, "/i/0", WPA_INTERFACE, "Reassociate"),
        (WPA, "/n/0", PROPERTIES, "Set", "ssv", (WPA_NETWORK, "Properties", kept)),
    ]
