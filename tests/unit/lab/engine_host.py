# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host for the engine's unit tests: what iwlmei does, as far as CSME sees it."""

from __future__ import annotations

import struct
from typing import List, Mapping, Tuple

from vpro_lab.engine import sap, shared
from vpro_lab.engine.hbm import Status
from vpro_lab.engine.ownership import Csme
from vpro_lab.engine.sap import Auth, Cipher, Connection, MeMessage, NicOwner, Notification
from vpro_lab.engine.timers import Timers
from vpro_lab.engine.wlan import Wlan

CORP = Connection(b"corp", bytes.fromhex("02aabbccddee"), 6, Auth.RSNA_PSK, Cipher.CCMP)
#: The words of the shared area where each queue's pointers begin: host's notifications and data, CSME's likewise.
H2M, H2M_DATA, M2H, M2H_DATA = 3, 6, 10, 13


class Memory(bytearray):
    """The host's memory, which goes when it is closed."""

    closed = False

    def close(self) -> None:
        """Take note of it: no view may be left."""
        self.append(0)  # BufferError otherwise
        self.closed = True


class Station:
    """CSME's own station, and when it went and came."""

    def __init__(self) -> None:
        self.events: List[str] = []

    def leave(self) -> None:
        self.events.append("leave")

    def enter(self) -> None:
        self.events.append("enter")


class Nic:
    """The NIC's hardware: whether the host uses it, and whether CSME lets it."""

    def __init__(self) -> None:
        self.used = False
        self.held = False

    def in_use(self) -> bool:
        return self.used

    def hold(self, *, held: bool) -> None:
        self.held = held


class Network:
    """CSME's end of the way over the host's radio, and what came out of it."""

    def __init__(self) -> None:
        self.frames: List[bytes] = []

    def deliver(self, frame: bytes) -> None:
        self.frames.append(frame)


class Host:
    """What iwlmei does, as far as CSME sees it.

    Args:
        version: of SAP, which the host has mapped memory for.
        newest: that CSME's firmware knows.
    """

    def __init__(self, version: int = 4, newest: int = 4) -> None:
        self.now = 0.0
        self.timers = Timers(lambda: self.now)
        self.station = Station()
        self.events: List[Tuple[str, Mapping[str, object]]] = []
        self.nic = Nic()
        self.csme = Csme(
            self.timers, lambda event, details: self.events.append((event, details)), self.station, self.nic
        )
        self.wlan = Wlan(self.csme, self._open, lambda *record: None, newest)
        self.csme.attach(self.wlan)
        self.version = version
        self.memory = Memory(shared.size_of(version))
        #: What came over the MEI connection.
        self.messages: List[bytes] = []
        #: What came over the shared area.
        self.told: List[Tuple[int, bytes]] = []

    def _open(self, buffer: int, size: int) -> Memory:
        assert (buffer, size) == (sap.BUFFER, len(self.memory))
        return self.memory

    def send(self, data: bytes) -> None:
        """Take a message of CSME's, as its connection."""
        self.messages.append(data)
        if sap.ME_HEADER.unpack_from(data)[0] == MeMessage.CHECK_SHARED_AREA:
            self.told += self.read(M2H)

    # -- the queues, as iwl_mei_write_cyclic_buf() and iwl_mei_handle_sap_rx() treat them -----------------------------

    def _queue(self, control: int) -> Tuple[int, int]:
        at = shared._CONTROL_SIZE
        for each, size in zip((H2M, H2M_DATA, M2H, M2H_DATA), shared.QUEUES[self.version], strict=True):
            if each == control:
                return at, size
            at += size
        raise AssertionError

    def word(self, index: int, value: int | None = None) -> int:
        """Read a word of the control block, or write it."""
        if value is not None:
            struct.pack_into("<I", self.memory, 4 * index, value)
        read: int = struct.unpack_from("<I", self.memory, 4 * index)[0]
        return read

    def write(self, control: int, message: bytes) -> None:
        """Put a message in, wherever the pointers stand."""
        at, size = self._queue(control)
        write = self.word(control)
        for position, byte in enumerate(message):
            self.memory[at + (write + position) % size] = byte
        self.word(control, (write + len(message)) % size)

    def read(self, control: int) -> List[Tuple[int, bytes]]:
        """Take all messages."""
        at, size = self._queue(control)
        write, read = self.word(control), self.word(control + 1)
        data = bytes(self.memory[at + (read + position) % size] for position in range((write - read) % size))
        self.word(control + 1, write)
        return list(shared._messages(data))

    # -- what it does -------------------------------------------------------------------------------------------------

    def initialize(self) -> None:
        """Write the control block, as iwl_mei_init_shared_mem() does."""
        self.word(0, shared.CONTROL_ID)
        self.word(1, shared._CONTROL_SIZE)
        for control in (H2M, H2M_DATA, M2H, M2H_DATA):
            self.word(control + 2, self._queue(control)[1])
        self.word(sum(self._queue(M2H_DATA)) // 4, shared.CONTROL_ID)

    def start(self) -> None:
        """Map, connect, start."""
        assert self.wlan.mapped(sap.BUFFER, len(self.memory)) is Status.SUCCESS
        self.initialize()
        assert self.wlan.connected(self) is Status.SUCCESS
        self.say_me(MeMessage.START, sap.ME_START.pack(0, 0x100, 0x800, bytes((self.version,))))

    def say_me(self, kind: int, payload: bytes = b"") -> None:
        """Say something over the MEI connection."""
        self.wlan.received(self, sap.ME_HEADER.pack(kind, 1, 0) + payload)

    def say(self, kind: int, payload: bytes = b"", queue: int = H2M) -> List[int]:
        """Say something over the shared area, and ring; return what kinds were answered."""
        self.told.clear()
        self.write(queue, sap.HEADER.pack(kind, len(payload), 1) + payload)
        self.say_me(MeMessage.CHECK_SHARED_AREA)
        return [told[0] for told in self.told]

    def up(self) -> Host:
        """Be a host whose driver has registered."""
        self.start()
        self.say(Notification.WIFIDR_UP)
        self.told.clear()
        return self

    def passes(self, seconds: float) -> List[int]:
        """Let time pass; return what kinds were told meanwhile."""
        self.told.clear()
        self.now += seconds
        self.timers.run()
        return [told[0] for told in self.told]

    def owner(self) -> NicOwner:
        """Return who owns the NIC."""
        return self.csme.state.owner

    def named(self, event: str) -> List[Mapping[str, object]]:
        """Return what is known of events of a name."""
        return [details for name, details in self.events if name == event]
