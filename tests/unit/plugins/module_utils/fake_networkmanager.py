# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's store of profiles on the tests' bus: secrets are told on request alone, and kept as it keeps them.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    NM,
    NM_DEVICE,
    NM_PATH,
    NM_SETTINGS,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError, FakeBus

DEVICE = f"{NM_PATH}/Devices/3"
ACTIVE = f"{NM_PATH}/ActiveConnection/1"
SETTINGS = f"{NM_PATH}/Settings"
CONNECTION = f"{NM_SETTINGS}.Connection"
MAC = "02:00:00:00:00:00"
SECRETS = frozenset(
    ("psk", "password", "private-key-password", "wep-key0", "leap-password", "phase2-private-key-password")
)
Settings = Dict[str, Dict[str, Tuple[str, Any]]]


class FakeNetworkManager:
    """One wireless device ``wlan0``, and profiles."""

    def __init__(self, bus: FakeBus) -> None:
        self.bus = bus
        #: The profiles with their secrets, by path.
        self.profiles: Dict[str, Settings] = {}
        #: How each is stored: the flags of the last call that wrote it, without those that store nothing.
        self.stored: Dict[str, int] = {}
        #: Calls that are refused, by name: how many of them go well before.
        self.refuses: Dict[str, int] = {}
        #: A call is refused once, and then no more.
        self.once = False
        self.refusal = "802-11-wireless-security.psk: property is invalid"
        #: It stores profiles with netplan, as Ubuntu's does: netplan puts all of them into /run again.
        self.netplan = False
        self._count = 0
        self._active: List[str] = []
        bus.properties[DEVICE, NM_DEVICE] = {
            "State": ("u", 30),
            "Managed": ("b", True),
            "ActiveConnection": ("o", "/"),
        }
        bus.properties.setdefault((NM_PATH, NM), {})["ActiveConnections"] = ("ao", self._active)
        bus.properties[DEVICE, f"{NM_DEVICE}.Wireless"] = {"PermHwAddress": ("s", MAC.upper())}
        bus.methods[NM_PATH, f"{NM}.GetDeviceByIpIface"] = self._device
        bus.methods[SETTINGS, f"{NM_SETTINGS}.ListConnections"] = lambda: ("ao", (list(self.profiles),))
        bus.methods[SETTINGS, f"{NM_SETTINGS}.AddConnection2"] = self._add
        bus.methods[SETTINGS, f"{NM_SETTINGS}.GetConnectionByUuid"] = self._by_uuid

    # -- for tests ------------------------------------------------------------------------------------------------

    def put(self, settings: Settings, flags: int = 0) -> str:
        """Have a profile; return its path."""
        self._count += 1
        path = f"{SETTINGS}/{self._count}"
        self.profiles[path] = copy.deepcopy(settings)
        self.stored[path] = 1
        name = f"netplan-NM-{self._count}" if self.netplan else settings["connection"]["id"][1]
        filename = f"{'/run' if flags & 1 else '/etc'}/NetworkManager/system-connections/{name}.nmconnection"
        self.bus.properties[path, CONNECTION] = {"Flags": ("u", flags), "Filename": ("s", filename)}
        self.bus.methods[path, f"{CONNECTION}.GetSettings"] = lambda: ("a{sa{sv}}", (self._told(path, secret=False),))
        self.bus.methods[path, f"{CONNECTION}.GetSecrets"] = lambda name: self._secrets(path, name)
        self.bus.methods[path, f"{CONNECTION}.Update2"] = lambda new, how, _rest: self._update(path, new, how)
        self.bus.methods[path, f"{CONNECTION}.ClearSecrets"] = lambda: self._clear(path)
        self.bus.methods[path, f"{CONNECTION}.Delete"] = lambda: self._delete(path)
        return path

    def activate(self, path: str) -> None:
        """Connect the device by a profile."""
        self.bus.properties[DEVICE, NM_DEVICE]["ActiveConnection"] = ("o", ACTIVE)
        self.bus.properties[ACTIVE, f"{NM}.Connection.Active"] = {
            "Connection": ("o", path),
            "Devices": ("ao", [DEVICE]),
        }
        self._active.append(ACTIVE)

    def activate_elsewhere(self, path: str, interface: str) -> str:
        """Connect another device by a profile; return the connection's path."""
        device, active = f"{NM_PATH}/Devices/of_{interface}", f"{NM_PATH}/ActiveConnection/of_{interface}"
        self.bus.properties[device, NM_DEVICE] = {"Interface": ("s", interface)}
        self.bus.properties[active, f"{NM}.Connection.Active"] = {
            "Connection": ("o", path),
            "Devices": ("ao", [device]),
        }
        self._active.append(active)
        return active

    def by_ssid(self, ssid: bytes) -> List[str]:
        """Return the paths of the profiles for a network."""
        return [
            path for path, each in self.profiles.items() if each.get("802-11-wireless", {}).get("ssid") == ("ay", ssid)
        ]

    def one(self, ssid: bytes) -> Settings:
        """Return the one profile for a network."""
        (path,) = self.by_ssid(ssid)
        return self.profiles[path]

    @property
    def writes(self) -> List[str]:
        """What was called that changes something, in order."""
        changing = ("AddConnection2", "Update2", "Delete", "ClearSecrets")
        return [name for _path, name, _body in self.bus.calls if name in changing]

    # -- what it does ---------------------------------------------------------------------------------------------

    @staticmethod
    def _device(name: str) -> Tuple[str, Tuple[str]]:
        if name != "wlan0":
            raise DBusError(f"{NM}.UnknownDevice", "no such device")
        return "o", (DEVICE,)

    def _refuse(self, member: str) -> None:
        left = self.refuses.get(member)
        if left is not None:
            self.refuses[member] = left - 1
            if left <= 0:
                if self.once:
                    del self.refuses[member]
                raise DBusError(f"{NM_SETTINGS}.Connection.InvalidProperty", self.refusal)

    def _told(self, path: str, *, secret: bool) -> Settings:
        told = {
            name: {key: value for key, value in keys.items() if (key in SECRETS) is secret}
            for name, keys in self.profiles[path].items()
        }
        if secret:
            return {name: keys for name, keys in told.items() if keys}
        told["connection"]["timestamp"] = ("t", 1700000000)
        if "802-11-wireless" in told:
            told["802-11-wireless"]["seen-bssids"] = ("as", ["02:00:00:00:01:00"])
        return told

    def _secrets(self, path: str, name: str) -> Tuple[str, Tuple[Settings]]:
        self._refuse("GetSecrets")
        if name not in self.profiles[path]:
            raise DBusError(f"{NM_SETTINGS}.InvalidSetting", name)
        return "a{sa{sv}}", (self._told(path, secret=True),)

    def _add(self, settings: Settings, flags: int, arguments: Any) -> Tuple[str, Tuple[str, Dict[str, Any]]]:
        assert not arguments
        self._refuse("AddConnection2")
        if self._known(settings["connection"]["uuid"][1]):
            raise DBusError(f"{NM_SETTINGS}.UuidExists", "a connection with this UUID already exists")
        path = self.put(settings, int(self.netplan))
        self.stored[path] = flags
        return "oa{sv}", (path, {})

    def _known(self, uuid: str) -> Optional[str]:
        return next((p for p, each in self.profiles.items() if each["connection"]["uuid"][1] == uuid), None)

    def _by_uuid(self, uuid: str) -> Tuple[str, Tuple[str]]:
        path = self._known(uuid)
        if path is None:
            raise DBusError(f"{NM_SETTINGS}.InvalidConnection", "No connection with the UUID was found.")
        return "o", (path,)

    def _update(self, path: str, settings: Settings, flags: int) -> Tuple[str, Tuple[Dict[str, Any]]]:
        assert flags & 0x40, "a connection that stands is reached"
        self._refuse("Update2")
        new = copy.deepcopy(settings)
        assert not {"seen-bssids", "security"} & set(new["802-11-wireless"])
        if not any(key in SECRETS for keys in new.values() for key in keys):
            for name, keys in self._told(path, secret=True).items():
                if name in new:
                    new[name].update(keys)
        self.profiles[path] = new
        self.stored[path] = flags & ~0x40
        self.bus.properties[path, CONNECTION]["Flags"] = ("u", 0 if flags & 1 and not self.netplan else 1)
        return "a{sv}", ({},)

    def _clear(self, path: str) -> None:
        self._refuse("ClearSecrets")
        self.profiles[path] = self._told(path, secret=False)

    def _delete(self, path: str) -> None:
        self._refuse("Delete")
        del self.profiles[path]
        for member in ("GetSettings", "GetSecrets", "Update2", "ClearSecrets", "Delete"):
            del self.bus.methods[path, f"{CONNECTION}.{member}"]


def profile(ssid: bytes = b"corp", uuid: str = "", **settings: Dict[str, Tuple[str, Any]]) -> Settings:
    """Return a Wi-Fi profile as people make them.

    Args:
        ssid: its network.
        uuid: its own; made of the SSID unless given.
        settings: more, by setting; an underscore stands for a hyphen, and ``wireless`` for ``802-11-wireless``,
            ``security`` for that of that name, ``eap`` for ``802-1x``.
    """
    names = {"wireless": "802-11-wireless", "security": "802-11-wireless-security", "eap": "802-1x"}
    made: Settings = {
        "connection": {
            "id": ("s", "Theirs"),
            "uuid": ("s", uuid or f"uuid-of-{ssid.hex()}"),
            "type": ("s", "802-11-wireless"),
        },
        "802-11-wireless": {"mode": ("s", "infrastructure"), "ssid": ("ay", ssid)},
        "ipv4": {"method": ("s", "auto"), "address-data": ("aa{sv}", [{"address": ("s", "192.0.2.7")}])},
    }
    for name, keys in settings.items():
        made.setdefault(names.get(name, name), {}).update(keys)
    return made
