# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a module's result that says which networks were added, changed or removed."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Tuple

from .declared import Declaration
from .values import ssid_text

#: Networks: for each one its SSID and those of its settings that may be shown.
Shown = Tuple[Tuple[bytes, Dict[str, str]], ...]


def networks(declared: Declaration, places: Mapping[str, Tuple[Shown, Shown]]) -> List[Dict[str, Any]]:
    """Return for each network that is declared or removed what happens to it in each place.

    Args:
        declared: the networks that the task declares.
        places: the networks that change, before and after, by the name of the place (``file``, ``runtime``).
    """
    order: Dict[bytes, None] = dict.fromkeys(profile.ssid for profile in declared.profiles)
    for before, after in places.values():
        order.update(dict.fromkeys(ssid for ssid, _shown in (*before, *after)))
    return [
        {
            "ssid": ssid_text(ssid),
            "ssid_hex": ssid.hex(),
            **{place: _action(ssid, before, after) for place, (before, after) in places.items()},
        }
        for ssid in order
    ]


def _action(ssid: bytes, before: Shown, after: Shown) -> str:
    was, will = any(s == ssid for s, _d in before), any(s == ssid for s, _d in after)
    return {(True, True): "changed", (True, False): "removed", (False, True): "added"}.get((was, will), "unchanged")


def by_name(shown: Iterable[Tuple[bytes, Mapping[str, str]]]) -> Dict[str, Any]:
    """Return networks by their names, for a diff. Networks with the same name are numbered."""
    named: Dict[str, Any] = {}
    for ssid, variables in shown:
        name, number = ssid_text(ssid) or "(any)", 1
        while name in named:
            number += 1
            name = f"{ssid_text(ssid) or '(any)'} ({number})"
        named[name] = variables
    return named
