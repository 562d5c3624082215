# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's end of the MEI bus: it tells the host of its clients, connects them, and carries what they say."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Callable, Deque, Dict, List, Mapping, Optional, Protocol, Tuple

from . import hbm
from .hbm import Command, Malformed, Message, Properties, Status


class Connection(Protocol):
    """One connection of the host's with a client."""

    def send(self, data: bytes) -> None:
        """Send the host a message; it goes when the host has room for it."""


class Client(Protocol):
    """A client of the engine: what it does when the host speaks to it."""

    @property
    def properties(self) -> Properties:
        """What it is."""

    def connected(self, connection: Connection) -> Status:
        """Take a connection, or say why not."""

    def received(self, connection: Connection, data: bytes) -> None:
        """Take a message of the host's."""

    def disconnected(self, connection: Connection) -> None:
        """Let a connection go, or know that the link was reset."""

    def mapped(self, buffer: int, size: int) -> Status:
        """Take memory of the host's, or refuse it."""

    def unmapped(self, buffer: int) -> None:
        """Let go of memory of the host's, which frees it."""


@dataclass(eq=False)
class _Link:
    """A connection: what waits for the host's room, and what has come of a message so far."""

    client: int
    host: int
    flush: Callable[[_Link], None]
    credits: int = 0
    waiting: Deque[bytes] = field(default_factory=deque)
    partial: bytearray = field(default_factory=bytearray)

    def send(self, data: bytes) -> None:
        self.waiting.append(data)
        self.flush(self)


