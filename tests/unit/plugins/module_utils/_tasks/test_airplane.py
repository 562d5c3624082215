# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Airplane mode: which switches are meant, and what is told of those that stay blocked."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Dict, FrozenSet, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import rfkill
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, Refused
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import airplane
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.airplane import AirplaneRequest, ensure

WLAN = Switch(0, "wlan", "phy0", False, False, frozenset(), "phy0")
SECOND = Switch(1, "wlan", "phy1", False, False, frozenset(), "phy1")
BLUETOOTH = Switch(2, "bluetooth", "hci0", False, False, frozenset(), None)
SIGNAL = frozenset({"signal"})
PLATFORM = Switch(3, "wlan", "tpacpi_wlan_sw", False, False, frozenset(), None)


class Machine:
    """The switches of a machine."""

    def __init__(self) -> None:
        self.switches: Dict[int, Switch] = {s.index: s for s in (WLAN, SECOND, BLUETOOTH, PLATFORM)}
        self.told: List[Tuple[object, bool]] = []
        #: Whether the radio's pin follows the platform's switch, and after how many seconds.
        self.firmware: Optional[float] = None
        self.now = self._lifted = 0.0

    def set_soft(self, index: int, blocked: bool) -> None:
        self.told.append((index, blocked))
        self.switches[index] = replace(self.switches[index], soft=blocked)

    def set_soft_all(self, kind: str, blocked: bool) -> None:
        self.told.append((kind, blocked))
        for index, switch in self.switches.items():
            if switch.type == kind:
                self.switches[index] = replace(switch, soft=blocked)
        self._lifted = self.now

    def seen(self) -> Tuple[Switch, ...]:
        platform = self.switches.get(3, PLATFORM)
        if self.firmware is not None and not platform.soft and self.now - self._lifted >= self.firmware:
            self.switches[0] = replace(self.switches[0], hard=False, reasons=frozenset())
        return tuple(self.switches.values())

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def off(self, *, soft: bool, reasons: Optional[FrozenSet[str]] = SIGNAL, firmware: Optional[float] = None) -> None:
        """Soft-block the platform's switch, which makes the firmware hard-block the radio's."""
        self.switches[0] = replace(WLAN, soft=soft, hard=True, reasons=reasons)
        self.switches[3] = replace(PLATFORM, name="dell-wifi", soft=True)
        self.firmware = firmware

    def soft(self) -> List[int]:
        return [index for index, switch in self.switches.items() if switch.soft]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    module = airplane.__name__
    monkeypatch.setattr(f"{module}.switches", made.seen)
    monkeypatch.setattr(f"{module}.time.sleep", made.sleep)
    monkeypatch.setattr(f"{module}.time.monotonic", lambda: made.now)
    monkeypatch.setattr(f"{module}.set_soft", made.set_soft)
    monkeypatch.setattr(f"{module}.set_soft_all", made.set_soft_all)

    def phy_of(interface: str) -> str:
        if interface not in ("wlan0", "wlan1"):
            raise NotFound(f"there is no network interface {interface!r}")
        return f"phy{interface[-1]}"

    monkeypatch.setattr(f"{module}.sysfs.phy_of", phy_of)
    return made


def test_all_wlan_radios_and_not_bluetooth(machine: Machine) -> None:
    result = ensure(AirplaneRequest(True), False)
    assert (result["changed"], machine.soft()) == (True, [0, 1, 3])
    assert machine.told == [("wlan", True)], "one record, which holds for radios to come as well"
    assert [s["soft"] for s in result["switches"]] == [True, True, True]
    again = ensure(AirplaneRequest(True), False)
    assert (again["changed"], len(machine.told)) == (False, 1)
    assert again["diff"]["before"] == again["diff"]["after"]


def test_bluetooth_when_asked(machine: Machine) -> None:
    ensure(AirplaneRequest(True, bluetooth=True), False)
    assert machine.soft() == [0, 1, 2, 3]


def test_only_a_type_that_differs_is_written(machine: Machine) -> None:
    ensure(AirplaneRequest(True), False)
    machine.told.clear()
    ensure(AirplaneRequest(True, bluetooth=True), False)
    assert machine.told == [("bluetooth", True)]


def test_one_radio(machine: Machine) -> None:
    result = ensure(AirplaneRequest(True, interface="wlan1"), False)
    assert (machine.soft(), [s["phy"] for s in result["switches"]]) == ([1], ["phy1"])


def test_check_mode_tells_and_changes_nothing(machine: Machine) -> None:
    result = ensure(AirplaneRequest(True), True)
    assert (result["changed"], machine.told) == (True, [])
    assert {s["soft"] for s in result["switches"]} == {True}
    assert result["diff"]["before"]["phy0"] == {"soft": False}
    assert result["diff"]["after"]["phy0"] == {"soft": True}


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        (frozenset({"not_owner"}), "CSME owns it"),
        (frozenset({"signal"}), "its hardware switch is off"),
        (frozenset({"signal", "not_owner"}), "CSME owns it and its hardware switch is off"),
        (None, "the kernel gives no reason"),
        (frozenset({"bit5"}), "bit5"),
    ],
)
def test_a_hard_block_that_stays_is_told(machine: Machine, reasons: frozenset[str] | None, words: str) -> None:
    machine.switches[0] = replace(WLAN, hard=True, soft=True, reasons=reasons)
    result = ensure(AirplaneRequest(False), False)
    assert result["warnings"] == [f"phy0 stays blocked, although airplane mode is off: {words}"]
    assert ensure(AirplaneRequest(True), False)["warnings"] == [], "in airplane mode it is not in the way"


