# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures of a series of measurements, as the benchmarks report them."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Optional, Sequence


def spread(values: Sequence[Optional[float]]) -> Dict[str, Any]:
    """Return how many values there are (None does not count), and their median, smallest and largest."""
    known = [value for value in values if value is not None]
    if not known:
        return {"count": 0}
    return {"count": len(known), "median": statistics.median(known), "min": min(known), "max": max(known)}


def machine(shift: int) -> Dict[str, Any]:
    """Return what the measurements were made on: the laptop's speed, and the host."""
    return {"ns_per_instruction": 2**shift, "host": {"processors": os.cpu_count(), "system": platform.platform()}}


def write_report(path: Path, report: Dict[str, Any]) -> None:
    """Write a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, default=asdict) + "\n", encoding="utf-8")
