# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The device of the management engine, and one connection with one of its clients. Every wait has an end.

Sources: ``include/uapi/linux/mei.h`` and ``drivers/misc/mei/main.c`` of the kernel.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import time
from contextlib import suppress
from types import TracebackType
from typing import Dict, Optional, Type

from .._system.denied import remedy_for
from .._system.errors import AccessDenied, FleetError, NotFound, TimedOut, TransportFailed
from .._system.files import list_folder, read_text
from .._system.places import PLACES, Places
from .._system.process import running
from .calls import Call, Client, decode, encode

#: IOCTL_MEI_CONNECT_CLIENT: _IOWR('H', 1, struct mei_connect_client_data), which has 16 bytes.
_CONNECT = 0xC0104801
#: struct mei_client: max_msg_length, protocol_version. It takes the place of the UUID.
_PROPERTIES = struct.Struct("=IB")
#: The kind of the engine that AMT is in. Others are those of graphics and sensors. Linux 5.8 and newer tell the kind.
_KIND = "mei"
#: The driver of that engine. It counts where the kernel does not tell the kind.
_DRIVER = "mei_me"
#: Seconds to wait for one answer. The firmware answers within milliseconds. The kernel's sample waits for as long.
ANSWER_SECONDS = 2.0
#: Seconds between two attempts to connect. Intel's LMS connects for each call, and lets go at once.
_PAUSE = 0.1
#: The program of Intel's local service.
_LMS = "lms"
_FOR_ROOT = "Run as root, who alone may use the management engine"
#: Bytes for one answer at most, whatever the engine says.
_ANSWER_MAX = 64 * 1024


def find_device(places: Places = PLACES) -> str:
    """Return the name of the device in which AMT would be (``mei0``).

    Raises:
        NotFound: there is none. The machine has no engine, or its driver is not loaded.
        AccessDenied, TransportFailed: sysfs can't be read.
    """
    folder = places.at("/sys/class/mei")
    for name in sorted(name for name in list_folder(folder) if name.startswith("mei")):
        kind = _attribute(os.path.join(folder, name, "kind"))
        driver = os.path.basename(os.path.realpath(os.path.join(folder, name, "device/driver")))
        if kind == _KIND or (kind is None and driver == _DRIVER):
            return name
    raise NotFound("the kernel shows no management engine", where=folder, remedy="Load mei_me if it is only not loaded")


def version(device: str, places: Places = PLACES) -> Optional[str]:
    """Return the version of the firmware that runs, from sysfs, or None if the kernel does not tell it.

    Args:
        device: the name of the device.
        places: where the files are.
    """
    # Three lines: the firmware that runs, that of recovery, that of the manufacturer. In front stands the platform.
    lines = (_attribute(places.at("/sys/class/mei", device, "fw_ver")) or "").splitlines()
    told = lines[0].rpartition(":")[2] if lines else ""
    # There are zeros where the driver has not asked the firmware.
    return told if told.strip("0.") else None


def check_access(device: str, places: Places = PLACES) -> None:
    """Do nothing if this user may use the device.

    Raises:
        AccessDenied: the user may not.
    """
    path = places.at("/dev", device)
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        raise AccessDenied("this user may not use the management engine", where=path, remedy=_FOR_ROOT)


def _attribute(path: str) -> Optional[str]:
    with suppress(NotFound):
        return read_text(path).strip() or None
    return None


def who_is_in_the_way(places: Places = PLACES) -> str:
    """Return the remedy for an engine that is in use: it names Intel's LMS if that runs."""
    runs = False
    with suppress(FleetError):
        runs = lms_runs(places)
    if runs:
        return "Intel's LMS (lms) runs and uses the same client. Run the task again, or stop that service meanwhile"
    return "Another program uses this client. Find it with: fuser -v /dev/mei*"


def lms_runs(places: Places = PLACES) -> bool:
    """Say whether Intel's local service (LMS) runs.

    Raises:
        NotFound, AccessDenied, TransportFailed: see ``process.running``.
    """
    return bool(running({_LMS}, places.root))


