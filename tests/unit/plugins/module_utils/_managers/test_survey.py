# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs each interface, and what its profiles are, as the facts tell it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers import survey
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM_SETTINGS
from ansible_collections.vpro.fleet.plugins.module_utils._managers.survey import as_stored, read_managers
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.fake_survey import manager
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, Machine, Supplicant
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import SETTINGS

pytestmark = pytest.mark.usefixtures("networkmanager")


def test_nobody(machine: Machine) -> None:
    assert manager(machine) == Managed("wlan0", "none")


def test_no_interface_asks_nobody(tmp_path: Path) -> None:
    reading = Reading()
    assert read_managers([], reading, Patience(1.0), Places(str(tmp_path / "nowhere"))) == ()
    assert reading.unreadable == ()


def test_wpa_supplicant_and_its_profiles(machine: Machine) -> None:
    machine.process(700, "wpa_supplicant")
    with Supplicant(machine.socket_path()) as supplicant:
        supplicant.network("corp", psk="*", bssid=BSSID, priority="3")
        supplicant.network("caf\\xc3\\xa9", "NONE", flags="[DISABLED]")
        found = manager(machine)
        assert (found.manager, found.version, found.trouble) == ("wpa_supplicant", "2.10", None)
        assert found.profiles is not None
        assert [(p.id, p.ssid, p.enabled, p.bssid, p.can_join("psk")) for p in found.profiles] == [
            (0, b"corp", True, BSSID, True),
            (1, "café".encode(), False, None, False),
        ]
        assert not any("wep_key" in c or "password" in c for c in supplicant.asked if "GET_NETWORK 0" in c)


def test_a_control_socket_is_proof_enough(machine: Machine) -> None:
    """Whatever its process is called, and in whatever namespace it is."""
    with Supplicant(machine.socket_path()):
        assert manager(machine).manager == "wpa_supplicant"


@pytest.mark.parametrize("reply", ["FAIL\n", "UNKNOWN COMMAND\n", "", "\xff\xfe", "2.10\nx=y", "v" * 200])
def test_a_version_that_is_none(machine: Machine, reply: str) -> None:
    with Supplicant(machine.socket_path(), lambda command: reply if command == "GET version" else None):
        found = manager(machine)
    assert (found.version, found.profiles) == (None, ())


@pytest.mark.parametrize("version", ["2.9", "2.10", "2.11", "2.12-devel-hostap_2_11-857-g54930b62b", "0.7.3-x~1+b"])
def test_versions(machine: Machine, version: str) -> None:
    with Supplicant(machine.socket_path(), lambda command: version if command == "GET version" else None):
        assert manager(machine).version == version


@pytest.mark.parametrize("reply", ["", "rubbish", "network id / ssid / bssid / flags\n1\t2\n", "\xff" * 4000])
def test_networks_that_are_rubbish_are_named(machine: Machine, reply: str) -> None:
    with Supplicant(machine.socket_path(), lambda command: reply if command == "LIST_NETWORKS" else None):
        found = manager(machine, "supplicant.wlan0")
    assert found == Managed("wlan0", "wpa_supplicant", "2.10", None, "decode_failed")


def test_wpa_supplicant_without_a_control_socket(machine: Machine) -> None:
    machine.process(700, "wpa_supplicant")
    assert manager(machine) == Managed("wlan0", "wpa_supplicant", trouble="not_found")


def test_a_control_socket_that_nobody_serves(machine: Machine) -> None:
    path = machine.socket_path()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gone:
        gone.bind(str(path))
    assert manager(machine) == Managed("wlan0", "none")
    machine.process(700, "wpa_supplicant")  # of another interface, say
    assert manager(machine).trouble == "not_found"


def test_a_control_socket_that_is_something_else(machine: Machine) -> None:
    machine.socket_path().mkdir()
    assert manager(machine) == Managed("wlan0", "none")


@pytest.mark.parametrize(
    ("record", "control_socket", "expected"),
    [
        ("true", False, "networkmanager"),
        ("true", True, "networkmanager"),  # distributions give its wpa_supplicant a control socket
        ("false", False, "none"),
        ("false", True, "wpa_supplicant"),
        (None, False, "networkmanager"),  # blocked since boot
        (None, True, "wpa_supplicant"),  # left alone by its configuration
    ],
)
def test_networkmanager(machine: Machine, record: Optional[str], control_socket: bool, expected: str) -> None:
    machine.networkmanager(record)
    if control_socket:
        with Supplicant(machine.socket_path()):
            assert manager(machine).manager == expected
    else:
        assert manager(machine).manager == expected


def test_an_interface_that_networkmanager_waits_for_is_its_own_already(machine: Machine) -> None:
    machine.networkmanager("false")
    machine.write("run/NetworkManager/conf.d/amt-wifi-watcher-wlan9.conf", "")
    assert manager(machine).manager == "none"
    machine.write("run/NetworkManager/conf.d/amt-wifi-watcher-wlan0.conf", "")
    assert manager(machine).manager == "networkmanager"


