# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A control socket that answers by a script, and networks as wpa_supplicant lists them.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Callable, List, Sequence

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.codec import Network
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import printf_encode

HEADING = "network id / ssid / bssid / flags\n"


def line(network: Network) -> str:
    flags = "[CURRENT]" * network.current + "[DISABLED]" * network.disabled + "[TEMP-DISABLED]" * network.temp_disabled
    return f"{network.id}\t{printf_encode(network.ssid)}\t{network.bssid or 'any'}\t{flags}\n"


Script = Callable[[bytes], Sequence[bytes]]


class Server:
    """A control socket that answers each request with a script's datagrams, as sent from wpa_supplicant's socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.script: Script = lambda request: [b"PONG\n"] if request == b"PING" else [b"OK\n"]
        self.requests: List[bytes] = []
        self.client = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            request, self.client = self._socket.recvfrom(8193)
            if request == b"\0stop":
                return
            self.requests.append(request)
            for reply in self.script(request):
                with suppress(ConnectionRefusedError, FileNotFoundError):  # who asked may have given up
                    self._socket.sendto(reply, self.client)

    def emit(self, event: bytes) -> None:
        self._socket.sendto(event, self.client)

    def stop(self) -> None:
        if self._thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"\0stop", self.path)
            self._thread.join()
            self._socket.close()
            os.unlink(self.path)
