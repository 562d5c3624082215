# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house stands on its floors: who may import whom (docs/architecture.md)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Set

import pytest

from ansible_collections.vpro.fleet.tests.floors import FILES, FLOORS, HOUSE, SAME_FLOOR, imports


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
