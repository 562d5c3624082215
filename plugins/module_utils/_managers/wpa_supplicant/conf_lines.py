# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of wpa_supplicant's configuration file, as wpa_supplicant reads them.

The grammar is that of hostap's ``src/utils/config.c`` (``wpa_config_get_line``), releases 2.10 to 2026. Only a line
feed ends a line. A ``#`` outside quotes begins a comment. A NUL byte ends what wpa_supplicant sees of a line, and so
does the end of its buffer.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from ..._system.errors import DecodeFailed

#: The sizes of wpa_supplicant's buffers for one line, in bytes (``wpa_supplicant/config_file.c``, 2.10): outside of all
#: blocks, in a network, and in any other block. One byte of each is for the NUL at its end.
OUTSIDE, IN_NETWORK, IN_OTHER = 512, 2000, 256
#: The line that opens the block of a network.
NETWORK = "network={"
#: The lines that open other blocks. ``identity={`` came after 2.11.
_OTHERS = frozenset({"cred={", "identity={"})
#: The characters that wpa_config_get_line() skips at the beginning of a line.
_BLANK = " \t\r"
#: The remedy in errors about a file with which wpa_supplicant does not start.
REPAIR = "Repair the file. wpa_supplicant does not start with it either"

_NO_NUL = "Remove the NUL byte. If there are many of them, the file is in UTF-16: save it in UTF-8"


def opens(content: str) -> bool:
    """Say whether a line outside of all blocks opens one. *content* is from ``content_of``."""
    return content == NETWORK or content in _OTHERS or (content.startswith("blob-base64-") and "=" in content)


def size_in(opening: str) -> int:
    """Return the size of the buffer for the lines of a block. *opening* is the line that opens it, or empty."""
    return OUTSIDE if not opening else IN_NETWORK if opening == NETWORK else IN_OTHER


def lines_of(text: str) -> List[str]:
    """Return the lines with their ends. Only a line feed ends a line, as in fgets()."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def content_of(line: str, size: int) -> str:
    """Return a line without white space around it and without a comment.

    Args:
        line: the line, with or without its end.
        size: the size of wpa_supplicant's buffer for it.
    """
    text = _seen(line, size).lstrip(_BLANK)
    comment = text.find("#")
    position = 0
    while comment >= 0:
        position = text.find('"', position)
        if position < 0 or position > comment:
            break
        position = text.find('"', position + 1)
        if position < 0:
            break
        position += 1
        if position > comment:
            comment = text.find("#", position)
    return (text if comment < 0 else text[:comment]).rstrip("\n" + _BLANK)


def rest_of(line: str, size: int) -> str:
    """Return what follows the content of a line: white space, a comment, the line's end.

    What wpa_supplicant does not see of a line is left out, because it may be the rest of an old secret.
    """
    seen = _seen(line, size)
    start = len(seen) - len(seen.lstrip(_BLANK))
    rest = seen[start + len(content_of(line, size)) :]
    return rest + "\n" if line.endswith("\n") and not rest.endswith("\n") else rest


def check_line(number: int, line: str, size: int, path: str) -> None:
    """Check that wpa_supplicant reads a line as one line.

    It does not do so for a line that begins with a NUL byte: it skips the next one, too. Of a line that is longer than
    its buffer and has a NUL byte, it reads the rest as another line.

    Raises:
        DecodeFailed: it is not read as one line.
    """
    if "\0" in line and (line[0] == "\0" or len(_bytes(line)) >= size):
        what = f"line {number} of the configuration has a NUL byte where wpa_supplicant mistakes it for the line's end"
        raise DecodeFailed(what, where=path, remedy=_NO_NUL)


def assignment(line: str, size: int) -> Optional[Tuple[str, str]]:
    """Return the name and the value that a line sets, or None if it sets nothing."""
    name, separator, value = content_of(line, size).partition("=")
    return (name, value) if separator else None


def _seen(line: str, size: int) -> str:
    """Return what wpa_supplicant has of a line in its buffer."""
    if "\0" not in line and 4 * len(line) < size:  # a character has up to 4 bytes
        return line
    return _bytes(line)[: size - 1].partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _bytes(line: str) -> bytes:
    return line.encode("utf-8", "surrogateescape")
