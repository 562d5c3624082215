# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ``supplicant`` sets up who gets the addresses. The network takes the laptop for the same host as CSME."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.tests.lab.test_role_supplicant import PROFILE, role
from vpro_lab.air.ap import LAPTOP_ADDRESS, AccessPoint
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.laptop.packages import debian_packages

# About wpa_supplicant alone, and each run of the role takes long.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

FILE = f"/etc/systemd/network/70-vpro-fleet-{INTERFACE}.network"
#: The laptop's own file, which somebody else wrote.
THEIRS = "/etc/systemd/network/20-radio.network"


def addresses(laptop: Laptop) -> str:
    return laptop.guest.run(f"ip -o -4 address show dev {INTERFACE} scope global").out


def has_csmes_address(laptop: Laptop) -> bool:
    return f" {LAPTOP_ADDRESS}/" in addresses(laptop)


def test_networkd(laptop: Laptop, ap: AccessPoint) -> None:
    ap.start("wpa2-psk", mac=MAC)
    theirs = laptop.guest.read(THEIRS)
    # A file of somebody else stays, and nothing is laid beside it.
    foreign = role(laptop, "--check", profiles=[PROFILE], address="networkd").ok()
    assert f"{THEIRS} configures {INTERFACE} already" in foreign.output
    assert FILE not in foreign.output
    laptop.guest.check(f"rm {THEIRS}; networkctl reload")
    checked = role(laptop, "--check", "--diff", profiles=[PROFILE], address="networkd").ok()
    assert "ClientIdentifier=mac" in checked.output
    assert laptop.guest.run(f"test -e {FILE}").rc
    role(laptop, profiles=[PROFILE], address="networkd").ok()
    laptop.wait_until("CSME's address", lambda: has_csmes_address(laptop), 60)
    assert laptop.guest.check(f"stat -c '%a %U:%G' {FILE}").strip() == "644 root:root"
    assert "changed=0" in role(laptop, profiles=[PROFILE], address="networkd").ok().output
    # The laptop's own file is one whose identity is the machine's, and then the network gives another address.
    laptop.guest.check(f"rm {FILE}")
    laptop.guest.write(THEIRS, theirs)
    laptop.guest.check("networkctl reload")
    laptop.wait_until("another address", lambda: bool(addresses(laptop)) and not has_csmes_address(laptop), 60)


def test_dhcpcd(laptop: Laptop, ap: AccessPoint) -> None:
    ap.start("wpa2-psk", mac=MAC)
    laptop.guest.check(f"rm {THEIRS}; networkctl reload")
    with debian_packages(laptop):
        role(laptop, profiles=[PROFILE], address="dhcpcd").ok()
    laptop.wait_until("CSME's address", lambda: has_csmes_address(laptop), 60)
    text = laptop.guest.read("/etc/dhcpcd.conf")
    assert "\nduid\n" in text, "what Debian has there stays"
    assert text.index("nohook wpa_supplicant\n") < text.index(f"interface {INTERFACE}\nclientid 01:{MAC}\n")
    assert "allowinterfaces " in text
    assert laptop.guest.check("systemctl is-enabled dhcpcd").strip() == "enabled"
    assert "changed=0" in role(laptop, profiles=[PROFILE], address="dhcpcd").ok().output
