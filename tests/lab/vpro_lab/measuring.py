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
from .image import DEFAULT_MANAGER, MANAGERS, SUITES
from .laptop import Laptop, boot
from .progress import Progress


def parser(description: Optional[str]) -> argparse.ArgumentParser:
    """Return a parser of arguments that knows ``--suite`` and ``--manager``."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--suite", choices=SUITES, default=os.environ.get("SUITE", SUITES[0]))
    made.add_argument("--manager", choices=list(MANAGERS), default=DEFAULT_MANAGER, help="who runs the radio")
    return made


def report_of(base: Path, options: argparse.Namespace) -> Path:
    """Return where the figures of a run go: each suite and manager has its own."""
    return base.with_name(f"{base.name}-{options.suite}-{options.manager}.json")


@contextmanager
def booted(options: argparse.Namespace, progress: Progress) -> Iterator[Laptop]:
    """Boot the laptop that the options name, for as long as the block runs.

    Raises:
        LabError: it did not boot.
    """
    with tempfile.TemporaryDirectory(prefix="vpro-measuring-") as state:
        laptop = boot("laptop", Path(state) / "laptop", options.suite, progress, manager=options.manager)
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
