# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager and the supplicant below it on the tests' bus, as a handover has them.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import select
import time
from typing import Any, Callable, Dict, List, Tuple

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
    WPA,
    WPA_INTERFACE,
    WPA_NETWORK,
    WPA_PATH,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Event
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    PSK,
    settings,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError, FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import DEVICE, SETTINGS

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

    def brings_up(self, profile: str) -> None:
        """NetworkManager brings up a profile, or has it up."""
        active = f"{NM_PATH}/ActiveConnection/1"
        self.bus.properties[active, f"{NM}.Connection.Active"] = {"Connection": ("o", profile)}
        self.bus.properties[DEVICE, NM_DEVICE]["ActiveConnection"] = ("o", active)

    def connect(self, bssid: str = BSSID) -> None:
        """The supplicant joins the network at an access point."""
        octets = bytes.fromhex(bssid.replace(":", ""))
        self.bus.properties[BSS, f"{WPA}.BSS"] = {"BSSID": ("ay", octets), "SSID": ("ay", b"corp")}
        self.brings_up(f"{SETTINGS}/7")
        self.changed(State=("s", "4way_handshake"))
        self.changed(State=("s", "completed"), CurrentBSS=("o", BSS))

    def bssid(self) -> str:
        """Return the access point that the supplicant's network is kept to."""
        bssid: str = self.bus.properties[NETWORK, WPA_NETWORK]["Properties"][1]["bssid"][1]
        return bssid


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
    deadline = time.monotonic() + 60
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
