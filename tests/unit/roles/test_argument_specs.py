# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each role's variables: what is documented is what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
import yaml

from ansible_collections.vpro.fleet.plugins.plugin_utils._documents import errors_of, load_schema

ROLES = Path(__file__).resolve().parents[3] / "roles"


def read(role: str, path: str) -> Dict[str, Any]:
    found: Dict[str, Any] = yaml.safe_load((ROLES / role / path).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("role", sorted(path.parents[1].name for path in ROLES.glob("*/meta/argument_specs.yml")))
def test_the_specification_is_in_step_with_the_defaults(role: str) -> None:
    options = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read(role, "defaults/main.yml")
    assert {name: option.get("default") for name, option in options.items() if not option.get("required")} == defaults
    assert all(name.startswith(f"{role}_") for name in options)
    readme = (ROLES / role / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in options)


def test_the_supplicants_defaults_are_as_its_schema_says() -> None:
    defaults = read("supplicant", "defaults/main.yml")
    assert set(defaults) == set(load_schema("supplicant_role")["properties"])
    assert errors_of(defaults, "supplicant_role") == []
