# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The next kernel of a laptop, and holding it back until there is a package of drivers for it.

A distribution's package without a version in its name (Debian's ``linux-image-amd64``, Ubuntu's
``linux-image-generic``) depends on the newest kernel. As long as apt holds that one package, no kernel comes.
"""

from __future__ import annotations

import os
import re
from typing import Collection, Dict, FrozenSet, List, Optional, Sequence

from .._system.errors import TransportFailed
from .._system.files import read_text
from .._system.program import run

#: Which packages this module holds, one a line. Others are held by somebody else, and stay so.
_NOTE = "var/lib/vpro-iwlmei/held"
_KERNEL = re.compile(r"\blinux-image-([0-9][a-z0-9.+-]*)")
_SECONDS = 120


def followed(kernels: Collection[str]) -> Dict[str, Optional[str]]:
    """Return the packages that bring new kernels, each with the release of the kernel that it would bring now.

    That is None where apt does not know it.

    Args:
        kernels: the releases of the installed kernels.

    Raises:
        NotFound, TimedOut, TransportFailed: there is no dpkg or apt, or it could not be run.
    """
    shown = "${db:Status-Status}\t${Package}\t${Depends}\n"
    listed = run(["dpkg-query", "--show", f"--showformat={shown}", "linux-image-*"], _SECONDS).out.decode()
    found = {}
    for line in listed.splitlines():
        status, name, depends = [*line.split("\t"), "", ""][:3]
        if status == "installed" and _released(depends) in kernels:
            candidate = run(["apt-cache", "show", "--no-all-versions", name], _SECONDS).out.decode(errors="replace")
            line_of = re.search(r"^Depends:(.*)$", candidate, re.MULTILINE)
            found[name] = _released(line_of[1]) if line_of else None
    return found


def hold(names: Collection[str], *, check: bool, root: str = "/") -> bool:
    """Have apt hold these packages, and no other that this function has held before. Return whether that changes it.

    Args:
        names: what to hold.
        check: whether nothing is to be changed.
        root: the directory that stands for ``/``.

    Raises:
        NotFound, TimedOut, TransportFailed: apt-mark failed.
    """
    held = frozenset(run(["apt-mark", "showhold"], _SECONDS).out.decode().split())
    mine = _noted(root)
    coming, going = sorted(set(names) - held), sorted((mine - set(names)) & held)
    if not check:
        _mark("hold", coming)
        _mark("unhold", going)
        _note(sorted((mine | set(coming)) & set(names)), root)
    return bool(coming or going)


def _released(depends: str) -> Optional[str]:
    match = _KERNEL.search(depends)
    return match[1] if match else None


def _mark(what: str, names: Sequence[str]) -> None:
    if not names:
        return
    done = run(["apt-mark", what, *names], _SECONDS)
    if done.status:
        raise TransportFailed(f"apt-mark {what} failed: {done.err.decode(errors='replace').strip()}")


def _noted(root: str) -> FrozenSet[str]:
    path = os.path.join(root, _NOTE)
    return frozenset(read_text(path).split()) if os.path.exists(path) else frozenset()


def _note(names: List[str], root: str) -> None:
    path = os.path.join(root, _NOTE)
    if names:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as handle:
            handle.writelines(f"{name}\n" for name in names)
    elif os.path.exists(path):
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
