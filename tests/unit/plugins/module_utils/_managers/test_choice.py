# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom the networks of an interface are configured with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.choice import choose
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM, NM_DEVICE, NM_PATH
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, Refused
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError, FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import (
    DEVICE,
    FakeNetworkManager,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeSupplicant


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.interface()
    return made


def chosen(machine: Machine, asked: str = "auto", interface: str = "wlan0") -> str:
    choice = choose(asked, interface, machine.places)
    assert choice.warnings == ()
    return choice.backend


@pytest.fixture
def networkmanager(fake_bus: FakeBus) -> FakeNetworkManager:
    return FakeNetworkManager(fake_bus)


def listening(machine: Machine) -> FakeSupplicant:
    """Return a wpa_supplicant with a control socket for wlan0."""
    folder = machine.path / "run/wpa_supplicant"
    folder.mkdir()
    conf = machine.path / "wlan0.conf"
    conf.write_text("")
    return FakeSupplicant(folder / "wlan0").start(conf)


def test_where_nobody_runs_it_it_is_wpa_supplicant(machine: Machine, tmp_path: Path) -> None:
    assert chosen(machine) == chosen(machine, interface="wlan7") == "wpa_supplicant"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert choose("auto", "wlan0", Places(str(empty))).backend == "wpa_supplicant"


def test_its_own_record_decides(machine: Machine) -> None:
    machine.networkmanager("true")
    assert chosen(machine) == chosen(machine, "networkmanager") == "networkmanager"
    assert chosen(machine, "wpa_supplicant") == "wpa_supplicant"
    # Of another interface, it says nothing.
    assert chosen(machine, interface="wlan7") == "wpa_supplicant"


def test_what_the_watcher_holds_back_is_its_all_the_same(machine: Machine) -> None:
    machine.networkmanager("false")
    machine.write("run/NetworkManager/conf.d/amt-wifi-watcher-wlan0.conf", "")
    assert chosen(machine) == chosen(machine, "networkmanager") == "networkmanager"


def test_the_record_of_one_that_has_ended_says_nothing(machine: Machine) -> None:
    machine.networkmanager("true")
    (machine.path / "proc/600/comm").write_text("sleep\n")
    assert chosen(machine) == "wpa_supplicant"


def test_what_it_leaves_alone_is_not_its(machine: Machine) -> None:
    machine.networkmanager("false")
    assert chosen(machine) == "wpa_supplicant"
    with pytest.raises(Refused, match="NetworkManager does not run wlan0") as caught:
        chosen(machine, "networkmanager")
    assert caught.value.reason == "not_networkmanager"
    remedy = "Let it manage the interface (nmcli device set), or use the backend wpa_supplicant"
    assert caught.value.remedy == remedy


def test_networkmanager_is_asked_for_and_is_not_there(machine: Machine) -> None:
    with pytest.raises(Refused, match="NetworkManager does not run on the laptop"):
        chosen(machine, "networkmanager")


@pytest.mark.parametrize("managed", [True, False, None])
def test_without_a_record_it_is_asked(
    machine: Machine, networkmanager: FakeNetworkManager, managed: Optional[bool]
) -> None:
    machine.networkmanager(None)
    if managed is None:
        networkmanager.bus.methods[NM_PATH, f"{NM}.GetDeviceByIpIface"] = unknown
    else:
        networkmanager.bus.properties[DEVICE, NM_DEVICE]["Managed"] = ("b", managed)
    assert chosen(machine) == ("networkmanager" if managed else "wpa_supplicant")
    if managed:
        assert chosen(machine, "networkmanager") == "networkmanager"
    else:
        with pytest.raises(Refused, match="does not run wlan0"):
            chosen(machine, "networkmanager")


def unknown(_name: str) -> None:
    raise DBusError(f"{NM}.UnknownDevice", "no such device")


def test_a_wpa_supplicant_that_answers_for_it_comes_before_the_question(machine: Machine) -> None:
    machine.networkmanager(None)
    supplicant = listening(machine)
    try:
        assert chosen(machine) == "wpa_supplicant"
    finally:
        supplicant.stop()


def test_without_the_library_it_cannot_be_asked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.networkmanager(None)
    monkeypatch.setitem(sys.modules, "jeepney", None)
    choice = choose("auto", "wlan0", machine.places)
    assert choice.backend == "wpa_supplicant"
    assert "python3-jeepney" in choice.warnings[0]
    # Who was asked for says so itself.
    assert chosen(machine, "networkmanager") == "networkmanager"


def test_iwd_below_networkmanager_is_refused_by_name(machine: Machine) -> None:
    machine.networkmanager("true")
    machine.write(
        "etc/NetworkManager/conf.d/iwd.conf", "[device-x]\nmatch-device=interface-name:wlan0\nwifi.backend=iwd\n"
    )
    for asked in ("auto", "networkmanager"):
        with pytest.raises(Refused, match="NetworkManager runs wlan0 through iwd") as caught:
            chosen(machine, asked)
        assert caught.value.reason == "iwd"
        assert caught.value.remedy == (
            "Remove 'wifi.backend=iwd' from NetworkManager's configuration, and restart NetworkManager"
        )
    assert chosen(machine, "wpa_supplicant") == "wpa_supplicant"
    machine.write("run/NetworkManager/devices/3", "[device]\nmanaged=false\n")
    assert chosen(machine) == "wpa_supplicant"


def test_sockets_are_looked_for_where_the_files_are(machine: Machine) -> None:
    machine.process(700, "iwd")
    supplicant = listening(machine)
    try:
        assert choose("auto", "wlan0", machine.places).backend == "wpa_supplicant"
    finally:
        supplicant.stop()
    with pytest.raises(Refused, match="iwd runs"):
        choose("auto", "wlan0", machine.places)


def test_iwd_is_refused_by_name(machine: Machine) -> None:
    machine.process(700, "iwd")
    with pytest.raises(Refused, match=r"wpa_supplicant does not run wlan0\. iwd is not supported") as caught:
        chosen(machine)
    assert caught.value.reason == "iwd"
    remedy = "Use wpa_supplicant or NetworkManager, or name one of them with the option backend"
    assert caught.value.remedy == remedy
    assert chosen(machine, "wpa_supplicant") == "wpa_supplicant"
    supplicant = listening(machine)
    try:
        assert chosen(machine) == "wpa_supplicant"
    finally:
        supplicant.stop()


def test_one_who_may_not_see_the_processes_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_names: object, _root: str) -> None:
        raise AccessDenied("other users' processes are hidden")

    name = "ansible_collections.vpro.fleet.plugins.module_utils._system.process.running"
    monkeypatch.setattr(name, denied)
    with pytest.raises(AccessDenied):
        chosen(machine)
