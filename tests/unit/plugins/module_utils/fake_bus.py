# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A system bus on a real socket, with services that a test makes up. It delivers by match rules, as a bus does."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import jeepney
from jeepney.low_level import HeaderFields, Message, MessageType, Parser

Body = Tuple[Any, ...]
Answer = Tuple[str, Body]

BUS = "org.freedesktop.DBus"
#: The unique name of every service that a test makes up.
SERVICE_NAME = ":1.7"
_RULE = re.compile(r"(\w+)='([^']*)'")


class DBusError(Exception):
    """What a method raises to answer with an error of D-Bus; without a text it carries nothing."""

    def __init__(self, name: str, text: Optional[str] = "") -> None:
        super().__init__(text)
        self.name = name
        self.text = text


class Client:
    """One connection, and the rules by which signals are sent to it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.rules: List[Dict[str, str]] = []

    def wants(self, match: Dict[str, str]) -> bool:
        """Say whether one of the rules lets a signal come."""
        return any(all(match.get(key) == value for key, value in rule.items()) for rule in self.rules)


class FakeBus:
    """The bus, and every service on it.

    Args:
        path: of its socket.
    """

    def __init__(self, path: Path) -> None:
        #: Methods by object path and full name; each takes the arguments, and returns signature and body of its answer.
        self.methods: Dict[Tuple[str, str], Callable[..., Optional[Answer]]] = {}
        #: Properties by object path and interface, as D-Bus has them: each a pair of signature and value.
        self.properties: Dict[Tuple[str, str], Dict[str, Tuple[str, Any]]] = {}
        #: What was called, in order: the object's path, the method's name and its arguments.
        self.calls: List[Tuple[str, str, Body]] = []
        #: Methods that get no answer; "Hello" is the bus's own.
        self.silent: List[str] = []
        #: What happens when such a method is called. A test that moves the clock then need not wait for its end.
        self.when_silent: Optional[Callable[[], None]] = None
        #: Services that do not run.
        self.absent: List[str] = []
        #: What the bus answers to a greeting: a line of the authentication.
        self.greeting = b"OK 00112233445566778899aabbccddeeff\r\n"
        self._clients: List[Client] = []
        self._threads: List[threading.Thread] = []
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        self._listening.listen()
        self._begin(self._accept)

    def signal(
        self, path: str, interface: str, member: str, signature: str = "", body: Body = (), sender: str = ""
    ) -> None:
        """Send a signal of one of the services; *sender* names somebody else, who sends to everybody."""
        message = jeepney.new_signal(jeepney.DBusAddress(path, interface=interface), member, signature or None, body)
        message.header.fields[HeaderFields.sender] = sender or SERVICE_NAME
        match = {"type": "signal", "path": path, "interface": interface, "member": member}
        if body and isinstance(body[0], str):
            match["arg0"] = body[0]
        names = ("org.freedesktop.NetworkManager", "fi.w1.wpa_supplicant1", "org.example.Thing")
        for client in self._clients:
            # Whom a signal is addressed to gets it, whatever its rules.
            if sender or any(client.wants({**match, "sender": name}) for name in names):
                self._send(client, message)

    def owner_changed(self, name: str, owner: str) -> None:
        """Tell that a service began or ended."""
        message = jeepney.new_signal(
            jeepney.DBusAddress("/org/freedesktop/DBus", interface=BUS),
            "NameOwnerChanged",
            "sss",
            (name, ":1.1", owner),
        )
        message.header.fields[HeaderFields.sender] = BUS
        for client in self._clients:
            if client.wants({"type": "signal", "sender": BUS, "member": "NameOwnerChanged", "arg0": name}):
                self._send(client, message)

    def changed(self, path: str, interface: str, **properties: Tuple[str, Any]) -> None:
        """Change properties, and tell so."""
        self.properties.setdefault((path, interface), {}).update(properties)
        body: Body = (interface, properties, [])
        self.signal(path, f"{BUS}.Properties", "PropertiesChanged", "sa{sv}as", body)

    def called(self, member: str) -> List[Body]:
        """Return the arguments of each call of a method."""
        return [body for _path, name, body in self.calls if name == member]

    def hang_up(self) -> None:
        """End every connection."""
        for client in self._clients:
            with suppress(OSError):
                client.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        for thread in list(self._threads):
            thread.join()
        self._listening.close()
        for client in self._clients:
            client.socket.close()

    # -- the bus's own work ---------------------------------------------------------------------------------------

    def _begin(self, work: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = Client(self._listening.accept()[0])
                self._clients.append(client)
                self._begin(self._serve, client)

    @staticmethod
    def _send(client: Client, message: Message) -> None:
        with suppress(OSError):  # it has closed its end
            client.socket.sendall(message.serialise(serial=1))

    def _serve(self, client: Client) -> None:
        with suppress(OSError):
            client.socket.recv(4096)
            client.socket.sendall(self.greeting)
            received = b""
            while not received.startswith(b"BEGIN\r\n"):
                data = client.socket.recv(4096)
                if not data:
                    return
                received += data
            parser = Parser()
            parser.add_data(received[len(b"BEGIN\r\n") :])
            while True:
                message = parser.get_next_message()
                while message is not None:
                    answer = self._answer(client, message)
                    if answer is not None:
                        self._send(client, answer)
                    message = parser.get_next_message()
                data = client.socket.recv(65536)
                if not data:
                    return
                parser.add_data(data)

    def _answer(self, client: Client, message: Message) -> Optional[Message]:
        fields = message.header.fields
        assert message.header.message_type == MessageType.method_call
        path, member = fields[HeaderFields.path], fields[HeaderFields.member]
        interface = fields.get(HeaderFields.interface, "")
        if interface != BUS:
            self.calls.append((path, member, message.body))
        if member in self.silent:
            if self.when_silent is None:
                return None
            self.when_silent()
            # Whoever waits looks at the clock when a message comes.
            return jeepney.new_signal(jeepney.DBusAddress("/", interface="org.example.Nobody"), "Tick")
        try:
            if interface == BUS:
                answer = self._own(client, member, message.body)
            else:
                answer = self._do(path, interface, member, message.body)
        except DBusError as error:
            carried = () if error.text is None else (error.text,)
            return jeepney.new_error(message, error.name, "s" if carried else None, carried)
        signature, body = answer or ("", ())
        return jeepney.new_method_return(message, signature or None, body)

    def _own(self, client: Client, member: str, body: Body) -> Optional[Answer]:
        if member == "Hello":
            return "s", (":1.1",)
        if member == "AddMatch":
            client.rules.append(dict(_RULE.findall(body[0])))
            return None
        if member == "NameHasOwner":
            return "b", (body[0] not in self.absent,)
        assert member == "GetNameOwner"
        if body[0] in self.absent:
            raise DBusError(f"{BUS}.Error.NameHasNoOwner", "nobody")
        return "s", (SERVICE_NAME,)

    def _do(self, path: str, interface: str, member: str, body: Body) -> Optional[Answer]:
        if interface == f"{BUS}.Properties":
            known = self.properties.get((path, body[0]))
            if known is None:
                raise DBusError(f"{BUS}.Error.UnknownObject", f"no object at {path}")
            if member == "GetAll":
                return "a{sv}", (known,)
            if member == "Set":
                signature, value = body[2]
                # As wpa_supplicant does with a network's: what is not named stays.
                known[body[1]] = (signature, {**known[body[1]][1], **value} if signature == "a{sv}" else value)
                return None
            if member != "Get":
                raise DBusError(f"{BUS}.Error.UnknownMethod", f"no {member} of properties")
            if body[1] not in known:
                raise DBusError(f"{BUS}.Error.InvalidArgs", f"no property {body[1]}")
            return "v", (known[body[1]],)
        method = self.methods.get((path, f"{interface}.{member}"))
        if method is None:
            raise DBusError(f"{BUS}.Error.UnknownMethod", f"no {member} at {path}")
        return method(*body)