class Connection:
    """A connection with one client of the engine.

    After a question without an answer, it is of no more use, because the answer may come late.

    Args:
        client: the client.
        device: the name of the device.
        end: the time, by ``time.monotonic``, until which all answers must have come.
        places: where the files are.

    Raises:
        NotFound: the engine has no such client.
        AccessDenied: this user may not use the device.
        TimedOut: somebody else used the client all the time.
        TransportFailed: the engine is not enabled, is being reset, or something else failed.
    """

    def __init__(self, client: Client, device: str, end: float, places: Places = PLACES) -> None:
        self._client, self._end, self._places = client, end, places
        self._path = places.at("/dev", device)
        self._failed: Optional[FleetError] = None
        self._poll = select.poll()
        self._fd = -1
        self._longest = self._connect()
        self._poll.register(self._fd, select.POLLIN)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    @property
    def usable(self) -> bool:
        """Whether another call can be made."""
        return self._failed is None

    def close(self) -> None:
        """End the connection. It may be closed more than once."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def ask(self, call: Call, argument: Optional[int] = None) -> bytes:
        """Make a call, and return what the answer says.

        Args:
            call: one of this client's.
            argument: see ``calls.encode``.

        Raises:
            FirmwareRefused: the firmware says that it did not do it. The connection can be used again.
            DecodeFailed: the answer is not a whole one to this question.
            TimedOut: no answer came in time.
            TransportFailed: the engine was reset meanwhile, or something else failed.
        """
        if self._failed is not None:
            raise self._failed
        try:
            answer = self._exchange(call, encode(call, argument))
        except FleetError as error:
            self._failed = error
            raise
        return decode(call, answer)

    def _connect(self) -> int:
        due = min(time.monotonic() + ANSWER_SECONDS, self._end)
        while True:
            try:
                self._fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                # The kernel itself waits for the engine's answer here, 15 s at most (MEI_CL_CONNECT_TIMEOUT).
                told = fcntl.ioctl(self._fd, _CONNECT, self._client.value.bytes_le)
                return min(int(_PROPERTIES.unpack_from(told)[0]), _ANSWER_MAX)
            except OSError as error:
                self.close()
                if error.errno != errno.EBUSY:
                    raise self._error(error, f"{self._client.name} of the engine can't be reached") from error
            if time.monotonic() + _PAUSE > due:
                raise TimedOut(
                    f"{self._client.name} of the engine is in use",
                    where=self._path,
                    remedy=who_is_in_the_way(self._places),
                )
            time.sleep(_PAUSE)

    def _exchange(self, call: Call, question: bytes) -> bytes:
        due = min(time.monotonic() + ANSWER_SECONDS, self._end)
        try:
            os.write(self._fd, question)
            while True:
                ready = self._poll.poll(max(0.0, due - time.monotonic()) * 1000)
                if not ready:
                    raise TimedOut(f"the firmware did not answer {call.name}", where=self._path)
                with suppress(BlockingIOError):
                    return os.read(self._fd, self._longest)
        except OSError as error:
            raise self._error(error, f"{call.name} can't be asked") from error

    def _error(self, error: OSError, what: str) -> FleetError:
        text = f"{what}: {error.strerror}"
        if error.errno in (errno.EACCES, errno.EPERM):
            remedy = remedy_for(error, self._path, _FOR_ROOT)
            return AccessDenied(text, where=self._path, remedy=remedy)
        if error.errno == errno.ENOTTY:
            return NotFound(f"the engine has no {self._client.name}", where=self._path)
        return TransportFailed(
            text, where=self._path, remedy=_REMEDIES.get(error.errno or 0, ""), errno=error.errno or 0
        )


_REMEDIES: Dict[int, str] = {
    errno.ENODEV: "The engine is switched off, or is being reset. Run the task again",
    errno.ENOENT: "The kernel shows the engine, but there is no device. Look whether udev runs",
    errno.EMFILE: "Too many programs use the engine. Find them with: fuser -v /dev/mei*",
}
