# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop whose transports say what a test tells them to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import effects, run
from ansible_collections.vpro.fleet.plugins.module_utils._radio import own_address
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_transports import Laptop


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Laptop]:
    made = Laptop(str(tmp_path))
    module = run.__name__
    monkeypatch.setattr(f"{module}.Nl80211", lambda: made)
    monkeypatch.setattr(f"{module}.select", SimpleNamespace(select=made.clock.select))
    monkeypatch.setattr(f"{module}.RfkillEvents", lambda: made.rfkill)
    monkeypatch.setattr(f"{module}.AddressEvents", lambda: made.address)
    monkeypatch.setattr(f"{run.__name__}.csme.request_ownership", made.request)
    monkeypatch.setattr(f"{run.__name__}.csme.connection", lambda nl, ifindex: made.connection)
    monkeypatch.setattr(f"{effects.__name__}.rtnetlink.addresses", lambda ifindex: made.addresses)
    monkeypatch.setattr(f"{own_address.__name__}.sysfs.mac_of", lambda ifname, root="/": made.mac)
    monkeypatch.setattr(f"{own_address.__name__}.sysfs.permanent_mac_of", lambda ifname, root="/": "02:00:00:00:00:00")
    monkeypatch.setattr(f"{effects.__name__}.dhcp.find_client", lambda interface, ifindex, root: made.client)
    monkeypatch.setattr(f"{module}.ask", made.ask)
    yield made
    for pipe in (made.rfkill, made.monitor, made.address):
        if not pipe.closed:
            pipe.close()
