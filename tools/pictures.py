# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of what draws a picture of the documentation: write it, or only compare it with the one that is there."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def write_or_check(picture: str, path: Path, shows: str) -> int:
    """Write a picture, or with ``--check`` compare it; return the exit status.

    Args:
        picture: as it is now.
        path: where it belongs.
        shows: what it shows, after "is not".
    """
    parser = argparse.ArgumentParser(description=f"Draw {path.name}.")
    parser.add_argument("--check", action="store_true", help="only say whether the picture is up to date")
    if not parser.parse_args().check:
        path.parent.mkdir(exist_ok=True)
        path.write_text(picture, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != picture:
        print(f"{path.name} is not {shows}; run: make diagram", file=sys.stderr)
        return 1
    return 0
