# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory that iwlmei and CSME share: four queues, and the block that controls them (``mei/main.c``).

The order of the queues is that of ``iwl_mei_init_shared_mem()``: for each direction the notifications and then the
data. The picture in the same file has it the other way round.
"""

from __future__ import annotations

import struct
from typing import Iterator, List, Optional, Protocol, Tuple

from . import sap

#: ``SAP_CONTROL_BLOCK_ID``, at both ends.
CONTROL_ID = 0x21504153
#: Sizes of the queues by SAP's version: host to CSME notifications and data, CSME to host likewise.
QUEUES = {3: (2240, 48256, 62720, 24128), 4: (32768, 48256, 62720, 24128)}
_PAGE = 4096
#: ``struct iwl_sap_shared_mem_ctrl_blk``: id, size, and for each direction a reserved word and two queues' pointers.
_CONTROL_SIZE = 64
#: The words of each queue's write pointer, read pointer and size (``struct iwl_sap_q_ctrl_blk``).
_CONTROLS = (3, 6, 10, 13)
#: iwlmei reads a notification into one page (``iwl_mei_handle_sap_rx_cmd()``).
NOTIFICATION_MAX = _PAGE - sap.HEADER.size


def size_of(version: int) -> int:
    """Return how much memory a version of SAP takes, in bytes: whole pages."""
    size = _CONTROL_SIZE + sum(QUEUES[version]) + 4
    return -(-size // _PAGE) * _PAGE


def version_of(size: int) -> Optional[int]:
    """Return the version of SAP that takes so much memory; None: there is none."""
    return next((version for version in QUEUES if size_of(version) == size), None)


class Memory(Protocol):
    """Memory as ``mmap`` gives it."""

    def close(self) -> None:
        """Let go of it."""

    def __len__(self) -> int: ...

    def __buffer__(self, flags: int, /) -> memoryview: ...


class QueueCorrupt(Exception):
    """A queue's pointers or messages make no sense; the text says why."""


class Queue:
    """One of the queues, as both sides see it.

    The pointers are read and written as whole words: the other side looks at them at any moment.

    Args:
        words: the memory, word by word.
        control: the word of its write pointer.
        room: its part of the memory.
    """

    def __init__(self, words: memoryview, control: int, room: memoryview) -> None:
        self._words = words
        self._control = control
        self._room = room

    def _pointers(self) -> Tuple[int, int]:
        write, read = self._words[self._control], self._words[self._control + 1]
        if write > len(self._room) or read > len(self._room):
            raise QueueCorrupt(f"pointers {write} and {read} in a queue of {len(self._room)}")
        return write, read

    def read(self) -> List[Tuple[int, bytes]]:
        """Take all messages: their types, and what follows their headers.

        Raises:
            QueueCorrupt: the pointers or a length make no sense. What was there is gone.
        """
        write, read = self._pointers()
        taken = bytes(self._room[read:write]) if read <= write else bytes(self._room[read:]) + bytes(self._room[:write])
        self._words[self._control + 1] = write
        return list(_messages(taken))

    def write(self, message: bytes) -> bool:
        """Put a message in; return False when there is no room for it.

        A queue is never filled to the last byte: the other side would take it for empty.

        Raises:
            QueueCorrupt: the pointers make no sense.
        """
        size = len(self._room)
        write, read = self._pointers()
        write %= size
        free = (read - write - 1) % size
        if len(message) > free:
            return False
        first = min(len(message), size - write)
        self._room[write : write + first] = message[:first]
        self._room[: len(message) - first] = message[first:]
        self._words[self._control] = (write + len(message)) % size
        return True

    @property
    def empty(self) -> bool:
        """Whether the other side has read all."""
        write, read = self._pointers()
        return write == read


def _messages(taken: bytes) -> Iterator[Tuple[int, bytes]]:
    at = 0
    while at < len(taken):
        if len(taken) - at < sap.HEADER.size:
            raise QueueCorrupt(f"{len(taken) - at} bytes are no message")
        kind, length, _sequence = sap.HEADER.unpack_from(taken, at)
        at += sap.HEADER.size
        if len(taken) - at < length:
            raise QueueCorrupt(f"a message {kind} of {length} bytes has {len(taken) - at}")
        yield kind, taken[at : at + length]
        at += length


class SharedArea:
    """The whole area.

    Args:
        memory: as large as :func:`size_of` says.
        version: of SAP.
    """

    def __init__(self, memory: Memory, version: int) -> None:
        self.version = version
        self._memory = memory
        # Native order: pointers are written in one go. The lab's laptops are little-endian, as all with CSME are.
        self._bytes = memoryview(memory)
        self._words = self._bytes[:_CONTROL_SIZE].cast("I")
        self._parts: List[memoryview] = []
        at = _CONTROL_SIZE
        for size in QUEUES[version]:
            self._parts.append(self._bytes[at : at + size])
            at += size
        self._end = at
        self.host_notifications, self.host_data, self.notifications, self.data = (
            Queue(self._words, control, part) for control, part in zip(_CONTROLS, self._parts, strict=True)
        )

    def initialized(self) -> bool:
        """Whether the host has written the identifiers at both ends, and the sizes that this version has."""
        end = struct.unpack_from("<I", self._bytes, self._end)[0]
        sizes = tuple(self._words[control + 2] for control in _CONTROLS)
        return self._words[0] == CONTROL_ID == end and sizes == QUEUES[self.version]

    def close(self) -> None:
        """Let go of the memory, before the host frees it."""
        for part in (*self._parts, self._words, self._bytes):
            part.release()
        self._memory.close()
