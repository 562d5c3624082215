# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is behind a control socket: a script, wpa_supplicant as far as pinning goes, or a whole laptop."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import pinning
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_pinning import (
    FakeNetwork,
    FakeSupplicant,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    Laptop,
    laptop_of,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_server import Server
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import OTHER_BSSID


@pytest.fixture(autouse=True)
def _try_again_at_once() -> Iterator[None]:
    # pytest's own monkeypatch would be undone after what came later, such as tmp_path.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pinning, "_RETRY_SECONDS", 0.0)
        yield


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "wlan0")
    yield one
    one.stop()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeSupplicant]:
    """A supplicant under a hard block: home (twice), guest, off, and one with an SSID of odd bytes."""
    server = FakeSupplicant(tmp_path / "wlan0")
    psk = {"key_mgmt": "WPA-PSK", "psk": "*", "priority": "0"}
    server.networks = {
        0: FakeNetwork(b"guest", {"key_mgmt": "NONE", "priority": "0"}),
        1: FakeNetwork(b"home", {**psk, "scan_freq": "2412 2437"}),
        2: FakeNetwork(b"off", dict(psk), disabled=True),
        3: FakeNetwork(b"home", {**psk, "priority": "5"}),
        5: FakeNetwork(b'\n"\xff', {**psk, "bssid": OTHER_BSSID}, temp_disabled=True),
    }
    yield server
    server.stop()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(str(tmp_path))


@pytest.fixture
def supplicant(fake: FakeSupplicant, places: Places) -> WpaSupplicant:
    return WpaSupplicant("wlan0", fake.path, Deferred("phy0", places), Patience(60))


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    """A laptop that networks are declared for."""
    yield from laptop_of(tmp_path, monkeypatch)
