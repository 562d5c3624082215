# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager and the wpa_supplicant below it, over D-Bus: typed values out, a few calls in.

Names and numbers: NetworkManager's ``nm-dbus-interface.h`` and ``org.freedesktop.NetworkManager*.xml`` (1.42, 1.52);
hostap's ``doc/dbus.doxygen``.

``GetSettings`` leaves secrets out: whether the system may have one is told by its flags. Root can know whether it does
(``lacks_a_secret``); no secret outlives that question.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterator, Optional, Sequence, Tuple

from ..._system.dbus import PROPERTIES, SystemBus
from ..._system.errors import AccessDenied, NotFound, SupplicantRefused, TimedOut
from .connection import SECURED, Connection, is_asked_for, read_connection
from .names import (
    MAY_BE_NONE,
    NM,
    NM_DEVICE,
    NM_PATH,
    NM_SETTINGS,
    UNMANAGED,
)

_NM_WIRELESS = f"{NM_DEVICE}.Wireless"
#: NM_WIFI_DEVICE_CAP_FREQ_6GHZ, which NetworkManager knows from 1.46 on, and where 6 GHz begins, in MHz.
_CAN_6_GHZ = 0x800
_6_GHZ = 5925
#: Who answers GetSecrets where the system has no secret and no agent has any (NM_AGENT_MANAGER_ERROR_NO_SECRETS).
_NO_SECRETS = "NoSecrets"


@dataclass(frozen=True)
class Device:
    """A wireless device that NetworkManager manages: its path, permanent address, and whether it knows 6 GHz."""

    path: str
    mac: Optional[str]
    can_6_ghz: bool

    def frequencies(self, wanted: Sequence[int]) -> Tuple[int, ...]:
        """Return those of some frequencies (MHz) that it may have; all of them where that leaves none.

        A channel number can mean two, one of them at 6 GHz, and the kernel refuses a whole scan for one frequency that
        the radio does not have.
        """
        return tuple(each for each in wanted if each < _6_GHZ or self.can_6_ghz) or tuple(wanted)


class NetworkManager:
    """NetworkManager, as far as a handover needs it.

    Args:
        bus: the system's bus.
    """

    def __init__(self, bus: SystemBus) -> None:
        self._bus = bus

    def version(self) -> str:
        """Return its version. Raises as ``SystemBus.call``, as all the others do."""
        return str(self._bus.get(NM, NM_PATH, NM, "Version"))

    def is_starting(self) -> bool:
        """Say whether it is still busy with its start: interfaces that it knew come up."""
        return bool(self._bus.get(NM, NM_PATH, NM, "Startup"))

    def device(self, interface: str, *, unmanaged: bool = False) -> Device:
        """Return an interface's device.

        Args:
            interface: the interface's name.
            unmanaged: it may be one that NetworkManager leaves alone.

        Raises:
            SupplicantRefused: NetworkManager has none.
            NotFound: it leaves it alone.
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
        )

    def settings(self, *, variants: bool = False) -> Iterator[Tuple[str, Any]]:
        """Return path and settings of each profile, of whatever kind, in the order in which NetworkManager gives them.

        Left out are those that this user may not read: they are listed to everybody, and told to root and to those in
        ``connection.permissions`` alone. Some other user's own is of no use to a handover.

        Args:
            variants: as for ``SystemBus.call``.
        """
        paths = self._bus.call(NM, f"{NM_PATH}/Settings", NM_SETTINGS, "ListConnections")[0]
        skip, interface = (NotFound, AccessDenied), f"{NM_SETTINGS}.Connection"
        return self._bus.call_each(NM, paths, interface, "GetSettings", variants=variants, skip=skip)

    def connections(self) -> Tuple[Connection, ...]:
        """Return the Wi-Fi profiles, in the order in which NetworkManager gives them.

        Raises:
            DecodeFailed: one of them is malformed.
        """
        found = []
        for path, settings in self.settings():
            connection = read_connection(path, settings)
            if connection is not None:
                found.append(connection)
        return tuple(found)

    def lacks_a_secret(self, path: str) -> bool:
        """Say whether a profile needs a secret that the system does not have. For root: no agent but its own is asked.

        Args:
            path: the profile's.

        Returns:
            False also where that can't be told.
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
        # The password of a private key may be an empty one.
        return frozenset(key for key, value in told.get(setting, {}).items() if value or key.endswith(MAY_BE_NONE))

    def active(self, device: str) -> Optional[str]:
        """Return the path of the profile that a device is connected by, or about to be; None: none."""
        with suppress(NotFound, SupplicantRefused):  # it ended meanwhile
            used = self._bus.get(NM, device, NM_DEVICE, "ActiveConnection")
            if used != "/":
                return str(self._bus.get(NM, used, f"{NM}.Connection.Active", "Connection"))
        return None

    def used_elsewhere(self, device: str) -> Dict[str, Tuple[str, ...]]:
        """Return the profiles that other devices are connected by, or about to be: by path, the interfaces' names.

        Args:
            device: the path of the device that does not count.
        """
        found: Dict[str, Tuple[str, ...]] = {}
        for path in self._bus.get(NM, NM_PATH, NM, "ActiveConnections"):
            with suppress(NotFound, SupplicantRefused):  # it ended meanwhile
                told = self._bus.get_all(NM, path, f"{NM}.Connection.Active")
                others = [each for each in told["Devices"] if each != device]
                names = [str(self._bus.get(NM, each, NM_DEVICE, "Interface")) for each in others]
                if names:
                    profile = str(told["Connection"])
                    found[profile] = (*found.get(profile, ()), *names)
        return found

    def may_activate(self) -> str:
        """Return whether this user may bring profiles up, as NetworkManager itself decides when it comes to it.

        Its configuration (``main.auth-polkit``) may have it ask polkit, let everybody, or nobody but root. Asked
        beforehand it also has polkit started, which a handover can't wait for.

        Returns:
            ``yes``; ``no``; ``auth``: after a password, which nobody is there to give; ``unknown``: polkit, which it
            asks, is not there or fails, and it lets nobody but root.
        """
        permissions: Dict[str, str] = self._bus.call(NM, NM_PATH, NM, "GetPermissions")[0]
        return str(permissions.get(f"{NM}.network-control", "unknown"))

    def manage(self, device: str) -> None:
        """Begin to have NetworkManager take a device into use that it leaves alone."""
        self._bus.call(NM, device, PROPERTIES, "Set", "ssv", (NM_DEVICE, "Managed", ("b", True)))

    def activate(self, connection: str, device: str) -> None:
        """Begin to bring a profile up on a device; nothing is waited for."""
        self._bus.begin(NM, NM_PATH, NM, "ActivateConnection", "ooo", (connection, device, "/"))
