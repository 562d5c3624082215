# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network's profile as it was found with whoever runs an interface, and what keeps one from joining a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Iterable, Iterator, Mapping, Optional, Protocol, Sequence, Tuple

PSK = frozenset({"WPA-PSK", "WPA-PSK-SHA256", "FT-PSK"})
SAE = frozenset({"SAE", "FT-SAE", "SAE-EXT-KEY", "FT-SAE-EXT-KEY"})
_EAP = frozenset({"WPA-EAP", "WPA-EAP-SHA256", "WPA-EAP-SHA384", "FT-EAP", "FT-EAP-SHA384"})
_EAP_SUITE_B = frozenset({"WPA-EAP-SUITE-B", "WPA-EAP-SUITE-B-192"})
#: The key managements that can join what CSME calls by this name. Its "open" is neither OWE nor WEP.
KEY_MGMT: Mapping[str, FrozenSet[str]] = {
    "open": frozenset({"NONE"}),
    "psk": PSK,
    "sae": SAE,
    "eap": _EAP | _EAP_SUITE_B,
}


@dataclass(frozen=True)
class Obstacle:
    """What keeps a profile from carrying CSME's connection on.

    Attributes:
        what: the obstacle, in words that follow "the profile".
        remedy: what to do about it, a sentence without its full stop.
        disabled: the only obstacle is that nobody enabled the profile.
    """

    what: str
    remedy: str
    disabled: bool = False


@dataclass(frozen=True)
class Profile:
    """A network that the supplicant is configured for."""

    id: int
    ssid: bytes
    key_mgmt: FrozenSet[str]
    enabled: bool
    bssid: Optional[str]
    #: MHz; empty: every frequency.
    scan_freq: Tuple[int, ...]
    #: The supplicant uses it, or tries to.
    current: bool
    #: The higher is taken first.
    priority: int = 0
    #: Which of psk, sae_password, identity, eap, wep_key are configured; never what they are.
    credentials: FrozenSet[str] = frozenset()
    #: It is for the access point of ``bssid`` alone, and no pin can change that.
    bound: bool = False
    #: Why it is of no use to this interface when a laptop boots, whatever CSME is on. It is not enabled then.
    obstacle: Optional[Obstacle] = None
    #: MHz, every one that it may be on, which no pin can change; None: any.
    channels: Optional[FrozenSet[int]] = None
    #: It is for this interface or its device alone: no other radio can be using it.
    own: bool = False

    def can_join(self, auth: str) -> bool:
        """Say whether this profile could join a network by ``open``, ``psk``, ``sae`` or ``eap`` by itself."""
        if not self.key_mgmt & KEY_MGMT.get(auth, frozenset()):
            return False
        # As wpas_network_disabled() has it: one that may use a PSK and has none is not used, for EAP neither.
        if self.key_mgmt & (PSK | SAE) and not (
            "psk" in self.credentials or (self.key_mgmt & SAE and "sae_password" in self.credentials)
        ):
            return False
        if auth == "psk":
            return "psk" in self.credentials
        if auth == "eap":
            # wpa_supplicant's default key_mgmt names EAP too; only these say that it is meant.
            return bool(self.credentials & {"identity", "eap"})
        return auth != "open" or "wep_key" not in self.credentials


class Joined(Protocol):
    """A connection that a profile is to carry on: CSME's (``CsmeConnection``), or a part of it (``Target``)."""

    @property
    def ssid(self) -> bytes:
        """The network's SSID, compared byte by byte."""

    @property
    def auth(self) -> Optional[str]:
        """``open``, ``psk``, ``sae`` or ``eap``; anything else fits no profile. None: it does not matter."""

    @property
    def bssid(self) -> Optional[str]:
        """The access point; None: not known."""

    @property
    def frequencies(self) -> Sequence[int]:
        """In MHz, every frequency that the connection's channel can mean; empty: not known."""


@dataclass(frozen=True)
class Target:
    """What is known of a connection that a profile is to carry on, as in ``Joined``."""

    ssid: bytes
    auth: Optional[str] = None
    bssid: Optional[str] = None
    frequencies: Tuple[int, ...] = ()


def find_profile(profiles: Iterable[Profile], connection: Joined) -> Optional[Profile]:
    """Return the enabled profile that can carry a connection on; None: there is none.

    Of several, the one of the highest priority counts; then the interface's own, before one that another interface may
    use; then the one of the lowest id.

    Args:
        profiles: as a backend gives them.
        connection: CSME's.
    """
    fitting = (profile for profile in _of_network(profiles, connection) if not any(_obstacles(profile, connection)))
    return min(fitting, key=lambda profile: (-profile.priority, not profile.own, profile.id), default=None)


def find_obstacle(profiles: Iterable[Profile], connection: Joined) -> Optional[Obstacle]:
    """Return what keeps the profiles for a connection's network from carrying it on, where ``find_profile`` found none.

    Of several profiles for that network, the one that comes nearest to it counts. None: there is no profile for the
    network.

    Args:
        profiles: as a backend gives them.
        connection: CSME's. Where its ``auth`` is None, key management and credentials do not matter.
    """
    mine = [tuple(_obstacles(each, connection)) for each in _of_network(profiles, connection)]
    # The later its first obstacle is, the less is missing.
    nearest = max(mine, key=lambda each: next((at for at, found in enumerate(each) if found), 0), default=())
    return next((found for found in nearest if found), None)


def _of_network(profiles: Iterable[Profile], connection: Joined) -> Iterator[Profile]:
    return (profile for profile in profiles if profile.ssid == connection.ssid)


def _obstacles(profile: Profile, connection: Joined) -> Iterator[Optional[Obstacle]]:
    """Yield each obstacle between a profile and a connection, the worst first. One that is not there is None."""
    auth, bssid, frequencies = connection.auth, connection.bssid, connection.frequencies
    unfit = Obstacle(
        f"can't join it: it has {', '.join(sorted(profile.key_mgmt))}, or lacks a credential",
        "Give it a key management and credentials that fit",
    )
    yield None if auth is None or profile.key_mgmt & KEY_MGMT.get(auth, frozenset()) else unfit
    yield profile.obstacle
    yield None if auth is None or profile.can_join(auth) else unfit
    elsewhere = profile.bound and bssid is not None and profile.bssid != bssid
    yield (
        Obstacle(f"is for another access point than CSME's ({bssid}) alone", "Take that out of the profile")
        if elsewhere
        else None
    )
    off = bool(frequencies) and profile.channels is not None and profile.channels.isdisjoint(frequencies)
    yield Obstacle("is for another band or channel than CSME's alone", "Take that out of the profile") if off else None
    yield None if profile.enabled else Obstacle("is disabled", "Enable it", disabled=True)
