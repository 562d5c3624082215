# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The system's D-Bus: calls that wait for a bounded time, and signals as values that an event loop can wait for.

The wire is jeepney's, a library without dependencies or a main loop of its own (MIT) that every distribution packages.
It is loaded at first use: machines without NetworkManager need none of it.
"""

from __future__ import annotations

import importlib
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Deque, Dict, Mapping, Optional, Tuple

from ._errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    LibraryMissing,
    NotFound,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)

#: Seconds that a call waits for its answer unless told otherwise.
DEFAULT_TIMEOUT = 2.0

_BUS = "org.freedesktop.DBus"
_BUS_PATH = "/org/freedesktop/DBus"
#: The interface of every object's properties.
PROPERTIES = "org.freedesktop.DBus.Properties"
#: Errors of the bus itself, by what they mean here (dbus-protocol.h).
_ABSENT = frozenset(
    f"{_BUS}.Error.{name}"
    for name in ("ServiceUnknown", "NameHasNoOwner", "UnknownObject", "UnknownMethod", "UnknownInterface")
)
_SLOW = frozenset(f"{_BUS}.Error.{name}" for name in ("NoReply", "Timeout", "TimedOut"))


@dataclass(frozen=True)
class Signal:
    """One signal: the object and interface that it comes from, its name, and what it carries, plain."""

    path: str
    interface: str
    member: str
    body: Tuple[Any, ...]


def plain(value: Any, signature: str) -> Any:
    """Return a value without the variants around what it holds: D-Bus wraps each in its signature.

    Args:
        value: as jeepney gives it: a variant is a pair of signature and value.
        signature: its D-Bus signature.
    """
    if signature == "v":
        return plain(value[1], value[0])
    if signature.startswith("a{"):
        return {key: plain(held, signature[3:-1]) for key, held in value.items()}
    if signature.startswith("a") and signature != "ay":
        return [plain(held, signature[1:]) for held in value]
    if signature.startswith("("):
        return tuple(plain(held, part) for held, part in zip(value, _parts(signature[1:-1])))
    return value


def _parts(signature: str) -> Tuple[str, ...]:
    """Return the complete types that a signature is made of (D-Bus specification, "Type system")."""
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


class SystemBus:
    """One connection to the system's bus.

    Args:
        timeout: seconds for each answer.
        deadline: when all answers have to be there, by ``time.monotonic``; None: never.

    Raises:
        LibraryMissing: jeepney is not installed.
        NotFound: no bus runs.
        AccessDenied, TransportFailed, TimedOut: it does not take the connection.
    """

    def __init__(self, timeout: float = DEFAULT_TIMEOUT, deadline: Optional[float] = None) -> None:
        self._timeout = timeout
        self._deadline = deadline
        self._signals: Deque[Signal] = deque()
        try:
            self._jeepney = importlib.import_module("jeepney")
            blocking = importlib.import_module("jeepney.io.blocking")
            numbers = importlib.import_module("jeepney.low_level")
        except ImportError as error:
            raise LibraryMissing(
                "the Python library jeepney is missing",
                remedy="Install the distribution's own (python3-jeepney): NetworkManager is reached with it",
            ) from error
        self._fields, self._types = numbers.HeaderFields, numbers.MessageType
        try:
            self._connection = blocking.open_dbus_connection("SYSTEM", auth_timeout=self._end() - time.monotonic())
        except FileNotFoundError as error:
            raise NotFound("no system bus runs", where=str(error.filename or "D-Bus")) from error
        except PermissionError as error:
            raise AccessDenied("the system bus is not for this user", where="D-Bus") from error
        except TimeoutError as error:
            raise TimedOut("the system bus did not take the connection in time", where="D-Bus") from error
        except (OSError, ValueError) as error:
            raise TransportFailed(f"the system bus takes no connection: {error}", where="D-Bus") from error

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(
        self, name: str, path: str, interface: str, member: str, signature: str = "", body: Tuple[Any, ...] = ()
    ) -> Tuple[Any, ...]:
        """Call a method; return what it answers, plain.

        Args:
            name: the service's bus name.
            path: the object's.
            interface: the interface that the method belongs to.
            member: the method.
            signature: of *body*.
            body: the arguments, as jeepney wants them: a variant is a pair of signature and value.

        Raises:
            NotFound: the service, object or method is not there.
            AccessDenied: the bus's policy, or the service, does not let this user.
            TimedOut: no answer in time.
            SupplicantRefused: the service answered with an error of its own.
            TransportFailed, DecodeFailed: the bus.
        """
        where = f"D-Bus, {name} {interface}.{member}"
        address = self._jeepney.DBusAddress(path, bus_name=name, interface=interface)
        message = self._jeepney.new_method_call(address, member, signature or None, body)
        deadline = self._end()
        try:
            serial = next(self._connection.outgoing_serial)
            self._connection.send(message, serial=serial)
            while True:
                answer = self._connection.receive(timeout=max(0.0, deadline - time.monotonic()))
                if answer.header.fields.get(self._fields.reply_serial) == serial:
                    break
                self._keep(answer)
        except (TimeoutError, socket.timeout) as error:
            raise TimedOut("no answer in time", where=where) from error
        except OSError as error:
            raise TransportFailed(f"the system bus failed: {error}", where=where, errno=error.errno or 0) from error
        if answer.header.message_type == self._types.error:
            raise self._failure(answer, where)
        return self._body(answer)

    def get(self, name: str, path: str, interface: str, member: str) -> Any:
        """Return a property. Raises as ``call``."""
        return self.call(name, path, PROPERTIES, "Get", "ss", (interface, member))[0]

    def get_all(self, name: str, path: str, interface: str) -> Dict[str, Any]:
        """Return the properties of an interface by name. Raises as ``call``."""
        found: Dict[str, Any] = self.call(name, path, PROPERTIES, "GetAll", "s", (interface,))[0]
        return found

    def put(self, name: str, path: str, interface: str, member: str, value: Tuple[str, Any]) -> None:
        """Set a property to *value*, a pair of signature and value. Raises as ``call``."""
        self.call(name, path, PROPERTIES, "Set", "ssv", (interface, member, value))

    # -- signals ------------------------------------------------------------------------------------------------------

    def subscribe(self, name: str, **match: str) -> None:
        """Let signals of a service come.

        Args:
            name: the service's bus name.
            match: what they have to be besides, by the keys of D-Bus's match rules: path, interface, member, arg0.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed: as ``call``.
        """
        self._add_match({"sender": name, **match})

    def watch(self, name: str) -> None:
        """Let the signal NameOwnerChanged come when a service begins or ends. Raises as ``subscribe``."""
        self._add_match({"sender": _BUS, "member": "NameOwnerChanged", "arg0": name})

    def _add_match(self, match: Mapping[str, str]) -> None:
        rule = ",".join(f"{key}='{value}'" for key, value in {"type": "signal", **match}.items())
        self.call(_BUS, _BUS_PATH, _BUS, "AddMatch", "s", (rule,))

    def fileno(self) -> int:
        """Return the descriptor to wait for. Signals may be held already: ``read`` before the first wait."""
        number: int = self._connection.sock.fileno()
        return number

    def read(self) -> Tuple[Signal, ...]:
        """Return the signals that have come, without waiting.

        Raises:
            TransportFailed: the connection is over.
        """
        try:
            while True:
                self._keep(self._connection.receive(timeout=0))
        except (TimeoutError, socket.timeout):
            pass
        except OSError as error:
            raise TransportFailed(f"the system bus ended: {error}", where="D-Bus", errno=error.errno or 0) from error
        signals = tuple(self._signals)
        self._signals.clear()
        return signals

    def close(self) -> None:
        """End the connection; a second call does nothing."""
        self._connection.close()

    def _end(self) -> float:
        """Return when an answer to what is asked now has to be there."""
        end = time.monotonic() + self._timeout
        return end if self._deadline is None else min(end, self._deadline)

    def _keep(self, message: Any) -> None:
        if message.header.message_type != self._types.signal:
            return  # the late answer to a call that was given up
        fields = message.header.fields
        self._signals.append(
            Signal(
                fields.get(self._fields.path, ""),
                fields.get(self._fields.interface, ""),
                fields.get(self._fields.member, ""),
                self._body(message),
            )
        )

    def _body(self, message: Any) -> Tuple[Any, ...]:
        signature = message.header.fields.get(self._fields.signature, "")
        try:
            return tuple(plain(value, part) for value, part in zip(message.body, _parts(signature)))
        except (AttributeError, IndexError, TypeError) as error:
            raise DecodeFailed(f"a message's body is not of its signature {signature!r:.80}", where="D-Bus") from error

    def _failure(self, answer: Any, where: str) -> FleetError:
        name: str = answer.header.fields.get(self._fields.error_name, "")
        said: Optional[str] = next((part for part in answer.body if isinstance(part, str)), None)
        what = f"{name.rpartition('.')[2]}: {said}" if said else name
        if name in _ABSENT:
            return NotFound(what, where=where)
        if name == f"{_BUS}.Error.AccessDenied" or name.endswith((".PermissionDenied", ".NotAuthorized")):
            return AccessDenied(what, where=where, remedy="Run this as root")
        if name in _SLOW:
            return TimedOut(what, where=where)
        return SupplicantRefused(what, where=where)
