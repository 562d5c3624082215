# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long is waited for who runs an interface, whoever answers."""

from __future__ import annotations

import os
import socket
from typing import Any, Iterator, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers import survey
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM_SETTINGS
from ansible_collections.vpro.fleet.plugins.module_utils._managers.survey import read_managers
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import control
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus, patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.fake_survey import manager
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.clock import Clock
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine, Supplicant
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import SETTINGS

pytestmark = pytest.mark.usefixtures("networkmanager")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch, patience, control, dbus)


@pytest.mark.parametrize(
    ("record", "silent", "version"),
    [("true", "Get", None), ("true", "ListConnections", "1.42.4"), (None, "ListConnections", "1.42.4")],
)
def test_a_networkmanager_that_does_not_answer_costs_its_share_of_time(
    machine: Machine,
    networkmanager: Laptop,
    clock: Clock,
    record: Optional[str],
    silent: str,
    version: Optional[str],
) -> None:
    machine.networkmanager(record)
    networkmanager.bus.silent.append(silent)
    networkmanager.bus.when_silent = lambda: clock.passes(60.0)
    began = clock.now
    found = manager(machine, "supplicant.wlan0", patience=Patience(60.0, call=600.0))
    assert found == Managed("wlan0", "networkmanager", version, None, "timed_out")
    assert clock.now - began == 60.0


@pytest.mark.parametrize(("seconds", "profiles"), [(500.0, 7), (5.0, None)])
def test_a_networkmanager_that_goes_on_answering_may_take_longer(
    machine: Machine,
    networkmanager: Laptop,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    profiles: Optional[int],
) -> None:
    path, get = next(iter(networkmanager.profiles)), f"{NM_SETTINGS}.Connection.GetSettings"
    receive = dbus.SystemBus._receive

    # Each answer takes its time where it is waited for. All were asked for before, and may have come at once.
    def slowly(bus: dbus.SystemBus, end: float, where: str) -> Any:
        message = receive(bus, end, where)
        clock.passes(4.0 if where.endswith("GetSettings") else 0.0)
        return message

    monkeypatch.setattr(dbus.SystemBus, "_receive", slowly)
    machine.networkmanager("true")
    for number in range(100, 105):
        networkmanager.profiles[f"{SETTINGS}/{number}"] = networkmanager.profiles[path]
        networkmanager.bus.methods[f"{SETTINGS}/{number}", get] = networkmanager.bus.methods[path, get]
    found = manager(machine, *([] if profiles else ["supplicant.wlan0"]), patience=Patience(15.0, call=seconds))
    assert (None if found.profiles is None else len(found.profiles)) == profiles


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


def test_dead_supplicants_cost_the_time_for_an_answer_once(dead: Machine) -> None:
    reading = Reading()
    found = read_managers(INTERFACES, reading, Patience(0.9, call=600.0), dead.places)
    assert [(each.manager, each.trouble) for each in found] == [("wpa_supplicant", "timed_out")] * 3
    assert [note.what for note in reading.unreadable] == ["supplicant.wlan0", "supplicant.wlan1", "supplicant.wlan2"]
    assert [note.why.split(" within ")[1][:5] for note in reading.unreadable] == ["0.3 s"] * 3


def test_dead_supplicants_cost_a_second_and_all_of_them_at_most_five() -> None:
    assert Patience(answer=1.0, call=5.0) == survey.SURVEY


def test_a_dead_supplicant_leaves_time_for_the_others(dead: Machine) -> None:
    os.unlink(dead.socket_path("wlan2"))
    with Supplicant(dead.socket_path("wlan2")) as alive:
        alive.network("corp", psk="*")
        found = read_managers(INTERFACES, Reading(), Patience(9.0, call=600.0), dead.places)
    assert [each.trouble for each in found] == ["timed_out", "timed_out", None]


@pytest.fixture
def dawdler(machine: Machine, clock: Clock) -> Iterator[Machine]:
    """A supplicant with ten networks that takes its time for each answer."""

    def dawdle(_command: str) -> None:
        clock.passes(1.0)

    with Supplicant(machine.socket_path(), dawdle) as supplicant:
        for _number in range(10):
            supplicant.network("corp", psk="*")
        yield machine


def test_one_that_goes_on_answering_may_take_longer(dawdler: Machine, clock: Clock) -> None:
    began = clock.now
    assert len(manager(dawdler, patience=Patience(15.0, call=600.0)).profiles or ()) == 10
    assert clock.now - began > 15.0


def test_one_that_dawdles_for_ever_is_asked_no_more(dawdler: Machine, clock: Clock) -> None:
    began = clock.now
    found = manager(dawdler, "supplicant.wlan0", patience=Patience(15.0, call=15.0))
    assert (found.version, found.trouble) == ("2.10", "timed_out")
    assert clock.now - began == 15.0


def test_no_time_at_all(dead: Machine) -> None:
    assert [each.trouble for each in read_managers(INTERFACES, Reading(), Patience(0.0, call=5.0), dead.places)] == [
        "timed_out"
    ] * 3
