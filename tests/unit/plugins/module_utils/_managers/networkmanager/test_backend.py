# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager as a backend, over a bus whose services a test makes up."""

from __future__ import annotations

import os
import select
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import backend as _nm_backend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.listener import Listener
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    DISCONNECTED,
    NM,
    NM_DEVICE,
    NM_PATH,
    NM_SETTINGS,
    PREPARE,
    UNAVAILABLE,
    UNMANAGED,
    WPA,
    WPA_INTERFACE,
    WPA_NETWORK,
    WPA_PATH,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.profiles import networkmanager_runs
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    Event,
    ManagerGone,
    ProfilesChanged,
    ProfileTouched,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile, Target, find_profile
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import PROPERTIES, SystemBus
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    NotFound,
    SupplicantRefused,
    TimedOut,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    PSK,
    settings,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import BUS, DBusError, FakeBus

BSSID = "02:00:00:00:01:00"
DEVICE = f"{NM_PATH}/Devices/3"
SETTINGS = f"{NM_PATH}/Settings"
INTERFACE = f"{WPA_PATH}/Interfaces/0"
NETWORK = f"{INTERFACE}/Networks/0"
BSS = f"{INTERFACE}/BSSs/0"


def wrapped(profile: Dict[str, Dict[str, Any]]) -> Dict[str, Dict[str, Tuple[str, Any]]]:
    """Put a profile into variants again."""
    signatures = {bytes: "ay", str: "s", int: "i", bool: "b", list: "as"}
    return {
        name: {key: (signatures[type(value)], value) for key, value in setting.items()}
        for name, setting in profile.items()
    }


class Laptop:
    """NetworkManager with some profiles on a laptop, and the supplicant below it."""

    def __init__(self, bus: FakeBus) -> None:
        self.bus = bus
        self.profiles = {f"{SETTINGS}/7": settings(PSK), f"{SETTINGS}/8": settings(PSK, wireless={"ssid": b"home"})}
        bus.properties[NM_PATH, NM] = {"Version": ("s", "1.42.4")}
        bus.properties[DEVICE, NM_DEVICE] = {"State": ("u", UNAVAILABLE), "Managed": ("b", True)}
        bus.properties[DEVICE, NM_DEVICE]["ActiveConnection"] = ("o", "/")
        bus.properties[DEVICE, f"{NM_DEVICE}.Wireless"] = {
            "PermHwAddress": ("s", "02:00:00:00:00:00"),
            "WirelessCapabilities": ("u", 0x600),
        }
        bus.methods[NM_PATH, f"{NM}.GetDeviceByIpIface"] = self._device
        bus.methods[NM_PATH, f"{NM}.ActivateConnection"] = lambda *_arguments: ("o", (f"{NM_PATH}/ActiveConnection/1",))
        bus.methods[NM_PATH, f"{NM}.GetPermissions"] = lambda: ("a{ss}", (self.permissions,))
        bus.methods[SETTINGS, f"{NM_SETTINGS}.ListConnections"] = lambda: ("ao", (list(self.profiles),))
        for path in self.profiles:
            bus.methods[path, f"{NM_SETTINGS}.Connection.GetSettings"] = lambda path=path: (
                "a{sa{sv}}",
                (wrapped(self.profiles[path]),),
            )
        bus.methods[WPA_PATH, f"{WPA}.GetInterface"] = self._interface
        bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = lambda _options: None
        bus.methods[INTERFACE, f"{WPA_INTERFACE}.AbortScan"] = lambda: None
        bus.methods[INTERFACE, f"{WPA_INTERFACE}.Reassociate"] = lambda: None
        self.has_interface = False
        self.permissions = {f"{NM}.network-control": "yes", f"{NM}.wifi.scan": "no"}

    @staticmethod
    def _device(name: str) -> Tuple[str, Tuple[str]]:
        if name != "wlan0":
            raise DBusError(f"{NM}.UnknownDevice", "no such device")
        return "o", (DEVICE,)

    def _interface(self, _name: str) -> Tuple[str, Tuple[str]]:
        if not self.has_interface:
            raise DBusError(f"{WPA}.InterfaceUnknown", "not controlled")
        return "o", (INTERFACE,)

    def lift_the_block(self) -> None:
        """NetworkManager gives the supplicant the interface, and takes it into use."""
        self.has_interface = True
        self.bus.properties[INTERFACE, WPA_INTERFACE] = {"State": ("s", "disconnected"), "Networks": ("ao", [])}
        added = {"Ifname": ("s", "wlan0")}
        self.bus.signal(WPA_PATH, WPA, "InterfaceAdded", "oa{sv}", (INTERFACE, added))
        self.device(DISCONNECTED)

    def begin_anew(self) -> None:
        """NetworkManager brings a profile up, and changes the MAC address for it."""
        self.device(PREPARE)
        self.changed(State=("s", "interface_disabled"))
        self.changed(State=("s", "inactive"))

    def device(self, state: int) -> None:
        self.bus.signal(DEVICE, NM_DEVICE, "StateChanged", "uuu", (state, 0, 0))

    def changed(self, **properties: Tuple[str, Any]) -> None:
        self.bus.changed(INTERFACE, WPA_INTERFACE, **properties)

    def add_network(self, ssid: str = '"corp"', bssid: str = "any") -> None:
        """NetworkManager gives the supplicant a network. The signal goes out before what it carries is set."""
        known = {"ssid": ("s", ssid), "bssid": ("s", bssid)}
        self.bus.properties[NETWORK, WPA_NETWORK] = {"Properties": ("a{sv}", known)}
        self.bus.properties[INTERFACE, WPA_INTERFACE]["Networks"] = ("ao", [NETWORK])
        told = {"Properties": ("a{sv}", {"scan_ssid": ("s", "0")}), "Enabled": ("b", True)}
        self.bus.signal(INTERFACE, WPA_INTERFACE, "NetworkAdded", "oa{sv}", (NETWORK, told))

    def connect(self, bssid: str = BSSID) -> None:
        """The supplicant joins the network at an access point."""
        octets = bytes.fromhex(bssid.replace(":", ""))
        self.bus.properties[BSS, f"{WPA}.BSS"] = {"BSSID": ("ay", octets), "SSID": ("ay", b"corp")}
        active = f"{NM_PATH}/ActiveConnection/1"
        self.bus.properties[active, f"{NM}.Connection.Active"] = {"Connection": ("o", f"{SETTINGS}/7")}
        self.bus.properties[DEVICE, NM_DEVICE]["ActiveConnection"] = ("o", active)
        self.changed(State=("s", "4way_handshake"))
        self.changed(State=("s", "completed"), CurrentBSS=("o", BSS))

    def bssid(self) -> str:
        """Return the access point that the supplicant's network is kept to."""
        bssid: str = self.bus.properties[NETWORK, WPA_NETWORK]["Properties"][1]["bssid"][1]
        return bssid


