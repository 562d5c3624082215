# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant as far as pinning goes: it takes nothing else. ``fake_supplicant.py`` has all of it.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import copy
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile


@dataclass
class FakeNetwork:
    ssid: bytes
    variables: Dict[str, str] = field(default_factory=dict)
    disabled: bool = False
    temp_disabled: bool = False


class FakeSupplicant:
    """wpa_supplicant's control interface as far as pinning goes, answering as release 2.10 was seen to answer.

    Args:
        path: where its socket goes.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.networks: Dict[int, FakeNetwork] = {}
        self.state = "INTERFACE_DISABLED"
        self.current: Optional[int] = None
        #: What STATUS says of the link, beside the state.
        self.link: Dict[str, str] = {}
        self.link_dropped = False
        #: Whether there are scan results of the last seconds, from which it would associate at once.
        self.scanned = True
        #: Commands that change something, in order.
        self.changes: List[str] = []
        #: What a listener said.
        self.asked: List[str] = []
        self.settings: Dict[str, str] = {"mac_addr": "0", "ap_scan": "1", "pmf": "0"}
        self.capability = "UNKNOWN COMMAND\n"
        #: Called with each such command: None to let it be done, another answer for refusing it, "" for silence.
        self.hook: Callable[[str], Optional[str]] = lambda _change: None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"stop", self.path)
            self._thread.join()
            self._socket.close()

    def snapshot(self) -> Dict[int, FakeNetwork]:
        return copy.deepcopy(self.networks)

    def _serve(self) -> None:
        while True:
            request, client = self._socket.recvfrom(8193)
            if request == b"stop":
                return
            reply = self._answer(request.decode())
            if reply != "":
                with suppress(OSError):  # who asked may have given up
                    self._socket.sendto(reply.encode(), client)

    def _answer(self, request: str) -> str:
        verb, _space, rest = request.partition(" ")
        if verb == "STATUS":
            link = "".join(f"{name}={value}\n" for name, value in self.link.items())
            return f"wpa_state={self.state}\n{link}address=12:4a:85:8b:28:7e\n"
        if verb == "LIST_NETWORKS":
            return "network id / ssid / bssid / flags\n" + "".join(map(self._line, sorted(self.networks)))
        if verb == "GET":
            return self.settings.get(rest, "FAIL\n")
        if request == "GET_CAPABILITY freq":
            return self.capability
        if verb in ("SCAN", "BSS_FLUSH"):
            self.changes.append(request)
            self.scanned = self.scanned and request != "BSS_FLUSH 0"
            return "OK\n"
        if verb in ("ATTACH", "DETACH", "PING"):
            self.asked.append(request)
            return "PONG\n" if verb == "PING" else "OK\n"
        number, _space, rest = rest.partition(" ")
        if verb != "GET_NETWORK":
            self.changes.append(request)
            override = self.hook(request)
            if override is not None:
                return override
        network = self.networks.get(int(number))
        if network is None:
            return "FAIL\n"
        if verb == "GET_NETWORK":
            return network.variables.get(rest, "FAIL\n")
        if verb == "SET_NETWORK":
            name, _space, value = rest.partition(" ")
            assert name in ("bssid", "scan_freq"), "any other variable flushes the network's keys"
            network.variables[name] = value
            if value in ("", "any"):
                del network.variables[name]
        elif verb == "DISABLE_NETWORK":
            network.disabled = True
            self.link_dropped |= self.current == int(number)
        elif verb == "ENABLE_NETWORK":
            if rest != "no-connect" and network.disabled:
                blocked = self.state == "INTERFACE_DISABLED"
                assert not (blocked and self.scanned), "this may associate through a blocked interface"
                network.temp_disabled = False
            network.disabled = False
        else:
            raise AssertionError(request)
        return "OK\n"

    def _line(self, number: int) -> str:
        network = self.networks[number]
        ssid = "".join(chr(b) if 48 <= b <= 122 and b != 92 else f"\\x{b:02x}" for b in network.ssid)
        flags = "[CURRENT]" * (number == self.current) + "[DISABLED]" * network.disabled
        flags += "[TEMP-DISABLED]" * network.temp_disabled
        return f"{number}\t{ssid}\t{network.variables.get('bssid', 'any')}\t{flags}\n"


def profile_of(supplicant: WpaSupplicant, number: int) -> Profile:
    return next(profile for profile in supplicant.profiles() if profile.id == number)
