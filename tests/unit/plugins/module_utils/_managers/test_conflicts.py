# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fights over an interface, on laptops made of files."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers import conflicts
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places

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

    def interface(self, name: str = "wlan0") -> conflicts.InterfaceSources:
        return conflicts.InterfaceSources(name, CONF.replace("wlan0", name), Places(str(self.root)))

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
        (["/usr/libexec/iwd", "-iwlan1"], ""),
        (["/usr/libexec/iwd", "-I*"], ""),
        (["/usr/libexec/iwd", "--interfaces=x=wlan0"], ""),
        (["/usr/libexec/iwd", "-I", "wlan1,wlan0"], ""),
        (["/usr/libexec/iwd", "-I"], "iwd takes wlan0"),
        (["/usr/libexec/iwd", "--interfaces=wl*", "--nointerfaces=wlan0"], ""),
        (["/usr/libexec/iwd", "-d", "wlan1"], "iwd takes wlan0"),
        (["/usr/sbin/connmand", "--nodevice=wlan0"], ""),
        (["/usr/sbin/connmand", "--nodevice", "wlan1"], "ConnMan takes wlan0"),
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
        ("ssid corp\nnohook wpa_supplicant\n", True),
        ("profile x\nnohook wpa_supplicant\n", True),
        ("arping 192.0.2.1\nnohook wpa_supplicant\n", True),
        ("nohook resolv.conf\n", True),
        ("nohook resolv.conf # wpa_supplicant\n", True),
        ("option wpa_supplicant\n", True),
        ("denyinterfaces eth*\n", True),
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
        ("iface wlan0 inet dhcp\n\n\taddress 192.0.2.1\n\twpa-ssid corp\n", True),
        ("iface wlan0 inet dhcp\nallow-hotplug wlan0\n\twpa-ssid x\n", False),
        ("iface wlan0 inet dhcp\nmapping wlan1\n\twpa-ssid x\n", False),
        ("iface wlan0 inet dhcp\nsource x\n\twpa-ssid x\n", False),
        ("iface wlan0 inet dhcp\nsource-directory x\n\twpa-ssid x\n", False),
        ("auto wlan0\n\twpa-ssid x\n", False),
        ("\twpa-ssid x\n", False),
        ("iface wlan0 inet dhcp\n\tword\n\twpa-ssid x\n", True),
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
        ["-Z", "-iwlan0", f"-c{CONF}"],  # an option that is none of its
        ["-iwlan1", "-c/etc/1.conf", "-N", "-iwlan0", f"-c{CONF}"],
    ],
)
def test_another_wpa_supplicant(machine: Machine, arguments: List[str]) -> None:
    machine.process("/sbin/wpa_supplicant", *arguments, cgroup="/system.slice/theirs.service")
    (found,) = machine.interface().conflicts()
    assert found == conflicts.Conflict(
        "another wpa_supplicant runs wlan0", "theirs.service", "Run 'systemctl disable --now theirs.service'"
    )
    assert not machine.interface().running


def test_netplan_is_told_once(machine: Machine) -> None:
    machine.write("run/systemd/system/netplan-wpa-wlan0.service")
    assert machine.what() == ["netplan starts a wpa_supplicant of its own for wlan0"]
    unit = "/system.slice/netplan-wpa-wlan0.service"
    machine.process("/sbin/wpa_supplicant", "-c", "/run/netplan/wpa-wlan0.conf", "-iwlan0", cgroup=unit)
    assert machine.what() == ["netplan starts a wpa_supplicant of its own for wlan0"]


def test_a_configuration_that_is_no_text_is_read_as_far_as_it_goes(machine: Machine) -> None:
    machine.write("etc/network/interfaces")
    (machine.root / "etc/network/interfaces").write_bytes(b"# \xff\niface wlan0 inet dhcp\n\twpa-ssid corp\n")
    assert machine.what() == ["ifupdown starts a wpa_supplicant of its own for wlan0"]


