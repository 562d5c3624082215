# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs an interface, as the backend of a handover: for a task, for a service, and for a pin."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers import who
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import profiles
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.files import IWD_REMEDY
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM
from ansible_collections.vpro.fleet.plugins.module_utils._managers.who import (
    backend_by_name,
    backend_from_within,
    backend_of,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, NotFound, TimedOut
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_effects import PIN
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.fake_survey import manager
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine, Supplicant

pytestmark = pytest.mark.usefixtures("networkmanager")


@pytest.mark.parametrize(
    ("record", "control_socket", "expected"),
    [
        ("true", False, NetworkManagerBackend),
        ("true", True, NetworkManagerBackend),
        ("false", True, WpaSupplicant),
        (None, False, NetworkManagerBackend),
        (None, True, WpaSupplicant),
    ],
)
def test_the_backend_is_who_runs_the_interface(
    machine: Machine, record: Optional[str], control_socket: bool, expected: type
) -> None:
    machine.networkmanager(record)
    with Supplicant(machine.socket_path()) if control_socket else nullcontext():
        backend = backend_of("wlan0", 3, machine.places)
        assert isinstance(backend, expected)
        # It is asked about this interface, and answers.
        assert backend.interface == "wlan0"
        assert len(backend.profiles()) == (2 if expected is NetworkManagerBackend else 0)


def test_there_is_no_backend_where_nobody_runs_it_or_iwd_does(machine: Machine) -> None:
    with pytest.raises(NotFound, match="no wpa_supplicant offers"):
        backend_of("wlan0", 3, machine.places)
    machine.process(700, "iwd")
    with pytest.raises(NotFound, match="iwd runs wlan0") as caught:
        backend_of("wlan0", 3, machine.places)
    assert caught.value.remedy == "Use wpa_supplicant or NetworkManager"
    machine.networkmanager("false")
    with pytest.raises(NotFound, match="iwd runs wlan0"):
        backend_of("wlan0", 3, machine.places)


@pytest.mark.parametrize(("radio", "journal"), [("phy7", "rest-phy7"), (None, "rest-wlan0")])
def test_what_waits_is_recorded_for_the_radio_of_the_interface(
    machine: Machine, radio: Optional[str], journal: str
) -> None:
    if radio is not None:
        machine.write(f"{radio}/index", "7")
        machine.write("sys/class/net/wlan0/ifindex", "3")
        (machine.path / "sys/class/net/wlan0/phy80211").symlink_to(machine.path / radio)
    with Supplicant(machine.socket_path()):
        backend = backend_of("wlan0", 3, machine.places)
    assert isinstance(backend, WpaSupplicant)
    backend._deferred.keep(PIN)
    assert run_folder.journals(machine.places) == [journal]


def test_the_backend_of_an_interface_without_an_index(machine: Machine) -> None:
    machine.networkmanager("true")
    assert isinstance(backend_of("wlan0", None, machine.places), NetworkManagerBackend)


@pytest.mark.parametrize(
    ("record", "runs", "control_socket", "expected"),
    [
        ("true", True, True, NetworkManagerBackend),
        ("true", False, True, WpaSupplicant),
        ("false", True, True, WpaSupplicant),
        (None, True, True, WpaSupplicant),
        (None, True, False, NetworkManagerBackend),
    ],
)
def test_the_backend_as_a_service_sees_it_that_is_shown_no_process(
    machine: Machine, fake_bus: FakeBus, record: Optional[str], runs: bool, control_socket: bool, expected: type
) -> None:
    machine.networkmanager(record)
    fake_bus.absent += [] if runs else [NM]
    with Supplicant(machine.socket_path()) if control_socket else nullcontext():
        backend = backend_from_within("wlan0", 3, machine.places)
        assert isinstance(backend, expected)
        assert backend.interface == "wlan0"


@pytest.mark.parametrize("record", ["true", None])
def test_a_service_waits_for_networkmanager_within_bounds(
    machine: Machine, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch, record: Optional[str]
) -> None:
    monkeypatch.setattr(who, "_SERVICE_SECONDS", 0.3)
    fake_bus.silent.append("ListConnections")
    machine.networkmanager(record)
    backend = backend_from_within("wlan0", 3, machine.places)
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        backend.profiles()
    assert time.monotonic() - begun < 30.0


def test_the_bus_is_not_asked_where_networkmanager_never_ran_or_is_told_to_let_go(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> bool:
        raise AssertionError("the bus is asked")

    monkeypatch.setattr(f"{profiles.__name__}.networkmanager_runs", asked)
    with pytest.raises(NotFound):
        backend_from_within("wlan0", 3, machine.places)
    machine.networkmanager("false")
    with pytest.raises(NotFound):
        backend_from_within("wlan0", 3, machine.places)


def test_sockets_that_are_closed_to_a_service_may_be_those_below_networkmanager(
    machine: Machine, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(interface: str, directories: object) -> str:
        raise AccessDenied("not for this user")

    monkeypatch.setattr(f"{who.__name__}.control_socket", closed)
    machine.networkmanager(None)
    assert isinstance(backend_from_within("wlan0", 3, machine.places), NetworkManagerBackend)
    fake_bus.absent.append(NM)
    with pytest.raises(AccessDenied):
        backend_from_within("wlan0", 3, machine.places)


def test_the_backend_that_a_pin_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networkmanager = backend_by_name("networkmanager", "wlan0")
    assert isinstance(networkmanager, NetworkManagerBackend)
    assert networkmanager.interface == "wlan0"
    assert backend_by_name("wpa_supplicant", "wlan0") is None
    monkeypatch.setattr(f"{who.__name__}.control_socket", lambda interface, *_directories: str(tmp_path / interface))
    with Supplicant(tmp_path / "wlan0") as supplicant:
        supplicant.network("corp", psk="*")
        backend = backend_by_name("wpa_supplicant", "wlan0")
        assert isinstance(backend, WpaSupplicant)
        assert (backend.interface, len(backend.profiles())) == ("wlan0", 1)


def test_iwd_beside_networkmanager_is_not_below_it(machine: Machine) -> None:
    machine.networkmanager("true")
    machine.process(700, "iwd")
    assert manager(machine).manager == "networkmanager"
    assert isinstance(backend_of("wlan0", 3, machine.places), NetworkManagerBackend)


@pytest.mark.parametrize("record", ["true", None])
def test_iwd_below_networkmanager_is_iwd(
    machine: Machine, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch, record: Optional[str]
) -> None:
    machine.networkmanager(record)
    machine.process(700, "iwd")
    machine.write("etc/NetworkManager/conf.d/iwd.conf", "[device]\nwifi.backend=iwd\n")
    assert manager(machine) == Managed("wlan0", "iwd")
    for backend in (backend_of, backend_from_within):
        with pytest.raises(NotFound, match="NetworkManager runs wlan0 through iwd") as caught:
            backend("wlan0", 3, machine.places)
        assert caught.value.remedy == IWD_REMEDY
    # Nothing is started, or asked, below NetworkManager; and what a pin left there is still undone.
    assert not any(name.endswith("GetInterface") for _path, name, _arguments in fake_bus.calls)
    assert isinstance(backend_by_name("networkmanager", "wlan0"), NetworkManagerBackend)


@pytest.mark.parametrize(("interface", "is_below"), [("wlan0", True), ("wlan9", False)])
def test_iwd_may_be_below_networkmanager_for_one_interface(machine: Machine, interface: str, is_below: bool) -> None:
    machine.networkmanager("true")
    conf = f"[device-x]\nmatch-device=interface-name:{interface}\nwifi.backend=iwd\n"
    machine.write("etc/NetworkManager/conf.d/iwd.conf", conf)
    assert manager(machine).manager == ("iwd" if is_below else "networkmanager")
    if is_below:
        with pytest.raises(NotFound, match="through iwd"):
            backend_of("wlan0", 3, machine.places)
    else:
        assert isinstance(backend_of("wlan0", 3, machine.places), NetworkManagerBackend)
