# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a pin: which settings it changed, and their old values, so that a later run can undo it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from .._system.errors import DecodeFailed, FleetError
from .profile import Profile
from .values import encode_bssid, encode_frequencies

#: A network's id, and its SSID in hex.
Key = Tuple[int, str]


class Standing(NamedTuple):
    """What a supplicant says of one of its networks: its access point, and whether it is disabled."""

    bssid: Optional[str]
    disabled: bool


@dataclass(frozen=True)
class Pin:
    """The settings that a pin changed, with their old values. This is all that is needed to undo it.

    A journal stores it as JSON. Networks are identified by id and SSID, because a restarted supplicant may give an id
    to another network.
    """

    interface: str
    network_id: int
    ssid_hex: str
    bssid: str
    #: MHz.
    frequencies: Tuple[int, ...]
    previous_bssid: Optional[str]
    #: MHz. When it is empty, the supplicant scanned every frequency.
    previous_scan_freq: Tuple[int, ...]
    #: The other networks that were enabled before, each with its id and its SSID in hex.
    disabled: Tuple[Key, ...]
    #: The manager whose profile is pinned (``Backend.manager``). The ids are that manager's.
    manager: str = "wpa_supplicant"
    #: Whether the pin disables the pinned network for a moment and enables it again. A crash may leave it disabled.
    resets: bool = False
    #: The inode of the supplicant's control socket, or None when it is not known. A supplicant that starts again makes
    #: a new socket, and tmpfs does not give an inode number out again within a boot. ``chown`` keeps the inode.
    socket: Optional[int] = None

    def as_dict(self) -> Dict[str, Any]:
        """Return the pin as a mapping for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Any) -> Pin:
        """Return the pin from a mapping that ``as_dict`` returned. It may have been stored as JSON meanwhile.

        Raises:
            DecodeFailed: the mapping is not a pin.
        """
        try:
            pin = cls(
                interface=_typed(document["interface"], str),
                network_id=_typed(document["network_id"], int),
                ssid_hex=_typed(document["ssid_hex"], str),
                bssid=_typed(document["bssid"], str),
                frequencies=tuple(_typed(frequency, int) for frequency in document["frequencies"]),
                previous_bssid=None if document["previous_bssid"] is None else _typed(document["previous_bssid"], str),
                previous_scan_freq=tuple(_typed(frequency, int) for frequency in document["previous_scan_freq"]),
                disabled=tuple((_typed(number, int), _typed(ssid, str)) for number, ssid in document["disabled"]),
                manager=_typed(document.get("manager", "wpa_supplicant"), str),
                resets=_flag(document.get("resets", False)),
                socket=None if document.get("socket") is None else _typed(document["socket"], int),
            )
            encode_bssid(pin.bssid)
            encode_bssid(pin.previous_bssid)
            encode_frequencies(pin.frequencies + pin.previous_scan_freq)
        except (FleetError, KeyError, TypeError, ValueError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise DecodeFailed(f"this is not a record of a pin: {reason}") from error
        return pin

    def belongs_to(self, socket: Optional[int]) -> bool:
        """Say whether the supplicant is the one that was pinned. If that is not known, it counts as the same.

        Args:
            socket: the inode of the supplicant's control socket, or None when it is not known.
        """
        return None in (self.socket, socket) or self.socket == socket

    def keeps_out(self, networks: Mapping[Key, Standing]) -> Tuple[Key, ...]:
        """Return the networks that are disabled because of this pin, and not because somebody disabled them.

        The access point of the pinned network shows whether the pin stands: it is set before anything is disabled, and
        given back after everything is enabled. A configuration that was read again has the former access point. Then
        networks are disabled because that configuration says so. If somebody removed the pinned network, or gave it
        another access point, the others are still disabled because of this pin.

        If the pinned network is disabled and one of the others is enabled, somebody chose that one (SELECT_NETWORK),
        which disables all others.

        Args:
            networks: all networks of the supplicant.
        """
        mine = networks.get((self.network_id, self.ssid_hex))
        others = tuple(key for key in self.disabled if key in networks)
        if mine is not None and mine.bssid == self.previous_bssid != self.bssid:
            return ()
        if mine is not None and mine.disabled and self.resets:
            others = ((self.network_id, self.ssid_hex), *others)
        elif mine is not None and mine.disabled and not all(networks[key].disabled for key in others):
            return ()
        return tuple(key for key in others if networks[key].disabled)

    def stands(self, profiles: Iterable[Profile]) -> bool:
        """Say whether the supplicant still has this pin. It has not after a restart or a change of the network.

        Args:
            profiles: the supplicant's current profiles.
        """
        return any(
            profile.id == self.network_id
            and profile.ssid.hex() == self.ssid_hex
            and profile.bssid == self.bssid
            and profile.scan_freq == self.frequencies
            for profile in profiles
        )


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.80} is not of type bool")
    return value


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):  # for Python, a bool is an int
        raise TypeError(f"{value!r:.80} is not of type {kind.__name__}")
    return value