BY_PLATFORM = (
    "phy0 stays blocked, although airplane mode is off: dell-wifi, a switch of the laptop's platform, is soft-blocked. "
    "Lift that block: run the task without interface, or rfkill unblock wlan"
)


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("reasons", [SIGNAL, None])
def test_a_platforms_switch_is_named_when_the_task_leaves_it_alone(
    machine: Machine, check_mode: bool, reasons: Optional[FrozenSet[str]]
) -> None:
    machine.off(soft=True, reasons=reasons)
    result = ensure(AirplaneRequest(False, interface="wlan0"), check_mode)
    assert (result["warnings"], machine.now) == ([BY_PLATFORM], 0)
    assert machine.switches[3].soft


def test_a_platforms_switch_does_not_hide_csme(machine: Machine) -> None:
    machine.off(soft=False, reasons=SIGNAL | {"not_owner"})
    (warning,) = ensure(AirplaneRequest(False, interface="wlan0"), False)["warnings"]
    assert "CSME owns it and dell-wifi" in warning
    machine.off(soft=False, reasons=frozenset({"not_owner"}))
    (warning,) = ensure(AirplaneRequest(False, interface="wlan0"), False)["warnings"]
    assert warning.endswith(": CSME owns it")


@pytest.mark.parametrize("soft", [False, True])
def test_the_radio_follows_a_platforms_switch_that_is_lifted(machine: Machine, soft: bool) -> None:
    machine.off(soft=soft, firmware=0.5)
    checked = ensure(AirplaneRequest(False), True)
    assert (checked["changed"], checked["warnings"], machine.now) == (True, [], 0), "the block is about to go"
    result = ensure(AirplaneRequest(False), False)
    assert (result["changed"], result["warnings"]) == (True, [])
    assert machine.now == pytest.approx(0.5)
    assert [(each["name"], each["soft"], each["hard"]) for each in result["switches"]] == [
        ("phy0", False, False),
        ("phy1", False, False),
        ("dell-wifi", False, False),
    ]
    assert ensure(AirplaneRequest(False), False)["changed"] is False


def test_a_block_that_outlives_the_platforms_is_told(machine: Machine) -> None:
    machine.off(soft=True)
    result = ensure(AirplaneRequest(False), False)
    assert machine.now == pytest.approx(airplane._PIN_SECONDS)
    assert result["warnings"] == [
        "phy0 stays blocked, although airplane mode is off and the soft block of dell-wifi, a switch of the laptop's "
        "platform, was lifted: its hardware switch is off. Turn its switch or key on"
    ]
    began = machine.now
    assert ensure(AirplaneRequest(False), False)["warnings"] == [
        "phy0 stays blocked, although airplane mode is off: its hardware switch is off"
    ]
    assert machine.now == began, "nothing was lifted, so nothing is waited for"


def test_a_radio_that_is_none(machine: Machine) -> None:
    with pytest.raises(NotFound):
        ensure(AirplaneRequest(True, interface="eth0"), False)
    machine.switches = {2: BLUETOOTH}
    with pytest.raises(Refused) as caught:
        ensure(AirplaneRequest(True, interface="wlan0"), False)
    assert caught.value.reason == "no_radio"
    with pytest.raises(Refused):
        ensure(AirplaneRequest(True), False)


def test_a_switch_that_does_not_follow_is_no_success(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{airplane.__name__}.set_soft_all", lambda kind, blocked: None)
    with pytest.raises(Refused, match="phy0, phy1") as caught:
        ensure(AirplaneRequest(True), False)
    assert caught.value.reason == "not_followed"


def test_one_radio_and_bluetooth_is_a_contradiction(machine: Machine) -> None:
    with pytest.raises(Refused) as caught:
        ensure(AirplaneRequest(True, interface="wlan0", bluetooth=True), False)
    assert (caught.value.reason, machine.told) == ("bad_options", [])


def test_the_records_that_are_written(tmp_path: Path) -> None:
    device = tmp_path / "rfkill"
    device.touch()
    rfkill.set_soft(7, True, str(device))
    assert device.read_bytes() == struct.pack("=IBBBB", 7, 0, 2, 1, 0)
    rfkill.set_soft_all("bluetooth", False, str(device))
    assert device.read_bytes() == struct.pack("=IBBBB", 0, 2, 3, 0, 0)
    with pytest.raises(ValueError, match="tuple"):
        rfkill.set_soft_all("radio", True, str(device))
    with pytest.raises(NotFound):
        rfkill.set_soft(7, True, str(tmp_path / "none"))
