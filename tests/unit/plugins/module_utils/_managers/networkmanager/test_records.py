# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import records
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import control
from ansible_collections.vpro.fleet.plugins.module_utils._system import process, systemd
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, FleetError, NotFound
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

NAMES = frozenset({"wpa_supplicant", "NetworkManager", "iwd"})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_runs(machine: Machine) -> None:
    assert process.running(NAMES, machine.root) == frozenset()
    machine.process(700, "iwd")
    machine.process(701, "wpa_supplicant")
    machine.process(702, "iwdx")
    machine.write("proc/not-a-process/comm", "NetworkManager")
    (machine.path / "proc/703").mkdir()  # it ended meanwhile
    assert process.running(NAMES, machine.root) == {"iwd", "wpa_supplicant"}


@pytest.mark.parametrize(("namespace", "counts"), [("net:[1]", True), ("net:[2]", False), (None, True)])
def test_another_network_namespace_has_other_interfaces(
    machine: Machine, namespace: Optional[str], counts: bool
) -> None:
    machine.process(700, "iwd", namespace)
    assert ("iwd" in process.running(NAMES, machine.root)) == counts


def test_processes_that_are_hidden(machine: Machine) -> None:
    machine.process(700, "iwd")
    (machine.path / "proc/1/comm").unlink()
    with pytest.raises(AccessDenied, match="the processes of others are hidden") as caught:
        process.running(NAMES, machine.root)
    assert (caught.value.where, caught.value.remedy) == (str(machine.path / "proc"), "Run this as root")


def test_no_procfs(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        process.running(NAMES, str(tmp_path))


def test_this_machine_has_a_first_process() -> None:
    assert process.running(frozenset({Path("/proc/1/comm").read_text().strip()})) != frozenset()


@pytest.mark.parametrize(
    ("record", "managed"),
    [
        ("[device]\nmanaged=true\nconnection-uuid=x\n", True),
        ("[device]\nmanaged=false\n", False),
        ("[device]\nperm-hw-addr-fake=x\n", None),
        ("[dhcp4]\ndhcp4.x=managed=true\n", None),
        ("", None),
        ("\0\xff managed=\n", None),
    ],
)
def test_what_networkmanager_recorded(machine: Machine, record: str, managed: Optional[bool]) -> None:
    machine.write("run/NetworkManager/devices/3", record)
    assert records.networkmanager_manages(3, machine.root) is managed
    assert records.networkmanager_manages(4, machine.root) is None


def test_a_record_that_can_not_be_read(machine: Machine) -> None:
    (machine.path / "run/NetworkManager/devices/3").mkdir(parents=True)
    with pytest.raises(FleetError):
        records.networkmanager_manages(3, machine.root)


def test_without_a_folder_of_its_state_networkmanager_was_never_here(machine: Machine) -> None:
    assert not records.networkmanager_was_here(machine.root)
    machine.networkmanager("true")
    assert records.networkmanager_was_here(machine.root)


def test_networkmanager_waits_while_the_file_of_that_interface_is_there(machine: Machine) -> None:
    machine.write("run/NetworkManager/conf.d/amt-wifi-watcher-wlan0.conf", "")
    assert records.networkmanager_waits("wlan0", machine.root)
    assert not records.networkmanager_waits("wlan1", machine.root)


@pytest.mark.parametrize(
    ("link", "enabled"),
    [
        ("etc/systemd/system/multi-user.target.wants/wpa_supplicant@wl\\x2d0.service", True),
        ("run/systemd/system/multi-user.target.requires/wpa_supplicant@wl\\x2d0.service", True),
        ("etc/systemd/system/multi-user.target.wants/wpa_supplicant@wlan1.service", False),
        ("etc/systemd/system/multi-user.target.d/wpa_supplicant@wl\\x2d0.service", False),
        ("etc/systemd/system/wpa_supplicant@wl\\x2d0.service", False),
    ],
)
def test_a_supplicant_is_enabled_by_what_wants_or_requires_it(machine: Machine, link: str, enabled: bool) -> None:
    at = machine.path / link
    at.parent.mkdir(parents=True)
    at.symlink_to("/nowhere/wpa_supplicant@.service")  # the template may not be there yet
    assert control.supplicant_is_enabled("wl-0", machine.root) is enabled


@pytest.mark.parametrize(
    ("name", "instance"), [("wlan0", "wlan0"), ("Az9:_.", "Az9:_."), ("wl-0 é", "wl\\x2d0\\x20\\xc3\\xa9")]
)
def test_a_name_becomes_an_instance_as_systemd_escapes_it(name: str, instance: str) -> None:
    assert systemd.instance(name) == instance
