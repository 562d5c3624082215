# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks of a running wpa_supplicant as profiles, also within a limited time."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Iterable, List, Mapping, Optional, Tuple

from ..._network.backend import SupplicantStatus
from ..._network.limits import DHCP_IDENTITY, FIXED_ADDRESS, Obstacle
from ..._network.profile import KEY_MGMT, PSK, SAE, Profile
from ..._radio import sysfs
from ..._system.dhcp_identity import other_identity
from ..._system.errors import FleetError
from ..._system.files import is_there
from ..._system.patience import PATIENCE, Patience
from .address import changed_address
from .codec import Network
from .control import WpaCtrl
from .fitness import ASKED, ASKED_FOR_EAP, GLOBAL, limits_of, obstacle_of
from .numbers import frequencies_of

#: hostap's VERSION_STR: "2.10", "2.12-devel-hostap_2_11-857-g54930b62b".
_VERSION = re.compile(r"[0-9][0-9A-Za-z._+~-]{0,79}\Z")


class WpaProfiles:
    """wpa_supplicant over its control socket. Every call opens its own connection, so restarts do not matter.

    Args:
        interface: the name of the interface.
        path: the path of its control socket, see ``control_socket``.
        patience: how long to wait for answers.
    """

    manager = "wpa_supplicant"

    def __init__(self, interface: str, path: str, patience: Patience = PATIENCE) -> None:
        self._interface = interface
        self._path = path
        self._patience = patience

    @property
    def interface(self) -> str:
        """The name of the interface."""
        return self._interface

    def _connect(self) -> WpaCtrl:
        return WpaCtrl(self._path, self._patience)

    def version(self) -> Optional[str]:
        """Return the supplicant's version, or None when it does not tell it (before 0.7.2).

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed: see ``WpaCtrl``.
        """
        with self._connect() as ctrl:
            reply = ctrl.request("GET version").strip()
        return reply if _VERSION.match(reply) else None

    def status(self) -> SupplicantStatus:
        """Return what the supplicant is doing.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``WpaCtrl``.
        """
        with self._connect() as ctrl:
            return ctrl.status().common

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return all configured networks, in the order of their ids. With *ssid*, only those of that SSID are read.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``WpaCtrl``.
        """
        with self._connect() as ctrl:
            networks = [network for network in ctrl.networks() if ssid is None or network.ssid == ssid]
            if not networks:
                return ()
            settings = read_settings(ctrl)
            found = read_profiles(ctrl, networks, settings, changed_address(ctrl, self._interface, settings))
            doubt = _other_identity(self._interface)
            return tuple(replace(profile, doubt=doubt) for profile in found)


def read_profiles(
    ctrl: WpaCtrl, networks: Iterable[Network], settings: Mapping[str, str], changed: Optional[Obstacle]
) -> Tuple[Profile, ...]:
    """Return networks as profiles, without those that went away after they were listed.

    Args:
        ctrl: the connection to the supplicant.
        networks: the networks, from ``WpaCtrl.networks``.
        settings: the values of ``read_settings``.
        changed: what ``changed_address`` returned.

    Raises:
        NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``WpaCtrl``.
    """
    found = (_profile(ctrl, network, settings, changed) for network in networks)
    return tuple(profile for profile in found if profile is not None)


def read_settings(ctrl: WpaCtrl) -> Mapping[str, str]:
    """Return the values of ``GLOBAL`` that the supplicant tells.

    Raises:
        NotFound, AccessDenied, TimedOut, TransportFailed: see ``WpaCtrl``.
    """
    return {name: value for name in GLOBAL if (value := ctrl.setting(name)) is not None}


def _other_identity(interface: str) -> Optional[Obstacle]:
    """Return a doubt if the network may give the interface another IPv4 address than CSME's, or else None."""
    try:
        other = other_identity(interface, sysfs.index_of(interface))
    except FleetError:
        return None
    if other is None:
        return None
    return Obstacle(other.what, other.remedy, code=FIXED_ADDRESS if other.fixed else DHCP_IDENTITY)


def _profile(
    ctrl: WpaCtrl, network: Network, settings: Mapping[str, str], changed: Optional[Obstacle]
) -> Optional[Profile]:
    """Ask for the other values of a network. Return None if it went away after it was listed."""
    key_mgmt = frozenset((ctrl.get(network.id, "key_mgmt") or "").split())
    if not key_mgmt:  # an existing network always has one
        return None
    asked: List[str] = []
    if key_mgmt & PSK:
        asked += ["psk"]
    if key_mgmt & SAE:
        asked += ["psk", "sae_password"]
    if key_mgmt & KEY_MGMT["eap"]:
        asked += ["identity", "eap"]
    told = {name: ctrl.get(network.id, name) for name in asked}
    credentials = {name for name, value in told.items() if value not in (None, '""')}
    if "NONE" in key_mgmt and any(ctrl.get(network.id, f"wep_key{number}") for number in range(4)):
        credentials.add("wep_key")
    priority = ctrl.get(network.id, "priority") or "0"
    names = (*ASKED, *(ASKED_FOR_EAP if "eap" in credentials else ()))
    told.update((name, ctrl.get(network.id, name)) for name in names)
    variables = {name: value for name, value in told.items() if value and value != '""'}
    return Profile(
        id=network.id,
        ssid=network.ssid,
        key_mgmt=key_mgmt,
        enabled=not network.disabled,
        bssid=network.bssid,
        scan_freq=frequencies_of(ctrl.get(network.id, "scan_freq")),
        current=network.current,
        priority=int(priority) if re.fullmatch(r"-?[0-9]{1,10}", priority) else 0,
        credentials=frozenset(credentials),
        obstacle=changed or obstacle_of(variables, settings),
        limits=limits_of(variables, settings, is_there),
    )
