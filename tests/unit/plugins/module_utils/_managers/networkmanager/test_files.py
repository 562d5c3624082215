# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkManager is told of an interface is known without it."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.files import (
    Defaults,
    defaults,
    is_over_iwd,
    leaves_alone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.records import (
    networkmanager_wait_file,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

ETC = "etc/NetworkManager/conf.d"
RUN = "run/NetworkManager/conf.d"
LIB = "usr/lib/NetworkManager/conf.d"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.interface()
    return made


def left(machine: Machine) -> bool:
    return leaves_alone("wlan0", machine.places)


def test_without_a_word_it_takes_the_interface(machine: Machine) -> None:
    assert left(machine) is False
    # As Debian and Ubuntu ship it.
    machine.write(
        "etc/NetworkManager/NetworkManager.conf", "[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=false\n"
    )
    machine.write(f"{LIB}/no-mac.conf", "[device-31]\nmatch-device=driver:rtl8723bs\nwifi.scan-rand-mac-address=no\n")
    machine.write(f"{LIB}/10-globally.conf", "[keyfile]\nunmanaged-devices=*,except:type:wifi,except:type:gsm\n")
    machine.write(
        "etc/network/interfaces", "auto lo\niface lo inet loopback\n# iface wlan0 inet dhcp\niface wlan00 inet dhcp\n"
    )
    assert left(machine) is False


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (None, True),
        ("interface-name:wlan0", True),
        ("interface-name:=wlan0", True),
        ("interface-name:wl*", True),
        ("interface-name:~wl*", True),
        ("interface-name:=wl*", False),
        ("interface-name:eth*, interface-name:veth*", False),
        ("interface-name:eth0; wlan0", True),
        ("*", True),
        ("type:wifi", True),
        ("type:ethernet", False),
        ("*,except:type:wifi", False),
        ("type:wifi,except:interface-name:wlan1", True),
        ("except:type:ethernet", True),
        ("except:wlan0", True),  # a name alone leaves nothing out
        ("except:interface-name:wlan0", False),
        # What is not understood here may be meant for the interface.
        ("driver:iwlwifi", True),
        ("mac:02:00:00:00:00:00", True),
        ("*,except:driver:iwlwifi", True),
        ("", False),
    ],
)
def test_a_section_for_devices(machine: Machine, match: str, expected: bool) -> None:
    line = "" if match is None else f"match-device = {match}\n"
    machine.write(f"{ETC}/x.conf", f"# [device]\n[device-x]\n#managed=1\n{line}managed = 0\n")
    assert left(machine) is expected
    machine.write(f"{ETC}/x.conf", f"[device-x]\n{line}managed=1\n")
    assert left(machine) is False


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("interface-name:wlan0", True),
        ("wlan0", True),
        ("interface-name:docker0;type:ethernet", False),
        # NetworkManager itself stays with this whatever it is told later, so that a doubt does no harm.
        ("driver:iwlwifi", False),
    ],
)
def test_devices_that_are_unmanaged(machine: Machine, value: str, expected: bool) -> None:
    machine.write(f"{ETC}/x.conf", f"[keyfile]\nunmanaged-devices={value}\n")
    assert left(machine) is expected


def test_files_are_read_in_networkmanagers_order(machine: Machine) -> None:
    machine.write(f"{LIB}/zz.conf", "[keyfile]\nunmanaged-devices=wlan0\n")
    assert left(machine) is True
    machine.write("etc/NetworkManager/NetworkManager.conf", "[keyfile]\nunmanaged-devices=eth0\n")
    assert left(machine) is False
    machine.write(f"{RUN}/zzz.conf", "[keyfile]\nunmanaged-devices=wlan0\n")
    assert left(machine) is False, "NetworkManager.conf comes after it"
    machine.write(f"{ETC}/a.conf", "[keyfile]\nunmanaged-devices+=wlan0\n")
    assert left(machine) is True
    machine.write(f"{ETC}/b.conf", "[keyfile]\nunmanaged-devices-=wlan0\n")
    assert left(machine) is False


def test_what_stands_before_any_section_and_what_is_no_section_do_no_harm(machine: Machine) -> None:
    machine.write(f"{ETC}/x.conf", "managed=0\nword\n[keyfile]\nx=[y]\n[z\nunmanaged-devices=wlan0\n")
    assert left(machine) is True