@pytest.fixture
def laptop(fake_bus: FakeBus) -> Laptop:
    return Laptop(fake_bus)


@pytest.fixture
def backend(laptop: Laptop) -> NetworkManagerBackend:
    return NetworkManagerBackend("wlan0")


def heard(listener: Listener, count: int) -> List[Event]:
    """Return the next events, of which so many have to come."""
    events: List[Event] = []
    while len(events) < count:
        assert select.select([listener], [], [], 5)[0], f"nothing more after {events}"
        events += listener.read()
    return events


def until(listener: Listener, condition: Callable[[], bool]) -> List[Event]:
    """Let it read until something has become so; return the events that came meanwhile."""
    events: List[Event] = []
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it does not become so"
        select.select([listener], [], [], 0.01)
        events += listener.read()
    return events


def corp(backend: NetworkManagerBackend) -> Profile:
    (profile,) = backend.profiles(b"corp")
    return profile


def looking(backend: NetworkManagerBackend, laptop: Laptop, warn: Callable[[str], None]) -> Tuple[Listener, Pin]:
    """Return who carries a pin out, and the pin, when the network is there and CSME's channel is being looked at."""
    (listener,) = backend.listen(warn)
    pin = backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.begin_anew()
    laptop.add_network()
    until(listener, lambda: len(laptop.bus.called("Scan")) == 1)
    return listener, pin


def nothing_is_carried_out(backend: NetworkManagerBackend, laptop: Laptop) -> bool:
    """Say whether a block that lifts is followed by nothing."""
    (listener,) = backend.listen(print)
    laptop.lift_the_block()
    laptop.changed(Scanning=("b", True))
    heard(listener, 1)
    listener.close()
    return laptop.bus.called("ActivateConnection") == []


