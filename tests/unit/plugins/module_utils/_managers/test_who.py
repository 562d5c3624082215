# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Iterator, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers import survey, who
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import profiles as _profiles
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.files import IWD_REMEDY
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM, NM_SETTINGS
from ansible_collections.vpro.fleet.plugins.module_utils._managers.survey import as_stored, read_managers
from ansible_collections.vpro.fleet.plugins.module_utils._managers.who import (
    backend_by_name,
    backend_from_within,
    backend_of,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, NotFound, TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, Machine, Supplicant
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import SETTINGS

WLAN0: List[Tuple[str, Optional[int]]] = [("wlan0", 3)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture(autouse=True)
def networkmanager(fake_bus: FakeBus) -> Laptop:
    """What NetworkManager says where it runs."""
    return Laptop(fake_bus)


def manager(machine: Machine, *unreadable: str, budget: float = 60.0) -> Managed:
    reading = Reading()
    found = read_managers(WLAN0, reading, budget, machine.root)
    assert [note.what for note in reading.unreadable] == list(unreadable)
    assert [managed.interface for managed in found] == ["wlan0"]
    return found[0]


def test_nobody(machine: Machine) -> None:
    assert manager(machine) == Managed("wlan0", "none")


def test_no_interface_asks_nobody(tmp_path: Path) -> None:
    reading = Reading()
    assert read_managers([], reading, 1.0, str(tmp_path / "nowhere")) == ()
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


@pytest.mark.parametrize(
    ("record", "silent", "version"),
    [("true", "Get", None), ("true", "ListConnections", "1.42.4"), (None, "ListConnections", "1.42.4")],
)
def test_a_networkmanager_that_does_not_answer_costs_its_share_of_time(
    machine: Machine, networkmanager: Laptop, record: Optional[str], silent: str, version: Optional[str]
) -> None:
    machine.networkmanager(record)
    networkmanager.bus.silent.append(silent)
    begun = time.monotonic()
    found = manager(machine, "supplicant.wlan0", budget=0.5)
    assert found == Managed("wlan0", "networkmanager", version, None, "timed_out")
    assert time.monotonic() - begun < 2.5


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


@pytest.mark.parametrize(("seconds", "profiles"), [(5.0, 7), (0.5, None)])
def test_a_networkmanager_that_goes_on_answering_may_take_longer(
    machine: Machine,
    networkmanager: Laptop,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    profiles: Optional[int],
) -> None:
    monkeypatch.setattr(survey, "_ANSWERING_SECONDS", seconds)
    path, get = next(iter(networkmanager.profiles)), f"{NM_SETTINGS}.Connection.GetSettings"
    told = networkmanager.bus.methods[path, get]

    def slowly() -> Optional[Tuple[str, Tuple[Any, ...]]]:
        time.sleep(0.25)
        return told()

    machine.networkmanager("true")
    for number in range(100, 105):
        networkmanager.profiles[f"{SETTINGS}/{number}"] = networkmanager.profiles[path]
        networkmanager.bus.methods[f"{SETTINGS}/{number}", get] = slowly
    found = manager(machine, *([] if profiles else ["supplicant.wlan0"]), budget=1.0)
    assert (None if found.profiles is None else len(found.profiles)) == profiles


def test_without_jeepney_networkmanagers_profiles_are_unreadable(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    machine.networkmanager("true")
    monkeypatch.setattr(f"{dbus.__name__}.importlib.import_module", missing)
    assert manager(machine, "supplicant.wlan0").trouble == "library_missing"


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
        backend = backend_of("wlan0", 3, machine.root)
        assert isinstance(backend, expected)
        # It is asked about this interface, and answers.
        assert backend.interface == "wlan0"
        assert len(backend.profiles()) == (2 if expected is NetworkManagerBackend else 0)


def test_there_is_no_backend_where_nobody_runs_it_or_iwd_does(machine: Machine) -> None:
    with pytest.raises(NotFound, match="no wpa_supplicant offers"):
        backend_of("wlan0", 3, machine.root)
    machine.process(700, "iwd")
    with pytest.raises(NotFound, match="iwd runs wlan0") as caught:
        backend_of("wlan0", 3, machine.root)
    assert caught.value.remedy == "Use wpa_supplicant or NetworkManager"
    machine.networkmanager("false")
    with pytest.raises(NotFound, match="iwd runs wlan0"):
        backend_of("wlan0", 3, machine.root)


def test_the_backend_of_an_interface_without_an_index(machine: Machine) -> None:
    machine.networkmanager("true")
    assert isinstance(backend_of("wlan0", None, machine.root), NetworkManagerBackend)


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
        backend = backend_from_within("wlan0", 3, machine.root)
        assert isinstance(backend, expected)
        assert backend.interface == "wlan0"


@pytest.mark.parametrize("record", ["true", None])
def test_a_service_waits_for_networkmanager_within_bounds(
    machine: Machine, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch, record: Optional[str]
) -> None:
    monkeypatch.setattr(who, "_SERVICE_SECONDS", 0.3)
    fake_bus.silent.append("ListConnections")
    machine.networkmanager(record)
    backend = backend_from_within("wlan0", 3, machine.root)
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        backend.profiles()
    assert time.monotonic() - begun < 8.0


def test_the_bus_is_not_asked_where_networkmanager_never_ran_or_is_told_to_let_go(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> bool:
        raise AssertionError("the bus is asked")

    monkeypatch.setattr(f"{_profiles.__name__}.networkmanager_runs", asked)
    with pytest.raises(NotFound):
        backend_from_within("wlan0", 3, machine.root)
    machine.networkmanager("false")
    with pytest.raises(NotFound):
        backend_from_within("wlan0", 3, machine.root)


def test_sockets_that_are_closed_to_a_service_may_be_those_below_networkmanager(
    machine: Machine, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(interface: str, directories: object) -> str:
        raise AccessDenied("not for this user")

    monkeypatch.setattr(f"{who.__name__}.control_socket", closed)
    machine.networkmanager(None)
    assert isinstance(backend_from_within("wlan0", 3, machine.root), NetworkManagerBackend)
    fake_bus.absent.append(NM)
    with pytest.raises(AccessDenied):
        backend_from_within("wlan0", 3, machine.root)


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


def test_a_record_of_a_networkmanager_that_ended_is_nothing(machine: Machine) -> None:
    machine.write("run/NetworkManager/devices/3", "[device]\nmanaged=true\n")
    assert manager(machine).manager == "none"


def test_iwd_beside_networkmanager_is_not_below_it(machine: Machine) -> None:
    machine.networkmanager("true")
    machine.process(700, "iwd")
    assert manager(machine).manager == "networkmanager"
    assert isinstance(backend_of("wlan0", 3, machine.root), NetworkManagerBackend)


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
            backend("wlan0", 3, machine.root)
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
            backend_of("wlan0", 3, machine.root)
    else:
        assert isinstance(backend_of("wlan0", 3, machine.root), NetworkManagerBackend)


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
    assert read_managers([("wlan0", None)], Reading(), 1.0, machine.root)[0].manager == "networkmanager"


def test_a_fault_of_ours_does_not_end_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(interface: str, directories: List[str]) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(survey, "control_socket", broken)
    assert manager(machine, "supplicant.wlan0") == Managed("wlan0", None)


# -- time -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def dead(machine: Machine) -> Iterator[Machine]:
    """Three interfaces with a supplicant that is there and says nothing."""
    machine.process(700, "wpa_supplicant")
    sockets = []
    for number in range(3):
        sockets.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        sockets[-1].bind(str(machine.socket_path(f"wlan{number}")))
    yield machine
    for each in sockets:
        each.close()


INTERFACES: List[Tuple[str, Optional[int]]] = [("wlan0", 3), ("wlan1", 4), ("wlan2", 5)]


def test_dead_supplicants_cost_the_budget_once(dead: Machine) -> None:
    reading = Reading()
    began = time.monotonic()
    found = read_managers(INTERFACES, reading, 0.9, dead.root)
    assert 0.8 < time.monotonic() - began < 2.6
    assert [(each.manager, each.trouble) for each in found] == [("wpa_supplicant", "timed_out")] * 3
    assert [note.what for note in reading.unreadable] == ["supplicant.wlan0", "supplicant.wlan1", "supplicant.wlan2"]


def test_the_budget_is_a_second() -> None:
    assert survey.BUDGET == 1.0


def test_a_dead_supplicant_leaves_time_for_the_others(dead: Machine) -> None:
    os.unlink(dead.socket_path("wlan2"))
    with Supplicant(dead.socket_path("wlan2")) as alive:
        alive.network("corp", psk="*")
        found = read_managers(INTERFACES, Reading(), 1.5, dead.root)
    assert [each.trouble for each in found] == ["timed_out", "timed_out", None]


@pytest.fixture
def dawdler(machine: Machine) -> Iterator[Machine]:
    """A supplicant with ten networks that takes its time for each answer."""

    def dawdle(command: str) -> None:
        time.sleep(0.03)

    with Supplicant(machine.socket_path(), dawdle) as supplicant:
        for _number in range(10):
            supplicant.network("corp", psk="*")
        yield machine


def test_one_that_goes_on_answering_may_take_longer(dawdler: Machine) -> None:
    began = time.monotonic()
    assert len(manager(dawdler, budget=1.0).profiles or ()) == 10
    assert time.monotonic() - began > 1.0


def test_one_that_dawdles_for_ever_is_asked_no_more(dawdler: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "_ANSWERING_SECONDS", 1.0)
    found = manager(dawdler, "supplicant.wlan0", budget=1.0)
    assert (found.version, found.trouble) == ("2.10", "timed_out")


def test_a_budget_of_nothing(dead: Machine) -> None:
    assert [each.trouble for each in read_managers(INTERFACES, Reading(), 0.0, dead.root)] == ["timed_out"] * 3