def test_a_section_that_a_later_file_adds_to_stays_where_it_is(machine: Machine) -> None:
    sections = "[device-x]\nwifi.backend=iwd\n[device-y]\nwifi.backend=wpa_supplicant\n"
    machine.write(f"{ETC}/a.conf", sections)
    machine.write(f"{ETC}/b.conf", "[device-y]\nmanaged=1\n")
    assert is_over_iwd("wlan0", machine.places) is True


def test_a_list_is_added_to_and_taken_from(machine: Machine) -> None:
    machine.write(f"{ETC}/a.conf", "[keyfile]\nunmanaged-devices-=eth0\n")
    assert left(machine) is False
    machine.write(f"{ETC}/a.conf", "[keyfile]\nunmanaged-devices=eth0;wlan0;eth1\n")
    machine.write(f"{ETC}/b.conf", "[keyfile]\nunmanaged-devices+=eth2\n")
    assert left(machine) is True
    machine.write(f"{ETC}/c.conf", "[keyfile]\nunmanaged-devices-=eth0\n")
    assert left(machine) is True


def test_a_file_hides_one_of_its_name(machine: Machine) -> None:
    machine.write(f"{LIB}/x.conf", "[device]\nmanaged=0\n")
    assert left(machine) is True
    machine.write(f"{RUN}/x.conf", "")
    assert left(machine) is False
    machine.write(f"{RUN}/y.conf", "[device]\nmanaged=no\n")
    assert left(machine) is True
    machine.write(f"{ETC}/y.conf", "")
    assert left(machine) is False


def test_what_the_watcher_adds_itself_does_not_count(machine: Machine) -> None:
    path = networkmanager_wait_file("wlan0", Places(""))
    machine.write(path, "[device-amt]\nmatch-device=interface-name:wlan0\nmanaged=0\n")
    assert left(machine) is False
    machine.write(path, "[device-amt]\nmatch-device=interface-name:wlan0\nwifi.backend=iwd\n")
    assert is_over_iwd("wlan0", machine.places) is False
    machine.write(f"{RUN}/zzz.conf", "[keyfile]\nunmanaged-devices=wlan0\n")
    assert left(machine) is True, "what comes after it does"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("E:NM_UNMANAGED=1", True), ("E:NM_UNMANAGED=true", True), ("E:NM_UNMANAGED=0", False), ("I:1", False)],
)
def test_udevs_word(machine: Machine, text: str, expected: bool) -> None:
    machine.write("run/udev/data/n3", f"I:123\n{text}\nG:systemd\n")
    assert left(machine) is expected


def test_its_own_record_of_an_order(machine: Machine) -> None:
    machine.networkmanager("false")
    assert left(machine) is True
    machine.write("run/NetworkManager/devices/3", "[device]\nmanaged=true\n")
    assert left(machine) is False


@pytest.mark.parametrize("path", ["etc/network/interfaces", "etc/network/interfaces.d/wifi"])
def test_what_ifupdown_has(machine: Machine, path: str) -> None:
    machine.write("etc/network/interfaces.d/eth0", "iface eth0 inet dhcp\n")
    machine.write(path, "auto wlan0\niface wlan0 inet dhcp\n  wpa-ssid corp\n")
    assert left(machine) is False  # without its plugin NetworkManager does not look there
    machine.write(f"{LIB}/x.conf", "[main]\nplugins=ifupdown,keyfile\n")
    assert left(machine) is True
    machine.write(f"{ETC}/y.conf", "[ifupdown]\nmanaged=true\n")
    assert left(machine) is False


def test_an_interface_that_is_not_there_is_an_error(machine: Machine) -> None:
    with pytest.raises(FleetError):
        leaves_alone("wlan9", machine.places)


