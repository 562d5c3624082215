# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab stands in its rooms: who may import whom (docs/lab.md)."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from typing import Dict, FrozenSet, Tuple

import pytest

from ansible_collections.vpro.fleet.tests.rooms import imports
from ansible_collections.vpro.fleet.tests.schema import TREE

LAB = TREE / "tests" / "lab" / "vpro_lab"

pytestmark = pytest.mark.skipif(not LAB.is_dir(), reason="this is the collection's artifact, which has no lab")

#: The files that stand in no room: what every room may import, and where commands begin, which no room imports.
COMMON: FrozenSet[str] = frozenset({"errors", "figures", "paths", "progress"})
COMMANDS: FrozenSet[str] = frozenset({"__main__", "cli", "measuring"})
#: What each room may import, beside itself. The order is from the ground up.
ROOMS: Dict[str, Tuple[str, ...]] = {
    "common": (),
    "engine": (),
    "laptop": ("common",),
    "air": ("common", "engine", "laptop"),
    "play": ("common", "engine", "laptop", "air"),
    "commands": ("common", "engine", "laptop", "air", "play"),
}
#: The folders whose files run elsewhere: on the laptop, and within Ansible.
ELSEWHERE: FrozenSet[str] = frozenset({"laptop/guest", "play/callback", "play/connection"})
#: The files, as paths without their suffix.
FILES = [
    path.relative_to(LAB).with_suffix("").as_posix()
    for path in sorted(LAB.rglob("*.py"))
    if path.stem != "__init__" and path.parent.relative_to(LAB).as_posix() not in ELSEWHERE
]


def room_of(name: str) -> str:
    """Return the room that a file is in."""
    return name.rpartition("/")[0] or ("common" if name in COMMON else "commands")


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_what_its_room_may(name: str) -> None:
    for imported in imports(name, LAB):
        assert imported.split(".")[0] != "vpro_lab", "imports within the lab are relative"
        if imported in FILES:
            assert room_of(imported) in (room_of(name), *ROOMS[room_of(name)]), f"{name} imports {imported}"


def test_no_file_imports_itself_by_way_of_others() -> None:
    inside = {name: {each for each in imports(name, LAB) if each in FILES} for name in FILES}
    tuple(TopologicalSorter(inside).static_order())


def test_every_file_is_in_a_room_or_known() -> None:
    assert {room_of(name) for name in FILES} == {*ROOMS}
    assert {name for name in FILES if "/" not in name} == COMMON | COMMANDS


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in ("common", "commands")])
def test_the_face_of_a_room_is_a_docstring(room: str) -> None:
    body = ast.parse((LAB / room / "__init__.py").read_text(encoding="utf-8")).body
    assert [type(statement) for statement in body] == [ast.Expr]
