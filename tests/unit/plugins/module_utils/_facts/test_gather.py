# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of whole machines. Whatever is missing or rubbish, they come, as their schema says."""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._facts import gather
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM_SETTINGS
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.radio import Unreadable
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    LibraryMissing,
    NotFound,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.schema import check_facts
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_grub import debian
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, Machine, Supplicant
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import SETTINGS

ON = CsmeConnection(b"corp", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
SWITCH = Switch(0, "wlan", "phy0", False, True, frozenset({"not_owner"}), "phy0")
RADIO = Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", SWITCH, True, True, True, ON, None)


@dataclass
class Netlink:
    """What netlink says, in place of this machine's."""

    radios: Tuple[Radio, ...] = (RADIO,)
    unreadable: Tuple[Unreadable, ...] = ()
    error: Optional[BaseException] = None
    known: List[Sequence[Switch]] = field(default_factory=list)

    def __enter__(self) -> Netlink:
        if self.error is not None:
            raise self.error
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def read_radios(self, _nl: Any, known: Sequence[Switch]) -> Tuple[Tuple[Radio, ...], Tuple[Unreadable, ...]]:
        self.known.append(known)
        return self.radios, self.unreadable


@pytest.fixture
def netlink(monkeypatch: pytest.MonkeyPatch) -> Netlink:
    netlink = Netlink()
    monkeypatch.setattr(gather, "Nl80211", lambda: netlink)
    monkeypatch.setattr(gather, "read_radios", netlink.read_radios)
    return netlink


@pytest.fixture
def machine(tmp_path: Path, netlink: Netlink) -> Machine:
    """A laptop that is ready but for a supplicant."""
    machine = Machine(tmp_path)
    machine.interface()
    machine.module("iwlmvm")
    machine.module("iwlmei")
    machine.mei()
    machine.write("lib/systemd/system/amt-wifi-watcher.service", "")
    machine.process(800, "python3")
    machine.write("run/amt-wifi-watcher/state.json", json.dumps({"pid": 800, "version": "1.0.0", "state": "idle"}))
    return machine


def collect(machine: Machine, seconds: float = 60.0) -> Dict[str, Any]:
    facts = gather.collect(Patience(seconds, call=600.0), machine.places)
    assert json.loads(json.dumps(facts)) == facts
    return check_facts(facts)


def unread(facts: Dict[str, Any]) -> List[str]:
    return [note["what"] for note in facts["unreadable"]]


def codes(facts: Dict[str, Any]) -> List[str]:
    return [blocker["code"] for blocker in facts["readiness"]["blockers"]]


def test_a_laptop_that_is_ready(machine: Machine) -> None:
    machine.process(700, "wpa_supplicant")
    with Supplicant(machine.socket_path()) as supplicant:
        supplicant.network("corp", psk="*")
        facts = collect(machine)
    assert facts["readiness"] == {"ready": True, "blockers": [], "warnings": []}
    assert (facts["supported"], facts["reason"], facts["unreadable"]) == (True, None, [])
    assert facts["kernel"]["generation"] == "userspace_managed"
    assert facts["supplicant"]["profiles"][0]["ssid"] == "corp"
    assert facts["watcher"]["running"] is True
    assert facts["amt"]["state"] == "absent"


def test_a_firmware_that_is_not_to_be_asked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "read_amt", lambda *_what: pytest.fail("asked"))
    assert check_facts(gather.collect(places=Places(str(machine.root)), firmware=False))["amt"] is None


def test_the_next_boot_is_told_of_before_it_comes(machine: Machine) -> None:
    machine.write(f"boot/vmlinuz-{machine.release}", "")
    machine.write("boot/vmlinuz-6.1.0-50-amd64", "")
    machine.write("lib/modules/6.1.0-50-amd64/modules.dep", "")
    machine.write("boot/grub/grub.cfg", debian(("6.1.0-50-amd64", machine.release)))
    facts = collect(machine)
    assert facts["kernel"]["iwlmei"] == {
        **dict.fromkeys(("available", "loaded", "bound", "sap_connected"), True),
        "source": "distribution",
        "signed": False,
        "for_kernels": [machine.release],
        "next_kernel": "6.1.0-50-amd64",
    }
    assert facts["kernel"]["secure_boot"] is False
    assert [warning["code"] for warning in facts["readiness"]["warnings"]] == ["next_kernel_without_iwlmei"]
    assert facts["unreadable"] == []


