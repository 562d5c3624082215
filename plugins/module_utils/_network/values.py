# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encoding and decoding of a network's values: SSID, BSSID, frequencies, and text in wpa_supplicant's notation."""

from __future__ import annotations

import re
from typing import Iterable, Match, Optional

from .._system.errors import DecodeFailed, FleetError
from .._system.printable import printable

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


_ESCAPES = {b"\\": b"\\", b'"': b'"', b"n": b"\n", b"r": b"\r", b"t": b"\t", b"e": b"\x1b"}
_ESCAPE = re.compile(rb'\\(?:([\\"nrte])|x([0-9A-Fa-f]{1,2})?|([0-7]{1,3}))?')


def decode_printf(text: str) -> bytes:
    r"""Decode text with escapes as wpa_supplicant does (hostap's ``src/utils/common.c``, ``printf_decode``).

    It knows ``\n \r \t \e \\ \"``, one or two hex digits after ``\x``, and one to three octal digits. Of any other
    escape it drops the backslash, and of ``\x`` without a digit both characters. So every text means something.

    Raises:
        DecodeFailed: the text has a lone surrogate in it, so it did not come from a file or a socket.
    """
    return _ESCAPE.sub(_unescaped, _raw(text))


def _unescaped(match: Match[bytes]) -> bytes:
    letter, hexadecimal, octal = match.groups()
    if letter is not None:
        return _ESCAPES[letter]
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    # Three octal digits may exceed a byte. C keeps the low 8 bits.
    return b"" if octal is None else bytes([int(octal, 8) & 0xFF])


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
    """Return an SSID as text for people, as ``printable`` describes it."""
    return printable(ssid)
