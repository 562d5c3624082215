# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What udevd recorded about an interface, and which MAC address it gives the interface."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound
from ansible_collections.vpro.fleet.plugins.module_utils._system.udev import (
    GivenAddress,
    given_address,
    properties,
)

LINK = "/etc/systemd/network/10-wlan.link"
MAC = "02:00:00:00:00:09"


def write(root: Path, path: str, text: str) -> None:
    made = root / path.lstrip("/")
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(text)


def record(root: Path, link: Optional[str] = LINK) -> None:
    file = "" if link is None else f"E:ID_NET_LINK_FILE={link}\n"
    write(root, "run/udev/data/n3", f"I:14292641\nE:ID_NET_DRIVER=iwlwifi\n{file}E:ODD=a=b\nE:EMPTY=\nG:systemd\nV:1\n")


def test_the_properties_of_an_interface(tmp_path: Path) -> None:
    record(tmp_path)
    told = properties(3, str(tmp_path))
    assert told == {"ID_NET_DRIVER": "iwlwifi", "ID_NET_LINK_FILE": LINK, "ODD": "a=b", "EMPTY": ""}
    with pytest.raises(NotFound):
        properties(4, str(tmp_path))


@pytest.mark.parametrize(
    ("lines", "given"),
    [
        ("", None),
        ("NamePolicy=keep kernel", None),
        ("MACAddressPolicy=random", ("MACAddressPolicy=random", None)),
        ("MACAddressPolicy=persistent", None),
        ("MACAddressPolicy=none", None),
        (f"MACAddress={MAC}", (f"MACAddress={MAC}", MAC)),
        ("MACAddress=02-00-00-00-00-09", ("MACAddress=02-00-00-00-00-09", MAC)),
        ("MACAddress=0200.0000.0009", ("MACAddress=0200.0000.0009", MAC)),
        ("MACAddress=0A:00:00:00:00:09", ("MACAddress=0A:00:00:00:00:09", "0a:00:00:00:00:09")),
        (f"MACAddress={MAC}\nMACAddressPolicy=none", (f"MACAddress={MAC}", MAC)),
        # A policy counts more than an address, in whatever order they are.
        (f"MACAddressPolicy=persistent\nMACAddress={MAC}", None),
        (f"MACAddressPolicy=random\nMACAddress={MAC}", ("MACAddressPolicy=random", None)),
        # The last one that udevd understands counts. An empty one means the default.
        ("MACAddressPolicy=random\nMACAddressPolicy=persistent", None),
        ("MACAddressPolicy=random\nMACAddressPolicy=sometimes", ("MACAddressPolicy=random", None)),
        (f"MACAddressPolicy=random\nMACAddressPolicy=\nMACAddress={MAC}", (f"MACAddress={MAC}", MAC)),
        (f"MACAddress={MAC}\nMACAddress=", None),
        (f"MACAddress={MAC}\nMACAddress=02:00", (f"MACAddress={MAC}", MAC)),
        ("[Match]\nMACAddress=02:00:00:00:00:09", None),
    ],
)
def test_the_address_of_a_file(tmp_path: Path, lines: str, given: Optional[Tuple[str, Optional[str]]]) -> None:
    record(tmp_path)
    write(tmp_path, LINK, f"[Match]\nOriginalName=wl*\n[Link]\n{lines}\n")
    assert given_address(3, str(tmp_path)) == (None if given is None else GivenAddress(LINK, *given))


def test_a_drop_in_is_named_where_it_decides(tmp_path: Path) -> None:
    vendors = "/usr/lib/systemd/network/99-default.link"
    record(tmp_path, vendors)
    write(tmp_path, vendors, "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n")
    assert given_address(3, str(tmp_path)) is None
    drop_in = "/etc/systemd/network/99-default.link.d/private.conf"
    write(tmp_path, drop_in, "[Link]\nMACAddressPolicy=random\n")
    assert given_address(3, str(tmp_path)) == GivenAddress(drop_in, "MACAddressPolicy=random", None)


def test_an_interface_without_a_file_or_with_one_that_is_gone(tmp_path: Path) -> None:
    record(tmp_path, None)
    assert given_address(3, str(tmp_path)) is None
    record(tmp_path)
    with pytest.raises(NotFound):
        given_address(3, str(tmp_path))
