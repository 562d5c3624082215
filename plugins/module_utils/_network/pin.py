# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a pin: what was set where, so that whoever comes later can undo it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterable, Optional, Tuple

from .._system.errors import DecodeFailed, FleetError
from .profile import Profile
from .values import encode_bssid, encode_frequencies


@dataclass(frozen=True)
class Pin:
    """What a pin changed and how it was before: all that undoing it needs. A journal keeps it as JSON.

    Networks are known by id and SSID, because a supplicant that restarted gives the ids out anew.
    """

    interface: str
    network_id: int
    ssid_hex: str
    bssid: str
    #: MHz.
    frequencies: Tuple[int, ...]
    previous_bssid: Optional[str]
    #: MHz; empty: every frequency.
    previous_scan_freq: Tuple[int, ...]
    #: The other networks that were enabled: id and SSID in hex.
    disabled: Tuple[Tuple[int, str], ...]
    #: Who has it, as a backend calls itself: what the numbers mean depends on that.
    manager: str = "wpa_supplicant"

    def as_dict(self) -> Dict[str, Any]:
        """Return the pin as a mapping for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Any) -> Pin:
        """Return the pin that ``as_dict`` gave, after JSON or not.

        Raises:
            DecodeFailed: it is not one.
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
            )
            encode_bssid(pin.bssid)
            encode_bssid(pin.previous_bssid)
            encode_frequencies(pin.frequencies + pin.previous_scan_freq)
        except (FleetError, KeyError, TypeError, ValueError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise DecodeFailed(f"this is no record of a pin: {reason}") from error
        return pin

    def holds(self, profiles: Iterable[Profile]) -> bool:
        """Say whether the supplicant still has this pin: not after a restart, or when somebody changed the network."""
        return any(
            profile.id == self.network_id
            and profile.ssid.hex() == self.ssid_hex
            and profile.bssid == self.bssid
            and profile.scan_freq == self.frequencies
            for profile in profiles
        )


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):  # True is no network id
        raise TypeError(f"{value!r:.80} is not of type {kind.__name__}")
    return value
