# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encoding and decoding of netlink messages with pyroute2's codec.

The message classes and the walk over the attributes are pyroute2's. This file adds checks that pyroute2 does not make.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import struct
import sys
import types
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._system.errors import DecodeFailed, LibraryMissing

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_LENGTH = struct.Struct("=H")  # nla_len, the first field of struct nlattr
#: The attributes of a message: (number, name, pyroute2 type). The type is one of ``_SIZES``.
Attributes = Tuple[Tuple[int, str, str], ...]
#: The number of payload bytes of each attribute type. None means any number. ``cdata`` is left as bytes.
_SIZES: Dict[str, Optional[int]] = {
    "uint8": 1,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "l2addr": 6,
    "flag": 0,
    "cdata": None,
}


@dataclass(frozen=True)
class Message:
    """One netlink message. ``data`` is the whole message, including the header."""

    kind: int
    flags: int
    sequence: int
    data: bytes


@functools.cache
def load() -> Any:
    """Return the module ``pyroute2.netlink``, loaded without running pyroute2's ``__init__``.

    That ``__init__`` imports all of pyroute2, which takes seconds on a slow laptop. A pyroute2 that is imported already
    is used as it is. Otherwise nothing is left behind in ``sys.modules``, so a later ``import pyroute2`` works as
    usual.

    Raises:
        LibraryMissing: pyroute2 is not installed, or can't be imported.
    """
    try:
        if "pyroute2" in sys.modules:
            return importlib.import_module("pyroute2.netlink")
        return _load_bare()
    except (ImportError, ValueError) as error:  # ValueError: find_spec() on a module without a spec
        raise LibraryMissing(
            f"the Python library pyroute2 can't be used: {error}",
            where=sys.executable,
            remedy="Install the package python3-pyroute2 (0.5.14 or later)",
        ) from error


def _load_bare() -> Any:
    spec = importlib.util.find_spec("pyroute2")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("it is not installed")
    before = set(sys.modules)
    package = types.ModuleType("pyroute2")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["pyroute2"] = package
    try:
        # pyroute2 0.6 keeps its code in a second package, whose __init__ is empty.
        split = importlib.util.find_spec("pyroute2.netlink") is None
        return importlib.import_module("pr2modules.netlink" if split else "pyroute2.netlink")
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in ("pyroute2", "pr2modules"):
                del sys.modules[name]


@functools.cache
def message_class(base: str, attributes: Attributes, fields: Tuple[Tuple[str, str], ...] = ()) -> Any:
    """Make a pyroute2 message class that has only the given attributes. Other attributes are skipped without decoding.

    Args:
        base: ``genlmsg``, ``nlmsg``, or ``nla`` for attributes alone, without a header.
        attributes: see ``Attributes``.
        fields: name and struct format of each field of the fixed header between *base*'s header and the attributes.

    Raises:
        LibraryMissing: see ``load()``.
    """
    library = load()
    namespace: Dict[str, Any] = {
        "__slots__": (),
        "nla_map": attributes,
        "sizes": {name: _SIZES[kind] for _number, name, kind in attributes},
    }
    if base == "nla":
        # pyroute2's class nla has these two parents, and a decode() that fails because there is no header.
        parents: Tuple[Any, ...] = (library.nla_base, library.nlmsg_atoms)
        namespace.update(header=None, start=0)
    else:
        parents = (getattr(library, base),)
        fields = fields or parents[0].fields
        start = HEADER.size + sum(struct.calcsize(format_) for _name, format_ in fields)
        namespace.update(fields=fields, start=start)
    return type(f"fleet_{base}", parents, namespace)


def encode(
    kind: Any,
    header: Mapping[str, int],
    fields: Mapping[str, int],
    attributes: Sequence[Tuple[str, Any]],
) -> bytes:
    """Encode a message of class *kind*. The keys of *header* and *fields* are pyroute2's names."""
    message = kind()
    message["header"] = dict(header)
    message.update(fields)
    message["attrs"] = list(attributes)
    message.encode()
    return bytes(message.data)


def decode(kind: Any, data: bytes, where: str) -> Dict[str, Any]:
    """Decode *data* as class *kind*, and return its fixed fields and attributes by name.

    Attributes that *kind* does not know are skipped. When an attribute occurs twice, the last one counts, as in the
    kernel's own nla_parse(). The flag bits in an attribute's type are ignored, as the kernel ignores them when it
    reads.

    Args:
        kind: see ``message_class()``.
        data: the message.
        where: the name of the message in errors.

    Raises:
        DecodeFailed: *data* is malformed.
    """
    values, wrong = decode_readable(kind, data, where)
    for message in wrong.values():
        raise DecodeFailed(message, where=where)
    return values


