# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import channels
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError

ALL = [
    *((0, number, 2407 + 5 * number) for number in range(1, 14)),
    (0, 14, 2484),
    *((1, number, 5000 + 5 * number) for number in (36, 40, 44, 48, 52, 56, 60, 64)),
    *((1, number, 5000 + 5 * number) for number in (100, 104, 108, 112, 116, 120, 124, 128, 132, 136, 140, 144)),
    *((1, number, 5000 + 5 * number) for number in (149, 153, 157, 161, 165, 169, 173, 177)),
    (2, 2, 5935),
    *((2, number, 5950 + 5 * number) for number in range(1, 234, 4)),
]


@pytest.mark.parametrize(("band", "number", "frequency"), ALL)
def test_both_ways(band: int, number: int, frequency: int) -> None:
    assert channels.frequencies(number, band) == (frequency,)
    assert frequency in channels.frequencies(number, None)
    assert channels.channel(frequency) == (band, number)


def test_nothing_else_is_a_channel() -> None:
    known = {frequency for _band, _number, frequency in ALL}
    for frequency in range(-1, 8000):
        if frequency not in known:
            with pytest.raises(channels.NoSuchChannel):
                channels.channel(frequency)
    numbers = {(band, number) for band, number, _frequency in ALL}
    for band in range(3):
        for number in range(-1, 300):
            if (band, number) not in numbers:
                with pytest.raises(channels.NoSuchChannel):
                    channels.frequencies(number, band)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, (2412, 5955)),
        (2, (2417, 5935)),
        (5, (2432, 5975)),
        (6, (2437,)),
        (14, (2484,)),
        (36, (5180,)),
        (149, (5745, 6695)),
        (177, (5885, 6835)),
        (233, (7115,)),
    ],
)
def test_a_number_can_mean_two_frequencies(number: int, expected: Tuple[int, ...]) -> None:
    assert channels.frequencies(number, None) == expected


@pytest.mark.parametrize(
    ("number", "band"), [(0, None), (15, None), (234, None), (255, None), (-1, None), (36, 0), (1, 3)]
)
def test_nonsense_is_a_typed_error(number: int, band: Optional[int]) -> None:
    with pytest.raises(channels.NoSuchChannel, match=str(number if band != 3 else band)) as caught:
        channels.frequencies(number, band)
    assert isinstance(caught.value, FleetError)
    assert isinstance(caught.value, ValueError)
    assert caught.value.code == "no_such_channel"


def test_an_error_says_what_there_is_not() -> None:
    with pytest.raises(channels.NoSuchChannel, match=r"There is no channel 15\Z"):
        channels.frequencies(15, None)
    with pytest.raises(channels.NoSuchChannel, match=r"There is no channel 36 in band 0\Z"):
        channels.frequencies(36, 0)
    with pytest.raises(channels.NoSuchChannel, match="There is no band 3"):
        channels.of_band(3)
    with pytest.raises(channels.NoSuchChannel, match="There is no channel at 2413 MHz"):
        channels.channel(2413)
