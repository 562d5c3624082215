# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose bring-up is left to the supplicant: what networkd manages by a file that is about wireless interfaces alone."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._tasks.networkd_info import (
    DropIn,
    NetworkdLink,
    drop_ins,
    read_links,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

FILE = "/etc/systemd/network/20-radio.network"
DROP_IN = f"{FILE}.d/amt-wifi-watcher.conf"
IDENTITY = f"{FILE}.d/amt-wifi-watcher-identity.conf"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.interface()
    machine.write("run/systemd/netif/links/3", f"# comment\nADMIN_STATE=configured\nNETWORK_FILE={FILE}\n")
    return machine


@pytest.mark.parametrize(
    "match",
    [
        "Name=wlan0",
        "Name=wl* wlan0",
        "Type=wlan",
        "WLANInterfaceType=station",
        "# about\nName = wlp*",
        "Type=wlan\nType=wlan",
        "x\n\n;\nName=wl*\n\n",
    ],
)
def test_a_wireless_file_gets_a_drop_in(machine: Machine, match: str) -> None:
    machine.write(FILE[1:], f"[Match]\n{match}\n[Network]\nDHCP=yes\nDNS=192.0.2.1\nDNS=192.0.2.2\n")
    (link,) = read_links(places=machine.places)
    bring_up = DropIn(DROP_IN, "[Link]\nActivationPolicy=manual\nRequiredForOnline=yes\n")
    assert link == NetworkdLink("wlan0", FILE, bring_up, DropIn(IDENTITY, "[DHCPv4]\nClientIdentifier=mac\n"))


def test_what_it_says_of_being_online_stays(machine: Machine) -> None:
    machine.write(FILE[1:], "[Match]\nName=wl*\n[Link]\nRequiredForOnline=no\n")
    assert read_links(places=machine.places)[0].bring_up.content == "[Link]\nActivationPolicy=manual\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Match]\nName=*\n", "not wireless"),
        ("[Match]\nName=wl* en*\n", "not wireless"),
        ("[Match]\nName=!en*\n", "not wireless"),
        ("[Match]\nType=ether\n", "not wireless"),
        ("[Match]\nMACAddress=02:00:00:00:00:00\n", "not wireless"),
        ("[Network]\nDHCP=yes\n", "not wireless"),
        ("[Match]\nName=wlan0\n[Link]\nActivationPolicy=up\n", "of its own"),
        ("Name=wlan0\n", "not wireless"),
        ("[Match]\nName=en*\nName=wl*\n", "not wireless"),
        ("[Match]\nType=ether\nType=wlan\n", "not wireless"),
        ("[Match]\nName=wl*\n[Match]\nName=en*\n", "not wireless"),
        ("[Match]\nName=*\nWLANInterfaceType=!station\n", "not wireless"),
        ("[Match]\nName=wl* \\\n  en*\n", "not wireless"),
        ("rubbish\n  more of it\n", "not wireless"),
        # For networkd, capital letters matter.
        ("[match]\nName=wl*\n", "not wireless"),
        ("[Match]\nname=wl*\n", "not wireless"),
    ],
)
def test_what_is_better_left(machine: Machine, text: str, why: str) -> None:
    machine.write(FILE[1:], text)
    (link,) = read_links(places=machine.places)
    assert link.bring_up.content is None
    assert why in link.bring_up.why
    assert (link.interface, link.file, link.bring_up.path, link.identity.path) == ("wlan0", FILE, DROP_IN, IDENTITY)
    assert (link.identity.content is None) == (why == "not wireless")


@pytest.mark.parametrize(
    ("text", "content", "why"),
    [
        ("[DHCPv4]\nUseDNS=no\n", "[DHCPv4]\nClientIdentifier=mac\n", ""),
        ("[DHCPv4]\nClientIdentifier=mac\n", None, ""),
        ("[DHCP]\nClientIdentifier=duid\n", None, "it has a ClientIdentifier of its own (duid)"),
    ],
)
def test_whom_the_client_says_the_host_is(machine: Machine, text: str, content: Optional[str], why: str) -> None:
    machine.write(FILE[1:], f"[Match]\nName=wl*\n{text}")
    # Its own does not count: it would keep itself from being written.
    machine.write(IDENTITY[1:], "[DHCPv4]\nClientIdentifier=mac\n")
    assert read_links(places=machine.places)[0].identity == DropIn(IDENTITY, content, why)


