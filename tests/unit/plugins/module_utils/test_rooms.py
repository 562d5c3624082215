# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house stands in its rooms: who may import whom (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
import sys
from graphlib import TopologicalSorter
from typing import Dict, Set, Tuple

import pytest

from ansible_collections.vpro.fleet.tests.rooms import FILES, HOUSE, PORCH, PURE, ROOMS, imports, room_of

#: Each file's imports, read once: many tests ask for those of the same file.
IMPORTS: Dict[str, Tuple[str, ...]] = {name: tuple(imports(name)) for name in FILES}
#: Those that are in the house.
INSIDE: Dict[str, Set[str]] = {name: {*IMPORTS[name]} & {*FILES} for name in FILES}
#: A file with more lines has more than one subject.
LONGEST = 400
#: What a pure file may use of Python's library. Nothing in it does I/O or has a clock.
HARMLESS = {"__future__", "collections", "dataclasses", "enum", "hashlib", "re", "struct", "types", "typing", "uuid"}


def reached(name: str) -> Set[str]:
    """Return the files that come with one: itself, what it imports, and what that imports."""
    found: Set[str] = set()
    todo = {name}
    while todo:
        found |= todo
        todo = {imported for each in todo for imported in INSIDE[each]} - found
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_what_its_room_may(name: str) -> None:
    for imported in IMPORTS[name]:
        assert "ansible_collections" not in imported, "imports within the house are relative"
        if imported in FILES:
            assert room_of(imported) in (room_of(name), *ROOMS[room_of(name)]), f"{name} imports {imported}"


@pytest.mark.parametrize("name", FILES)
def test_what_is_private_to_a_file_stays_there(name: str) -> None:
    for node in ast.walk(ast.parse((HOUSE / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            private = [each.name for each in node.names if each.name.startswith("_") and node.level]
            assert private == [], f"{name} imports {private}"


@pytest.mark.parametrize("name", [name for name in FILES if room_of(name) != PORCH])
def test_no_import_gets_round_the_walls(name: str) -> None:
    for node in ast.walk(ast.parse((HOUSE / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            assert re.findall(r"'(\w+)", ast.unparse(node.args[0])).pop() in ("pyroute2", "jeepney")


def test_no_file_imports_itself_by_way_of_others() -> None:
    tuple(TopologicalSorter(INSIDE).static_order())


@pytest.mark.parametrize("name", sorted(PURE | {name for name in FILES if room_of(name) == "_network"}))
def test_pure_is_a_wall(name: str) -> None:
    everything = {imported for each in reached(name) for imported in IMPORTS[each]} - {*FILES}
    assert {imported.split(".")[0] for imported in everything} <= HARMLESS


@pytest.mark.parametrize("name", FILES)
def test_only_the_porch_knows_ansible(name: str) -> None:
    knows = any(imported.split(".")[0] == "ansible" for each in reached(name) for imported in IMPORTS[each])
    assert knows == (room_of(name) == PORCH)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="sys knows the names of its library since 3.10")
@pytest.mark.parametrize("name", FILES)
def test_no_third_party_library_but_pyroute2(name: str) -> None:
    others: Set[str] = {imported.split(".")[0] for imported in IMPORTS[name] if imported not in FILES}
    library = {"pyroute2"} if name == "_radio/netlink" else set()
    assert others <= {*sys.stdlib_module_names, "ansible", *library}


def test_a_file_has_one_subject() -> None:
    long = {name: (HOUSE / f"{name}.py").read_text(encoding="utf-8").count("\n") for name in FILES}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_a_file_of_tests_has_one_subject() -> None:
    files = [path for folder in ("unit", "lab") for path in (HOUSE.parents[1] / "tests" / folder).rglob("*.py")]
    assert [str(path) for path in files if path.read_text(encoding="utf-8").count("\n") > LONGEST] == []


@pytest.mark.parametrize("room", [room for room in ROOMS if room != PORCH])
def test_the_face_of_a_room_is_a_docstring(room: str) -> None:
    body = ast.parse((HOUSE / room / "__init__.py").read_text(encoding="utf-8")).body
    assert [type(statement) for statement in body] == [ast.Expr]
