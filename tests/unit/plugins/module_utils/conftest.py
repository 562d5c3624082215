# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink bytes written by hand, as an oracle for the decoders, and a kernel to talk to; a system bus; a laptop.

Test files import the functions from here by this file's full name.
"""

from __future__ import annotations

import os
import struct
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import KERNEL, PATIENCE, Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

NLM_F_MULTI = 2
#: How long a test waits for an answer, in seconds, where the code waits as it usually does. A busy machine needs long.
BUSY = 60.0


@pytest.fixture(autouse=True)
def _wait_as_long_as_a_busy_machine_needs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the usual patience be longer. A test that is about time gives a patience of its own."""
    if request.module.__name__.endswith("test_patience"):
        yield
        return
    due = Patience.due

    def later(self: Patience, now: Optional[float] = None) -> float:
        usual = self.answer in (PATIENCE.answer, KERNEL.answer)
        return due(replace(self, answer=BUSY) if usual else self, now)

    # pytest's own monkeypatch would be undone after what came later, such as tmp_path.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Patience, "due", later)
        yield


def attribute(number: int, payload: bytes = b"") -> bytes:
    """One netlink attribute, padded; *number* may carry flag bits."""
    return struct.pack("=HH", 4 + len(payload), number) + payload + bytes(-len(payload) % 4)


def u8(number: int, value: int) -> bytes:
    return attribute(number, struct.pack("=B", value))


def u16(number: int, value: int) -> bytes:
    return attribute(number, struct.pack("=H", value))


def u32(number: int, value: int) -> bytes:
    return attribute(number, struct.pack("=I", value))


def message(kind: int, payload: bytes, *, flags: int = 0, sequence: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 0) + payload


def generic(kind: int, command: int, *attributes: bytes, flags: int = 0, sequence: int = 0) -> bytes:
    return message(kind, struct.pack("=BBH", command, 1, 0) + b"".join(attributes), flags=flags, sequence=sequence)


def ack(sequence: int, error: int = 0, explanation: str = "") -> bytes:
    """NLMSG_ERROR, capped, with an extended ack when there is an explanation."""
    payload = struct.pack("=i", -error) + struct.pack("=IHHII", 20, 0, 0, sequence, 0)
    flags = 0x100
    if explanation:
        flags |= 0x200
        payload += attribute(1, explanation.encode() + b"\0")
    return message(2, payload, flags=flags, sequence=sequence)


def done(sequence: int, *, error: int = 0, flags: int = 0) -> bytes:
    return message(3, struct.pack("=i", -error), flags=NLM_F_MULTI | flags, sequence=sequence)


def sequence_of(request: bytes) -> int:
    return int(struct.unpack_from("=I", request, 8)[0])


class Kernel:
    """Stands where the operating system's socket is: takes requests, hands out datagrams.

    The descriptor is a real one, readable exactly while there is a datagram, so that poll() works.
    """

    def __init__(self, answer: Callable[[bytes], Iterable[Any]] = lambda _request: ()) -> None:
        self.answer = answer
        self.requests: List[bytes] = []
        self.groups: List[int] = []
        self.port = 0
        self._queue: List[Any] = []
        self._readable, self._writable = os.pipe()

    def queue(self, datagram: Any) -> None:
        """Add a datagram (bytes), or an exception to raise instead of one."""
        self._queue.append(datagram)
        os.write(self._writable, b"x")

    # what _netlink uses of a socket

    def setblocking(self, blocking: bool) -> None:
        assert not blocking

    def bind(self, address: Tuple[int, int]) -> None:
        assert address == (0, 0)

    def setsockopt(self, level: int, option: int, value: int) -> None:
        assert level == 270
        if option == 1:
            self.groups.append(value)

    def fileno(self) -> int:
        return self._readable

    def close(self) -> None:
        if self._readable >= 0:
            os.close(self._readable)
            os.close(self._writable)
        self._readable = -1

    def sendto(self, data: bytes, address: Tuple[int, int]) -> None:
        assert address == (0, 0)
        self.requests.append(data)
        for datagram in self.answer(data):
            self.queue(datagram)

    def recvmsg_into(self, buffers: List[memoryview]) -> Tuple[int, List[Any], int, Tuple[int, int]]:
        if not self._queue:
            raise BlockingIOError
        os.read(self._readable, 1)
        datagram = self._queue.pop(0)
        if isinstance(datagram, Exception):
            raise datagram
        size = min(len(datagram), len(buffers[0]))
        buffers[0][:size] = datagram[:size]
        return size, [], 0x20 if size < len(datagram) else 0, (self.port, 0)


@pytest.fixture
def fake_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBus]:
    """The system's bus, with nothing on it yet. Its path is short: a socket's has 107 bytes at most."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bus"
        bus = FakeBus(path)
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={path}")
        yield bus
        bus.close()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A laptop without wireless."""
    return Machine(tmp_path)
