# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the lab keeps its things: the cache (outside the tree) and the state of running laptops (inside ``build/``)."""

from __future__ import annotations

import os
from pathlib import Path

#: The checkout.
REPOSITORY = Path(__file__).resolve().parents[3]
#: The folder of this package.
PACKAGE = Path(__file__).resolve().parent
#: Sources of the kernel modules that stand in for CSME and its drivers.
KERNEL_MODULES = PACKAGE.parent / "kmod"
#: State of laptops that are up, artifacts of tests, reports.
BUILD = REPOSITORY / "build"


def cache() -> Path:
    """Return the cache folder: ``$VPRO_LAB_CACHE``, else ``vpro-lab`` in the user's cache folder (XDG)."""
    chosen = os.environ.get("VPRO_LAB_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "vpro-lab"
