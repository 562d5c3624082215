# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs DHCP on an interface, read from a folder that stands for the system's, and how it is asked anew."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client, ask_through_pipe, find_client
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, TransportFailed

#: As systemd 252 and 257 write it, shortened.
LINK = """# This is private data. Do not parse.
ADMIN_STATE={state}
OPER_STATE=carrier
NETWORK_FILE={file}
DNS=
"""


def networkd(root: Path, state: str = "configuring", file: str = "/etc/systemd/network/20-wlan.network") -> None:
    folder = root / "run/systemd/netif/links"
    folder.mkdir(parents=True)
    (folder / "3").write_text(LINK.format(state=state, file=file))


def dhcpcd(root: Path, name: str, pid: str = "77\n") -> None:
    (root / "run/dhcpcd").mkdir(parents=True)
    (root / "run/dhcpcd" / name).write_text(pid)


def find(root: Path, *, alive: bool = True) -> Optional[Client]:
    return find_client("wlan0", 3, str(root), alive=lambda pid: alive)


@pytest.mark.parametrize(
    ("state", "file", "client"),
    [
        ("configuring", "/etc/systemd/network/20-wlan.network", Client.NETWORKD),
        # It stays so when the link was lost and came again.
        ("configured", "/etc/systemd/network/20-wlan.network", Client.NETWORKD),
        ("unmanaged", "", None),
        ("failed", "/etc/systemd/network/20-wlan.network", None),
    ],
)
def test_networkd_is_asked_where_it_manages_the_link(
    tmp_path: Path, state: str, file: str, client: Optional[Client]
) -> None:
    networkd(tmp_path, state, file)
    assert find(tmp_path) is client


def setting(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


NETWORK = "etc/systemd/network/20-wlan.network"


@pytest.mark.parametrize("state", ["configuring", "configured"])
@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("[Match]\nName=wlan0\n[Network]\nDHCP=ipv4\n", Client.NETWORKD),
        ("[Match]\n  Name=wlan0\n  [Network]\n  DHCP = Yes\n", Client.NETWORKD),
        ("[Network]\nDHCP=no\n[Network]\nDNS=192.0.2.1\nDNS=192.0.2.2\nDHCP=yes\n", Client.NETWORKD),
        ("[Network]\nAddress=192.0.2.7/24\n", None),
        ("[Network]\n# DHCP=yes\n;DHCP=yes\nDHCP=No\n", None),
        ("[Network]\ndhcp=yes\n", None),
        ("[DHCPv4]\nDHCP=yes\n", None),
        ("[DEFAULT]\nDHCP=yes\n[Network]\n", None),
        ("DHCP=yes\n", None),
        ("", None),
        # What networkd does not understand changes nothing.
        ("[Network]\nDHCP=yes\nDHCP=\nDHCP\nDHCP=perhaps\n", Client.NETWORKD),
    ],
)
def test_networkd_is_asked_where_it_runs_dhcp(tmp_path: Path, state: str, text: str, client: Optional[Client]) -> None:
    networkd(tmp_path, state)
    setting(tmp_path, NETWORK, text)
    assert find(tmp_path) is client


def test_settings_that_can_not_be_read_count_as_dhcp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can't tell asks: that costs less than a session."""

    def refuse(path: str) -> List[str]:
        raise PermissionError(errno.EACCES, "no", path)

    networkd(tmp_path)
    assert find(tmp_path) is Client.NETWORKD
    setting(tmp_path, NETWORK, "[Network]\nDHCP=no\n")
    assert find(tmp_path) is None
    monkeypatch.setattr("os.listdir", refuse)
    assert find(tmp_path) is Client.NETWORKD


def test_a_drop_in_has_the_last_word_and_hides_one_of_its_name_further_on(tmp_path: Path) -> None:
    networkd(tmp_path)
    setting(tmp_path, NETWORK, "[Network]\nDHCP=no\n")
    setting(tmp_path, "usr/lib/systemd/network/20-wlan.network.d/10-on.conf", "[Network]\nDHCP=yes\n")
    assert find(tmp_path) is Client.NETWORKD
    setting(tmp_path, "etc/systemd/network/20-wlan.network.d/10-on.conf", "[Network]\nDNS=192.0.2.1\n")
    assert find(tmp_path) is None
    setting(tmp_path, "run/systemd/network/20-wlan.network.d/20-on.conf", "[Network]\nDHCP=ipv6\n")
    setting(tmp_path, "run/systemd/network/20-wlan.network.d/30-off.not", "[Network]\nDHCP=no\n")
    assert find(tmp_path) is Client.NETWORKD


def test_another_link_of_networkd_does_not_count(tmp_path: Path) -> None:
    networkd(tmp_path)
    assert find_client("wlan1", 4, str(tmp_path)) is None


@pytest.mark.parametrize("name", ["pid", "wlan0.pid", "wlan0-4.pid"])
def test_dhcpcd_is_asked_while_it_runs(tmp_path: Path, name: str) -> None:
    dhcpcd(tmp_path, name)
    assert find(tmp_path) is Client.DHCPCD
    assert find(tmp_path, alive=False) is None


@pytest.mark.parametrize("pid", ["", "no number\n", "-1\n"])
def test_a_file_without_a_process_is_nobody(tmp_path: Path, pid: str) -> None:
    dhcpcd(tmp_path, "pid", pid)
    assert find(tmp_path) is None


def test_dhcpcd_of_another_interface_is_nobody(tmp_path: Path) -> None:
    dhcpcd(tmp_path, "eth0.pid")
    assert find(tmp_path) is None


# -- through the pipe -------------------------------------------------------------------------------------------------


def test_a_pipe_takes_the_name(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    path = tmp_path / "run/amt-wifi-watcher-address-networkd"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ask_through_pipe(Client.NETWORKD, "wlan0", str(tmp_path))
        ask_through_pipe(Client.NETWORKD, "wlan1", str(tmp_path))
        assert os.read(reader, 100) == b"wlan0\nwlan1\n"
    finally:
        os.close(reader)


def test_no_pipe_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="role watcher"):
        ask_through_pipe(Client.DHCPCD, "wlan0", str(tmp_path))


def test_a_pipe_that_nobody_reads_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run/amt-wifi-watcher-address-networkd")
    with pytest.raises(TransportFailed):
        ask_through_pipe(Client.NETWORKD, "wlan0", str(tmp_path))


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "run/amt-wifi-watcher-address-networkd").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransportFailed):
        ask_through_pipe(Client.NETWORKD, "wlan0", str(tmp_path))
    assert (tmp_path / "elsewhere").read_text() == ""
