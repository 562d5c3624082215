# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What networkd says of a link, and its settings in the order in which it takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound
from ansible_collections.vpro.fleet.plugins.module_utils._system.networkd import read_link, read_settings

FILE = "/etc/systemd/network/20-wlan.network"


def write(root: Path, path: str, text: str) -> Path:
    made = root / path.lstrip("/")
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(text)
    return made


def test_a_link(tmp_path: Path) -> None:
    write(tmp_path, "run/systemd/netif/links/3", f"# Do not parse.\nADMIN_STATE=configured\nNETWORK_FILE={FILE}=b\nX\n")
    said = read_link(3, str(tmp_path))
    assert said == {"ADMIN_STATE": "configured", "NETWORK_FILE": f"{FILE}=b", "X": ""}
    with pytest.raises(NotFound):
        read_link(4, str(tmp_path))


def test_settings_by_section_and_name(tmp_path: Path) -> None:
    text = "DHCP=yes\n[Network]\n  DHCP = no\n#DNS=192.0.2.1\n;x=y\n\nDHCP\n[Network]\nDHCP=ipv4\n[DHCPv4]\nDHCP=yes\n"
    write(tmp_path, FILE, text)
    assert read_settings(FILE, str(tmp_path)) == {
        ("", "DHCP"): ["yes"],
        ("Network", "DHCP"): ["no", "", "ipv4"],
        ("DHCPv4", "DHCP"): ["yes"],
    }
    with pytest.raises(NotFound):
        read_settings("/etc/systemd/network/30.network", str(tmp_path))


def test_drop_ins_are_taken_by_their_names_wherever_they_are(tmp_path: Path) -> None:
    write(tmp_path, FILE, "[Network]\nDHCP=1\n")
    names = {"usr/lib": "30", "usr/local/lib": "20", "run": "40", "etc": "10"}
    for folder, name in names.items():
        write(tmp_path, f"{folder}/systemd/network/20-wlan.network.d/{name}.conf", f"[Network]\nDHCP={name}\n")
    write(tmp_path, "etc/systemd/network/20-wlan.network.d/15.txt", "[Network]\nDHCP=15\n")
    write(tmp_path, "etc/systemd/network/30-other.network.d/15.conf", "[Network]\nDHCP=15\n")
    taken = read_settings(FILE, str(tmp_path))["Network", "DHCP"]
    assert taken == ["1", "10", "20", "30", "40"]
    assert read_settings(FILE, str(tmp_path), without="20.conf")["Network", "DHCP"] == ["1", "10", "30", "40"]


@pytest.mark.parametrize(
    ("higher", "lower"), [("etc", "run"), ("run", "usr/local/lib"), ("usr/local/lib", "usr/lib"), ("etc", "usr/lib")]
)
def test_a_drop_in_hides_one_of_its_name_further_on(tmp_path: Path, higher: str, lower: str) -> None:
    write(tmp_path, FILE, "")
    below = "systemd/network/20-wlan.network.d/10.conf"
    write(tmp_path, f"{lower}/{below}", "[Network]\nDHCP=lower\n")
    upper = write(tmp_path, f"{higher}/{below}", "[Network]\nDNS=192.0.2.1\n")
    assert read_settings(FILE, str(tmp_path)) == {("Network", "DNS"): ["192.0.2.1"]}
    # A link to nothing hides none, and the file itself is there.
    upper.unlink()
    upper.symlink_to(tmp_path / "nowhere")
    assert read_settings(FILE, str(tmp_path)) == {("Network", "DHCP"): ["lower"]}
    # An empty one is the way to switch one off.
    upper.unlink()
    upper.write_text("")
    assert read_settings(FILE, str(tmp_path)) == {}
