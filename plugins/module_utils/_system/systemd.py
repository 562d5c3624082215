# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of a service to systemd: its state (sd_notify(3)), and its log (systemd's native journal protocol).

Both are datagrams to a socket. systemd's Python library is not used, because not every distribution installs it.
"""

from __future__ import annotations

import os
import re
import select
import socket
import sys
import time
from contextlib import suppress
from typing import Mapping, Optional

#: The folders of units (systemd.unit(5)), the strongest first, relative to ``/``. The last one counts where ``/lib`` is
#: not another name of ``/usr/lib``.
UNIT_FOLDERS = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)
#: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
_JOURNAL = "/run/systemd/journal/socket"
#: Priorities of syslog(3) by the names that a configuration uses.
PRIORITIES: Mapping[str, int] = {"error": 3, "warning": 4, "info": 6, "debug": 7}


def notify(*assignments: str) -> None:
    """Send lines such as ``READY=1`` to the service manager. It is no error if there is none, or it does not listen."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        # The variable has an @ in the place of the NUL with which an abstract socket's name begins.
        _send("\0" + path[1:] if path.startswith("@") else path, "\n".join(assignments).encode())


class Watchdog:
    """Shows the service manager that the service works. Without a sign in time it kills the service (sd_notify(3)).

    Attributes:
        pause: the longest time in seconds that may pass between two calls of ``tell``. None means any time.
    """

    #: The share of the manager's time that ``pause`` is: sd_watchdog_enabled(3) recommends a half.
    _SHARE = 0.5
    #: After this share, the next sign is due. A handover is a burst of events, and each sign costs systemd and the
    #: watcher half a millisecond on a laptop of 1000 MIPS. Together with ``_SHARE`` it is less than the whole time.
    _DUE = 0.1

    def __init__(self) -> None:
        self._seconds = _watchdog_seconds()
        self._due = 0.0
        self.pause = None if self._seconds is None else self._seconds * self._SHARE

    def tell(self) -> None:
        """Send the sign, unless it was sent a moment ago."""
        now = time.monotonic()
        if self._seconds is not None and now >= self._due:
            self._due = now + self._seconds * self._DUE
            notify("WATCHDOG=1")


def _watchdog_seconds() -> Optional[float]:
    """Return after how many seconds without a sign the service manager kills the service. None means never."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = os.environ.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isdecimal() and int(text) > 0 else None


class Log:
    """Writes log lines for people, with fields for programs. If there is no journal, they go to standard error.

    Neither is waited for. A line that nobody takes is lost, because a handover can't wait for a log.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``. Lines of a lower level are not written.
    """

    def __init__(self, level: str = "info") -> None:
        self.level = level

    def write(self, level: str, message: str, **fields: object) -> None:
        """Write one line.

        Args:
            level: one of :data:`PRIORITIES`.
            message: one sentence.
            fields: journal fields by name, in lower case. Fields whose value is None are left out.
        """
        if PRIORITIES[level] > PRIORITIES[self.level]:
            return
        named = {name.upper(): str(value) for name, value in fields.items() if value is not None}
        entry = {"MESSAGE": message, "PRIORITY": str(PRIORITIES[level]), "SYSLOG_IDENTIFIER": "amt-wifi-watcher"}
        if not _send(_JOURNAL, b"".join(_field(name, value) for name, value in {**entry, **named}.items())):
            _complain(f"{level}: {message}\n")


def _complain(line: str) -> None:
    """Write a line to standard error, unless that would wait or fails.

    systemd connects a service's standard error to the journal. If the journal is stopped, nobody reads there, and once
    the socket is full, a write would wait for ever.
    """
    if sys.stderr is None:  # Python says so if the descriptor was closed at its start
        return
    with suppress(OSError, ValueError):
        try:
            poll = select.poll()
            poll.register(sys.stderr.fileno(), select.POLLOUT)
        except OSError:  # it has no descriptor (io.UnsupportedOperation), so it is in memory
            pass
        else:
            if not any(event & select.POLLOUT for _descriptor, event in poll.poll(0)):
                return
        sys.stderr.write(line)
        sys.stderr.flush()


def _field(name: str, value: str) -> bytes:
    """Return one field as bytes.

    Callers escape line breaks in values. A value that has one all the same is sent with its length before it.
    """
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"


def _send(path: str, data: bytes) -> bool:
    """Send a datagram without waiting. Say whether it was sent."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sock:
            sock.sendto(data, path)
    except OSError:
        return False
    return True


def instance(name: str) -> str:
    """Return a name, escaped as the instance of a unit: ``wpa_supplicant@INSTANCE.service`` (systemd.unit(5))."""
    return "".join(c if re.match(r"[A-Za-z0-9:_.]", c) else "".join(f"\\x{b:02x}" for b in c.encode()) for c in name)
