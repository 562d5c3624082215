# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house stands on its floors: who may import whom (docs/architecture.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, Set

import pytest

HOUSE = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"

#: Each file's floor. ``_netlink`` carries the two netlink transports, so it has a half floor of its own.
FLOORS: Dict[str, float] = {
    "_errors": -1,
    "_reading": -0.75,
    "_netlink": -0.5,
    **dict.fromkeys(("_nl80211", "_rtnetlink", "_rfkill", "_wpa_ctrl", "_kernel", "_services"), 0),
    **dict.fromkeys(("_systemd", "_directories", "_state_file", "_hold_note", "_process", "_memory", "_dbus"), 0),
    **dict.fromkeys(("_csme", "_channels", "_runtime", "_detached", "_platform", "_watcher_state"), 1),
    **dict.fromkeys(("_profile", "_wpa_conf", "_networkmanager"), 1),
    **dict.fromkeys(("_watcher_config", "_networkd"), 1),
    **dict.fromkeys(("_variables", "_nm_settings", "_outcome"), 1.25),
    **dict.fromkeys(("_conf_plan", "_nm_joining", "_nm_plan"), 1.5),
    **dict.fromkeys(("_radio", "_supplicant"), 2),
    "_nm_listener": 2.25,
    "_nm_backend": 2.3,
    **dict.fromkeys(("_wpa_networks", "_configured", "_conflicts"), 2.5),
    "_manager": 2.5,
    "_backend_choice": 2.75,
    **dict.fromkeys(("_handover", "_readiness"), 3),
    **dict.fromkeys(("_inventory", "_bring_up"), 3.5),
    "_machine": 3.5,
    "_guard": 3.5,
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


def test_every_file_has_a_floor() -> None:
    assert set(FILES) == set(FLOORS)


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_from_below(name: str) -> None:
    for imported in imports(name):
        if imported.startswith("."):
            below = imported.lstrip(".")
            assert FLOORS[below] < FLOORS[name] or (name, below) in SAME_FLOOR, f"{name} imports {below}"
        else:
            assert "ansible_collections" not in imported, "imports inside the folder are relative"


@pytest.mark.parametrize("name", FILES)
def test_only_the_glue_knows_ansible(name: str) -> None:
    knows = any(imported.split(".")[0] == "ansible" for imported in imports(name))
    assert knows == name.startswith("_module")


@pytest.mark.skipif(sys.version_info < (3, 10), reason="sys knows the names of its library since 3.10")
@pytest.mark.parametrize("name", FILES)
def test_no_third_party_library_but_pyroute2(name: str) -> None:
    others: Set[str] = {imported.split(".")[0] for imported in imports(name) if not imported.startswith(".")}
    assert others <= {*sys.stdlib_module_names, "ansible", "pyroute2"} - ({"pyroute2"} if name != "_netlink" else set())


def test_the_folder_is_an_ordinary_package_too(tmp_path: Path) -> None:
    """As the watcher will use it: no Ansible, another package name."""
    (tmp_path / "vpro_fleet").symlink_to(HOUSE)
    code = "import vpro_fleet._ownership, sys; sys.exit('ansible' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
