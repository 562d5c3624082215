# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's MEI device with a management engine behind it: the clients of the lab's engine, in a thread.

Messages keep their bounds, as on the device. Every test ends by checking that only calls of the list were made.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._firmware.calls import Call, Client
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from vpro_lab.engine.amt import MKHI, PTHI, Amt
from vpro_lab.engine.personality import Personality

CONNECT = 0xC0104801


class Engine:
    """A machine with a management engine, or without one."""

    def __init__(self, root: Path) -> None:
        self.places = Places(str(root))
        self.amt = Amt()
        #: The errors of the next attempts to connect.
        self.errors: List[int] = []
        #: Whether the engine is reset when it is asked next.
        self.resets = False
        self._threads: List[threading.Thread] = []
        self._ends: List[socket.socket] = []
        self._clients: Dict[int, socket.socket] = {}
        self.add("mei0", "mei")
        (root / "run").mkdir()
        self.runs("systemd", 1)

    def add(self, name: str, kind: Optional[str], driver: str = "mei_me") -> None:
        """Add a device."""
        folder = Path(self.places.at("/sys/class/mei", name))
        folder.mkdir(parents=True)
        if kind is not None:
            (folder / "kind").write_text(f"{kind}\n", encoding="ascii")
        of = Path(self.places.at("/sys/bus/pci/drivers", driver))
        of.mkdir(parents=True, exist_ok=True)
        (folder / "device").mkdir()
        (folder / "device" / "driver").symlink_to(of)
        device = Path(self.places.at("/dev", name))
        device.parent.mkdir(exist_ok=True)
        device.write_bytes(b"")

    def remove(self, name: str = "mei0") -> None:
        """Remove a device."""
        folder = Path(self.places.at("/sys/class/mei", name))
        folder.rename(folder.parent.parent / f"gone-{name}")

    def runs(self, comm: str, pid: int = 4711) -> None:
        """Let a program run."""
        folder = Path(self.places.at("/proc", str(pid)))
        folder.mkdir(parents=True)
        (folder / "comm").write_text(f"{comm}\n", encoding="ascii")

    def become(self, personality: Personality) -> None:
        """Be another laptop."""
        self.amt.personality = personality

    def open(self, flags: int) -> int:
        """Open the device."""
        assert flags & os.O_NONBLOCK, "a read could wait for ever"
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        mine.setblocking(False)
        descriptor = mine.detach()
        self._clients[descriptor] = theirs
        self._ends.append(theirs)
        return descriptor

    def connect(self, descriptor: int, uuid: bytes) -> bytes:
        """Connect with a client, as the kernel's ioctl does."""
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        found = {PTHI.bytes_le: self.amt.pthi, MKHI.bytes_le: self.amt.mkhi}[uuid]
        if found is self.amt.pthi and not self.amt.personality.pthi:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        theirs = self._clients[descriptor]

        def serve() -> None:
            while True:
                try:
                    data = theirs.recv(8192)
                except OSError:
                    return
                if not data or self.resets:
                    theirs.close()
                    return
                answer = found.twist(found.answer(data))
                if answer is not None:
                    theirs.send(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self._threads.append(thread)
        # What is left of the UUID follows, as the kernel leaves it.
        return found.properties.message_max.to_bytes(4, "little") + bytes([found.properties.version]) + uuid[5:]

    def end(self) -> None:
        """End, and check what was asked."""
        for each in self._ends:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)
        allowed = {call.command for call in Call if call.client is Client.PTHI}
        assert set(self.amt.asked["pthi"]) <= allowed
        assert set(self.amt.asked["mkhi"]) <= {0x0302}
        assert 0x04000067 not in self.amt.asked["pthi"], "the firmware was asked for its secret"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A laptop with the usual engine, on which nothing waits for longer than a moment."""
    made = Engine(tmp_path)
    ioctl, opened = fcntl.ioctl, os.open

    def fake_ioctl(descriptor: int, request: int, *rest: Any) -> Any:
        return made.connect(descriptor, *rest) if request == CONNECT else ioctl(descriptor, request, *rest)

    def fake_open(path: str, flags: int, *rest: Any, **more: Any) -> int:
        is_device = str(path) == made.places.at("/dev/mei0")
        return made.open(flags) if is_device else opened(path, flags, *rest, **more)

    monkeypatch.setattr(fcntl, "ioctl", fake_ioctl)
    monkeypatch.setattr(os, "open", fake_open)
    yield made
    made.end()