#: The key in the errors of ``decode_readable`` for an error of the message as a whole.
WHOLE = ""


def decode_readable(kind: Any, data: bytes, where: str) -> Tuple[Dict[str, Any], Dict[str, str]]:
    """Decode what can be decoded of *data*.

    The arguments are those of ``decode``.

    Returns:
        The fixed fields and attributes as from ``decode``, without those that are malformed; and an error for each that
        is, by its name. If the attributes themselves can't be told apart from some offset on, the error for ``WHOLE``
        says so, and the values are those before that offset.

    Raises:
        DecodeFailed: not even the fixed fields can be read.
    """
    message = _parse(kind, data, where)
    values: Dict[str, Any] = {name: message[name] for name, _format in kind.fields}
    wrong: Dict[str, str] = {}
    sizes = kind.sizes
    try:
        for name, cell in _attributes(message, data, where):
            if name not in sizes:
                continue
            size = sizes[name]
            # pyroute2 reads as many bytes as the type has, into the next attribute if need be.
            if size is not None and cell.length != size + 4:
                told = f"Attribute {name} at offset {cell.offset} has {cell.length - 4} bytes, not {size}"
                wrong.setdefault(name, told)
                continue
            cell.decode()
            values[name] = cell.getvalue()
    except DecodeFailed as error:
        wrong[WHOLE] = error.what
    return {name: value for name, value in values.items() if name not in wrong}, wrong


def elements(data: bytes, where: str) -> Tuple[bytes, ...]:
    """Return the payloads of the attributes in *data*, which is a list: the attributes' numbers have no meaning.

    This does not use pyroute2's own array type, which loops for ever at an element of length 0.

    Raises:
        DecodeFailed: *data* is malformed.
    """
    message = _parse(message_class("nla", ((0, "ELEMENT", "cdata"),)), data, where)
    return tuple(data[cell.offset + 4 : cell.offset + cell.length] for _name, cell in _attributes(message, data, where))


def required(values: Mapping[str, Any], name: str, where: str) -> Any:
    """Return ``values[name]``.

    Raises:
        DecodeFailed: the attribute is missing.
    """
    if name not in values:
        raise DecodeFailed(f"Attribute {name} is missing", where=where)
    return values[name]


def text(data: bytes) -> str:
    """Return a name that the kernel sent, with or without a NUL at its end, decoded as Python decodes file names."""
    return os.fsdecode(data.partition(b"\0")[0])


def _parse(kind: Any, data: bytes, where: str) -> Any:
    """Let pyroute2 split *data* into attributes. The lengths are checked first, so pyroute2 reads only *data*."""
    if len(data) < kind.start or (kind.start and HEADER.unpack_from(data)[0] != len(data)):
        raise DecodeFailed(f"A message of {len(data)} bytes is cut short or has a wrong length", where=where)
    message = kind(data=data, length=len(data))
    message.decode()
    return message


def _attributes(message: Any, data: bytes, where: str) -> Iterator[Tuple[str, Any]]:
    """Yield pyroute2's undecoded attributes, each with its name.

    Every supported version of pyroute2 is lenient with malformed data. It shortens a length that runs past the end, and
    lengthens one below 4, but then decodes by the length as sent. It drops a tail that is too short for an attribute.
    Here all of these are errors.
    """
    end = message.start
    for slot in message["attrs"]:
        name, cell = slot.cell
        if _LENGTH.unpack_from(data, cell.offset)[0] != cell.length:
            raise DecodeFailed(f"Attribute {name} at offset {cell.offset} has a wrong length", where=where)
        end = cell.offset + (cell.length + 3 & ~3)
        yield name, cell
    if len(data) > end:
        raise DecodeFailed(f"{len(data) - end} bytes are left over at offset {end}", where=where)


def split(datagram: bytes, where: str) -> List[Message]:
    """Split a datagram into its messages.

    Raises:
        DecodeFailed: a message's length does not fit.
    """
    messages = []
    offset = 0
    while offset < len(datagram):
        left = len(datagram) - offset
        length, kind, flags, sequence, _port = HEADER.unpack_from(datagram, offset) if left >= 16 else (0, 0, 0, 0, 0)
        if not HEADER.size <= length <= left:
            raise DecodeFailed(f"The message at offset {offset} is cut short or has a wrong length", where=where)
        messages.append(Message(kind, flags, sequence, datagram[offset : offset + length]))
        offset += length + 3 & ~3
    return messages
