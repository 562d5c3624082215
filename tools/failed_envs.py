# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the environments that failed in a run of tox, as its option ``-e`` takes them; nothing where none is known.

The argument is what that run wrote by ``--result-json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def failed(report: Path) -> list[str]:
    """Return the names of the environments that failed, as a report tells; none without one."""
    if not report.exists():
        return []
    envs = json.loads(report.read_text(encoding="utf-8"))["testenvs"]
    return [name for name, env in envs.items() if not env.get("result", {"success": True})["success"]]


if __name__ == "__main__":
    print(",".join(failed(Path(sys.argv[1]))))
