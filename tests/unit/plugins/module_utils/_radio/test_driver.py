# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.driver import asks_by_itself, generation, read_platform
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Iwlmei, Platform, Release
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine


def read(machine: Machine) -> Platform:
    reading = Reading()
    platform = read_platform(reading, machine.root)
    assert reading.unreadable == ()
    return platform


def test_a_laptop_with_everything(machine: Machine) -> None:
    machine.module("iwlmvm")
    machine.module("iwlmei")
    machine.mei()
    assert read(machine) == Platform(
        Release("6.1.0-18-amd64", (6, 1)), Iwlmei(True, True, True, True), "iwlmvm", False, False
    )


@pytest.mark.parametrize(
    ("loaded", "driver", "status", "iwlmei"),
    [
        (False, None, None, Iwlmei(True, False, False, None)),
        (True, None, None, Iwlmei(True, True, False, None)),
        (True, "mei_wdt", None, Iwlmei(True, True, False, None)),
        (True, "iwlmei", "0\n", Iwlmei(True, True, True, False)),
        (True, "iwlmei", "6\n", Iwlmei(True, True, True, False)),
        (True, "iwlmei", "7\n", Iwlmei(True, True, True, True)),
    ],
)
def test_each_step_of_iwlmei(
    machine: Machine, loaded: bool, driver: Optional[str], status: Optional[str], iwlmei: Iwlmei
) -> None:
    machine.module("iwlmei", loaded=loaded)
    machine.mei(driver, status)
    assert read(machine).iwlmei == iwlmei


def test_a_laptop_with_nothing(machine: Machine) -> None:
    assert read(machine) == Platform(
        Release("6.1.0-18-amd64", (6, 1)), Iwlmei(False, False, False, None), None, False, False
    )


def test_a_module_that_is_loaded_is_available_whatever_the_lists_say(machine: Machine) -> None:
    machine.module("iwlmei", file=False)
    (machine.path / f"lib/modules/{machine.release}/modules.dep").unlink()
    assert read(machine).iwlmei.available is True


@pytest.mark.parametrize(
    ("loaded", "op_mode"),
    [((), None), (("iwlmvm",), "iwlmvm"), (("iwlmld",), "iwlmld"), (("iwlmld", "iwlmvm"), "iwlmvm")],
)
def test_op_mode(machine: Machine, loaded: Tuple[str, ...], op_mode: Optional[str]) -> None:
    for name in loaded:
        machine.module(name)
    assert read(machine).op_mode == op_mode


def test_a_container_without_any_of_it(tmp_path: Path) -> None:
    reading = Reading()
    assert read_platform(reading, str(tmp_path)) == Platform(None, Iwlmei(None, None, None, None), None)
    assert {unreadable.what for unreadable in reading.unreadable} == {
        "kernel.release",
        "kernel.iwlmei.loaded",
        "kernel.iwlmei.bound",
        "kernel.op_mode",
    }


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("proc/sys/kernel/osrelease", "rubbish\n", "kernel.release"),
        ("sys/kernel/debug/iwlmei/status", "rubbish\n", "kernel.iwlmei.sap_connected"),
        ("sys/kernel/debug/iwlmei/status", None, "kernel.iwlmei.sap_connected"),
        ("lib/modules/6.1.0-18-amd64/modules.dep", None, "kernel.iwlmei.available"),
    ],
)
def test_what_is_garbage_or_gone_is_named(machine: Machine, path: str, text: Optional[str], what: str) -> None:
    machine.mei()
    if text is None:
        (machine.path / path).unlink()
    else:
        machine.write(path, text)
    reading = Reading()
    read_platform(reading, machine.root)
    assert [unreadable.what for unreadable in reading.unreadable] == [what]


# -- generation -------------------------------------------------------------------------------------------------------

UNKNOWN = Iwlmei(None, None, None, None)
ABSENT = Iwlmei(False, False, False, None)
LOADED = Iwlmei(True, True, None, None)


def platform(asks: Optional[bool], op_mode: Optional[str] = None, mei: Iwlmei = UNKNOWN) -> Platform:
    return Platform(None, mei, op_mode, asks=asks)