def test_one_that_is_left_to_the_supplicant_already_needs_nothing(machine: Machine) -> None:
    machine.write(FILE[1:], "[Match]\nName=wl*\n[Link]\nActivationPolicy=manual\n")
    assert read_links(places=machine.places)[0].bring_up == DropIn(DROP_IN, None)


def test_other_drop_ins_count(machine: Machine) -> None:
    machine.write(FILE[1:], "[Match]\nName=wl*\n")
    # Its own does not: it would keep itself from being written.
    machine.write(f"{FILE[1:]}.d/amt-wifi-watcher.conf", "[Link]\nActivationPolicy=manual\n")
    assert read_links(places=machine.places)[0].bring_up.content is not None
    local = machine.write("run/systemd/network/20-radio.network.d/local.conf", "[Link]\nRequiredForOnline=no\n")
    assert read_links(places=machine.places)[0].bring_up.content == "[Link]\nActivationPolicy=manual\n"
    local.write_text("[Link]\nActivationPolicy=always-up\n")
    assert "of its own" in read_links(places=machine.places)[0].bring_up.why
    local.write_text("[Match]\nName=en*\n")
    assert "not wireless" in read_links(places=machine.places)[0].bring_up.why


def test_a_drop_in_that_another_hides_does_not_count(machine: Machine) -> None:
    machine.write(FILE[1:], "[Match]\nName=wl*\n")
    machine.write("usr/lib/systemd/network/20-radio.network.d/local.conf", "[Link]\nActivationPolicy=always-up\n")
    assert read_links(places=machine.places)[0].bring_up.content is None
    machine.write(f"{FILE[1:]}.d/local.conf", "")
    assert read_links(places=machine.places)[0].bring_up.content is not None


def test_what_networkd_does_not_manage_is_none_of_it(machine: Machine) -> None:
    machine.write(FILE[1:], "[Match]\nName=wlan0\n")
    assert read_links(["wlan0"], machine.places)
    (machine.path / FILE[1:]).unlink()
    gone = "it does not exist any more"
    assert read_links(places=machine.places) == (
        NetworkdLink("wlan0", FILE, DropIn(DROP_IN, None, gone), DropIn(IDENTITY, None, gone)),
    )
    assert read_links(["wlan9"], machine.places) == ()
    machine.write("run/systemd/netif/links/3", "ADMIN_STATE=unmanaged\n")
    assert read_links(places=machine.places) == ()
    (machine.path / "run/systemd/netif/links/3").unlink()
    assert read_links(places=machine.places) == ()


def test_an_interface_of_any_name_may_be_named_itself(machine: Machine) -> None:
    machine.interface("radio0", 4)
    machine.write("run/systemd/netif/links/4", f"NETWORK_FILE={FILE}\n")
    machine.write(FILE[1:], "[Match]\nName=radio0\n")
    assert [(link.interface, bool(link.bring_up.content)) for link in read_links(places=machine.places)] == [
        ("radio0", True),
        ("wlan0", False),
    ]


def test_one_that_it_does_not_manage_hides_no_other(machine: Machine) -> None:
    machine.interface("wlan1", 4)
    machine.interface("wlan2", 5)
    file = "/etc/systemd/network/a=b.network"
    machine.write(file[1:], "[Match]\nName=wl*\n")
    machine.write("run/systemd/netif/links/5", f"NETWORK_FILE={file}\n")
    machine.write(FILE[1:], "[Match]\nName=wlan0\n")
    links = read_links(places=machine.places)
    assert [(link.interface, link.file) for link in links] == [("wlan0", FILE), ("wlan2", file)]


def test_the_drop_ins_that_are_there(machine: Machine) -> None:
    assert drop_ins(machine.places) == ()
    machine.write(f"{FILE[1:]}.d/amt-wifi-watcher.conf", "")
    machine.write(IDENTITY[1:], "")
    machine.write(f"{FILE[1:]}.d/other.conf", "")
    assert drop_ins(machine.places) == (IDENTITY, DROP_IN)
