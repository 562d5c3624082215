# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may listen to NetworkManager and the supplicant, and carry a pin out."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM, WPA, WPA_PATH
from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus, patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.clock import Clock
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError


@pytest.mark.parametrize(
    ("allowed", "match"),
    [
        ("yes", ""),
        ("no", "does not let this user bring profiles up.*root-only"),
        ("auth", "does not let this user bring profiles up"),
        ("unknown", "can't ask polkit.*Install polkit"),
        (None, "can't ask polkit.*Install polkit"),
    ],
)
def test_an_ordinary_user_needs_the_right(
    backend: NetworkManagerBackend,
    laptop: Laptop,
    allowed: Optional[str],
    match: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked of NetworkManager, which may be told to ask polkit, nobody, or to let nobody but root."""
    laptop.permissions = {f"{NM}.wifi.scan": "yes", **({f"{NM}.network-control": allowed} if allowed else {})}
    monkeypatch.setattr(f"{NetworkManagerBackend.__module__}.os.geteuid", lambda: 990)
    if match:
        with pytest.raises(AccessDenied, match=match):
            backend.listen(print)
    else:
        (listener,) = backend.listen(print)
        listener.close()
    assert laptop.bus.called("GetPermissions") == [()]


@pytest.mark.parametrize("allowed", ["no", None])
def test_a_right_that_is_missing_is_told_with_the_interface_and_the_role(
    backend: NetworkManagerBackend, laptop: Laptop, allowed: Optional[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.permissions = {f"{NM}.network-control": allowed} if allowed else {}
    monkeypatch.setattr(f"{NetworkManagerBackend.__module__}.os.geteuid", lambda: 990)
    with pytest.raises(AccessDenied) as caught:
        backend.listen(print)
    assert caught.value.where == "wlan0"
    assert "vpro.fleet.watcher" in caught.value.remedy


def test_root_needs_no_right(backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.permissions = {}
    monkeypatch.setattr(f"{NetworkManagerBackend.__module__}.os.geteuid", lambda: 0)
    (listener,) = backend.listen(print)
    listener.close()
    assert laptop.bus.called("GetPermissions") == []


def test_polkit_that_is_slow_to_start_is_not_waited_for(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, patience, dbus)
    laptop.bus.silent.append("GetPermissions")
    laptop.bus.when_silent = lambda: clock.passes(60.0)
    monkeypatch.setattr(f"{NetworkManagerBackend.__module__}.os.geteuid", lambda: 990)
    (listener,) = NetworkManagerBackend("wlan0", Patience(60.0)).listen(print)
    listener.close()


def test_a_supplicant_that_is_not_for_this_user_is_told(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def refuse(_name: str) -> None:
        raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no")

    laptop.bus.methods[WPA_PATH, f"{WPA}.GetInterface"] = refuse
    with pytest.raises(AccessDenied):
        backend.listen(print)
