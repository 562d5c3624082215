# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages name is there, and is so: tests, files, settings of the watcher's service, versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import DRIVER_MANAGED, FIRST_KERNEL
from ansible_collections.vpro.fleet.tests.schema import TREE

PAGES = sorted([TREE / "README.md", *TREE.glob("docs/*.md"), *TREE.glob("roles/*/README.md")])
TESTS = set(
    re.findall(
        r"^ *def (test_\w+)",
        "\n".join(path.read_text(encoding="utf-8") for path in TREE.glob("tests/*/**/test_*.py")),
        re.MULTILINE,
    )
)

pytestmark = pytest.mark.skipif(
    not (TREE / "Makefile").exists(), reason="this is the collection's artifact, which has not all that pages name"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TREE)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"`(test_\w+)`", text)) <= TESTS
    paths = re.findall(r"`((?:plugins|roles|tests|docs|tools|changelogs|extensions)/[\w@./-]*)`", text)
    # NAME stands for a name.
    assert [path for path in paths if "NAME" not in path and not (TREE / path).exists()] == []
    modules = re.findall(r"`(_[a-z0-9_/]+\.py)`", text)
    house = TREE / "plugins" / "module_utils"
    # Within a paragraph about a room a file may be named without it.
    assert [name for name in modules if not (house / name).exists() and not any(house.rglob(name))] == []


def test_the_sandbox_is_as_told() -> None:
    unit = (TREE / "roles/watcher/files/amt-wifi-watcher.service").read_text(encoding="utf-8").splitlines()
    text = (TREE / "docs/security.md").read_text(encoding="utf-8").partition("## The watcher's sandbox")[2]
    told = re.findall(r"`([A-Z][A-Za-z]+=[^`]+)`", text.partition("\n## ")[0])
    assert len(told) > 5
    assert [setting for setting in told if setting not in unit] == []


def test_versions_are_those_that_are_tested() -> None:
    kernels = (TREE / "docs/kernels.md").read_text(encoding="utf-8")
    readme = (TREE / "README.md").read_text(encoding="utf-8")
    project = (TREE / "pyproject.toml").read_text(encoding="utf-8")
    first, managed = (".".join(map(str, version)) for version in (FIRST_KERNEL, DRIVER_MANAGED))
    assert f"Linux {first} or later" in kernels
    assert f"Linux {first} or newer" in readme
    assert f"| Before {managed}: userspace-managed | From {managed} on: driver-managed |" in kernels
    oldest, *_others, newest = re.findall(r"pyroute2==([0-9.]+)", project)
    assert f"| Tested | {oldest} to {newest} |" in kernels
    jeepney = re.findall(r"jeepney==([0-9.]+)", project)[0]
    assert f"`python3-pyroute2` {oldest} or newer; with NetworkManager `python3-jeepney` {jeepney} or newer" in readme
    runtime = (TREE / "meta/runtime.yml").read_text(encoding="utf-8")
    core = re.findall(r'^requires_ansible: ">=([0-9]+\.[0-9]+)', runtime, re.MULTILINE)[0]
    assert f"ansible-core {core} or newer" in readme
    (python,) = re.findall(r'^target-version = "py3([0-9]+)"', project, re.MULTILINE)
    assert f"| Laptops' Python | 3.{python} or newer" in readme
