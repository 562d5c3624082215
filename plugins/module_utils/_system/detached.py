# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that is carried to its end even if the connection of the Ansible task breaks.

A task that hands a radio over, or changes its networks, may use that radio itself: its ssh connection can break in the
middle. A handover must not stop there. So the work runs in a process with a session of its own, which does not get the
hang-up signal when the controller's connection ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional

from .errors import TimedOut, TransportFailed

#: The child process closes inherited descriptors below this number. A freshly started Ansible module has no others.
_MAX_DESCRIPTOR = 256


def run_detached(work: Callable[[], Dict[str, Any]], timeout: float) -> Dict[str, Any]:
    """Run *work* in a process with a session of its own, and return its result.

    Args:
        work: the function to run. It returns a mapping of JSON types, and handles its own errors. An exception that
            leaves it is reported as :class:`TransportFailed` with the exception's text.
        timeout: seconds to wait for the result. After that, the work goes on, but its result is lost.

    Raises:
        TimedOut: no result came within *timeout*.
        TransportFailed: the work ended without a result.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(work, writer)
    os.close(writer)
    try:
        data = _read_all(reader, timeout)
    finally:
        os.close(reader)
    if data is None:
        raise TimedOut(
            f"the work on this laptop did not end within {timeout:.0f} s, and goes on in process {pid}",
            remedy="Run the task again to see how it ended.",
        )
    status = os.waitpid(pid, 0)[1]
    if not data:
        raise TransportFailed(f"the process that does the work ended without a result (wait status {status})")
    try:
        result: Dict[str, Any] = json.loads(data)
    except ValueError:
        raise TransportFailed(f"the process that does the work was cut off (wait status {status})") from None
    if "crash" in result:
        raise TransportFailed(f"the work failed unexpectedly: {result['crash']}")
    return result


def _child(work: Callable[[], Dict[str, Any]], writer: int) -> None:
    """Run the work as the detached process, write its result to *writer*, and exit. This never returns."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # If the parent is gone, writing the result must not kill this process.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        # systemd sends SIGTERM when it ends a log-in's scope. As an exception, it lets the work undo what it began.
        signal.signal(signal.SIGTERM, _leave)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        # The controller's ssh waits until every copy of its channel's descriptors is closed, so none is kept.
        for descriptor in range(3, _MAX_DESCRIPTOR):
            if descriptor != writer:
                try:
                    os.close(descriptor)
                except OSError:
                    continue
        try:
            result = work()
        except (Exception, SystemExit) as error:
            result = {"crash": f"{type(error).__name__}: {error}"}
        with suppress(OSError):  # the parent may be gone
            _write_all(writer, json.dumps(result).encode())
        status = 0
    finally:
        os._exit(status)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(f"ended by signal {number}")


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _read_all(descriptor: int, timeout: float) -> Optional[bytes]:
    """Return everything up to the end of the pipe, or None when *timeout* seconds pass first."""
    deadline = time.monotonic() + timeout
    parts: List[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
        part = os.read(descriptor, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