def test_netplans_supplicant_does_not_hide_another(machine: Machine) -> None:
    machine.write("run/systemd/system/netplan-wpa-wlan0.service")
    for unit in ("a.service", "netplan-wpa-wlan0.service", "b.service"):
        machine.process("/sbin/wpa_supplicant", "-iwlan0", cgroup=f"/system.slice/{unit}")
    assert machine.what().count("another wpa_supplicant runs wlan0") == 2


def test_a_process_that_ended_meanwhile_is_none(machine: Machine) -> None:
    (machine.root / "proc/999").mkdir()
    machine.process("/usr/libexec/iwd")
    assert machine.what() == ["iwd takes wlan0"]


def test_the_service_reads_another_file(machine: Machine) -> None:
    machine.process("/sbin/wpa_supplicant", "-c/etc/other.conf", "-iwlan0", cgroup=OURS)
    (found,) = machine.interface().conflicts()
    assert found.what == f"wpa_supplicant@wlan0.service reads another file than {CONF}"
    assert found.where == "/etc/other.conf"


NETWORKMANAGER = (
    "Make it unmanaged: write '[keyfile]' and 'unmanaged-devices=interface-name:wlan0' to "
    "/etc/NetworkManager/conf.d/90-vpro-fleet.conf, and run 'systemctl reload NetworkManager'"
)
DHCPCD = (
    "Write 'nohook wpa_supplicant' to /etc/dhcpcd.conf before its first 'interface' line, and run "
    "'systemctl restart dhcpcd' (it still gives the interface its address)"
)
IFUPDOWN = (
    "Remove the lines that begin with 'wpa-' from 'iface wlan0' there, declare the network in "
    "supplicant_profiles, and restart the laptop"
)
NETPLAN = (
    "Remove wlan0 from 'wifis' in /etc/netplan, declare the network in supplicant_profiles, let "
    "/etc/systemd/network give the interface its address, and run 'netplan apply'"
)


def test_each_conflict_says_where_it_is_and_what_to_do(machine: Machine) -> None:
    machine.process("/usr/sbin/NetworkManager")
    machine.write("run/NetworkManager/devices/3", "[device]\nmanaged=true\n")
    machine.process("/usr/libexec/iwd", cgroup="/system.slice/iwd.service")
    machine.process("/usr/libexec/iwd")
    machine.process("/usr/sbin/connmand", cgroup="/system.slice/connman.service")
    machine.process("/usr/sbin/connmand")
    machine.process("/usr/sbin/dhcpcd")
    machine.write("lib/dhcpcd/dhcpcd-hooks/10-wpa_supplicant")
    machine.write("etc/network/interfaces", "iface wlan0 inet dhcp\n\twpa-ssid corp\n")
    machine.write("etc/network/interfaces.d/b", "iface wlan0 inet dhcp\n\twpa-ssid corp\n")
    machine.write("etc/network/interfaces.d/a", "iface wlan0 inet dhcp\n\twpa-ssid corp\n")
    machine.write("run/systemd/system/netplan-wpa-wlan0.service")
    machine.process("/sbin/wpa_supplicant", "-iwlan0")
    machine.process("/sbin/wpa_supplicant", "-iwlan0", cgroup="/user.slice/session-3.scope")
    machine.process("/sbin/wpa_supplicant", "-iwlan0", cgroup=OURS)
    starts = "starts a wpa_supplicant of its own for wlan0"
    other, iwd = "another wpa_supplicant runs wlan0", "start it with --nointerfaces wlan0"
    connman = "Run 'systemctl disable --now connman', or start it with --nodevice wlan0"
    assert sorted(machine.interface().conflicts(), key=lambda each: (each.what, each.where)) == [
        conflicts.Conflict("ConnMan takes wlan0", "connman.service", connman),
        conflicts.Conflict("ConnMan takes wlan0", "process 105", connman),
        conflicts.Conflict("NetworkManager manages wlan0", "/run/NetworkManager/devices/3", NETWORKMANAGER),
        conflicts.Conflict(other, "process 107", "Find out what starts it, and end it"),
        conflicts.Conflict(other, "session-3.scope", "Find out what starts it, and end it"),
        conflicts.Conflict(f"dhcpcd {starts}", "/lib/dhcpcd/dhcpcd-hooks/10-wpa_supplicant", DHCPCD),
        *(
            conflicts.Conflict(f"ifupdown {starts}", f"/etc/network/{name}", IFUPDOWN)
            for name in ("interfaces", "interfaces.d/a", "interfaces.d/b")
        ),
        conflicts.Conflict("iwd takes wlan0", "iwd.service", f"Run 'systemctl disable --now iwd', or {iwd}"),
        conflicts.Conflict("iwd takes wlan0", "process 103", f"Run 'systemctl disable --now iwd', or {iwd}"),
        conflicts.Conflict(f"netplan {starts}", "/run/systemd/system/netplan-wpa-wlan0.service", NETPLAN),
        conflicts.Conflict(
            f"wpa_supplicant@wlan0.service reads another file than {CONF}",
            "wpa_supplicant@wlan0.service",
            "Look at 'systemctl cat wpa_supplicant@wlan0.service', and let it read that file",
        ),
    ]


