# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers and keys of wpa_supplicant's variables in their other spellings."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.numbers import number_of
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.variables import agrees


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("", 0), ("7", 7), ("010", 8), ("0x10", 16), ("0X1f", 31), ("-1", -1), ("+3", 3), ("-010", -8)),
        *((" 7", 7), ("\v5", 5), ("2147483647", 2147483647), ("2147483648", -2147483648), ("4294967297", 1)),
        *(("99999999999999999999", -1), ("-99999999999999999999", 0)),
        *(("08", None), ("0x", None), ("1_0", None), ("\u0663", None), ("0b1", None), ("0o7", None), ("1 2", None)),
        *(('"1"', None), ("-", None), ("true", None), ("1.0", None), (" ", None)),
    ],
)
def test_a_number_is_what_strtol_makes_of_it(text: str, number: Optional[int]) -> None:
    """All of them were seen with wpa_supplicant 2.10."""
    assert number_of(text) == number


def test_a_number_agrees_in_any_notation() -> None:
    assert agrees("priority", {"priority": "8"}, {"priority": "010"})
    assert not agrees("priority", {"priority": "10"}, {"priority": "010"})
    assert agrees("priority", {"priority": "0"}, {"priority": ""})


def test_what_follows_the_last_quote_of_a_passphrase_does_not_count() -> None:
    wanted = {"psk": '"good-pass-1"', "key_mgmt": "WPA-PSK", "ssid": "61"}
    assert agrees("psk", wanted, {"psk": '"good-pass-1"x'})
    assert not agrees("psk", wanted, {"psk": '"good-pass-2"x'})
    assert not agrees("psk", wanted, {"psk": '"good-pass-1"x"'})
