# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cache keeps, for how long, and how something gets there whole."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

from .errors import LabError
from .paths import cache

#: What is under way gets its folder by this name.
UNDER_WAY = ".building-"
_DAY = 24 * 3600
#: How long the cache keeps what nobody uses, in seconds. What is under way takes an hour at most; later it is what a
#: killed process left.
KEPT_SECONDS = {
    **dict.fromkeys(("image-*", "modules-*", "payload-*", "accelerator-*"), 14 * _DAY),
    "snapshot-*": 3 * _DAY,
    f"{UNDER_WAY}*": _DAY / 4,
}
#: How many snapshots the cache keeps: those that were used last. One is a quarter of a gigabyte, each change of the
#: collection makes new ones, and the tests of one manager on one release use 16.
SNAPSHOTS_MAX = 24


def prune() -> None:
    """Remove from the cache what nobody used for :data:`KEPT_SECONDS`, and snapshots above :data:`SNAPSHOTS_MAX`."""
    for pattern, seconds in KEPT_SECONDS.items():
        for old in cache().glob(pattern):
            if time.time() - _used(old) > seconds:
                _remove(old)
    for old in sorted(cache().glob("snapshot-*"), key=_used, reverse=True)[SNAPSHOTS_MAX:]:
        _remove(old)


def _used(path: Path) -> float:
    """Return when it was last used; one that somebody else has just removed was never."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def work_folder() -> Iterator[Path]:
    """Give a folder in the cache for something that is under way. It goes at the end of the block."""
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=UNDER_WAY, dir=cache()) as work:
        yield Path(work)


def publish(files: List[Path], target: Path) -> None:
    """Copy *files* to the folder *target* so that nobody ever sees half of it.

    Raises:
        LabError: there is no room for them.
    """
    need_room(target.parent, sum(file.stat().st_size for file in files), target.name)
    partial = Path(tempfile.mkdtemp(prefix=UNDER_WAY, dir=target.parent))
    try:
        for file in files:
            shutil.copy(file, partial)
        partial.chmod(0o755)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def lock(target: Path) -> Iterator[None]:
    """Hold off other processes that want to build the same *target*."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / f".{target.name}.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def need_room(folder: Path, size: int, what: str) -> None:
    """See that the disk has room, before something is half-written.

    Args:
        folder: where it goes.
        size: what it takes, in bytes.
        what: what it is, for people.

    Raises:
        LabError: there is less.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise LabError(
            f"no room for {what}: it takes {size / 1e9:.1f} GB, and the disk of {folder} has {free / 1e9:.1f} GB left. "
            f"What the lab keeps is in {cache()}: all of it may be removed while no laptop runs"
        )