@pytest.mark.parametrize(("stored", "expected"), [({"psk": ("s", "canary-0f3e")}, []), ({}, ["profile_unfit"])])
def test_a_profile_of_networkmanagers_that_lacks_its_secret_is_no_use(
    machine: Machine, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch, stored: Dict[str, Any], expected: List[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    Laptop(fake_bus)
    machine.networkmanager("true")
    secrets = {"802-11-wireless-security": stored}
    fake_bus.methods[f"{SETTINGS}/7", f"{NM_SETTINGS}.Connection.GetSecrets"] = lambda _name: ("a{sa{sv}}", (secrets,))
    facts = collect(machine)
    assert (codes(facts), facts["unreadable"]) == (expected, [])
    assert "canary" not in json.dumps(facts)
    assert len(fake_bus.called("GetSecrets")) == 1


def test_a_laptop_without_the_hardware(machine: Machine, netlink: Netlink) -> None:
    netlink.radios = ()
    facts = collect(machine)
    assert (facts["supported"], facts["radios"], facts["kernel"]["generation"]) == (False, [], "none")
    assert codes(facts) == ["no_radio"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LibraryMissing("no pyroute2", remedy="Install python3-pyroute2"), "library_missing"),
        (NotFound("the kernel has no netlink family nl80211"), "no_radio"),
        (AccessDenied("no right"), "unknown"),
        (TransportFailed("broken", errno=5), "unknown"),
        (TimedOut("late"), "unknown"),
        (DecodeFailed("rubbish"), "unknown"),
        (ZeroDivisionError(), "unknown"),
        (OSError(5, "broken"), "unknown"),
    ],
)
def test_no_list_of_radios(machine: Machine, netlink: Netlink, error: BaseException, code: str) -> None:
    netlink.error = error
    facts = collect(machine)
    assert facts["radios"] == []
    assert unread(facts) == ["radios"]
    assert facts["reason"] == facts["unreadable"][0]["why"]
    if isinstance(error, FleetError):
        assert facts["reason"] == str(error)
    assert codes(facts) == [code]
    # What does not need netlink is there all the same.
    assert facts["kernel"]["iwlmei"]["bound"] is True
    assert facts["kernel"]["generation"] == "userspace_managed"


def test_without_pyroute2_the_supplicant_is_still_found(machine: Machine, netlink: Netlink) -> None:
    netlink.error = LibraryMissing("no pyroute2")
    machine.process(700, "wpa_supplicant")
    with Supplicant(machine.socket_path()) as supplicant:
        supplicant.network("corp", psk="*")
        facts = collect(machine)
    assert facts["supplicant"]["interfaces"] == ["wlan0"]
    assert len(facts["supplicant"]["profiles"]) == 1
    machine.networkmanager("true")
    assert collect(machine)["supplicant"]["manager"] == "networkmanager"


def test_interfaces_of_csmes_radios_come_first(machine: Machine, netlink: Netlink) -> None:
    plain = Radio("phy0", "wlan5", 9, "02:00:00:00:00:05", None, "host", None, False, False, False, None, None)
    bare = Radio("phy1", None, None, None, None, "host", None, False, False, False, None, None)
    netlink.radios = (plain, bare, RADIO)
    machine.networkmanager("true", 9)
    machine.write("run/NetworkManager/devices/3", "[device]\nmanaged=false\n")
    with Supplicant(machine.socket_path()):
        assert collect(machine)["supplicant"]["manager"] == "wpa_supplicant"


def test_a_supplicant_that_does_not_answer(machine: Machine) -> None:
    machine.process(700, "wpa_supplicant")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(machine.socket_path()))
        facts = collect(machine, seconds=0.2)
    assert codes(facts) == ["supplicant_unresponsive"]
    assert unread(facts) == ["supplicant.wlan0"]
    assert "within 0.2 s" in facts["unreadable"][0]["why"]


