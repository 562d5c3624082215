# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkManager leaves below ``/run``."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import records
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine


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
    assert records.networkmanager_manages(3, machine.places) is managed
    assert records.networkmanager_manages(4, machine.places) is None


def test_a_record_that_can_not_be_read(machine: Machine) -> None:
    (machine.path / "run/NetworkManager/devices/3").mkdir(parents=True)
    with pytest.raises(FleetError):
        records.networkmanager_manages(3, machine.places)


def test_without_a_folder_of_its_state_networkmanager_was_never_here(machine: Machine) -> None:
    assert not records.networkmanager_was_here(machine.places)
    machine.networkmanager("true")
    assert records.networkmanager_was_here(machine.places)


def test_networkmanager_waits_while_the_file_of_that_interface_is_there(machine: Machine) -> None:
    machine.write("run/NetworkManager/conf.d/amt-wifi-watcher-wlan0.conf", "")
    assert records.networkmanager_waits("wlan0", machine.places)
    assert not records.networkmanager_waits("wlan1", machine.places)
