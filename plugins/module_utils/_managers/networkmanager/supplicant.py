# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wpa_supplicant below NetworkManager, over D-Bus. Source of the names: hostap's ``doc/dbus.doxygen``."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from ..._network.values import decode_value
from ..._system.dbus import PROPERTIES, SystemBus
from ..._system.errors import DecodeFailed, NotFound, SupplicantRefused
from .connection import mac_of
from .names import WPA, WPA_INTERFACE, WPA_NETWORK, WPA_PATH


@dataclass(frozen=True)
class SupplicantNetwork:
    """A network that NetworkManager gave to wpa_supplicant: its path, its SSID, and the only access point for it."""

    path: str
    ssid: Optional[bytes]
    bssid: Optional[str]


def network_of(path: str, properties: Mapping[str, str]) -> SupplicantNetwork:
    """Return the network that properties of wpa_supplicant describe. They are text, as in its configuration file."""
    bssid = properties.get("bssid")
    return SupplicantNetwork(path, _ssid(properties.get("ssid")), bssid if bssid != "any" else None)


def _ssid(text: Optional[str]) -> Optional[bytes]:
    """Return the bytes of an SSID, or None if there is no SSID or it is malformed."""
    with suppress(DecodeFailed):
        return decode_value(text) if text else None
    return None


class Supplicant:
    """The wpa_supplicant below NetworkManager. Every method raises as ``SystemBus.call``.

    Args:
        bus: the system's bus.
    """

    def __init__(self, bus: SystemBus) -> None:
        self._bus = bus

    def interface(self, name: str) -> str:
        """Return the path of an interface.

        Raises:
            NotFound: wpa_supplicant does not run, or does not have the interface. NetworkManager adds it when the block
                lifts.
        """
        path: str = self._bus.call(WPA, WPA_PATH, WPA, "GetInterface", "s", (name,))[0]
        return path

    def state(self, interface: str) -> str:
        """Return an interface's state, as wpa_supplicant names it."""
        return str(self._bus.get(WPA, interface, WPA_INTERFACE, "State"))

    def networks(self, interface: str) -> Tuple[SupplicantNetwork, ...]:
        """Return the networks of an interface."""
        paths: List[str] = self._bus.get(WPA, interface, WPA_INTERFACE, "Networks")
        found = []
        for path in paths:
            try:
                found.append(self.network(path))
            except NotFound:
                continue
        return tuple(found)

    def network(self, path: str) -> SupplicantNetwork:
        """Return one network.

        Raises:
            NotFound: the network does not exist any more.
        """
        return network_of(path, self._bus.get(WPA, path, WPA_NETWORK, "Properties"))

    def bssid(self, interface: str) -> Optional[str]:
        """Return the access point to which an interface is connected or connecting, or None if there is none."""
        return self.network_in_use(interface)[1]

    def network_in_use(self, interface: str) -> Tuple[Optional[bytes], Optional[str]]:
        """Return the SSID and the access point to which an interface is connected or connecting, or None for each."""
        try:
            # Only this property is asked for. All of an interface's properties are 6 kB, mostly what the radio can do.
            bss = self._bus.get(WPA, interface, WPA_INTERFACE, "CurrentBSS")
            told = {} if bss == "/" else self._bus.get_all(WPA, bss, f"{WPA}.BSS")
        except (NotFound, SupplicantRefused):
            return None, None
        ssid = told.get("SSID")
        return ssid if isinstance(ssid, bytes) else None, mac_of(told.get("BSSID", b""))

    def set_bssid(self, network: str, bssid: Optional[str]) -> None:
        """Restrict a network to one access point, or end the restriction with None. The link stays."""
        self._bus.call(*self._kept(network, bssid))

    # -- calls that do not wait for an answer -------------------------------------------------------------------------

    def keep_to(self, network: str, bssid: str) -> None:
        """Restrict a network to one access point, as ``set_bssid`` does."""
        self._bus.begin(*self._kept(network, bssid))

    def scan(self, interface: str, ssid: bytes, frequencies: Sequence[int]) -> None:
        """Scan for one network, only on some frequencies (MHz)."""
        # The second number is the channel's width, which wpa_supplicant does not use.
        channels = [(frequency, 20) for frequency in frequencies]
        asked = {"Type": ("s", "active"), "SSIDs": ("aay", [ssid]), "Channels": ("a(uu)", channels)}
        self._bus.begin(WPA, interface, WPA_INTERFACE, "Scan", "a{sv}", (asked,))

    def abort_scan(self, interface: str) -> None:
        """Abort the running scan."""
        self._bus.begin(WPA, interface, WPA_INTERFACE, "AbortScan")

    def reassociate(self, interface: str) -> None:
        """Leave the access point, and join one to which the network is restricted."""
        self._bus.begin(WPA, interface, WPA_INTERFACE, "Reassociate")

    @staticmethod
    def _kept(network: str, bssid: Optional[str]) -> Tuple[str, str, str, str, str, Tuple[Any, ...]]:
        """Return the arguments of the call that restricts a network to an access point."""
        value = ("a{sv}", {"bssid": ("s", bssid or "any")})
        return WPA, network, PROPERTIES, "Set", "ssv", (WPA_NETWORK, "Properties", value)
