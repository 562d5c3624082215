# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-builder finds in the collection, and that it takes the example."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.vpro.fleet.tests.artifact.controller import TREE, Controller


def test_the_builder_finds_what_the_controller_needs(controller: Controller) -> None:
    found = yaml.safe_load(controller.run("ansible-builder", "introspect", str(controller.collections)))
    # jsonschema alone: pyroute2 and jeepney are what laptops have.
    assert found == {"python": ["jsonschema>=4.0  # from collection vpro.fleet"], "system": []}


def test_the_example_makes_a_build_context(controller: Controller, tmp_path: Path) -> None:
    example = TREE / "docs" / "examples" / "ee" / "execution-environment.yml"
    # Which file it makes depends on which runtime a machine has; it takes none to make it.
    file = "Containerfile"
    controller.run(
        *("ansible-builder", "create", "--file", str(example)), *("--context", str(tmp_path), "--output-filename", file)
    )
    assert (tmp_path / file).read_text(encoding="utf-8").startswith("ARG EE_BASE_IMAGE=")
    wanted = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    (collection,) = wanted["collections"]
    assert (collection["type"], collection["name"].rpartition("/")[2]) == ("git", "vpro.fleet.git")