# -- iwd below it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ("", False),
        ("[device]\nwifi.backend=iwd\n", True),
        ("[device]\nwifi.backend = IWD\n", True),
        ("[device]\nwifi.backend=wpa_supplicant\n", False),
        ("[device]\n#wifi.backend=iwd\n", False),
        ("[main]\nwifi.backend=iwd\n", False),
        ("[device-x]\nmatch-device=interface-name:wlan1\nwifi.backend=iwd\n", False),
        ("[device-x]\nmatch-device=driver:iwlwifi\nwifi.backend=iwd\n", True),
        ("[device-x]\nmatch-device=driver:ath9k\nwifi.backend=wpa_supplicant\n[device]\nwifi.backend=iwd\n", True),
        # The first one that fits counts, and that without a name of its own comes last.
        ("[device-x]\nwifi.backend=iwd\n[device-y]\nwifi.backend=wpa_supplicant\n", True),
        ("[device-x]\nwifi.backend=wpa_supplicant\n[device-y]\nwifi.backend=iwd\n", False),
        ("[device]\nwifi.backend=iwd\n[device-y]\nwifi.backend=wpa_supplicant\n", False),
        ("[device-x]\nwifi.scan-rand-mac-address=no\n[device]\nwifi.backend=iwd\n", True),
    ],
)
def test_what_is_below_it(machine: Machine, sections: str, expected: bool) -> None:
    machine.write(f"{ETC}/x.conf", sections)
    assert is_over_iwd("wlan0", machine.places) is expected


def test_a_later_file_comes_first(machine: Machine) -> None:
    machine.write(f"{LIB}/x.conf", "[device-x]\nwifi.backend=iwd\n")
    assert is_over_iwd("wlan0", machine.places) is True
    machine.write(f"{ETC}/a.conf", "[device-y]\nwifi.backend=wpa_supplicant\n")
    assert is_over_iwd("wlan0", machine.places) is False


def test_a_file_that_can_not_be_read_says_nothing_and_hides_nothing_of_the_others(machine: Machine) -> None:
    (machine.path / ETC).mkdir(parents=True)
    (machine.path / ETC / "y.conf").mkdir()
    assert is_over_iwd("wlan0", machine.places) is False
    assert defaults("wlan0", machine.places) == Defaults()
    machine.write(f"{ETC}/x.conf", "[device]\nwifi.backend=iwd\n[connection]\nwifi.cloned-mac-address=random\n")
    assert is_over_iwd("wlan0", machine.places) is True
    assert defaults("wlan0", machine.places) == Defaults(address="random")
    with pytest.raises(FleetError):
        leaves_alone("wlan0", machine.places)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("[connection]\nwifi.cloned-mac-address=stable-ssid\n", "stable-ssid"),
        ("[connection-wifi]\nwifi.cloned-mac-address=Random\n", "random"),
        ("[connection-x]\nmatch-device=interface-name:wlan0\nwifi.cloned-mac-address=permanent\n", "permanent"),
        ("[connection-x]\nmatch-device=interface-name:wlan9\nwifi.cloned-mac-address=random\n", None),
        # One that names itself counts before the one without a name.
        (
            "[connection]\nwifi.cloned-mac-address=random\n[connection-x]\nwifi.cloned-mac-address=permanent\n",
            "permanent",
        ),
        ("[connection]\nethernet.cloned-mac-address=random\n", None),
        ("[connection]\nwifi.mac-address-randomization=2\n", "random"),
        ("[connection]\nwifi.mac-address-randomization=1\n", None),
        # The first one may be about another device, so the second may count.
        (
            "[connection-x]\nmatch-device=driver:ath9k\nwifi.cloned-mac-address=permanent\n"
            "[connection]\nwifi.cloned-mac-address=stable-ssid\n",
            "stable-ssid",
        ),
        (
            "[connection-x]\nmatch-device=driver:ath9k\nwifi.cloned-mac-address=permanent\n"
            "[connection-y]\nwifi.cloned-mac-address=preserve\n[connection]\nwifi.cloned-mac-address=stable-ssid\n",
            "permanent",
        ),
        # For scans alone.
        ("[device]\nwifi.scan-rand-mac-address=yes\n", None),
    ],
)
def test_the_default_of_the_mac_address(machine: Machine, text: str, expected: str) -> None:
    machine.write(f"{ETC}/a.conf", text)
    assert defaults("wlan0", machine.places) == Defaults(address=expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[connection]\nipv4.dhcp-client-id=DUID\n", "duid"),
        ("[connection]\nmatch-device=interface-name:wlan1\nipv4.dhcp-client-id=duid\n", None),
        ("[connection-a]\nmatch-device=interface-name:wlan0\nipv4.dhcp-client-id=stable\n", "stable"),
        ("[connection]\nipv4.dhcp-client-id=\n", None),
    ],
)
def test_the_default_of_the_dhcp_client(machine: Machine, text: str, expected: Optional[str]) -> None:
    machine.write(f"{ETC}/a.conf", text)
    assert defaults("wlan0", machine.places) == Defaults(client_id=expected)