def test_switches_go_from_sysfs_to_the_radios(machine: Machine, netlink: Netlink) -> None:
    for name, text in (("type", "wlan"), ("name", "phy0"), ("soft", "0"), ("hard", "1"), ("hard_block_reasons", "0x2")):
        machine.write(f"sys/class/rfkill/rfkill0/{name}", text + "\n")
    collect(machine)
    assert [(each.index, each.hard, each.reasons) for each in netlink.known[0]] == [(0, True, frozenset({"not_owner"}))]


def garbage_switch(machine: Machine) -> None:
    for name in ("type", "name", "soft", "hard"):
        machine.write(f"sys/class/rfkill/rfkill0/{name}", "rubbish\n")


def folder(path: str) -> Callable[[Machine], None]:
    def make(machine: Machine) -> None:
        shutil.rmtree(machine.path / path, ignore_errors=True)
        (machine.path / path).unlink(missing_ok=True)
        (machine.path / path).mkdir(parents=True)

    return make


def text(path: str, content: str) -> Callable[[Machine], None]:
    def make(machine: Machine) -> None:
        machine.write(path, content)

    return make


GARBAGE: Dict[str, Tuple[Callable[[Machine], None], List[str]]] = {
    "rfkill": (garbage_switch, ["rfkill"]),
    "release": (text("proc/sys/kernel/osrelease", "rubbish"), ["kernel.release"]),
    "release is a folder": (folder("proc/sys/kernel/osrelease"), ["kernel.release"]),
    "SAP": (text("sys/kernel/debug/iwlmei/status", "rubbish"), ["kernel.iwlmei.sap_connected"]),
    "module": (folder("sys/module/iwlmei/initstate"), ["kernel.iwlmei.loaded"]),
    "op mode": (folder("sys/module/iwlmvm/initstate"), ["kernel.op_mode"]),
    "menu": (folder("boot/grub/grub.cfg"), ["kernel.iwlmei.next_kernel"]),
    "Secure Boot": (folder("sys/firmware/efi"), ["kernel.secure_boot"]),
    "processes": (folder("proc/1/comm"), ["supplicant.manager"]),
    "watcher": (text("run/amt-wifi-watcher/state.json", "rubbish"), ["watcher"]),
    "watcher is a folder": (folder("run/amt-wifi-watcher/state.json"), ["watcher"]),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_named_and_the_rest_is_there(machine: Machine, name: str) -> None:
    spoil, what = GARBAGE[name]
    spoil(machine)
    facts = collect(machine)
    assert unread(facts) == what
    assert facts["supported"] is True
    assert facts["readiness"]["ready"] is False


def test_nothing_but_an_empty_file_system(tmp_path: Path, netlink: Netlink) -> None:
    """A container at its barest: netlink may be there, nothing else is."""
    machine = Machine.__new__(Machine)
    machine.path, machine.places = tmp_path, Places(str(tmp_path))
    facts = collect(machine)
    assert facts["kernel"]["release"] is None
    assert facts["supplicant"]["manager"] is None
    assert set(codes(facts)) == {"unknown", "watcher_not_installed"}
    netlink.error = LibraryMissing("no pyroute2")
    facts = collect(machine)
    assert facts["supplicant"]["manager"] == "none"
    assert "supplicant.interfaces" in unread(facts)


def test_this_machine_as_it_is() -> None:
    facts = check_facts(gather.collect())
    assert facts["kernel"]["release"] == os.uname().release


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.binary(max_size=200),
    path=st.sampled_from(
        [
            "proc/sys/kernel/osrelease",
            "proc/1/comm",
            "sys/kernel/debug/iwlmei/status",
            "sys/module/iwlmvm/initstate",
            "lib/modules/6.1.0-18-amd64/modules.dep",
            "boot/grub/grub.cfg",
            "run/amt-wifi-watcher/state.json",
            "run/NetworkManager/devices/3",
            "sys/class/rfkill/rfkill0/hard",
        ]
    ),
)
def test_no_file_can_make_it_fail(machine: Machine, content: bytes, path: str) -> None:
    file = machine.path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_bytes() if file.exists() else None
    file.write_bytes(content)
    try:
        collect(machine)
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)
