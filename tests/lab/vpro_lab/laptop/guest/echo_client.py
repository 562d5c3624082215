# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's end of the management session: sends a number every interval, notes when each comes back.

Usage: echo_client.py ADDRESS PORT INTERVAL_MS USER_TIMEOUT_MS

Prints JSON objects, one a line, with times of CLOCK_MONOTONIC in seconds: ``{"open": t}`` once, ``{"seq", "sent",
"back"}`` for each echo, and ``{"lost": t, "why": text}`` when the connection ended. The kernel ends it when nothing
was acknowledged for the user timeout (TCP_USER_TIMEOUT), as the operator's console does after 3 s.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

_RECORD = struct.Struct("!Id")


def main(address: str, port: int, interval: float, user_timeout_ms: int) -> None:
    """Keep the session until it is lost or this process is ended."""
    connection = socket.create_connection((address, port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
    connection.setblocking(False)
    say({"open": time.monotonic()})
    pending = b""
    sequence = 0
    due = time.monotonic()
    while True:
        now = time.monotonic()
        try:
            if now >= due:
                connection.send(_RECORD.pack(sequence, now))
                sequence += 1
                due = now + interval
            if select.select([connection], [], [], max(0.0, due - time.monotonic()))[0]:
                data = connection.recv(65536)
                if not data:
                    say({"lost": time.monotonic(), "why": "closed by the other end"})
                    return
                back = time.monotonic()
                pending += data
                while len(pending) >= _RECORD.size:
                    number, sent = _RECORD.unpack_from(pending)
                    pending = pending[_RECORD.size :]
                    say({"seq": number, "sent": sent, "back": back})
        except OSError as error:
            say({"lost": time.monotonic(), "why": error.strerror or str(error)})
            return


def say(record: dict[str, object]) -> None:
    """Print one record."""
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 1000, int(sys.argv[4]))