class Bus:
    """The bus.

    Args:
        clients: by their addresses, 1 to 255.
        buffers: which client memory of a number is for. A request for another number is refused.
        send: takes what goes to the host, one message on the wire at a time.
    """

    def __init__(
        self, clients: Mapping[int, Client], buffers: Mapping[int, int], send: Callable[[bytes], None]
    ) -> None:
        self._clients = dict(clients)
        self._buffers = dict(buffers)
        self._send = send
        self._links: Dict[Tuple[int, int], _Link] = {}
        self._mapped: List[int] = []

    def reset(self) -> None:
        """Forget all connections: the host has reset the link. Memory stays mapped until the host unmaps it."""
        links, self._links = self._links, {}
        for link in links.values():
            self._clients[link.client].disconnected(link)

    def receive(self, wire: bytes) -> None:
        """Take a message from the wire.

        Raises:
            Malformed: it makes no sense.
        """
        message = Message.unpack(wire)
        if (message.client, message.host) == (0, 0):
            self._bus_message(message.data)
            return
        link = self._links.get((message.client, message.host))
        if link is None:
            raise Malformed(f"a message for {message.client} from {message.host}, who are not connected")
        link.partial += message.data
        if message.complete:
            data, link.partial = bytes(link.partial), bytearray()
            self._say(hbm.flow_control(link.client, link.host))
            self._clients[link.client].received(link, data)

    def _say(self, data: bytes) -> None:
        self._send(Message(0, 0, data).pack())

    def _flush(self, link: _Link) -> None:
        while link.credits and link.waiting and self._links.get((link.client, link.host)) is link:
            link.credits -= 1
            for part in hbm.parts(link.client, link.host, link.waiting.popleft()):
                self._send(part.pack())

    def _bus_message(self, data: bytes) -> None:
        if not data:
            raise Malformed("an empty bus message")
        answer = self._ANSWERS.get(data[0])
        if answer is None:
            raise Malformed(f"an unknown bus message {data[0]:#04x}")
        # What is missing is 0: real firmware looks at the structure, whatever the length says.
        answer(self, data.ljust(hbm.PART_MAX, b"\0"))

    def _start(self, data: bytes) -> None:
        minor, major = hbm.VERSION_REQUEST.unpack_from(data)
        supported = (major, minor) <= hbm.VERSION
        self._say(hbm.response(Command.START, int(supported), hbm.VERSION[1], hbm.VERSION[0]))

    def _stop(self, data: bytes) -> None:
        self.reset()
        self._say(hbm.response(Command.STOP, 0, 0, 0))

    def _capabilities(self, data: bytes) -> None:
        self._say(hbm.response(Command.CAPABILITIES, data[1] & hbm.CAPABILITY_CLIENT_DMA, 0, 0))

    def _enumerate(self, data: bytes) -> None:
        self._say(hbm.enumeration(tuple(self._clients)))

    def _properties(self, data: bytes) -> None:
        client = self._clients.get(data[1])
        status, told = (
            (Status.CLIENT_NOT_FOUND, bytes(24)) if client is None else (Status.SUCCESS, client.properties.pack())
        )
        self._say(hbm.response(Command.PROPERTIES, data[1], status, 0, tail=told))

    def _connect(self, data: bytes) -> None:
        address, host = hbm.ENDS.unpack_from(data)
        client = self._clients.get(address)
        status = Status.SUCCESS
        link = _Link(address, host, self._flush)
        taken: Optional[Client] = None
        if client is None:
            status = Status.CLIENT_NOT_FOUND
        elif (address, host) in self._links:
            status = Status.ALREADY_EXISTS
        elif sum(known[0] == address for known in self._links) >= client.properties.connections:
            status = Status.REJECTED
        else:
            status = client.connected(link)
            taken = client if status is Status.SUCCESS else None
        self._say(hbm.response(Command.CONNECT, address, host, status))
        if taken is not None:
            self._links[address, host] = link
            self._say(hbm.flow_control(address, host))
            self._flush(link)

    def _disconnect(self, data: bytes) -> None:
        address, host = hbm.ENDS.unpack_from(data)
        link = self._links.pop((address, host), None)
        if link is not None:
            self._clients[address].disconnected(link)
        self._say(hbm.response(Command.DISCONNECT, address, host, Status.SUCCESS))

    def _flow_control(self, data: bytes) -> None:
        link = self._links.get(hbm.ENDS.unpack_from(data))
        if link is not None:
            link.credits += 1
            self._flush(link)

    def _notify(self, data: bytes) -> None:
        # No client has notifications.
        self._say(hbm.response(Command.NOTIFY, data[1], data[2], Status.NOT_ALLOWED, data[3], 0, 0, 0))

    def _dma_map(self, data: bytes) -> None:
        buffer, _low, _high, size = hbm.DMA_MAP_REQUEST.unpack_from(data)
        address = self._buffers.get(buffer)
        status = Status.REJECTED if address is None else self._clients[address].mapped(buffer, size)
        if status is Status.SUCCESS:
            self._mapped.append(buffer)
        self._say(hbm.response(Command.DMA_MAP, status, 0, 0))

    def _dma_unmap(self, data: bytes) -> None:
        (buffer,) = hbm.DMA_UNMAP_REQUEST.unpack_from(data)
        if buffer in self._mapped:
            self._mapped.remove(buffer)
            self._clients[self._buffers[buffer]].unmapped(buffer)
        self._say(hbm.response(Command.DMA_UNMAP, Status.SUCCESS, 0, 0))

    def _ignore(self, data: bytes) -> None:
        pass

    _ANSWERS: Mapping[int, Callable[[Bus, bytes], None]] = {
        Command.START: _start,
        Command.STOP: _stop,
        Command.CAPABILITIES: _capabilities,
        Command.ENUMERATE: _enumerate,
        Command.PROPERTIES: _properties,
        Command.CONNECT: _connect,
        Command.DISCONNECT: _disconnect,
        Command.FLOW_CONTROL: _flow_control,
        Command.ADD_CLIENT | hbm.RESPONSE: _ignore,
        Command.NOTIFY: _notify,
        Command.DMA_MAP: _dma_map,
        Command.DMA_UNMAP: _dma_unmap,
    }
