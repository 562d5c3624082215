# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the files of a laptop are, and those of a test's tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.places import PLACES, Places

ROLE = Path(__file__).resolve().parents[5] / "roles/watcher"


@pytest.mark.parametrize(("root", "before"), [("/", "/"), ("/tree", "/tree/"), ("/tree/", "/tree/")])
def test_every_file_is_below_the_root(root: str, before: str) -> None:
    places = Places(root)
    assert places.at("/etc/x") == places.at("etc/x") == places.at("/etc", "x") == f"{before}etc/x"
    assert places.run == f"{before}run/vpro-fleet"
    assert places.news == f"{before}run/vpro-fleet.news"
    assert places.holds == f"{before}run/amt-wifi-watcher-hold"


def test_a_laptops_own_files_are_below_its_root() -> None:
    assert Places() == PLACES
    assert PLACES.at("/etc/x") == "/etc/x"


def test_the_role_makes_the_folders_where_they_are_looked_for() -> None:
    variables = (ROLE / "vars/main.yml").read_text(encoding="utf-8")
    unit = (ROLE / "files/amt-wifi-watcher-hold@.service").read_text(encoding="utf-8")
    assert f"\nwatcher__run_folder: {PLACES.run}\n" in variables
    assert f"\nRuntimeDirectory={Path(PLACES.holds).name}\n" in unit
