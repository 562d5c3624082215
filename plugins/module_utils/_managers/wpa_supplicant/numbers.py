# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading numbers in the values of wpa_supplicant's variables, as wpa_supplicant reads them."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from ..._system.errors import DecodeFailed

#: A number as C's ``strtol`` reads it with base 0. White space (``isspace``) may come before it.
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*)\Z")
_LONG_MAX = 2**63 - 1


def number_of(value: str) -> Optional[int]:
    """Return a value as a number, as wpa_supplicant reads it, or None if wpa_supplicant refuses it.

    It calls C's ``strtol`` with base 0 (``wpa_config_parse_int``). So ``010`` is 8, and no text at all is 0. What does
    not fit into a C int loses its upper bits. A long has 64 bits here.
    """
    match = _NUMBER.match(value)
    if match is None:
        return None if value else 0
    sign, digits = match.groups()
    prefix = digits[:2].lower()
    base = 16 if prefix == "0x" else 8 if digits.startswith("0") else 10
    number = int(digits[2:] if base == 16 else digits, base)
    long = max(-number, -_LONG_MAX - 1) if sign == "-" else min(number, _LONG_MAX)
    return (long + 2**31) % 2**32 - 2**31


def frequencies_of(text: Optional[str]) -> Tuple[int, ...]:
    """Return the frequencies in a list such as ``scan_freq``, in MHz.

    Raises:
        DecodeFailed: the text is no such list.
    """
    words = (text or "").split()
    if not all(re.fullmatch(r"[0-9]{1,6}", word) for word in words):
        raise DecodeFailed("scan_freq is not a list of frequencies", where=ascii(words)[:80])
    return tuple(int(word) for word in words)
