# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what the watcher says of itself, also where it is damaged or of a newer version."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.handover_record import HandoverRecord
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state import read_watcher
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

STATE = "run/amt-wifi-watcher/state.json"
HANDOVER = {
    "outcome": "protected",
    "at": "2026-11-22T08:00:00Z",
    "request_to_connected_ms": 221,
    "request_to_address_ms": 290,
    "session_kept": True,
}
WHOLE: Dict[str, Any] = {"pid": 700, "version": "1.0.0", "state": "idle", "last_handover": HANDOVER, "newer": [1]}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.process(700, "python3")
    return machine


def read(machine: Machine) -> WatcherReport:
    reading = Reading()
    watcher = read_watcher(reading, machine.places)
    assert reading.unreadable == ()
    return watcher


def test_none(machine: Machine) -> None:
    machine.write("etc/systemd/system/other.service", "")
    assert read(machine) == WatcherReport(installed=False, running=False)


@pytest.mark.parametrize("folder", ["etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"])
def test_installed(machine: Machine, folder: str) -> None:
    machine.write(f"{folder}/amt-wifi-watcher.service", "")
    assert read(machine) == WatcherReport(installed=True, running=False)


def test_a_watcher_that_waits_for_something_does_not_run(machine: Machine) -> None:
    machine.write("etc/systemd/system/amt-wifi-watcher.service", "")
    machine.write(STATE, json.dumps({**WHOLE, "state": "lacking", "lacks": "pyroute2 can't be used"}))
    watcher = read(machine)
    assert (watcher.running, watcher.state, watcher.lacks) == (False, "lacking", "pyroute2 can't be used")
    machine.write(STATE, json.dumps({**WHOLE, "pid": 701, "state": "lacking", "lacks": "pyroute2 can't be used"}))
    watcher = read(machine)
    assert (watcher.running, watcher.lacks) == (False, None), "it waits no more"


def test_the_interfaces_that_it_is_busy_with(machine: Machine) -> None:
    states = ("handover", "staying", "watching", "left")
    radios = [{"interface": f"wlan{number}", "state": each} for number, each in enumerate(states)]
    machine.write(STATE, json.dumps({**WHOLE, "radios": [*radios, 7]}))
    assert read(machine).busy == {"wlan0", "wlan1"}
    machine.write(STATE, json.dumps({**WHOLE, "pid": 701, "radios": radios}))
    assert read(machine).busy == frozenset(), "it ended"


def test_a_state_that_is_no_file_makes_nobody_wait(machine: Machine) -> None:
    """The folder is the watcher's user's, and root reads the state."""
    path = machine.path / STATE
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    reading = Reading()
    assert read_watcher(reading, machine.places).running is None
    assert "Not a regular file" in reading.unreadable[0].why
    path.unlink()
    (machine.path / "theirs").write_text("{}")
    path.symlink_to(machine.path / "theirs")
    assert read_watcher(Reading(), machine.places).running is None


def test_running(machine: Machine) -> None:
    machine.write(STATE, json.dumps(WHOLE))
    handover = HandoverRecord("protected", "2026-11-22T08:00:00Z", 221, 290, True)
    assert read(machine) == WatcherReport(False, True, "1.0.0", "idle", handover)


def test_who_runs_what_it_watches(machine: Machine) -> None:
    radios = [{"interface": "wlan0", "manager": "networkmanager"}, {"interface": "wlan1", "manager": None}, {}, 7]
    machine.write(STATE, json.dumps({**WHOLE, "radios": radios}))
    assert read(machine).managers == {"wlan0": "networkmanager", "wlan1": None}


def test_what_it_leaves_to_csme(machine: Machine) -> None:
    radios = [
        {"interface": "wlan0", "state": "left", "reason": "taken_back"},
        {"interface": "wlan1", "state": "retrying", "reason": "denied"},
        {"interface": "wlan2", "state": "left", "reason": "idle"},  # as it was told
        {"interface": "wlan3", "state": "left", "reason": None},
        {"interface": "wlan4", "state": "held", "reason": "no_credentials"},
        {"interface": "wlan5", "state": "watching", "reason": None},
        *({}, 7),
    ]
    machine.write(STATE, json.dumps({**WHOLE, "radios": radios}))
    assert read(machine).left == {"wlan0": "taken_back", "wlan1": "denied"}
    machine.write(STATE, json.dumps({**WHOLE, "radios": 7}))
    assert read(machine).left == {}


@pytest.mark.parametrize("pid", [701, None, "700", True, 700.0, -1, 10**400])
def test_a_state_that_nobody_keeps(machine: Machine, pid: Any) -> None:
    held = [{"interface": "wlan0", "state": "held"}, {"interface": "wlan1", "state": "left", "reason": "denied"}]
    machine.write(STATE, json.dumps({**WHOLE, "pid": pid, "radios": held}))
    assert read(machine) == WatcherReport(installed=False, running=False), "nothing of it counts any more"


@pytest.mark.parametrize("value", [None, 1, [], {}, {"outcome": 5, "request_to_connected_ms": "1", "session_kept": 1}])
def test_values_of_other_types_are_left_out(machine: Machine, value: Any) -> None:
    machine.write(STATE, json.dumps({"pid": 700, "version": value, "state": value, "last_handover": value}))
    watcher = read(machine)
    assert (watcher.running, watcher.version, watcher.state) == (True, None, None)
    assert watcher.last_handover in (None, HandoverRecord(None, None, None, None, None))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "\0", "[" * 60000, "[" * 100000, '{"pid": ' + "9" * 5000 + "}"])
def test_rubbish_is_named(machine: Machine, text: str) -> None:
    machine.write(STATE, text)
    reading = Reading()
    assert read_watcher(reading, machine.places) == WatcherReport(False, None)
    assert [unreadable.what for unreadable in reading.unreadable] == ["watcher"]
    kind = "a mapping" if text in ("[]", "7") else "JSON"
    said = f"the watcher's state is not {kind} ({machine.path / STATE}). Restart amt-wifi-watcher.service"
    assert reading.unreadable[0].why == said


def test_a_state_that_is_no_file(machine: Machine) -> None:
    (machine.path / STATE).mkdir(parents=True)
    reading = Reading()
    assert read_watcher(reading, machine.places).running is None
    assert [unreadable.what for unreadable in reading.unreadable] == ["watcher"]


@pytest.mark.parametrize(
    ("radios", "held"),
    [
        (
            [
                {
                    "interface": "wlan0",
                    "state": "held",
                    "wanted": {"ssid": "corp", "ssid_hex": "636f7270", "auth": "psk"},
                },
                {
                    "interface": "wlan1",
                    "state": "left",
                    "wanted": {"ssid": "corp", "ssid_hex": "636f7270", "auth": "psk"},
                },
            ],
            {"wlan0": "'corp' (psk)"},
        ),
        (
            [{"interface": "wlan0", "state": "held", "wanted": {"ssid": "\x1b", "ssid_hex": None, "auth": None}}],
            {"wlan0": "a network whose name is not known (unknown security)"},
        ),
        ([], {}),
        ({"interface": "wlan0"}, {}),
        ([None, {"state": "held", "wanted": None}], {"None": "CSME's network"}),
    ],
)
def test_what_is_held_back(machine: Machine, radios: Any, held: Dict[str, str]) -> None:
    machine.write(STATE, json.dumps({**WHOLE, "radios": radios}))
    assert read(machine).held == held