def test_a_conflict_is_returned_as_what_where_and_remedy() -> None:
    assert conflicts.Conflict("a", "b", "c").as_dict() == {"what": "a", "where": "b", "remedy": "c"}


@pytest.mark.parametrize(("own", "fights"), [("net:[1]", True), ("net:[2]", False), (None, True)])
def test_a_process_of_another_network_namespace_has_other_interfaces(
    machine: Machine, own: Optional[str], fights: bool
) -> None:
    machine.process("/usr/libexec/iwd")
    (machine.root / "proc/self/ns").mkdir(parents=True)
    (machine.root / "proc/self/ns/net").symlink_to("net:[1]")
    if own is not None:
        (machine.root / "proc/101/ns").mkdir()
        (machine.root / "proc/101/ns/net").symlink_to(own)
    assert bool(machine.what()) is fights


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/iwd.service\n", "iwd.service"),
        ("12:pids:/x.service\n1:name=systemd:/system.slice/iwd.service\n", "iwd.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n", "run-1.scope"),
        ("0::/system.slice/iwd.service/payload\n", "iwd.service"),
        ("0::/system.slice/a:b.service\n", "a:b.service"),
        ("12:pids:/system.slice/x.service\nrubbish\n", "process 101"),
        ("0::/\n", "process 101"),
    ],
)
def test_the_unit_of_a_process_is_told_by_its_cgroup(machine: Machine, cgroup: str, unit: str) -> None:
    machine.process("/usr/libexec/iwd")
    machine.write("proc/101/cgroup", cgroup)
    (found,) = machine.interface().conflicts()
    assert found.where == unit


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("usr/lib/dhcpcd/dhcpcd-hooks/10-wpa_supplicant", True),
        ("lib/dhcpcd-hooks/10-wpa_supplicant", True),
        ("usr/libexec/dhcpcd-hooks/10-wpa_supplicant.sh", True),
        ("usr/share/dhcpcd/hooks/10-wpa_supplicant", False),
        ("usr/lib/dhcpcd/dhcpcd-hooks/20-resolv.conf", False),
    ],
)
def test_a_hook_of_dhcpcd_is_found_where_distributions_have_it(machine: Machine, path: str, found: bool) -> None:
    machine.process("/usr/sbin/dhcpcd")
    machine.write(path)
    assert [conflict.where for conflict in machine.interface().conflicts()] == ([f"/{path}"] if found else [])


@pytest.mark.parametrize("folder", ["etc/systemd/system", "run/systemd/system", "lib/systemd/system"])
def test_the_template_is_found_where_units_are(machine: Machine, folder: str) -> None:
    machine.write(f"{folder}/wpa_supplicant@.service")
    assert machine.interface().template == f"/{folder}/wpa_supplicant@.service"


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
