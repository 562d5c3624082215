# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's clients that tell of AMT: PTHI and MKHI. They note every command that they ever got."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import Callable, Dict, List, Mapping, Optional, Protocol
from uuid import UUID

from .bus import Connection
from .hbm import Properties, Status
from .personality import SECRET, USUAL, Personality, text

PTHI = UUID("12f80028-b4b7-4b2d-aca8-46e0ff65814c")
MKHI = UUID("8e6a6715-9abc-4043-88ef-9e39c6f63e0f")

#: AMTHI_MESSAGE_HEADER: version, reserved, command, length of what follows.
_HEADER = struct.Struct("<HHII")
_CLASS, _ANSWER = 0x04000000, 0x00800000
#: AMT_STATUS_INVALID_AMT_MODE stands for a command that this firmware does not know.
_UNKNOWN = 3
#: How the samples of the kernel, LMS and the collection may use PTHI at a time.
_CONNECTIONS = 2


#: What can become of an answer: it is sent as it is, or is cut, or has more than it says, or never comes.
TWISTS: Dict[str, Callable[[bytes], Optional[bytes]]] = {
    "none": lambda answer: answer,
    "short": lambda answer: answer[:-1],
    "long": lambda answer: answer + b"\0",
    "empty": lambda answer: answer[:4],
    "never": lambda answer: None,
}


class Owner(Protocol):
    """Who the firmware is at the moment."""

    personality: Personality


class _Teller(ABC):
    """A client that answers each question at once."""

    properties: Properties

    def __init__(self, owner: Owner, note: Callable[[int], None]) -> None:
        self._owner = owner
        self._note = note
        #: What happens to an answer before it is sent, see :data:`TWISTS`.
        self.twist = TWISTS["none"]

    def connected(self, connection: Connection) -> Status:
        """See :class:`.bus.Client`."""
        del connection
        return Status.SUCCESS if self._is_there() else Status.CLIENT_NOT_FOUND

    def received(self, connection: Connection, data: bytes) -> None:
        """Answer."""
        answer = self.twist(self.answer(data))
        if answer is not None:
            connection.send(answer)

    def disconnected(self, connection: Connection) -> None:
        """See :class:`.bus.Client`."""
        del connection

    def mapped(self, buffer: int, size: int) -> Status:
        """Refuse: there is no use for the host's memory."""
        del buffer, size
        return Status.REJECTED

    def unmapped(self, buffer: int) -> None:
        """See :class:`.bus.Client`."""
        del buffer

    @abstractmethod
    def answer(self, data: bytes) -> bytes:
        """Return the answer to a question."""

    def _is_there(self) -> bool:
        return True


class Pthi(_Teller):
    """AMT's host interface."""

    properties = Properties(PTHI, 1, _CONNECTIONS, 5120)

    def _is_there(self) -> bool:
        return self._owner.personality.pthi

    def answer(self, data: bytes) -> bytes:
        """Return the answer to a question."""
        version, _reserved, command, length = _HEADER.unpack_from(data.ljust(_HEADER.size, b"\0"))
        self._note(command)
        number = command & ~_CLASS
        teller = self._TELLERS.get(number)
        status = self._owner.personality.refuses.get(number, 0 if teller and command & _CLASS else _UNKNOWN)
        told = b"" if status or teller is None else teller(self, data[_HEADER.size : _HEADER.size + length])
        body = struct.pack("<I", status) + told
        return _HEADER.pack(version, 0, command | _ANSWER, len(body)) + body

    @property
    def _who(self) -> Personality:
        return self._owner.personality

    def _hash(self, argument: bytes) -> bytes:
        return self._who.trusted[_number(argument) - 1].pack()

    def _handles(self, _argument: bytes) -> bytes:
        handles = range(1, len(self._who.trusted) + 1)
        return struct.pack(f"<{len(handles) + 1}I", len(handles), *handles)

    def _remote(self, _argument: bytes) -> bytes:
        network, connection, trigger, mps = self._who.remote
        return struct.pack("<III", network, connection, trigger) + text(mps)

    def _account(self, _argument: bytes) -> bytes:
        return b"$$OsAdmin".ljust(33, b"\0") + SECRET.encode().ljust(33, b"\0")

    _TELLERS: Mapping[int, Callable[[Pthi, bytes], bytes]] = {
        0x08: lambda self, _: struct.pack("<IB", self._who.mode, 0),
        0x11: lambda self, _: struct.pack("<I", self._who.provisioning),
        0x1A: lambda self, _: self._who.code_versions(),
        0x1B: lambda self, _: self._who.security(),
        0x2C: _handles,
        0x2D: _hash,
        0x36: lambda self, _: text(self._who.dns_suffix),
        0x46: _remote,
        0x48: lambda self, argument: self._who.lan(_number(argument)),
        0x58: lambda self, _: struct.pack("<I", self._who.redirection),
        0x5C: lambda self, _: self._who.uuid_bytes(),
        0x67: _account,
        0x6B: lambda self, _: struct.pack("<I", self._who.control),
    }


class Mkhi(_Teller):
    """The firmware's kernel. It knows the rules about features, and nothing else."""

    properties = Properties(MKHI, 2, _CONNECTIONS, 2048)

    def answer(self, data: bytes) -> bytes:
        """Return the answer to a question."""
        group, command, _reserved, _result = data[:4].ljust(4, b"\0")
        rule = _number(data[4:])
        self._note(group << 8 | command)
        told = {
            0: self._owner.personality.features(enabled=False),
            29: self._owner.personality.brand << 12 | 4 << 8 | 1,
            32: self._owner.personality.features(enabled=True),
        }.get(rule)
        if (group, command) != (3, 2) or told is None:
            return bytes((group, command | 0x80, 0, 0x8D))
        return bytes((group, command | 0x80, 0, 0)) + struct.pack("<IBI", rule, 4, told)


def _number(data: bytes) -> int:
    return int.from_bytes(data[:4], "little")


class Amt:
    """All that the engine knows of AMT: who it is, and who tells.

    Attributes:
        personality: who it is.
        asked: each command that PTHI and MKHI ever got.
    """

    def __init__(self, personality: Personality = USUAL) -> None:
        self.personality = personality
        self.asked: Dict[str, List[int]] = {"pthi": [], "mkhi": []}
        self.pthi = Pthi(self, self.asked["pthi"].append)
        self.mkhi = Mkhi(self, self.asked["mkhi"].append)
