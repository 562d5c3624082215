# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fights over an interface, on laptops made of files."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils import _conflicts

CONF = "/etc/wpa_supplicant/wpa_supplicant-wlan0.conf"
OURS = "/system.slice/system-wpa_supplicant.slice/wpa_supplicant@wlan0.service"


class Machine:
    """A laptop as files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._pid = 100
        self.write("proc/1/comm", "systemd\n")
        self.write("sys/class/net/wlan0/ifindex", "3\n")

    def write(self, path: str, text: str = "") -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def process(self, *arguments: str, cgroup: str = "/user.slice") -> None:
        self._pid += 1
        self.write(f"proc/{self._pid}/comm", Path(arguments[0]).name[:15] + "\n")
        self.write(f"proc/{self._pid}/cmdline", "".join(f"{each}\0" for each in arguments))
        self.write(f"proc/{self._pid}/cgroup", f"12:pids:/x\n0::{cgroup}\n")

    def interface(self, name: str = "wlan0") -> _conflicts.Interface:
        return _conflicts.Interface(name, CONF.replace("wlan0", name), str(self.root))

    def what(self) -> List[str]:
        found = self.interface().conflicts()
        assert all(conflict.where and conflict.remedy for conflict in found)
        return [conflict.what for conflict in found]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_laptop_without_conflicts(machine: Machine) -> None:
    machine.process("/sbin/wpa_supplicant", f"-c{CONF}", "-iwlan0", cgroup=OURS)
    machine.process("/sbin/wpa_supplicant", "-u", "-s", "-O", "DIR=/run/wpa_supplicant GROUP=netdev")
    machine.process("/sbin/wpa_supplicant", "-c/etc/other.conf", "-iwlan1")
    machine.process("/usr/sbin/dhcpcd")
    machine.process("/lib/systemd/systemd-networkd")
    assert machine.what() == []
    assert machine.interface().running


@pytest.mark.parametrize(
    ("record", "ours", "fights"),
    [
        ("[device]\nmanaged=true\n", False, "NetworkManager manages wlan0"),
        ("[device]\nmanaged=true\n", True, "NetworkManager manages wlan0"),
        ("[device]\nmanaged=false\n", False, ""),
        ("", False, "NetworkManager runs, and may take wlan0"),
        ("", True, ""),
    ],
)
def test_networkmanager(machine: Machine, record: str, ours: bool, fights: str) -> None:
    if record:
        machine.write("run/NetworkManager/devices/3", record)
    assert machine.what() == [], "a record outlives NetworkManager"
    machine.process("/usr/sbin/NetworkManager", "--no-daemon")
    if ours:
        machine.process("/sbin/wpa_supplicant", f"-c{CONF}", "-iwlan0", cgroup=OURS)
    assert machine.what() == ([fights] if fights else [])


@pytest.mark.parametrize(
    ("arguments", "fights"),
    [
        (["/usr/libexec/iwd"], "iwd takes wlan0"),
        (["/usr/libexec/iwd", "-i", "wlan1,wlan0"], "iwd takes wlan0"),
        (["/usr/libexec/iwd", "--interfaces=wlan1"], ""),
        (["/usr/libexec/iwd", "--nointerfaces", "wlan*"], ""),
        (["/usr/sbin/connmand", "-n"], "ConnMan takes wlan0"),
        (["/usr/sbin/connmand", "-n", "-Iwlan0"], ""),
    ],
)
def test_other_managers(machine: Machine, arguments: List[str], fights: str) -> None:
    machine.process(*arguments)
    assert machine.what() == ([fights] if fights else [])


@pytest.mark.parametrize(
    ("configuration", "fights"),
    [
        ("", True),
        ("# nohook wpa_supplicant\nhostname\n", True),
        ("nohook resolv.conf, wpa_supplicant\n", False),
        ("nohook 10-wpa_supplicant\n", False),
        ("interface wlan0\nnohook wpa_supplicant\n", False),
        ("interface eth0\nnohook wpa_supplicant\n", True),
        ("denyinterfaces eth* wlan0\n", False),
        ("allowinterfaces eth0\n", False),
        ("allowinterfaces eth0 wlan0\n", True),
    ],
)
def test_dhcpcd(machine: Machine, configuration: str, fights: bool) -> None:
    machine.process("/usr/sbin/dhcpcd")
    machine.write("usr/lib/dhcpcd/dhcpcd-hooks/10-wpa_supplicant")
    machine.write("etc/dhcpcd.conf", configuration)
    assert machine.what() == (["dhcpcd starts a wpa_supplicant of its own for wlan0"] if fights else [])


@pytest.mark.parametrize(
    ("configuration", "fights"),
    [
        ("auto wlan0\niface wlan0 inet dhcp\n\twpa-ssid corp\n", True),
        ("iface wlan1 inet dhcp\n\twpa-ssid corp\niface wlan0 inet dhcp\n", False),
        ("iface wlan0 inet dhcp\n# wpa-ssid corp\nauto eth0\n\twpa-ssid x\n", False),
    ],
)
def test_ifupdown(machine: Machine, configuration: str, fights: bool) -> None:
    machine.write("etc/network/interfaces.d/wifi", configuration)
    assert machine.what() == (["ifupdown starts a wpa_supplicant of its own for wlan0"] if fights else [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["-B", "-s", "-i", "wlan0", "-D", "nl80211,wext", "-c", CONF],
        ["-dBiwlan0", f"-c{CONF}"],
        ["-iwlan1", "-c/etc/1.conf", "-N", "-iwlan0", f"-c{CONF}"],
    ],
)
def test_another_wpa_supplicant(machine: Machine, arguments: List[str]) -> None:
    machine.process("/sbin/wpa_supplicant", *arguments, cgroup="/system.slice/theirs.service")
    (found,) = machine.interface().conflicts()
    assert found == _conflicts.Conflict(
        "another wpa_supplicant runs wlan0", "theirs.service", "Run 'systemctl disable --now theirs.service'"
    )
    assert not machine.interface().running


def test_netplan_is_told_once(machine: Machine) -> None:
    machine.write("run/systemd/system/netplan-wpa-wlan0.service")
    assert machine.what() == ["netplan starts a wpa_supplicant of its own for wlan0"]
    unit = "/system.slice/netplan-wpa-wlan0.service"
    machine.process("/sbin/wpa_supplicant", "-c", "/run/netplan/wpa-wlan0.conf", "-iwlan0", cgroup=unit)
    assert machine.what() == ["netplan starts a wpa_supplicant of its own for wlan0"]


def test_the_service_reads_another_file(machine: Machine) -> None:
    machine.process("/sbin/wpa_supplicant", "-c/etc/other.conf", "-iwlan0", cgroup=OURS)
    assert machine.what() == [f"wpa_supplicant@wlan0.service reads another file than {CONF}"]


def test_an_interface_that_is_not_there(machine: Machine) -> None:
    machine.process("/usr/sbin/NetworkManager")
    away = machine.interface("wlp0s-1")
    assert (away.index, away.conflicts()) == (None, [])
    assert away.service == "wpa_supplicant@wlp0s\\x2d1.service"
    assert (away.program, away.template) == (None, None)
    machine.write("usr/lib/systemd/system/wpa_supplicant@.service")
    machine.write("usr/sbin/wpa_supplicant")
    assert machine.interface().template == "/usr/lib/systemd/system/wpa_supplicant@.service"
    assert machine.interface().program == "/usr/sbin/wpa_supplicant"
