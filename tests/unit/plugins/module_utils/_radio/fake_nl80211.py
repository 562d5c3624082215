# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nl80211's messages, written by hand. Test files import from here by this file's full name."""

from __future__ import annotations

import struct
from typing import Optional, Tuple

from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import attribute, generic, u8, u32

FAMILY = 34
BSSID = bytes.fromhex("0200deadbeef")


def pairs(number: int, *ids: Tuple[int, int], flag: int = 0, first: int = 1) -> bytes:
    """An array of struct nl80211_vendor_cmd_info."""
    elements = (attribute(i, struct.pack("=II", *pair)) for i, pair in enumerate(ids, first))
    return attribute(number | flag, b"".join(elements))


def part(index: int, *attributes: bytes, name: Optional[bytes] = None) -> bytes:
    """One message of a GET_WIPHY dump, as the kernel begins it."""
    label = f"phy{index}\0".encode() if name is None else name
    return generic(FAMILY, 3, u32(1, index), attribute(2, label), u32(46, 1), *attributes, flags=2)


INTERFACE = {
    3: u32(3, 5),
    4: attribute(4, b"wlan0\0"),
    1: u32(1, 0),
    5: u32(5, 2),
    153: attribute(153, struct.pack("=Q", 1)),
    6: attribute(6, BSSID),
    46: u32(46, 3),
    53: attribute(53, b"\1"),
}


def interface(**changes: bytes) -> bytes:
    numbers = {"ifindex": 3, "ifname": 4, "wiphy": 1, "iftype": 5, "mac": 6, "freq": 38, "ssid": 52}
    parts = {**INTERFACE, **{numbers[name]: value for name, value in changes.items()}}
    return generic(FAMILY, 7, *parts.values(), flags=2)


def station(*info: bytes, mac: bytes = BSSID) -> bytes:
    return generic(FAMILY, 19, u32(3, 5), attribute(6, mac), u32(46, 1), attribute(21, b"".join(info)), flags=2)


ROAMING = attribute(0x02, BSSID) + u8(0x64, 1)


def bss(elements: bytes, *more: bytes) -> bytes:
    return generic(FAMILY, 34, u32(3, 5), attribute(47, attribute(6, elements) + b"".join(more)))
