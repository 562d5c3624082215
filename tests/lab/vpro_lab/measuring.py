# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of what measures: the common options, the laptop that it is about, and how the command ends."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Optional

from .errors import LabError
from .laptop.control import Laptop
from .laptop.image import DEFAULT_MANAGER, MANAGERS, SUITES
from .laptop.qemu import come_first, default_shift
from .play.snapshots import Kind, restored
from .progress import Progress


def parser(description: Optional[str]) -> argparse.ArgumentParser:
    """Return a parser of arguments that knows ``--suite``, ``--manager`` and ``--shift``."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--suite", choices=SUITES, default=os.environ.get("SUITE", SUITES[0]))
    made.add_argument("--manager", choices=list(MANAGERS), default=DEFAULT_MANAGER, help="who runs the radio")
    made.add_argument(
        "--shift", type=int, default=default_shift(), help="2^SHIFT ns an instruction (default: %(default)s)"
    )
    return made


def report_of(base: Path, options: argparse.Namespace) -> Path:
    """Return where the figures of a run go: each suite, manager and speed has its own."""
    return base.with_name(f"{base.name}-{options.suite}-{options.manager}-{2**options.shift}ns.json")


@contextmanager
def running(options: argparse.Namespace, progress: Progress, *, deployed: bool = False) -> Iterator[Laptop]:
    """Have a laptop that the options name, for as long as the block runs.

    Args:
        options: of :func:`parser`.
        progress: where to report.
        deployed: whether both roles were applied to it.

    Raises:
        LabError: it did not come up.
    """
    kind = Kind(options.suite, options.manager, deployed, options.shift)
    with tempfile.TemporaryDirectory(prefix="vpro-measuring-") as state:
        laptop = restored("laptop", Path(state) / "laptop", kind, progress)
        laptop.compile_archives(keep=False)
        try:
            yield laptop
        finally:
            laptop.down()


def run(main: Callable[[], int], name: str) -> None:
    """Run a command to its end, and leave with its exit status; what the lab can't do is told in a line."""
    come_first()
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
