# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to the system's D-Bus: calls with a timeout, and signals that an event loop can wait for.

jeepney encodes and decodes the messages. It is a library (MIT) that every distribution packages, and that has no
dependencies and no main loop of its own. It is loaded at first use, so machines without NetworkManager do not need it.
The socket is handled here and not by jeepney, because jeepney's own connection greets the bus without a timeout.
"""

from __future__ import annotations

import importlib
import socket
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, Sequence, Tuple, Type

from .dbus_values import BUS, Signal, failure, parts_of, plain
from .errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    LibraryMissing,
    NotFound,
    TimedOut,
    TransportFailed,
)
from .patience import PATIENCE, Patience

#: How many calls are under way at the same time. Every bus allows more than that (the limit of an old dbus-daemon,
#: max_replies_per_connection, was 32). More calls at a time would save no more time.
_AT_ONCE = 16
#: How many bytes are read from the socket at a time.
_CHUNK = 16384

_BUS_PATH = "/org/freedesktop/DBus"
#: The interface of every object's properties.
PROPERTIES = "org.freedesktop.DBus.Properties"


class SystemBus:
    """One connection to the system's bus.

    Args:
        patience: how long to wait for answers. The connection counts as one call.

    Raises:
        LibraryMissing: jeepney is not installed.
        NotFound: no system bus runs.
        AccessDenied, TransportFailed, TimedOut: the bus does not accept the connection.
    """

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self._patience = patience.begun()
        self._signals: Deque[Signal] = deque()
        #: The errors that answered calls of ``begin``: the method's name, and the error.
        self._failures: List[Tuple[str, FleetError]] = []
        #: The calls of ``begin`` that have no answer yet, by serial number: the method's name, and where.
        self._sent: Dict[int, Tuple[str, str]] = {}
        #: The unique bus name of each watched service. Any process may send a signal, so the sender is compared.
        self._owners: Dict[str, str] = {}
        self._serial = 0
        try:
            self._jeepney = importlib.import_module("jeepney")
            self._low = importlib.import_module("jeepney.low_level")
            authentication = importlib.import_module("jeepney.auth")
            address = importlib.import_module("jeepney.bus").get_bus
        except ImportError as error:
            raise LibraryMissing(
                "the Python library jeepney is missing",
                remedy="Install the distribution's package python3-jeepney, which is needed to reach NetworkManager",
            ) from error
        self._fields, self._types = self._low.HeaderFields, self._low.MessageType
        self._parser = self._low.Parser()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(authentication, address)
        except FleetError:
            self.close()
            raise

    def __enter__(self) -> SystemBus:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _connect(self, authentication: Any, address: Callable[[str], str]) -> None:
        """Connect, authenticate and greet the bus, within the time for one answer."""
        try:
            end = self._patience.due()
            self._bound(end)
            self._socket.connect(address("SYSTEM"))
            self._authenticate(authentication, end)
            self.call(BUS, _BUS_PATH, BUS, "Hello")
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotFound("no system bus runs", where="D-Bus") from error
        except PermissionError as error:
            raise AccessDenied("this user may not use the system bus", where="D-Bus") from error
        except socket.timeout as error:
            raise TimedOut("the system bus did not accept the connection in time", where="D-Bus") from error
        except FleetError:
            raise
        except Exception as error:
            # jeepney raises various exceptions for an address or an answer that it does not know.
            raise TransportFailed(f"the system bus accepts no connection: {error}", where="D-Bus") from error

    def _authenticate(self, authentication: Any, end: float) -> None:
        authenticator = authentication.Authenticator()
        for line in authenticator:
            self._socket.sendall(line)
            self._bound(end)
            data = self._socket.recv(4096)
            if not data:
                raise ConnectionResetError("it closed the connection")
            authenticator.feed(data)
        self._socket.sendall(authentication.BEGIN)

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(
        self,
        name: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Tuple[Any, ...] = (),
        *,
        variants: bool = False,
    ) -> Tuple[Any, ...]:
        """Call a method and return its answer, by default as plain values (see ``dbus_values.plain``).

        Args:
            name: the bus name of the service.
            path: the path of the object.
            interface: the interface that the method belongs to.
            member: the method.
            signature: the signature of *body*.
            body: the arguments, as jeepney wants them: a variant is a pair of signature and value.
            variants: return the variants of the answer as such pairs, so that they can be sent again as they are.

        Raises:
            NotFound: there is no such service, object or method.
            AccessDenied: the bus's policy, or the service, does not allow this user the call.
            TimedOut: no answer came in time.
            SupplicantRefused: the service answered with an error of its own.
            TransportFailed, DecodeFailed: the connection to the bus failed.
        """
        end = self._patience.due()
        where = f"D-Bus, {name} {interface}.{member}"
        serial = self._ask(name, path, interface, member, signature, body, end)
        while True:
            answer = self._receive(end, where)
            if answer.header.fields.get(self._fields.reply_serial) == serial:
                break
            self._keep(answer)
        if answer.header.message_type == self._types.error:
            raise self._failure(answer, where)
        return tuple(answer.body) if variants else self._body(answer)

    def call_each(
        self,
        name: str,
        paths: Sequence[str],
        interface: str,
        member: str,
        *,
        variants: bool = False,
        skip: Tuple[Type[FleetError], ...] = (NotFound,),
    ) -> Iterator[Tuple[str, Any]]:
        """Call a method without arguments on several objects. Yield each object's path and first value of its answer.

        The answers come in the order of *paths*. Several calls are under way at the same time, because a single call
        takes most of its time by waiting for the other process.

        Args:
            name: the bus name of the service.
            paths: the paths of the objects.
            interface: the interface that the method belongs to.
            member: the method.
            variants: as for ``call``.
            skip: objects that answer with one of these errors are left out. By default these are objects that are gone.

        Raises:
            AccessDenied, TimedOut, SupplicantRefused, TransportFailed, DecodeFailed: as ``call``, except for *skip*.
        """
        where = f"D-Bus, {name} {interface}.{member}"
        for first in range(0, len(paths), _AT_ONCE):
            end = self._patience.due()
            asked = {
                self._ask(name, path, interface, member, "", (), end): path for path in paths[first : first + _AT_ONCE]
            }
            answers: Dict[int, Any] = {}
            while len(answers) < len(asked):
                answer = self._receive(end, where)
                serial = answer.header.fields.get(self._fields.reply_serial)
                if serial in asked:
                    answers[serial] = answer
                    end = self._patience.due()  # the next answer has its own time; other messages do not extend it
                else:
                    self._keep(answer)
            for serial, path in asked.items():
                answer = answers[serial]
                if answer.header.message_type == self._types.error:
                    failure = self._failure(answer, where)
                    if isinstance(failure, skip):
                        continue
                    raise failure
                yield path, (tuple(answer.body) if variants else self._body(answer))[0]

    def begin(
        self, name: str, path: str, interface: str, member: str, signature: str = "", body: Tuple[Any, ...] = ()
    ) -> None:
        """Call a method without waiting for the answer. ``failures`` returns error answers. Arguments as for ``call``.

        Raises:
            TimedOut, TransportFailed: the bus does not accept the call.
        """
        serial = self._ask(name, path, interface, member, signature, body, self._patience.due())
        self._sent[serial] = member, f"D-Bus, {name} {interface}.{member}"

    def failures(self) -> Tuple[Tuple[str, FleetError], ...]:
        """Return each error that answered a call of ``begin``, once: the method's name and the error."""
        failures, self._failures = tuple(self._failures), []
        return failures

    def get(self, name: str, path: str, interface: str, member: str) -> Any:
        """Return a property. Raises as ``call``."""
        return self.call(name, path, PROPERTIES, "Get", "ss", (interface, member))[0]

    def get_all(self, name: str, path: str, interface: str) -> Dict[str, Any]:
        """Return the properties of an interface by name. Raises as ``call``."""
        found: Dict[str, Any] = self.call(name, path, PROPERTIES, "GetAll", "s", (interface,))[0]
        return found

    def has_owner(self, name: str) -> bool:
        """Say whether a service runs. The service is not started by this. Raises as ``call``."""
        return bool(self.call(BUS, _BUS_PATH, BUS, "NameHasOwner", "s", (name,))[0])

    # -- signals ------------------------------------------------------------------------------------------------------

    def watch(self, name: str) -> None:
        """Begin to watch a service: ``read`` then returns a signal NameOwnerChanged when the service starts or ends.

        Signals of services that are not watched are dropped.

        Raises:
            AccessDenied, TimedOut, TransportFailed, DecodeFailed: as ``call``.
        """
        self._add_match({"sender": BUS, "member": "NameOwnerChanged", "arg0": name})
        try:
            self._owners[name] = self.call(BUS, _BUS_PATH, BUS, "GetNameOwner", "s", (name,))[0]
        except NotFound:
            self._owners[name] = ""

    def subscribe(self, name: str, **match: str) -> None:
        """Ask the bus for signals of a watched service.

        Args:
            name: the bus name of the service.
            match: further conditions, by the keys of D-Bus's match rules: path, interface, member, arg0.

        Raises:
            AccessDenied, TimedOut, TransportFailed: as ``call``.
        """
        self._add_match({"sender": name, **match})

    def _add_match(self, match: Mapping[str, str]) -> None:
        rule = ",".join(f"{key}='{value}'" for key, value in {"type": "signal", **match}.items())
        self.call(BUS, _BUS_PATH, BUS, "AddMatch", "s", (rule,))

    def fileno(self) -> int:
        """Return the descriptor to wait for. Call ``read`` before the first wait: signals may have come already."""
        return self._socket.fileno()

    def read(self) -> Tuple[Signal, ...]:
        """Return the signals that have come, without waiting.

        Raises:
            TransportFailed, DecodeFailed: the connection can't be used any more.
        """
        with suppress(TimedOut):
            while True:
                self._keep(self._receive(0.0, "D-Bus"))
        signals = tuple(self._signals)
        self._signals.clear()
        return signals

    def go_on(self) -> None:
        """Remove the time limit of this connection. A connection that only listens for signals needs none."""
        self._patience = replace(self._patience, end=None)

    def close(self) -> None:
        """Close the connection. A second call does nothing."""
        self._socket.close()

    # -- messages -----------------------------------------------------------------------------------------------------

    def _bound(self, end: float) -> None:
        """Let the socket wait until *end*.

        Raises:
            socket.timeout: that time has passed already.
        """
        left = end - time.monotonic()
        if left <= 0:
            raise socket.timeout
        self._socket.settimeout(left)

    def _ask(
        self, name: str, path: str, interface: str, member: str, signature: str, body: Tuple[Any, ...], end: float
    ) -> int:
        """Send a call and return its serial number."""
        address = self._jeepney.DBusAddress(path, bus_name=name, interface=interface)
        message = self._jeepney.new_method_call(address, member, signature or None, body)
        self._serial += 1
        where = f"D-Bus, {name} {interface}.{member}"
        try:
            self._bound(end)
            self._socket.sendall(message.serialise(serial=self._serial))
        except socket.timeout as error:
            raise TimedOut("no answer in time", where=where) from error
        except OSError as error:
            raise TransportFailed(f"the system bus failed: {error}", where=where, errno=error.errno or 0) from error
        return self._serial

    def _receive(self, end: float, where: str) -> Any:
        """Return the next message. With an *end* in the past, return one only if it has come already.

        Raises:
            TimedOut: no message came.
            TransportFailed, DecodeFailed: the connection can't be used any more.
        """
        try:
            while True:
                message = self._parser.get_next_message()
                if message is not None:
                    return message
                self._socket.settimeout(max(0.0, end - time.monotonic()))
                data = self._socket.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError("it closed the connection")
                self._parser.add_data(data)
        except (socket.timeout, BlockingIOError) as error:
            raise TimedOut("no answer in time", where=where) from error
        except OSError as error:
            raise TransportFailed(f"the system bus failed: {error}", where=where, errno=error.errno or 0) from error
        except Exception as error:  # the parser raises many kinds of exceptions
            raise DecodeFailed(f"the system bus sent a malformed message: {error!r:.80}", where=where) from error

    def _keep(self, message: Any) -> None:
        """Keep a signal, or an error answer to a call of ``begin``. Late answers to other calls are dropped."""
        fields = message.header.fields
        if message.header.message_type == self._types.signal:
            self._keep_signal(fields, self._body(message))
            return
        member, where = self._sent.pop(fields.get(self._fields.reply_serial), ("", ""))
        if member and message.header.message_type == self._types.error:
            self._failures.append((member, self._failure(message, where)))

    def _keep_signal(self, fields: Any, body: Tuple[Any, ...]) -> None:
        sender = fields.get(self._fields.sender, "")
        signal = Signal(
            fields.get(self._fields.path, ""),
            fields.get(self._fields.interface, ""),
            fields.get(self._fields.member, ""),
            body,
        )
        if sender == BUS:
            if signal.member == "NameOwnerChanged" and body[0] in self._owners:
                self._owners[body[0]] = body[2]
                self._signals.append(signal)
        elif sender and sender in self._owners.values():
            self._signals.append(signal)

    def _body(self, message: Any) -> Tuple[Any, ...]:
        signature = message.header.fields.get(self._fields.signature, "")
        try:
            return tuple(plain(value, part) for value, part in zip(message.body, parts_of(signature)))
        except (AttributeError, IndexError, TypeError) as error:
            raise DecodeFailed(f"a message does not fit its signature {signature!r:.80}", where="D-Bus") from error

    def _failure(self, answer: Any, where: str) -> FleetError:
        said = next((part for part in answer.body if isinstance(part, str)), None)
        return failure(answer.header.fields.get(self._fields.error_name, ""), said, where)
