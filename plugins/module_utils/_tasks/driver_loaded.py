# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the drivers that are loaded are those that are installed, or the laptop has to be restarted for that."""

from __future__ import annotations

import os
from typing import Iterator, Optional, Tuple

from .._system.errors import TransportFailed
from .._system.files import read_bytes
from .._system.program import run
from .driver_recipe import DKMS_FOLDER, FOLDER, MODULES

#: The programs that unpack a module, by the end of its name. DKMS compresses its modules as the kernel's are.
_UNPACK = {"": None, ".xz": "xz", ".gz": "gzip", ".zst": "zstd"}
_SECONDS = 60


def is_loaded(module: str, root: str) -> bool:
    """Say whether a module is loaded."""
    return os.path.isdir(os.path.join(root, "sys/module", module))


def is_stale(release: str, root: str) -> bool:
    """Say whether iwlmei is loaded and its file is gone."""
    gone = not any(os.path.exists(path) for path, _program in _paths("iwlmei", release, root))
    return gone and is_loaded("iwlmei", root) and _find_own(release, root) is None


def is_older(release: str, root: str) -> bool:
    """Say whether a loaded driver is another one than that which is installed.

    The linker gives each module a number of its own (.note.gnu.build-id), which the kernel shows.

    Raises:
        NotFound, AccessDenied, TimedOut, TransportFailed: a module can't be read.
    """
    for module in MODULES:
        note = os.path.join(root, "sys/module", module, "notes/.note.gnu.build-id")
        try:
            with open(note, "rb") as shown:
                identity = shown.read()
        except OSError:  # it is not loaded, so the next one that is will be the installed one
            continue
        content = _content(module, release, root)
        if content is None or identity not in content:  # in check mode, it would only come
            return True
    return False


def _paths(module: str, release: str, root: str) -> Iterator[Tuple[str, Optional[str]]]:
    """Yield where a module can be, each with the program that unpacks it."""
    for folder in (FOLDER, DKMS_FOLDER):
        for suffix, program in _UNPACK.items():
            yield os.path.join(root, "lib/modules", release, folder, f"{module}.ko{suffix}"), program


def _content(module: str, release: str, root: str) -> Optional[bytes]:
    for path, program in _paths(module, release, root):
        if os.path.exists(path):
            if program is None:
                return read_bytes(path)
            done = run([program, "-dc", path], _SECONDS)
            if done.status:
                raise TransportFailed(f"{program} can't unpack the module", where=path)
            return done.out
    return None


def _find_own(release: str, root: str) -> Optional[str]:
    """Return the path of an iwlmei that the kernel brought."""
    for folder, _folders, files in os.walk(os.path.join(root, "lib/modules", release, "kernel/drivers/net/wireless")):
        for name in files:
            if name.split(".")[0] == "iwlmei":
                return os.path.join(folder, name)
    return None
