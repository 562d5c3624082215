# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rooms of ``plugins/module_utils``, what each may import, and what its files import. For their test and picture.

``imports`` reads the files of another house with rooms as well: the lab's.

``from ansible_collections.vpro.fleet.tests.rooms import ROOMS, imports``
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, Tuple

HOUSE = Path(__file__).resolve().parents[1] / "plugins" / "module_utils"

#: The files that import Ansible. They stand in no room, and no room imports them.
PORCH = "porch"
#: The wings: who runs an interface. None knows another, nor the room that they are in.
WINGS: Tuple[str, ...] = ("_managers/wpa_supplicant", "_managers/networkmanager")
_BASE: Tuple[str, ...] = ("_system", "_radio", "_network")
_MIDDLE: Tuple[str, ...] = (*_BASE, "_handover", "_managers", *WINGS)
#: What each room may import, beside itself. The order is from the ground up.
ROOMS: Dict[str, Tuple[str, ...]] = {
    "_system": (),
    "_radio": ("_system",),
    "_network": ("_system",),
    "_handover": _BASE,
    **dict.fromkeys(WINGS, _BASE),
    "_firmware": ("_system",),
    "_managers": (*_BASE, *WINGS),
    "_watcher": _MIDDLE,
    "_facts": (*_MIDDLE, "_watcher", "_firmware"),
    "_tasks": (*_MIDDLE, "_watcher", "_firmware", "_facts"),
    PORCH: (*_MIDDLE, "_watcher", "_firmware", "_facts", "_tasks"),
}
#: These files, and what they import, do no I/O and know no clock. All of ``_network`` is like that.
PURE: FrozenSet[str] = frozenset(
    {
        "_facts/amt_readiness",
        "_facts/readiness",
        "_firmware/calls",
        "_firmware/replies",
        "_firmware/values",
        "_handover/addressing",
        "_handover/evidence",
        "_handover/guard",
        "_handover/machine",
        "_handover/messages",
        "_handover/policy",
        "_managers/networkmanager/joining",
        "_managers/wpa_supplicant/conf_check",
        "_managers/wpa_supplicant/conf_lines",
        "_managers/wpa_supplicant/fitness",
        "_managers/wpa_supplicant/joining",
        "_managers/wpa_supplicant/networks_plan",
    }
)
#: The files, as paths without their suffix.
FILES = sorted(str(path.relative_to(HOUSE).with_suffix("")) for path in HOUSE.rglob("*.py") if path.stem != "__init__")


def room_of(name: str) -> str:
    """Return the room that a file is in."""
    return name.rpartition("/")[0] or PORCH


def imports(name: str, house: Path = HOUSE) -> Iterator[str]:
    """Yield what a file imports: a file of the house by its path without suffix, anything else by its dotted name."""
    for node in ast.walk(ast.parse((house / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.ImportFrom):
            folder = name.split("/")[: -node.level] + (node.module.split(".") if node.module else [])
            path = "/".join(folder)
            is_file = (house / f"{path}.py").is_file()
            yield from [path] if is_file else ["/".join([*folder, alias.name]) for alias in node.names]
