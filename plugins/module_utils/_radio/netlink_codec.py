# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink's messages as bytes, by pyroute2's codec without the rest of pyroute2.

pyroute2 is loaded at first use, so importing this file never fails for want of it. Message classes and the walk over
attributes are pyroute2's. What is added here is the strictness that it lacks.
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
#: The attributes of a message: (number, name, pyroute2 type), the type one of ``_SIZES``.
Attributes = Tuple[Tuple[int, str, str], ...]
#: Payload bytes of each attribute type; None: any number. ``cdata`` is left as bytes.
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
    """One netlink message: its header and, in ``data``, all of it (header included)."""

    kind: int
    flags: int
    sequence: int
    data: bytes


@functools.cache
def load() -> Any:
    """Return the module ``pyroute2.netlink``, loaded without running pyroute2's ``__init__``.

    That ``__init__`` imports all of pyroute2, which costs seconds on a slow laptop. A pyroute2 that
    is imported already is used as it is; otherwise nothing is left behind in ``sys.modules``, so
    that a later ``import pyroute2`` works as ever.

    Raises:
        LibraryMissing: pyroute2 is not installed, or does not import.
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
    """Make a pyroute2 message class with only the attributes given; the others are skipped unread.

    Args:
        base: ``genlmsg``, ``nlmsg``, or ``nla`` for a bare run of attributes, without a header.
        attributes: see ``Attributes``.
        fields: (name, struct format) of the fixed header between *base*'s and the attributes.

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
        # pyroute2's class nla is these two, and a decode() that trips over the missing header.
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
    """Encode a message of class *kind*; *header* and *fields* are pyroute2's names and numbers."""
    message = kind()
    message["header"] = dict(header)
    message.update(fields)
    message["attrs"] = list(attributes)
    message.encode()
    return bytes(message.data)


def decode(kind: Any, data: bytes, where: str) -> Dict[str, Any]:
    """Decode *data* as class *kind*: fixed fields and attributes by name.

    Attributes that *kind* does not know are skipped. Of an attribute that occurs twice the last one
    counts, as in the kernel's own nla_parse(). The flag bits on an attribute's type are ignored, as
    the kernel ignores them where it reads.

    Raises:
        DecodeFailed: *data* is malformed; *where* names the message.
    """
    message = _parse(kind, data, where)
    values: Dict[str, Any] = {name: message[name] for name, _format in kind.fields}
    sizes = kind.sizes
    for name, cell in _attributes(message, data, where):
        if name not in sizes:
            continue
        size = sizes[name]
        # pyroute2 reads as many bytes as the type has, into the next attribute if need be.
        if size is not None and cell.length != size + 4:
            raise DecodeFailed(
                f"Attribute {name} at offset {cell.offset} has {cell.length - 4} bytes, not {size}", where=where
            )
        cell.decode()
        values[name] = cell.getvalue()
    return values


def elements(data: bytes, where: str) -> Tuple[bytes, ...]:
    """Return the payloads of the attributes in *data*, a list whose attribute numbers mean nothing.

    pyroute2's own array type loops for ever over an element of length 0; this does not use it.

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
    """Return a name that the kernel sent (NUL-terminated or not) as Python represents file names."""
    return os.fsdecode(data.partition(b"\0")[0])


def _parse(kind: Any, data: bytes, where: str) -> Any:
    """Let pyroute2 split *data* into attributes, after making sure that it reads nothing outside of it."""
    if len(data) < kind.start or (kind.start and HEADER.unpack_from(data)[0] != len(data)):
        raise DecodeFailed(f"A message of {len(data)} bytes is cut short or has a wrong length", where=where)
    message = kind(data=data, length=len(data))
    message.decode()
    return message


def _attributes(message: Any, data: bytes, where: str) -> Iterator[Tuple[str, Any]]:
    """Yield pyroute2's undecoded attributes, by name.

    In every supported version pyroute2 trims a length that runs past the end, raises one below 4, and
    then decodes by the length as sent; and it drops a tail too short for an attribute. All are errors here.
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
    """Split what one receive call returned into messages.

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
