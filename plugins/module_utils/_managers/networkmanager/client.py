# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to NetworkManager over D-Bus that a handover needs, with typed answers.

Source of the names and numbers: NetworkManager's ``nm-dbus-interface.h`` and ``org.freedesktop.NetworkManager*.xml``
(1.42, 1.52).

``GetSettings`` does not tell secrets, but only flags that say whether the system may have them. Root can find out
whether it has them (``lacks_a_secret``). No secret is kept after that.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterator, Optional, Sequence, Tuple

from ..._system.dbus import PROPERTIES, SystemBus
from ..._system.errors import AccessDenied, NotFound, SupplicantRefused, TimedOut
from .connection import SECURED, Connection, is_asked_for, read_connection
from .names import (
    ACTIVATED,
    MAY_BE_NONE,
    NM,
    NM_DEVICE,
    NM_PATH,
    NM_SETTINGS,
    UNMANAGED,
)

_NM_WIRELESS = f"{NM_DEVICE}.Wireless"
#: NM_WIFI_DEVICE_CAP_FREQ_6GHZ, which NetworkManager knows from 1.46 on.
_CAN_6_GHZ = 0x800
#: The lowest frequency of the 6 GHz band, in MHz.
_6_GHZ = 5925
#: The error of GetSecrets when neither the system nor an agent has a secret (NM_AGENT_MANAGER_ERROR_NO_SECRETS).
_NO_SECRETS = "NoSecrets"
#: For how many seconds DHCP may take by default, and the value that means for ever (NM_DHCP_TIMEOUT_DEFAULT and
#: NM_DHCP_TIMEOUT_INFINITY).
_DHCP_SECONDS, _FOR_EVER = 45, 0x7FFFFFFF


#: From which version on NetworkManager may test an address before the interface gets it. In the lab, 1.42 was seen not
#: to do it, and 1.52 to do it for 0.2 s. Those between were not seen. If they do not, the host loses only the wait.
_TESTS_FROM = (1, 43)


def may_test_addresses(version: str) -> bool:
    """Say whether a version of NetworkManager may test an address before the interface gets it.

    Args:
        version: what NetworkManager tells as its version, such as ``1.42.4``. If it can't be read, the answer is yes.
    """
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is None or (int(numbers.group(1)), int(numbers.group(2))) >= _TESTS_FROM


@dataclass(frozen=True)
class Device:
    """A wireless device of NetworkManager.

    Attributes:
        path: its D-Bus path.
        mac: its permanent MAC address, or None if NetworkManager does not tell it.
        can_6_ghz: whether it supports 6 GHz.
        connected: whether it is connected by a profile.
    """

    path: str
    mac: Optional[str]
    can_6_ghz: bool
    connected: bool = False

    def frequencies(self, wanted: Sequence[int]) -> Tuple[int, ...]:
        """Return those of *wanted* (in MHz) that the device may support. If that leaves none, return all of them.

        A channel number can mean two frequencies, one of them at 6 GHz. The kernel refuses a whole scan if the radio
        does not have one of the frequencies.
        """
        return tuple(each for each in wanted if each < _6_GHZ or self.can_6_ghz) or tuple(wanted)


