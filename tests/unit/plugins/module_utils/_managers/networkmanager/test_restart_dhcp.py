# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's own DHCP client begins again, because a setting of IPv4 is applied with another value."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional, Tuple, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.client import may_test_addresses
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM_DEVICE
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, SupplicantRefused
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import DEVICE

#: What NetworkManager tells of an active profile: it has no secrets, and values of several types.
APPLIED: Dict[str, Dict[str, Tuple[str, Any]]] = {
    "connection": {"id": ("s", "corp"), "timestamp": ("t", 1700000000)},
    "802-11-wireless": {"ssid": ("ay", b"corp"), "mtu": ("u", 0)},
    "ipv4": {"method": ("s", "auto"), "address-data": ("aa{sv}", [{"address": ("s", "192.0.2.7")}])},
}
VERSION = 7


class Device:
    """The device's part of NetworkManager: an active profile, and what was applied to it."""

    def __init__(self, laptop: Laptop, ipv4: Optional[Dict[str, Tuple[str, Any]]] = None) -> None:
        self.settings = copy.deepcopy(APPLIED)
        self.settings["ipv4"].update(ipv4 or {})
        self.applied: List[Tuple[Any, ...]] = []
        laptop.bus.methods[DEVICE, f"{NM_DEVICE}.GetAppliedConnection"] = self._tell
        laptop.bus.methods[DEVICE, f"{NM_DEVICE}.Reapply"] = self._apply

    def _tell(self, flags: int) -> Tuple[str, Tuple[Any, ...]]:
        assert flags == 0
        return "a{sa{sv}}t", (self.settings, VERSION)

    def _apply(self, *body: Any) -> Tuple[str, Tuple[()]]:
        self.applied.append(body)
        return "", ()


@pytest.mark.parametrize(("seconds", "applied"), [(None, 46), (0, 46), (45, 46), (300, 301), (0x7FFFFFFF, 0x7FFFFFFE)])
def test_only_the_time_for_dhcp_changes(
    backend: NetworkManagerBackend, laptop: Laptop, seconds: Optional[int], applied: int
) -> None:
    """NetworkManager 1.42 and 1.52 compare the settings: check_and_reapply_connection (nm-device.c)."""
    device = Device(laptop, None if seconds is None else {"dhcp-timeout": ("i", seconds)})
    assert backend.ask_for_address()
    ((settings, version, flags),) = device.applied
    wanted = copy.deepcopy(device.settings)
    wanted["ipv4"]["dhcp-timeout"] = ("i", applied)
    assert (settings, version, flags) == (wanted, VERSION, 0)


def test_without_dhcp_nothing_is_applied(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    device = Device(laptop, {"method": ("s", "manual")})
    assert not backend.ask_for_address()
    del device.settings["ipv4"]
    assert not backend.ask_for_address()
    assert device.applied == []


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ("Device.NotActive", SupplicantRefused),
        ("Device.VersionIdMismatch", SupplicantRefused),
        ("PermissionDenied", AccessDenied),
    ],
)
def test_a_refusal_is_told(backend: NetworkManagerBackend, laptop: Laptop, error: str, raised: Type[Exception]) -> None:
    def refuse(*_body: Any) -> None:
        raise DBusError(f"org.freedesktop.NetworkManager.{error}", "it said no")

    Device(laptop)
    laptop.bus.methods[DEVICE, f"{NM_DEVICE}.Reapply"] = refuse
    with pytest.raises(raised, match="it said no"):
        backend.ask_for_address()


@pytest.mark.parametrize(
    ("version", "tests"),
    [("1.42.4", False), ("1.36.6", False), ("0.9", False), ("1.52.1", True), ("1.43.2-dev", True), ("2.0", True)],
)
def test_which_versions_test_an_address(
    backend: NetworkManagerBackend, monkeypatch: pytest.MonkeyPatch, version: str, tests: bool
) -> None:
    monkeypatch.setattr(backend, "version", lambda: version)
    assert backend.may_test_addresses() is tests


def test_a_version_that_can_not_be_read_may_test_an_address() -> None:
    assert may_test_addresses("")
