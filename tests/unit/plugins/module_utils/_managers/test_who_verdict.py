# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs an interface, as it is decided: by the record, what runs, and what wpa_supplicant answers."""

from __future__ import annotations

import socket
from typing import Dict, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.who import (
    InterfaceManager,
    has_socket,
    who_runs,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.control import control_directories
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    NotFound,
    TimedOut,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

NONE_THERE = NotFound("no control socket")
DENIED = AccessDenied("not for this user")
SILENT = TimedOut("it does not answer")
Running = Dict[str, Optional[bool]]


class Asked:
    """What is asked before it is decided, and the answers."""

    def __init__(self, running: Running, error: Optional[FleetError]) -> None:
        self.running = running
        self.error = error
        self.questions: List[str] = []

    def runs(self, name: str) -> Optional[bool]:
        self.questions.append(name)
        return self.running[name]

    def serves(self) -> Optional[FleetError]:
        self.questions.append("serves")
        return self.error


def running(networkmanager: Optional[bool], wpa: Optional[bool] = True, iwd: Optional[bool] = False) -> Running:
    return {"NetworkManager": networkmanager, "wpa_supplicant": wpa, "iwd": iwd}


def decide(
    machine: Machine, what: Running, error: Optional[FleetError], ifindex: Optional[int] = 3
) -> Tuple[InterfaceManager, List[str]]:
    """Return who runs wlan0, and what was asked for that, each question once and in order."""
    asked = Asked(what, error)
    verdict = who_runs("wlan0", ifindex, asked.runs, asked.serves, machine.places)
    return verdict, list(dict.fromkeys(asked.questions))


@pytest.mark.parametrize("runs", [True, None])
def test_a_record_decides_while_networkmanager_may_run(machine: Machine, runs: Optional[bool]) -> None:
    machine.networkmanager("true")
    verdict, questions = decide(machine, running(runs), None)
    assert verdict == InterfaceManager("networkmanager" if runs else None)
    assert questions == ["NetworkManager"], "the supplicant below it is not asked"


@pytest.mark.parametrize(
    ("record", "runs"), [("true", False), ("false", True), ("false", None), (None, True), (None, None), (None, False)]
)
def test_who_serves_the_interface_runs_it_unless_a_record_decides(
    machine: Machine, record: Optional[str], runs: Optional[bool]
) -> None:
    machine.networkmanager(record)
    assert decide(machine, running(runs, wpa=None, iwd=True), None)[0] == InterfaceManager("wpa_supplicant")


@pytest.mark.parametrize("runs", [True, None, False])
def test_who_is_there_and_does_not_answer_runs_it_all_the_same(machine: Machine, runs: Optional[bool]) -> None:
    verdict, _questions = decide(machine, running(runs), SILENT)
    assert verdict == InterfaceManager("wpa_supplicant", supplicant_error=SILENT)


@pytest.mark.parametrize(
    ("what", "error", "verdict"),
    [
        # NetworkManager may run it, and there is no control socket.
        (running(True), NONE_THERE, InterfaceManager("networkmanager", sure=False)),
        (running(None), NONE_THERE, InterfaceManager(None, supplicant_error=NONE_THERE)),
        # The control sockets are closed to this user. They may be those of NetworkManager's wpa_supplicant.
        (running(True), DENIED, InterfaceManager("networkmanager", sure=False, supplicant_error=DENIED)),
        (running(True, wpa=None), DENIED, InterfaceManager("networkmanager", sure=False, supplicant_error=DENIED)),
        (running(None), DENIED, InterfaceManager(None, supplicant_error=DENIED)),
        # There is no wpa_supplicant behind them.
        (running(True, wpa=False), DENIED, InterfaceManager("networkmanager", sure=False)),
        (running(None, wpa=False), DENIED, InterfaceManager(None, supplicant_error=DENIED)),
    ],
)
def test_a_networkmanager_without_a_record_is_not_sure(
    machine: Machine, what: Running, error: FleetError, verdict: InterfaceManager
) -> None:
    assert decide(machine, what, error)[0] == verdict


@pytest.mark.parametrize(("record", "runs"), [(None, False), ("false", True), ("false", None), ("true", False)])
@pytest.mark.parametrize(
    ("wpa", "iwd", "error", "manager"),
    [
        (True, False, DENIED, "wpa_supplicant"),
        (None, False, DENIED, "wpa_supplicant"),
        (True, True, DENIED, "wpa_supplicant"),
        (False, True, DENIED, "iwd"),
        (False, False, DENIED, "none"),
        (False, None, DENIED, None),
        (True, False, NONE_THERE, "wpa_supplicant"),
        (True, True, NONE_THERE, "iwd"),
        (False, False, NONE_THERE, "none"),
        (None, False, NONE_THERE, "none"),
        (True, None, NONE_THERE, None),
    ],
)
def test_without_networkmanager(
    machine: Machine,
    record: Optional[str],
    runs: Optional[bool],
    wpa: Optional[bool],
    iwd: Optional[bool],
    error: FleetError,
    manager: Optional[str],
) -> None:
    machine.networkmanager(record)
    assert decide(machine, running(runs, wpa, iwd), error)[0] == InterfaceManager(manager, supplicant_error=error)


@pytest.mark.parametrize(
    ("record", "error", "verdict"),
    [
        ("true", None, InterfaceManager("iwd", through_networkmanager=True)),
        (None, NONE_THERE, InterfaceManager("iwd", sure=False, through_networkmanager=True)),
        (None, DENIED, InterfaceManager("iwd", sure=False, through_networkmanager=True, supplicant_error=DENIED)),
    ],
)
def test_iwd_below_networkmanager(
    machine: Machine, record: Optional[str], error: Optional[FleetError], verdict: InterfaceManager
) -> None:
    machine.networkmanager(record)
    machine.write("etc/NetworkManager/conf.d/iwd.conf", "[device]\nwifi.backend=iwd\n")
    assert decide(machine, running(True), error)[0] == verdict


@pytest.mark.parametrize("record", ["false", None])
def test_an_interface_that_waits_for_its_bring_up_is_networkmanagers(machine: Machine, record: Optional[str]) -> None:
    machine.networkmanager(record)
    machine.write("run/NetworkManager/conf.d/amt-wifi-watcher-wlan0.conf", "")
    assert decide(machine, running(True), None)[0] == InterfaceManager("networkmanager")


def test_without_an_index_there_is_no_record(machine: Machine) -> None:
    machine.networkmanager("true")
    verdict, _questions = decide(machine, running(True), NONE_THERE, ifindex=None)
    assert verdict == InterfaceManager("networkmanager", sure=False)


@pytest.mark.parametrize(
    ("what", "error", "manager"),
    [
        (running(True), NONE_THERE, "networkmanager"),
        (running(True), DENIED, "networkmanager"),
        (running(None), DENIED, None),
        (running(None), NONE_THERE, None),
        (running(True), None, "wpa_supplicant"),
        (running(False), DENIED, "wpa_supplicant"),
    ],
)
def test_a_record_that_can_not_be_read_is_told(
    machine: Machine, what: Running, error: Optional[FleetError], manager: Optional[str]
) -> None:
    (machine.path / "run/NetworkManager/devices/3").mkdir(parents=True)
    verdict, _questions = decide(machine, what, error)
    assert verdict.manager == manager
    assert isinstance(verdict.record_error, FleetError)
    assert verdict.sure == (manager != "networkmanager")


def test_a_control_socket_stands_for_its_service(machine: Machine) -> None:
    directories = control_directories(machine.places)
    assert directories == (f"{machine.root}/run/wpa_supplicant", f"{machine.root}/var/run/wpa_supplicant")
    serves = has_socket("wlan0", directories)
    assert isinstance(serves(), NotFound)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(str(machine.socket_path()))
        assert serves() is None
        assert isinstance(has_socket("wlan1", directories)(), NotFound)


def test_directories_that_are_closed_are_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_path: str) -> None:
        raise PermissionError

    monkeypatch.setattr("os.stat", closed)
    assert isinstance(has_socket("wlan0", ("/run/wpa_supplicant",))(), AccessDenied)


def test_an_interface_that_is_held_back_is_networkmanagers_by_its_name(machine: Machine) -> None:
    machine.networkmanager("false")
    machine.write("run/NetworkManager/conf.d/amt-wifi-watcher-wlan0.conf", "")
    for ifindex in (None, 3):
        verdict, _questions = decide(machine, running(True), NONE_THERE, ifindex=ifindex)
        assert verdict == InterfaceManager("networkmanager")


@pytest.mark.parametrize("record", ["true", "false", None])
@pytest.mark.parametrize("error", [None, NONE_THERE, AccessDenied("closed")])
def test_no_question_is_asked_twice(machine: Machine, record: Optional[str], error: Optional[FleetError]) -> None:
    """Over the bus, each one opens a connection."""
    machine.networkmanager(record)
    asked = Asked(running(False, wpa=True, iwd=False), error)
    who_runs("wlan0", 3, asked.runs, asked.serves, machine.places)
    assert len(asked.questions) == len(set(asked.questions))
