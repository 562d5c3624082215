# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop whose radio is guarded."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import deferred, effects
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import attachment, guarded, view
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    Laptop,
    LateWidening,
    Manager,
)


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    made = Laptop(tmp_path)
    backend = WpaSupplicant("wlan0", made.path)
    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", lambda interface, ifindex: backend)
    monkeypatch.setattr(f"{view.__name__}.csme.connection", lambda nl, ifindex: made.connection)
    monkeypatch.setattr(f"{guarded.__name__}.csme.request_ownership", made.request)
    monkeypatch.setattr(f"{effects.__name__}.rtnetlink.addresses", lambda ifindex: made.addresses)
    monkeypatch.setattr(f"{effects.__name__}.dhcp.find_client", lambda interface, ifindex: made.client)
    monkeypatch.setattr(f"{deferred.__name__}._RETRY_SECONDS", 0.0)
    yield made
    for watched in made.made:
        watched.stop()
    made.supplicant.stop()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """The interfaces for which the DHCP client was asked anew."""
    names: List[str] = []

    def ask(client: Client, interface: str) -> None:
        names.append(f"{client.value} {interface}")

    monkeypatch.setattr(f"{guarded.__name__}.ask_through_pipe", ask)
    return names


@pytest.fixture
def late(laptop: Laptop) -> LateWidening:
    return LateWidening(laptop)


@pytest.fixture
def manager(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Manager:
    made = Manager("wlan0", laptop.path)
    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", lambda interface, ifindex: made)
    return made
