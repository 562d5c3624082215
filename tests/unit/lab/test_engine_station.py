# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME's own network: the station leaves and comes back, and the cable carries frames both ways."""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from vpro_lab.engine import station
from vpro_lab.engine.station import DEAUTH, SILENT, Cable, Radio, inside


class Kernel:
    """The kernel's side of the requests about interfaces."""

    def __init__(self) -> None:
        #: The flags of the interface: up, and broadcast, which stays as it is.
        self.flags = 0x0003
        self.seen: List[int] = []
        self.others: List[Any] = []
        #: Whether interfaces can be changed now.
        self.free = threading.Event()
        self.free.set()

    def ioctl(self, descriptor: object, request: int, argument: bytes) -> bytes:
        name, flags = struct.unpack_from("16sH", argument)
        if request == station._SIOCGIFFLAGS:
            return struct.pack("16sH22x", name, self.flags)
        if request == station._SIOCSIFFLAGS:
            assert self.free.wait(60)
            self.flags = flags
            self.seen.append(flags)
        else:
            self.others.append((request, name.rstrip(b"\0"), argument[16:]))
        return argument


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(station, "inside", lambda namespace: nullcontext())
    monkeypatch.setattr(f"{station.__name__}.fcntl.ioctl", made.ioctl)
    monkeypatch.setattr(station, "_GROUP", f"{tmp_path}/{{phy}}")
    return made


@pytest.mark.parametrize(("leave", "gone"), [(DEAUTH, None), (SILENT, "2\n")])
def test_a_station_leaves_and_comes_back(kernel: Kernel, tmp_path: Path, leave: str, gone: str | None) -> None:
    radio, group = Radio("csme0", "csme", "phy2", leave), tmp_path / "phy2"
    radio.leave()
    assert (kernel.flags, group.read_text() if group.exists() else None) == (0x0002, gone)
    radio.enter()
    radio.close()
    assert (kernel.flags, group.read_text() if group.exists() else None) == (0x0003, gone and "1\n")


def test_a_station_that_the_kernel_keeps_waiting_leaves_silently(kernel: Kernel, tmp_path: Path) -> None:
    """As while a driver waits for CSME with the lock that the station needs."""
    radio, group = Radio("csme0", "csme", "phy2", DEAUTH), tmp_path / "phy2"
    kernel.free.clear()
    radio.leave()
    assert (kernel.flags, group.read_text()) == (0x0003, "2\n")
    radio.enter()
    kernel.free.set()
    radio.close()
    assert (kernel.flags, kernel.seen, group.read_text()) == (0x0003, [0x0002, 0x0003], "1\n")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where the frames of the TAP device come out and go in."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    descriptor = os.dup(ours.fileno())
    monkeypatch.setattr(f"{station.__name__}.os.open", lambda path, flags: descriptor)
    yield theirs
    ours.close()
    theirs.close()


def test_a_cable_carries_frames_both_ways(kernel: Kernel, host: socket.socket) -> None:
    cable = Cable("sap1", "csme", bytes.fromhex("020000000000"))
    assert [(request, name) for request, name, _rest in kernel.others] == [
        (station._TUNSETIFF, b"sap1"),
        (station._SIOCSIFHWADDR, b"sap1"),
    ]
    assert kernel.others[0][2][:2] == struct.pack("H", 0x1002)
    assert kernel.others[1][2][:8] == struct.pack("H6s", 1, bytes.fromhex("020000000000"))
    assert cable.read() is None
    host.send(b"from CSME")
    assert cable.read() == b"from CSME"
    cable.deliver(b"for CSME")
    assert host.recv(100) == b"for CSME"
    host.close()
    cable.deliver(b"for nobody")
    assert cable.fileno() >= 0
    cable.close()


def test_a_namespace_that_there_is_not_is_told() -> None:
    with pytest.raises(OSError, match="nowhere"), inside("nowhere"):
        pass
