# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lab looks for in the watcher's journal is what the watcher says."""

from __future__ import annotations

import importlib

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import NARROW
from ansible_collections.vpro.fleet.tests.schema import TREE

LAB = TREE / "tests" / "lab"

pytestmark = pytest.mark.skipif(not LAB.is_dir(), reason="this is the collection's artifact, which has no lab")


def test_the_watcher_says_what_the_lab_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(LAB))
    deployed = importlib.import_module("vpro_lab.play.deployed")
    assert deployed.TOO_LATE in NARROW
