# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conversion between channel numbers and frequencies, for 20 MHz channels.

A channel number alone can mean two frequencies, because the numbers of the 6 GHz band begin at 1 again. Source of
every number here: IEEE 802.11, Annex E (table E-4, global operating classes 81, 82, 115-125, 131, 136).
"""

from __future__ import annotations

from typing import ClassVar, Dict, Optional, Tuple

from .._system.errors import FleetError

# The numbers of Intel's vendor attribute BAND. nl80211 uses other numbers (its 2 is 60 GHz).
BAND_2GHZ = 0
BAND_5GHZ = 1
BAND_6GHZ = 2

#: band -> channel -> MHz
_FREQUENCIES: Dict[int, Dict[int, int]] = {
    BAND_2GHZ: {**{number: 2407 + 5 * number for number in range(1, 14)}, 14: 2484},
    BAND_5GHZ: {number: 5000 + 5 * number for number in (*range(36, 65, 4), *range(100, 145, 4), *range(149, 178, 4))},
    BAND_6GHZ: {2: 5935, **{number: 5950 + 5 * number for number in range(1, 234, 4)}},
}
#: MHz -> (band, channel)
_CHANNELS: Dict[int, Tuple[int, int]] = {
    frequency: (band, number) for band, numbers in _FREQUENCIES.items() for number, frequency in numbers.items()
}


class NoSuchChannel(FleetError, ValueError):
    """A band, channel number or frequency that IEEE 802.11 does not have."""

    code: ClassVar[str] = "no_such_channel"


def frequencies(channel: int, band: Optional[int]) -> Tuple[int, ...]:
    """Return every frequency that a channel number can mean.

    Args:
        channel: the number of a 20 MHz channel.
        band: ``BAND_*``, or None when it is not known.

    Returns:
        One or two frequencies in MHz, in ascending order.

    Raises:
        NoSuchChannel: there is no such band, or the band (without *band*: any band) has no such channel.
    """
    if band is not None and band not in _FREQUENCIES:
        raise NoSuchChannel(f"There is no band {band}")
    bands = _FREQUENCIES if band is None else (band,)
    found = tuple(_FREQUENCIES[each][channel] for each in bands if channel in _FREQUENCIES[each])
    if not found:
        raise NoSuchChannel(f"There is no channel {channel}" + ("" if band is None else f" in band {band}"))
    return found


def of_band(band: int) -> Tuple[int, ...]:
    """Return the frequencies (MHz) of every 20 MHz channel of a band.

    Raises:
        NoSuchChannel: there is no such band.
    """
    if band not in _FREQUENCIES:
        raise NoSuchChannel(f"There is no band {band}")
    return tuple(_FREQUENCIES[band].values())


def channel(frequency: int) -> Tuple[int, int]:
    """Return (band, channel number) of the 20 MHz channel centred on *frequency* (MHz).

    Raises:
        NoSuchChannel: no channel is centred there.
    """
    try:
        return _CHANNELS[frequency]
    except KeyError:
        raise NoSuchChannel(f"There is no channel at {frequency} MHz") from None
