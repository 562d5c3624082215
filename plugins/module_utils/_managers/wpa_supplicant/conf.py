# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's configuration file. Network blocks can be edited, and every other byte stays.

The file is written completely or not at all. The grammar is that of hostap's ``wpa_supplicant/config_file.c``, releases
2.10 to 2026. ``network={``, ``cred={``, ``identity={`` and ``blob-base64-NAME=`` open a block, and a line with only
``}`` closes it. ``conf_lines`` says what a line is.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from ..._system.denied import remedy_for, user
from ..._system.errors import AccessDenied, DecodeFailed, FleetError, TransportFailed
from .conf_lines import (
    IN_NETWORK,
    NETWORK,
    OUTSIDE,
    REPAIR,
    assignment,
    check_line,
    content_of,
    lines_of,
    opens,
    rest_of,
    size_in,
)

#: The file that wpa_supplicant@INTERFACE.service reads in Debian, Fedora and similar distributions.
CONF_PATH = "/etc/wpa_supplicant/wpa_supplicant-{interface}.conf"
#: The file contains keys, so only root may read it.
MODE = 0o600
#: Bytes, far more than any configuration has. So a wrong path (a device, a disk image) does not fill the memory.
_SIZE_MAX = 16 * 1024 * 1024


@dataclass(frozen=True)
class ConfBlock:
    """One ``network={...}`` block: its lines with their line ends, as they are in the file."""

    opening: str = field(repr=False)
    body: Tuple[str, ...] = field(repr=False)
    closing: str = field(repr=False)
    #: The size of wpa_supplicant's buffer for each line of the body.
    size: int = IN_NETWORK

    @property
    def text(self) -> str:
        """The block as it is in the file."""
        return self.opening + "".join(self.body) + self.closing

    @property
    def assignments(self) -> List[Optional[Tuple[str, str]]]:
        """The name and the value that each line of the body sets, or None for a line that sets nothing."""
        return [assignment(line, self.size) for line in self.body]

    @property
    def variables(self) -> Dict[str, str]:
        """The variables that the block sets, with their values as written. The last line for a name counts."""
        return dict(pair for pair in self.assignments if pair is not None)


#: A file in parts: blocks of networks, and the text between them.
Part = Union[str, ConfBlock]


def parse(text: str, path: str = "") -> Tuple[Part, ...]:
    """Return a configuration in parts that together are *text* again.

    Args:
        text: the file's text.
        path: the file's name, for errors.

    Raises:
        DecodeFailed: a block is not closed, or wpa_supplicant takes a line for several. The rest of the file can't be
            understood then.
    """
    parts: List[Part] = []
    other: List[str] = []
    block: List[str] = []
    inside = ""  # the line that opened the block that we are in
    opened_at = 0
    for number, line in enumerate(lines_of(text), 1):
        size = size_in(inside)
        check_line(number, line, size, path)
        content = content_of(line, size)
        if not inside:
            if content == NETWORK:
                inside, opened_at, block = content, number, [line]
                if other:
                    parts.append("".join(other))
                    other = []
                continue
            if opens(content):
                inside, opened_at = content, number
            other.append(line)
        elif inside != NETWORK:
            other.append(line)
            inside = "" if content == "}" else inside
        else:
            block.append(line)
            if content == "}":
                parts.append(ConfBlock(block[0], tuple(block[1:-1]), block[-1]))
                inside = ""
    if inside:
        raise DecodeFailed(
            f"the block that begins in line {opened_at} of the configuration is not closed", where=path, remedy=REPAIR
        )
    if other:
        parts.append("".join(other))
    return tuple(parts)


def render(parts: Tuple[Part, ...]) -> str:
    """Return the text of a configuration."""
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def new_block(variables: Mapping[str, str]) -> ConfBlock:
    """Return a block that sets *variables*. An encoder must have made their values."""
    body = tuple(_line("\t", name, value) for name, value in variables.items())
    return ConfBlock("network={\n", body, "}\n")


def append(parts: Tuple[Part, ...], block: ConfBlock) -> Tuple[Part, ...]:
    """Return a configuration with a block added at its end, on a new line."""
    text = render(parts[-1:])
    separator: Tuple[Part, ...] = ("\n",) if text and not text.endswith("\n") else ()
    return (*parts, *separator, block)


def edit(
    block: ConfBlock,
    values: Mapping[str, Optional[str]],
    differs: FrozenSet[str],
    unwanted: FrozenSet[str],
    secrets: FrozenSet[str] = frozenset(),
) -> ConfBlock:
    """Return a block with some variables changed. Comments, indentation and every other line stay.

    There is one exception. When a secret changes, no comment stays that may have a part of the old secret in it.

    Args:
        block: the block.
        values: the values of variables. With None, the block must not set the variable.
        differs: those of these variables that have to change. The lines of the others stay.
        unwanted: further variables that the block must not set.
        secrets: the variables whose values are secrets.
    """
    gone = unwanted | {name for name in differs if values[name] is None}
    pairs = block.assignments
    last = {pair[0]: index for index, pair in enumerate(pairs) if pair is not None}
    body: List[str] = []
    for index, (line, pair) in enumerate(zip(block.body, pairs)):
        name = pair[0] if pair else ""
        # Only one line of such a variable stays, because an earlier line may contain an old secret.
        if name in gone or (name in values and last[name] != index) or _commented_out(line) & differs & secrets:
            continue
        value = values.get(name) if name in differs else None
        body.append(line if value is None else _changed(line, block.size, name, value, secret=name in secrets))
    for name, value in values.items():
        if name in differs and name not in last and value is not None:
            body.append(_line("\t", name, value))
    return replace(block, body=tuple(body))


def _line(indent: str, name: str, value: str, tail: str = "\n") -> str:
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
        # No encoder makes such a value. It would add another line to the configuration.
        raise DecodeFailed(f"a value for {name} has a control character in it")
    return f"{indent}{name}={value}{tail}"


def _changed(line: str, size: int, name: str, value: str, *, secret: bool) -> str:
    """Return a line with another value. The text before and after it, such as a comment, stays.

    For wpa_supplicant, a # behind a quote begins a comment, also where somebody meant it as a part of the secret. So a
    secret's comment stays only if it is certainly none of that.
    """
    content = content_of(line, size)
    start, tail = line.index(content[0]), rest_of(line, size)
    if secret and ('"' in tail or _WHOLE_SECRET.match(content.partition("=")[2]) is None):
        tail = tail[len(tail.rstrip("\r\n")) :]
    return _line(line[:start], name, value, tail)


#: A secret that certainly ends where wpa_supplicant sees its end: text in quotes without a quote in it, or hex.
_WHOLE_SECRET = re.compile(r'(?:"[^"]*"|(?:hash:|ext:)?[0-9A-Fa-f]*)\Z')
#: A variable in a comment. wpa_passphrase writes the passphrase in this way, beside the key that it made.
_COMMENTED_OUT = re.compile(r"[ \t\r#]*#[ \t\r#]*(\w+)[ \t]*=")


def _commented_out(line: str) -> FrozenSet[str]:
    """Return the name of the variable that a comment sets, or an empty set if the line is not such a comment."""
    found = _COMMENTED_OUT.match(line)
    return frozenset() if found is None else frozenset({found.group(1)})


def as_block(text: str) -> ConfBlock:
    """Return the text between networks as a block, so that its settings can be read and edited like variables."""
    return ConfBlock("", tuple(lines_of(text)), "", OUTSIDE)


def settings_of(parts: Iterable[Part]) -> Dict[str, str]:
    """Return the settings of a configuration that are outside of all networks, with their values as written."""
    found: Dict[str, str] = {}
    for part in parts:
        if isinstance(part, str):
            found.update(as_block(part).variables)
    return found


# --- the file -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ConfFile:
    """A configuration file as it was read."""

    #: The file's path, with symbolic links followed.
    path: str
    #: The file's text, or None if there is no file.
    text: Optional[str] = field(repr=False, default=None)
    #: The file's permissions, or None if there is no file.
    mode: Optional[int] = None
    #: Whether it has the right owner and group, which are root's. It is always True for another user than root.
    owned: bool = True
    #: The identity of the file and of its last change: inode number, and ctime in ns.
    identity: Optional[Tuple[int, int]] = None

    @property
    def private(self) -> bool:
        """Whether the right owner, and nobody else, can read and write it."""
        return self.mode == MODE and self.owned


def read(path: str) -> ConfFile:
    """Read a configuration file.

    A symbolic link is followed: its target is read and later replaced, and the link stays.

    Raises:
        AccessDenied: this user may not read the file.
        TransportFailed: it is not a regular file, or is too large, or can't be read.
    """
    target = os.path.realpath(path)
    try:
        # With O_NONBLOCK, opening a pipe does not wait for its other end.
        with open(target, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as handle:
            status = os.fstat(handle.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _SIZE_MAX:
                raise TransportFailed("this is not a configuration file", where=target)
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
    """Replace a configuration file atomically. Readers, and the next boot, find the complete old file or the new one.

    Args:
        path: the file's path, from ``ConfFile.path``.
        text: the new text.

    Returns:
        The new file's identity, as in ``ConfFile``.

    Raises:
        AccessDenied: this user may not write there.
        TransportFailed: the file could not be written. It is unchanged.
    """
    with staged(path, text) as replace_file:
        return replace_file()


@contextmanager
def staged(path: str, text: str) -> Iterator[Callable[[], Tuple[int, int]]]:
    """Do those steps of ``write`` that are likely to fail, for example on a full disk. Yield a function for the rest.

    The new file is written beside the old one, and from the first byte on only its owner can read it. The function that
    is yielded renames it, and returns its identity. If that is not called, the new file is removed. If this process is
    killed in between, the new file stays, and the next run removes it.

    Args:
        path: the file's path, from ``ConfFile.path``.
        text: the new text.

    Raises:
        AccessDenied: this user may not write there. The yielded function raises this, too.
        TransportFailed: the file could not be written. The yielded function raises this, too.
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
    """Write a new file, and make sure that it is on the disk."""
    os.makedirs(os.path.dirname(partial), mode=0o755, exist_ok=True)
    # Its name is always the same. So this removes what a killed run left, which has secrets in it. Only one task at a
    # time changes a laptop's networks.
    try:
        os.unlink(partial)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        what = "the new configuration can't be written, because a folder has this name"
        raise TransportFailed(what, where=partial, remedy="Remove the folder", errno=errno.EISDIR) from None
    # With O_EXCL, a link that somebody put there is not followed, and nothing waits for the other end of a pipe.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(descriptor, MODE)  # the umask may have removed bits
        if os.geteuid() == 0:
            os.fchown(descriptor, 0, 0)
        handle.write(text.encode("utf-8", "surrogateescape"))
        handle.flush()
        os.fsync(descriptor)


def _rename(partial: str, path: str) -> Tuple[int, int]:
    with _reporting(path):
        os.rename(partial, path)
        status = os.stat(path)
    # The new file is in its place. Some file systems can't sync a directory, which is not an error here.
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
    remedy = remedy_for(error, path, "Run the task with become: true")
    if isinstance(error, PermissionError):
        return AccessDenied(f"{user()} may not use the configuration file", where=path, remedy=remedy)
    reason = os.strerror(error.errno) if error.errno else "unknown error"
    what = f"the configuration file can't be used: {reason}"
    return TransportFailed(what, where=path, remedy=remedy, errno=error.errno or 0)
