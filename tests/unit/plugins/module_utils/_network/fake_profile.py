# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles to choose from. Test files import from here by this file's full name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile


def make(number: int = 0, key_mgmt: str = "WPA-PSK", credentials: str = "psk", **changes: Any) -> Profile:
    base = Profile(
        id=number,
        ssid=b"home",
        key_mgmt=frozenset(key_mgmt.split()),
        enabled=True,
        bssid=None,
        scan_freq=(),
        current=False,
        credentials=frozenset(credentials.split()),
    )
    return replace(base, **changes)
