# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What amt_wifi_facts documents is what its schema says."""

from __future__ import annotations

import ast
from typing import Any, Dict, Iterator, Tuple

import yaml

from ansible_collections.vpro.fleet.tests.schema import TREE, check_facts, schema

MODULE = TREE / "plugins" / "modules" / "amt_wifi_facts.py"


def documented() -> Dict[str, Any]:
    """Return the documentation of the facts, without importing the module: that takes Ansible."""
    for node in ast.parse(MODULE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "RETURN":
            returned = yaml.safe_load(ast.literal_eval(node.value))
            facts: Dict[str, Any] = returned["ansible_facts"]["contains"]["amt_wifi"]
            return facts
    raise AssertionError("the module documents nothing")


#: JSON's types by Ansible's.
TYPES = {"str": "string", "int": "integer", "bool": "boolean", "list": "array", "dict": "object"}


def from_documentation(part: Dict[str, Any], path: str = "") -> Iterator[Tuple[str, str]]:
    yield path, TYPES[part["type"]]
    if part["type"] == "list" and "contains" not in part:
        yield f"{path}[]", TYPES[part["elements"]]
    for name, inner in part.get("contains", {}).items():
        yield from from_documentation(inner, f"{path}[].{name}" if part["type"] == "list" else f"{path}.{name}")


def from_schema(part: Dict[str, Any], path: str = "") -> Iterator[Tuple[str, str]]:
    if "$ref" in part:
        part = {**schema("amt_wifi_facts")["$defs"][part["$ref"].rpartition("/")[2]], **part}
    kind = json_type(part)
    if not (path.endswith("[]") and kind == "object"):  # a list of mappings goes without saying
        yield path, kind
    for name, inner in part.get("properties", {}).items():
        yield from from_schema(inner, f"{path}.{name}")
    if "items" in part:
        yield from from_schema(part["items"], f"{path}[]")


def json_type(part: Dict[str, Any]) -> str:
    """Return the one type beside null; a mapping for what is always null yet."""
    if "type" in part:
        kinds = {part["type"]} if isinstance(part["type"], str) else set(part["type"])
    else:
        kinds = {TYPES.get(type(value).__name__, "null") for value in part.get("enum", [part.get("const")])}
    (kind,) = kinds - {"null"} or {"object"}
    return str(kind)


def test_every_fact_is_documented_with_its_type() -> None:
    assert dict(from_documentation(documented())) == dict(from_schema(schema("amt_wifi_facts")))


def sample(part: Dict[str, Any]) -> Any:
    if "contains" not in part:
        return part.get("sample")
    inner = {name: sample(value) for name, value in part["contains"].items()}
    return [inner] if part["type"] == "list" else inner


def test_the_samples_make_a_document() -> None:
    check_facts(sample(documented()))
