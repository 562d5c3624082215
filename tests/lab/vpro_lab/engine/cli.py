# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the program begins: the firmware itself, or a command for the one that runs.

python3 engine.pyz [--sap 3|4]
python3 engine.pyz --ask '{"do": "take"}'
"""

from __future__ import annotations

import argparse
import selectors
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import List, Optional, TextIO

from . import shared
from .device import Device, HostReset
from .firmware import Firmware

SOCKET = "/run/csme-engine.sock"
LOG = "/run/csme-engine.log"


class _Line:
    """Who sends commands."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._rest = b""

    def obeyed(self, firmware: Firmware) -> bool:
        """Do what has come, and answer; return False at the end."""
        with suppress(OSError):
            lines = self._lines()
            for line in lines or ():
                self.connection.sendall(firmware.obey(line) + b"\n")
            return lines is not None
        return False

    def _lines(self) -> Optional[List[bytes]]:
        received = self.connection.recv(65536)
        if not received:
            return None
        *whole, self._rest = (self._rest + received).split(b"\n")
        return whole


def run(device: Device, log: TextIO, path: str, version: int) -> None:
    """Serve until the device has gone."""
    firmware = Firmware(device, log, version)
    Path(path).unlink(missing_ok=True)
    with selectors.DefaultSelector() as selector, socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        selector.register(device, selectors.EVENT_READ)
        selector.register(server, selectors.EVENT_READ)
        device.power_on()
        while True:
            for key, _events in selector.select(firmware.timers.wait()):
                if key.fileobj is device:
                    if not firmware.serve():
                        return
                elif key.fileobj is server:
                    line = _Line(server.accept()[0])
                    selector.register(line.connection, selectors.EVENT_READ, line)
                elif key.fileobj is firmware.cable:
                    firmware.carry()
                elif not key.data.obeyed(firmware):
                    selector.unregister(key.fileobj)
                    key.data.connection.close()
            with suppress(HostReset):
                firmware.timers.run()
            if firmware.cable is not None and firmware.cable not in selector.get_map():
                selector.register(firmware.cable, selectors.EVENT_READ)


def ask(command: str, path: str) -> str:
    """Send the firmware a command; return its answer.

    Raises:
        OSError: none runs.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(command.encode() + b"\n")
        return connection.makefile().readline()


def main() -> None:
    """Begin."""
    parser = argparse.ArgumentParser(description="The firmware of the management engine in software.")
    parser.add_argument("--sap", type=int, choices=sorted(shared.QUEUES), default=4, help="the newest version it knows")
    parser.add_argument("--socket", default=SOCKET, help="where it takes commands")
    parser.add_argument("--log", default=LOG, help="where it writes what happens")
    parser.add_argument("--ask", metavar="COMMAND", help="have the firmware that runs do something")
    arguments = parser.parse_args()
    if arguments.ask:
        sys.stdout.write(ask(arguments.ask, arguments.socket))
        return
    device = Device()
    try:
        with open(arguments.log, "a", buffering=1, encoding="utf-8") as log:
            run(device, log, arguments.socket, arguments.sap)
    finally:
        device.close()
