# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME's own network: its station, which is on the air while CSME owns the NIC, and a cable to the host otherwise.

A real CSME uses the laptop's radio itself. Here its station is another simulated radio with the same MAC address, in a
network namespace of its own. The cable is a TAP device of that namespace: what iwlmei's filters pass on of the host's
traffic comes out of it, and what goes into it, iwlmei sends out of the host's radio.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

#: setns(2), netdevice(7), and linux/if_tun.h.
_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFHWADDR = 0x8913, 0x8914, 0x8924
_IFF_UP = 1
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
_ARPHRD_ETHER = 1
#: ``struct ifreq``: a name of 16 bytes and 24 bytes of what is asked.
_FLAGS = struct.Struct("16sH22x")
_ADDRESS = struct.Struct("16sH6s16x")
#: More than a frame of a network without jumbo frames.
_FRAME_MAX = 2048
#: How long a station may take to leave, in seconds. iwlmei waits 0.5 s for CSME's answer.
_PATIENCE = 0.1
#: hwsim delivers frames only between radios that share a bit: all radios have the first one, and none the second.
_ON_THE_AIR, _SILENCED = 1, 2
_GROUP = "/sys/kernel/debug/ieee80211/{phy}/hwsim/group"
DEAUTH, SILENT = "deauth", "silent"
#: How the station may leave: with a word to the access point, or without.
LEAVES = (DEAUTH, SILENT)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Be in a named network namespace. What is opened there stays there.

    Raises:
        OSError: there is no such namespace.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor: int) -> None:
        if libc.setns(descriptor, _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), namespace)

    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(home.fileno())


class Radio:
    """CSME's station, as :class:`.around.Station`.

    Args:
        interface: its name in its namespace.
        namespace: the namespace's name.
        phy: the name of its radio.
        leave: how it leaves, see :data:`LEAVES`.

    Raises:
        OSError: there is no such namespace or interface.
    """

    def __init__(self, interface: str, namespace: str, phy: str, leave: str) -> None:
        self._name = interface.encode()
        self._group = Path(_GROUP.format(phy=phy))
        self.leaves = leave
        self._silenced = False
        self._worker = ThreadPoolExecutor(max_workers=1)
        with inside(namespace):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._flags()

    def leave(self) -> None:
        """Go off the air, in any case before this returns.

        A driver whose interface comes up waits for CSME with the kernel's RTNL lock, which this needs, too: both radios
        are of one kernel here. Then the station leaves silently.
        """
        if self.leaves == SILENT:
            self._silence()
        try:
            self._worker.submit(self._set, up=False).result(_PATIENCE)
        except NotYet:  # it is Python's own TimeoutError since 3.11
            self._silence()

    def enter(self) -> None:
        """Come back as soon as the kernel lets it. Who runs the station connects it."""
        self._worker.submit(self._return)

    def close(self) -> None:
        """Leave the station as it is."""
        self._worker.shutdown()
        self._socket.close()

    def _silence(self) -> None:
        self._group.write_text(f"{_SILENCED}\n", encoding="ascii")
        self._silenced = True

    def _return(self) -> None:
        if self._silenced:
            self._group.write_text(f"{_ON_THE_AIR}\n", encoding="ascii")
            self._silenced = False
        self._set(up=True)

    def _flags(self) -> int:
        told = fcntl.ioctl(self._socket, _SIOCGIFFLAGS, _FLAGS.pack(self._name, 0))
        flags: int = _FLAGS.unpack(told)[1]
        return flags

    def _set(self, *, up: bool) -> None:
        flags = self._flags() | _IFF_UP if up else self._flags() & ~_IFF_UP
        fcntl.ioctl(self._socket, _SIOCSIFFLAGS, _FLAGS.pack(self._name, flags))


class Cable:
    """CSME's end of the way over the host's radio.

    Args:
        interface: the name of the TAP device to make.
        namespace: where.
        mac: its address, which is the host's.

    Raises:
        OSError: there is no such namespace, or the device can't be made.
    """

    def __init__(self, interface: str, namespace: str, mac: bytes) -> None:
        name = interface.encode()
        with inside(namespace):
            self._descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            fcntl.ioctl(self._descriptor, _TUNSETIFF, _FLAGS.pack(name, _IFF_TAP | _IFF_NO_PI))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                fcntl.ioctl(asking, _SIOCSIFHWADDR, _ADDRESS.pack(name, _ARPHRD_ETHER, mac))

    def fileno(self) -> int:
        """Return the descriptor that can be read when CSME has something to send."""
        return self._descriptor

    def read(self) -> Optional[bytes]:
        """Return the next frame that CSME sends, or None."""
        try:
            return os.read(self._descriptor, _FRAME_MAX)
        except BlockingIOError:
            return None

    def deliver(self, frame: bytes) -> None:
        """Give CSME a frame. It is lost while the device is down, as on any network."""
        try:
            os.write(self._descriptor, frame)
        except OSError:
            return

    def close(self) -> None:
        """Take the device away."""
        os.close(self._descriptor)
