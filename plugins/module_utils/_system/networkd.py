# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd-networkd says of a link, and the settings that it manages it by, drop-ins included."""

from __future__ import annotations

import os
from typing import Dict, List, Tuple

from .errors import NotFound
from .files import list_folder, read_text

#: What it says of each link, by the interface's index, as lines NAME=value.
_LINKS = "run/systemd/netif/links"
#: Where drop-ins may be, for a file wherever it is itself, the first before the others (systemd.network(5)). A drop-in
#: hides those of the same name further on.
_FOLDERS = ("etc", "run", "usr/local/lib", "usr/lib")
_SIZE_MAX = 65536

#: Every value of each setting, by its section and name, in the order in which networkd takes them. It tells capital
#: letters from small ones.
Settings = Dict[Tuple[str, str], List[str]]


def read_link(ifindex: int, root: str = "/") -> Dict[str, str]:
    """Return what networkd says of a link: ``ADMIN_STATE``, ``NETWORK_FILE`` and others.

    Args:
        ifindex: the interface's index.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: it does not run, or knows no such link.
        AccessDenied, TransportFailed: what it says can't be read.
    """
    text = read_text(os.path.join(root, _LINKS, str(ifindex)), _SIZE_MAX)
    return dict(line.partition("=")[::2] for line in text.splitlines() if not line.startswith("#"))


def read_settings(file: str, root: str = "/", *, without: str = "") -> Settings:
    """Return the settings of one of networkd's files, with those of its drop-ins behind them.

    Python's own parser keeps the last of several settings of one name; for systemd, all of them count.

    Args:
        file: the file's path.
        root: the directory that stands for ``/``.
        without: the name of drop-ins that do not count.

    Raises:
        NotFound: the file is gone.
        AccessDenied, TransportFailed: a file or a folder can't be read.
    """
    found: Settings = {}
    drop_ins = (path for path in _drop_ins(root, os.path.basename(file)) if os.path.basename(path) != without)
    for path in (os.path.join(root, file.lstrip("/")), *drop_ins):
        section = ""
        for line in map(str.strip, read_text(path, _SIZE_MAX).splitlines()):
            if line.startswith("["):
                section = line.strip("[]")
            elif line and line[0] not in "#;":
                name, _sign, value = line.partition("=")
                found.setdefault((section, name.strip()), []).append(value.strip())
    return found


def _drop_ins(root: str, name: str) -> List[str]:
    """Return the paths of the drop-ins of a file, in the order in which networkd takes them: by their names.

    Raises:
        AccessDenied, TransportFailed: a folder of them can't be read.
    """
    found: Dict[str, str] = {}
    for folder in _FOLDERS:
        path = os.path.join(root, folder, "systemd/network", f"{name}.d")
        try:
            names = list_folder(path)
        except NotFound:
            continue
        for each in names:
            # One that is not there, such as a link to nothing, hides none.
            if each.endswith(".conf") and os.path.exists(os.path.join(path, each)):
                found.setdefault(each, os.path.join(path, each))
    return [found[each] for each in sorted(found)]
