# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who identifies the host by something else than its MAC address."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp_identity import (
    client_identifier,
    other_identity,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

FILE = "/etc/systemd/network/20-radio.network"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.interface()
    return made


def networkd(machine: Machine, text: str) -> None:
    machine.write("run/systemd/netif/links/3", f"ADMIN_STATE=configured\nNETWORK_FILE={FILE}\n")
    machine.write(FILE[1:], f"[Match]\nName=wlan0\n[Network]\nDHCP=yes\n{text}")


def dhcpcd(machine: Machine, text: str) -> None:
    machine.write("run/dhcpcd/pid", f"{os.getpid()}\n")
    machine.write("etc/dhcpcd.conf", text)


def what(machine: Machine) -> Optional[str]:
    found = other_identity("wlan0", 3, machine.root)
    assert found is None or found.remedy
    return None if found is None else found.what


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", "duid"),
        ("[DHCPv4]\nClientIdentifier=mac\n", None),
        ("[DHCP]\nClientIdentifier=mac\n", None),
        ("[DHCPv4]\nClientIdentifier=duid-only\n", "duid-only"),
        ("[DHCPv4]\nClientIdentifier=mac\nClientIdentifier=duid\n", "duid"),
        ("[DHCPv4]\nClientIdentifier=mac\nClientIdentifier=nonsense\n", None),
        ("[DHCPv6]\nClientIdentifier=mac\n", "duid"),
    ],
)
def test_networkd(machine: Machine, text: str, value: Optional[str]) -> None:
    networkd(machine, text)
    said = what(machine)
    assert (said is None) == (value is None)
    assert said is None or f"{FILE}: ClientIdentifier={value}" in said


def test_a_drop_in_counts(machine: Machine) -> None:
    networkd(machine, "")
    machine.write(f"{FILE[1:]}.d/mine.conf", "[DHCPv4]\nClientIdentifier=mac\n")
    assert what(machine) is None


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("", None),
        ("# duid\nclientid\n", None),
        ("duid\n", "duid"),
        ("duid # as Debian has it\nclientid\n", "duid"),
        ("duid\ninterface wlan0\nclientid 01:02:00:00:00:00:AA\n", None),
        ("duid\ninterface wlan1\nclientid 01:02:00:00:00:00:AA\n", "duid"),
        ("interface wlan1\nduid\n", None),
        ("duid\ninterface wlan1 wlan0\nclientid 01:02:00:00:00:00:aa\n", None),
        ("clientid laptop-7\n", "clientid laptop-7"),
        ("ssid corp\nduid\n", None),
    ],
)
def test_dhcpcd(machine: Machine, text: str, how: Optional[str]) -> None:
    dhcpcd(machine, text)
    said = what(machine)
    assert (said is None) == (how is None)
    assert said is None or f"/etc/dhcpcd.conf: {how})" in said


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("DHCP=no\nAddress=192.0.2.7/24\n", "192.0.2.7/24"),
        ("DHCP=ipv6\nAddress=192.0.2.7/24\n", "192.0.2.7/24"),
        ("DHCP=no\n[Address]\nAddress=192.0.2.7\n", "192.0.2.7"),
        ("DHCP=no\nAddress=192.0.2.7/24\nAddress=2001:db8::7/64\n", "192.0.2.7/24"),
        ("DHCP=no\nAddress=2001:db8::7/64\n", None),
        ("DHCP=no\nAddress=::ffff:192.0.2.7\n", None),
        # An empty value removes those before it.
        ("DHCP=no\nAddress=192.0.2.7/24\nAddress=\n", None),
        ("DHCP=no\n", None),
        # The address by DHCP comes beside it.
        ("DHCP=ipv4\nAddress=192.0.2.7/24\n[DHCPv4]\nClientIdentifier=mac\n", None),
    ],
)
def test_a_fixed_address_of_networkd(machine: Machine, text: str, address: Optional[str]) -> None:
    networkd(machine, text)
    found = other_identity("wlan0", 3, machine.root)
    assert (found is None) == (address is None)
    if found is not None:
        assert found.fixed
        assert found.what == (
            f"systemd-networkd ({FILE}: Address={address}) gives the host a fixed IPv4 address, which may be another "
            "than CSME's"
        )


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("duid\ninterface wlan0\nstatic ip_address=192.0.2.7/24\n", "192.0.2.7/24"),
        ("interface wlan1\nstatic ip_address=192.0.2.7/24\n", None),
        ("interface wlan0\nstatic routers=192.0.2.1\n", None),
        ("interface wlan0\nstatic ip_address=192.0.2.7/24\nstatic ip_address=\n", None),
    ],
)
def test_a_fixed_address_of_dhcpcd(machine: Machine, text: str, address: Optional[str]) -> None:
    dhcpcd(machine, text)
    found = other_identity("wlan0", 3, machine.root)
    assert (found is None) == (address is None)
    assert found is None or (found.fixed and f"static ip_address={address}" in found.what)


def test_nobody_and_what_can_not_be_read_say_nothing(machine: Machine) -> None:
    assert what(machine) is None
    dhcpcd(machine, "duid\n")
    (machine.path / "etc/dhcpcd.conf").unlink()
    assert what(machine) is None
    networkd(machine, "")
    (machine.path / FILE[1:]).unlink()
    assert what(machine) is None


def test_what_settings_say() -> None:
    assert client_identifier({}) is None
    assert client_identifier({("DHCPv4", "ClientIdentifier"): ["mac", "duid"]}) == "duid"