def test_networkmanagers_version_and_profiles(machine: Machine) -> None:
    machine.networkmanager("true")
    found = manager(machine)
    assert (found.version, found.trouble) == ("1.42.4", None)
    assert [(p.id, p.ssid, p.enabled) for p in found.profiles or ()] == [(7, b"corp", True), (8, b"home", True)]
    assert [p.bssid for p in found.profiles or ()] == [None, None]


def test_a_pin_below_networkmanager_is_seen(machine: Machine, networkmanager: Laptop) -> None:
    machine.networkmanager("true")
    networkmanager.lift_the_block()
    networkmanager.add_network(bssid=BSSID)
    networkmanager.connect(BSSID)
    assert [p.bssid for p in manager(machine).profiles or ()] == [BSSID, None]


def test_credentials_that_networkmanager_only_seems_to_have_are_none(
    machine: Machine, networkmanager: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.networkmanager("true")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    path = f"{SETTINGS}/7"
    networkmanager.bus.methods[path, f"{NM_SETTINGS}.Connection.GetSecrets"] = lambda _name: ("a{sa{sv}}", ({},))
    found = (manager(machine),)
    (stored,) = as_stored(found, {"wlan0": b"corp"})
    assert [profile.can_join("psk") for profile in stored.profiles or ()] == [False, True]
    assert as_stored(found, {}) == found
    networkmanager.bus.greeting = b"REJECTED\r\n"
    assert as_stored(found, {"wlan0": b"corp"}) == found


def test_nobody_is_asked_for_credentials_of_what_is_not_networkmanagers_or_not_known(
    machine: Machine, networkmanager: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.networkmanager("true")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    profiles = manager(machine).profiles
    found = (Managed("wlan0", "wpa_supplicant", "2.10", profiles), Managed("wlan1", "networkmanager"))
    assert as_stored(found, {"wlan0": b"corp", "wlan1": b"corp"}) == found
    assert networkmanager.bus.called("GetSecrets") == []


def test_without_jeepney_networkmanagers_profiles_are_unreadable(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    machine.networkmanager("true")
    monkeypatch.setattr(f"{dbus.__name__}.importlib.import_module", missing)
    assert manager(machine, "supplicant.wlan0").trouble == "library_missing"


def test_a_record_of_a_networkmanager_that_ended_is_nothing(machine: Machine) -> None:
    machine.write("run/NetworkManager/devices/3", "[device]\nmanaged=true\n")
    assert manager(machine).manager == "none"


def test_iwd(machine: Machine) -> None:
    machine.process(700, "iwd")
    machine.process(701, "wpa_supplicant", "net:[2]")
    assert manager(machine).manager == "iwd"


# -- what may not be known --------------------------------------------------------------------------------------------


@pytest.fixture
def denied(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """An ordinary user, for whom the supplicant's folder is closed."""

    def refuse(interface: str, directories: List[str]) -> str:
        raise AccessDenied("not for this user", where=directories[0])

    monkeypatch.setattr(survey, "control_socket", refuse)
    return machine


def test_a_closed_control_socket(denied: Machine) -> None:
    denied.process(700, "wpa_supplicant")
    found = manager(denied, "supplicant.wlan0")
    assert (found.manager, found.trouble, found.profiles) == ("wpa_supplicant", "access_denied", None)


def test_a_closed_folder_and_nobody_behind_it(denied: Machine) -> None:
    assert manager(denied).manager == "none"
    denied.process(700, "iwd")
    assert manager(denied).manager == "iwd"


def test_a_closed_folder_that_may_be_networkmanagers(denied: Machine) -> None:
    denied.networkmanager(None)
    denied.process(700, "wpa_supplicant")
    assert manager(denied, "supplicant.wlan0").manager is None
    denied.write("run/NetworkManager/devices/3", "[device]\nmanaged=false\n")
    assert manager(denied, "supplicant.wlan0").manager == "wpa_supplicant"


def test_hidden_processes(machine: Machine) -> None:
    (machine.path / "proc/1/comm").unlink()
    assert manager(machine, "supplicant.manager").manager is None
    with Supplicant(machine.socket_path()):
        assert manager(machine, "supplicant.manager").manager == "wpa_supplicant"
        # Whether this NetworkManager still lives, nobody knows.
        machine.write("run/NetworkManager/devices/3", "[device]\nmanaged=true\n")
        assert manager(machine, "supplicant.manager").manager is None


def test_a_record_that_can_not_be_read(machine: Machine) -> None:
    machine.networkmanager(None)
    path = machine.path / "run/NetworkManager/devices/3"
    path.unlink()
    path.mkdir()
    assert manager(machine, "supplicant.wlan0").manager == "networkmanager"


def test_an_interface_without_an_index(machine: Machine) -> None:
    machine.networkmanager("true")
    assert read_managers([("wlan0", None)], Reading(), Patience(60.0), machine.places)[0].manager == "networkmanager"


def test_a_fault_of_ours_does_not_end_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(interface: str, directories: List[str]) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(survey, "control_socket", broken)
    assert manager(machine, "supplicant.wlan0") == Managed("wlan0", None)