@pytest.mark.parametrize(
    ("given", "offered", "expected"),
    [
        # A radio offers the commands.
        (platform(False, "iwlmvm"), True, "userspace_managed"),
        (platform(False), True, "userspace_managed"),
        (platform(True, "iwlmvm"), True, "driver_managed"),
        (platform(True, "iwlmld"), True, "driver_managed"),  # two radios
        (platform(None, "iwlmvm"), True, None),
        # None does.
        (platform(True, "iwlmvm"), False, "none"),
        (platform(None, "iwlmvm"), False, "none"),
        (platform(True, "iwlmld"), False, "unsupported"),
        (platform(True), False, "none"),
        (platform(None), False, "none"),
        # Nobody could ask the radios.
        (platform(False, "iwlmvm", LOADED), None, "userspace_managed"),
        (platform(True, "iwlmvm", LOADED), None, "driver_managed"),
        (platform(True, "iwlmld"), None, "unsupported"),
        (platform(True, "iwlmvm", ABSENT), None, "none"),
        (platform(True, "iwlmvm"), None, None),
        (platform(True), None, None),
    ],
)
def test_generation(given: Platform, offered: Optional[bool], expected: Optional[str]) -> None:
    assert generation(given, offered) == expected


# -- whether the driver asks by itself --------------------------------------------------------------------------------

OLDER = ("iwl_mvm_mei_rfkill", "blocked", "priv")
NEWER = (*OLDER, "csme_taking_ownership")


@pytest.mark.parametrize(
    ("release", "loaded", "taint", "types", "asks"),
    [
        # The kernel's version alone.
        ("5.17.0", True, "", None, False),
        ("6.1.0-50-amd64", True, "E", None, False),
        ("6.3.13", False, None, None, False),
        ("6.4.0", True, "", None, True),
        ("7.0.1", False, None, None, True),
        # A version that says nothing about the driver.
        ("5.14.0-503.el9.x86_64", True, "", None, None),
        ("5.14.0", True, "", None, None),
        ("6.1.0-1.el9uek.x86_64", True, "", None, None),
        ("6.1.0-50-amd64", True, "OE", None, None),
        # A driver is not older than its kernel.
        ("6.12.0-55.el10.x86_64", True, "", None, True),
        ("6.12.0", True, "OE", None, True),
        # The driver itself shows it.
        ("5.14.0-503.el9.x86_64", True, "", NEWER, True),
        ("5.14.0-284.el9.x86_64", True, "", OLDER, False),
        ("6.1.0-50-amd64", True, "OE", NEWER, True),
        ("6.1.0-50-amd64", True, "OE", OLDER, False),
        ("6.12.0", True, "OE", OLDER, False),
        # It was built without iwlmei, or the names only look alike.
        ("6.1.0-50-amd64", True, "", ("priv",), False),
        ("6.12.0", True, "", ("priv",), True),
        ("5.14.0-503.el9.x86_64", True, "", ("iwl_mvm_mei_rfkill_x", "csme_taking_ownership"), None),
        ("5.14.0-503.el9.x86_64", True, "", (*OLDER, "not_csme_taking_ownership"), False),
    ],
)
def test_whether_the_driver_asks_by_itself(
    machine: Machine,
    release: str,
    loaded: bool,
    taint: Optional[str],
    types: Optional[Tuple[str, ...]],
    asks: Optional[bool],
) -> None:
    machine.write("proc/sys/kernel/osrelease", f"{release}\n")
    if loaded:
        machine.module("iwlmvm", file=False)
    if taint is not None:
        machine.write("sys/module/iwlmvm/taint", f"{taint}\n")
    if types is not None:
        machine.types(*types)
    assert asks_by_itself(machine.root) is asks
    reading = Reading()
    platform = read_platform(reading, machine.root)
    assert (platform.asks, platform.out_of_tree) == (asks, "O" in (taint or ""))


def test_what_can_not_be_read_tells_nothing(machine: Machine) -> None:
    (machine.path / "proc/sys/kernel/osrelease").unlink()
    assert asks_by_itself(machine.root) is None
    machine.write("proc/sys/kernel/osrelease", f"{machine.release}\n")
    (machine.path / "sys/kernel/btf/iwlmvm").mkdir(parents=True)
    assert asks_by_itself(machine.root) is None, "the driver may be another than the kernel's own"
    reading = Reading()
    assert read_platform(reading, machine.root).asks is None
    assert [unreadable.what for unreadable in reading.unreadable] == ["kernel.generation"]
