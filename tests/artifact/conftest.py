# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.tests.artifact.controller import Controller, build


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    """A controller without the collection."""
    return Controller(tmp_path_factory.mktemp("controller"))


@pytest.fixture(scope="session")
def artifact(empty: Controller, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact as ``ansible-galaxy`` builds it of the tree."""
    return build(empty, tmp_path_factory.mktemp("artifact"))


@pytest.fixture(scope="session")
def controller(empty: Controller, artifact: Path) -> Controller:
    """A controller with the collection."""
    empty.run("ansible-galaxy", "collection", "install", "--offline", "-p", str(empty.collections), str(artifact))
    return empty