def test_what_it_tells(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    assert backend.version() == "1.42.4"
    assert [profile.ssid for profile in backend.profiles()] == [b"corp", b"home"]
    assert backend.status().state == "INTERFACE_DISABLED"
    laptop.lift_the_block()
    assert backend.status() == SupplicantStatus("DISCONNECTED")
    del laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"]
    assert backend.status() == SupplicantStatus("")
    laptop.connect()
    assert backend.status() == SupplicantStatus("COMPLETED", bssid=BSSID, ssid=b"corp", network_id=7)
    with pytest.raises(FleetError):
        NetworkManagerBackend("wlan9").status()


def test_a_profile_that_this_user_may_not_read_is_left_out(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def refuse() -> None:
        raise DBusError(f"{NM_SETTINGS}.PermissionDenied", "uid 997 has no permission to perform this operation")

    laptop.bus.methods[f"{SETTINGS}/7", f"{NM_SETTINGS}.Connection.GetSettings"] = refuse
    assert [profile.ssid for profile in backend.profiles()] == [b"home"]
    # Where nothing may be listed at all, that is told.
    laptop.bus.methods[SETTINGS, f"{NM_SETTINGS}.ListConnections"] = refuse
    with pytest.raises(AccessDenied):
        backend.profiles()


@pytest.mark.parametrize(
    "limits",
    [
        {"mac-address": bytes.fromhex("020000000900")},
        {"band": "a"},
        {"band": "bg", "channel": 11},
        {"bssid": bytes.fromhex("020000000900")},
    ],
)
def test_one_that_is_for_something_else_is_not_chosen_before_one_that_fits(
    backend: NetworkManagerBackend, laptop: Laptop, limits: Dict[str, Any]
) -> None:
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless=limits)
    laptop.profiles[f"{SETTINGS}/8"] = settings(PSK)
    profile = find_profile(backend.profiles(), Target(b"corp", "psk", BSSID, (2437,)))
    assert profile is not None
    assert profile.id == 8
    assert backend.pin(profile, BSSID, (2437,)).network_id == 8


def test_which_profiles_are_for_the_device_is_told_with_them(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    elsewhere = {"mac-address": bytes.fromhex("020000000900")}
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless=elsewhere)
    assert not corp(backend).enabled
    # NetworkManager does not have the device: nobody can tell.
    assert corp(NetworkManagerBackend("wlan9")).enabled
    del laptop.bus.methods[NM_PATH, f"{NM}.GetDeviceByIpIface"]
    assert corp(backend).enabled


# --- secrets that the system lacks ---


def stores(laptop: Laptop, number: int, secrets: Any) -> None:
    """What the system has for a profile, or the name of the error that NetworkManager answers with."""

    def tell(name: str) -> Tuple[str, Tuple[Any]]:
        if isinstance(secrets, str):
            raise DBusError(secrets, "No agents were available for this request.")
        return "a{sa{sv}}", ({name: {key: ("s", value) for key, value in secrets.items()}},)

    laptop.bus.methods[f"{SETTINGS}/{number}", f"{NM_SETTINGS}.Connection.GetSecrets"] = tell


@pytest.mark.parametrize(
    ("secrets", "joins"),
    [
        ({"psk": "canary-0f3e"}, True),
        ({"psk": ""}, False),
        ({}, False),
        (f"{NM}.AgentManager.NoSecrets", False),
        # Nothing is known then.
        (f"{NM}.AgentManager.InvalidIdentifier", True),
        (f"{NM_SETTINGS}.PermissionDenied", True),
    ],
)
def test_a_profile_of_which_the_system_lacks_the_secret_can_join_nothing(
    backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch, secrets: Any, joins: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    stores(laptop, 7, secrets)
    profile = corp(backend)
    assert profile.can_join("psk") is joins
    what = None if profile.obstacle is None else profile.obstacle.what
    assert what == (None if joins else "needs a secret that NetworkManager was not given")
    assert "canary" not in repr(profile)
    everything = backend.as_stored(backend.profiles(), b"corp")
    assert [each.can_join("psk") for each in everything] == [joins, True]
    # What has an obstacle counts as not enabled, in the facts as well.
    assert [each.enabled for each in everything] == [joins, True]
    # Nothing is asked about other networks.
    asked = [path for path, name, _body in laptop.bus.calls if name == "GetSecrets"]
    assert set(asked) == {f"{SETTINGS}/7"}


def test_secrets_are_asked_for_by_root_alone_and_only_where_they_matter(
    backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4712)
    assert corp(backend).can_join("psk")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert len(backend.profiles()) == 2
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, general={"autoconnect": False})
    assert not corp(backend).enabled
    laptop.profiles[f"{SETTINGS}/7"] = settings()
    assert corp(backend).can_join("open")
    assert laptop.bus.called("GetSecrets") == []


def test_a_secret_that_nobody_answers_about_may_be_there(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    stores(laptop, 7, {})
    laptop.bus.silent.append("GetSecrets")
    assert corp(NetworkManagerBackend("wlan0", 2.0)).can_join("psk")


def test_a_key_without_a_password_lacks_nothing(
    backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    stores(laptop, 7, f"{NM}.AgentManager.NoSecrets")
    for flags, joins in ((0, False), (4, True)):
        eap = {"eap": ["tls"], "private-key-password-flags": flags}
        laptop.profiles[f"{SETTINGS}/7"] = settings({"key-mgmt": "wpa-eap"}, eap)
        assert corp(backend).can_join("eap") is joins


def test_a_handover(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    records: List[Pin] = []
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    # A channel number that may mean another frequency, which this device does not have.
    pin = backend.pin(corp(backend), BSSID, (2412, 5955), records.append)
    assert records == [pin]
    assert pin == Pin("wlan0", 7, b"corp".hex(), BSSID, (2412,), None, (), (), "networkmanager")
    assert laptop.bus.called("ActivateConnection") == []
    laptop.lift_the_block()
    until(listener, lambda: bool(laptop.bus.called("ActivateConnection")))
    assert laptop.bus.called("Scan") == []
    laptop.begin_anew()
    until(listener, lambda: bool(laptop.bus.called("Scan")))
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    laptop.add_network()
    until(listener, lambda: laptop.bssid() == BSSID)
    laptop.changed(Scanning=("b", False), State=("s", "associating"))
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    assert laptop.bus.called("ActivateConnection") == [(f"{SETTINGS}/7", DEVICE, "/")]
    ((asked,),) = laptop.bus.called("Scan")
    assert asked["Channels"] == ("a(uu)", [(2412, 20)])
    assert asked["SSIDs"] == ("aay", [b"corp"])
    assert backend.holds(pin) is True
    assert backend.unpin(pin) is True
    assert (laptop.bssid(), backend.holds(pin)) == ("any", False)
    assert backend.unpin(pin) is False
    assert warnings == []
    # No profile was changed: NetworkManager was told nothing but to bring one up.
    assert {name for path, name, _body in laptop.bus.calls if path.startswith(NM_PATH)} <= {
        *("GetDeviceByIpIface", "ListConnections", "GetSettings", "GetSecrets"),
        *("ActivateConnection", "Get", "GetAll"),
    }
    # New keys are no new connection, and several changes may be told as one.
    laptop.changed(State=("s", "group_handshake"))
    laptop.changed(State=("s", "completed"))
    laptop.changed(State=("s", "authenticating"))
    assert heard(listener, 1) == [Disconnected()]
    listener.close()


def test_at_another_access_point_it_is_moved_and_does_not_count(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    (listener,) = backend.listen(print)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.connect("02:00:00:00:09:00")
    assert until(listener, lambda: bool(laptop.bus.called("Reassociate"))) == []
    laptop.changed(State=("s", "scanning"))
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    listener.close()


def test_with_eap_the_pin_comes_when_the_connection_stands(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    laptop.profiles[f"{SETTINGS}/7"] = settings({"key-mgmt": "wpa-eap"}, {"eap": ["peap"], "identity": "me"})
    (listener,) = backend.listen(print)
    pin = backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.add_network()
    laptop.changed(Scanning=("b", True))
    heard(listener, 1)
    assert laptop.bssid() == "any"
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    until(listener, lambda: laptop.bssid() == BSSID)
    # Nothing waits for what is begun: the order tells that it did not come before.
    asked = [(path, name) for path, name, _body in laptop.bus.calls]
    assert asked.index((NETWORK, "Set")) > asked.index((BSS, "GetAll"))
    assert backend.unpin(pin) is True
    listener.close()


def test_a_refused_scan_is_followed_by_another(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def refuse(_options: object) -> None:
        laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = lambda _options: None
        raise DBusError(f"{WPA_INTERFACE}.ScanError", "busy")

    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = refuse
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.begin_anew()
    until(listener, lambda: bool(laptop.bus.called("AbortScan")))
    laptop.changed(Scanning=("b", False))
    until(listener, lambda: len(laptop.bus.called("Scan")) == 2)
    assert warnings == []
    listener.close()


@pytest.mark.parametrize(
    ("state", "looks"),
    [("scanning", 2), ("disconnected", 2), ("authenticating", 1), ("associating", 1), ("inactive", 1)],
)
def test_a_scan_that_finds_nothing_is_made_again(
    backend: NetworkManagerBackend, laptop: Laptop, state: str, looks: int
) -> None:
    warnings: List[str] = []
    listener, _pin = looking(backend, laptop, warnings.append)
    laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"] = ("s", state)
    laptop.changed(Scanning=("b", True))
    laptop.changed(Scanning=("b", False))
    # Its end is heard, and all that comes of it.
    laptop.changed(Scanning=("b", True))
    until(listener, lambda: len(laptop.bus.called("Scan") + laptop.bus.called("AbortScan")) == 2)
    assert len(laptop.bus.called("Scan")) == looks
    assert warnings == []
    listener.close()


def test_a_supplicant_that_goes_as_its_scan_ends_is_asked_no_more(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    warnings: List[str] = []
    listener, _pin = looking(backend, laptop, warnings.append)
    laptop.changed(Scanning=("b", True))
    laptop.changed(Scanning=("b", False))
    del laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"]
    laptop.connect()
    scan = [ScanStarted()]
    assert heard(listener, 2) == [*scan, Connected(BSSID)]
    assert (len(laptop.bus.called("Scan")), warnings) == (1, [])
    listener.close()


def test_a_scan_that_was_over_before_it_could_be_ended_is_followed_by_ours(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    def busy(_options: object) -> None:
        laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = lambda _options: None
        raise DBusError(f"{WPA_INTERFACE}.ScanError", "busy")

    def over() -> None:
        raise DBusError(f"{WPA_INTERFACE}.NoScan", "none runs")

    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.Scan"] = busy
    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.AbortScan"] = over
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.begin_anew()
    # Nothing is heard of a scan that ran unheard.
    until(listener, lambda: len(laptop.bus.called("Scan")) == 2)
    assert (len(laptop.bus.called("AbortScan")), warnings) == (1, [])
    listener.close()


def test_a_connection_that_is_lost_and_comes_again_is_told_each_time(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    laptop.lift_the_block()
    for _time in range(2):
        laptop.connect()
        laptop.changed(State=("s", "disconnected"))
        assert heard(listener, 2) == [Connected(BSSID), Disconnected()]
    laptop.changed(State=("s", "scanning"))
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    listener.close()


def test_a_network_that_can_not_be_read_is_told_and_ends_nothing(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.bus.signal(INTERFACE, WPA_INTERFACE, "NetworkAdded", "oa{sv}", (NETWORK, {}))
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    (warning,) = warnings
    assert warning.startswith("a network that NetworkManager added can't be read: ")
    assert NETWORK in warning
    listener.close()


def test_unpinned_it_does_nothing_by_itself(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    (listener,) = backend.listen(print)
    laptop.lift_the_block()
    laptop.changed(Scanning=("b", True))
    heard(listener, 1)
    laptop.add_network()
    laptop.connect()
    heard(listener, 1)
    assert laptop.bus.called("ActivateConnection") == []
    assert (laptop.bus.called("Scan"), laptop.bssid()) == ([], "any")
    listener.close()


def test_what_networkmanager_refuses_is_told(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def refuse(*_arguments: object) -> None:
        raise DBusError(f"{NM}.UnknownConnection", "it is gone")

    laptop.bus.methods[NM_PATH, f"{NM}.ActivateConnection"] = refuse
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    until(listener, lambda: bool(warnings))
    assert "it is gone" in warnings[0]
    listener.close()


def test_the_supplicants_end_is_heard_and_networkmanagers_is_told(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    laptop.bus.owner_changed(NM, "")
    assert heard(listener, 1) == [ManagerGone()]
    assert warnings == []
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.bus.owner_changed(NM, "")
    assert heard(listener, 1) == [ManagerGone()]
    assert "NetworkManager ended" in warnings[0]
    laptop.bus.owner_changed(WPA, "")
    assert heard(listener, 1) == [SupplicantGone()]
    listener.close()


def test_a_networkmanager_that_came_anew_is_asked_for_nothing_of_before(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.bus.owner_changed(NM, "")
    laptop.bus.owner_changed(NM, ":1.7")
    # It numbers its objects anew: the device's path and the profile's are another device's and another profile's.
    laptop.lift_the_block()
    laptop.begin_anew()
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 2) == [ManagerGone(), ScanStarted()]
    assert laptop.bus.called("ActivateConnection") == []
    listener.close()


def test_an_interface_that_the_supplicant_loses_is_a_lost_connection(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    laptop.lift_the_block()
    laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"] = ("s", "completed")
    (listener,) = backend.listen(print)
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceRemoved", "o", (INTERFACE,))
    assert heard(listener, 1) == [Disconnected()]
    listener.close()


def test_what_another_interface_of_the_supplicants_does_is_not_this_ones(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    another = f"{WPA_PATH}/Interfaces/9"
    laptop.lift_the_block()
    laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"] = ("s", "completed")
    (listener,) = backend.listen(print)
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceAdded", "oa{sv}", (another, {"Ifname": ("s", "wlan9")}))
    laptop.bus.changed(another, WPA_INTERFACE, State=("s", "disconnected"), Scanning=("b", True))
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceRemoved", "o", (another,))
    # What it still says of itself by its own name.
    laptop.bus.signal(WPA_PATH, WPA, "PropertiesChanged", "a{sv}", ({"Interfaces": ("ao", [INTERFACE])},))
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    listener.close()


def test_a_scan_that_an_interface_took_along_is_not_waited_for_on_the_next(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    listener, _pin = looking(backend, laptop, print)
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceRemoved", "o", (INTERFACE,))
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceAdded", "oa{sv}", (INTERFACE, {"Ifname": ("s", "wlan0")}))
    # It is NetworkManager's, of every channel.
    laptop.changed(Scanning=("b", True))
    until(listener, lambda: len(laptop.bus.called("AbortScan")) == 1)
    listener.close()


def test_hold_keeps_a_connection_and_unpin_lets_it_go(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    with pytest.raises(FleetError):
        backend.hold(corp(backend), BSSID)
    laptop.lift_the_block()
    laptop.add_network('"home"')
    with pytest.raises(NotFound, match="the network is gone or changed meanwhile"):
        backend.hold(corp(backend), BSSID)
    laptop.add_network()
    records: List[Pin] = []
    pin = backend.hold(corp(backend), BSSID, records.append)
    assert (laptop.bssid(), records) == (BSSID, [pin])
    assert pin == Pin("wlan0", 7, b"corp".hex(), BSSID, (), None, (), (), "networkmanager")
    assert backend.unpin(Pin.from_dict(pin.as_dict())) is True
    assert laptop.bssid() == "any"


def test_an_access_point_that_the_network_was_kept_to_comes_back(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    laptop.lift_the_block()
    laptop.add_network(bssid="02:00:00:00:09:00")
    pin = backend.hold(corp(backend), BSSID)
    assert (laptop.bssid(), backend.holds(pin)) == (BSSID, True)
    assert backend.unpin(pin) is True
    assert laptop.bssid() == "02:00:00:00:09:00"


def test_what_is_missing_is_told_with_the_interface(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def where(work: Callable[[], object]) -> str:
        with pytest.raises(FleetError) as caught:
            work()
        return caught.value.where

    profile = corp(backend)
    laptop.lift_the_block()
    laptop.add_network('"home"')
    assert where(lambda: backend.hold(profile, BSSID)) == "wlan0"
    assert where(lambda: backend.pin(profile, BSSID, ())) == "wlan0"
    assert where(lambda: backend.unpin(Pin("wlan1", 7, "aa", BSSID, (), None, (), ()))) == "wlan0"
    del laptop.profiles[f"{SETTINGS}/7"]
    assert where(lambda: backend.pin(profile, BSSID, (2437,))) == "wlan0"
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless={"band": "a"})
    with pytest.raises(NotFound, match="'Corp' is for another band") as caught:
        backend.pin(profile, BSSID, (2437,))
    assert (caught.value.where, bool(caught.value.remedy)) == ("wlan0", True)


def test_an_interface_that_is_left_alone_until_it_is_taken_into_use(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    patient = NetworkManagerBackend("wlan0", unmanaged=True)
    laptop.bus.properties[NM_PATH, NM]["Startup"] = ("b", True)
    assert patient.is_starting() is True
    laptop.bus.properties[NM_PATH, NM]["Startup"] = ("b", False)
    assert patient.is_starting() is False
    laptop.bus.properties[DEVICE, NM_DEVICE].update(Managed=("b", False), State=("u", UNMANAGED))
    patient.has_device()
    with pytest.raises(NotFound, match="does not manage wlan0"):
        backend.has_device()
    with pytest.raises(SupplicantRefused, match="no such device"):
        NetworkManagerBackend("wlan9", unmanaged=True).has_device()
    (listener,) = patient.listen(print)
    patient.pin(corp(patient), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.add_network(bssid=BSSID)
    laptop.connect()
    assert [profile.bssid for profile in patient.profiles_in_effect()] == [BSSID, None]
    # Its address is known all the same.
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless={"mac-address": bytes.fromhex("020000000900")})
    assert not corp(patient).enabled
    backend.manage()
    assert laptop.bus.properties[DEVICE, NM_DEVICE]["Managed"] == ("b", True)
    listener.close()


@pytest.mark.parametrize(("bound", "ahead"), [(0.3, None), (0.3, 6.0), (6.0, 0.3), (None, 0.3)])
def test_the_nearer_of_two_ends_counts(laptop: Laptop, bound: Optional[float], ahead: Optional[float]) -> None:
    laptop.bus.silent.append("Get")
    begun = time.monotonic()
    deadline = None if ahead is None else begun + ahead
    with pytest.raises(TimedOut):
        NetworkManagerBackend("wlan0", 6.0, deadline, bound=bound).version()
    assert 0.2 < time.monotonic() - begun < 5.0


def test_facts_show_the_pin_of_the_profile_in_use(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def shown() -> Dict[int, Optional[str]]:
        return {profile.id: profile.bssid for profile in backend.profiles_in_effect()}

    free = {7: None, 8: None}
    laptop.profiles[f"{SETTINGS}/8"] = settings(PSK)  # for the same network, and not in use
    assert shown() == free, "the supplicant does not have the interface yet"
    laptop.lift_the_block()
    laptop.add_network(bssid=BSSID)
    assert shown() == free, "no profile is in use yet"
    laptop.add_network()
    laptop.connect()
    assert shown() == free
    pin = backend.hold(backend.profiles(b"corp")[0], BSSID)
    assert shown() == {7: BSSID, 8: None}
    assert not any(profile.bound for profile in backend.profiles_in_effect()), "it may be pinned elsewhere"
    backend.unpin(pin)
    assert shown() == free


def test_facts_start_no_supplicant_and_do_without_one_that_does_not_tell(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    laptop.lift_the_block()
    laptop.add_network(bssid=BSSID)
    laptop.connect()
    profiles = backend.profiles()
    laptop.bus.calls.clear()
    laptop.bus.absent.append(WPA)
    assert backend.profiles_in_effect() == profiles
    assert laptop.bus.called("GetInterface") == []
    laptop.bus.absent.clear()

    def refuse(_name: str) -> None:
        raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no")

    laptop.bus.methods[WPA_PATH, f"{WPA}.GetInterface"] = refuse
    assert backend.profiles_in_effect() == profiles


def test_a_pin_that_somebody_changed_is_let_be(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    pin = backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.add_network(bssid="02:00:00:00:09:00")
    assert backend.unpin(pin) is False
    assert laptop.bssid() == "02:00:00:00:09:00"


def test_a_long_scan_that_was_taken_for_ours_is_followed_by_ours(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    listener, _pin = looking(backend, laptop, print)
    now = [1000.0]
    listener._clock = lambda: now[0]
    # wpa_supplicant's own look at every channel goes before the one that it was asked for.
    laptop.changed(State=("s", "scanning"))
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.AbortScan"] = lambda: laptop.changed(Scanning=("b", False))
    assert listener.due == pytest.approx(1000.2)
    listener.expire()
    assert laptop.bus.called("AbortScan") == [], "it may still be ours"
    now[0] += 0.3
    listener.expire()
    assert listener.due is None
    until(listener, lambda: len(laptop.bus.called("Scan")) == 2)
    listener.close()


def test_a_scan_that_may_not_be_ended_is_told(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    warnings: List[str] = []
    listener, _pin = looking(backend, laptop, warnings.append)
    laptop.changed(State=("s", "scanning"))
    laptop.changed(Scanning=("b", True))
    heard(listener, 1)

    def refuse() -> None:
        raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no")

    laptop.bus.methods[INTERFACE, f"{WPA_INTERFACE}.AbortScan"] = refuse
    listener._clock = lambda: time.monotonic() + 1.0
    listener.expire()
    until(listener, lambda: bool(warnings))
    assert "did not end a scan that is in the way" in warnings[0]
    listener.close()


def test_pins_that_are_refused(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    profile = corp(backend)
    with pytest.raises(CommandUnsafe):
        backend.pin(profile, "nonsense", (2437,))
    with pytest.raises(CommandUnsafe, match="a pin needs at least one frequency"):
        backend.pin(profile, BSSID, ())
    for limits, match in (
        ({"bssid": bytes.fromhex("020000000900")}, "another access point than CSME's"),
        ({"mac-address": bytes.fromhex("020000000900")}, "the device 02:00:00:00:09:00 alone"),
        ({"band": "a"}, "another band or channel than CSME's alone"),
        ({"band": "bg", "channel": 11}, "another band or channel than CSME's alone"),
    ):
        laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless=limits)
        with pytest.raises(NotFound, match=match):
            backend.pin(profile, BSSID, (2437,))
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless={"ssid": b"another"})
    with pytest.raises(NotFound, match="changed meanwhile"):
        backend.pin(profile, BSSID, (2437,))
    with pytest.raises(NotFound, match="belongs to wlan1"):
        backend.unpin(Pin("wlan1", 7, "aa", BSSID, (), None, (), ()))
    assert nothing_is_carried_out(backend, laptop)


def test_a_profile_for_this_interface_alone_can_be_pinned(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, general={"interface-name": "wlan0"})
    assert corp(backend).enabled
    assert backend.pin(corp(backend), BSSID, (2437,)).network_id == 7
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, general={"interface-name": "wlan1"})
    with pytest.raises(NotFound, match="is for the interface wlan1 alone"):
        backend.pin(backend.profiles(b"corp")[0], BSSID, (2437,))


def test_a_device_that_networkmanager_leaves_alone_is_not_its(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    profile = corp(backend)
    for unmanaged in ({"Managed": ("b", False)}, {"State": ("u", 10)}):
        laptop.bus.properties[DEVICE, NM_DEVICE].update(unmanaged)
        with pytest.raises(NotFound, match="does not manage wlan0"):
            backend.status()
        with pytest.raises(NotFound, match="does not manage wlan0"):
            backend.pin(profile, BSSID, (2437,))
        with pytest.raises(NotFound, match="does not manage wlan0"):
            backend.listen(print)
        laptop.bus.properties[DEVICE, NM_DEVICE].update({"Managed": ("b", True), "State": ("u", UNAVAILABLE)})


def test_an_access_point_that_the_profile_is_for_stays_after_the_pin(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless={"bssid": bytes.fromhex(BSSID.replace(":", ""))})
    profile = corp(backend)
    assert profile.bound
    pin = backend.pin(profile, BSSID, (2437,))
    laptop.lift_the_block()
    laptop.add_network(bssid=BSSID)
    assert (backend.holds(pin), backend.unpin(pin), laptop.bssid()) == (False, False, BSSID)


def test_a_record_that_fails_stops_the_pin(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def full(_pin: Pin) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        backend.pin(corp(backend), BSSID, (2437,), full)
    assert nothing_is_carried_out(backend, laptop)


def test_who_listens_for_long_carries_out_each_pin_anew(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    (listener,) = backend.listen(print)
    for _round in range(2):
        pin = backend.pin(corp(backend), BSSID, (2437,))
        laptop.bus.calls.clear()
        laptop.lift_the_block()
        until(listener, lambda: bool(laptop.bus.called("ActivateConnection")))
        backend.unpin(pin)
    listener.close()


def test_who_listens_hears_of_profiles_and_of_an_interface_that_is_let_go(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    laptop.bus.signal(SETTINGS, NM_SETTINGS, "PropertiesChanged", "a{sv}", ({"CanModify": ("b", True)},))
    laptop.bus.signal(SETTINGS, NM_SETTINGS, "NewConnection", "o", (f"{SETTINGS}/9",))
    laptop.bus.signal(f"{SETTINGS}/9", f"{NM_SETTINGS}.Connection", "Updated")
    laptop.bus.signal(SETTINGS, NM_SETTINGS, "ConnectionRemoved", "o", (f"{SETTINGS}/9",))
    told = [ProfilesChanged(), ProfileTouched(), ProfilesChanged()]
    assert heard(listener, 3) == told
    laptop.device(UNMANAGED)
    assert heard(listener, 1) == [ManagerGone()]
    listener.close()


def test_of_a_device_that_was_let_go_nothing_is_carried_out_any_more(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.device(UNMANAGED)
    laptop.lift_the_block()
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 2) == [ManagerGone(), ScanStarted()]
    assert laptop.bus.called("ActivateConnection") == []
    listener.close()


def test_no_more_is_listened_to_than_what_is_understood(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    """Each access point in reach has signals of its own, and each wakes who listens to it."""
    (listener,) = backend.listen(print)
    asked = [{key: rule[key] for key in rule if key != "type"} for rule in laptop.bus._clients[-1].rules]
    assert sorted(asked, key=str) == sorted(
        [
            {"sender": BUS, "member": "NameOwnerChanged", "arg0": NM},
            {"sender": BUS, "member": "NameOwnerChanged", "arg0": WPA},
            {"sender": NM, "path": DEVICE, "interface": NM_DEVICE, "member": "StateChanged"},
            {"sender": NM, "interface": NM_SETTINGS},
            {"sender": NM, "interface": f"{NM_SETTINGS}.Connection", "member": "Updated"},
            {"sender": WPA, "interface": WPA},
            {"sender": WPA, "interface": PROPERTIES, "member": "PropertiesChanged", "arg0": WPA_INTERFACE},
            {"sender": WPA, "interface": WPA_INTERFACE, "member": "NetworkAdded"},
        ],
        key=str,
    )
    listener.close()


def test_a_listener_is_for_a_device_that_networkmanager_has_unless_told_otherwise(laptop: Laptop) -> None:
    laptop.bus.properties[DEVICE, NM_DEVICE]["Managed"] = ("b", False)
    with pytest.raises(NotFound, match="does not manage wlan0"):
        Listener("wlan0", lambda: None, SystemBus(), print)
    Listener("wlan0", lambda: None, SystemBus(), print, unmanaged=True).close()


def test_what_is_heard_has_the_level_of_the_supplicants_own_news(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    laptop.device(UNMANAGED)
    assert select.select([listener], [], [], 5)[0]
    assert listener.read() == (ManagerGone(),)
    listener.close()


@pytest.mark.parametrize(
    ("allowed", "match"),
    [
        ("yes", ""),
        ("no", "does not let this user bring profiles up.*root-only"),
        ("auth", "does not let this user bring profiles up"),
        ("unknown", "can't ask polkit.*Install polkit"),
        (None, "can't ask polkit.*Install polkit"),
    ],
)
def test_an_ordinary_user_needs_the_right(
    backend: NetworkManagerBackend,
    laptop: Laptop,
    allowed: Optional[str],
    match: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked of NetworkManager, which may be told to ask polkit, nobody, or to let nobody but root."""
    laptop.permissions = {f"{NM}.wifi.scan": "yes", **({f"{NM}.network-control": allowed} if allowed else {})}
    monkeypatch.setattr(f"{_nm_backend.__name__}.os.geteuid", lambda: 990)
    if match:
        with pytest.raises(AccessDenied, match=match):
            backend.listen(print)
    else:
        (listener,) = backend.listen(print)
        listener.close()
    assert laptop.bus.called("GetPermissions") == [()]


@pytest.mark.parametrize("allowed", ["no", None])
def test_a_right_that_is_missing_is_told_with_the_interface_and_the_role(
    backend: NetworkManagerBackend, laptop: Laptop, allowed: Optional[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.permissions = {f"{NM}.network-control": allowed} if allowed else {}
    monkeypatch.setattr(f"{_nm_backend.__name__}.os.geteuid", lambda: 990)
    with pytest.raises(AccessDenied) as caught:
        backend.listen(print)
    assert caught.value.where == "wlan0"
    assert "vpro.fleet.watcher" in caught.value.remedy


def test_root_needs_no_right(backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.permissions = {}
    monkeypatch.setattr(f"{_nm_backend.__name__}.os.geteuid", lambda: 0)
    (listener,) = backend.listen(print)
    listener.close()
    assert laptop.bus.called("GetPermissions") == []


def test_polkit_that_is_slow_to_start_is_not_waited_for(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.bus.silent.append("GetPermissions")
    monkeypatch.setattr(f"{_nm_backend.__name__}.os.geteuid", lambda: 990)
    (listener,) = NetworkManagerBackend("wlan0", timeout=2.0).listen(print)
    listener.close()


def test_a_supplicant_that_is_not_for_this_user_is_told(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def refuse(_name: str) -> None:
        raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no")

    laptop.bus.methods[WPA_PATH, f"{WPA}.GetInterface"] = refuse
    with pytest.raises(AccessDenied):
        backend.listen(print)


def test_one_that_goes_on_answering_has_its_time_all_the_same(laptop: Laptop) -> None:
    def slowly() -> Tuple[str, Tuple[Any, ...]]:
        time.sleep(0.1)
        return "a{sa{sv}}", (wrapped(settings(PSK)),)

    for number in range(100):
        laptop.profiles[f"{SETTINGS}/{100 + number}"] = settings(PSK)
        laptop.bus.methods[f"{SETTINGS}/{100 + number}", f"{NM_SETTINGS}.Connection.GetSettings"] = slowly
    backend = NetworkManagerBackend("wlan0", bound=1.5)
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        backend.profiles()
    assert time.monotonic() - begun < 8.0
    # The next call has a time of its own, and who listens has no end.
    (listener,) = backend.listen(print)
    time.sleep(1.6)
    laptop.lift_the_block()
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    listener.close()


def test_whether_networkmanager_runs(fake_bus: FakeBus) -> None:
    assert networkmanager_runs() is True
    fake_bus.absent.append(NM)
    assert networkmanager_runs() is False


def test_without_a_bus_networkmanager_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    assert networkmanager_runs() is False
