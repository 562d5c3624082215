# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes over the wire between the kernel's MEI driver and the engine: headers, and the messages of the bus (HBM).

Names and layouts are those of the kernel's ``drivers/misc/mei/hw.h``. All numbers are little-endian.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import Tuple
from uuid import UUID

#: What one message on the wire takes at most, header included (csme_engine/engine.h, ``CSME_MESSAGE_MAX``).
WIRE_MAX = 512
#: The version of the bus that is spoken, major and minor. 2.2 is the first with client DMA.
VERSION = (2, 2)
#: ``HBM_CAP_CD``: clients may use memory of the host.
CAPABILITY_CLIENT_DMA = 1 << 2

_HEADER = struct.Struct("<I")
_LENGTH_MASK = 0x1FF
_COMPLETE = 1 << 31
#: What is on the wire when the host has reset the link.
RESET = bytes(_HEADER.size)


class Malformed(Exception):
    """A message of the host's that makes no sense; the text says why."""


class Command(enum.IntEnum):
    """Bus messages, ``hbm_cmd``. A response has bit 7 set."""

    START = 0x01
    STOP = 0x02
    ENUMERATE = 0x04
    PROPERTIES = 0x05
    CONNECT = 0x06
    DISCONNECT = 0x07
    FLOW_CONTROL = 0x08
    ADD_CLIENT = 0x0F
    NOTIFY = 0x10
    CAPABILITIES = 0x13
    DMA_MAP = 0x14
    DMA_UNMAP = 0x15


RESPONSE = 0x80


class Status(enum.IntEnum):
    """``enum mei_hbm_status``."""

    SUCCESS = 0
    CLIENT_NOT_FOUND = 1
    ALREADY_EXISTS = 2
    REJECTED = 3
    INVALID_PARAMETER = 4
    NOT_ALLOWED = 5


@dataclass(frozen=True)
class Message:
    """One message on the wire, ``struct mei_msg_hdr`` and what follows it.

    Args:
        client: address of the engine's client; 0 with host 0 is the bus itself.
        host: address of the host's end.
        data: what it says, or a part of that.
        complete: whether this is the last part.
    """

    client: int
    host: int
    data: bytes
    complete: bool = True

    def pack(self) -> bytes:
        """Return it as it goes over the wire."""
        word = self.client | self.host << 8 | len(self.data) << 16 | (_COMPLETE if self.complete else 0)
        return _HEADER.pack(word) + self.data

    @classmethod
    def unpack(cls, wire: bytes) -> Message:
        """Return what came over the wire.

        Raises:
            Malformed: it is shorter than it says.
        """
        if len(wire) < _HEADER.size:
            raise Malformed(f"{len(wire)} bytes are no message")
        (word,) = _HEADER.unpack_from(wire)
        length = word >> 16 & _LENGTH_MASK
        data = wire[_HEADER.size : _HEADER.size + length]
        if len(data) != length:
            raise Malformed(f"a message of {length} bytes has {len(data)}")
        return cls(word & 0xFF, word >> 8 & 0xFF, data, bool(word & _COMPLETE))


#: The most that one message carries.
PART_MAX = WIRE_MAX - _HEADER.size


def parts(client: int, host: int, data: bytes) -> Tuple[Message, ...]:
    """Return the messages that carry *data* to one end of the host's."""
    cuts = range(0, max(len(data), 1), PART_MAX)
    return tuple(Message(client, host, data[at : at + PART_MAX], at + PART_MAX >= len(data)) for at in cuts)


@dataclass(frozen=True)
class Properties:
    """``struct mei_client_properties``: what a client is.

    Args:
        uuid: by which drivers find it.
        version: of its protocol.
        connections: how many there can be. The kernel binds no driver to a client with more than one
            (``drivers/misc/mei/bus-fixup.c``, ``number_of_connections``).
        message_max: the longest message, in bytes.
        fixed_address: its address when it needs no connection; 0 when it does.
    """

    uuid: UUID
    version: int
    connections: int
    message_max: int
    fixed_address: int = 0

    def pack(self) -> bytes:
        """Return it as it stands in a response."""
        return self.uuid.bytes_le + struct.pack(
            "<BBBBI", self.version, self.connections, self.fixed_address, 0, self.message_max
        )


#: ``struct hbm_client_dma_map_request``: buffer, address (low, high), size.
DMA_MAP_REQUEST = struct.Struct("<xBxxIII")
#: ``struct hbm_client_dma_unmap_request``: buffer.
DMA_UNMAP_REQUEST = struct.Struct("<xxBx")
#: ``struct hbm_client_connect_request`` and others: client, host.
ENDS = struct.Struct("<xBB")
#: ``struct hbm_host_version_request``: minor, major.
VERSION_REQUEST = struct.Struct("<xxBB")


def response(command: Command, *rest: int, tail: bytes = b"") -> bytes:
    """Return the response to a command: its bytes after the first, and what follows them."""
    return bytes((command | RESPONSE, *rest)) + tail


def flow_control(client: int, host: int) -> bytes:
    """Return ``struct hbm_flow_control``: one message more may be sent."""
    return bytes((Command.FLOW_CONTROL, client, host)) + bytes(5)


def enumeration(addresses: Tuple[int, ...]) -> bytes:
    """Return ``struct hbm_host_enum_response``: the addresses of all clients that need a connection."""
    bits = sum(1 << address for address in addresses)
    return response(Command.ENUMERATE, 0, 0, 0, tail=bits.to_bytes(32, "little"))