class NetworkManager:
    """NetworkManager on the bus. Every method raises as ``SystemBus.call``.

    Args:
        bus: the system's bus.
    """

    def __init__(self, bus: SystemBus) -> None:
        self._bus = bus

    def version(self) -> str:
        """Return NetworkManager's version."""
        return str(self._bus.get(NM, NM_PATH, NM, "Version"))

    def is_starting(self) -> bool:
        """Say whether NetworkManager is still busy with its start: it brings up the interfaces that it knows."""
        return bool(self._bus.get(NM, NM_PATH, NM, "Startup"))

    def device(self, interface: str, *, unmanaged: bool = False) -> Device:
        """Return an interface's device.

        Args:
            interface: the interface's name.
            unmanaged: whether the device may be unmanaged, which means that NetworkManager leaves it alone.

        Raises:
            SupplicantRefused: NetworkManager does not have such a device.
            NotFound: the device is unmanaged.
        """
        path: str = self._bus.call(NM, NM_PATH, NM, "GetDeviceByIpIface", "s", (interface,))[0]
        told = self._bus.get_all(NM, path, NM_DEVICE)
        if not unmanaged and (not told.get("Managed", True) or told.get("State") == UNMANAGED):
            raise NotFound(f"NetworkManager does not manage {interface}", where=f"D-Bus, {NM}")
        wireless = self._bus.get_all(NM, path, _NM_WIRELESS)
        return Device(
            path=path,
            mac=str(wireless.get("PermHwAddress", "")).lower() or None,
            can_6_ghz=bool(int(wireless.get("WirelessCapabilities", 0)) & _CAN_6_GHZ),
            connected=told.get("State") == ACTIVATED,
        )

    def settings(self, *, variants: bool = False) -> Iterator[Tuple[str, Any]]:
        """Yield the path and the settings of each profile of any kind, in the order in which NetworkManager gives them.

        Profiles that this user may not read are left out. NetworkManager lists them to everybody, but tells their
        settings only to root and to the users in ``connection.permissions``. A handover can't use such a profile.

        Args:
            variants: see ``SystemBus.call``.
        """
        paths = self._bus.call(NM, f"{NM_PATH}/Settings", NM_SETTINGS, "ListConnections")[0]
        skip, interface = (NotFound, AccessDenied), f"{NM_SETTINGS}.Connection"
        return self._bus.call_each(NM, paths, interface, "GetSettings", variants=variants, skip=skip)

    def connections(self) -> Tuple[Connection, ...]:
        """Return the Wi-Fi profiles, in the order in which NetworkManager gives them.

        Raises:
            DecodeFailed: a profile is malformed.
        """
        found = []
        for path, settings in self.settings():
            connection = read_connection(path, settings)
            if connection is not None:
                found.append(connection)
        return tuple(found)

    def lacks_a_secret(self, path: str) -> bool:
        """Say whether a profile needs a secret that the system does not have. Only root may ask this.

        NetworkManager asks only root's own agents for the secret then.

        Args:
            path: the profile's path.

        Returns:
            Whether a secret is missing. It is False when that can't be found out.
        """
        with suppress(NotFound, AccessDenied, SupplicantRefused, TimedOut):
            settings = self._bus.call(NM, path, f"{NM_SETTINGS}.Connection", "GetSettings")[0]
            return is_asked_for(settings, self._held(path, "802-1x" if "802-1x" in settings else SECURED))
        return False

    def _held(self, path: str, setting: str) -> FrozenSet[str]:
        """Return the keys of the secrets that the system has for a setting of a profile."""
        try:
            told = self._bus.call(NM, path, f"{NM_SETTINGS}.Connection", "GetSecrets", "s", (setting,))[0]
        except SupplicantRefused as error:
            if error.what.startswith(_NO_SECRETS):
                return frozenset()
            raise
        # The password of a private key may be empty.
        return frozenset(key for key, value in told.get(setting, {}).items() if value or key.endswith(MAY_BE_NONE))

    def active(self, device: str) -> Optional[str]:
        """Return the path of the profile by which a device is connected or connecting, or None if there is none."""
        with suppress(NotFound, SupplicantRefused):  # the connection ended meanwhile
            used = self._bus.get(NM, device, NM_DEVICE, "ActiveConnection")
            if used != "/":
                return str(self._bus.get(NM, used, f"{NM}.Connection.Active", "Connection"))
        return None

    def used_elsewhere(self, device: str) -> Dict[str, Tuple[str, ...]]:
        """Return the profiles by which other devices are connected or connecting.

        Args:
            device: the path of the device that is not counted.

        Returns:
            The names of the interfaces, by the profile's path.
        """
        found: Dict[str, Tuple[str, ...]] = {}
        for path in self._bus.get(NM, NM_PATH, NM, "ActiveConnections"):
            with suppress(NotFound, SupplicantRefused):  # the connection ended meanwhile
                told = self._bus.get_all(NM, path, f"{NM}.Connection.Active")
                others = [each for each in told["Devices"] if each != device]
                names = [str(self._bus.get(NM, each, NM_DEVICE, "Interface")) for each in others]
                if names:
                    profile = str(told["Connection"])
                    found[profile] = (*found.get(profile, ()), *names)
        return found

    def may_activate(self) -> str:
        """Return whether NetworkManager lets this user bring profiles up.

        By its configuration (``main.auth-polkit``), NetworkManager asks polkit, or allows it to everybody, or only to
        root. This question also starts polkit. A handover could not wait for that later.

        Returns:
            ``yes``, ``no``, ``auth`` or ``unknown``. ``auth`` means that it asks for a password, which nobody can give
            here. ``unknown`` means that polkit is missing or fails, so that only root may do it.
        """
        permissions: Dict[str, str] = self._bus.call(NM, NM_PATH, NM, "GetPermissions")[0]
        return str(permissions.get(f"{NM}.network-control", "unknown"))

    def manage(self, device: str) -> None:
        """Tell NetworkManager to manage a device that it has left alone."""
        self._bus.call(NM, device, PROPERTIES, "Set", "ssv", (NM_DEVICE, "Managed", ("b", True)))

    def restart_dhcp(self, device: str) -> bool:
        """Make the DHCP client of a device begin again. Return False if its active profile has no DHCP for IPv4.

        NetworkManager begins again with DHCP when a setting of IPv4 is applied to the device with another value. So
        the time that DHCP may take changes by a second, for this connection alone. The stored profile stays as it is.

        Args:
            device: the path of the device.

        Raises:
            SupplicantRefused: no profile is active on the device, or it changed meanwhile.
        """
        settings, version = self._bus.call(NM, device, NM_DEVICE, "GetAppliedConnection", "u", (0,), variants=True)
        ipv4 = settings.get("ipv4", {})
        if ipv4.get("method") != ("s", "auto"):
            return False
        seconds = int(ipv4.get("dhcp-timeout", ("i", 0))[1]) or _DHCP_SECONDS
        ipv4["dhcp-timeout"] = ("i", seconds - 1 if seconds == _FOR_EVER else seconds + 1)
        self._bus.call(NM, device, NM_DEVICE, "Reapply", "a{sa{sv}}tu", (settings, version, 0))
        return True

    def activate(self, connection: str, device: str) -> None:
        """Begin to bring a profile up on a device, without waiting for an answer."""
        self._bus.begin(NM, NM_PATH, NM, "ActivateConnection", "ooo", (connection, device, "/"))
