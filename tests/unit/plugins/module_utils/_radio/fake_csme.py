# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME's connection as the driver tells it, written by hand. Test files import from here by this file's full name."""

from __future__ import annotations

from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import attribute, u8, u32

#: Attribute numbers, from nl80211-vnd-intel.h once more.
VIF_ADDR, ADDR, SSID, STA_CIPHER = 0x02, 0x0A, 0x3D, 0x51
ROAMING_FORBIDDEN, AUTH_MODE, CHANNEL_NUM, BAND, COLLOC_CHANNEL, COLLOC_ADDR = 0x64, 0x65, 0x66, 0x69, 0x70, 0x71
BSSID = bytes.fromhex("0200deadbeef")

#: What mainline iwlwifi answers, in its order.
MAINLINE = {
    AUTH_MODE: u32(AUTH_MODE, 7),
    SSID: attribute(SSID, b"corp"),
    STA_CIPHER: u32(STA_CIPHER, 4),
    CHANNEL_NUM: u8(CHANNEL_NUM, 36),
    ADDR: attribute(ADDR, BSSID),
}


def joined(**changes: bytes) -> bytes:
    """MAINLINE with attributes replaced or added, by name."""
    return b"".join({**MAINLINE, **{globals()[name]: value for name, value in changes.items()}}.values())


def without(*numbers: int) -> bytes:
    return b"".join(value for number, value in MAINLINE.items() if number not in numbers)
