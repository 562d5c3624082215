# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encoding and decoding of a network's values: SSID, BSSID, frequencies, and text in wpa_supplicant's notation."""

from __future__ import annotations

import re
from typing import Iterable, Optional

from .._system.errors import DecodeFailed, FleetError

#: Octets in an SSID, IEEE 802.11-2020 9.4.2.2.
SSID_MAX = 32


class CommandUnsafe(FleetError):
    """A value was refused because, in a command or a file, it could act as another command or another line."""

    code = "command_unsafe"


BSSID_FORM = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\Z")


def encode_ssid(ssid: bytes) -> str:
    """Return an SSID as hex without quotes. In that form, SET_NETWORK accepts any bytes.

    Raises:
        CommandUnsafe: the SSID has more than 32 bytes.
    """
    if len(ssid) > SSID_MAX:
        raise CommandUnsafe(f"an SSID has at most {SSID_MAX} bytes, but this one has {len(ssid)}")
    return ssid.hex()


def encode_bssid(bssid: Optional[str]) -> str:
    """Return a BSSID in lower case, or ``any`` for None.

    Raises:
        CommandUnsafe: *bssid* is not a MAC address.
    """
    if bssid is None:
        return "any"
    if BSSID_FORM.match(bssid) is None:
        raise CommandUnsafe(f"{bssid!r} is not a BSSID")
    return bssid.lower()


def encode_frequencies(frequencies: Iterable[int]) -> str:
    """Return frequencies (MHz) in the form of ``scan_freq``. Without any, return the empty string, which clears it.

    Raises:
        CommandUnsafe: a frequency is not positive (wpa_supplicant's list ends at a 0).
    """
    numbers = [int(frequency) for frequency in frequencies]
    if any(number <= 0 for number in numbers):
        raise CommandUnsafe(f"a frequency is a positive number of MHz, not {min(numbers)}")
    return " ".join(str(number) for number in numbers)


_ESCAPES = {"\\": 0x5C, '"': 0x22, "n": 0x0A, "r": 0x0D, "t": 0x09, "e": 0x1B}
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))?", re.DOTALL)


def decode_printf(text: str) -> bytes:
    r"""Undo wpa_supplicant's ``printf_encode``: ``\n \r \t \e \\ \" \xNN``.

    Raises:
        DecodeFailed: a backslash is followed by anything else.
    """
    decoded = bytearray()
    position = 0
    for match in _ESCAPE.finditer(text):
        decoded += _raw(text[position : match.start()])
        hexadecimal, letter = match.groups()
        if hexadecimal is not None:
            decoded.append(int(hexadecimal, 16))
        elif letter in _ESCAPES:
            decoded.append(_ESCAPES[letter])
        else:
            raise DecodeFailed(f"unknown escape at character {match.start()}", where=ascii(text[:80]))
        position = match.end()
    return bytes(decoded + _raw(text[position:]))


def _raw(text: str) -> bytes:
    """Return the bytes from which the text was decoded when it came over the socket."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise DecodeFailed("this text cannot have come from a supplicant", where=ascii(text[:80])) from None


def decode_value(text: str) -> bytes:
    r"""Decode a string value of GET_NETWORK.

    There are three forms: ``"raw"`` (without escapes, up to the last quote), ``P"escaped"``, and hex without quotes.

    Raises:
        DecodeFailed: the value has none of these forms.
    """
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        return _raw(text[1:-1])
    if len(text) >= 3 and text.startswith('P"') and text.endswith('"'):
        return decode_printf(text[2:-1])
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", text):
        return bytes.fromhex(text)
    raise DecodeFailed("a value is neither quoted text nor hex", where=ascii(text[:80]))


def ssid_text(ssid: bytes) -> str:
    """Return an SSID as text for people. Bytes that are not UTF-8, and unprintable characters, are escaped."""
    text = ssid.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
