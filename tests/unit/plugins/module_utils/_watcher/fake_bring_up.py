# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop on which a bring-up has to wait.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, List, Optional

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.configured import configured_profiles
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection, Reported
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up import hold_back, may_bring_up
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_note import is_held
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.config import PATH
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, Machine

CORP = CsmeConnection(b"corp", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
PROFILE = 'network={\n ssid="corp"\n psk="correct horse"\n}\n'


class Laptop(Machine):
    """A laptop on which a bring-up has to wait: driver-managed, CSME connected, no profile, a watcher that runs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.interface()
        self.kernel("6.12.1")
        self.flags("0x1002")
        self.write("sys/class/net/wlan0/carrier_up_count", "0\n")
        self.switch()
        (path / "sys/class/net/wlan0/phy80211").rmdir()
        self.write("sys/devices/phy0/name", "phy0\n")
        (path / "sys/class/net/wlan0/phy80211").symlink_to(path / "sys/devices/phy0")
        self.conf = self.write("etc/wpa_supplicant/wpa_supplicant-wlan0.conf", "country=US\n")
        self.config = self.write(PATH.lstrip("/"), "{}")
        self.watcher()
        (path / "run/amt-wifi-watcher-hold").mkdir()
        self.connection: Optional[Reported] = CORP
        self.now = 0.0
        self.lines: List[str] = []
        self.later: Callable[[], None] = lambda: None

    def kernel(self, release: str) -> None:
        self.write("proc/sys/kernel/osrelease", f"{release}\n")

    def flags(self, flags: str) -> None:
        self.write("sys/class/net/wlan0/flags", f"{flags}\n")

    def switch(self, soft: int = 0, hard: int = 0, name: str = "phy0") -> None:
        attributes = {"soft": soft, "hard": hard, "name": name, "type": "wlan", "hard_block_reasons": "0x0"}
        for attribute, value in attributes.items():
            self.write(f"sys/class/rfkill/rfkill0/{attribute}", f"{value}\n")

    def watcher(self, pid: int = 1) -> None:
        self.write("run/amt-wifi-watcher/state.json", json.dumps({"pid": pid}))

    def connection_of(self, ifindex: int) -> Optional[Reported]:
        assert ifindex == 3
        return self.connection

    def sleep(self, seconds: float) -> None:
        assert is_held("wlan0", self.places)
        self.now += seconds
        assert self.now < 1000, "it waits for good"
        if self.now > 5:
            self.later()

    def run(self) -> float:
        """Return how long a bring-up waits here, in seconds."""
        hold_back(
            "wlan0",
            self.lines.append,
            self.connection_of,
            profiles_of=lambda: configured_profiles(str(self.conf)),
            places=self.places,
            clock=lambda: self.now,
            sleep=self.sleep,
        )
        assert not is_held("wlan0", self.places)
        return self.now

    def ask(self, starts: bool = True) -> bool:
        """Say whether a supplicant may bring its interface up here now."""

        def start(unit: str) -> bool:
            self.lines.append(unit)
            return starts

        return may_bring_up("wlan0", self.connection_of, start, places=self.places)
