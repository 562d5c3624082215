# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floors of ``plugins/module_utils``, and what its files import. For their test, and for the picture of them.

``from ansible_collections.vpro.fleet.tests.floors import FLOORS, imports``
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, Iterator

HOUSE = Path(__file__).resolve().parents[1] / "plugins" / "module_utils"

#: Each file's floor. ``_netlink`` carries the two netlink transports, so it has a half floor of its own.
FLOORS: Dict[str, float] = {
    **dict.fromkeys(("_errors", "_bare"), -1),
    "_reading": -0.75,
    "_netlink": -0.5,
    **dict.fromkeys(("_nl80211", "_rtnetlink", "_rfkill", "_wpa_ctrl", "_kernel", "_services"), 0),
    **dict.fromkeys(
        ("_systemd", "_directories", "_state_file", "_hold_note", "_process", "_program", "_memory", "_dbus"), 0
    ),
    "_networkd_files": 0,
    **dict.fromkeys(("_dhcp", "_csme", "_channels", "_runtime", "_detached", "_platform", "_watcher_state"), 1),
    **dict.fromkeys(("_profile", "_wpa_conf", "_networkmanager"), 1),
    **dict.fromkeys(("_watcher_config", "_networkd", "_nm_conf"), 1),
    **dict.fromkeys(("_variables", "_nm_settings", "_outcome"), 1.25),
    **dict.fromkeys(("_conf_plan", "_nm_joining", "_nm_plan"), 1.5),
    **dict.fromkeys(("_radio", "_supplicant"), 2),
    "_nm_listener": 2.25,
    "_nm_backend": 2.3,
    **dict.fromkeys(("_wpa_networks", "_configured", "_conflicts", "_rest"), 2.5),
    "_manager": 2.5,
    "_backend_choice": 2.75,
    **dict.fromkeys(("_handover", "_readiness"), 3),
    **dict.fromkeys(("_inventory", "_bring_up"), 3.5),
    "_machine": 3.5,
    "_guard": 3.5,
    "_dhcp_program": 3.5,
    "_addressing": 3.75,
    "_collect": 4,
    "_airplane": 4,
    "_hands": 4,
    **dict.fromkeys(("_execute", "_nm_provision"), 4.25),
    **dict.fromkeys(("_ownership", "_provision", "_watched", "_nm_bring_up"), 4.5),
    "_control_interface": 4.75,
    "_watcher": 4.75,
    "_watcher_cli": 5,
    **dict.fromkeys(("_module", "_module_profile"), 5),
}
#: The two exceptions within a floor: CSME's messages need channels, nothing else.
SAME_FLOOR = {("_csme", "_channels")}
FILES = sorted(path.stem for path in HOUSE.glob("_[!_]*.py"))


def imports(name: str) -> Iterator[str]:
    """Yield the modules that a file imports: a leading dot marks those of this folder."""
    for node in ast.walk(ast.parse((HOUSE / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level and node.module is None:
                yield from (f".{alias.name}" for alias in node.names)
            else:
                yield "." * node.level + (node.module or "")
