# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cache keeps, for how long, and how something gets there whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Iterator, List

from ..errors import LabError
from ..paths import cache

#: What is under way gets its folder by this name, and holds a lock on it (flock(2)).
UNDER_WAY = ".building-"
_DAY = 24 * 3600
#: How long the cache keeps what nobody uses, in seconds. Of what is under way it is the moment until the lock is held:
#: what nobody holds later is what a killed process left.
KEPT_SECONDS = {
    **dict.fromkeys(
        ("image-*", "modules-*", "payload-*", "accelerator-*", "source-*", "drivers-*", "engine-*", "failed-*"),
        14 * _DAY,
    ),
    "snapshot-*": 3 * _DAY,
    f"{UNDER_WAY}*": 60,
}
#: How many snapshots the cache keeps: those that were used last. One is a quarter of a gigabyte, each change of the
#: collection makes new ones, and the tests of one manager on one release use 16.
SNAPSHOTS_MAX = 24


def prune() -> None:
    """Remove from the cache what nobody used for :data:`KEPT_SECONDS`, and snapshots above :data:`SNAPSHOTS_MAX`."""
    now = time.time()
    for pattern, seconds in KEPT_SECONDS.items():
        for old in cache().glob(pattern):
            if now - _used(old) > seconds:
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
    """Remove something, unless somebody works on it, or has just begun to use it."""
    used = _used(path)
    guard = path
    if path.is_dir() and not path.name.startswith(UNDER_WAY):
        guard = _lock_of(path)
        guard.touch()
    with suppress(BlockingIOError, FileNotFoundError), _locked(guard, fcntl.LOCK_EX | fcntl.LOCK_NB):
        if _used(path) != used:
            return
        # Nobody ever sees half of it.
        gone = path.with_name(f"{UNDER_WAY}{path.name}-{os.getpid()}")
        path.rename(gone)
        if gone.is_dir():
            shutil.rmtree(gone, ignore_errors=True)
        else:
            gone.unlink()


@contextmanager
def work_folder() -> Iterator[Path]:
    """Give a folder in the cache for something that is under way. It goes at the end of the block."""
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=UNDER_WAY, dir=cache()) as name:
        work = Path(name)
        work.chmod(0o755)  # mmdebstrap's steps are those of other users, too
        with _locked(work, fcntl.LOCK_EX):
            yield work


def publish(files: List[Path], target: Path) -> None:
    """Put *files* into the folder *target* so that nobody ever sees half of it.

    Those on the disk of the cache take no room there for a second time.
    """
    with work_folder() as work:
        partial = work / "whole"
        partial.mkdir(mode=0o755)
        for file in files:
            try:
                os.link(file, partial / file.name)
            except OSError:
                shutil.copy(file, partial)
        partial.rename(target)


def hash_of(*parts: str) -> str:
    """Return the hash of texts, for the name of what is made from them."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def ensured(target: Path, make: Callable[[], object]) -> Path:
    """Return *target*, which was used now. *make* is called where there is none, and has to publish it."""
    with lock(target):
        if not target.exists():
            make()
        os.utime(target)
    return target


@contextmanager
def lock(target: Path) -> Iterator[None]:
    """Hold off other processes that want to build the same *target*, or to remove it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _lock_of(target).touch()
    with _locked(_lock_of(target), fcntl.LOCK_EX):
        yield


def _lock_of(target: Path) -> Path:
    return target.parent / f".{target.name}.lock"


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def need_room(folder: Path, size: int, what: str) -> None:
    """See that the disk has room, before something is half-written. What nobody uses any more goes first.

    Args:
        folder: where it goes.
        size: what it takes, in bytes.
        what: what it is, for people.

    Raises:
        LabError: there is less.
    """
    if shutil.disk_usage(folder).free >= size:
        return
    prune()
    free = shutil.disk_usage(folder).free
    if free >= size:
        return
    told = f"no room for {what}: it takes {size / 1e9:.1f} GB, and the disk of {folder} has {free / 1e9:.1f} GB left"
    if cache().exists() and cache().stat().st_dev == folder.stat().st_dev:
        told += f". What the lab keeps is in {cache()}: all of it may be removed while nothing of the lab runs"
    raise LabError(told)
