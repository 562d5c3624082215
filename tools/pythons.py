# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print a search path on which every Python of this machine is found as ``python3.N``.

Tools that test on several Pythons look for them there: ``PATH="$(python tools/pythons.py)" tox``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path


def search_path() -> str:
    """Return the path to search: this environment, the Pythons that pyenv keeps, and the path as it is."""
    return os.pathsep.join([str(Path(sys.executable).parent), *pyenv_folders(), os.environ.get("PATH", os.defpath)])


def pyenv_folders() -> list[str]:
    """Return the folder of the newest ``python3.N`` of each N that pyenv keeps; its shims work for the chosen only."""
    if shutil.which("pyenv") is None:
        return []
    root = Path(subprocess.run(["pyenv", "root"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    newest: dict[int, tuple[int, Path]] = {}
    for folder in root.glob("versions/3.*/bin"):
        match = re.fullmatch(r"3\.(\d+)\.(\d+)", folder.parent.name)
        if match:
            minor, patch = int(match[1]), int(match[2])
            newest[minor] = max(newest.get(minor, (patch, folder)), (patch, folder))
    return [str(found[1]) for found in newest.values()]


if __name__ == "__main__":
    print(search_path())
