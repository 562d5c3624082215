# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conversion of D-Bus values and errors to Python values and the collection's errors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Optional, Tuple

from .errors import AccessDenied, FleetError, NotFound, SupplicantRefused, TimedOut

#: The bus name of the bus itself.
BUS = "org.freedesktop.DBus"
#: Names of the bus's own errors (dbus-protocol.h): something does not exist, or an answer came too late.
_ABSENT = frozenset(
    f"{BUS}.Error.{name}"
    for name in ("ServiceUnknown", "NameHasNoOwner", "UnknownObject", "UnknownMethod", "UnknownInterface")
)
_SLOW = frozenset(f"{BUS}.Error.{name}" for name in ("NoReply", "Timeout", "TimedOut"))


@dataclass(frozen=True)
class Signal:
    """One signal: the object and interface that it comes from, its name, and its arguments as plain values."""

    path: str
    interface: str
    member: str
    body: Tuple[Any, ...]


def plain(value: Any, signature: str) -> Any:
    """Return a value with each variant in it replaced by the variant's own value.

    Args:
        value: the value as jeepney gives it. There, a variant is a pair of signature and value.
        signature: the D-Bus signature of the value.
    """
    if signature == "v":
        return plain(value[1], value[0])
    if signature.startswith("a{"):
        return {key: plain(held, signature[3:-1]) for key, held in value.items()}
    if signature.startswith("a") and signature != "ay":
        return [plain(held, signature[1:]) for held in value]
    if signature.startswith("("):
        return tuple(plain(held, part) for held, part in zip(value, parts_of(signature[1:-1])))
    return value


def parts_of(signature: str) -> Tuple[str, ...]:
    """Split a signature into its complete types (D-Bus specification, "Type system")."""
    parts = []
    while signature:
        end = 1
        while signature[end - 1 : end] == "a":
            end += 1
        if signature[end - 1] in "({":
            depth = 1
            while depth:
                depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[end], 0)
                end += 1
        parts.append(signature[:end])
        signature = signature[end:]
    return tuple(parts)


def failure(name: str, said: Optional[str], where: str) -> FleetError:
    """Return the collection's error for an answer that is an error.

    Args:
        name: the error's D-Bus name.
        said: the error's text, if it has one.
        where: the service and method that were called.
    """
    what = f"{name.rpartition('.')[2]}: {said}" if said else name
    if name in _ABSENT:
        return NotFound(what, where=where)
    if name == f"{BUS}.Error.AccessDenied" or name.endswith((".PermissionDenied", ".NotAuthorized")):
        as_root = "The bus, or polkit, does not let root do this. Look for its policy, and for SELinux or AppArmor"
        return AccessDenied(what, where=where, remedy=as_root if os.geteuid() == 0 else "Run this as root")
    if name in _SLOW:
        return TimedOut(what, where=where)
    return SupplicantRefused(what, where=where)
