# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an interface has CSME's MAC address, now and at its beginning."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.own_address import (
    OtherAddress,
    first_address,
    present_address,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

PERMANENT, OTHER = "02:00:00:00:00:00", "02:00:00:00:09:09"
FILE = "etc/systemd/network/10-private.link"
CSMES = f"but CSME uses its radio's ({PERMANENT})"
SET = f"Set MACAddressPolicy=persistent in [Link] of /{FILE} instead, then boot the laptop"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.interface()
    made.addresses(PERMANENT)
    return made


def test_an_interface_with_its_radios_address(machine: Machine) -> None:
    assert present_address("wlan0", machine.root) is None
    assert first_address("wlan0", machine.root) is None
    with pytest.raises(NotFound):
        present_address("wlan9", machine.root)


def test_an_address_that_some_program_set(machine: Machine) -> None:
    machine.addresses(OTHER.upper(), PERMANENT)
    look = (
        "Give the interface its permanent address. Look for macchanger, for rules of udev, and for MACAddress= in "
        "systemd-networkd's files"
    )
    told = OtherAddress(f"wlan0 has the MAC address {OTHER}, {CSMES}", look)
    assert present_address("wlan0", machine.root) == told
    assert first_address("wlan0", machine.root) is None
    # A file that gives another one is not the reason.
    machine.link_file(FILE, "MACAddress=02:00:00:00:00:07")
    assert present_address("wlan0", machine.root) == told


@pytest.mark.parametrize("setting", ["MACAddressPolicy=random", f"MACAddress={OTHER}"])
def test_an_address_that_udevd_gave(machine: Machine, setting: str) -> None:
    machine.link_file(FILE, setting)
    given = f"systemd-udevd gives wlan0 another MAC address (/{FILE}: {setting}), {CSMES}"
    # Nothing is said of the present address while it is the right one.
    assert present_address("wlan0", machine.root) is None
    assert first_address("wlan0", machine.root) == OtherAddress(given, SET)
    machine.addresses(OTHER, PERMANENT)
    now = f"wlan0 has the MAC address {OTHER} (/{FILE}: {setting}), {CSMES}"
    assert present_address("wlan0", machine.root) == OtherAddress(now, SET)


def test_a_file_that_gives_the_permanent_address(machine: Machine) -> None:
    machine.link_file(FILE, f"MACAddress={PERMANENT}")
    assert first_address("wlan0", machine.root) is None


def test_a_file_that_is_gone_is_not_named(machine: Machine) -> None:
    machine.link_file(FILE, "MACAddressPolicy=random").unlink()
    assert first_address("wlan0", machine.root) is None
    machine.addresses(OTHER, PERMANENT)
    told = present_address("wlan0", machine.root)
    assert told is not None
    assert FILE not in told.what
