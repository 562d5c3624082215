# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop whose interface wpa_supplicant runs, and networks declared for it: a real file, a real control socket.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import apply
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.control import WpaCtrl
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Declaration, Eap, NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import profiles
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.profiles import provision, request_for
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeSupplicant

CANARY = "canary-0f3e"
OTHER = "canary-of-another"
#: A file that is there.
CERTIFICATE = str(Path(__file__).resolve())
CANARIES = (CANARY, OTHER, CANARY.encode().hex(), OTHER.encode().hex())


def psk(ssid: bytes = b"home", passphrase: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "psk", passphrase, **changes)


def sae(ssid: bytes = b"sae", passphrase: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "sae", passphrase, pmf="required", **changes)


def eap(ssid: bytes = b"corp", password: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "eap", eap=Eap("peap", "me", "anon", password, "mschapv2", CERTIFICATE), **changes)


def start_process(machine: Machine, pid: int, conf: str, ticks: Optional[int] = None) -> None:
    """Start a wpa_supplicant now, or at a time in clock ticks since the boot, as procfs shows it."""
    if ticks is None:
        ticks = time.clock_gettime_ns(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK") // 10**9
    machine.write(f"proc/{pid}/stat", f"{pid} (wpa) (S) S " + "0 " * 18 + f"{ticks} 0 0\n")
    machine.write(f"proc/{pid}/cmdline", f"/sbin/wpa_supplicant\0-c{conf}\0-iwlan0\0")


class Laptop:
    """One laptop: a folder for its files, a supplicant, and the module's work on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "wlan0.conf"
        (folder / "root").mkdir()
        self.machine = Machine(folder / "root")
        (self.machine.path / "phy7").mkdir()
        self.machine.write("sys/class/net/wlan0/ifindex", "3\n")
        self.machine.write("proc/sys/kernel/random/boot_id", "this-boot\n")
        (self.machine.path / "sys/class/net/wlan0/phy80211").symlink_to(self.machine.path / "phy7")
        self.supplicant = FakeSupplicant(self.machine.socket_path())
        self.places = self.machine.places
        self.results: List[Dict[str, Any]] = []

    def start(self) -> FakeSupplicant:
        time.sleep(0.1)  # the clock that stamps files ticks every 4 to 10 ms, and the start is known to 10 ms
        start_process(self.machine, os.getpid(), str(self.conf))
        return self.supplicant.start(self.conf)

    def restart(self) -> FakeSupplicant:
        self.supplicant.stop()
        return self.start()

    def declare(
        self,
        *profiles: NetworkProfile,
        absent: Any = (),
        prune: bool = False,
        check_mode: bool = False,
        backend: str = "auto",
        require_usable: bool = False,
    ) -> Dict[str, Any]:
        declared = Declaration(profiles, absent, prune)
        request = request_for("wlan0", str(self.conf), declared, backend, require_usable=require_usable)
        self.supplicant.requests.clear()
        result = provision(request, check_mode, self.places)
        self.results.append(result)
        return result

    def text(self) -> str:
        return self.conf.read_text(encoding="utf-8", errors="surrogateescape")


def laptop_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    """Yield the laptop, for a fixture; see to it that no secret is in a result when a test is over."""
    # Forking is what test_detached.py is about; the supplicant here is a thread of this very process.
    monkeypatch.setattr(profiles, "run_detached", lambda work, _timeout: json.loads(json.dumps(work())))
    monkeypatch.setattr(profiles, "_RADIO_WAIT", 0.1)
    # That thread may not get the processor for seconds, where the machine has other work.
    monkeypatch.setattr(apply, "WpaCtrl", lambda path: WpaCtrl(path, Patience(60.0)))
    one = Laptop(tmp_path)
    yield one
    one.supplicant.stop()
    for result in one.results:
        for canary in CANARIES:
            assert canary not in json.dumps(result), "a secret is in a result"


def happened(result: Dict[str, Any]) -> Any:
    return result["changed"], result["file"]["changed"], result["runtime"]["changed"], result["runtime"]["applied"]
