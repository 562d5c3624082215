# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records what the laptop's supplicant and kernel do, independently of the collection under test.

Usage: recorder.py INTERFACE

Prints JSON objects, one a line: ``{"t": CLOCK_MONOTONIC in seconds, "source": "supplicant"|"kernel", "text": ...}``.
Waits for the supplicant's control socket, attaches again when the supplicant restarts.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time

#: Between two looks for a supplicant: below NetworkManager it has the interface some 100 ms before it is connected.
_LOOK_SECONDS = 0.01


def main(interface: str) -> None:
    """Record until this process is ended."""
    addresses = subprocess.Popen(
        ["ip", "-o", "-4", "monitor", "address", "dev", interface], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert addresses.stdout is not None
    path = f"/run/wpa_supplicant/{interface}"
    monitor: socket.socket | None = None
    print(json.dumps({"t": time.monotonic(), "source": "recorder", "text": "ready"}), flush=True)
    while True:
        if monitor is None and os.path.exists(path):
            monitor = attach(path)
        readable = select.select([addresses.stdout, *([monitor] if monitor else [])], [], [], _LOOK_SECONDS)[0]
        for source in readable:
            if monitor is not None and source is monitor:
                text = monitor.recv(8192).decode(errors="backslashreplace").strip()
                say("supplicant", text)
                if "CTRL-EVENT-TERMINATING" in text:
                    monitor.close()
                    monitor = None
                    break
            else:
                say("kernel", " ".join(addresses.stdout.readline().split()))


def attach(path: str) -> socket.socket | None:
    """Return a socket attached to the supplicant at *path*, or None while it is not there."""
    own = f"/run/lab-recorder-{os.getpid()}"
    if os.path.exists(own):
        os.unlink(own)
    monitor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        monitor.bind(own)
        monitor.settimeout(2)
        monitor.connect(path)
        monitor.send(b"ATTACH")
        if monitor.recv(16) == b"OK\n":
            say("recorder", "attached")
            return monitor
    except OSError:
        pass
    monitor.close()
    return None


def say(source: str, text: str) -> None:
    """Print one record."""
    print(json.dumps({"t": time.monotonic(), "source": source, "text": text}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
