# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network's profile as the manager of an interface has it, and the choice of a profile for CSME's network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import FrozenSet, Iterable, Iterator, Mapping, Optional, Tuple

from .limits import NO_LIMITS, JoinedConnection, Limits, Obstacle, link_doubt, suite_b_obstacle

PSK = frozenset({"WPA-PSK", "WPA-PSK-SHA256", "FT-PSK"})
SAE = frozenset({"SAE", "FT-SAE", "SAE-EXT-KEY", "FT-SAE-EXT-KEY"})
_EAP = frozenset({"WPA-EAP", "WPA-EAP-SHA256", "WPA-EAP-SHA384", "FT-EAP", "FT-EAP-SHA384"})
_EAP_SUITE_B = frozenset({"WPA-EAP-SUITE-B", "WPA-EAP-SUITE-B-192"})
#: The key managements that can join a network of each of CSME's authentication modes. "open" does not include OWE or
#: WEP.
KEY_MGMT: Mapping[str, FrozenSet[str]] = {
    "open": frozenset({"NONE"}),
    "psk": PSK,
    "sae": SAE,
    "eap": _EAP | _EAP_SUITE_B,
}


@dataclass(frozen=True)
class Profile:
    """A network that the supplicant is configured for."""

    id: int
    ssid: bytes
    key_mgmt: FrozenSet[str]
    enabled: bool
    bssid: Optional[str]
    #: MHz. When it is empty, the supplicant scans every frequency.
    scan_freq: Tuple[int, ...]
    #: Whether the supplicant is connected by this profile, or tries to be.
    current: bool
    #: The profile with the highest number is preferred.
    priority: int = 0
    #: Which of psk, sae_password, identity, eap and wep_key are configured. Their values are never here.
    credentials: FrozenSet[str] = frozenset()
    #: Why this interface can't use the profile when the laptop boots, no matter which network CSME is on. With an
    #: obstacle, the profile is not ``enabled``.
    obstacle: Optional[Obstacle] = None
    #: Why CSME's session may be lost although the host joins by this profile: the network may take the host for another
    #: one than CSME, or CSME may not hear of the host. The profile can still be used, because often that is not so.
    doubt: Optional[Obstacle] = None
    #: The restrictions of the profile.
    limits: Limits = NO_LIMITS
    #: Whether the profile is only for this interface or its device, so that no other radio can use it.
    own: bool = False

    def can_join(self, auth: str) -> bool:
        """Say whether the profile's key management and credentials fit a network.

        Args:
            auth: the network's authentication: ``open``, ``psk``, ``sae`` or ``eap``.
        """
        if not self.key_mgmt & KEY_MGMT.get(auth, frozenset()):
            return False
        # Like wpas_network_disabled(): a profile that may use a PSK but has none is never used, not even for EAP.
        if self.key_mgmt & (PSK | SAE) and not (
            "psk" in self.credentials or (self.key_mgmt & SAE and "sae_password" in self.credentials)
        ):
            return False
        if auth == "psk":
            return "psk" in self.credentials
        if auth == "eap":
            # wpa_supplicant's default key_mgmt includes EAP, so only these credentials show that EAP is intended.
            return bool(self.credentials & {"identity", "eap"})
        return auth != "open" or "wep_key" not in self.credentials


def find_profile(profiles: Iterable[Profile], connection: JoinedConnection) -> Optional[Profile]:
    """Return the enabled profile with which the host can take a connection over, or None when there is none.

    Among several, the one with the highest priority is returned. If priorities are equal, a profile of this interface
    goes before one that other interfaces may use, and then the lowest id decides. The profile is returned with the
    doubt about this connection, if there is one.

    Args:
        profiles: the profiles from a backend.
        connection: CSME's connection.
    """
    fitting = (profile for profile in _of_network(profiles, connection) if not any(_obstacles(profile, connection)))
    found = min(fitting, key=lambda profile: (-profile.priority, not profile.own, profile.id), default=None)
    doubt = None if found is None else link_doubt(found.limits, connection.cipher)
    return found if found is None or doubt is None else replace(found, doubt=found.doubt or doubt)


def find_obstacle(profiles: Iterable[Profile], connection: JoinedConnection) -> Optional[Obstacle]:
    """Return the reason why the host can't take a connection over, after ``find_profile`` found no profile.

    The reason is that of the profile with the connection's SSID that lacks the least. It is None when no profile has
    the SSID.

    Args:
        profiles: the profiles from a backend.
        connection: CSME's connection. Without its ``auth``, key management and credentials are not compared.
    """
    mine = [tuple(_obstacles(each, connection)) for each in _of_network(profiles, connection)]
    # Obstacles are ordered from the worst on. So the profile whose first obstacle comes last lacks the least.
    nearest = max(mine, key=lambda each: next((at for at, found in enumerate(each) if found), 0), default=())
    return next((found for found in nearest if found), None)


def find_profile_or_obstacle(
    profiles: Iterable[Profile], connection: JoinedConnection
) -> Tuple[Optional[Profile], Optional[Obstacle]]:
    """Return the profile with which the host can take a connection over, or else the reason why it can't.

    Both are None when no profile has the connection's SSID.

    Args:
        profiles: the profiles from a backend.
        connection: CSME's connection. See ``find_obstacle``.
    """
    known = tuple(profiles)
    profile = find_profile(known, connection)
    return profile, find_obstacle(known, connection) if profile is None else None


def _of_network(profiles: Iterable[Profile], connection: JoinedConnection) -> Iterator[Profile]:
    return (profile for profile in profiles if profile.ssid == connection.ssid)


def _obstacles(profile: Profile, connection: JoinedConnection) -> Iterator[Optional[Obstacle]]:
    """Check a profile against a connection. Yield the obstacle or None for each check, the worst obstacle first."""
    auth = connection.auth
    unfit = Obstacle(
        f"can't join the network: it has key management {', '.join(sorted(profile.key_mgmt))}, or lacks a credential",
        "Give it a key management and credentials that fit the network",
    )
    yield None if auth is None or profile.key_mgmt & KEY_MGMT.get(auth, frozenset()) else unfit
    yield profile.obstacle
    yield None if auth is None or profile.can_join(auth) else unfit
    yield suite_b_obstacle(profile.key_mgmt, connection)
    yield from profile.limits.obstacles(connection)
    yield None if profile.enabled else Obstacle("is disabled", "Enable it", disabled=True)
