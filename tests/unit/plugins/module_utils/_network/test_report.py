# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of networks, as the modules for profiles return it."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Declaration, NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._network.report import by_name, networks


def test_each_network_that_is_declared_or_goes_is_told_for_each_place() -> None:
    home, guest = NetworkProfile(b"home", "open"), NetworkProfile(b"\xff", "open")
    seen: Dict[str, str] = {"ssid": "x"}
    told = networks(
        Declaration((home, guest), (), False),
        {
            "file": (((b"home", seen), (b"old", seen)), ((b"home", seen), (b"\xff", seen))),
            "runtime": (((b"older", seen),), ()),
        },
    )
    expected: Any = [
        {"ssid": "home", "ssid_hex": "686f6d65", "file": "changed", "runtime": "unchanged"},
        {"ssid": "\\xff", "ssid_hex": "ff", "file": "added", "runtime": "unchanged"},
        {"ssid": "old", "ssid_hex": "6f6c64", "file": "removed", "runtime": "unchanged"},
        {"ssid": "older", "ssid_hex": "6f6c646572", "file": "unchanged", "runtime": "removed"},
    ]
    assert told == expected


def test_of_several_networks_with_one_name_all_are_in_a_diff() -> None:
    first, second, third = {"priority": "1"}, {"priority": "2"}, {"priority": "3"}
    assert by_name([(b"home", first), (b"x", first), (b"home", second), (b"home", third)]) == {
        "home": first,
        "x": first,
        "home (2)": second,
        "home (3)": third,
    }
    assert by_name([(b"", first), (b"", second)]) == {"(any)": first, "(any) (2)": second}
    assert by_name([]) == {}
