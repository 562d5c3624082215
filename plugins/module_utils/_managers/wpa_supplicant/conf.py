# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's configuration file: its network blocks edited, every other byte kept, written whole or not at all.

The grammar is that of hostap's ``wpa_supplicant/config_file.c`` and ``src/utils/config.c``, releases 2.10 to 2026:
lines end at a line feed alone; ``network={``, ``cred={`` and ``blob-base64-NAME={`` open a block that a lone ``}``
closes; a ``#`` outside quotes begins a comment.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from ..._system.errors import AccessDenied, DecodeFailed, FleetError, TransportFailed

#: Where Debian, Fedora and their like have wpa_supplicant@INTERFACE.service read its configuration.
CONF_PATH = "/etc/wpa_supplicant/wpa_supplicant-{interface}.conf"
#: A file with keys in it is for root alone.
MODE = 0o600
#: Far more than any configuration; keeps a mistaken path (a device, a disk image) out of memory.
_SIZE_MAX = 16 * 1024 * 1024


@dataclass(frozen=True)
class Block:
    """One ``network={...}`` block: its lines as they stand, with their line ends."""

    opening: str = field(repr=False)
    body: Tuple[str, ...] = field(repr=False)
    closing: str = field(repr=False)

    @property
    def text(self) -> str:
        """The block as it stands in the file."""
        return self.opening + "".join(self.body) + self.closing

    @property
    def variables(self) -> Dict[str, str]:
        """The variables that it sets, with their values as written; of several with one name the last counts."""
        return dict(pair for pair in map(_assignment, self.body) if pair is not None)


#: A file in parts: blocks of networks, and the text between them.
Part = Union[str, Block]


def parse(text: str, path: str = "") -> Tuple[Part, ...]:
    """Return a configuration in parts that together are *text* again.

    Args:
        text: the file's text.
        path: its name, for errors.

    Raises:
        DecodeFailed: a block is not closed, or there is a NUL byte: what follows would be anybody's guess.
    """
    if "\0" in text:
        raise DecodeFailed("the configuration has a NUL byte in it", where=path, remedy=_REPAIR)
    parts: List[Part] = []
    other: List[str] = []
    block: List[str] = []
    inside = ""  # the line that opened the block that we are in
    opened_at = 0
    for number, line in enumerate(_lines(text), 1):
        content = _content(line)
        if not inside:
            if content == "network={":
                inside, opened_at, block = content, number, [line]
                if other:
                    parts.append("".join(other))
                    other = []
                continue
            if content == "cred={" or content.startswith("blob-base64-"):
                inside, opened_at = content, number
            other.append(line)
        elif inside != "network={":
            other.append(line)
            inside = "" if content == "}" else inside
        else:
            block.append(line)
            if content == "}":
                parts.append(Block(block[0], tuple(block[1:-1]), block[-1]))
                inside = ""
    if inside:
        raise DecodeFailed(
            f"the block that begins in line {opened_at} of the configuration is not closed", where=path, remedy=_REPAIR
        )
    if other:
        parts.append("".join(other))
    return tuple(parts)


_REPAIR = "Repair the file; wpa_supplicant does not start with it either"


def render(parts: Tuple[Part, ...]) -> str:
    """Return the text of a configuration."""
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def new_block(variables: Mapping[str, str]) -> Block:
    """Return a block that sets *variables*, which an encoder made."""
    body = tuple(_line("\t", name, value) for name, value in variables.items())
    return Block("network={\n", body, "}\n")


def append(parts: Tuple[Part, ...], block: Block) -> Tuple[Part, ...]:
    """Return a configuration with a block at its end, which begins a line of its own."""
    text = render(parts[-1:])
    separator: Tuple[Part, ...] = ("\n",) if text and not text.endswith("\n") else ()
    return (*parts, *separator, block)


def edit(
    block: Block,
    values: Mapping[str, Optional[str]],
    differs: FrozenSet[str],
    unwanted: FrozenSet[str],
) -> Block:
    """Return a block with some variables changed. Comments, indentation and every other line stay as they are.

    Args:
        block: the block as it is.
        values: the variables that it is to have; None: is not to have.
        differs: those of them that are not right yet. The lines of the others stay as they are.
        unwanted: variables that it is not to have either.
    """
    gone = unwanted | {name for name in differs if values[name] is None}
    last = {pair[0]: index for index, pair in enumerate(map(_assignment, block.body)) if pair is not None}
    body: List[str] = []
    for index, line in enumerate(block.body):
        pair = _assignment(line)
        name = pair[0] if pair else ""
        # A variable that a profile decides on stands once: what an earlier line says may be an old secret.
        if name in gone or (name in values and last[name] != index):
            continue
        value = values.get(name) if name in differs else None
        body.append(line if value is None else _changed(line, name, value))
    for name, value in values.items():
        if name in differs and name not in last and value is not None:
            body.append(_line("\t", name, value))
    return replace(block, body=tuple(body))


def _line(indent: str, name: str, value: str, tail: str = "\n") -> str:
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
        # No encoder makes such a value. It must not get here: it would be another line of the configuration.
        raise DecodeFailed(f"a value for {name} has a control character in it")
    return f"{indent}{name}={value}{tail}"


def _changed(line: str, name: str, value: str) -> str:
    """Return a line with another value; what is before and after it, a comment for one, stays."""
    start = len(line) - len(line.lstrip(_BLANK))
    return _line(line[:start], name, value, line[start + len(_content(line)) :])


# --- lines ----------------------------------------------------------------------------------------------------------

#: What wpa_config_get_line() skips at the beginning of a line.
_BLANK = " \t\r"


def settings_of(parts: Iterable[Part]) -> Dict[str, str]:
    """Return the settings of a configuration that belong to no network, with their values as written."""
    found: Dict[str, str] = {}
    for part in parts:
        if isinstance(part, str):
            found.update(Block("", tuple(_lines(part)), "").variables)
    return found


def _lines(text: str) -> List[str]:
    """Return the lines with their ends; a line feed alone ends one, as for fgets()."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def _content(line: str) -> str:
    """Return what wpa_config_get_line() makes of a line: no white space around it, no comment; empty for none."""
    text = line.lstrip(_BLANK)
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


def _assignment(line: str) -> Optional[Tuple[str, str]]:
    name, separator, value = _content(line).partition("=")
    return (name, value) if separator else None


# --- the file -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ConfFile:
    """A configuration file as it was read."""

    #: Where it is; symbolic links are followed.
    path: str
    #: None: there is no file.
    text: Optional[str] = field(repr=False, default=None)
    #: Its permissions; None without a file.
    mode: Optional[int] = None
    #: Whether it belongs to whom it should: root, or whoever runs this in a test.
    owned: bool = True
    #: Which file this is, and when it was last changed in any way (inode number, ctime in ns).
    identity: Optional[Tuple[int, int]] = None

    @property
    def private(self) -> bool:
        """Whether only its owner, who is the right one, can read and write it."""
        return self.mode == MODE and self.owned


def read(path: str) -> ConfFile:
    """Return a configuration file.

    A symbolic link is followed, so that what it points to is read and later replaced, and the link stays.

    Raises:
        AccessDenied: it is not for this user.
        TransportFailed: it is no regular file, or can't be read.
    """
    target = os.path.realpath(path)
    try:
        # O_NONBLOCK: opening a pipe must not wait for its other end.
        with open(target, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as handle:
            status = os.fstat(handle.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _SIZE_MAX:
                raise TransportFailed("this is no configuration file", where=target)
            data = handle.read(_SIZE_MAX)
    except FileNotFoundError:
        return ConfFile(target)
    except OSError as error:
        raise _failed(error, target) from None
    return ConfFile(
        path=target,
        text=data.decode("utf-8", "surrogateescape"),
        mode=stat.S_IMODE(status.st_mode),
        owned=(status.st_uid, status.st_gid) == (os.geteuid(), os.getegid()) or os.geteuid() != 0,
        identity=(status.st_ino, status.st_ctime_ns),
    )


def write(path: str, text: str) -> Tuple[int, int]:
    """Replace a configuration file so that any reader, and the next boot, finds the old one or the new one, whole.

    Args:
        path: the file, as ``ConfFile.path`` has it.
        text: what it is to hold.

    Returns:
        The new file's identity, as in ``ConfFile``.

    Raises:
        AccessDenied: no right to write there.
        TransportFailed: it could not be written; the file is as it was.
    """
    with staged(path, text) as replace_file:
        return replace_file()


@contextmanager
def staged(path: str, text: str) -> Iterator[Callable[[], Tuple[int, int]]]:
    """Do all of ``write`` that can well fail, a full disk for one, and yield what does the rest.

    The new file is written beside the old one, for its owner alone from the first byte on. What is yielded renames it,
    and returns the new identity. If it was not called, the new file goes. A run that was killed in between leaves it;
    the next one removes it.

    Args:
        path: the file, as ``ConfFile.path`` has it.
        text: what it is to hold.

    Raises:
        AccessDenied: no right to write there. What is yielded raises the same.
        TransportFailed: it could not be written. What is yielded raises the same.
    """
    partial = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.vpro-fleet")
    try:
        with _reporting(path):
            _put(partial, text)
        yield lambda: _rename(partial, path)
    finally:
        with suppress(OSError):
            os.unlink(partial)


def _put(partial: str, text: str) -> None:
    """Make a file, and have it on the disk."""
    os.makedirs(os.path.dirname(partial), mode=0o755, exist_ok=True)
    with suppress(FileNotFoundError):
        os.unlink(partial)
    # O_EXCL follows no link that somebody put there.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(descriptor, MODE)  # a umask may have taken bits away
        if os.geteuid() == 0:
            os.fchown(descriptor, 0, 0)
        handle.write(text.encode("utf-8", "surrogateescape"))
        handle.flush()
        os.fsync(descriptor)


def _rename(partial: str, path: str) -> Tuple[int, int]:
    with _reporting(path):
        os.rename(partial, path)
        status = os.stat(path)
    # The new file is in its place: a rename that can't be put on the disk, as on some file systems, is no error.
    with suppress(OSError):
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return status.st_ino, status.st_ctime_ns


@contextmanager
def _reporting(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _failed(error, path) from None


def _failed(error: OSError, path: str) -> FleetError:
    if isinstance(error, PermissionError):
        return AccessDenied("no right to use the configuration file", where=path, remedy="Run the task with become")
    reason = os.strerror(error.errno) if error.errno else "unknown error"
    return TransportFailed(f"the configuration file can't be used: {reason}", where=path, errno=error.errno or 0)
