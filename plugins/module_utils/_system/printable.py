# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""Bytes of any kind as text for people, for example an SSID.

The form is that of wpa_supplicant's ``printf_encode()``, which its file also reads (``P"..."``), except that printable
UTF-8 stays as it is. A backslash is always the beginning of an escape: ``\\``, ``\n``, ``\r``, ``\t``, or ``\xNN`` for
one byte. So different bytes never have the same text, and no terminal obeys anything in it.
"""

from __future__ import annotations

_SHORT = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(data: bytes) -> str:
    """Return bytes as printable text from which the bytes can be told again."""
    return "".join(map(_shown, data.decode("utf-8", "surrogateescape")))


def quoted(data: bytes) -> str:
    """Return bytes as in ``printable``, in single quotes. A single quote in the bytes is escaped (``\\x27``)."""
    return "'" + printable(data).replace("'", "\\x27") + "'"


def _shown(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    # Control characters, marks for the direction of text, spaces that look like others, and bytes that are not UTF-8.
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
