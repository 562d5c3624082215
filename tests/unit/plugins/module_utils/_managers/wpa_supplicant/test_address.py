# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MAC address with which wpa_supplicant joins networks, and whether it is CSME's."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.address import (
    address_at_start,
    address_of_udev,
    changed_address,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.control import WpaCtrl
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import MAC_ADDRESS
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_pinning import (
    FakeSupplicant,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

PERMANENT, OTHER = "02:00:00:00:00:00", "02:00:00:00:09:09"
FILE = "etc/systemd/network/10-private.link"
#: What it would say of the address that the interface has now, and of the one that udevd gives.
NOW, GIVEN = f"wlan0 has the MAC address {OTHER}", f"systemd-udevd gives wlan0 another MAC address (/{FILE}: "


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "root")
    made.interface()
    return made


@pytest.fixture
def ctrl(fake: FakeSupplicant) -> Iterator[WpaCtrl]:
    with WpaCtrl(fake.path) as made:
        yield made


@pytest.mark.parametrize(
    ("now", "by_udev", "scans", "own", "words"),
    [
        (PERMANENT, False, "0", "0", None),
        (OTHER, False, "0", "0", NOW),
        (OTHER, True, "0", "0", NOW),
        # The present one may be for scans. Then udevd knows which one is not.
        (OTHER, False, "1", "0", None),
        (OTHER, True, "1", "0", GIVEN),
        # wpa_supplicant may have set the present one for another network.
        (OTHER, False, "0", "1", None),
        (OTHER, True, "0", "1", GIVEN),
        # The file was changed after it had been applied: the next boot is another matter.
        (PERMANENT, True, "0", "0", None),
        (PERMANENT, True, "1", "0", None),
        (OTHER, True, "FAIL", "0", NOW),
        (OTHER, True, "UNKNOWN COMMAND", "0", NOW),
    ],
)
def test_a_running_supplicant(
    machine: Machine,
    fake: FakeSupplicant,
    ctrl: WpaCtrl,
    now: str,
    by_udev: bool,
    scans: str,
    own: str,
    words: Optional[str],
) -> None:
    machine.addresses(now, PERMANENT)
    if by_udev:
        machine.link_file(FILE, "MACAddressPolicy=random")
    fake.settings["preassoc_mac_addr"] = scans
    found = changed_address(ctrl, "wlan0", {"mac_addr": own}, machine.places)
    assert (found is None) == (words is None)
    if found is not None:
        assert found.what.startswith(f"can't be used: {words}")
        assert found.code == MAC_ADDRESS
        assert (f"/{FILE}" in found.remedy) == by_udev


def test_one_that_starts_now(machine: Machine) -> None:
    assert address_at_start("wlan9", machine.places) is None
    machine.addresses(OTHER, PERMANENT)
    found = address_at_start("wlan0", machine.places)
    assert found is not None
    assert found.what.startswith(f"can't be used: {NOW}")
    machine.addresses(PERMANENT)
    assert address_at_start("wlan0", machine.places) is None


def test_an_interface_of_another_program(machine: Machine) -> None:
    machine.addresses(OTHER, PERMANENT)
    assert address_of_udev("wlan0", machine.places) is None
    machine.link_file(FILE, "MACAddressPolicy=random")
    found = address_of_udev("wlan0", machine.places)
    assert found is not None
    assert found.what.startswith(f"can't be used: {GIVEN}")
