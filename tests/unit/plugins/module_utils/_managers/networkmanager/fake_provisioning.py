# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop whose interface NetworkManager runs, and networks declared for it.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Declaration, Eap, NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import profiles
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.profiles import provision, request_for
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import (
    FakeNetworkManager,
    profile,
)

CANARY = "canary-0f3e"
OTHER = "canary-of-another"
#: A file that exists, for certificates and keys.
THERE = str(Path(__file__))
PSK: Dict[str, Any] = {"key-mgmt": ("s", "wpa-psk"), "psk": ("s", CANARY), "pmf": ("i", 2)}


def psk(ssid: bytes = b"corp", passphrase: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "psk", passphrase, **changes)


def peap(ssid: bytes = b"eap", password: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "eap", eap=Eap("peap", "me", None, password, "mschapv2", THERE), **changes)


def tls(password: Any = CANARY) -> NetworkProfile:
    eap = Eap("tls", "me", client_cert=THERE, private_key=THERE, private_key_password=password)
    return NetworkProfile(b"tls", "eap", eap=eap)


class Laptop:
    """One laptop whose interface NetworkManager runs, and the module's work on it."""

    def __init__(self, folder: Path, bus: FakeBus) -> None:
        self.bus = bus
        self.manager = FakeNetworkManager(bus)
        self.machine = Machine(folder)
        self.machine.interface()
        (folder / "sys/class/net/wlan0/phy80211").rmdir()
        (folder / "phy7").mkdir()
        (folder / "sys/class/net/wlan0/phy80211").symlink_to(folder / "phy7")
        self.machine.networkmanager("true")
        self.places = self.machine.places
        #: Everything that came out.
        self.said: List[str] = []

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
        request = request_for("wlan0", None, declared, backend, require_usable=require_usable)
        self.bus.calls.clear()
        try:
            result = provision(request, check_mode, self.places)
        except Refused as error:
            self.said.append(str(error) + repr(error.as_dict()))
            raise
        self.said.append(json.dumps(result))
        return result

    def put(self, ssid: bytes = b"corp", flags: int = 0, **settings: Any) -> str:
        return self.manager.put(profile(ssid, **settings), flags)

    def ssids(self) -> List[bytes]:
        return [each["802-11-wireless"]["ssid"][1] for each in self.manager.profiles.values()]


def laptop_of(tmp_path: Path, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    """Yield the laptop, for a fixture; see to it that no secret has come out when a test is over."""
    # Forking is what test_detached.py is about; the bus here is a thread of this very process.
    monkeypatch.setattr(profiles, "run_detached", lambda work, _timeout: json.loads(json.dumps(work())))
    monkeypatch.setattr(profiles, "_RADIO_WAIT", 0.1)
    one = Laptop(tmp_path, fake_bus)
    yield one
    assert CANARY not in "".join(one.said), "a secret came out"
    assert OTHER not in "".join(one.said), "a secret came out"


def happened(result: Dict[str, Any]) -> Dict[str, str]:
    assert result["changed"] == result["file"]["changed"] == result["runtime"]["changed"]
    assert (result["backend"], result["interface"], result["file"]["path"]) == ("networkmanager", "wlan0", None)
    assert (result["runtime"]["applied"], result["runtime"]["reason"]) == (True, None)
    assert all(network["file"] == network["runtime"] for network in result["networks"])
    return {network["ssid"]: network["file"] for network in result["networks"]}
