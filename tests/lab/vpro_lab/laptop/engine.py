# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop with the engine: the real iwlmei over a management engine in software, in place of the stand-in."""

from __future__ import annotations

import shutil
import tempfile
import zipapp
from pathlib import Path
from typing import Dict, Optional

from ..paths import PACKAGE
from ..progress import Progress
from .control import Laptop
from .drivers import ensure_drivers, ensure_engine, kernel_version
from .radios import ENGINE, FIRMWARE


def install_engine(laptop: Laptop, progress: Progress, *, iwlmei: bool = True) -> None:
    """Give a laptop the engine and the drivers over it. Its radios go; the next that it gets are under the shim.

    Args:
        laptop: whose.
        progress: where to report, while things are built that the cache has not.
        iwlmei: whether iwlmei is among these drivers. Without it, the laptop has to get its own before it gets radios.

    Raises:
        LabError: something can't be built.
    """
    laptop.no_radios()
    if laptop.engine:  # its snapshot has all of it
        return
    laptop.engine = True
    files = [*ensure_drivers(laptop.image, progress).glob("iwlmei.ko")] if iwlmei else []
    files += ensure_engine(laptop.image, progress).glob("*.ko")
    laptop.guest.check(f"mkdir -p {ENGINE}")
    with tempfile.TemporaryDirectory() as name:
        laptop.send([*files, _firmware(Path(name))], ENGINE)


def running_iwlmei(laptop: Laptop) -> Dict[str, Optional[str]]:
    """Return which iwlmei a laptop runs.

    Returns:
        ``version`` of the source that it was built from, ``srcversion`` (None: the module has none, as Debian's kernels
        are configured), ``kernel`` that it runs in, and the module's ``sha256``.
    """
    release = laptop.guest.check("uname -r").strip()
    srcversion = laptop.guest.run("cat /sys/module/iwlmei/srcversion").out.strip()
    sha256 = laptop.guest.check(f"sha256sum {ENGINE}/iwlmei.ko").split()[0]
    return {
        "version": kernel_version(laptop.image),
        "srcversion": srcversion or None,
        "kernel": release,
        "sha256": sha256,
    }


def _firmware(folder: Path) -> Path:
    """Return the firmware as one file that Python runs."""
    source = folder / "source"
    shutil.copytree(PACKAGE / "engine", source / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "__main__.py").write_text("from engine.cli import main\n\nmain()\n", encoding="utf-8")
    archive = folder / Path(FIRMWARE).name
    zipapp.create_archive(source, archive)
    return archive
