# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.driver import generation, read_platform
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
    assert read(machine) == Platform(Release("6.1.0-18-amd64", (6, 1)), Iwlmei(True, True, True, True), "iwlmvm")


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
    assert read(machine) == Platform(Release("6.1.0-18-amd64", (6, 1)), Iwlmei(False, False, False, None), None)


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


def platform(version: Optional[Tuple[int, int]], op_mode: Optional[str] = None, mei: Iwlmei = UNKNOWN) -> Platform:
    return Platform(None if version is None else Release("x", version), mei, op_mode)


@pytest.mark.parametrize(
    ("given", "offered", "expected"),
    [
        # A radio offers the commands: the release decides, whatever the driver.
        (platform((5, 17), "iwlmvm"), True, "userspace_managed"),
        (platform((6, 1)), True, "userspace_managed"),
        (platform((6, 3), "iwlmvm"), True, "userspace_managed"),
        (platform((6, 4), "iwlmvm"), True, "driver_managed"),
        (platform((6, 12)), True, "driver_managed"),
        (platform((7, 0)), True, "driver_managed"),
        (platform((5, 10)), True, "userspace_managed"),  # only a backport can be there
        (platform((6, 12), "iwlmld"), True, "driver_managed"),  # two radios
        (platform(None), True, None),
        # None does.
        (platform((6, 12), "iwlmvm"), False, "none"),
        (platform((5, 10), "iwlmvm"), False, "none"),
        (platform((6, 12), "iwlmld"), False, "unsupported"),
        (platform((6, 12)), False, "none"),
        (platform(None), False, "none"),
        # Nobody could ask the radios.
        (platform((6, 1), "iwlmvm", LOADED), None, "userspace_managed"),
        (platform((6, 8), "iwlmvm", LOADED), None, "driver_managed"),
        (platform((6, 8), "iwlmld"), None, "unsupported"),
        (platform((6, 8), "iwlmvm", ABSENT), None, "none"),
        (platform((6, 8), "iwlmvm"), None, None),
        (platform((6, 8)), None, None),
    ],
)
def test_generation(given: Platform, offered: Optional[bool], expected: Optional[str]) -> None:
    assert generation(given, offered) == expected
