# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

# How long an example takes says something of the machine alone.
settings.register_profile("vpro", deadline=None)
settings.load_profile("vpro")


def pytest_configure(config: pytest.Config) -> None:
    """Know the mark of pytest-cov also where it is not installed."""
    config.addinivalue_line("markers", "no_cover: nothing is counted while the test runs")


def pytest_collection_finish() -> None:
    """Keep what lives as long as the run out of each collection of garbage: that is a third of the run otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
