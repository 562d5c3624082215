# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A system bus with services on it that a test makes up. The client's side is the real jeepney, over a real socket."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional, Tuple

import jeepney
from jeepney.io import blocking
from jeepney.low_level import HeaderFields, Message, MessageType, Parser

Body = Tuple[Any, ...]
Answer = Tuple[str, Body]

_BUS = "org.freedesktop.DBus"


class DBusError(Exception):
    """What a method raises to answer with an error of D-Bus."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(text)
        self.name = name
        self.text = text


class FakeBus:
    """The bus, and every service on it. Each client has a thread of its own, which ends with its connection."""

    def __init__(self) -> None:
        #: Methods by object path and full name; each takes the arguments, and returns signature and body of its answer.
        self.methods: Dict[Tuple[str, str], Callable[..., Optional[Answer]]] = {}
        #: Properties by object path and interface, as D-Bus has them: each a pair of signature and value.
        self.properties: Dict[Tuple[str, str], Dict[str, Tuple[str, Any]]] = {}
        #: What was called, in order: the object's path, the method's name and its arguments.
        self.calls: List[Tuple[str, str, Body]] = []
        #: Methods that get no answer.
        self.silent: List[str] = []
        self._clients: List[socket.socket] = []
        self._connections: List[blocking.DBusConnection] = []
        self._threads: List[threading.Thread] = []

    def connect(self, bus: str = "SYSTEM", **_options: Any) -> blocking.DBusConnection:
        """Return a connection of a new client, as ``open_dbus_connection`` does."""
        mine, theirs = socket.socketpair()
        self._clients.append(mine)
        self._threads.append(threading.Thread(target=self._serve, args=(mine,), daemon=True))
        self._threads[-1].start()
        self._connections.append(blocking.DBusConnection(theirs))
        return self._connections[-1]

    def signal(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> None:
        """Send a signal to every client."""
        message = jeepney.new_signal(
            jeepney.DBusAddress(path, interface=interface), member, signature or None, body
        ).serialise(serial=1)
        for client in self._clients:
            with suppress(OSError):  # it has closed its end
                client.sendall(message)

    def changed(self, path: str, interface: str, **properties: Tuple[str, Any]) -> None:
        """Change properties, and tell so."""
        self.properties.setdefault((path, interface), {}).update(properties)
        body: Body = (interface, properties, [])
        self.signal(path, f"{_BUS}.Properties", "PropertiesChanged", "sa{sv}as", body)

    def hang_up(self) -> None:
        """End every connection."""
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything, also what a test left open."""
        self.hang_up()
        for thread in self._threads:
            thread.join()
        for end in (*self._clients, *self._connections):
            end.close()

    def called(self, member: str) -> List[Body]:
        """Return the arguments of each call of a method."""
        return [body for _path, name, body in self.calls if name == member]

    def _serve(self, client: socket.socket) -> None:
        parser, serial = Parser(), 1
        with suppress(OSError):
            while True:
                data = client.recv(65536)
                if not data:
                    return
                parser.add_data(data)
                while True:
                    message = parser.get_next_message()
                    if message is None:
                        break
                    answer = self._answer(message)
                    if answer is not None:
                        serial += 1
                        client.sendall(answer.serialise(serial=serial))

    def _answer(self, message: Message) -> Optional[Message]:
        fields = message.header.fields
        path, member = fields[HeaderFields.path], fields[HeaderFields.member]
        interface = fields.get(HeaderFields.interface, "")
        assert message.header.message_type == MessageType.method_call
        if interface == _BUS:
            signature, body = ("s", (":1.1",)) if member == "Hello" else ("", ())
            return jeepney.new_method_return(message, signature or None, body)
        self.calls.append((path, member, message.body))
        if member in self.silent:
            return None
        try:
            answer = self._do(path, interface, member, message.body)
        except DBusError as error:
            return jeepney.new_error(message, error.name, "s", (error.text,))
        signature, body = answer or ("", ())
        return jeepney.new_method_return(message, signature or None, body)

    def _do(self, path: str, interface: str, member: str, body: Body) -> Optional[Answer]:
        if interface == f"{_BUS}.Properties":
            known = self.properties.get((path, body[0]))
            if known is None:
                raise DBusError(f"{_BUS}.Error.UnknownObject", f"no object at {path}")
            if member == "GetAll":
                return "a{sv}", (known,)
            if member == "Set":
                signature, value = body[2]
                # As wpa_supplicant does with a network's: what is not named stays.
                known[body[1]] = (signature, {**known[body[1]][1], **value} if signature == "a{sv}" else value)
                return None
            if body[1] not in known:
                raise DBusError(f"{_BUS}.Error.InvalidArgs", f"no property {body[1]}")
            return "v", (known[body[1]],)
        method = self.methods.get((path, f"{interface}.{member}"))
        if method is None:
            raise DBusError(f"{_BUS}.Error.UnknownMethod", f"no {member} at {path}")
        return method(*body)
