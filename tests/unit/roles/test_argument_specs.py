# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each role's variables: what is documented is what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
import yaml

from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver import DESPITE
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_recipe import filled, read_recipe
from ansible_collections.vpro.fleet.plugins.plugin_utils._documents import errors_of, load_schema

ROLES = Path(__file__).resolve().parents[3] / "roles"


def read(role: str, path: str) -> Dict[str, Any]:
    found: Dict[str, Any] = yaml.safe_load((ROLES / role / path).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("role", sorted(path.parents[1].name for path in ROLES.glob("*/meta/argument_specs.yml")))
def test_the_specification_is_in_step_with_the_defaults(role: str) -> None:
    entries = read(role, "meta/argument_specs.yml")["argument_specs"].values()
    options = {name: option for entry in entries for name, option in entry["options"].items()}
    # What two entry points share has one default.
    assert all(
        entry["options"].get(name, option)["default"] == option["default"]
        for entry in entries
        for name, option in options.items()
        if not option.get("required")
    )
    defaults = read(role, "defaults/main.yml")
    assert {name: option.get("default") for name, option in options.items() if not option.get("required")} == defaults
    assert all(name.startswith(f"{role}_") for name in options)
    readme = (ROLES / role / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in options)


def test_the_supplicants_defaults_are_as_its_schema_says() -> None:
    defaults = read("supplicant", "defaults/main.yml")
    assert set(defaults) == set(load_schema("supplicant_role")["properties"])
    assert errors_of(defaults, "supplicant_role") == []


def test_the_drivers_role_refuses_and_builds_as_its_modules_do() -> None:
    """A reason that the role takes is one that the module knows, and the build's kinds of packages have templates."""
    options = read("driver", "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert tuple(options["driver_despite"]["choices"]) == DESPITE
    for kind in ("deb",):
        recipe = read_recipe(str(ROLES / "driver" / "files" / "build"), kind)
        values = dict.fromkeys(
            ("PACKAGE", "VERSION", "ARCHITECTURE", "RELEASE", "SOURCE", "SOURCE_VERSION", "SIZE"), "x"
        )
        assert all(filled(text, values) for text in recipe.templates.values())


def test_the_drivers_role_knows_the_programs_of_its_distributions() -> None:
    """Recorded facts: Debian 12 and 13, and Ubuntu (not run). Fedora's kernels need another kind of package."""
    families = {"Debian": "Debian", "Ubuntu": "Debian", "Fedora": "RedHat", "RedHat": "RedHat"}
    programs = read("driver", "vars/main.yml")["driver__programs"]
    assert {name: family in programs for name, family in families.items()} == {
        "Debian": True,
        "Ubuntu": True,
        "Fedora": False,
        "RedHat": False,
    }
