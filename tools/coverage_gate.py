# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fail when the unit tests leave too much of ``plugins/module_utils`` out: of its statements, or of its branches.

coverage's own bound is one for both together, where many statements hide a branch that no test takes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HOUSE = "plugins/module_utils/"
#: Percent, of each.
WANTED = 95.0


def main(report: str) -> int:
    """Say how much is covered, by coverage's JSON *report*; return the exit status."""
    files = json.loads(Path(report).read_text(encoding="utf-8"))["files"]
    house = [file["summary"] for name, file in files.items() if name.startswith(HOUSE)]
    status = 0
    for what, covered, there in (
        ("statements", "covered_lines", "num_statements"),
        ("branches", "covered_branches", "num_branches"),
    ):
        done, total = (sum(summary[key] for summary in house) for key in (covered, there))
        percent = 100 * done / max(total, 1)
        short = percent < WANTED
        verdict = f"less than {WANTED:.0f} %" if short else "enough"
        print(f"coverage: {HOUSE}: {percent:.1f} % of {total} {what}: {verdict}")
        status |= short
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
