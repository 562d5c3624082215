# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of what measures: the common option, the laptop that is booted for it, and how the command ends."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Optional

from .errors import LabError
from .image import SUITES
from .laptop import Laptop, boot
from .progress import Progress


def parser(description: Optional[str]) -> argparse.ArgumentParser:
    """Return a parser of arguments that knows ``--suite``."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--suite", choices=SUITES, default=os.environ.get("SUITE", SUITES[0]))
    return made


@contextmanager
def booted(suite: str, progress: Progress) -> Iterator[Laptop]:
    """Boot a laptop for as long as the block runs.

    Raises:
        LabError: it did not boot.
    """
    with tempfile.TemporaryDirectory(prefix="vpro-measuring-") as state:
        laptop = boot("laptop", Path(state) / "laptop", suite, progress)
        try:
            yield laptop
        finally:
            laptop.down()


def run(main: Callable[[], int], name: str) -> None:
    """Run a command to its end, and leave with its exit status; what the lab can't do is told in a line."""
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
