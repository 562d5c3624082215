# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's device file, ``/dev/csme_engine`` of ``kmod/csme_engine/firmware.c``."""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import Optional

from . import hbm

PATH = "/dev/csme_engine"
#: _IO(0xCE, n) of ``csme_engine/engine.h``.
_POWER_ON, _POWER_OFF, _READY, _RESET = (0xCE00 | number for number in (1, 2, 3, 4))
#: ``CSME_BUFFER_SHIFT``: memory of a number begins at this multiple of the number.
_BUFFER_SHIFT = 24


class HostReset(Exception):
    """The host has reset the link, and what was to be sent is void. Reading tells it as well."""


class Device:
    """The device, which this process is the firmware of.

    Args:
        path: of its file.

    Raises:
        OSError: there is none, or somebody else is its firmware (EBUSY).
    """

    def __init__(self, path: str = PATH) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor that can be read when the host has something to say."""
        return self._descriptor

    def close(self) -> None:
        """Be its firmware no longer. The host takes that for a crash, unless the power is off."""
        os.close(self._descriptor)

    def power_on(self) -> None:
        """Let the host find the device."""
        fcntl.ioctl(self._descriptor, _POWER_ON)

    def power_off(self) -> None:
        """Take the device away from the host. Serve it until :meth:`read` returns None: it says goodbye."""
        fcntl.ioctl(self._descriptor, _POWER_OFF)

    def ready(self) -> None:
        """Tell the host that the firmware has started, after a reset."""
        fcntl.ioctl(self._descriptor, _READY)

    def reset(self) -> None:
        """Reset by itself, as after a crash of the firmware. The host's own reset follows."""
        fcntl.ioctl(self._descriptor, _RESET)

    def read(self) -> Optional[bytes]:
        """Return the host's next message, :data:`.hbm.RESET`, or None when there is no device any more."""
        return os.read(self._descriptor, hbm.WIRE_MAX) or None

    def write(self, message: bytes) -> None:
        """Send the host a message.

        Raises:
            HostReset: the link was reset, or the device has gone.
        """
        try:
            os.write(self._descriptor, message)
        except OSError as error:
            # ECONNRESET, or ENODEV: there is no device any more.
            raise HostReset(str(error)) from None

    def memory(self, buffer: int, size: int) -> mmap.mmap:
        """Return memory of the host that it has told of. Close it before the host is told that it may free it."""
        return mmap.mmap(self._descriptor, size, offset=buffer << _BUFFER_SHIFT)
